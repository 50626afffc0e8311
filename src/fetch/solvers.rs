//! The solvers that all sites share: a container has one browser, whoever asks.

use super::Http;
use super::solver::Endpoint;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Longest time that ending their sessions may take.
const CLOSING: Duration = Duration::from_secs(8);

/// The endpoints that were asked for, by their address.
#[derive(Default)]
pub(super) struct Solvers(Mutex<HashMap<Url, Arc<Endpoint>>>);

impl Solvers {
    /// The endpoint of an address, made where nobody has asked for it yet.
    pub(super) fn endpoint(&self, url: &Url) -> Arc<Endpoint> {
        // A panic while holding it leaves a whole map.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(url.clone())
            .or_insert_with(|| Arc::new(Endpoint::new(url.clone())))
            .clone()
    }

    /// Ends their sessions, as far as that is done within a few seconds.
    pub(super) async fn close(&self, http: &Http) {
        let all: Vec<Arc<Endpoint>> = {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.values().cloned().collect()
        };
        let closing = all.iter().map(|endpoint| endpoint.close(http));
        let closing = futures_util::future::join_all(closing);
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("sessions of solvers were left open");
        }
    }
}
