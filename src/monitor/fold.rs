//! The monitor: state folded from events, and snapshots made of it. No I/O and
//! no clock of its own
//! but for the stamp on its own notices.

use super::alerts::{self, Look};
use super::commits::CommitTimes;
use super::rates::Rates;
use super::site::{Counts, Site};
use super::snapshot::{Alert, Health, SiteView, Snapshot, Totals};
use crate::bus::{Event, ExitPool, JobState, Level, Notice, SiteInfo, SiteState};
use crate::page::SiteId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// The monitor.
#[derive(Debug)]
pub struct Monitor {
    began: Instant,
    number: u64,
    state: JobState,
    sites: Vec<Site>,
    rates: Rates,
    notices: VecDeque<Notice>,
    notices_total: u64,
    /// The list as last shown, until another notice comes.
    shown: Option<Arc<[Notice]>>,
    health: Health,
    commits: CommitTimes,
    alerts: Arc<[Alert]>,
    exits: Arc<[ExitPool]>,
    /// Alerts raised so far.
    alerts_total: u64,
    looked_at: Option<Instant>,
}

impl Monitor {
    /// A monitor of these sites, which begin with these counts.
    pub fn new(infos: Vec<SiteInfo>, counts: &[Counts], now: Instant) -> Self {
        let sites = infos
            .into_iter()
            .enumerate()
            .map(|(n, info)| Site::new(info, counts.get(n).copied().unwrap_or_default(), now))
            .collect();
        Self {
            began: now,
            number: 0,
            state: JobState::Running,
            sites,
            rates: Rates::new(now),
            notices: VecDeque::new(),
            notices_total: 0,
            shown: None,
            health: Health::default(),
            commits: CommitTimes::default(),
            alerts: Arc::default(),
            exits: Arc::default(),
            alerts_total: 0,
            looked_at: None,
        }
    }

    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        self.state == JobState::Over
    }

    /// Folds one event in. An event of an unknown site changes nothing.
    pub fn fold(&mut self, event: Event, now: Instant) {
        match event {
            Event::Site { site, state, why } => {
                if let Some(site) = self.site(site) {
                    site.enter(state, why, now);
                }
            }
            Event::Controls {
                site,
                controls,
                why,
            } => {
                if let Some(site) = self.site(site) {
                    if why.is_some() {
                        site.moved = why;
                    }
                    site.controls = controls;
                }
            }
            Event::Copies { site, copied } => {
                if let Some(site) = self.site(site) {
                    site.copied = copied;
                }
            }
            Event::Sources { site, failed } => {
                if let Some(site) = self.site(site) {
                    site.sources_failed = failed;
                }
            }
            Event::Filled { site, fill } => {
                if let Some(site) = self.site(site) {
                    site.fill_before(fill);
                }
            }
            Event::Late { site, kind, rung } => {
                if let Some(site) = self.site(site) {
                    site.rungs.late(rung, kind);
                    site.late(kind);
                }
            }
            Event::Record {
                site,
                rule,
                missing,
            } => {
                if let Some(site) = self.site(site) {
                    site.record(rule, &missing);
                }
            }
            Event::Joined { site, info, counts } => {
                // Events come in their order: a place beyond the end is none.
                if site.index() == self.sites.len() {
                    self.sites.push(Site::new(info, Counts::from(&counts), now));
                }
            }
            Event::Info { site, info } => {
                let mut look = Look::default();
                if let Some(site) = self.site(site) {
                    site.inform(info, &mut look.ended);
                }
                self.announce(look);
            }
            Event::Worker {
                site,
                worker,
                doing,
            } => {
                if let Some(site) = self.site(site) {
                    site.worker(worker, doing, now);
                }
            }
            Event::Attempt {
                site,
                status,
                kind,
                elapsed,
                rung,
                cost,
                through,
                bytes: _,
            } => {
                if let Some(site) = self.site(site) {
                    site.rungs.attempt(rung, kind, elapsed, cost, through);
                    site.attempt(status, kind, elapsed, now);
                }
            }
            Event::Committed(deltas) => {
                for (id, delta) in deltas {
                    if let Some(site) = self.site(id) {
                        site.committed(&delta, now);
                        let pages = delta.done + delta.failed + delta.skipped;
                        let bytes = delta.received();
                        let pages = u64::try_from(pages).unwrap_or(0);
                        self.rates.count(now, pages, bytes, delta.queued);
                    }
                }
            }
            Event::Rung {
                site,
                rung,
                state,
                spent,
            } => {
                if let Some(site) = self.site(site) {
                    site.rungs.stand(rung, state, spent);
                }
            }
            Event::Block { site, rung, whose } => {
                if let Some(site) = self.site(site) {
                    site.rungs.block(rung, whose);
                }
            }
            Event::Climb { site, from, .. } => {
                if let Some(site) = self.site(site) {
                    site.rungs.climb(from);
                }
            }
            Event::HostRest { site, host, rest } => {
                if let Some(site) = self.site(site) {
                    site.rest(host, rest, now);
                }
            }
            Event::Exits(pools) => self.exits = pools.into(),
            Event::Notice(notice) => self.note(notice),
            Event::Vitals(vitals) => self.health.vitals = vitals,
            Event::CommitTime(time) => self.commits.note(now, time),
            Event::Stalled(why) => self.health.stalled = why,
            Event::Job(state) => self.state = state,
        }
    }

    fn note(&mut self, notice: Notice) {
        if self.notices.len() == Snapshot::NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
        self.notices_total += 1;
        self.shown = None;
    }

    /// Looks at every site's alerts, once a second and at the end.
    fn look(&mut self, now: Instant) {
        let due = self
            .looked_at
            .is_none_or(|at| now.saturating_duration_since(at) >= alerts::EVERY);
        if !due && !self.is_over() {
            return;
        }
        self.looked_at = Some(now);
        let mut look = Look::default();
        let mut raised: Vec<Alert> = Vec::new();
        for (n, site) in (0..).zip(&mut self.sites) {
            if site.alarms.is_empty() {
                continue;
            }
            let disk_free = self.health.vitals.disk_free;
            site.look(SiteId(n), disk_free, now, &mut self.alerts_total, &mut look);
            raised.extend(site.alarms.raised().cloned());
        }
        raised.sort_by_key(|alert| alert.id);
        if *raised != *self.alerts {
            self.alerts = raised.into();
        }
        self.announce(look);
    }

    /// Says which alerts began and which ended.
    fn announce(&mut self, look: Look) {
        let began = look
            .began
            .into_iter()
            .map(|alert| (alert.level, "alert", alert));
        let ended = look
            .ended
            .into_iter()
            .map(|alert| (Level::Info, "alert over", alert));
        for (level, what, alert) in began.chain(ended) {
            let text = format!("{what}: {}", alert.text);
            let site = alert.site.and_then(|site| self.sites.get(site.index()));
            let site = site.map_or("", |site| site.name());
            match level {
                Level::Info => tracing::info!(site, "{text}"),
                Level::Warn => tracing::warn!(site, "{text}"),
                Level::Error => tracing::error!(site, "{text}"),
            }
            if let Event::Notice(notice) = Event::notice(level, alert.site, text) {
                self.note(notice);
            }
        }
    }

    /// The picture of now.
    pub fn snapshot(&mut self, now: Instant, bus_depth: usize) -> Arc<Snapshot> {
        self.number += 1;
        let active = self
            .sites
            .iter()
            .any(|site| !site.state.is_over() && site.state != SiteState::Paused);
        self.rates.roll(now, active);
        let stalled = self.health.stalled.as_deref();
        let sites: Vec<Arc<SiteView>> = self
            .sites
            .iter_mut()
            .map(|site| site.view(now, stalled))
            .collect();
        self.look(now);
        let notices = self
            .shown
            .get_or_insert_with(|| self.notices.iter().cloned().collect())
            .clone();
        Arc::new(Snapshot {
            number: self.number,
            at: now,
            elapsed: now.saturating_duration_since(self.began),
            state: self.state,
            totals: Totals::of(&sites, self.rates.throughput()),
            sites,
            notices,
            notices_total: self.notices_total,
            alerts: self.alerts.clone(),
            exits: self.exits.clone(),
            health: Health {
                bus_depth,
                commit_time: self.commits.last,
                commit_worst: self.commits.worst(now),
                ..self.health.clone()
            },
        })
    }

    fn site(&mut self, id: SiteId) -> Option<&mut Site> {
        let site = self.sites.get_mut(id.index())?;
        site.touch();
        Some(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Doing, Level, SiteDelta, WorkerId};
    use proptest::prelude::*;
    use std::time::Duration;

    fn monitor(sites: usize) -> (Monitor, Instant) {
        let now = Instant::now();
        let infos = (0..sites)
            .map(|n| SiteInfo {
                name: format!("site{n}").into(),
                start: "http://e.org/".into(),
                rules: Arc::default(),
                alerts: Arc::default(),
            })
            .collect();
        (Monitor::new(infos, &[], now), now)
    }

    fn delta() -> impl Strategy<Value = SiteDelta> {
        (0..50i64, 0..5i64, 0..5i64, 0..100i64, 0..9i64, 0..9999i64).prop_map(
            |(done, failed, skipped, found, records, bytes)| SiteDelta {
                done,
                failed,
                skipped,
                queued: found,
                records,
                bytes,
                ..SiteDelta::default()
            },
        )
    }

    proptest! {
        #[test]
        fn counters_are_the_sum_of_the_deltas(deltas in prop::collection::vec((0..3u32, delta()), 0..40)) {
            let (mut monitor, now) = monitor(3);
            for (n, (site, delta)) in deltas.iter().enumerate() {
                let later = now + Duration::from_millis(n as u64 * 130);
                monitor.fold(Event::Committed(vec![(SiteId(*site), *delta)]), later);
            }
            let shown = monitor.snapshot(now + Duration::from_secs(9), 0);
            let sum = |of: fn(&SiteDelta) -> i64| deltas.iter().map(|(_, d)| of(d)).sum::<i64>() as u64;
            prop_assert_eq!(shown.totals.pages.done, sum(|d| d.done));
            prop_assert_eq!(shown.totals.pages.failed, sum(|d| d.failed));
            prop_assert_eq!(shown.totals.pages.queued, sum(|d| d.queued));
            prop_assert_eq!(shown.totals.bytes, sum(|d| d.bytes));
        }

        #[test]
        fn workers_in_flight_never_exceed_what_is_queued(
            moves in prop::collection::vec((0..8u32, 0..4u8), 0..60), queued in 0..10i64,
        ) {
            let (mut monitor, now) = monitor(1);
            let delta = SiteDelta { queued, ..SiteDelta::default() };
            monitor.fold(Event::Committed(vec![(SiteId(0), delta)]), now);
            for (worker, what) in moves {
                let doing = match what {
                    0 => Doing::Idle,
                    1 => Doing::Fetching("http://e.org/".into()),
                    2 => Doing::Paused,
                    _ => Doing::Gone,
                };
                let worker = WorkerId(worker);
                monitor.fold(Event::Worker { site: SiteId(0), worker, doing }, now);
                let shown = monitor.snapshot(now, 0);
                let pages = shown.sites[0].pages;
                prop_assert_eq!(pages.queued + pages.in_flight, queued as u64);
                prop_assert!(shown.sites[0].workers.is_sorted_by_key(|w| w.id));
            }
        }
    }

    #[test]
    fn an_unchanged_site_keeps_its_view() {
        let (mut monitor, now) = monitor(2);
        let first = monitor.snapshot(now, 0);
        let why = None;
        monitor.fold(
            Event::Site {
                site: SiteId(1),
                state: SiteState::Running,
                why,
            },
            now,
        );
        let second = monitor.snapshot(now, 0);
        assert!(Arc::ptr_eq(&first.sites[0], &second.sites[0]));
        assert!(!Arc::ptr_eq(&first.sites[1], &second.sites[1]));
    }

    #[test]
    fn the_last_notices_are_kept_and_all_are_counted() {
        let (mut monitor, now) = monitor(1);
        for n in 0..Snapshot::NOTICES + 7 {
            monitor.fold(Event::notice(Level::Info, None, n.to_string()), now);
        }
        let shown = monitor.snapshot(now, 0);
        assert_eq!(shown.notices.len(), Snapshot::NOTICES);
        assert_eq!(shown.notices_total as usize, Snapshot::NOTICES + 7);
        assert_eq!(shown.notices[0].text, "7");
    }

    #[test]
    fn the_end_is_foretold_from_the_shrinking_queue() {
        let (mut monitor, now) = monitor(1);
        let at = |s: u64| now + Duration::from_millis(1000 * s + 1);
        let grown = SiteDelta {
            queued: 1000,
            ..SiteDelta::default()
        };
        monitor.fold(Event::Committed(vec![(SiteId(0), grown)]), now);
        assert_eq!(
            monitor.snapshot(at(0), 0).sites[0].eta,
            None,
            "it only grows"
        );
        for second in 11..31 {
            let done = SiteDelta {
                done: 10,
                queued: -10,
                ..SiteDelta::default()
            };
            monitor.fold(Event::Committed(vec![(SiteId(0), done)]), at(second));
        }
        let eta = monitor.snapshot(at(31), 0).sites[0].eta.unwrap();
        assert_eq!(eta.as_secs(), 80);
    }
}
