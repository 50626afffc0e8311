//! What a worker is given, and what it says when it is done.

use super::host::Health;
use super::ladder::Place;
use super::source::Source;
use crate::bus::{Attempt, WorkerId};
use crate::config::{ApiRule, ListRule};
use crate::discover::api::Turn;
use crate::discover::robots::Rules;
use crate::fetch::Trouble;
use crate::page::{FailureKind, PageId, Rung};
use crate::store::{Commit, Leased};
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
    /// By which rung it is fetched next.
    pub rung: Rung,
    /// Its way up, on a ladder of more than one rung.
    pub way: Option<Box<Way>>,
}

/// A page's way up the ladder in this lease.
#[derive(Debug)]
pub struct Way {
    /// The family of pages that it belongs to.
    pub family: u64,
    /// Its host.
    pub host: u64,
    /// Where it began.
    pub began: Rung,
    /// The place known to work for its like, where a lower one is tried again.
    pub known: Option<Place>,
    /// Whether it is made by scripts.
    pub scripts: bool,
    /// Attempts on lower rungs, the last one left out.
    pub before: Vec<Attempt>,
    /// How it ends where it can climb no further; holds the last attempt.
    pub last: Option<Box<Commit>>,
}

impl Way {
    /// Whether no rung has tried the page yet, and none was chosen to be tried
    /// out.
    pub fn is_untried(&self) -> bool {
        self.last.is_none() && self.known.is_none()
    }
}

impl Page {
    /// Lets it begin at a rung.
    pub fn begin(&mut self, rung: Rung) {
        self.rung = rung;
        if let Some(way) = &mut self.way {
            way.began = rung;
        }
    }

    /// Its attempts on lower rungs, taken out for its commit.
    pub fn before(&mut self) -> Vec<Attempt> {
        let Some(way) = &mut self.way else {
            return Vec::new();
        };
        let mut before = std::mem::take(&mut way.before);
        before.extend(way.last.take().and_then(|last| last.attempt));
        before
    }
}

/// A page that its rung could not get, and that may go on to another.
#[derive(Debug)]
pub struct Climb {
    /// The page.
    pub page: Page,
    /// How it ends where there is no other.
    pub commit: Box<Commit>,
    /// Why.
    pub why: Stuck,
}

/// Why a rung could not get a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stuck {
    /// A challenge or a refusal.
    Blocked,
    /// The page is made by scripts.
    Scripts,
    /// The rung itself is at fault; how long its answer took.
    Trouble(Trouble, Duration),
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
    /// A sitemap's, this many indexes deep.
    pub fn sitemap(url: Url, nesting: u8, asked: bool) -> Self {
        Self {
            kind: ErrandKind::Sitemap { nesting, asked },
            url,
            tries: 0,
            judged: false,
        }
    }

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
    /// What the request cost, millionths.
    pub cost: u64,
    /// The page, where its rung could not get it.
    pub climb: Option<Box<Climb>>,
    /// What is wrong with the rung by which an errand was run, and how long
    /// its answer took.
    pub trouble: Option<(Trouble, Duration)>,
}

/// What came of an errand.
#[derive(Debug)]
pub enum ErrandResult {
    /// The host's robots rules.
    Robots(Result<Arc<Rules>, Arc<str>>, Vec<String>),
    /// What was fetched was handed to the CPU pool, which will say what it holds.
    Reading,
    /// The sitemap could not be had; why, in words, where it may be had yet.
    NoSitemap(Source, Option<String>),
    /// The list or the API of this key could not be had; why.
    NoSource(String, String),
    /// It failed for now; run it again after this wait.
    Again(Errand, Duration),
}
