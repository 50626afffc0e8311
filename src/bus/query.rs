//! Questions whose answers are too long for a snapshot.

use super::Reply;
use crate::page::{FailureKind, PageId, SiteId};

/// Which failed pages, all parts of it together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// Only of this site.
    pub site: Option<SiteId>,
    /// Only of this kind.
    pub kind: Option<FailureKind>,
    /// Only with this in the URL, without regard to ASCII case; empty for all.
    pub text: String,
    /// Those without `text` instead of those with it.
    pub invert: bool,
}

/// One question.
#[derive(Debug)]
pub enum Query {
    /// A screenful of failed pages, newest first.
    Failures {
        /// Which.
        filter: FailureFilter,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
        /// Where the answer goes.
        reply: Reply<FailureList>,
    },
    /// All that is known of one page; `None` where there is no such page.
    Page {
        /// Which.
        id: PageId,
        /// Where the answer goes.
        reply: Reply<Option<Box<PageDetail>>>,
    },
}

/// A screenful of failed pages.
#[derive(Debug, Clone, Default)]
pub struct FailureList {
    /// How many match in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// The rows.
    pub rows: Vec<FailureRow>,
}

/// A failed page in a list. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone)]
pub struct FailureRow {
    /// The page.
    pub id: PageId,
    /// Its site.
    pub site: SiteId,
    /// Its URL in normal form.
    pub url: String,
    /// Why it failed.
    pub kind: FailureKind,
    /// The last HTTP status, where there was one.
    pub status: Option<u16>,
    /// Attempts made.
    pub attempts: u32,
    /// When it failed, milliseconds since the epoch.
    pub at: u64,
}

/// One try at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began, milliseconds since the epoch.
    pub at: u64,
    /// The rung's name.
    pub rung: &'static str,
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
}

/// A response header; the value's bytes are shown lossily.
pub type Header = (String, String);

/// All that is known of a page. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone)]
pub struct PageDetail {
    /// The page.
    pub id: PageId,
    /// Its site.
    pub site: SiteId,
    /// Its URL in normal form.
    pub url: String,
    /// `done`, `failed`, `skipped` or `queued`.
    pub outcome: &'static str,
    /// The kind or reason behind it.
    pub reason: String,
    /// Links from the start page.
    pub depth: u32,
    /// Every recorded attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// The last response's headers, kept for failed pages.
    pub headers: Vec<Header>,
    /// The first 4 KiB of the last response's body, kept for failed pages.
    pub body: Vec<u8>,
    /// URLs from the start page to this one's finder, start first.
    pub path: Vec<String>,
}
