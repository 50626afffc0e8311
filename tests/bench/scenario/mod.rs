//! One file a scenario.

pub mod attached;
pub mod browser;
pub mod bulk;
pub mod deck;
pub mod extract;
pub mod fields;
pub mod frontier;
pub mod hup;
pub mod kill;
pub mod ladder;
pub mod links;
pub mod many;
pub mod order;
pub mod pages;
pub mod pass;
pub mod refresh;
pub mod replay;
pub mod three;

use crate::nginx::{self, Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::process::Program;
use crate::rounds::Turn;
use crate::subject::{Job, Page, Site};
use anyhow::Result;
use std::collections::HashSet;
use std::path::Path;
use tempfile::TempDir;

/// The start URL on the server's first host.
fn start(server: &Nginx, first: &str) -> String {
    format!("http://127.0.0.1:{}{first}", server.port(0))
}

/// A job of one site.
fn job(dir: &Path, start: &str, fields: bool) -> Result<Job> {
    let site = Site {
        name: "site".to_owned(),
        start: start.to_owned(),
        concurrency: CONCURRENCY,
        fields,
    };
    Job::new(dir, &[site])
}

/// Lets `program` take a turn; `pages` counts its HTML pages afterwards.
fn turn(server: &Nginx, program: &Program, pages: impl FnOnce() -> Result<u64>) -> Result<Turn> {
    let before = server.cpu()?;
    let usage = program.measure()?;
    let spent = server.cpu()?.saturating_sub(before);
    Ok(Turn::whole(pages()?, usage, spent))
}

/// One turn of crawldeck in a fresh folder, its pages counted from its export.
fn subject_turn(server: &Nginx, start: &str, fields: bool, flags: &[&str]) -> Result<Turn> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let job = job(dir.path(), start, fields)?;
    let mut all = vec!["--headless"];
    all.extend(flags);
    turn(server, &job.run(&all), || job.got())
}

/// The pages that wget2 gets, by the server's own log.
fn pages_of_wget2(root: &Path, first: &str) -> Result<HashSet<String>> {
    let server = Nginx::start(&[Host::local(root)], true)?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    crate::peers::wget2(&start(&server, first), dir.path())?.measure()?;
    let hits = server.into_hits()?;
    let (pages, _) = nginx::pages(&hits);
    Ok(pages.into_iter().map(str::to_owned).collect())
}

/// URLs that stand more than once.
fn twice<'a>(urls: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    urls.filter(|url| !seen.insert(*url))
        .map(str::to_owned)
        .collect()
}

/// Path and query of the HTML pages that were got.
fn targets_of(pages: &[Page]) -> Result<HashSet<String>> {
    let got = pages.iter().filter(|page| page.is_page());
    got.map(|page| crate::subject::target(&page.url)).collect()
}
