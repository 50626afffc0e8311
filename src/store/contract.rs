//! What the engine asks of a store.

use super::sqlite::OpenedSite;
use super::types::{
    ApiAnswer, Commit, JournalEntry, Learned, Lease, NewUrl, Prune, Refresh, Reorder, Revision,
    SavedSite, SourceNews,
};
use crate::bus::{Ask, Pick, Told};
use crate::page::{Fingerprint, PageId, Rung, SiteId, TrapChange};
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed answer to await.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the engine asks of a store. Implementations queue writes in a bounded
/// channel and make them durable in groups; a call waits only for room there.
///
/// While the store cannot write (disk full) it keeps what it was given, says so
/// with [`crate::bus::Event::Stalled`], answers no lease, and tries again.
pub trait Store: Send + Sync + 'static {
    /// Takes pages of a site out of its queue: least rank first
    /// (then the oldest), retries as they fall due. A leased page is not leased
    /// again before its commit; leases die with the process.
    fn lease(&self, site: SiteId, most: usize) -> Pending<'_, Lease>;

    /// Hands over a page's end (or its retry), its records and the URLs found
    /// on it: one transaction.
    fn commit(&self, commit: Commit) -> Pending<'_, ()>;

    /// [`Store::commit`] for threads outside the async runtime; blocks for room.
    fn commit_blocking(&self, commit: Commit);

    /// Hands over an answer of an API: its records, and how far the API has
    /// been read with it, in one transaction. For threads outside the async
    /// runtime; blocks for room.
    fn answer_blocking(&self, answer: ApiAnswer);

    /// Writes down what became of a source of URLs.
    fn source(&self, site: SiteId, news: SourceNews) -> Pending<'_, ()>;

    /// [`Store::source`] for threads outside the async runtime; blocks for room.
    fn source_blocking(&self, site: SiteId, news: SourceNews);

    /// Gives leased pages back unfetched, to be leased again.
    fn release(&self, site: SiteId, pages: Vec<PageId>) -> Pending<'_, ()>;

    /// Notified whenever a site's queue or leases changed, for its one
    /// supervisor to wait on after [`Lease::Wait`].
    fn progress(&self, site: SiteId) -> Arc<tokio::sync::Notify>;

    /// Adds URLs that were not found on a page (start, sitemaps). Answers how
    /// many were new.
    fn add(&self, site: SiteId, urls: Vec<NewUrl>) -> Pending<'_, u64>;

    /// [`Store::add`] of links that traps had left out, with what that changes
    /// of the traps, in one transaction.
    fn take_up(&self, site: SiteId, urls: Vec<NewUrl>, traps: Vec<TrapChange>) -> Pending<'_, u64>;

    /// The page of a known URL, from RAM. A fingerprint is of one site alone.
    /// A hint: `None` may be out of date, and commits look again.
    fn find(&self, print: Fingerprint) -> Option<PageId>;

    /// Whether a URL is known already, as [`Store::find`] has it.
    fn knows(&self, print: Fingerprint) -> bool {
        self.find(print).is_some()
    }

    /// Changes what became of finished pages; answers how many of each site,
    /// and none while the store cannot write. Pages that the revision does not
    /// apply to are passed over: whatever the filter says, only failed pages
    /// are retried or ignored, and only finished ones forced.
    ///
    /// Done a slice at a time between other requests, and only to pages that
    /// had ended when it was asked for. A store that stalls meanwhile leaves
    /// the rest as it is.
    fn revise(&self, pick: Pick, how: Revision) -> Pending<'_, Vec<(SiteId, u64)>>;

    /// Takes pages out of the queue (those that wait for a retry too), leased
    /// ones excepted; answers how many of each site, and none while the store
    /// cannot write. Slice by slice, as [`Store::revise`] is.
    fn prune(&self, prune: Prune) -> Pending<'_, Vec<(SiteId, u64)>>;

    /// Gives queued pages other ranks, leased ones and those that wait for a
    /// retry excepted; answers how many have moved. Slice by slice, as
    /// [`Store::revise`] is.
    fn reorder(&self, reorder: Reorder) -> Pending<'_, u64>;

    /// Takes in a site that joins while the crawl runs, with what an earlier
    /// crawl left of it. `None` where a site of this name is there already, or
    /// nothing can be written. `digest` is of its document.
    fn admit(&self, name: String, digest: u64) -> Pending<'_, Option<(SiteId, OpenedSite)>>;

    /// Forgets every page and record of a site, so that it can begin again.
    /// Its journal stays. Nothing of it may be leased; where something is, its
    /// commit will count for nothing. Answers `false`, and has done nothing,
    /// while the store cannot write; once begun it ends in `true`, after a
    /// stall if need be. A process that dies meanwhile leaves the site whole
    /// or empty.
    fn forget(&self, site: SiteId) -> Pending<'_, bool>;

    /// Begins a round in which every page of a site that was had, failed or was
    /// skipped by a rule is asked again, or goes on with one that has not ended.
    /// What is known of a page stands until its next commit. Answers when all
    /// wait in the queue; `None`, and has done nothing, while the store cannot
    /// write. A process that dies meanwhile leaves a round that goes on.
    fn refresh(&self, site: SiteId) -> Pending<'_, Option<Refresh>>;

    /// Takes pages that wait to be asked again out of the queue unasked: those
    /// that were last fetched at or after a moment (milliseconds since the
    /// epoch), by the rules of this digest. Answers how many.
    fn spare(&self, site: SiteId, rules: u32, pages: Vec<(PageId, u64)>) -> Pending<'_, u64>;

    /// Saves a site's state and controls.
    fn save_site(&self, site: SiteId, saved: SavedSite) -> Pending<'_, ()>;

    /// Saves what a site has learned of where its pages are had, in place of
    /// what was saved before.
    fn save_learned(&self, site: SiteId, learned: Vec<Learned>) -> Pending<'_, ()>;

    /// Saves a picture of what each rung of a site did, as JSON, for those who
    /// ask when the crawl is over; in place of what was saved before.
    fn save_figures(&self, site: SiteId, figures: Vec<(Rung, Value)>) -> Pending<'_, ()>;

    /// Writes down a command.
    fn journal(&self, entry: JournalEntry) -> Pending<'_, ()>;

    /// Waits until everything handed over so far is durable and the bus has
    /// been told; `Err` says why it cannot be (disk full).
    fn flush(&self) -> Pending<'_, Result<(), String>>;

    /// Whether the store cannot write just now (disk full).
    fn is_stalled(&self) -> bool;

    /// Answers a question about pages, records or the journal;
    /// [`Told::Refused`] for those that the store knows nothing of, and for
    /// those that take longer than about two seconds. Work on a question ends
    /// when the answer's future is dropped, and soon after a later question of
    /// the same kind is asked.
    fn ask(&self, ask: Ask) -> Pending<'_, Told>;
}
