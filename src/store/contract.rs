//! What the engine asks of a store.

use super::types::{Commit, JournalEntry, Lease, NewUrl, Prune, Revision, SavedSite};
use crate::bus::{Ask, Pick, Told};
use crate::page::{Fingerprint, PageId, SiteId};
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
    /// Takes pages of a site out of its queue: breadth first (least depth,
    /// then oldest), retries as they fall due. A leased page is not leased
    /// again before its commit; leases die with the process.
    fn lease(&self, site: SiteId, most: usize) -> Pending<'_, Lease>;

    /// Hands over a page's end (or its retry), its records and the URLs found
    /// on it: one transaction.
    fn commit(&self, commit: Commit) -> Pending<'_, ()>;

    /// [`Store::commit`] for threads outside the async runtime; blocks for room.
    fn commit_blocking(&self, commit: Commit);

    /// Gives leased pages back unfetched, to be leased again.
    fn release(&self, site: SiteId, pages: Vec<PageId>) -> Pending<'_, ()>;

    /// Notified whenever a site's queue or leases changed, for its one
    /// supervisor to wait on after [`Lease::Wait`].
    fn progress(&self, site: SiteId) -> Arc<tokio::sync::Notify>;

    /// Adds URLs that were not found on a page (start, sitemaps). Answers how
    /// many were new.
    fn add(&self, site: SiteId, urls: Vec<NewUrl>) -> Pending<'_, u64>;

    /// Whether a URL is known already. A hint: `false` may be out of date, and
    /// commits look again.
    fn knows(&self, print: Fingerprint) -> bool;

    /// The page with this fingerprint, where it is known.
    fn find(&self, print: Fingerprint) -> Option<PageId>;

    /// Changes what became of finished pages; answers how many of each site,
    /// and none while the store cannot write. Pages that the revision does not
    /// apply to are passed over.
    fn revise(&self, pick: Pick, how: Revision) -> Pending<'_, Vec<(SiteId, u64)>>;

    /// Takes pages out of the queue, those not leased; answers how many of each
    /// site, and none while the store cannot write.
    fn prune(&self, prune: Prune) -> Pending<'_, Vec<(SiteId, u64)>>;

    /// Forgets every page and record of a site, so that it can begin again.
    /// Nothing of it may be leased. Answers whether it could be written.
    fn forget(&self, site: SiteId) -> Pending<'_, bool>;

    /// Saves a site's state and controls.
    fn save_site(&self, site: SiteId, saved: SavedSite) -> Pending<'_, ()>;

    /// Writes down a command.
    fn journal(&self, entry: JournalEntry) -> Pending<'_, ()>;

    /// Waits until everything handed over so far is durable and the bus has
    /// been told; `Err` says why it cannot be (disk full).
    fn flush(&self) -> Pending<'_, Result<(), String>>;

    /// Whether the store cannot write just now (disk full).
    fn is_stalled(&self) -> bool;

    /// Answers a question about pages, records or the journal;
    /// [`Told::Refused`] for those that the store knows nothing of.
    fn ask(&self, ask: Ask) -> Pending<'_, Told>;
}
