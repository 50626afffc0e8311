//! What is told of pages and sites.

use super::linked::PageLinks;
use super::source::{FailedSource, SourceRow};
use crate::page::{FailureKind, PageId, PageState, SiteId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A screenful of pages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PageList {
    /// How many match in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// The rows.
    pub rows: Vec<PageRow>,
}

/// A page in a list. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRow {
    /// The page.
    pub id: PageId,
    /// Its site.
    pub site: SiteId,
    /// Its URL in normal form.
    pub url: String,
    /// What became of it.
    pub state: PageState,
    /// The failure's kind, for a failed page.
    pub kind: Option<FailureKind>,
    /// The kind or reason behind the state; empty for none.
    pub reason: String,
    /// The last HTTP status, where there was one.
    pub status: Option<u16>,
    /// Links from the start page.
    pub depth: u32,
    /// Attempts made.
    pub attempts: u32,
    /// Bytes of body on the wire.
    pub bytes: u64,
    /// How long the last attempt took, milliseconds.
    pub elapsed_ms: Option<u32>,
    /// When it ended, milliseconds since the epoch; 0 for a queued page.
    pub at: u64,
    /// For a queued page that waits for its retry: when that falls due,
    /// milliseconds since the epoch.
    pub due: Option<u64>,
}

/// What failed: pages, and sources of their URLs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// Pages by kind, status and host; the largest group first.
    pub groups: Vec<FailureGroup>,
    /// Sitemaps, lists and APIs, by site, the latest first; those of many are cut.
    pub sources: Vec<FailedSource>,
    /// How many of these there are in all.
    pub sources_total: u64,
}

/// Failed pages that failed alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureGroup {
    /// How.
    pub kind: FailureKind,
    /// With which HTTP status.
    pub status: Option<u16>,
    /// At which host: name, and port where the URL has one.
    pub host: String,
    /// How many.
    pub count: u64,
    /// How many in each of the last twelve times five minutes, oldest first.
    pub trend: [u32; 12],
}

/// One try at a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, milliseconds since the epoch.
    pub at: u64,
    /// The rung's name.
    pub rung: Cow<'static, str>,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Why it failed; `None` where it did not.
    pub kind: Option<FailureKind>,
    /// How long it took, milliseconds.
    pub elapsed_ms: u32,
    /// Bytes of body on the wire.
    pub bytes: u64,
    /// The error in words; empty where there was none.
    pub detail: String,
    /// A picture of what came: folder and file, in the job's folder. Of attempts
    /// that are told of the last one alone has it, with its whole path.
    #[serde(default)]
    pub picture: Option<Arc<str>>,
}

/// A response header; the value's bytes are shown lossily.
pub type Header = (String, String);

/// All that is known of a page. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PageDetail {
    /// The page.
    pub id: PageId,
    /// Its site.
    pub site: SiteId,
    /// Its URL in normal form.
    pub url: String,
    /// What became of it.
    pub state: PageState,
    /// The kind or reason behind it.
    pub reason: String,
    /// Links from the start page.
    pub depth: u32,
    /// How it was found: `start`, `sitemap`, `link`, `redirect` or `operator`.
    pub via: Cow<'static, str>,
    /// Every recorded attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// The last response's headers, kept for failed pages.
    pub headers: Vec<Header>,
    /// Media type of the last answer, lower case; empty where there was none.
    pub content_type: String,
    /// The first 4 KiB of the last response's body, kept for failed pages.
    pub body: Vec<u8>,
    /// URLs from the start page to this one's finder, start first.
    pub path: Vec<String>,
    /// Where it redirects to; empty for a page that does not.
    pub redirect: String,
    /// Its records: the rule's name, and the fields as a JSON object.
    pub records: Vec<(String, String)>,
    /// Its links; `None` where its site keeps none.
    #[serde(default)]
    pub links: Option<PageLinks>,
}

/// Why a URL was taken or left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Why {
    /// The URL in normal form; as it was asked where it has none.
    pub url: String,
    /// What the site's rules, as they are now, say: the rule that took or
    /// refused it, in words.
    pub verdict: String,
    /// Whether they take it.
    pub taken: bool,
    /// What is known of the page, where it is known.
    pub page: Option<Box<PageDetail>>,
    /// Records that answers of APIs at this address gave, whatever its query.
    #[serde(default)]
    pub answered: u64,
}

/// What a site's supervisor, or the store, knows and no snapshot holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SiteDetail {
    /// Its hosts; those with most work first.
    pub hosts: Vec<HostRow>,
    /// Traps that have left links out, or were lifted; those with most first.
    #[serde(default)]
    pub traps: Vec<TrapRow>,
    /// Its sitemaps, lists and APIs; those that failed first.
    #[serde(default)]
    pub sources: Vec<SourceRow>,
    /// Its scope rules in words, in the order in which they are applied.
    pub rules: Vec<String>,
    /// What it takes from pages, in words.
    pub records: Vec<String>,
}

/// A shape of URLs of which a site has no end. The shape is text as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrapRow {
    /// What kind of trap, in words.
    pub kind: Cow<'static, str>,
    /// The shape, with what varies in braces.
    pub shape: String,
    /// New pages taken.
    pub taken: u64,
    /// Links left out.
    pub left: u64,
    /// Whether the operator has lifted it.
    pub lifted: bool,
}

/// One host of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRow {
    /// Scheme, name and port.
    pub origin: String,
    /// Leased pages that wait for it.
    pub waiting: u64,
    /// Requests in flight.
    pub in_flight: u32,
    /// Paused by the operator.
    pub paused: bool,
    /// Why nothing is asked of it just now, in words; empty where something may be.
    pub held: String,
    /// Until it may be asked again.
    pub rest: Option<Duration>,
    /// What its robots.txt says, in words.
    pub robots: String,
}
