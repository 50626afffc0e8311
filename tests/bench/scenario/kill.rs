//! kill -9 at random instants, each followed by a resume: nothing is lost and
//! no record stands twice.

use super::{job, start, twice};
use crate::nginx::{Host, Nginx};
use crate::subject::Job;
use crate::table::Targets;
use crate::{Options, corpus};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Kills that must have hit a running crawl.
const KILLS: u32 = 30;

/// A life lasts at most this part of an undisturbed run, so that a crawl is
/// killed many times on its way.
const PART: u32 = 4;

/// What must be the same in the end.
#[derive(Debug)]
pub(super) struct End {
    pages: HashSet<String>,
    records: HashSet<String>,
    twice: Vec<String>,
}

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut random = fastrand::Rng::with_seed(seed);

    let dir = TempDir::with_prefix("crawl-bench-")?;
    let undisturbed = job(dir.path(), &start, true)?;
    let usage = undisturbed.run(&["--headless"]).measure()?;
    let expected = End::read(&undisturbed)?;
    println!(
        "undisturbed: {} pages, {} records, {:.2} s; seed {seed}",
        expected.pages.len(),
        expected.records.len(),
        usage.wall.as_secs_f64()
    );

    let mut targets = Targets::default();
    targets.none("undisturbed run: stands twice", &expected.twice);
    let longest = usage.wall / PART;
    let (mut kills, mut crawls) = (0, 0);
    while kills < KILLS {
        let dir = TempDir::with_prefix("crawl-bench-")?;
        let job = job(dir.path(), &start, true)?;
        let before = kills;
        while kills < KILLS && live_for(&job, longest.mul_f64(random.f64()))? {
            kills += 1;
        }
        job.run(&["--headless"]).measure()?;
        crawls += 1;
        let end = End::read(&job)?;
        println!("crawl {crawls}: killed {} times", kills - before);
        compare(crawls, &expected, &end, &mut targets);
    }
    println!("{kills} kills over {crawls} crawls");
    Ok(targets)
}

/// Runs the job for `life` and kills it; false if it ended before by itself.
fn live_for(job: &Job, life: Duration) -> Result<bool> {
    let program = job.run(&["--headless"]);
    let mut child = Command::new(&program.name)
        .args(&program.args)
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let end = Instant::now() + life;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("a resumed crawl ended with {status}");
            }
            return Ok(false);
        }
        sleep(left.min(Duration::from_millis(5)));
    }
    child.kill()?;
    // It may have ended by itself between the look and the kill.
    Ok(!child.wait()?.success())
}

pub(super) fn compare(crawl: u32, expected: &End, end: &End, targets: &mut Targets) {
    let mut none = |what: &str, found: Vec<String>| {
        targets.none(&format!("crawl {crawl}: {what}"), &found);
    };
    let less = |a: &HashSet<String>, b: &HashSet<String>| a.difference(b).cloned().collect();
    none("pages lost", less(&expected.pages, &end.pages));
    none("pages too many", less(&end.pages, &expected.pages));
    none("records lost", less(&expected.records, &end.records));
    none("records too many", less(&end.records, &expected.records));
    none("stands twice", end.twice.clone());
}

impl End {
    /// How many pages it has.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    pub(super) fn read(job: &Job) -> Result<Self> {
        let pages = job.pages()?;
        let records: Vec<(String, BTreeMap<String, Value>)> = job.records()?;
        let mut twice_of = twice(pages.iter().map(|page| &*page.url));
        twice_of.extend(twice(records.iter().map(|(url, _)| url.as_str())));
        Ok(Self {
            pages: pages
                .iter()
                .map(|page| {
                    let status = page.status.unwrap_or(0);
                    format!("{} {} {} {status}", page.url, page.outcome, page.reason)
                })
                .collect(),
            records: records
                .iter()
                .map(|(url, fields)| Ok(format!("{url} {}", serde_json::to_string(fields)?)))
                .collect::<Result<_>>()?,
            twice: twice_of,
        })
    }
}
