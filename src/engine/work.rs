//! What a worker is given, and what it says when it is done.

use super::host::Health;
use crate::bus::WorkerId;
use crate::config::{ApiRule, ListRule};
use crate::discover::api::Turn;
use crate::discover::robots::Rules;
use crate::page::{FailureKind, PageId};
use crate::store::Leased;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::{Position, Url};

/// A leased page with its URL parsed.
#[derive(Debug)]
pub struct Page {
    /// The lease.
    pub leased: Leased,
    /// Its URL.
    pub url: Url,
}

/// A file that helps to find pages, and is not a page itself.
#[derive(Debug, Clone)]
pub struct Errand {
    /// What it is.
    pub kind: ErrandKind,
    /// Where it is.
    pub url: Url,
    /// Attempts made before.
    pub tries: u32,
    /// Whether robots.txt is asked about it, as about a page: lists and APIs
    /// on a host of the site.
    pub judged: bool,
}

impl Errand {
    /// Its address as it is shown: those of the sites file's own may hold a
    /// secret in their query.
    pub fn shown(&self) -> &str {
        match self.kind {
            ErrandKind::Robots | ErrandKind::Sitemap { .. } => self.url.as_str(),
            ErrandKind::List(_) | ErrandKind::Api(_) => &self.url[..Position::AfterPath],
        }
    }
}

/// Which file an errand fetches.
#[derive(Debug, Clone)]
pub enum ErrandKind {
    /// robots.txt of the host.
    Robots,
    /// A sitemap, this many indexes deep; `asked` where the operator or
    /// robots.txt named it, so that its absence is worth a word.
    Sitemap {
        /// Indexes above it.
        nesting: u8,
        /// Whether somebody named it.
        asked: bool,
    },
    /// A list made by another tool.
    List(Arc<ListRule>),
    /// One answer of an API.
    Api(Box<ApiCall>),
}

/// What is asked of an API.
#[derive(Clone)]
pub struct ApiCall {
    /// The API.
    pub rule: Arc<ApiRule>,
    /// Which of its answers.
    pub turn: Turn,
    /// What is posted, which may hold secrets; `None` is a GET.
    pub body: Option<String>,
}

impl fmt::Debug for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall")
            .field("rule", &self.rule)
            .field("turn", &self.turn)
            .finish_non_exhaustive()
    }
}

/// One thing for a worker to do.
#[derive(Debug)]
pub enum Work {
    /// Fetch a page.
    Page(Page),
    /// Run an errand.
    Errand(Errand),
}

/// An attempt's time, status and kind of failure.
pub type Sample = (Duration, Option<u16>, Option<FailureKind>);

/// What a worker says when it is done with its work.
#[derive(Debug)]
pub struct Report {
    /// Who.
    pub worker: WorkerId,
    /// The host it asked.
    pub origin: Arc<str>,
    /// The page, if it was one.
    pub page: Option<PageId>,
    /// How the host fared; `None` where it was not asked after all.
    pub health: Option<Health>,
    /// How long the attempt took and how it ended, for the tuning.
    pub sample: Option<Sample>,
    /// For how long the server asked to be left alone.
    pub hold: Option<Duration>,
    /// Whether the page will come round again and so does not count yet.
    pub again: bool,
    /// Why the page ended without being had, if it did.
    pub why: Option<String>,
    /// What came of an errand.
    pub errand: Option<ErrandResult>,
}

/// What came of an errand.
#[derive(Debug)]
pub enum ErrandResult {
    /// The host's robots rules.
    Robots(Result<Arc<Rules>, Arc<str>>, Vec<String>),
    /// What was fetched was handed to the CPU pool, which will say what it holds.
    Reading,
    /// The sitemap could not be had; why, where that is worth a word.
    NoSitemap(Option<String>),
    /// The list or the API of this key could not be had; why.
    NoSource(String, String),
    /// It failed for now; run it again after this wait.
    Again(Errand, Duration),
}
