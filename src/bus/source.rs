//! Where URLs come from besides links, and what became of each.

use crate::page::SiteId;
use serde::{Deserialize, Serialize};

/// What kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A sitemap or a feed.
    Sitemap,
    /// A list made by another tool.
    List,
    /// An API.
    Api,
}

impl SourceKind {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Sitemap, Self::List, Self::Api];

    /// Its name on screen and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sitemap => "sitemap",
            Self::List => "list",
            Self::Api => "api",
        }
    }
}

/// How far a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Named, and not asked yet.
    Waiting,
    /// Some of it is read, and there is more.
    Reading,
    /// Read to its end.
    Done,
    /// It could not be had, or not be read to its end. The next run asks again,
    /// and the operator can have it asked before.
    Failed,
}

impl SourceState {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Reading, Self::Done, Self::Failed];

    /// Its name on screen and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reading => "reading",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A source of URLs. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRow {
    /// What it is.
    pub kind: SourceKind,
    /// Its address, without what may be a secret.
    pub name: String,
    /// How far it is read.
    pub state: SourceState,
    /// Entries, rows or answers read.
    pub read: u64,
    /// URLs found in it.
    pub urls: u64,
    /// Entries, rows or items of which no URL or no record could be made.
    pub bad: u64,
    /// What went wrong last, with an excerpt; empty where nothing did.
    pub problem: String,
    /// When it was last heard of, milliseconds since the epoch.
    pub at: u64,
}

/// A source that failed, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSource {
    /// The site.
    pub site: SiteId,
    /// The source.
    pub source: SourceRow,
}
