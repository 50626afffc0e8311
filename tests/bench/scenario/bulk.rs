//! Much at once: a list of a million URLs, ten million records and ten million
//! links on their way out.

use crate::Options;
use crate::process::Usage;
use crate::subject::Job;
use crate::table::Targets;
use anyhow::{Context, Result, bail};
use crawldeck::bus;
use crawldeck::page::{Fingerprinter, Outcome, PageId, SiteId, Verdict};
use crawldeck::store::sqlite::{self, Opening, OpeningSite};
use crawldeck::store::{Commit, Lease, Links, NewUrl, Record, Store, Via};
use serde_json::{Map, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// URLs of the list.
const LISTED: u64 = 1_000_000;
/// Records of a page, and links.
const EACH: u32 = 50;
/// Pages of the site with a million records.
const SMALL: u32 = 20_000;
/// Pages that make ten million with them.
const LARGE: u32 = 180_000;
/// URLs handed over, and pages leased, at a time.
const BATCH: u32 = 1_000;
/// How often the end of the import is looked for.
const LOOK: Duration = Duration::from_millis(100);
/// By when it must have come.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let mut targets = Targets::default();
    import(&mut targets)?;
    records(&mut targets)?;
    links(&mut targets)?;
    Ok(targets)
}

/// A list of a million URLs, read by a site that fetches next to nothing.
fn import(targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let mut list = BufWriter::new(File::create(dir.path().join("urls.csv"))?);
    writeln!(list, "title,url")?;
    for n in 0..LISTED {
        // Nobody listens there, and nobody asks.
        let shelf = n % 997;
        writeln!(
            list,
            "item {n},http://127.0.0.1:9/shop/{shelf}/item-{n}.html"
        )?;
    }
    list.flush()?;
    drop(list);
    let text = "site: site\nstart: http://127.0.0.1:9/\n\
        discover: { sitemap: off, files: [{ from: urls.csv, column: url }] }\n\
        fetch: { robots: ignore, concurrency: 1, delay: 1h, retries: 0 }\n";
    let job = Job::of(dir.path(), text)?;
    let start = Instant::now();
    let mut took = None;
    let mut program = job.run(&["--headless"]);
    program.codes = &[0, 3, 130, 143];
    let usage = program.measure_while(|_| {
        while took.is_none() && start.elapsed() < PATIENCE {
            sleep(LOOK);
            let sites = job.status()?.unwrap_or_default();
            let known: u64 = sites.iter().map(|site| site.over + site.waiting).sum();
            if known > LISTED {
                took = Some(start.elapsed());
            }
        }
        job.ctl(&["stop-now"])
    })?;
    let took = took.context("the list was not read within five minutes")?;
    targets.at_most("import of 1 million URLs, s", took.as_secs_f64(), 10.0);
    targets.at_most("memory of that, MB", usage.peak as f64 / 1e6, 150.0);
    Ok(())
}

/// Eleven million records, one million of them of a site of their own.
fn records(targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    fill(
        dir.path(),
        &[("small", SMALL), ("large", LARGE + SMALL)],
        |commit, _| {
            commit.records = (0..EACH).map(|n| record(commit.page, n)).collect();
        },
    )?;
    let job = Job::of(dir.path(), "")?;
    let of = |format: &str, site: &str| -> Result<Usage> {
        let usage = export(&job, "records", format, &["--site", site])?;
        println!(
            "records of {site} as {format}: {:.1} s, {:.0} MB",
            usage.wall.as_secs_f64(),
            usage.peak as f64 / 1e6
        );
        Ok(usage)
    };
    let parquet = of("parquet", "small")?;
    let what = "Parquet export of 1 million records, s";
    targets.at_most(what, parquet.wall.as_secs_f64(), 10.0);
    for format in ["jsonl", "csv", "parquet", "sqlite"] {
        let peak = of(format, "large")?.peak as f64 / 1e6;
        let what = format!("memory of 10 million records as {format}, MB");
        targets.at_most(&what, peak, 100.0);
    }
    Ok(())
}

/// Ten million links.
fn links(targets: &mut Targets) -> Result<()> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let mut random = fastrand::Rng::with_seed(1);
    let pages = LARGE + SMALL;
    fill(dir.path(), &[("site", pages)], |commit, first| {
        let target = |_| PageId(first + random.u32(0..pages));
        commit.links = Some(Links {
            pages: (0..EACH).map(target).collect(),
            rest: Vec::new(),
        });
    })?;
    let job = Job::of(dir.path(), "")?;
    for format in ["csv", "graphml", "dot"] {
        let usage = export(&job, "links", format, &[])?;
        println!(
            "links as {format}: {:.1} s, {:.0} MB",
            usage.wall.as_secs_f64(),
            usage.peak as f64 / 1e6
        );
        let what = format!("memory of 10 million links as {format}, MB");
        targets.at_most(&what, usage.peak as f64 / 1e6, 100.0);
    }
    let conn = rusqlite::Connection::open(dir.path().join("job/crawl.db"))?;
    let bytes: f64 = conn.query_row(
        "SELECT sum(length(targets) + coalesce(length(unknown), 0) + 8.0) FROM link",
        [],
        |row| row.get(0),
    )?;
    let edges = f64::from(pages) * f64::from(EACH);
    targets.at_most("bytes of a link to a page at random", bytes / edges, 12.0);
    Ok(())
}

/// A job in `dir` of sites with so many pages, each finished as `make` says; it
/// is told the number of the site's first page.
pub(super) fn fill(
    dir: &Path,
    sites: &[(&str, u32)],
    mut make: impl FnMut(&mut Commit, u32),
) -> Result<()> {
    let runtime = Runtime::new()?;
    let (events, mut bus_end) = mpsc::channel(bus::EVENTS);
    runtime.spawn(async move { while bus_end.recv().await.is_some() {} });
    let opening = sites
        .iter()
        .zip(1..)
        .map(|((name, _), digest)| OpeningSite {
            name: (*name).to_owned(),
            digest,
        });
    let folder = dir.join("job");
    fs::create_dir(&folder)?;
    let opened = sqlite::open(&folder, Opening::new(opening.collect(), events))?;
    let store = opened.store;
    let mut first = 1;
    for ((name, pages), number) in sites.iter().zip(0..) {
        let site = SiteId(number);
        runtime.block_on(add(&*store, site, name, *pages))?;
        runtime.block_on(finish(&*store, site, *pages, |commit| make(commit, first)))?;
        first += pages;
    }
    Ok(())
}

async fn add(store: &dyn Store, site: SiteId, name: &str, pages: u32) -> Result<()> {
    let prints = Fingerprinter::new(name);
    for batch in (0..pages).step_by(BATCH as usize) {
        let urls = (batch..pages.min(batch + BATCH)).map(|n| {
            let shelf = n % 997;
            let url = format!("https://www.{name}.example/catalogue/{shelf}/item-{n}.html");
            NewUrl {
                print: prints.of(&url),
                url: url.into_boxed_str(),
                depth: 1,
                rank: 1,
                hops: 0,
                via: Via::Link,
            }
        });
        store.add(site, urls.collect()).await;
    }
    store.flush().await.map_err(anyhow::Error::msg)
}

async fn finish(
    store: &dyn Store,
    site: SiteId,
    pages: u32,
    mut make: impl FnMut(&mut Commit),
) -> Result<()> {
    let mut left = pages as usize;
    while left > 0 {
        let Lease::Pages(leased) = store.lease(site, left.min(BATCH as usize)).await else {
            bail!("the queue ended before its end");
        };
        left -= leased.len();
        for page in leased {
            let mut commit = Commit::new(site, page.id, Verdict::Final(Outcome::Done));
            make(&mut commit);
            store.commit(commit).await;
        }
    }
    store.flush().await.map_err(anyhow::Error::msg)
}

fn record(page: PageId, n: u32) -> Record {
    let mut fields = Map::new();
    fields.insert("title".to_owned(), format!("The book {n} of {page}").into());
    fields.insert("price".to_owned(), json!(f64::from(n) + 0.99));
    fields.insert("stock".to_owned(), json!(page.0 % 100));
    fields.insert("tags".to_owned(), json!(["new", "paper"]));
    Record {
        name: "book".into(),
        fields,
    }
}

/// Exports to a file, which is thrown away.
pub(super) fn export(job: &Job, what: &str, format: &str, more: &[&str]) -> Result<Usage> {
    let usage = job.export_as(what, format, more).measure()?;
    fs::remove_file(job.dir().join("out"))?;
    Ok(usage)
}
