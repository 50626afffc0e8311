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
pub(super) mod figures;
pub(in crate::store) mod fill;
mod filter;
mod forget;
pub(in crate::store) mod graph;
mod learned;
mod lease;
mod link;
mod lookup;
mod op;
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

pub use self::questions::Questions;

use self::core::{Core, Start};
use self::lookup::Asker;
use self::op::{Back, Op};
use super::folder::DATABASE;
use super::known::Known;
use super::lock::Lock;
use super::{
    ApiAnswer, Commit, JournalEntry, Learned, Lease, LeftSitemap, NewUrl, Pending, Prune, Refresh,
    Reorder, Revision, SavedSite, SourceNews, Store, StoreError,
};
use crate::bus::{self, Event, Pick, Round, RuleFill, SiteDelta, Told};
use crate::page::{Fingerprint, PageId, Rung, SiteId, TextPrint, TrapChange, TrapState};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Room for requests to the writer; a full channel makes callers wait.
const REQUESTS: usize = 512;
/// The writer's page cache unless told otherwise, KiB.
const CACHE_KIB: u32 = 8 << 10;

/// How a job's folder is opened.
#[derive(Debug)]
pub struct Opening {
    /// The sites of the file, in its order.
    pub sites: Vec<OpeningSite>,
    /// Start over: an earlier crawl's database is removed.
    pub fresh: bool,
    /// Where commits and stalls are told. The writer waits for room.
    pub events: mpsc::Sender<Event>,
    /// The writer's page cache, KiB.
    pub cache_kib: u32,
    /// A cap on the database's size in pages of 4 KiB, looked at before each
    /// group: a disk that is full, for tests.
    pub max_page_count: Option<Arc<AtomicU32>>,
}

impl Opening {
    /// Resumes a crawl of `sites`, or begins one.
    pub fn new(sites: Vec<OpeningSite>, events: mpsc::Sender<Event>) -> Self {
        Self {
            sites,
            fresh: false,
            events,
            cache_kib: CACHE_KIB,
            max_page_count: None,
        }
    }
}

/// A site as the sites file has it.
#[derive(Debug, Clone)]
pub struct OpeningSite {
    /// Its name, by which it is known again.
    pub name: String,
    /// Of its document, to notice a change.
    pub digest: u64,
}

/// A job's folder, open.
pub struct Opened {
    /// The store. The last of its clones that is dropped waits until all is
    /// written, and lets the folder go.
    pub store: Arc<dyn Store>,
    /// Whether there was an earlier crawl in the folder.
    pub resumed: bool,
    /// What is known of each site, in the order of the file.
    pub sites: Vec<OpenedSite>,
}

/// What an earlier crawl left of a site.
#[derive(Debug, Clone, Default)]
pub struct OpenedSite {
    /// State and controls; `None` for a site without any saved.
    pub saved: Option<SavedSite>,
    /// Its pages, records and bytes.
    pub counts: SiteCounts,
    /// Whether its document has changed since.
    pub changed: bool,
    /// Its redirects that lead to a known page.
    pub redirects: Vec<Redirect>,
    /// The texts of its pages, as far as they are kept.
    pub texts: Vec<(PageId, TextPrint)>,
    /// How far each of its APIs was read; none where its document has changed.
    pub marks: BTreeMap<String, Value>,
    /// How often fields of its records were filled, as a sample of the latest.
    pub fill: Vec<RuleFill>,
    /// Sitemaps that were not read to their end; none where its document has changed.
    pub sitemaps: Vec<LeftSitemap>,
    /// Its traps.
    pub traps: Vec<TrapState>,
    /// What it has learned of where its pages are had.
    pub learned: Vec<Learned>,
}

/// Counters of a site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteCounts {
    /// Pages done.
    pub done: u64,
    /// Pages failed.
    pub failed: u64,
    /// Pages skipped.
    pub skipped: u64,
    /// Pages known and not finished.
    pub queued: u64,
    /// Records kept.
    pub records: u64,
    /// Bytes of body on the wire of finished pages.
    pub bytes: u64,
    /// The round of crawling again.
    pub round: Round,
}

impl From<SiteDelta> for SiteCounts {
    fn from(counts: SiteDelta) -> Self {
        Self {
            done: code::count(counts.done),
            failed: code::count(counts.failed),
            skipped: code::count(counts.skipped),
            queued: code::count(counts.queued),
            records: code::count(counts.records),
            bytes: code::count(counts.bytes),
            round: counts.round,
        }
    }
}

impl From<SiteCounts> for SiteDelta {
    fn from(counts: SiteCounts) -> Self {
        // No counter comes near the end of either.
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            done: signed(counts.done),
            failed: signed(counts.failed),
            skipped: signed(counts.skipped),
            queued: signed(counts.queued),
            records: signed(counts.records),
            bytes: signed(counts.bytes),
            round: counts.round,
        }
    }
}

/// A redirect from one page to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect {
    /// The page that redirects.
    pub page: PageId,
    /// Its fingerprint.
    pub from: Fingerprint,
    /// Its target's.
    pub to: Fingerprint,
}

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

/// The handle by which everybody else speaks to the threads.
struct SqliteStore {
    /// `None` only while it is being dropped; so `asker`.
    ops: Option<mpsc::Sender<Op>>,
    asker: Option<Asker>,
    known: Arc<Known>,
    progress: RwLock<Vec<Arc<Notify>>>,
    stalled: watch::Receiver<Option<Arc<str>>>,
    closing: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    _lock: Lock,
}

impl SqliteStore {
    /// Waits for room. A writer that is gone (it has said so) takes nothing.
    async fn send(&self, op: Op) {
        if let Some(ops) = &self.ops {
            let _ = ops.send(op).await;
        }
    }

    /// Sends a request and waits for its answer; `None` where none comes, and
    /// at once while nothing can be written.
    async fn write<T>(&self, op: impl FnOnce(oneshot::Sender<T>) -> Op) -> Option<T> {
        let mut stalled = self.stalled.clone();
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.send(op(reply)).await;
            answer.await.ok()
        };
        let stalls = async {
            if stalled.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            answer = answered => answer,
            () = stalls => None,
        }
    }

    fn why(&self) -> String {
        let why = self.stalled.borrow();
        why.as_deref()
            .unwrap_or("the store's thread has ended; the log says how")
            .to_owned()
    }
}

impl Store for SqliteStore {
    fn lease(&self, site: SiteId, most: usize) -> Pending<'_, Lease> {
        Box::pin(async move {
            let handed = self.write(|reply| Op::Lease { site, most, reply }).await;
            handed.map_or(Lease::Wait { due: None }, op::Handed::take)
        })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Commit(Box::new(commit))))
    }

    fn commit_blocking(&self, commit: Commit) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Commit(Box::new(commit)));
        }
    }

    fn answer_blocking(&self, answer: ApiAnswer) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Answer(Box::new(answer)));
        }
    }

    fn source(&self, site: SiteId, news: SourceNews) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Source { site, news }))
    }

    fn source_blocking(&self, site: SiteId, news: SourceNews) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Source { site, news });
        }
    }

    fn release(&self, site: SiteId, pages: Vec<PageId>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Release { site, pages }))
    }

    fn progress(&self, site: SiteId) -> Arc<Notify> {
        let progress = self.progress.read();
        let progress = progress.unwrap_or_else(PoisonError::into_inner);
        progress.get(site.index()).cloned().unwrap_or_default()
    }

    fn add(&self, site: SiteId, urls: Vec<NewUrl>) -> Pending<'_, u64> {
        self.take_up(site, urls, Vec::new())
    }

    fn take_up(&self, site: SiteId, urls: Vec<NewUrl>, traps: Vec<TrapChange>) -> Pending<'_, u64> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let add = Op::Add {
                site,
                urls,
                traps,
                reply,
            };
            self.send(add).await;
            answer.await.unwrap_or(0)
        })
    }

    fn find(&self, print: Fingerprint) -> Option<PageId> {
        self.known.get(print)
    }

    fn revise(&self, pick: Pick, how: Revision) -> Pending<'_, Vec<(SiteId, u64)>> {
        Box::pin(async move {
            let counts = self.write(|reply| Op::Revise { pick, how, reply }).await;
            counts.unwrap_or_default()
        })
    }

    fn prune(&self, prune: Prune) -> Pending<'_, Vec<(SiteId, u64)>> {
        Box::pin(async move {
            let counts = self.write(|reply| Op::Prune { prune, reply }).await;
            counts.unwrap_or_default()
        })
    }

    fn reorder(&self, reorder: Reorder) -> Pending<'_, u64> {
        Box::pin(async move {
            let moved = self.write(|reply| Op::Reorder { reorder, reply }).await;
            moved.unwrap_or(0)
        })
    }

    fn admit(&self, name: String, digest: u64) -> Pending<'_, Option<(SiteId, OpenedSite)>> {
        Box::pin(async move {
            let site = OpeningSite { name, digest };
            let admitted = self.write(|reply| Op::Admit { site, reply }).await??;
            let progress = self.progress.write();
            progress
                .unwrap_or_else(PoisonError::into_inner)
                .push(admitted.progress);
            Some((admitted.site, admitted.opened))
        })
    }

    fn forget(&self, site: SiteId) -> Pending<'_, bool> {
        Box::pin(async move {
            if self.is_stalled() {
                return false;
            }
            // Once begun it is waited for, through a stall too.
            let (reply, answer) = oneshot::channel();
            self.send(Op::Forget { site, reply }).await;
            answer.await.unwrap_or(false)
        })
    }

    fn refresh(&self, site: SiteId) -> Pending<'_, Option<Refresh>> {
        Box::pin(async move {
            if self.is_stalled() {
                return None;
            }
            // Once begun it is waited for, through a stall too.
            let (reply, answer) = oneshot::channel();
            self.send(Op::Refresh { site, reply }).await;
            answer.await.ok().flatten()
        })
    }

    fn spare(&self, site: SiteId, rules: u32, pages: Vec<(PageId, u64)>) -> Pending<'_, u64> {
        Box::pin(async move {
            let spare = |reply| Op::Spare {
                site,
                rules,
                pages,
                reply,
            };
            self.write(spare).await.unwrap_or(0)
        })
    }

    fn save_site(&self, site: SiteId, saved: SavedSite) -> Pending<'_, ()> {
        let saved = Box::new(saved);
        Box::pin(self.send(Op::Save { site, saved }))
    }

    fn save_learned(&self, site: SiteId, learned: Vec<Learned>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Learned { site, learned }))
    }

    fn save_figures(&self, site: SiteId, figures: Vec<(Rung, Value)>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Figures { site, figures }))
    }

    fn journal(&self, entry: JournalEntry) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Journal(entry)))
    }

    fn flush(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            let answer = self.write(Op::Flush).await;
            answer.unwrap_or_else(|| Err(self.why()))
        })
    }

    fn is_stalled(&self) -> bool {
        self.stalled.borrow().is_some()
    }

    fn ask(&self, ask: bus::Ask) -> Pending<'_, Told> {
        Box::pin(async move {
            match &self.asker {
                Some(asker) => asker.ask(ask).await,
                None => Told::Refused("the store is closed".to_owned()),
            }
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.closing.cancel();
        self.ops = None;
        self.asker = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; the lock goes either way.
            let _ = thread.join();
        }
    }
}
