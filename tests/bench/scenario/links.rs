//! Links only: all that wget2 gets, none twice, faster.

use super::{job, pages_of_wget2, start, subject_turn, targets_of, turn, twice};
use crate::nginx::{self, Host, Nginx};
use crate::rounds::{Player, Turn, play};
use crate::table::{self, Targets};
use crate::{Options, corpus, peers};
use anyhow::Result;
use std::collections::HashSet;
use std::path::Path;
use tempfile::TempDir;

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let mut targets = Targets::default();
    let root = corpus::OPENJDK.root()?;
    let first = corpus::OPENJDK.first;
    let expected = pages_of_wget2(&root, first)?;
    eprintln!("wget2 gets {} HTML pages", expected.len());
    if !options.peers {
        compare_sets(&root, first, &expected, &mut targets)?;
    }

    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, first);
    let mut players: Vec<Player<'_>> = vec![(
        "wget2",
        Box::new(|| {
            let dir = TempDir::with_prefix("crawl-bench-")?;
            turn(&server, &peers::wget2(&start, dir.path())?, || {
                Ok(expected.len() as u64)
            })
        }),
    )];
    if !options.peers {
        players.push((
            "crawldeck",
            Box::new(|| subject_turn(&server, &start, false, &[])),
        ));
    }
    let all = play(options.rounds, 1, players)?;
    table::print("openjdk-17-doc, links only, concurrency 32", &all);
    if let [wget2, subject] = &all[..] {
        let ratio = subject.ratio(wget2, |turn| turn.rate);
        targets.at_least("pages/s, × wget2", ratio, 1.3);
        targets.at_most("CPU ms a page", subject.median(Turn::cpu_ms), 0.40);
        targets.at_most("peak memory, MB", subject.median(Turn::peak_mb), 120.0);
    }
    Ok(targets)
}

/// What the server handed out and what the store says, against wget2's pages.
fn compare_sets(
    root: &Path,
    first: &str,
    expected: &HashSet<String>,
    targets: &mut Targets,
) -> Result<()> {
    let server = Nginx::start(&[Host::local(root)], true)?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(dir.path(), &start(&server, first), false)?;
    job.run(&["--headless"]).measure()?;
    let stored = job.pages()?;
    let hits = server.into_hits()?;
    let (_, asked_twice) = nginx::pages(&hits);
    let asked_twice: Vec<String> = asked_twice.into_iter().map(str::to_owned).collect();
    let got = targets_of(&stored)?;
    let missing: Vec<String> = expected.difference(&got).cloned().collect();
    targets.none("pages of wget2 that the store lacks", &missing);
    targets.none("pages asked for twice", &asked_twice);
    targets.none(
        "pages stored twice",
        &twice(stored.iter().map(|page| &*page.url)),
    );
    Ok(())
}
