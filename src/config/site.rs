//! One site as the engine sees it: defaults applied, every value checked.

use super::blocks::BlockRule;
use super::ladder::{RungLimits, Rungs};
use super::source::{ApiRule, ListRule, Since, Strategy};
use crate::bus::{AlertRule, Budget};
use crate::page::{NormalForm, Rung};
use serde_json::Value;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// All sites of a run, in the order of the file.
#[derive(Clone)]
pub struct Job {
    /// The sites; [`crate::page::SiteId`] is an index into this list.
    pub sites: Vec<Arc<Site>>,
    /// Values that came from the environment, to be kept out of logs.
    pub secrets: Vec<String>,
    /// What is odd about the file and no fault, one line each.
    pub warnings: Vec<String>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("sites", &self.sites)
            .finish_non_exhaustive()
    }
}

/// One document of the sites file.
#[derive(Debug, Clone)]
pub struct Site {
    /// Unique in the job; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Where the crawl begins, in normal form; at least one.
    pub start: Vec<Url>,
    /// Where it ends at the latest.
    pub limits: Limits,
    /// How pages are found.
    pub discover: Discover,
    /// Which URLs belong to the site.
    pub scope: Scope,
    /// What counts as the same URL.
    pub url: NormalForm,
    /// How pages are got.
    pub fetch: Fetch,
    /// What is kept beside records.
    pub keep: Keep,
    /// What is taken from them.
    pub extract: Vec<RecordRule>,
    /// A digest of all of the above, by which a resumed run sees that the
    /// document has changed.
    pub digest: u64,
    /// When the operator is alerted.
    pub alerts: Arc<[AlertRule]>,
}

/// Ends of a site's crawl.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Pages to fetch at most; `None` is no limit.
    pub pages: Option<u64>,
    /// Links from the start page at most; `None` is no limit.
    pub depth: Option<u32>,
}

/// How pages are found.
#[derive(Debug, Clone)]
pub struct Discover {
    /// Sitemaps.
    pub sitemap: Sitemap,
    /// Whether links on pages are followed.
    pub links: bool,
    /// Whether `rel=nofollow` on a link and `nofollow` in a page's robots
    /// meta tag are obeyed.
    pub nofollow: bool,
    /// Before which moment entries of sitemaps are left out.
    pub since: Option<Since>,
    /// APIs that list URLs.
    pub api: Vec<Arc<ApiRule>>,
    /// Lists made by other tools.
    pub files: Vec<Arc<ListRule>>,
    /// New pages of one trap's shape at most; `None` is no limit.
    pub traps: Option<u64>,
    /// Which pages come first.
    pub strategy: Strategy,
    /// What [`Strategy::Focused`] looks for; given with it, and only then.
    pub target: Option<Pattern>,
}

impl Discover {
    /// [`Discover::traps`] where the sites file says nothing.
    pub const TRAPS: u64 = 1000;
}

impl Default for Discover {
    /// As where the sites file says nothing.
    fn default() -> Self {
        Self {
            sitemap: Sitemap::Auto,
            links: true,
            nofollow: true,
            since: None,
            api: Vec::new(),
            files: Vec::new(),
            traps: Some(Self::TRAPS),
            strategy: Strategy::Breadth,
            target: None,
        }
    }
}

/// Which sitemaps are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sitemap {
    /// Those that robots.txt names, else `/sitemap.xml`.
    Auto,
    /// None.
    Off,
    /// Just these.
    List(Vec<Url>),
}

/// Which URLs belong to the site.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Host names, lower case; a leading `*.` takes every subdomain. A name
    /// without a port takes any port of the scheme's default or of a start URL.
    pub hosts: Vec<String>,
    /// Path-and-query patterns of which one must match; empty takes all.
    pub include: Vec<Pattern>,
    /// Path-and-query patterns of which none may match.
    pub exclude: Vec<Pattern>,
}

/// A regular expression with the text the operator wrote.
#[derive(Debug, Clone)]
pub struct Pattern(pub regex::Regex);

/// How pages are got.
#[derive(Clone)]
pub struct Fetch {
    /// The ladder, cheapest rung first; at least one, none twice. The first
    /// works by this site's own concurrency and delay.
    pub via: Vec<Rung>,
    /// Options of the rungs in `via` above plain HTTP.
    pub rungs: Rungs,
    /// Workers at the start, 1 to [`Fetch::MAX_CONCURRENCY`].
    pub concurrency: u32,
    /// Within which bounds that number tunes itself; `None` where it does not.
    pub auto: Option<RangeInclusive<u32>>,
    /// Between the starts of two requests to one host.
    pub delay: Duration,
    /// Limits on the phases of one request.
    pub timeouts: Timeouts,
    /// Attempts after the first.
    pub retries: u32,
    /// Whether robots.txt is obeyed.
    pub robots: Robots,
    /// The `User-Agent` header; its product token chooses the group in robots.txt.
    pub user_agent: String,
    /// Further request headers, in order; values may be secrets.
    pub headers: Vec<(String, String)>,
    /// Whether private, loopback and link-local addresses may be asked.
    pub allow_private: bool,
    /// Largest body on the wire and after decompression, bytes.
    pub max_body: u64,
    /// Answers that are blocks too, beside those that are known.
    pub blocks: Arc<[BlockRule]>,
}

impl fmt::Debug for Fetch {
    /// Everything but the headers' values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Fetch")
            .field("via", &self.via)
            .field("rungs", &self.rungs)
            .field("concurrency", &self.concurrency)
            .field("auto", &self.auto)
            .field("delay", &self.delay)
            .field("timeouts", &self.timeouts)
            .field("retries", &self.retries)
            .field("robots", &self.robots)
            .field("user_agent", &self.user_agent)
            .field("headers", &names)
            .field("allow_private", &self.allow_private)
            .field("max_body", &self.max_body)
            .field("blocks", &self.blocks)
            .finish()
    }
}

impl Fetch {
    /// Bounds of a concurrency that tunes itself, unless it names its own.
    pub const AUTO: RangeInclusive<u32> = 1..=64;
    /// Most workers that one site can have.
    pub const MAX_CONCURRENCY: u32 = 1024;
    /// Longest delay.
    pub const MAX_DELAY: Duration = Duration::from_secs(3600);

    /// The limits of a rung. Plain HTTP, and any rung that stands first, have
    /// the site's own concurrency and delay.
    pub fn limits(&self, rung: Rung) -> RungLimits {
        self.rungs.limits(rung).copied().unwrap_or(RungLimits {
            concurrency: self.concurrency,
            delay: self.delay,
            timeout: self.timeouts.total,
            budget: Budget::default(),
        })
    }
}

/// Whether robots.txt is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Robots {
    /// RFC 9309.
    Obey,
    /// The operator's explicit loosening.
    Ignore,
}

/// Limits on the phases of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// From the request's start to the end of the response's headers.
    pub headers: Duration,
    /// Between two chunks of the body.
    pub idle: Duration,
    /// The whole request.
    pub total: Duration,
}

impl Timeouts {
    /// For an answer that comes as a whole when it is ready: no phase has a
    /// limit of its own but connecting.
    pub fn whole(connect: Duration, total: Duration) -> Self {
        Self {
            connect: connect.min(total),
            headers: total,
            idle: total,
            total,
        }
    }
}

/// What is kept beside records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Whether every answer is written to the archive.
    pub bodies: bool,
    /// How the archive is compressed.
    pub compress: Compress,
    /// Size at which a file of the archive is followed by the next, bytes.
    pub rotate: u64,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// A kind of record and the pages that carry it.
#[derive(Debug, Clone)]
pub struct RecordRule {
    /// The record's name.
    pub record: String,
    /// Path-and-query pattern of its pages; `None` takes every page.
    pub when: Option<Pattern>,
    /// Its fields, in the order of the file; at least one.
    pub fields: Vec<FieldRule>,
}

/// One field of a record, or of an object in it.
#[derive(Debug, Clone)]
pub struct FieldRule {
    /// The field's name.
    pub name: String,
    /// Where it is found.
    pub source: Source,
    /// Of its text only what this matches: the first group, or the whole.
    pub matching: Option<Pattern>,
    /// Fields of its own, which make it an object; empty where it is a value.
    pub fields: Vec<FieldRule>,
    /// Every match as a list, instead of the first.
    pub all: bool,
    /// What the text is turned into.
    pub cast: Cast,
    /// How a date is written, by `strptime`'s letters; by default as is common.
    pub format: Option<String>,
    /// Taken where nothing matches or the cast fails.
    pub default: Option<Value>,
    /// Without it (and without a default) the page yields no record.
    pub required: bool,
}

/// Where a field is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In elements.
    Css {
        /// The first of these that finds a value counts. None at all, within
        /// an object, is the object's own element.
        selectors: Vec<Selector>,
        /// What is taken of an element.
        pick: Pick,
        /// Where in the JSON that was picked.
        json: Option<JsonPath>,
    },
    /// In a page that is JSON, or in an object of one.
    Json(JsonPath),
    /// In the page's JSON-LD: a type, and names of properties behind it,
    /// separated by dots.
    JsonLd(String),
    /// The content of a `meta` element of this name, property or itemprop.
    Meta(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Css {
                selectors,
                pick,
                json,
            } => {
                for (place, selector) in selectors.iter().enumerate() {
                    let or = if place == 0 { "" } else { " or " };
                    write!(f, "{or}{}", selector.0)?;
                }
                if selectors.is_empty() {
                    f.write_str("itself")?;
                }
                if let Pick::Attr(name) = pick {
                    write!(f, " @{name}")?;
                }
                match json {
                    Some(path) => write!(f, " {}", path.0),
                    None => Ok(()),
                }
            }
            Self::Json(path) => f.write_str(&path.0),
            Self::JsonLd(path) => write!(f, "jsonld {path}"),
            Self::Meta(name) => write!(f, "meta {name}"),
        }
    }
}

/// A CSS selector, checked when the file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(pub String);

/// A JSONPath (RFC 9535), checked when the file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(pub String);

/// What is taken of a matched element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Its text, white space folded.
    Text,
    /// The value of an attribute.
    Attr(String),
}

/// What a field's text is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// As it is, white space folded.
    Text,
    /// A JSON number; thousands separators and a currency around it are dropped.
    Number,
    /// A number without decimals.
    Integer,
    /// `true` or `false`, of words that say so.
    Bool,
    /// A date by ISO 8601, with its time where it has one.
    Date,
    /// An absolute URL, resolved against the page's base.
    Url,
    /// The element's inner HTML.
    Html,
    /// The element's content as Markdown.
    Markdown,
    /// Parsed as JSON; what is JSON already, as it is.
    Json,
}
