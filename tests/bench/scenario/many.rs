//! A thousand small sites in one file, each a host of its own.

use crate::Options;
use crate::nginx::{Host, Nginx};
use crate::subject::{Job, Site};
use crate::table::Targets;
use anyhow::Result;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const SITES: u16 = 1_000;
const PAGES: u32 = 20;

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let root = dir.path().join("site");
    write_site(&root)?;
    // All of 127.0.0.0/8 is loopback on Linux.
    let addresses: Vec<Ipv4Addr> = (0..SITES)
        .map(|site| Ipv4Addr::new(127, 1, (site / 250) as u8, (site % 250) as u8 + 1))
        .collect();
    let host = Host {
        root: &root,
        addresses: addresses.clone(),
    };
    let server = Nginx::start(&[host], true)?;
    let sites: Vec<Site> = addresses
        .iter()
        .enumerate()
        .map(|(number, address)| Site {
            name: format!("site-{number:04}"),
            start: format!("http://{address}:{}/", server.port(0)),
            concurrency: 2,
            fields: false,
        })
        .collect();
    let job = Job::new(dir.path(), &sites)?;

    let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let usage = job.run(&["--headless"]).measure()?;
    let got = job.pages()?.iter().filter(|page| page.is_page()).count();

    let hits = server.into_hits()?;
    let mut first_page: HashMap<&str, f64> = HashMap::new();
    for hit in hits.iter().filter(|hit| hit.is_page()) {
        let at = first_page.entry(&hit.address).or_insert(hit.at);
        *at = at.min(hit.at);
    }
    let earliest = first_page.values().copied().fold(f64::INFINITY, f64::min);
    let latest = first_page.values().copied().fold(0.0, f64::max);
    println!(
        "{SITES} sites of {PAGES} pages: {:.2} s, {:.2} s of CPU, {} requests",
        usage.wall.as_secs_f64(),
        usage.cpu.as_secs_f64(),
        hits.len()
    );
    let mut targets = Targets::default();
    let whole = f64::from(SITES) * f64::from(PAGES);
    targets.at_least("pages got", got as f64, whole);
    let mut seen = HashSet::new();
    let twice: Vec<String> = hits
        .iter()
        .filter(|hit| hit.is_page() && !seen.insert((&hit.address, &hit.target)))
        .map(|hit| format!("{}{}", hit.address, hit.target))
        .collect();
    targets.none("pages asked for twice", &twice);
    targets.at_least("sites at work", first_page.len() as f64, f64::from(SITES));
    targets.at_most(
        "first page of the first site after, s",
        earliest - started,
        2.0,
    );
    targets.at_most(
        "first page of the last site after, s",
        latest - started,
        2.0,
    );
    targets.at_most("peak memory, MB", usage.peak as f64 / 1e6, 300.0);
    Ok(targets)
}

/// A start page and pages that link to each other, some kilobytes each.
fn write_site(root: &Path) -> Result<()> {
    fs::create_dir(root)?;
    for page in 0..PAGES {
        let mut text = format!("<!doctype html><title>Page {page}</title><h1>Page {page}</h1>\n");
        for other in 1..PAGES {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "<p>Text around <a href=\"/{other}.html\">page {other}</a>.</p>"
            );
        }
        let name = match page {
            0 => "index.html".to_owned(),
            _ => format!("{page}.html"),
        };
        fs::write(root.join(name), text)?;
    }
    Ok(())
}
