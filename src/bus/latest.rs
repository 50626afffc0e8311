//! What is told of the latest records, commands and changes.

use super::search::{Place, Search, Searched, field_text};
use crate::page::time::time_of_day;
use crate::page::{PageId, SiteId};
use serde::{Deserialize, Serialize};

/// A row among the latest, which can be looked for.
pub trait LatestRow {
    /// Where it stands among them.
    fn place(&self) -> Place;

    /// Whether a search takes it.
    fn is_found(&self, search: &Search) -> bool;
}

/// A screenful of the latest rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LatestList<R> {
    /// How many there are in all.
    pub total: u64,
    /// The place of the first row.
    pub offset: u64,
    /// Of a search, how far it has come; `total` is of all rows all the same.
    #[serde(default)]
    pub searched: Option<Searched>,
    /// The rows, latest first.
    pub rows: Vec<R>,
}

/// A screenful of the journal.
pub type JournalList = LatestList<JournalRow>;
/// A screenful of changes.
pub type ChangeList = LatestList<ChangeRow>;

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

impl LatestRow for RecordRow {
    fn place(&self) -> Place {
        Place {
            at: self.at,
            id: self.id,
        }
    }

    // By its fields' values, its name and its URL.
    fn is_found(&self, search: &Search) -> bool {
        let fields = self.fields.values().map(field_text);
        search.takes(fields.chain([self.record.clone(), self.url.clone()]))
    }
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

impl LatestRow for JournalRow {
    fn place(&self) -> Place {
        Place {
            at: self.id,
            id: self.id << 16,
        }
    }

    // By any of its columns.
    fn is_found(&self, search: &Search) -> bool {
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

impl LatestRow for ChangeRow {
    fn place(&self) -> Place {
        Place {
            at: self.id,
            id: self.id << 16,
        }
    }

    // By its kind, its URL and what has changed.
    fn is_found(&self, search: &Search) -> bool {
        search.takes([self.kind.as_str(), &self.url, &self.what])
    }
}
