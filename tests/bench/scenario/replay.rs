//! How long the deck takes to open on the recording of a job.

use super::{job, start};
use crate::nginx::{Host, Nginx};
use crate::screen::Deck;
use crate::table::Targets;
use crate::terminal::USUAL;
use crate::{Options, corpus};
use anyhow::Result;
use std::ffi::OsString;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest of all turns may take this long.
const OPENS: Duration = Duration::from_millis(500);
/// Heads the table of sites.
const TABLE: &str = "DONE/KNOWN";

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(dir.path(), &start(&server, corpus::OPENJDK.first), true)?;
    job.run(&["--headless"]).measure()?;
    println!("{} pages", job.pages()?.len());

    let line = [env!("CARGO_BIN_EXE_crawldeck"), "replay", "job"].map(OsString::from);
    let mut longest = Duration::ZERO;
    for turn in 1..=options.rounds {
        let began = Instant::now();
        let deck = Deck::start(line.to_vec(), dir.path(), USUAL, None)?;
        let took = deck.wait(TABLE, true)?.saturating_duration_since(began);
        println!("turn {turn}: {:.3} s", took.as_secs_f64());
        longest = longest.max(took);
        deck.quit()?;
    }
    let mut targets = Targets::default();
    targets.at_most(
        "from the command to the first picture, s",
        longest.as_secs_f64(),
        OPENS.as_secs_f64(),
    );
    Ok(targets)
}
