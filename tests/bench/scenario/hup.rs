//! Terminals that go away, a hundred times at random instants: by SIGHUP, by a
//! closed pseudo-terminal, by a killed client. The crawl's result is the same as
//! undisturbed; and what is left behind costs nothing.

use super::kill::{End, compare};
use super::three::all_over;
use super::{job, start};
use crate::nginx::{Host, Nginx};
use crate::screen::{self, Deck};
use crate::subject::{Job, Site};
use crate::table::Targets;
use crate::terminal::{Terminal, USUAL};
use crate::{Options, corpus, endless};
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Terminals that must have gone while a crawl ran.
const GONE: u32 = 100;
/// Longest time between two of them.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a crawl may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// What is left behind may take this long to go.
const GOES: Duration = Duration::from_secs(1);
/// How long CPU time is counted.
const WINDOW: Duration = Duration::from_secs(5);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let undisturbed = job(dir.path(), &start, true)?;
    undisturbed.run(&["--headless"]).measure()?;
    let expected = End::read(&undisturbed)?;
    println!("undisturbed: {} pages; seed {seed}", expected.pages());

    let mut targets = Targets::default();
    let (mut gone, mut crawls) = (0, 0);
    while gone < GONE {
        let dir = TempDir::with_prefix("crawl-bench-")?;
        let job = job(dir.path(), &start, true)?;
        let now = disturbed(&job, GONE - gone, &mut random)?;
        crawls += 1;
        println!("crawl {crawls}: {now} terminals went");
        compare(crawls, &expected, &End::read(&job)?, &mut targets);
        if now == 0 {
            bail!("a crawl was over before any terminal could go");
        }
        gone += now;
    }
    println!("{gone} terminals over {crawls} crawls");
    left_behind(&mut targets)?;
    Ok(targets)
}

/// How a terminal goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    HangUp,
    Signal,
    Kill,
}

/// A crawl to its end, at most so many of whose terminals go; answers how many.
fn disturbed(job: &Job, most: u32, random: &mut fastrand::Rng) -> Result<u32> {
    let own = job.run(&[]);
    let mut line = vec![own.name.into()];
    line.extend(own.args);
    let mut engine = Terminal::open(line, job.dir(), USUAL)?;
    engine.drain()?;
    while job.status()?.is_none() {
        sleep(Duration::from_millis(10));
    }
    // The run's own terminal is the first to go; the engine itself is not killed.
    pause(random);
    match random.bool() {
        true => engine.hang_up(),
        false => signal(engine.id()?, "HUP")?,
    }
    let began = Instant::now();
    let mut gone = 1;
    while !job.status()?.is_some_and(|sites| all_over(&sites)) {
        if began.elapsed() > PATIENCE {
            bail!("a crawl whose terminals go never ended");
        }
        if engine.is_over()? {
            bail!("an engine ended with its terminal, after {gone} had gone");
        }
        if gone < most {
            let way = *random
                .choice(&[Way::HangUp, Way::Signal, Way::Kill])
                .unwrap_or(&Way::Kill);
            gone += u32::from(client(job, way, random)?);
        } else {
            sleep(Duration::from_millis(100));
        }
    }
    // An engine that outlives its deck waits for an operator.
    job.ctl(&["stop-now"])?;
    if !engine.ends_within(Duration::from_secs(60))? {
        bail!("the engine did not end");
    }
    Ok(gone)
}

/// Attaches, and goes in this way after a moment; answers whether it was there.
fn client(job: &Job, way: Way, random: &mut fastrand::Rng) -> Result<bool> {
    let line = [env!("CARGO_BIN_EXE_crawldeck"), "attach", "job"].map(OsString::from);
    let mut client = Terminal::open(line.to_vec(), job.dir(), USUAL)?;
    client.drain()?;
    pause(random);
    if client.is_over()? {
        // It found no engine any more.
        return Ok(false);
    }
    match way {
        Way::HangUp => client.hang_up(),
        Way::Signal => signal(client.id()?, "HUP")?,
        Way::Kill => client.kill()?,
    }
    if !client.ends_within(Duration::from_secs(60))? {
        bail!("a client stayed after {way:?}");
    }
    Ok(true)
}

fn pause(random: &mut fastrand::Rng) {
    sleep(PAUSE.mul_f64(random.f64()));
}

fn signal(process: u32, name: &str) -> Result<()> {
    let status = std::process::Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status()?;
    if !status.success() {
        bail!("kill -{name} {process} ended with {status}");
    }
    Ok(())
}

/// What a deck and a client cost after their terminals have gone.
fn left_behind(targets: &mut Targets) -> Result<()> {
    let port = endless::serve()?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let site = Site {
        name: "site".to_owned(),
        start: format!("http://127.1.0.1:{port}/"),
        concurrency: 8,
        fields: false,
    };
    let job = Job::new(dir.path(), &[site])?;
    let own = job.run(&[]);
    let mut line = vec![own.name.into()];
    line.extend(own.args);
    let deck = Deck::start(line, dir.path(), USUAL, None)?;
    deck.wait("running", true)?;
    let attach = [env!("CARGO_BIN_EXE_crawldeck"), "attach", "job"].map(OsString::from);
    let client = Deck::start(attach.to_vec(), dir.path(), USUAL, None)?;
    client.wait("running", true)?;
    deck.press("P")?;
    client.wait("Paused.", true)?;
    // What is still counted then is none of the crawl's.
    sleep(Duration::from_secs(12));

    let began = Instant::now();
    let mut client = client.hang_up()?;
    let ends = client.ends_within(Duration::from_secs(30))?;
    targets.at_most(
        "client without a terminal is gone after, s",
        if ends {
            began.elapsed().as_secs_f64()
        } else {
            f64::INFINITY
        },
        GOES.as_secs_f64(),
    );

    let mut engine = deck.hang_up()?;
    sleep(GOES);
    let process = engine.id()?;
    let (deck_before, before) = screen::cpu(process)?;
    sleep(WINDOW);
    let (deck_after, after) = screen::cpu(process)?;
    let part = |spent: Duration| spent.as_secs_f64() / WINDOW.as_secs_f64() * 100.0;
    targets.at_most(
        "1 s after the hang-up: deck's threads, % of a core",
        part(deck_after.saturating_sub(deck_before)),
        0.0,
    );
    targets.at_most(
        "1 s after the hang-up: the process of a paused crawl, % of a core",
        part(after.saturating_sub(before)),
        1.0,
    );
    job.ctl(&["stop-now"])?;
    if !engine.ends_within(Duration::from_secs(60))? {
        bail!("the engine did not end");
    }
    Ok(())
}
