//! Which pages are meant.

use crate::page::{FailureKind, PageId, PageState, SiteId};
use serde::{Deserialize, Serialize};

/// Which pages, all parts of it together. The default is every page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageFilter {
    /// Only of this site.
    pub site: Option<SiteId>,
    /// Only in this state.
    pub state: Option<PageState>,
    /// Only failed in this way.
    pub kind: Option<FailureKind>,
    /// Only with this last HTTP status.
    pub status: Option<u16>,
    /// Only of this host: name, and port where the URL has one; lower case.
    pub host: Option<String>,
    /// Only at this depth.
    pub depth: Option<u32>,
    /// Only with this in the URL, without regard to ASCII case; empty for all.
    pub text: String,
    /// Those without `text` instead of those with it.
    pub invert: bool,
}

impl PageFilter {
    /// Every failed page.
    pub fn failed() -> Self {
        Self {
            state: Some(PageState::Failed),
            ..Self::default()
        }
    }
}

/// In which order pages are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageOrder {
    /// The page that ended last comes first; pages that have not ended, last.
    #[default]
    Newest,
    /// As they were discovered.
    Found,
    /// As they are to be fetched; only queued pages.
    Queue,
    /// The slowest answer first.
    Slowest,
    /// The largest body first.
    Largest,
    /// By URL.
    Url,
    /// As in the sites file.
    Site,
    /// Done, failed, skipped, queued.
    State,
    /// By the kind or reason behind the state; pages without one, last.
    Reason,
    /// By the last HTTP status; pages without one, last.
    Status,
    /// The most attempts first.
    Tries,
    /// The start page first.
    Depth,
    /// What may be fetched first; only of queued pages, others come last.
    Due,
}

/// Pages to do something to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Just these.
    Pages(Vec<PageId>),
    /// All that match.
    Matching(PageFilter),
}
