//! Twenty million known URLs: what each costs in RAM, and whether taking them
//! in and handing them out is still as fast as with one million.

use crate::Options;
use crate::table::Targets;
use anyhow::{Context, Result, bail};
use crawldeck::bus;
use crawldeck::page::{Fingerprinter, Outcome, SiteId, Verdict};
use crawldeck::store::sqlite::{self, Opening, OpeningSite};
use crawldeck::store::{Commit, Lease, NewUrl, Store, Via};
use std::fs;
use std::time::Instant;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const MILLION: u32 = 1_000_000;
/// Millions of URLs in all.
const MILLIONS: u32 = 20;
/// URLs handed over at a time, as many as a large page has.
const BATCH: u32 = 1_000;
/// Pages leased and finished for each rate.
const LEASED: usize = 200_000;
/// Pages leased at a time.
const AHEAD: usize = 128;
const SITE: SiteId = SiteId(0);

/// Runs the scenario.
pub fn run(_: &Options) -> Result<Targets> {
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let runtime = Runtime::new()?;
    let (events, mut bus_end) = mpsc::channel(bus::EVENTS);
    let site = OpeningSite {
        name: "site".to_owned(),
        digest: 1,
    };
    let opened = sqlite::open(dir.path(), Opening::new(vec![site], events))?;
    let store = opened.store;
    runtime.spawn(async move { while bus_end.recv().await.is_some() {} });

    // What the store takes whatever it knows is there with the first million.
    let mut before = 0;
    let mut inserts = Vec::new();
    let mut leases = Vec::new();
    for million in 0..MILLIONS {
        let rate = runtime.block_on(insert(&*store, million))?;
        let last = million + 1 == MILLIONS;
        if million == 0 || last {
            leases.push(runtime.block_on(lease(&*store))?);
        }
        if million == 0 {
            before = resident()?;
        }
        println!("{} million: {rate:.0} inserted a second", million + 1);
        inserts.push(rate);
    }
    let urls = f64::from(MILLIONS * MILLION);
    let further = f64::from((MILLIONS - 1) * MILLION);
    let ram = resident()?.saturating_sub(before) as f64 / further;
    let disk = fs::read_dir(dir.path())?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum::<Result<u64>>()?;
    println!(
        "leases and commits a second: {:.0} at 1 million, {:.0} at {MILLIONS}; \
         {:.0} bytes of disk a URL",
        leases[0],
        leases[1],
        disk as f64 / urls
    );
    let mut targets = Targets::default();
    targets.at_most("RAM of the process, bytes for each further URL", ram, 16.0);
    let slower = inserts[0] / inserts[inserts.len() - 1];
    targets.at_most("inserts, times slower than at 1 million", slower, 2.0);
    let slower = leases[0] / leases[1];
    targets.at_most("leases, times slower than at 1 million", slower, 2.0);
    Ok(targets)
}

/// Adds a million URLs; answers how many a second.
async fn insert(store: &dyn Store, million: u32) -> Result<f64> {
    let prints = Fingerprinter::new("site");
    let start = Instant::now();
    let mut added = 0;
    for batch in 0..MILLION / BATCH {
        let first = u64::from(million) * u64::from(MILLION) + u64::from(batch * BATCH);
        let urls = (first..first + u64::from(BATCH)).map(|n| {
            let url = format!(
                "https://www.example.org/catalogue/{}/item-{n}.html",
                n % 997
            );
            NewUrl {
                print: prints.of(&url),
                url: url.into_boxed_str(),
                depth: 1 + million,
                rank: 1 + million,
                hops: 0,
                via: Via::Link,
            }
        });
        added += store.add(SITE, urls.collect()).await;
    }
    store.flush().await.map_err(anyhow::Error::msg)?;
    if added != u64::from(MILLION) {
        bail!("{added} of a million URLs were new");
    }
    Ok(f64::from(MILLION) / start.elapsed().as_secs_f64())
}

/// Leases and finishes pages; answers how many a second.
async fn lease(store: &dyn Store) -> Result<f64> {
    let start = Instant::now();
    let mut left = LEASED;
    while left > 0 {
        let Lease::Pages(pages) = store.lease(SITE, AHEAD.min(left)).await else {
            bail!("the queue ended before its end");
        };
        left -= pages.len();
        for page in pages {
            let done = Verdict::Final(Outcome::Done);
            store.commit(Commit::new(SITE, page.id, done)).await;
        }
    }
    store.flush().await.map_err(anyhow::Error::msg)?;
    Ok(LEASED as f64 / start.elapsed().as_secs_f64())
}

/// Resident memory of this process, bytes.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib: u64 = kib.context("no VmRSS in /proc")?.trim().parse()?;
    Ok(kib * 1024)
}
