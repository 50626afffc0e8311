//! A corpus that has not changed, crawled again, against its first crawl.

use super::{job, start, turn};
use crate::nginx::{Host, Nginx};
use crate::rounds::{Player, Turn, play};
use crate::table::{self, Targets};
use crate::{Options, corpus};
use anyhow::Result;
use tempfile::TempDir;

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    let again = TempDir::with_prefix("crawl-bench-")?;
    let known = job(again.path(), &start, true)?;
    known.run(&["--headless"]).measure()?;
    let players: Vec<Player<'_>> = vec![
        (
            "first crawl",
            Box::new(|| {
                let dir = TempDir::with_prefix("crawl-bench-")?;
                let job = job(dir.path(), &start, true)?;
                turn(&server, &job.run(&["--headless"]), || job.got())
            }),
        ),
        (
            "--refresh",
            Box::new(|| {
                let program = known.run(&["--headless", "--refresh"]);
                turn(&server, &program, || known.got())
            }),
        ),
    ];
    let all = play(options.rounds, 1, players)?;
    table::print(
        "openjdk-17-doc unchanged, three fields, concurrency 32",
        &all,
    );
    let mut targets = Targets::default();
    if let [first, again] = &all[..] {
        let ratio = again.ratio(first, |turn| turn.rate);
        targets.at_least("pages/s, × the first crawl", ratio, 1.5);
        let ratio = again.ratio(first, Turn::cpu_ms);
        targets.at_most("CPU a page, × the first crawl", ratio, 0.7);
    }
    Ok(targets)
}
