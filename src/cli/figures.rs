//! Keeps what the rungs did, so that `status` tells it when the run is over.

use crate::monitor::Snapshot;
use crate::page::{Rung, SiteId};
use crate::store::Store;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Time between two saves of a run that may be killed.
const EVERY: Duration = Duration::from_secs(10);
/// How long the last save may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Saves them now and then.
pub struct Figures(JoinHandle<()>);

impl Figures {
    /// Begins to.
    pub fn start(store: Arc<dyn Store>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let seen = snapshots.borrow().clone();
                write(&*store, &seen).await;
            }
        }))
    }

    /// Ends, and lets the store go.
    pub async fn finish(self) {
        self.0.abort();
        // It was cancelled: that is no news.
        let _ = self.0.await;
    }
}

/// Saves them for good.
pub async fn save(store: &dyn Store, last: &Snapshot) {
    let saved = async {
        write(store, last).await;
        store.flush().await
    };
    match tokio::time::timeout(PATIENCE, saved).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => tracing::warn!("what the rungs did could not be saved: {why}"),
        Err(_) => tracing::warn!("what the rungs did could not be saved in time"),
    }
}

async fn write(store: &dyn Store, seen: &Snapshot) {
    if store.is_stalled() {
        return;
    }
    for (site, view) in (0..).map(SiteId).zip(&seen.sites) {
        let figures: Vec<(Rung, Value)> = view
            .rungs
            .iter()
            .filter_map(|rung| Some((rung.rung, serde_json::to_value(rung).ok()?)))
            .collect();
        // What a run has not looked at stands as it is.
        if view.rungs.iter().any(|rung| rung.attempts > 0) {
            store.save_figures(site, figures).await;
        }
    }
}
