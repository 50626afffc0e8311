//! Terminals on a running crawl: ten attached ones, of which one has stopped
//! reading, and a deck whose terminal does not read at all or goes away.

use super::three::{PACKAGES, job};
use crate::Options;
use crate::corpus::Package;
use crate::nginx::{Host, Nginx};
use crate::process::Usage;
use crate::rounds::{Player, Series, Turn, play};
use crate::subject::{Job, SiteStatus};
use crate::table::{self, Targets};
use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::Read;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Attached terminals; the first of them never reads.
const TERMINALS: usize = 10;
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(250);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let roots = PACKAGES
        .iter()
        .map(Package::root)
        .collect::<Result<Vec<PathBuf>>>()?;
    let hosts: Vec<Host<'_>> = roots.iter().map(|root| Host::local(root)).collect();
    let server = Nginx::start(&hosts, false)?;
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
            attached.push(Terminal::open(&job, &["attach", "job"], n > 0)?);
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
    let mut terminal = Terminal::open(&job, &["run", "sites.yaml", "--dir", "job"], false)?;
    while job.status()?.is_none() {
        sleep(LOOK);
    }
    if close {
        terminal.close();
    }
    let done = |sites: &[SiteStatus]| {
        !sites.is_empty() && sites.iter().all(|site| site.state == "finished")
    };
    while !job.status()?.is_some_and(|sites| done(&sites)) {
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

/// A program of ours in a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    reader: Option<std::thread::JoinHandle<usize>>,
}

impl Terminal {
    fn open(job: &Job, args: &[&str], reads: bool) -> Result<Self> {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_crawldeck"));
        command.args(args);
        command.cwd(job.dir());
        command.env("TERM", "xterm-256color");
        let pty = native_pty_system().openpty(PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let child = pty.slave.spawn_command(command)?;
        drop(pty.slave);
        let reader = if reads {
            let mut output = pty.master.try_clone_reader()?;
            Some(std::thread::spawn(move || {
                let (mut drawn, mut block) = (0, [0; 65_536]);
                while let Ok(read @ 1..) = output.read(&mut block) {
                    drawn += read;
                }
                drawn
            }))
        } else {
            None
        };
        Ok(Self {
            child,
            master: Some(pty.master),
            reader,
        })
    }

    /// Hangs up.
    fn close(&mut self) {
        self.master = None;
    }

    /// Ends it; answers the bytes it drew.
    fn end(mut self) -> Result<usize> {
        self.master = None;
        // It may have noticed the hang-up already.
        let _ = self.child.kill();
        self.child.wait().context("waiting for a deck")?;
        let drawn = self.reader.take().map(|reader| reader.join().unwrap_or(0));
        Ok(drawn.unwrap_or(0))
    }
}
