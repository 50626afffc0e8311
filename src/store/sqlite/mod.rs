//! The store in one SQLite file in the job's folder.
//!
//! One thread writes: it settles in RAM what is new and what is leased, applies
//! each request at once to an open transaction and commits in groups. Another
//! reads for the deck. Other processes read beside them ([`super::reader`]).

mod additions;
mod admit;
pub(in crate::store) mod again;
mod answer;
pub(in crate::store) mod code;
mod core;
mod end;
pub(super) mod figures;
pub(in crate::store) mod fill;
mod filter;
mod forget;
pub(in crate::store) mod graph;
mod handle;
mod learned;
mod lease;
mod link;
mod lookup;
mod op;
mod opening;
mod prepare;
mod prune;
mod questions;
mod reorder;
pub mod replace;
mod resume;
mod revise;
pub(in crate::store) mod schema;
mod settle;
mod site;
pub(in crate::store) mod source;
mod spare;
mod task;
#[cfg(test)]
mod tests;
mod trap;
mod write;
mod writer;

pub use self::opening::{Opened, OpenedSite, Opening, OpeningSite, Redirect, SiteCounts};
pub use self::questions::Questions;

use self::core::{Core, Start};
use self::handle::SqliteStore;
use self::lookup::Asker;
use self::op::Back;
use super::StoreError;
use super::folder::DATABASE;
use super::lock::Lock;
use crate::page::SiteId;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Room for requests to the writer; a full channel makes callers wait.
const REQUESTS: usize = 512;

/// Opens the job's folder `dir` for a crawl, making it where it is missing.
/// Reads and writes files: not for the event loop.
///
/// # Errors
/// When another process works on the job, the folder cannot be written, or its
/// database is of a newer version or not crawldeck's at all.
pub fn open(dir: &Path, opening: Opening) -> Result<Opened, StoreError> {
    std::fs::create_dir_all(dir).map_err(|source| StoreError::Folder {
        path: dir.to_owned(),
        source,
    })?;
    let lock = Lock::take(dir)?;
    if opening.fresh {
        schema::remove(dir)?;
    }
    let (mut conn, resumed) = schema::open(dir, opening.cache_kib)?;
    let path = dir.join(DATABASE);
    let found = resume::resume(&mut conn, &opening.sites).map_err(|e| schema::failure(&path, e))?;
    let known = Arc::new(found.known);
    let progress = (0..)
        .map_while(|i| found.sites.get(SiteId(i)))
        .map(|s| s.progress.clone())
        .collect::<Vec<_>>();
    let (stall, stalled) = watch::channel(None);
    let core = Core::new(Start {
        conn,
        sites: found.sites,
        known: known.clone(),
        next: found.next,
        last_answer: found.last_answer,
        fields: found.fields,
        orphans: found.orphans,
        rounds: found.rounds,
        stall,
        back: Arc::<Back>::default(),
        max_pages: opening.max_page_count,
    });
    let closing = CancellationToken::new();
    let (ops, requests) = mpsc::channel(REQUESTS);
    let token = closing.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(StoreError::Thread)?;
    let writer = spawn("store", move || {
        runtime.block_on(writer::run(core, requests, opening.events, token));
    })?;
    let (asker, [lists, reads]) = Asker::start(&path)?;
    let store = SqliteStore {
        ops: Some(ops),
        asker: Some(asker),
        known,
        progress: RwLock::new(progress),
        stalled,
        closing,
        threads: vec![lists, reads, writer],
        _lock: lock,
    };
    Ok(Opened {
        store: Arc::new(store),
        resumed,
        sites: found.opened,
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(StoreError::Thread)
}
