//! What was said of rungs that cannot work: sites that share a missing browser
//! or a missing list of proxies have one thing to say between them.

use crate::config::Fetch;
use crate::page::Rung;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Words remembered at most; above this all are forgotten.
const REMEMBERED: usize = 1024;

/// A rung, its options, and why it cannot work.
type Key = (Rung, u64, Arc<str>);

/// What a job's sites have said so far.
#[derive(Debug, Default)]
pub struct Said(Mutex<HashSet<Key>>);

impl Said {
    fn lock(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is the first to be heard of it.
    pub fn is_news(&self, fetch: &Fetch, rung: Rung, why: &Arc<str>) -> bool {
        let mut said = self.lock();
        if said.len() >= REMEMBERED {
            said.clear();
        }
        // There is one browser, whatever each site has it do.
        let options = match rung {
            Rung::Browser => 0,
            rung => fetch.rungs.key(rung),
        };
        said.insert((rung, options, why.clone()))
    }

    /// The operator has done something about a rung: what is still wrong with it
    /// is said again.
    pub fn mended(&self, rung: Rung) {
        self.lock().retain(|(known, _, _)| *known != rung);
    }
}
