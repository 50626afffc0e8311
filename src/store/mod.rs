//! The frontier and everything durable, behind one trait.

use crate::bus::{Attempt, FailureFilter, FailureList, Header, PageDetail, SiteState};
use crate::page::{Fingerprint, PageId, SiteId, Verdict};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

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

    /// Sends failed pages round again; answers how many of each site.
    fn retry(&self, pick: crate::bus::Pick) -> Pending<'_, Vec<(SiteId, u64)>>;

    /// Saves a site's state and controls.
    fn save_site(&self, site: SiteId, saved: SavedSite) -> Pending<'_, ()>;

    /// Writes down a command.
    fn journal(&self, entry: JournalEntry) -> Pending<'_, ()>;

    /// Waits until everything handed over so far is durable; `Err` says why it
    /// cannot be (disk full).
    fn flush(&self) -> Pending<'_, Result<(), String>>;

    /// Whether the store cannot write just now (disk full).
    fn is_stalled(&self) -> bool;

    /// A screenful of failed pages.
    fn failures(
        &self,
        filter: FailureFilter,
        offset: u64,
        limit: usize,
    ) -> Pending<'_, FailureList>;

    /// All that is known of one page.
    fn page(&self, id: PageId) -> Pending<'_, Option<Box<PageDetail>>>;
}

/// The answer to [`Store::lease`].
#[derive(Debug)]
pub enum Lease {
    /// At least one page.
    Pages(Vec<Leased>),
    /// Nothing may be fetched now, but something is leased or waits for its
    /// retry, the next at `due` (milliseconds since the epoch). Ask again then,
    /// or when [`Store::progress`] is notified.
    Wait {
        /// When the next retry falls due, if one waits.
        due: Option<u64>,
    },
    /// Nothing is queued and nothing is leased: the site is at its end.
    Drained,
}

/// A page to fetch.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Its number.
    pub id: PageId,
    /// Its URL in normal form.
    pub url: Box<str>,
    /// Links from the start page.
    pub depth: u32,
    /// Attempts made before this one, since it was last queued.
    pub tries: u32,
    /// Redirects between it and the link that led here.
    pub hops: u8,
}

/// How a URL was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The sites file.
    Start,
    /// A sitemap.
    Sitemap,
    /// A link.
    Link,
    /// A redirect.
    Redirect,
}

/// A URL that may be new.
#[derive(Debug, Clone)]
pub struct NewUrl {
    /// Of `url`.
    pub print: Fingerprint,
    /// In normal form.
    pub url: Box<str>,
    /// Links from the start page.
    pub depth: u32,
    /// Redirects since the last link.
    pub hops: u8,
    /// How it was found.
    pub via: Via,
}

/// What a page left behind.
#[derive(Debug)]
pub struct Commit {
    /// The page's site.
    pub site: SiteId,
    /// The page.
    pub page: PageId,
    /// What was decided.
    pub verdict: Verdict,
    /// The attempt behind it; `None` where no request was made.
    pub attempt: Option<Attempt>,
    /// Media type of the answer, lower case, without parameters.
    pub content_type: Option<Box<str>>,
    /// Where a redirect led, in normal form. Its page is among `found`.
    pub redirect: Option<(Fingerprint, Box<str>)>,
    /// The page's `<link rel=canonical>`, absolute.
    pub canonical: Option<Box<str>>,
    /// Records taken from it.
    pub records: Vec<Record>,
    /// URLs found on it; known ones are passed over.
    pub found: Vec<NewUrl>,
    /// Kept for failed pages.
    pub evidence: Option<Evidence>,
    /// Other pages, done before, that this one proves to be failed: the rest of
    /// a redirect loop.
    pub also_failed: Vec<PageId>,
}

/// A record: the fields as one JSON object, in the order of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The rule's name.
    pub name: Arc<str>,
    /// The fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What is kept of a failed page's last answer.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Response headers.
    pub headers: Vec<Header>,
    /// The first 4 KiB of the body, decoded.
    pub body: Vec<u8>,
}

/// A site's state and controls as they outlive a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSite {
    /// Where it stands.
    pub state: SiteState,
    /// Why, in a few words.
    pub why: Option<Arc<str>>,
    /// Workers wanted, where the operator changed it.
    pub concurrency: u32,
    /// Time between the starts of two requests to one host.
    pub delay: Duration,
    /// Whether the operator paused it.
    pub paused: bool,
    /// Whether sitemaps have been read to their end.
    pub sitemaps_done: bool,
}

/// A command in the journal.
#[derive(Debug, Clone)]
pub struct JournalEntry {
    /// Who asked.
    pub origin: &'static str,
    /// What, in words.
    pub command: String,
    /// What became of it, in words.
    pub answer: String,
}

/// What a store knows of a site when it is opened.
#[derive(Debug, Default)]
pub struct SiteOpened {
    /// State and controls of the last run; `None` for a site that is new.
    pub saved: Option<SavedSite>,
    /// Pages done and failed, skipped and queued; none is in flight.
    pub pages: SitePages,
    /// Records kept.
    pub records: u64,
    /// Bytes of body of finished pages.
    pub bytes: u64,
    /// Whether the site's document has changed since the last run.
    pub changed: bool,
    /// Redirects seen: page, its fingerprint, its target's.
    pub redirects: Vec<(PageId, Fingerprint, Fingerprint)>,
}

/// A site's pages by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SitePages {
    /// Fetched.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Known, not taken.
    pub skipped: u64,
    /// Waiting.
    pub queued: u64,
}
