//! One site as the engine sees it: defaults applied, every value checked.

use super::blocks::BlockRule;
use super::ladder::{RungLimits, Rungs};
use super::rule::RecordRule;
use super::source::{ApiRule, ListRule, Since, Strategy};
use crate::bus::AlertRule;
use crate::page::{NormalForm, Rung};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

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
    /// Where the crawl begins, in normal form; none where its APIs, lists or
    /// sitemaps alone name its pages.
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

impl Site {
    /// Every kind of record: those of pages, then those of each API. Their
    /// places in this order are what they are counted by.
    pub fn records(&self) -> impl Iterator<Item = &RecordRule> {
        let apis = self.discover.api.iter();
        let items = apis.flat_map(|api| api.records.iter().map(|item| &item.rule));
        self.extract.iter().chain(items)
    }

    /// What relative addresses are relative to that stand on no page: the first
    /// start page, or else the root of the first host.
    pub fn home(&self) -> Option<Url> {
        let hosts = self.scope.hosts.iter();
        let root = || {
            let host = hosts.map(|host| host.trim_start_matches("*."));
            host.into_iter()
                .find_map(|host| Url::parse(&format!("https://{host}/")).ok())
        };
        self.start.first().cloned().or_else(root)
    }

    /// Tells an API of this site from its others, whatever it is sent besides
    /// address and body, and whatever is taken of its answers; `None` of one
    /// that the site has no more.
    pub fn api_place(&self, api: &ApiRule) -> Option<u64> {
        let address = api.address();
        let mut same = self
            .discover
            .api
            .iter()
            .filter(|known| known.address() == address);
        let nth = same.position(|known| known.key() == api.key())?;
        Some(xxh3_64(format!("{address:016x} {nth}").as_bytes()))
    }

    /// Tells how an API is asked, and what becomes of the URLs in its answers,
    /// whatever its records are.
    pub fn api_asks(&self, api: &ApiRule) -> u64 {
        let bare = ApiRule {
            records: Vec::new(),
            ..api.clone()
        };
        let mut text = format!("{:016x}", bare.key());
        if api.urls.is_some() {
            let found = (&self.limits, &self.scope, &self.url, self.discover.traps);
            text.push_str(&format!("{found:?}"));
        }
        xxh3_64(text.as_bytes())
    }

    /// The place of an API's first kind of record among [`Site::records`].
    pub fn first_record(&self, api: &ApiRule) -> Option<usize> {
        let mut place = self.extract.len();
        for known in &self.discover.api {
            if known.key() == api.key() {
                return Some(place);
            }
            place += known.records.len();
        }
        None
    }
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
    /// Whether `lastmod` may say that a page need not be asked again.
    pub lastmod: bool,
    /// What a page's canonical URL means.
    pub canonical: Canonical,
    /// Whether pages that ask not to be indexed yield no records.
    pub skip_noindex: bool,
    /// Whether other languages of a page are followed.
    pub hreflang: bool,
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
            lastmod: true,
            canonical: Canonical::Record,
            skip_noindex: false,
            hreflang: false,
            since: None,
            api: Vec::new(),
            files: Vec::new(),
            traps: Some(Self::TRAPS),
            strategy: Strategy::Breadth,
            target: None,
        }
    }
}

/// What a page's canonical URL means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Canonical {
    /// It is written down.
    #[default]
    Record,
    /// It also becomes known, as a link does.
    Follow,
    /// And a page whose canonical is another page of the site yields no record.
    Only,
}

impl Canonical {
    /// Its name in the sites file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Follow => "follow",
            Self::Only => "only",
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
            budget: self.rungs.http.budget,
            cost: self.rungs.http.cost,
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
    /// Whether the links between pages are kept.
    pub links: bool,
    /// Whether a digest of each page's text is kept.
    pub duplicates: bool,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}
