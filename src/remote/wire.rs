//! The monitor's picture as it crosses the socket. Instants become
//! milliseconds since the run began; nothing else is lost.

use super::exits::ExitPool;
use crate::bus::{
    Copied, Doing, JobState, Level, Notice, Round, SiteControls, SiteState, Vitals, WorkerId,
};
use crate::monitor::{self, RuleFill, RungView, SiteView, Snapshot};
use crate::page::{FailureKind, SiteId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All of a picture but its sites.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    pub number: u64,
    /// Whether this begins anew; else it holds what has changed.
    pub full: bool,
    pub elapsed_ms: u64,
    pub state: JobState,
    pub totals: Totals,
    pub health: Health,
    pub alerts: Vec<Alert>,
    /// `None` where the client knows them, or an older engine tells of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exits: Option<Vec<ExitPool>>,
    /// The last of `notices_total`.
    pub notices: Vec<Notice>,
    pub notices_total: u64,
    /// How many sites there are.
    pub site_count: usize,
}

/// A whole picture, or what has changed of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Frame {
    #[serde(flatten)]
    pub head: Head,
    /// Sites by their place.
    pub sites: Vec<(usize, Site)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    done: u64,
    failed: u64,
    skipped: u64,
    queued: u64,
    in_flight: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    pages_1s: f64,
    pages_10s: f64,
    pages_run: f64,
    bytes_10s: f64,
    pub history: History,
}

/// Pages in each second. `total` seconds have been counted so far, of which
/// `kept` are kept; `last` are the last of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    pub total: u64,
    pub kept: usize,
    pub last: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
    sum: f64,
    buckets: [u64; 13],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    id: WorkerId,
    doing: Doing,
    since_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    record: Arc<str>,
    records: u64,
    fields: Vec<(Arc<str>, u64)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    name: Arc<str>,
    start: Arc<str>,
    state: SiteState,
    why: Option<Arc<str>>,
    pages: Pages,
    records: u64,
    bytes: u64,
    classes: [u64; 6],
    kinds: Vec<(FailureKind, u64)>,
    pub throughput: Throughput,
    latency: Latency,
    workers: Vec<Worker>,
    controls: SiteControls,
    moved: Option<Arc<str>>,
    #[serde(default)]
    copied: Copied,
    #[serde(default)]
    sources_failed: u64,
    fill: Vec<Fill>,
    standing: Option<Arc<str>>,
    resting: Vec<(Arc<str>, u64)>,
    #[serde(default)]
    rungs: Vec<RungView>,
    eta_ms: Option<u64>,
    #[serde(default)]
    round: Round,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pages: Pages,
    records: u64,
    bytes: u64,
    pub throughput: Throughput,
    busy: usize,
    concurrency: u64,
    sites_over: usize,
    eta_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    lag_us: u64,
    memory: u64,
    descriptors: u32,
    descriptors_most: u32,
    disk_free: Option<u64>,
    commit_us: u64,
    commit_worst_us: u64,
    bus_depth: usize,
    stalled: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    id: u64,
    site: Option<SiteId>,
    level: Level,
    text: Arc<str>,
    since_ms: u64,
    bell: bool,
    notify: bool,
}

/// Between instants and milliseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub struct Clock(pub Instant);

impl Clock {
    /// The clock of a run that began so long before `now`.
    pub fn new(now: Instant, elapsed: Duration) -> Self {
        Self(now.checked_sub(elapsed).unwrap_or(now))
    }

    /// Milliseconds at a moment.
    pub fn ms(self, at: Instant) -> u64 {
        ms(at.saturating_duration_since(self.0))
    }

    /// The moment of so many milliseconds.
    pub fn at(self, ms: u64) -> Instant {
        self.0
            .checked_add(Duration::from_millis(ms))
            .unwrap_or(self.0)
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whole microseconds.
pub fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Three decimals are all that anybody sees; JSON knows no infinities.
fn short(number: f64) -> f64 {
    if number.is_finite() {
        (number * 1000.0).round() / 1000.0
    } else {
        0.0
    }
}

impl Pages {
    fn new(pages: &monitor::Pages) -> Self {
        let monitor::Pages {
            done,
            failed,
            skipped,
            queued,
            in_flight,
        } = *pages;
        Self {
            done,
            failed,
            skipped,
            queued,
            in_flight,
        }
    }

    fn pages(&self) -> monitor::Pages {
        monitor::Pages {
            done: self.done,
            failed: self.failed,
            skipped: self.skipped,
            queued: self.queued,
            in_flight: self.in_flight,
        }
    }
}

impl Throughput {
    fn new(rates: &monitor::Throughput, history: History) -> Self {
        Self {
            pages_1s: short(rates.pages_1s),
            pages_10s: short(rates.pages_10s),
            pages_run: short(rates.pages_run),
            bytes_10s: short(rates.bytes_10s),
            history,
        }
    }

    fn rates(&self, history: Arc<[u32]>) -> monitor::Throughput {
        monitor::Throughput {
            pages_1s: self.pages_1s,
            pages_10s: self.pages_10s,
            pages_run: self.pages_run,
            bytes_10s: self.bytes_10s,
            history,
        }
    }
}

impl Site {
    /// A site whose history is told as `history`.
    pub fn new(site: &SiteView, history: History, clock: Clock) -> Self {
        let latency = &site.latency;
        Self {
            name: site.name.clone(),
            start: site.start.clone(),
            state: site.state,
            why: site.why.clone(),
            pages: Pages::new(&site.pages),
            records: site.records,
            bytes: site.bytes,
            classes: site.classes,
            kinds: site.kinds.clone(),
            throughput: Throughput::new(&site.throughput, history),
            latency: Latency {
                p50: short(latency.p50),
                p95: short(latency.p95),
                p99: short(latency.p99),
                max: short(latency.max),
                sum: short(latency.sum),
                buckets: latency.buckets,
            },
            workers: site
                .workers
                .iter()
                .map(|worker| Worker {
                    id: worker.id,
                    doing: worker.doing.clone(),
                    since_ms: clock.ms(worker.since),
                })
                .collect(),
            controls: site.controls.clone(),
            moved: site.moved.clone(),
            copied: site.copied,
            sources_failed: site.sources_failed,
            fill: site
                .fill
                .iter()
                .map(|fill| Fill {
                    record: fill.record.clone(),
                    records: fill.records,
                    fields: fill.fields.clone(),
                })
                .collect(),
            standing: site.standing.clone(),
            resting: site
                .resting
                .iter()
                .map(|(host, until)| (host.clone(), clock.ms(*until)))
                .collect(),
            rungs: site
                .rungs
                .iter()
                .map(|rung| RungView {
                    p50: short(rung.p50),
                    p95: short(rung.p95),
                    ..rung.clone()
                })
                .collect(),
            eta_ms: site.eta.map(ms),
            round: site.round,
        }
    }

    /// The site, with this history.
    pub fn view(self, history: Arc<[u32]>, clock: Clock) -> SiteView {
        let latency = self.latency;
        SiteView {
            pages: self.pages.pages(),
            throughput: self.throughput.rates(history),
            latency: monitor::Latency {
                p50: latency.p50,
                p95: latency.p95,
                p99: latency.p99,
                max: latency.max,
                sum: latency.sum,
                buckets: latency.buckets,
            },
            name: self.name,
            start: self.start,
            state: self.state,
            why: self.why,
            records: self.records,
            bytes: self.bytes,
            round: self.round,
            classes: self.classes,
            kinds: self.kinds,
            workers: self
                .workers
                .into_iter()
                .map(|worker| monitor::WorkerView {
                    id: worker.id,
                    doing: worker.doing,
                    since: clock.at(worker.since_ms),
                })
                .collect(),
            controls: self.controls,
            moved: self.moved,
            copied: self.copied,
            sources_failed: self.sources_failed,
            fill: self
                .fill
                .into_iter()
                .map(|fill| RuleFill {
                    record: fill.record,
                    records: fill.records,
                    fields: fill.fields,
                })
                .collect(),
            rungs: self.rungs,
            standing: self.standing,
            resting: self
                .resting
                .into_iter()
                .map(|(host, until)| (host, clock.at(until)))
                .collect(),
            eta: self.eta_ms.map(Duration::from_millis),
        }
    }
}

impl Totals {
    /// The totals, whose history is told as `history`.
    pub fn new(totals: &monitor::Totals, history: History) -> Self {
        Self {
            pages: Pages::new(&totals.pages),
            records: totals.records,
            bytes: totals.bytes,
            throughput: Throughput::new(&totals.throughput, history),
            busy: totals.busy,
            concurrency: totals.concurrency,
            sites_over: totals.sites_over,
            eta_ms: totals.eta.map(ms),
        }
    }

    /// The totals, with this history.
    pub fn totals(&self, history: Arc<[u32]>) -> monitor::Totals {
        monitor::Totals {
            pages: self.pages.pages(),
            records: self.records,
            bytes: self.bytes,
            throughput: self.throughput.rates(history),
            busy: self.busy,
            concurrency: self.concurrency,
            sites_over: self.sites_over,
            eta: self.eta_ms.map(Duration::from_millis),
        }
    }
}

impl Health {
    /// The engine's health.
    pub fn new(health: &monitor::Health) -> Self {
        let vitals = &health.vitals;
        Self {
            lag_us: us(vitals.lag),
            memory: vitals.memory,
            descriptors: vitals.descriptors,
            descriptors_most: vitals.descriptors_most,
            disk_free: vitals.disk_free,
            commit_us: us(health.commit_time),
            commit_worst_us: us(health.commit_worst),
            bus_depth: health.bus_depth,
            stalled: health.stalled.clone(),
        }
    }

    /// And back.
    pub fn health(&self) -> monitor::Health {
        monitor::Health {
            vitals: Vitals {
                lag: Duration::from_micros(self.lag_us),
                memory: self.memory,
                descriptors: self.descriptors,
                descriptors_most: self.descriptors_most,
                disk_free: self.disk_free,
            },
            commit_time: Duration::from_micros(self.commit_us),
            commit_worst: Duration::from_micros(self.commit_worst_us),
            bus_depth: self.bus_depth,
            stalled: self.stalled.clone(),
        }
    }
}

impl Alert {
    /// The alerts of a picture.
    pub fn all(snapshot: &Snapshot, clock: Clock) -> Vec<Self> {
        let one = |alert: &monitor::Alert| Self {
            id: alert.id,
            site: alert.site,
            level: alert.level,
            text: alert.text.clone(),
            since_ms: clock.ms(alert.since),
            bell: alert.bell,
            notify: alert.notify,
        };
        snapshot.alerts.iter().map(one).collect()
    }

    /// And back.
    pub fn alert(&self, clock: Clock) -> monitor::Alert {
        monitor::Alert {
            id: self.id,
            site: self.site,
            level: self.level,
            text: self.text.clone(),
            since: clock.at(self.since_ms),
            bell: self.bell,
            notify: self.notify,
            // Done by the engine's own process alone.
            action: None,
        }
    }
}
