//! The immutable picture of a run at one instant.

use crate::bus::{
    AlertAction, Copied, Doing, ExitPool, Exits, JobState, Level, Notice, Round, RuleFill,
    RungState, SiteControls, SiteState, Spent, Vitals, WorkerId,
};
use crate::config::Fetch;
use crate::page::{FailureKind, Rung, SiteId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A run at one instant. The screen is a function of this and of the state of
/// the screen itself.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Grows by one with each snapshot.
    pub number: u64,
    /// When it was taken.
    pub at: Instant,
    /// Since the run began.
    pub elapsed: Duration,
    /// Where the run stands.
    pub state: JobState,
    /// The sites in the order of the file; an unchanged site keeps its `Arc`.
    pub sites: Vec<Arc<SiteView>>,
    /// Over all sites.
    pub totals: Totals,
    /// The last notices, oldest first, at most [`Snapshot::NOTICES`].
    pub notices: Arc<[Notice]>,
    /// Notices since the run began, those no longer kept included.
    pub notices_total: u64,
    /// Alerts that hold now, the oldest first.
    pub alerts: Arc<[Alert]>,
    /// The exits by which rungs go; unchanged ones keep their `Arc`.
    pub exits: Arc<[ExitPool]>,
    /// How the engine itself fares.
    pub health: Health,
}

impl Snapshot {
    /// Notices kept.
    pub const NOTICES: usize = 500;
    /// Seconds of throughput kept.
    pub const SECONDS: usize = 300;

    /// The exits by which a rung of a site goes, where it does by any.
    pub fn exits_of(&self, site: SiteId, rung: Rung) -> Option<&Exits> {
        let of = self
            .exits
            .iter()
            .find(|pool| pool.of.contains(&(site, rung)));
        of.map(|pool| &pool.exits)
    }
}

/// Pages by outcome. `done + failed + skipped + queued + in_flight` is every
/// known page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pages {
    /// Fetched.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Known, not taken.
    pub skipped: u64,
    /// Waiting.
    pub queued: u64,
    /// Being fetched by a worker now.
    pub in_flight: u64,
}

impl Pages {
    /// Every known page.
    pub fn known(&self) -> u64 {
        self.over() + self.queued + self.in_flight
    }

    /// Pages that are finished.
    pub fn over(&self) -> u64 {
        self.done + self.failed + self.skipped
    }
}

/// Rates of attempts, and their history.
#[derive(Debug, Clone, Default)]
pub struct Throughput {
    /// Pages finished in the last second.
    pub pages_1s: f64,
    /// Pages a second over the last ten.
    pub pages_10s: f64,
    /// Pages a second over the whole run, pauses left out.
    pub pages_run: f64,
    /// Bytes a second over the last ten.
    pub bytes_10s: f64,
    /// Pages in each of the last seconds, oldest first, the running one left
    /// out; at most [`Snapshot::SECONDS`].
    pub history: Arc<[u32]>,
}

/// Attempt latency, milliseconds, over the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Slowest.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// Attempts by latency: below 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
    /// 2000, 5000 ms, and above.
    pub buckets: [u64; 13],
}

/// One site.
#[derive(Debug, Clone)]
pub struct SiteView {
    /// Its name.
    pub name: Arc<str>,
    /// Its first start URL.
    pub start: Arc<str>,
    /// Where it stands.
    pub state: SiteState,
    /// Why, where that helps.
    pub why: Option<Arc<str>>,
    /// Its pages.
    pub pages: Pages,
    /// Records kept.
    pub records: u64,
    /// Bytes of body on the wire of finished pages.
    pub bytes: u64,
    /// The round of crawling again.
    pub round: Round,
    /// Attempts by status class: none, 1xx to 5xx.
    pub classes: [u64; 6],
    /// Attempts that failed, by kind, most first.
    pub kinds: Vec<(FailureKind, u64)>,
    /// Rates.
    pub throughput: Throughput,
    /// Latency.
    pub latency: Latency,
    /// Its workers by number, those that are gone left out.
    pub workers: Vec<WorkerView>,
    /// What is set of it.
    pub controls: SiteControls,
    /// Why its concurrency last moved by itself; `None` where it never did.
    pub moved: Option<Arc<str>>,
    /// Pages with the text of another; none where that is not asked for.
    pub copied: Copied,
    /// Sitemaps, lists and APIs that could not be read to their end in this run.
    pub sources_failed: u64,
    /// How often its records' fields were filled in this run.
    pub fill: Arc<[RuleFill]>,
    /// Why its queue stands still, while it does.
    pub standing: Option<Arc<str>>,
    /// Hosts that rest because they fail, and until when.
    pub resting: Vec<(Arc<str>, Instant)>,
    /// The rungs of its ladder, lowest first.
    pub rungs: Vec<RungView>,
    /// Time until the queue is empty, from the rate at which it shrinks;
    /// `None` while it grows or nothing moves.
    pub eta: Option<Duration>,
}

impl SiteView {
    /// Workers that are fetching.
    pub fn busy(&self) -> usize {
        self.workers
            .iter()
            .filter(|w| matches!(w.doing, Doing::Fetching(_)))
            .count()
    }

    /// The rung of one of its workers: each has numbers of its own.
    pub fn rung_of(&self, worker: WorkerId) -> Option<Rung> {
        let place = worker.0 / Fetch::MAX_CONCURRENCY;
        self.rungs.get(place as usize).map(|rung| rung.rung)
    }

    /// Requests of a rung in flight.
    pub fn in_flight(&self, rung: Rung) -> usize {
        self.workers
            .iter()
            .filter(|worker| matches!(worker.doing, Doing::Fetching(_)))
            .filter(|worker| self.rung_of(worker.id) == Some(rung))
            .count()
    }
}

/// One rung of a site, in this run; what it has spent, in all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RungView {
    /// Which.
    pub rung: Rung,
    /// Where it stands.
    pub state: RungState,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that had the page.
    pub had: u64,
    /// Pages that went on from here to a higher rung.
    pub climbed: u64,
    /// Attempts that failed, by kind, most first.
    pub kinds: Vec<(FailureKind, u64)>,
    /// Answers that were blocks or need scripts, by whose block it was, most
    /// first. Not recorded.
    #[serde(default)]
    pub blocks: Vec<(Arc<str>, u64)>,
    /// Median latency, milliseconds.
    pub p50: f64,
    /// 95th percentile, milliseconds.
    pub p95: f64,
    /// What it has spent in all runs.
    pub spent: Spent,
    /// Exits, endpoints or tabs by which answers came, the latest first, and
    /// how many.
    pub through: Vec<(Arc<str>, u64)>,
}

impl RungView {
    /// Which part of its attempts had their pages, percent; `None` before the
    /// first.
    pub fn success(&self) -> Option<f64> {
        (self.attempts > 0).then(|| self.had as f64 * 100.0 / self.attempts as f64)
    }
}

/// An alert of the sites file that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Grows by one with each alert raised in a run.
    pub id: u64,
    /// The site, or the whole run.
    pub site: Option<SiteId>,
    /// How much it matters.
    pub level: Level,
    /// What holds, in words and figures.
    pub text: Arc<str>,
    /// Since when.
    pub since: Instant,
    /// Whether the terminal is to ring its bell, once.
    pub bell: bool,
    /// Whether the terminal is to show a notification (OSC 9 and 777), once.
    pub notify: bool,
    /// What else the engine's own process is to do, once. Never sent elsewhere
    /// and never recorded.
    pub action: Option<Arc<AlertAction>>,
}

/// One worker.
#[derive(Debug, Clone)]
pub struct WorkerView {
    /// Its number.
    pub id: crate::bus::WorkerId,
    /// What it is at.
    pub doing: Doing,
    /// Since when.
    pub since: Instant,
}

/// All sites together.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Pages.
    pub pages: Pages,
    /// Records kept.
    pub records: u64,
    /// Bytes of body on the wire.
    pub bytes: u64,
    /// Rates.
    pub throughput: Throughput,
    /// Workers that are fetching.
    pub busy: usize,
    /// Workers wanted.
    pub concurrency: u64,
    /// Sites that are over.
    pub sites_over: usize,
    /// Time until every queue is empty.
    pub eta: Option<Duration>,
}

impl Totals {
    /// Those of these sites, with the rates of all.
    pub fn of(sites: &[Arc<SiteView>], throughput: Throughput) -> Self {
        let mut totals = Self {
            throughput,
            ..Self::default()
        };
        // What was recorded may be anything.
        let add = |sum: &mut u64, part: u64| *sum = sum.saturating_add(part);
        let mut known_end = true;
        for site in sites {
            let Pages {
                done,
                failed,
                skipped,
                queued,
                in_flight,
            } = site.pages;
            add(&mut totals.pages.done, done);
            add(&mut totals.pages.failed, failed);
            add(&mut totals.pages.skipped, skipped);
            add(&mut totals.pages.queued, queued);
            add(&mut totals.pages.in_flight, in_flight);
            add(&mut totals.records, site.records);
            add(&mut totals.bytes, site.bytes);
            totals.busy += site.busy();
            if site.state.is_over() {
                totals.sites_over += 1;
                continue;
            }
            totals.concurrency += u64::from(site.controls.concurrency);
            known_end &= site.eta.is_some();
            totals.eta = totals.eta.max(site.eta);
        }
        if !known_end {
            totals.eta = None;
        }
        totals
    }
}

/// How the engine itself fares.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// What the engine last measured of itself.
    pub vitals: Vitals,
    /// How long the store's last group commit took.
    pub commit_time: Duration,
    /// How long the slowest commit of the last minute took.
    pub commit_worst: Duration,
    /// Events waiting on the bus when this was taken.
    pub bus_depth: usize,
    /// Why the store cannot write, while it cannot.
    pub stalled: Option<Arc<str>>,
}
