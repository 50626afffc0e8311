//! Three sites in one run: none stalls, and the deck costs next to nothing.

use crate::Options;
use crate::corpus::{CPPREFERENCE, OPENJDK, Package, RUST};
use crate::nginx::{Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::process::Usage;
use crate::rounds::{Player, Turn, play};
use crate::subject::{Job, Site, SiteStatus};
use crate::table::{self, Targets};
use anyhow::{Context, Result, bail};
use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(super) const PACKAGES: [Package; 3] = [OPENJDK, RUST, CPPREFERENCE];

/// How often shares are looked at.
const SAMPLE: Duration = Duration::from_millis(200);

/// How often the end is looked for; the same for both programs, because each
/// look costs them some CPU.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let roots = PACKAGES
        .iter()
        .map(Package::root)
        .collect::<Result<Vec<PathBuf>>>()?;
    let hosts: Vec<Host<'_>> = roots.iter().map(|root| Host::local(root)).collect();
    let server = Nginx::start(&hosts, false)?;
    let mut targets = Targets::default();

    shares(&server, &mut targets)?;

    let players: Vec<Player<'_>> = vec![
        ("headless", Box::new(|| headless_turn(&server))),
        ("deck", Box::new(|| deck_turn(&server))),
    ];
    let all = play(options.rounds, 1, players)?;
    table::print("three sites at once, concurrency 32 each", &all);
    if let [headless, deck] = &all[..] {
        let cost = (1.0 - deck.ratio(headless, |turn| turn.rate)) * 100.0;
        targets.at_most("throughput that the deck costs, %", cost, 3.0);
    }
    Ok(targets)
}

pub(super) fn job(server: &Nginx, dir: &TempDir) -> Result<Job> {
    let sites: Vec<Site> = PACKAGES
        .iter()
        .enumerate()
        .map(|(host, package)| Site {
            name: package.name.to_owned(),
            start: format!("http://127.0.0.1:{}{}", server.port(host), package.first),
            concurrency: CONCURRENCY,
            fields: false,
        })
        .collect();
    Job::new(dir.path(), &sites)
}

/// Samples every site's progress while it has something to fetch.
fn shares(server: &Nginx, targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(server, &dir)?;
    let mut tracks: HashMap<String, Track> = HashMap::new();
    job.run(&["--headless"]).measure_while(|child| {
        while child.try_wait()?.is_none() {
            for site in job.status()?.unwrap_or_default() {
                let track = tracks.entry(site.name.clone()).or_default();
                track.see(&site, Instant::now());
            }
            sleep(SAMPLE);
        }
        Ok(())
    })?;
    for package in PACKAGES {
        let track = tracks
            .get(package.name)
            .with_context(|| format!("status never named {}", package.name))?;
        println!(
            "{}: {} pages, seen at work for {:.1} s",
            package.name,
            track.over,
            track.worked.as_secs_f64()
        );
        targets.at_most(
            &format!("{}: longest time without a page, s", package.name),
            track.longest.as_secs_f64(),
            1.0,
        );
    }
    Ok(())
}

/// A site's progress as samples show it.
#[derive(Debug, Default)]
struct Track {
    over: u64,
    moved: Option<Instant>,
    worked: Duration,
    longest: Duration,
}

impl Track {
    fn see(&mut self, site: &SiteStatus, now: Instant) {
        let since = self.moved.map_or(Duration::ZERO, |moved| now - moved);
        if site.over > self.over || self.moved.is_none() {
            self.over = site.over;
            self.moved = Some(now);
            self.worked += since;
        }
        if site.waiting > 0 {
            self.longest = self.longest.max(since);
        }
    }
}

fn headless_turn(server: &Nginx) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(server, &dir)?;
    let before = server.cpu()?;
    let usage = job.run(&["--headless"]).measure_while(|child| {
        while child.try_wait()?.is_none() {
            job.status()?;
            sleep(LOOK);
        }
        Ok(())
    })?;
    finish(&job, usage, server.cpu()?.saturating_sub(before))
}

fn deck_turn(server: &Nginx) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(server, &dir)?;
    let before = server.cpu()?;
    let (line, figures) = job.run(&[]).under_time();
    let mut command = CommandBuilder::from_argv(line);
    command.cwd(dir.path());
    command.env("TERM", "xterm-256color");
    rustix::fs::sync();
    let start = Instant::now();
    let pty = native_pty_system().openpty(PtySize {
        rows: 40,
        cols: 120,
        pixel_width: 0,
        pixel_height: 0,
    })?;
    let mut child = pty.slave.spawn_command(command)?;
    drop(pty.slave);
    let mut output = pty.master.try_clone_reader()?;
    let reader = std::thread::spawn(move || {
        // Ends with an error when the terminal's last user has gone.
        let (mut drawn, mut block) = (0, [0; 65_536]);
        while let Ok(read @ 1..) = output.read(&mut block) {
            drawn += read;
        }
        drawn
    });
    let mut keys = pty.master.take_writer()?;

    while !job.status()?.is_some_and(|sites| all_over(&sites)) {
        if child.try_wait()?.is_some() {
            bail!("the deck ended before its crawl");
        }
        sleep(LOOK);
    }
    // The second key answers a question, where quitting asks one.
    for key in [b"q", b"y"] {
        keys.write_all(key)?;
        keys.flush()?;
        if ends_within(&mut *child, Duration::from_secs(5))? {
            break;
        }
    }
    if child.try_wait()?.is_none() {
        child.kill()?;
        bail!("the deck did not quit on `q`");
    }
    let wall = start.elapsed();
    drop(keys);
    drop(pty.master);
    let drawn = reader.join().unwrap_or(0);
    if drawn == 0 {
        bail!("the deck drew nothing");
    }
    let usage = Usage::read(&figures, wall)?;
    finish(&job, usage, server.cpu()?.saturating_sub(before))
}

fn all_over(sites: &[SiteStatus]) -> bool {
    !sites.is_empty() && sites.iter().all(|site| site.state == "finished")
}

fn ends_within(child: &mut (dyn Child + Send + Sync), limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        sleep(Duration::from_millis(20));
    }
    Ok(false)
}

/// The rate is that of the crawl itself, from its first page to its last: a
/// deck stays open when the crawl is over.
pub(super) fn finish(job: &Job, usage: Usage, server: Duration) -> Result<Turn> {
    let pages = job.pages()?;
    let times = || pages.iter().filter_map(|page| page.fetched);
    let first = times().fold(f64::INFINITY, f64::min);
    let last = times().fold(f64::NEG_INFINITY, f64::max);
    if last <= first {
        bail!("export gives no usable fetched_at");
    }
    let got = pages.iter().filter(|page| page.is_page()).count() as u64;
    Ok(Turn {
        pages: got,
        rate: got as f64 / (last - first),
        usage,
        server,
    })
}
