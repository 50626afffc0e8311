//! Questions whose answers are too long for a snapshot.

use super::Reply;
use super::filter::{PageFilter, PageOrder};
use super::linked::{Linked, LinkedList, PageLinks};
use super::log::{LogFilter, LogList};
use super::search::{Place, Search, Searched, field_text};
use crate::page::time::time_of_day;
use crate::page::{FailureKind, PageId, PageState, SiteId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

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
    /// Failed pages by kind, status and host; [`Told::Groups`].
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
    /// A screenful of dead links or orphans; [`Told::Linked`].
    Linked {
        /// Which of the two.
        of: Linked,
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
    /// A site's hosts and rules; [`Told::Site`].
    Site(SiteId),
}

/// The answer to an [`Ask`], one variant for each kind of question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// To [`Ask::Pages`].
    Pages(PageList),
    /// To [`Ask::Groups`], the largest first.
    Groups(Vec<FailureGroup>),
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
    /// To [`Ask::Site`]; `None` where there is no such site.
    Site(Option<Box<SiteDetail>>),
    /// The question could not be answered, and why.
    Refused(String),
}

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

/// A screenful of records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecordList {
    /// How many match in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// The fields of all rows, in the order of their first appearance.
    pub columns: Vec<String>,
    /// Of a search, how far it has come; `total` is of all rows all the same.
    #[serde(default)]
    pub searched: Option<Searched>,
    /// The rows, latest first.
    pub rows: Vec<RecordRow>,
}

/// A record in a list. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordRow {
    /// The record's number: its page's `<< 16`, and which of its page's it is.
    pub id: u64,
    /// When its page ended, milliseconds since the epoch.
    pub at: u64,
    /// Its page; `None` where an API gave it.
    pub page: Option<PageId>,
    /// Its site.
    pub site: SiteId,
    /// The record's name.
    pub record: String,
    /// The page's URL, or the API's without its query.
    pub url: String,
    /// The fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl RecordRow {
    /// Where it stands among the latest.
    pub fn place(&self) -> Place {
        Place {
            at: self.at,
            id: self.id,
        }
    }

    /// Whether a search takes it: by its fields' values, its name and its URL.
    pub fn is_found(&self, search: &Search) -> bool {
        let fields = self.fields.values().map(field_text);
        search.takes(fields.chain([self.record.clone(), self.url.clone()]))
    }
}

/// A screenful of the journal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct JournalList {
    /// How many there are in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// Of a search, how far it has come; `total` is of all rows all the same.
    #[serde(default)]
    pub searched: Option<Searched>,
    /// The rows, latest first.
    pub rows: Vec<JournalRow>,
}

/// A command that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRow {
    /// Its number.
    pub id: u64,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// Who asked: an origin's name.
    pub origin: String,
    /// What, in the words of `crawldeck ctl`.
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

impl JournalRow {
    /// Where it stands among the latest.
    pub fn place(&self) -> Place {
        Place {
            at: self.id,
            id: self.id << 16,
        }
    }

    /// Whether a search takes it, by any of its columns.
    pub fn is_found(&self, search: &Search) -> bool {
        search.takes([
            &time_of_day(self.at),
            &self.origin,
            &self.command,
            &self.before,
            &self.after,
            &self.answer,
        ])
    }
}

/// How a page has changed since the round before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It was not there before.
    New,
    /// Its records, or where it has none its body, are others.
    Changed,
    /// It is there no longer.
    Gone,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::New, Self::Changed, Self::Gone];

    /// The kind's name in exports and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }
}

/// A screenful of changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ChangeList {
    /// How many there are in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// Of a search, how far it has come; `total` is of all rows all the same.
    #[serde(default)]
    pub searched: Option<Searched>,
    /// The rows, latest first.
    pub rows: Vec<ChangeRow>,
}

/// A change in a list. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The change's number, from the oldest.
    #[serde(default)]
    pub id: u64,
    /// The page.
    pub page: PageId,
    /// Its site.
    pub site: SiteId,
    /// The round that found it.
    pub round: u64,
    /// How the page has changed.
    pub kind: ChangeKind,
    /// The page's URL.
    pub url: String,
    /// When it was found, milliseconds since the epoch.
    pub at: u64,
    /// What has changed, in words: fields with both values, or why it is gone.
    pub what: String,
}

impl ChangeRow {
    /// Where it stands among the latest.
    pub fn place(&self) -> Place {
        Place {
            at: self.id,
            id: self.id << 16,
        }
    }

    /// Whether a search takes it: by its kind, its URL and what has changed.
    pub fn is_found(&self, search: &Search) -> bool {
        search.takes([self.kind.as_str(), &self.url, &self.what])
    }
}

/// What a site's supervisor knows and no snapshot holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SiteDetail {
    /// Its hosts; those with most work first.
    pub hosts: Vec<HostRow>,
    /// Traps that have left links out, or were lifted; those with most first.
    #[serde(default)]
    pub traps: Vec<TrapRow>,
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
