//! Everything that can be exported of ten million pages: how much memory that
//! takes.

use super::bulk::{export, fill};
use crate::Options;
use crate::subject::Job;
use crate::table::Targets;
use anyhow::Result;
use crawldeck::bus::Attempt;
use crawldeck::page::{FailureKind, Outcome, PageId, TextPrint, Verdict};
use crawldeck::store::Links;
use tempfile::TempDir;

/// Pages.
const PAGES: u32 = 10_000_000;
/// One in so many cannot be had.
const DEAD: u32 = 100;
/// So many in a row have one text.
const ALIKE: u32 = 3;
/// What is exported, and how.
const WHAT: [(&str, &str); 7] = [
    ("pages", "csv"),
    ("pages", "parquet"),
    ("sitemap", "xml"),
    ("degrees", "csv"),
    ("orphans", "csv"),
    ("dead-links", "csv"),
    ("duplicates", "csv"),
];

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let mut targets = Targets::default();
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let mut random = fastrand::Rng::with_seed(1);
    fill(dir.path(), &[("site", PAGES)], |commit, first| {
        let number = commit.page.0;
        let dead = number.is_multiple_of(DEAD);
        if dead {
            commit.verdict = Verdict::Final(Outcome::Failed(FailureKind::Status));
        }
        commit.attempt = Some(Attempt {
            at: 1_700_000_000_000 + u64::from(number),
            rung: "http".into(),
            status: Some(if dead { 404 } else { 200 }),
            kind: dead.then_some(FailureKind::Status),
            elapsed_ms: 10,
            bytes: 1000,
            detail: String::new(),
            picture: None,
        });
        commit.content = Some(TextPrint {
            exact: u64::from(number / ALIKE).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            near: random.u64(..),
        });
        commit.links = Some(Links {
            pages: vec![PageId(first + random.u32(0..PAGES))],
            rest: Vec::new(),
        });
    })?;
    let job = Job::of(dir.path(), "")?;
    for (what, format) in WHAT {
        let usage = export(&job, what, format, &[])?;
        let (seconds, peak) = (usage.wall.as_secs_f64(), usage.peak as f64 / 1e6);
        println!("{what} as {format}: {seconds:.1} s, {peak:.0} MB");
        let what = format!("memory of {what} of 10 million pages as {format}, MB");
        targets.at_most(&what, peak, 100.0);
    }
    Ok(targets)
}
