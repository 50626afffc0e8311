//! What goes into a store and what comes out of it.

use crate::bus::{Attempt, Header, SiteControls, SiteState, SourceRow, Spent};
use crate::page::{Fingerprint, PageId, Rung, SiteId, SkipReason, TextPrint, TrapChange, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The answer to [`super::Store::lease`].
#[derive(Debug)]
pub enum Lease {
    /// At least one page.
    Pages(Vec<Leased>),
    /// Nothing may be fetched now, but something is leased or waits for its
    /// retry, the next at `due` (milliseconds since the epoch). Ask again then,
    /// or when [`super::Store::progress`] is notified.
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
    /// What its last good answer is known by, where it was had before and is
    /// asked again.
    pub seen: Option<Box<Seen>>,
}

/// What a page's answer is known by when it is asked again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The answer's `ETag`.
    pub etag: Option<Box<str>>,
    /// Its `Last-Modified`.
    pub modified: Option<Box<str>>,
    /// Of its body, decoded; of one that is not read, of what its head says.
    pub digest: u64,
    /// Of the rules by which links and fields were taken from it.
    pub rules: u32,
}

/// What became of the wish to crawl a site again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Nothing is known of it yet: this is its first crawl.
    First,
    /// A round begins.
    Begun {
        /// Its number.
        round: i64,
        /// Pages that are asked again.
        pages: u64,
    },
    /// The last round has not come to its end and goes on.
    GoesOn {
        /// Its number.
        round: i64,
    },
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
    /// The operator, while the crawl ran.
    Operator,
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
    /// Its place in the queue: the lowest is leased first. The depth, where
    /// pages are fetched breadth first.
    pub rank: u32,
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
    /// Attempts on lower rungs of the ladder in the same lease, oldest first.
    pub before: Vec<Attempt>,
    /// The attempt behind it; `None` where no request was made.
    pub attempt: Option<Attempt>,
    /// Media type of the answer, lower case, without parameters.
    pub content_type: Option<Box<str>>,
    /// Where a redirect led, in normal form. Its page is among `found`.
    pub redirect: Option<(Fingerprint, Box<str>)>,
    /// Where a rung that follows redirects by itself found the page in the end,
    /// in normal form: known from now on, and not fetched for itself.
    pub landed: Option<NewUrl>,
    /// The page's `<link rel=canonical>`, absolute.
    pub canonical: Option<Box<str>>,
    /// Digests of its text, where they are asked for.
    pub content: Option<TextPrint>,
    /// Records taken from it.
    pub records: Vec<Record>,
    /// URLs found on it; known ones are passed over.
    pub found: Vec<NewUrl>,
    /// What its links change of traps.
    pub traps: Vec<TrapChange>,
    /// What the page links to; `None` where links are not kept, or it is no
    /// HTML page.
    pub links: Option<Links>,
    /// Kept for failed pages.
    pub evidence: Option<Evidence>,
    /// Other pages, done before, that this one proves to be failed: the rest of
    /// a redirect loop.
    pub also_failed: Vec<PageId>,
    /// What a good answer is known by from now on; `None` leaves that as it was.
    pub seen: Option<Seen>,
    /// The answer is what it was when the page was last had: what is known of
    /// the page stands, and nothing else in here but the attempt counts.
    pub same: bool,
}

impl Commit {
    /// What was decided of a page, and nothing more.
    pub fn new(site: SiteId, page: PageId, verdict: Verdict) -> Self {
        Self {
            site,
            page,
            verdict,
            before: Vec::new(),
            landed: None,
            attempt: None,
            content_type: None,
            redirect: None,
            canonical: None,
            content: None,
            records: Vec::new(),
            found: Vec::new(),
            traps: Vec::new(),
            links: None,
            evidence: None,
            also_failed: Vec::new(),
            seen: None,
            same: false,
        }
    }
}

/// The URLs of its site that a page links to, followed or not, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Those that are known pages.
    pub pages: Vec<PageId>,
    /// Those that were not when they were looked for. The store looks again,
    /// and keeps the ones that may yet be found in another way.
    pub rest: Vec<Fingerprint>,
}

/// What an answer of an API left behind.
#[derive(Debug)]
pub struct ApiAnswer {
    /// Its site.
    pub site: SiteId,
    /// The API, as it is known whatever becomes of its fields.
    pub source: String,
    /// The API, as it is known from one run to the next.
    pub key: String,
    /// Whether the API begins with it, and what it gave before is replaced.
    pub first: bool,
    /// Its number among the API's, from 0.
    pub number: u64,
    /// How far it has been read with this answer.
    pub mark: serde_json::Value,
    /// Where it was had, as it may be shown.
    pub url: Box<str>,
    /// When, milliseconds since 1970.
    pub at: u64,
    /// Records in it.
    pub records: Vec<Record>,
}

/// What is told of the sources of a site's URLs.
#[derive(Debug)]
pub enum SourceNews {
    /// One stands so now.
    Stands(Box<SourceReport>),
    /// Those of these keys that are known wait to be asked again; `None` means
    /// all that failed.
    Again(Option<Vec<String>>),
    /// There is none of this key after all.
    Gone(String),
    /// The sites file has these lists and APIs; others are forgotten.
    Only(Vec<String>),
}

/// What became of a source.
#[derive(Debug)]
pub struct SourceReport {
    /// What it is known by from one run to the next.
    pub key: String,
    /// How it stands.
    pub row: SourceRow,
    /// Where it is asked again, if no sites file names it.
    pub address: Option<SitemapAddress>,
    /// Sitemaps that it names, with their keys and names; those that are known
    /// already stand as they are.
    pub named: Vec<(String, String, SitemapAddress)>,
}

/// Where a sitemap is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitemapAddress {
    /// Its URL.
    pub url: Box<str>,
    /// Indexes above it.
    pub nesting: u8,
    /// Whether somebody named it; else it was looked for at the usual place.
    pub asked: bool,
}

/// A sitemap that an earlier run did not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftSitemap {
    /// What it is known by.
    pub key: String,
    /// Where it is; `None` where the sites file names it.
    pub address: Option<SitemapAddress>,
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
    /// What the operator, or the site itself, has set.
    pub controls: Tuned,
    /// Scope rules added while it ran: whether one includes, and its pattern.
    pub rules: Vec<(bool, String)>,
    /// Whether the operator paused it.
    pub paused: bool,
    /// Whether sitemaps have been read to their end.
    pub sitemaps_done: bool,
}

/// A site's controls, and what the sites file said when they were set: a value
/// holds until the file changes that very value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuned {
    /// As they are.
    pub now: SiteControls,
    /// As the sites file had them.
    pub file: SiteControls,
    /// A digest of the file's scope, on which added rules build.
    pub scope: u64,
    /// Hosts that the operator paused.
    pub paused_hosts: Vec<Arc<str>>,
    /// Shapes of traps that the operator has lifted.
    pub lifted: BTreeSet<String>,
    /// What rungs with a budget, or with a price, have spent.
    pub spent: BTreeMap<Rung, Spent>,
    /// How far lists and APIs are read, by what each is known by.
    pub sources: BTreeMap<String, serde_json::Value>,
}

/// What a site has learned of one family of pages, or of one host: the lowest
/// rung that gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learned {
    /// The family's number, or the host's.
    pub key: u64,
    /// Whether it is a host's.
    pub host: bool,
    /// The rung.
    pub rung: Rung,
    /// How many examples speak for it, less those that speak against it.
    pub trust: u8,
    /// Whether a lower rung was seen to fail.
    pub proven: bool,
    /// The page it was last learned from.
    pub example: PageId,
    /// Pages begun since a lower rung was tried.
    pub since: u16,
}

/// A command in the journal.
#[derive(Debug, Clone)]
pub struct JournalEntry {
    /// Who asked.
    pub origin: &'static str,
    /// What, in words.
    pub command: String,
    /// The control's value before; empty where there is none.
    pub before: String,
    /// And after.
    pub after: String,
    /// What became of it, in words.
    pub answer: String,
    /// Whether it was refused.
    pub refused: bool,
}

/// How the end of a page is revised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revision {
    /// Failed pages go round again.
    Retry,
    /// Finished pages of any kind go round again.
    Force,
    /// Failed pages count as skipped by the operator.
    Ignore,
}

/// Whether a page with this URL, in normal form, and this depth is meant.
pub type Meant = dyn Fn(&str, u32) -> bool + Send + Sync;

/// Which queued pages are taken out, and why.
#[derive(Clone)]
pub struct Prune {
    /// Of one site, or of all.
    pub site: Option<SiteId>,
    /// Whether a page goes. Called on the store's thread: must be quick.
    pub goes: Arc<Meant>,
    /// What is written down as the reason.
    pub reason: SkipReason,
    /// Only count them.
    pub preview: bool,
}

impl fmt::Debug for Prune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prune")
            .field("site", &self.site)
            .field("reason", &self.reason)
            .field("preview", &self.preview)
            .finish_non_exhaustive()
    }
}

/// The rank of a page with this URL, in normal form, and this depth: the lowest
/// is fetched first.
pub type Rank = dyn Fn(&str, u32) -> u32 + Send + Sync;

/// Which queued pages are given other ranks.
#[derive(Clone)]
pub struct Reorder {
    /// Of this site.
    pub site: SiteId,
    /// Their ranks. Called on the store's thread: must be quick.
    pub rank: Arc<Rank>,
    /// Pages looked at, from the head of the queue on.
    pub most: u64,
}

impl fmt::Debug for Reorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reorder")
            .field("site", &self.site)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
