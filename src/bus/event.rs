//! What the engine tells the monitor.

use super::fill::RuleFill;
use super::{AlertRule, AutoRange, ExitPool, RungControls, RungState, Spent};
use crate::page::{FailureKind, Rung, SiteId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One slot of a site's concurrency, numbered from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkerId(pub u32);

/// Where a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteState {
    /// Robots rules, sitemaps and the queue are being made ready.
    Starting,
    /// Pages are being fetched.
    Running,
    /// The operator stopped it for now.
    Paused,
    /// The run is ending; requests in flight are being finished.
    Stopping,
    /// Nothing is left to fetch, or a limit is reached.
    Finished,
    /// It cannot be crawled: no start page could be had.
    Failed,
    /// The run ended before the site did.
    Stopped,
}

impl SiteState {
    /// The state's name on screen and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the site has come to an end in this run.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Stopped)
    }
}

/// Where the whole run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// At work.
    Running,
    /// Ending in good order.
    Stopping,
    /// Every site is over and all is saved.
    Over,
}

/// What a worker is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Waiting for a page that may be fetched now.
    Idle,
    /// Fetching this URL.
    Fetching(Arc<str>),
    /// Paused by the operator.
    Paused,
    /// The slot is closed.
    Gone,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something may need a look.
    Warn,
    /// Something went wrong.
    Error,
}

/// A line for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// How much it matters.
    pub level: Level,
    /// The site it is about, if one.
    pub site: Option<SiteId>,
    /// The text; may hold text from the network, uncleaned.
    pub text: String,
}

/// How many pages have the text of another that came before them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Word for word.
    pub exact: u64,
    /// But for a little.
    pub near: u64,
}

/// What one group commit changed in a site, as differences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteDelta {
    /// Pages done.
    pub done: i64,
    /// Pages failed (a retry takes one away).
    pub failed: i64,
    /// Pages skipped.
    pub skipped: i64,
    /// Pages known and not finished, those in flight included.
    pub queued: i64,
    /// Records kept.
    pub records: i64,
    /// Bytes of body on the wire of finished pages.
    pub bytes: i64,
    /// The round of crawling again.
    pub round: Round,
}

impl SiteDelta {
    /// Bytes that came over the wire: those of pages that stand as they were
    /// count again, and were not received again.
    pub fn received(&self) -> u64 {
        u64::try_from(self.bytes - self.round.spared_bytes).unwrap_or(0)
    }
}

/// How a round of crawling again goes, or how that has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// Its number, from 2; 0 as long as the site was never crawled again.
    pub number: i64,
    /// Pages that were not there before.
    #[serde(rename = "new")]
    pub fresh: i64,
    /// Pages whose records, or where they have none whose bodies, are others.
    pub changed: i64,
    /// Pages that are as they were.
    pub unchanged: i64,
    /// Pages that are there no longer.
    pub gone: i64,
    /// Bytes of the bodies of unchanged pages that were not sent again.
    pub spared_bytes: i64,
}

impl fmt::Display for Round {
    /// `round 2: 3 new, 14 changed, 970 unchanged, 1 gone`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "round {}: {} new, {} changed, {} unchanged, {} gone",
            self.number, self.fresh, self.changed, self.unchanged, self.gone
        )
    }
}

impl Round {
    /// Field by field, by `with`.
    pub fn zip(self, other: Self, with: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            number: with(self.number, other.number),
            fresh: with(self.fresh, other.fresh),
            changed: with(self.changed, other.changed),
            unchanged: with(self.unchanged, other.unchanged),
            gone: with(self.gone, other.gone),
            spared_bytes: with(self.spared_bytes, other.spared_bytes),
        }
    }
}

/// What the monitor must know of a site before its first event.
#[derive(Debug, Clone)]
pub struct SiteInfo {
    /// The site's name.
    pub name: Arc<str>,
    /// Its first start URL.
    pub start: Arc<str>,
    /// What is taken from its pages.
    pub rules: Arc<[RuleInfo]>,
    /// By which alerts are raised.
    pub alerts: Arc<[AlertRule]>,
}

/// A kind of record that a site's pages may yield.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its name.
    pub record: Arc<str>,
    /// Its fields, in the order of the rule.
    pub fields: Arc<[Arc<str>]>,
}

/// Everything that can be set of a site while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteControls {
    /// Workers wanted.
    pub concurrency: u32,
    /// Within which bounds that number tunes itself; `None` where it does not.
    pub auto: Option<AutoRange>,
    /// Time between the starts of two requests to one host.
    pub delay: Duration,
    /// Pages to fetch at most; `None` is no limit.
    pub max_pages: Option<u64>,
    /// Links from the start page at most; `None` is no limit.
    pub max_depth: Option<u32>,
    /// Attempts of a page after its first.
    pub retries: u32,
    /// Whether no more links are followed.
    pub draining: bool,
    /// The rungs of its ladder, lowest first; empty where plain HTTP is all.
    #[serde(default)]
    pub rungs: Vec<RungControls>,
}

impl SiteControls {
    /// A rung's concurrency and delay; of the first, and where there is no
    /// ladder, the site's own.
    pub fn pace(&self, rung: Rung) -> (u32, Duration) {
        match self.rungs.iter().skip(1).find(|known| known.rung == rung) {
            Some(known) => (known.concurrency, known.delay),
            None => (self.concurrency, self.delay),
        }
    }

    /// The limit of one request by a rung; `None` where nothing was set.
    pub fn time(&self, rung: Rung) -> Option<Duration> {
        let known = self.rungs.iter().find(|known| known.rung == rung)?;
        Some(known.timeout).filter(|limit| !limit.is_zero())
    }
}

impl Default for SiteControls {
    fn default() -> Self {
        Self {
            concurrency: 1,
            auto: None,
            delay: Duration::ZERO,
            max_pages: None,
            max_depth: None,
            retries: 0,
            draining: false,
            rungs: Vec::new(),
        }
    }
}

/// Why a page goes on to a higher rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClimbWhy {
    /// Its rung was met with a challenge or a refusal.
    Blocked,
    /// It is made by scripts that its rung does not run.
    Scripts,
    /// Its rung does not work.
    Down,
}

/// What the engine measures of itself once a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// The event loop's lag.
    pub lag: Duration,
    /// Resident memory of the process, bytes; 0 where it cannot be had.
    pub memory: u64,
    /// Open file descriptors; 0 where they cannot be counted.
    pub descriptors: u32,
    /// How many it may open.
    pub descriptors_most: u32,
    /// Room left on the disk of the job's folder, bytes; `None` where it
    /// cannot be had.
    pub disk_free: Option<u64>,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A site changed its state; `why` in a few words where that helps.
    Site {
        /// Which site.
        site: SiteId,
        /// Its new state.
        state: SiteState,
        /// Why.
        why: Option<Arc<str>>,
    },
    /// A site's controls were set.
    Controls {
        /// Which site.
        site: SiteId,
        /// All of them.
        controls: SiteControls,
        /// Why they were, where crawldeck itself set them.
        why: Option<Arc<str>>,
    },
    /// A worker turned to something else.
    Worker {
        /// Its site.
        site: SiteId,
        /// Which worker.
        worker: WorkerId,
        /// What it is at now.
        doing: Doing,
    },
    /// An attempt ended.
    Attempt {
        /// The page's site.
        site: SiteId,
        /// HTTP status, where there was one.
        status: Option<u16>,
        /// Why it failed; `None` where it did not.
        kind: Option<FailureKind>,
        /// From the request's start to the body's end.
        elapsed: Duration,
        /// Bytes of body on the wire.
        bytes: u64,
        /// By which rung.
        rung: Rung,
        /// What it cost, millionths.
        cost: u64,
        /// By which exit, endpoint or tab it came, as it may be shown.
        through: Option<Arc<str>>,
    },
    /// An answer by a rung was a block, or needs scripts.
    Block {
        /// The page's site.
        site: SiteId,
        /// By which rung it came.
        rung: Rung,
        /// Whose block it is, in words.
        whose: &'static str,
    },
    /// A rung of a site's ladder stands so.
    Rung {
        /// The site.
        site: SiteId,
        /// Which.
        rung: Rung,
        /// How it stands.
        state: RungState,
        /// What it has spent in all runs, but for the attempts of this one that
        /// were told of already.
        spent: Spent,
    },
    /// A page goes on to a higher rung.
    Climb {
        /// The page's site.
        site: SiteId,
        /// From here.
        from: Rung,
        /// To here.
        to: Rung,
        /// Why.
        why: ClimbWhy,
    },
    /// The store has made this durable.
    Committed(Vec<(SiteId, SiteDelta)>),
    /// How long the store's last group commit took.
    CommitTime(Duration),
    /// How many of a site's pages have the text of another, in all.
    Copies {
        /// The site.
        site: SiteId,
        /// So many.
        copied: Copied,
    },
    /// How many of a site's sitemaps, lists and APIs could not be read to their end
    /// in this run.
    Sources {
        /// The site.
        site: SiteId,
        /// So many.
        failed: u64,
    },
    /// How often fields of records that earlier runs left were filled.
    Filled {
        /// The site.
        site: SiteId,
        /// By record.
        fill: Vec<RuleFill>,
    },
    /// An attempt that had ended well turned out to have failed.
    Late {
        /// The page's site.
        site: SiteId,
        /// How.
        kind: FailureKind,
        /// By which rung it was made.
        rung: Rung,
    },
    /// A page yielded a record.
    Record {
        /// The site.
        site: SiteId,
        /// Which of the site's rules, from 0.
        rule: u16,
        /// The fields of it that came out empty, from 0.
        missing: Box<[u16]>,
    },
    /// A site has joined the run, after those there were.
    Joined {
        /// Its place.
        site: SiteId,
        /// What the monitor must know of it.
        info: SiteInfo,
        /// What an earlier run left of it.
        counts: SiteDelta,
    },
    /// The site's document was read again.
    Info {
        /// Which site.
        site: SiteId,
        /// What the monitor must know of it now.
        info: SiteInfo,
    },
    /// A host rests because it fails, or no longer does (`None`).
    HostRest {
        /// The site.
        site: SiteId,
        /// The host.
        host: Arc<str>,
        /// For how long from now.
        rest: Option<Duration>,
    },
    /// The exits of all rules, and how they have done.
    Exits(Vec<ExitPool>),
    /// A line for the operator.
    Notice(Notice),
    /// What the engine measured of itself.
    Vitals(Vitals),
    /// The store cannot write and why, or can again (`None`).
    Stalled(Option<Arc<str>>),
    /// The run changed its state.
    Job(JobState),
}

impl Event {
    /// A notice of now.
    pub fn notice(level: Level, site: Option<SiteId>, text: impl Into<String>) -> Self {
        Self::Notice(Notice {
            at: crate::page::time::now_ms(),
            level,
            site,
            text: text.into(),
        })
    }
}
