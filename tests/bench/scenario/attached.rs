//! Terminals on a running crawl: ten attached ones, of which one has stopped
//! reading, and a deck whose terminal does not read at all or goes away.

use super::three::{all_over, job};
use crate::Options;
use crate::nginx::Nginx;
use crate::process::Usage;
use crate::rounds::{Player, Series, Turn, play};
use crate::subject::Job;
use crate::table::{self, Targets};
use crate::terminal::{Terminal, USUAL};
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Attached terminals; the first of them never reads.
const TERMINALS: usize = 10;
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let server = super::three::server()?;
    let mut targets = Targets::default();
    let players: Vec<Player<'_>> = vec![
        ("headless", Box::new(|| turn(&server, 0))),
        ("ten attached", Box::new(|| turn(&server, TERMINALS))),
        ("deck, nobody reads", Box::new(|| unread(&server, false))),
        ("deck, closed", Box::new(|| unread(&server, true))),
    ];
    let all = play(options.rounds, 1, players)?;
    table::print("three sites at once, under terminals", &all);
    if let [headless, attached, unread, closed] = &all[..] {
        let cost = |player: &Series| (1.0 - player.ratio(headless, |turn| turn.rate)) * 100.0;
        // What is smaller than this is noise: more `--rounds` make it smaller.
        for player in [attached, unread, closed] {
            let error = player.error(headless, |turn| turn.rate) * 100.0;
            println!("{}: {:.2} % ± {error:.2} %", player.name, cost(player));
        }
        targets.at_most("throughput that ten terminals cost, %", cost(attached), 3.0);
        targets.at_most(
            "that a terminal costs that does not read, %",
            cost(unread),
            1.0,
        );
        targets.at_most("that a terminal costs that is closed, %", cost(closed), 1.0);
    }
    Ok(targets)
}

/// A headless crawl with so many terminals attached to it.
fn turn(server: &Nginx, terminals: usize) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(server, &dir)?;
    let before = server.cpu()?;
    let usage = job.run(&["--headless"]).measure_while(|child| {
        while job.status()?.is_none() {
            sleep(LOOK);
        }
        let mut attached = Vec::new();
        for n in 0..terminals {
            attached.push(open(&job, &["attach", "job"], n > 0)?);
        }
        while child.try_wait()?.is_none() {
            sleep(LOOK);
        }
        for (n, terminal) in attached.into_iter().enumerate() {
            let drawn = terminal.end()?;
            if n > 0 && drawn == 0 {
                bail!("an attached deck drew nothing");
            }
        }
        Ok(())
    })?;
    super::three::finish(&job, usage, server.cpu()?.saturating_sub(before))
}

/// A crawl under a deck whose terminal is never read, or is closed at once.
fn unread(server: &Nginx, close: bool) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(server, &dir)?;
    let before = server.cpu()?;
    let start = Instant::now();
    let mut terminal = open(&job, &["run", "sites.yaml", "--dir", "job"], false)?;
    while job.status()?.is_none() {
        sleep(LOOK);
    }
    if close {
        terminal.hang_up();
    }
    while !job.status()?.is_some_and(|sites| all_over(&sites)) {
        if start.elapsed() > Duration::from_secs(300) {
            bail!("the crawl under a dead terminal never ended");
        }
        sleep(LOOK);
    }
    let wall = start.elapsed();
    terminal.end()?;
    // An engine that outlives its deck waits for an operator.
    job.ctl(&["stop-now"])?;
    let usage = Usage {
        wall,
        cpu: Duration::ZERO,
        peak: 0,
    };
    super::three::finish(&job, usage, server.cpu()?.saturating_sub(before))
}

/// Opens `crawldeck` on a terminal of its own, which is read or is not.
fn open(job: &Job, args: &[&str], reads: bool) -> Result<Terminal> {
    let mut line = vec![OsString::from(env!("CARGO_BIN_EXE_crawldeck"))];
    line.extend(args.iter().map(Into::into));
    let mut terminal = Terminal::open(line, job.dir(), USUAL)?;
    if reads {
        terminal.drain()?;
    }
    Ok(terminal)
}
