//! Tells the monitor of the exits by which rungs go.

use super::site::SiteContext;
use crate::bus::{Event, ExitPool, Exits};
use crate::fetch::Proxy;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Exits told of one by one, of all rules together: with many rules each tells
/// fewer, but never fewer than [`LEAST`].
const MOST: usize = 2048;
/// Of each rule, whatever there are.
const LEAST: usize = 4;

/// Looks now and then until cancelled, and tells what has changed.
pub async fn run(
    sites: watch::Receiver<Vec<Arc<SiteContext>>>,
    events: mpsc::Sender<Event>,
    cancel: CancellationToken,
) {
    let mut told = Vec::new();
    loop {
        let pools = pools(&sites.borrow());
        if pools != told {
            told.clone_from(&pools);
            if events.send(Event::Exits(pools)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = sleep(EVERY) => {}
        }
    }
}

/// The exits of all rules, as they are now.
pub fn pools(sites: &[Arc<SiteContext>]) -> Vec<ExitPool> {
    // By where its rule's proxies are: sites with the same rule share them.
    let mut known: HashMap<*const Proxy, usize> = HashMap::new();
    let mut pools: Vec<ExitPool> = Vec::new();
    for site in sites {
        for step in site.ladder().iter() {
            let Some(proxies) = step.fetcher.proxies() else {
                continue;
            };
            let of = (site.id, step.rung);
            match known.entry(std::ptr::from_ref(proxies)) {
                Entry::Occupied(place) => pools[*place.get()].of.push(of),
                Entry::Vacant(place) => {
                    place.insert(pools.len());
                    pools.push(ExitPool {
                        of: vec![of],
                        exits: proxies.exits(),
                    });
                }
            }
        }
    }
    let each = (MOST / pools.len().max(1)).clamp(LEAST, Exits::TOLD);
    for pool in &mut pools {
        pool.exits.rows.truncate(each);
    }
    pools
}
