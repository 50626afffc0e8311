//! Questions whose answers are too long for a snapshot.

use super::Reply;
use super::filter::{PageFilter, PageOrder};
use super::latest::{ChangeKind, ChangeList, JournalList, RecordList};
use super::linked::{Degree, Linked, LinkedList};
use super::log::{LogFilter, LogList};
use super::search::Search;
use super::source::SourceRow;
use super::told::{Failures, PageDetail, PageList, SiteDetail, Why};
use crate::page::{PageId, SiteId};
use serde::{Deserialize, Serialize};

/// One question, on its way to the engine.
#[derive(Debug)]
pub struct Query {
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes. An engine that has ended answers no more.
    pub reply: Reply<Told>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A screenful of pages; answered by [`Told::Pages`].
    Pages {
        /// Which.
        filter: PageFilter,
        /// In which order.
        order: PageOrder,
        /// The order turned round; what has no place in it comes last all the same.
        #[serde(default)]
        reverse: bool,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
    },
    /// Failed pages by kind, status and host, and the failed sources of the
    /// filter's site or of all; [`Told::Groups`].
    Groups(PageFilter),
    /// All that is known of one page; [`Told::Page`].
    Page(PageId),
    /// The page with this URL, and what the site's rules say of it, known or
    /// not; [`Told::Why`].
    Why {
        /// The site.
        site: SiteId,
        /// An absolute URL, in any form.
        url: String,
    },
    /// The latest records; [`Told::Records`].
    Records {
        /// Only of this site.
        site: Option<SiteId>,
        /// Only of this name.
        record: Option<String>,
        /// Only those that it finds; `offset` does not count then.
        #[serde(default)]
        search: Option<Search>,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
    },
    /// A screenful of pages by their links; [`Told::Linked`].
    Linked {
        /// Which.
        of: Linked,
        /// By what [`Linked::Degrees`] are sorted.
        #[serde(default)]
        by: Degree,
        /// Whether those with fewest come first.
        #[serde(default)]
        reverse: bool,
        /// Only of this site.
        site: Option<SiteId>,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
    },
    /// The latest commands; [`Told::Journal`].
    Journal {
        /// Only those that it finds; `offset` does not count then.
        #[serde(default)]
        search: Option<Search>,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
    },
    /// The latest changes that rounds of crawling again found; [`Told::Changes`].
    Changes {
        /// Only of this site.
        site: Option<SiteId>,
        /// Only of this kind.
        kind: Option<ChangeKind>,
        /// Only those that it finds; `offset` does not count then.
        #[serde(default)]
        search: Option<Search>,
        /// How many to pass over.
        offset: u64,
        /// How many to give.
        limit: usize,
    },
    /// A part of the log's last lines; [`Told::Log`].
    Log {
        /// Which.
        filter: LogFilter,
        /// How many of the oldest to pass over; `None` for the newest.
        offset: Option<u64>,
        /// How many to give.
        limit: usize,
    },
    /// A site's sitemaps, lists and APIs, failed ones first; [`Told::Sources`].
    Sources(SiteId),
    /// A site's hosts and rules; [`Told::Site`].
    Site(SiteId),
}

/// The answer to an [`Ask`], one variant for each kind of question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// To [`Ask::Pages`].
    Pages(PageList),
    /// To [`Ask::Groups`].
    Groups(Failures),
    /// To [`Ask::Page`]; `None` where there is no such page.
    Page(Option<Box<PageDetail>>),
    /// To [`Ask::Why`].
    Why(Box<Why>),
    /// To [`Ask::Records`].
    Records(RecordList),
    /// To [`Ask::Linked`].
    Linked(LinkedList),
    /// To [`Ask::Journal`].
    Journal(JournalList),
    /// To [`Ask::Changes`].
    Changes(ChangeList),
    /// To [`Ask::Log`].
    Log(LogList),
    /// To [`Ask::Sources`].
    Sources(Vec<SourceRow>),
    /// To [`Ask::Site`]; `None` where there is no such site.
    Site(Option<Box<SiteDetail>>),
    /// The question could not be answered, and why.
    Refused(String),
}
