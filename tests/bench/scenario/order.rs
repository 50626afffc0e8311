//! A focused crawl against a breadth-first one: requests until nearly all of
//! the wanted pages are had, leased-ahead pages and other workers' included.

use super::start;
use crate::Options;
use crate::corpus::{OPENJDK, Package, RUST};
use crate::nginx::{Hit, Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::subject::Job;
use crate::table::Targets;
use anyhow::{Context, Result, bail};
use regex::Regex;
use std::collections::HashSet;
use tempfile::TempDir;

/// Share of the wanted pages that is to be had.
const SHARE: f64 = 0.9;
/// Of breadth-first's requests, where the wanted pages lie together.
const TOGETHER: f64 = 0.5;
/// The same where they lie in no order.
const ANYWHERE: f64 = 1.1;

/// A package, what is wanted of it, and the requests that this may take.
const WANTED: &[(Package, &[(&str, f64)])] = &[
    (
        OPENJDK,
        &[
            (r"^/java\.desktop/.*/[A-Z][A-Za-z.]*\.html$", TOGETHER),
            (
                r"^/java\.base/java/util/.*/[A-Z][A-Za-z.]*\.html$",
                TOGETHER,
            ),
            (r"^/java\.sql/.*/[A-Z][A-Za-z.]*\.html$", TOGETHER),
            (r"^/jdk\.compiler/.*/[A-Z][A-Za-z.]*\.html$", TOGETHER),
            (r"/package-summary\.html$", ANYWHERE),
            (r"/[A-Z][A-Za-z]*er\.html$", ANYWHERE),
            (r"\.html$", ANYWHERE),
        ],
    ),
    (
        RUST,
        &[
            (r"^/alloc/", TOGETHER),
            (r"^/core/.*/struct\.", TOGETHER),
            (r"^/reference/", TOGETHER),
            (r"^/std/.*/trait\.", ANYWHERE),
            (r"/fn\.[a-m]", ANYWHERE),
        ],
    ),
];

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let mut targets = Targets::default();
    println!("\n| corpus | wanted | pages | breadth | focused | ratio |");
    println!("|---|---|--:|--:|--:|--:|");
    for (package, wanted) in WANTED {
        // Its order does not hang on what is wanted.
        let breadth = crawl(package, "breadth")?;
        for (pattern, most) in *wanted {
            let regex = Regex::new(pattern)?;
            let focused = crawl(package, &format!("focused, target: '{pattern}'"))?;
            let all = had(&breadth, &regex);
            if all.is_empty() || all != had(&focused, &regex) {
                bail!("{}: {pattern}: the crawls found other pages", package.name);
            }
            let (slow, quick) = (needed(&breadth, &all)?, needed(&focused, &all)?);
            let ratio = quick as f64 / slow as f64;
            println!(
                "| {} | `{}` | {} | {slow} | {quick} | {ratio:.2} |",
                package.name,
                pattern.replace('|', "\\|"),
                all.len(),
            );
            let what = format!("{} {pattern}, of breadth-first's requests", package.name);
            targets.at_most(&what, ratio, *most);
        }
    }
    Ok(targets)
}

/// The requests of a whole crawl, in the order of their answers.
fn crawl(package: &Package, strategy: &str) -> Result<Vec<Hit>> {
    let root = package.root()?;
    let server = Nginx::start(&[Host::local(&root)], true)?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let text = format!(
        "site: site\nstart: {}\nlimits: {{ pages: 100000000 }}\n\
         fetch: {{ concurrency: {CONCURRENCY}, robots: ignore }}\n\
         discover: {{ sitemap: off, traps: off, strategy: {strategy} }}\n",
        start(&server, package.first)
    );
    Job::of(dir.path(), &text)?.run(&["--headless"]).measure()?;
    server.into_hits()
}

/// The wanted pages that were handed out.
fn had<'a>(hits: &'a [Hit], wanted: &Regex) -> HashSet<&'a str> {
    let pages = hits.iter().filter(|hit| hit.is_page());
    let targets = pages.map(|hit| &*hit.target);
    targets.filter(|target| wanted.is_match(target)).collect()
}

/// Requests until the share of these pages was had.
fn needed(hits: &[Hit], wanted: &HashSet<&str>) -> Result<usize> {
    let enough = (wanted.len() as f64 * SHARE).ceil() as usize;
    let mut left = wanted.clone();
    let place = hits.iter().position(|hit| {
        if hit.is_page() {
            left.remove(&*hit.target);
        }
        wanted.len() - left.len() >= enough
    });
    Ok(place.context("too few of the wanted pages")? + 1)
}
