//! One site as events have made it so far.

use super::alerts::{Alarms, Look, Minute, Readings};
use super::latency::Histogram;
use super::rates::Rates;
use super::rungs::Tallies;
use super::snapshot::{Alert, Pages, SiteView, WorkerView};
use super::standing::{self, Facts, Rest};
use crate::bus::{
    Copied, Doing, Round, RuleFill, SiteControls, SiteDelta, SiteInfo, SiteState, WorkerId,
};
use crate::page::{FailureKind, SiteId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hosts shown as resting.
const RESTING: usize = 64;
/// Longest time to the end that is worth telling.
const LONGEST: f64 = 1e7;

/// What the store holds of a site when the run begins.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Its pages; `queued` holds all that are not finished.
    pub pages: Pages,
    /// Records kept.
    pub records: u64,
    /// Bytes of body of finished pages.
    pub bytes: u64,
    /// The round of crawling again.
    pub round: Round,
}

impl From<&SiteDelta> for Counts {
    fn from(counts: &SiteDelta) -> Self {
        // The store counts nothing below nothing.
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Self {
            pages: Pages {
                done: count(counts.done),
                failed: count(counts.failed),
                skipped: count(counts.skipped),
                queued: count(counts.queued),
                in_flight: 0,
            },
            records: count(counts.records),
            bytes: count(counts.bytes),
            round: counts.round,
        }
    }
}

/// One site.
#[derive(Debug)]
pub struct Site {
    info: SiteInfo,
    pub state: SiteState,
    pub why: Option<Arc<str>>,
    pub counts: Counts,
    classes: [u64; 6],
    kinds: BTreeMap<FailureKind, u64>,
    rates: Rates,
    latency: Histogram,
    workers: BTreeMap<WorkerId, WorkerView>,
    pub rungs: Tallies,
    pub controls: SiteControls,
    pub moved: Option<Arc<str>>,
    /// Pages with the text of another.
    pub copied: Copied,
    /// Sources that could not be read to their end.
    pub sources_failed: u64,
    fill: Vec<RuleFill>,
    /// The same of records that earlier runs left.
    before: Vec<RuleFill>,
    /// The last picture of both, until another record comes.
    filled: Option<Arc<[RuleFill]>>,
    resting: Vec<Rest>,
    /// When it was first seen.
    began: Instant,
    /// Since when it has been running.
    running_since: Option<Instant>,
    /// When it last began to run, or a page was finished.
    quiet_since: Instant,
    last_failure: Option<FailureKind>,
    minute: Minute,
    pub alarms: Alarms,
    /// The last view, as long as nothing has changed.
    view: Option<Arc<SiteView>>,
}

impl Site {
    pub fn new(info: SiteInfo, counts: Counts, now: Instant) -> Self {
        Self {
            fill: empty(&info),
            alarms: Alarms::new(info.alerts.clone()),
            info,
            state: SiteState::Starting,
            why: None,
            counts,
            classes: [0; 6],
            kinds: BTreeMap::new(),
            rates: Rates::new(now),
            latency: Histogram::default(),
            workers: BTreeMap::new(),
            rungs: Tallies::default(),
            controls: SiteControls::default(),
            moved: None,
            copied: Copied::default(),
            sources_failed: 0,
            before: Vec::new(),
            filled: None,
            resting: Vec::new(),
            began: now,
            running_since: None,
            quiet_since: now,
            last_failure: None,
            minute: Minute::default(),
            view: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Notes that something has changed.
    pub fn touch(&mut self) {
        self.view = None;
    }

    /// A new state, and why.
    pub fn enter(&mut self, state: SiteState, why: Option<Arc<str>>, now: Instant) {
        if state == SiteState::Running {
            if self.running_since.is_none() {
                self.running_since = Some(now);
                self.quiet_since = now;
            }
        } else {
            self.running_since = None;
        }
        self.state = state;
        self.why = why;
    }

    pub fn worker(&mut self, id: WorkerId, doing: Doing, now: Instant) {
        if doing == Doing::Gone {
            self.workers.remove(&id);
        } else {
            let since = now;
            self.workers.insert(id, WorkerView { id, doing, since });
        }
    }

    pub fn attempt(
        &mut self,
        status: Option<u16>,
        kind: Option<FailureKind>,
        elapsed: Duration,
        now: Instant,
    ) {
        self.last_failure = kind;
        self.minute.count(self.second(now), kind.is_some());
        let class = status.map_or(0, |status| usize::from(status / 100).min(5));
        self.classes[class] += 1;
        if let Some(kind) = kind {
            *self.kinds.entry(kind).or_default() += 1;
        }
        self.latency.record(elapsed);
    }

    /// An attempt counted as good had failed.
    pub fn late(&mut self, kind: FailureKind) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// A record of a rule; `missing` are its empty fields.
    pub fn record(&mut self, rule: u16, missing: &[u16]) {
        if let Some(fill) = self.fill.get_mut(usize::from(rule)) {
            fill.records += 1;
            for (n, (_, filled)) in (0u16..).zip(&mut fill.fields) {
                *filled += u64::from(!missing.contains(&n));
            }
            self.filled = None;
        }
    }

    /// What earlier runs left; none where the site begins anew.
    pub fn fill_before(&mut self, fill: Vec<RuleFill>) {
        if fill.is_empty() {
            self.fill = empty(&self.info);
        }
        self.before = fill;
        self.filled = None;
    }

    /// How often fields were filled, by this run and the earlier ones. Alerts
    /// look at this run's alone: that is what its selectors do.
    fn fill_in_all(&self) -> Arc<[RuleFill]> {
        let mut all = self.fill.clone();
        for before in &self.before {
            let mut rules = all.iter_mut();
            // Rules of one name are shown together.
            if let Some(fill) = rules.find(|fill| fill.record == before.record) {
                fill.add(before);
            }
        }
        all.into()
    }

    /// The site's document was read again; counts begin anew where its rules changed.
    pub fn inform(&mut self, info: SiteInfo, ended: &mut Vec<Alert>) {
        self.alarms.replace(info.alerts.clone(), ended);
        if self.info.rules != info.rules {
            self.fill = empty(&info);
            self.before.clear();
            self.filled = None;
        }
        self.info = info;
    }

    pub fn committed(&mut self, delta: &SiteDelta, now: Instant) {
        let pages = &mut self.counts.pages;
        for (count, change) in [
            (&mut pages.done, delta.done),
            (&mut pages.failed, delta.failed),
            (&mut pages.skipped, delta.skipped),
            (&mut pages.queued, delta.queued),
            (&mut self.counts.records, delta.records),
            (&mut self.counts.bytes, delta.bytes),
        ] {
            *count = count.saturating_add_signed(change);
        }
        self.counts.round = self.counts.round.zip(delta.round, |a, b| a + b);
        let finished = delta.done + delta.failed + delta.skipped;
        let finished = u64::try_from(finished).unwrap_or(0);
        let bytes = delta.received();
        if finished > 0 {
            self.quiet_since = now;
        }
        self.rates.count(now, finished, bytes, delta.queued);
    }

    pub fn rest(&mut self, host: Arc<str>, rest: Option<Duration>, now: Instant) {
        self.resting.retain(|known| known.host != host);
        if let Some(length) = rest
            && self.resting.len() < RESTING
        {
            let until = now + length;
            self.resting.push(Rest {
                host,
                until,
                length,
            });
        }
    }

    /// Looks at the site's alerts, after its view was taken.
    pub fn look(
        &mut self,
        site: SiteId,
        disk_free: Option<u64>,
        now: Instant,
        next: &mut u64,
        look: &mut Look,
    ) {
        let since = |at: Instant| now.saturating_duration_since(at);
        let attempts = self.minute.sums(self.second(now));
        let readings = Readings {
            site,
            active: matches!(self.state, SiteState::Starting | SiteState::Running),
            running: self.running_since.map_or(Duration::ZERO, since),
            attempts,
            pages_per_s: self.rates.throughput().pages_10s,
            growth: -self.rates.shrinking(),
            queue: self.counts.pages.queued,
            quiet: since(self.quiet_since),
            disk_free,
            fill: &self.fill,
        };
        self.alarms.look(now, &readings, next, look);
    }

    /// The view of now; the last one where nothing has changed. `stalled` is
    /// why the store cannot write, while it cannot.
    pub fn view(&mut self, now: Instant, stalled: Option<&str>) -> Arc<SiteView> {
        let moving = self.rates.is_moving();
        let active = !self.state.is_over() && self.state != SiteState::Paused;
        self.rates.roll(now, active);
        let rested = self.resting.iter().any(|rest| rest.until <= now);
        self.resting.retain(|rest| rest.until > now);
        let standing = self.standing(now, stalled);
        if let Some(view) = &self.view
            && !moving
            && !rested
            && view.standing.as_deref() == standing.as_deref()
        {
            return view.clone();
        }
        let fill = self.filled.take();
        let fill = fill.unwrap_or_else(|| self.fill_in_all());
        self.filled = Some(fill.clone());
        let view = Arc::new(SiteView {
            standing: standing.map(Into::into),
            ..self.fresh(fill)
        });
        self.view = Some(view.clone());
        view
    }

    fn standing(&self, now: Instant, stalled: Option<&str>) -> Option<String> {
        let facts = Facts {
            state: self.state,
            queue: self.counts.pages.queued,
            taken: self.counts.pages.done + self.counts.pages.failed,
            quiet_since: self.quiet_since,
            controls: &self.controls,
            workers: &mut self.workers.values(),
            resting: &self.resting,
            last_failure: self.last_failure,
            failed_before: !self.kinds.is_empty(),
            stalled,
        };
        standing::cause(facts, now)
    }

    /// Whole seconds since the site was first seen.
    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }

    fn fresh(&self, fill: Arc<[RuleFill]>) -> SiteView {
        let workers: Vec<WorkerView> = self.workers.values().cloned().collect();
        let fetching = workers
            .iter()
            .filter(|worker| matches!(worker.doing, Doing::Fetching(_)))
            .count() as u64;
        let mut pages = self.counts.pages;
        pages.in_flight = fetching.min(pages.queued);
        pages.queued -= pages.in_flight;
        let mut kinds: Vec<(FailureKind, u64)> = self.kinds.iter().map(|(k, n)| (*k, *n)).collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        SiteView {
            name: self.info.name.clone(),
            start: self.info.start.clone(),
            state: self.state,
            why: self.why.clone(),
            eta: self.eta(&pages),
            pages,
            records: self.counts.records,
            bytes: self.counts.bytes,
            round: self.counts.round,
            classes: self.classes,
            kinds,
            throughput: self.rates.throughput(),
            latency: self.latency.latency(),
            workers,
            controls: self.controls.clone(),
            moved: self.moved.clone(),
            copied: self.copied,
            sources_failed: self.sources_failed,
            fill,
            rungs: self.rungs.views(),
            standing: None,
            resting: self
                .resting
                .iter()
                .map(|rest| (rest.host.clone(), rest.until))
                .collect(),
        }
    }

    /// What is left, divided by the rate at which the queue shrinks; with a
    /// limit of pages, also what the limit leaves by the rate of pages,
    /// whichever comes first. None while the queue grows and no limit is set.
    fn eta(&self, pages: &Pages) -> Option<Duration> {
        let left = pages.queued + pages.in_flight;
        if self.state.is_over() || self.state == SiteState::Paused || left == 0 {
            return None;
        }
        let by_queue = seconds(left as f64, self.rates.shrinking());
        let by_limit = self.controls.max_pages.and_then(|most| {
            let allowed = most.saturating_sub(pages.done + pages.failed);
            seconds(allowed as f64, self.rates.throughput().pages_10s)
        });
        match (by_queue, by_limit) {
            (Some(queue), Some(limit)) => Some(queue.min(limit)),
            (queue, limit) => queue.or(limit),
        }
    }
}

/// The rules of a site before their first record.
fn empty(info: &SiteInfo) -> Vec<RuleFill> {
    info.rules
        .iter()
        .map(|rule| RuleFill {
            record: rule.record.clone(),
            records: 0,
            fields: rule.fields.iter().map(|name| (name.clone(), 0)).collect(),
        })
        .collect()
}

fn seconds(left: f64, rate: f64) -> Option<Duration> {
    let seconds = left / rate;
    (rate > 0.01 && seconds < LONGEST).then(|| Duration::from_secs_f64(seconds))
}
