//! What the deck costs and how quickly it answers, over crawls without end.

use crate::Options;
use crate::screen::Deck;
use crate::subject::{Job, Site};
use crate::table::Targets;
use crate::{endless, failures};
use anyhow::Result;
use crawldeck::tui::measure::{self, Action, Crawl, Place};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Keys pressed for one figure.
const KEYS: u32 = 300;
/// The same on a line of 9,600 baud.
const SLOW_KEYS: u32 = 20;
/// How long bytes and CPU time are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Heads the help, which a key opens and closes.
const HELP: &str = "esc closes";

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let port = endless::serve()?;
    let mut targets = Targets::default();
    frames(port, &mut targets)?;
    one_site(port, &mut targets)?;
    thousand_sites(port, &mut targets)?;
    slow_line(port, &mut targets)?;
    Ok(targets)
}

fn job(port: u16, sites: u16, concurrency: u32, dir: &TempDir) -> Result<Job> {
    let sites: Vec<Site> = (0..sites)
        .map(|n| Site {
            name: format!("site-{n:04}"),
            // All of 127.0.0.0/8 is loopback on Linux.
            start: format!("http://127.1.{}.{}:{port}/", n / 250, n % 250 + 1),
            concurrency,
            fields: false,
        })
        .collect();
    Job::new(dir.path(), &sites)
}

fn open(job: &Job, dir: &TempDir, size: (u16, u16), rate: Option<u32>) -> Result<Deck> {
    let program = job.run(&[]);
    let mut line = vec![program.name.into()];
    line.extend(program.args);
    let deck = Deck::start(line, dir.path(), size, rate)?;
    deck.wait("running", true)?;
    Ok(deck)
}

/// Bytes a second, and what part of a core the deck's threads and the whole
/// process take, percent.
fn costs(deck: &Deck) -> Result<(f64, f64, f64)> {
    let (bytes, (own, whole), began) = (deck.bytes(), deck.cpu()?, Instant::now());
    sleep(WINDOW);
    let seconds = began.elapsed().as_secs_f64();
    let (own_after, whole_after) = deck.cpu()?;
    println!("  {}", deck.header());
    let part = |spent: Duration| spent.as_secs_f64() / seconds * 100.0;
    Ok((
        (deck.bytes() - bytes) as f64 / seconds,
        part(own_after.saturating_sub(own)),
        part(whole_after.saturating_sub(whole)),
    ))
}

fn one_site(port: u16, targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(port, 1, 64, &dir)?;
    let deck = open(&job, &dir, (80, 24), None)?;
    sleep(Duration::from_secs(2));
    let (bytes, own, whole) = costs(&deck)?;
    println!("one site, 80x24, dashboard: {bytes:.0} B/s, deck {own:.2} %, process {whole:.0} %");
    targets.at_most("80x24 during a crawl, dashboard, KB/s", bytes / 1e3, 5.0);
    targets.at_most("deck's threads during a crawl, % of a core", own, 1.0);
    targets.at_most(
        "key to bytes at 80x24, p99, ms",
        presses(&deck, KEYS, 40)?,
        16.0,
    );
    deck.press("\r")?;
    deck.wait("> site", true)?;
    let (bytes, own, _) = costs(&deck)?;
    println!("one site, 80x24, its workers: {bytes:.0} B/s, deck {own:.2} %");
    targets.at_most("80x24 during a crawl, one site, KB/s", bytes / 1e3, 5.0);
    deck.press("P")?;
    deck.wait("Paused.", true)?;
    // The rates of the last ten seconds have to come down.
    sleep(Duration::from_secs(15));
    let (bytes, own, whole) = costs(&deck)?;
    println!("at rest: {bytes:.0} B/s, deck {own:.2} %, process {whole:.2} %");
    targets.at_most("at rest, B/s", bytes, 0.0);
    targets.at_most("deck's threads at rest, % of a core", own, 0.1);
    deck.quit()
}

fn thousand_sites(port: u16, targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(port, 1_000, 2, &dir)?;
    let deck = open(&job, &dir, (200, 60), None)?;
    sleep(Duration::from_secs(3));
    let (bytes, own, whole) = costs(&deck)?;
    println!("1,000 sites, 200x60: {bytes:.0} B/s, deck {own:.2} %, process {whole:.0} %");
    let p99 = presses(&deck, KEYS, 40)?;
    targets.at_most("key to bytes, 1,000 sites at 200x60, p99, ms", p99, 16.0);
    deck.quit()?;
    Ok(())
}

/// Frames over 1,000 sites and a store of 100,000 failures.
fn frames(port: u16, targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let questions = failures::make(&job(port, 1, 1, &dir)?, dir.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    for (name, places) in [
        ("sites", &[Action::Goto(Place::Sites)][..]),
        ("failures", &[Action::Goto(Place::Failures)]),
        (
            "failed pages",
            &[Action::Goto(Place::Failures), Action::Enter],
        ),
    ] {
        let made = measure::frames(
            &Crawl {
                sites: 1_000,
                failures: failures::COUNT,
                size: (200, 60),
            },
            places,
            1_000,
            |ask| runtime.block_on(questions.ask(ask)),
        );
        // The first paint everything, the rest what moved.
        let mut times: Vec<Duration> = made.iter().skip(2).map(|(time, _)| *time).collect();
        let bytes: usize = made.iter().skip(2).map(|(_, bytes)| *bytes).sum();
        let p50 = worst(&mut times, 50);
        let p99 = worst(&mut times, 99);
        println!(
            "a frame of {name} at 200x60: {p50:.2} ms (median), {p99:.2} ms (p99), {} bytes",
            bytes / times.len().max(1)
        );
        targets.at_most(
            &format!("frame of {name}, 1,000 sites, 100,000 failures, 200x60, p99, ms"),
            p99,
            2.0,
        );
    }
    Ok(())
}

fn slow_line(port: u16, targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(port, 3, 16, &dir)?;
    let deck = open(&job, &dir, (80, 24), Some(960))?;
    sleep(Duration::from_secs(20));
    let (bytes, ..) = costs(&deck)?;
    println!("9,600 baud: {bytes:.0} B/s of 960");
    let mut times = Vec::new();
    for n in 0..SLOW_KEYS {
        // Begins to filter, or gives it up: while it lasts news come in.
        let began = Instant::now();
        deck.press(if n % 2 == 0 { "/" } else { "\x1b" })?;
        let seen = deck.wait("enter keeps", n % 2 == 0)?;
        times.push(seen.saturating_duration_since(began));
        sleep(Duration::from_millis(1_900));
    }
    targets.at_most(
        "key to bytes at 9,600 baud, slowest, ms",
        worst(&mut times, 100),
        1_000.0,
    );
    deck.quit()
}

/// Opens and closes the help; the 99th percentile of the times to the bytes that
/// show it, milliseconds.
fn presses(deck: &Deck, keys: u32, pause: u64) -> Result<f64> {
    let mut times = Vec::new();
    for n in 0..keys {
        let began = Instant::now();
        deck.press("?")?;
        let seen = deck.wait(HELP, n % 2 == 0)?;
        times.push(seen.saturating_duration_since(began));
        // Not in step with any clock of the deck's.
        sleep(Duration::from_millis(pause + u64::from(n * 7 % 31)));
    }
    if keys % 2 == 1 {
        deck.press("?")?;
    }
    let p50 = worst(&mut times.clone(), 50);
    let p99 = worst(&mut times, 99);
    println!("{keys} keys: {p50:.1} ms (median), {p99:.1} ms (p99)");
    Ok(p99)
}

fn worst(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}
