//! Documentation got by the headless browser: pages a second, and what the
//! engine and all processes of the browser take of memory together: their
//! proportional shares (PSS), so that what they share counts once.

use crate::Options;
use crate::corpus;
use crate::nginx::{Host, Nginx};
use crate::rounds::{Player, Turn, play};
use crate::subject::Job;
use crate::table::{self, Targets};
use anyhow::{Result, bail};
use crawldeck::fetch::browser::memory_of_tree;
use std::cell::Cell;
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// Tabs.
const TABS: u32 = 4;
/// Pages of a turn, unless the options say otherwise.
const PAGES: u64 = 400;
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(500);

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let pages = options.max_pages.unwrap_or(PAGES);
    let most = Cell::new(0);
    let players: Vec<Player<'_>> = vec![("four tabs", Box::new(|| turn(&server, pages, &most)))];
    let all = play(options.rounds, 0, players)?;
    table::print("documentation by the headless browser", &all);
    let mut targets = Targets::default();
    let rate = all[0].median(|turn| turn.rate);
    targets.at_least("pages a second", rate, 8.0);
    let memory = most.get() as f64 / 1e6;
    targets.at_most("memory of all processes together (PSS), MB", memory, 600.0);
    Ok(targets)
}

fn turn(server: &Nginx, pages: u64, most: &Cell<u64>) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let start = format!(
        "http://127.0.0.1:{}{}",
        server.port(0),
        corpus::OPENJDK.first
    );
    let job = Job::of(
        dir.path(),
        &format!(
            "site: docs\nstart: {start}\ndiscover: {{ sitemap: off }}\n\
             fetch: {{ via: [browser], concurrency: {TABS} }}\n"
        ),
    )?;
    let limit = pages.to_string();
    let before = server.cpu()?;
    let usage = job
        .run(&["--headless", "--max-pages", &limit])
        .measure_while(|child| {
            while child.try_wait()?.is_none() {
                most.set(most.get().max(memory_of_tree(child.id()).unwrap_or(0)));
                sleep(LOOK);
            }
            Ok(())
        })?;
    let got = job.got()?;
    // A redirect and a picture are pages of the limit, and none that is measured.
    if got * 10 < pages * 9 {
        bail!("{got} of {pages} pages were got");
    }
    Ok(Turn::whole(
        got,
        usage,
        server.cpu()?.saturating_sub(before),
    ))
}
