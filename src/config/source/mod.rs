//! Where URLs come from besides links and sitemaps: lists and APIs.

pub mod raw;
mod resolve;

pub(super) use self::resolve::{api, list};

use super::rule::RecordRule;
use serde_json_path::JsonPath;
use std::fmt;
use std::path::PathBuf;
use url::{Position, Url};
use xxhash_rust::xxh3::xxh3_64;

/// A list of URLs made by another tool.
#[derive(Debug, Clone)]
pub struct ListRule {
    /// Where it is.
    pub from: ListFrom,
    /// What it is; `None` tells it by its name and its first bytes.
    pub format: Option<ListFormat>,
    /// The column of a table that holds the URLs; `None` looks for it.
    pub column: Option<Column>,
    /// What in a line of JSON is the URL; `None` looks for it.
    pub path: Option<JsonQuery>,
}

impl ListRule {
    /// Tells one list from another, whatever else the sites file says.
    pub fn key(&self) -> u64 {
        xxh3_64(format!("{self:?}").as_bytes())
    }
}

/// Where a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFrom {
    /// A file on this machine.
    File(PathBuf),
    /// To be fetched.
    Url(Url),
}

impl fmt::Display for ListFrom {
    /// A URL without its query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(&url[..Position::AfterPath]),
        }
    }
}

/// What a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// A URL a line.
    Lines,
    /// A table: values parted by commas, semicolons or tabs.
    Table,
    /// A JSON value a line.
    JsonLines,
    /// A sitemap or a feed.
    Sitemap,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// By its name in the first row.
    Name(String),
    /// By its number, from 1.
    Number(usize),
}

/// A JSONPath (RFC 9535) with the text the operator wrote.
#[derive(Clone)]
pub struct JsonQuery {
    /// As written.
    pub text: String,
    /// Ready to ask.
    pub path: JsonPath,
}

impl fmt::Debug for JsonQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// An API whose answers list URLs, hold records, or do both.
#[derive(Clone)]
pub struct ApiRule {
    /// Its address, with `{page}`, `{offset}` or `{cursor}` in it.
    pub url: String,
    /// Whether it is asked with POST.
    pub post: bool,
    /// Further request headers; values may be secrets.
    pub headers: Vec<(String, String)>,
    /// What is posted, with the same marks in it; may hold secrets.
    pub body: Option<String>,
    /// Which values of an answer are URLs, or the items that hold them.
    pub urls: Option<JsonQuery>,
    /// The kinds of records that an answer holds; without `urls` at least one.
    pub records: Vec<ItemRule>,
    /// Makes a URL of a value, or of an item's keys: `https://…/item/{id}`.
    pub item: Option<String>,
    /// How the next answer is asked for.
    pub paging: Paging,
    /// Answers at most.
    pub limit: u64,
}

/// A kind of record that stands in an API's answers.
#[derive(Debug, Clone)]
pub struct ItemRule {
    /// Which values of an answer are records.
    pub items: JsonQuery,
    /// What is taken of each; its paths begin at the item.
    pub rule: RecordRule,
}

/// How an API's answers follow each other.
#[derive(Debug, Clone)]
pub enum Paging {
    /// There is one alone.
    Single,
    /// By a number, put in the place of `{page}` or `{offset}`.
    Count {
        /// The mark's name.
        mark: &'static str,
        /// The first number.
        from: u64,
        /// What is added each time; at least 1.
        step: u64,
        /// The last number.
        to: Option<u64>,
    },
    /// By a value of the last answer, put in the place of `{cursor}`.
    Cursor {
        /// Where that value is.
        at: JsonQuery,
        /// What stands there in the first request.
        first: String,
    },
    /// By the address in a value of the last answer.
    Next(JsonQuery),
    /// By the last answer's header `Link: <…>; rel="next"`.
    Link,
}

impl ApiRule {
    /// Answers at most, where the sites file says nothing.
    pub const LIMIT: u64 = 10_000;

    /// Its address without its query, which may hold a secret.
    pub fn name(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// The root of its host.
    pub(in crate::config) fn home(&self) -> Option<Url> {
        // A mark may stand where a host or a port cannot.
        let marks = ["{page}", "{offset}", "{cursor}"];
        let sample = marks
            .iter()
            .fold(self.url.clone(), |url, mark| url.replace(mark, "1"));
        Url::parse(&sample).ok()?.join("/").ok()
    }

    /// Tells whose records an answer's are: the same under other fields, other
    /// headers and another way of paging. Another beginning of the same API
    /// replaces them.
    pub fn source(&self) -> u64 {
        if self.records.is_empty() {
            return self.key();
        }
        let names: Vec<&str> = self
            .records
            .iter()
            .map(|item| item.rule.record.as_str())
            .collect();
        xxh3_64(format!("{}{:?}{names:?}", self.url, self.body).as_bytes())
    }

    /// Tells what is asked, whatever comes of it.
    pub(super) fn address(&self) -> u64 {
        xxh3_64(format!("{}{}{:?}", self.url, self.post, self.body).as_bytes())
    }

    /// Tells one API from another, whatever else the sites file says.
    pub fn key(&self) -> u64 {
        let text = format!("{self:?}{:?}{:?}", self.headers, self.body);
        xxh3_64(text.as_bytes())
    }
}

impl fmt::Debug for ApiRule {
    /// Everything but the headers' values and the body, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ApiRule")
            .field("url", &self.url)
            .field("post", &self.post)
            .field("headers", &names)
            .field("urls", &self.urls)
            .field("records", &self.records)
            .field("item", &self.item)
            .field("paging", &self.paging)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// In which order pages are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Those nearest to the start first.
    #[default]
    Breadth,
    /// Those farthest from the start first.
    Depth,
    /// Those first that lead to pages of [`super::Discover::target`].
    Focused,
}

impl Strategy {
    /// Its name in the sites file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Breadth => "breadth",
            Self::Depth => "depth",
            Self::Focused => "focused",
        }
    }
}

/// Before which moment a sitemap's entries are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Before this moment, seconds since 1970.
    Moment(i64),
    /// Longer ago than this, seconds.
    Ago(i64),
}

impl Since {
    /// The moment, where it is `now` (both in seconds since 1970).
    pub fn moment(self, now: i64) -> i64 {
        match self {
            Self::Moment(at) => at,
            Self::Ago(seconds) => now.saturating_sub(seconds),
        }
    }
}

#[cfg(test)]
mod tests;
