//! Three sites in one run: none stalls, and the deck costs next to nothing.

use crate::Options;
use crate::corpus::{CPPREFERENCE, OPENJDK, Package, RUST};
use crate::nginx::{Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::process::Usage;
use crate::rounds::{Player, Turn, play};
use crate::subject::{Job, Site, SiteStatus};
use crate::table::{self, Targets};
use crate::terminal::{Terminal, USUAL};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PACKAGES: [Package; 3] = [OPENJDK, RUST, CPPREFERENCE];

/// How often shares are looked at.
const SAMPLE: Duration = Duration::from_millis(200);

/// How often the end is looked for; the same for both programs, because each
/// look costs them some CPU.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let server = server()?;
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

/// The three sites, each on a host of its own.
pub(super) fn server() -> Result<Nginx> {
    let roots = PACKAGES
        .iter()
        .map(Package::root)
        .collect::<Result<Vec<PathBuf>>>()?;
    let hosts: Vec<Host<'_>> = roots.iter().map(|root| Host::local(root)).collect();
    Nginx::start(&hosts, false)
}

/// All of them in one run.
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
    rustix::fs::sync();
    let start = Instant::now();
    let mut terminal = Terminal::open(line, dir.path(), USUAL)?;
    terminal.drain()?;
    while !job.status()?.is_some_and(|sites| all_over(&sites)) {
        if terminal.is_over()? {
            bail!("the deck ended before its crawl");
        }
        sleep(LOOK);
    }
    // The second key answers a question, where quitting asks one.
    for key in ["q", "y"] {
        terminal.press(key)?;
        if terminal.ends_within(Duration::from_secs(5))? {
            break;
        }
    }
    if !terminal.is_over()? {
        terminal.kill()?;
        bail!("the deck did not quit on `q`");
    }
    let wall = start.elapsed();
    if terminal.end()? == 0 {
        bail!("the deck drew nothing");
    }
    let usage = Usage::read(&figures, wall)?;
    finish(&job, usage, server.cpu()?.saturating_sub(before))
}

/// Whether every site of a crawl has run to its end.
pub(super) fn all_over(sites: &[SiteStatus]) -> bool {
    !sites.is_empty() && sites.iter().all(|site| site.state == "finished")
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
