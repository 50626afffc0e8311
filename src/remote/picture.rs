//! Frames folded back into snapshots, on the client's side.

use super::wire::{Clock, Frame, Head, History, Site};
use crate::bus::{ExitPool, Notice};
use crate::monitor::{SiteView, Snapshot};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most sites that an engine is believed to have.
const SITES: usize = 1 << 20;

/// What a client has been told so far.
#[derive(Debug, Default)]
pub struct Told {
    clock: Option<Clock>,
    sites: Vec<Seen>,
    totals: Seconds,
    notices: VecDeque<Notice>,
    shown: Arc<[Notice]>,
    exits: Arc<[ExitPool]>,
}

/// A history put together from its ends.
#[derive(Debug, Clone, Default)]
struct Seconds {
    total: u64,
    shown: Arc<[u32]>,
}

#[derive(Debug)]
struct Seen {
    seconds: Seconds,
    view: Arc<SiteView>,
}

impl Seconds {
    fn follow(&mut self, told: &History) {
        let fresh = usize::try_from(told.total.saturating_sub(self.total)).unwrap_or(usize::MAX);
        let mut all: Vec<u32> = if fresh <= told.last.len() {
            let mut all = self.shown.to_vec();
            all.extend(&told.last[told.last.len() - fresh..]);
            all
        } else {
            told.last.clone()
        };
        all.drain(..all.len().saturating_sub(told.kept.min(Snapshot::SECONDS)));
        if fresh > 0 || all.len() != self.shown.len() {
            self.shown = all.into();
        }
        self.total = told.total;
    }
}

impl Told {
    /// The picture after `frame`, which was received at `now`.
    ///
    /// # Errors
    /// Where the frame does not follow what came before it.
    pub fn follow(&mut self, frame: Frame, now: Instant) -> Result<Snapshot, &'static str> {
        let Frame { mut head, sites } = frame;
        let elapsed = Duration::from_millis(head.elapsed_ms);
        // The frame that was on its way for the shortest time is the truest.
        let begun = Clock::new(now, elapsed);
        let clock = match self.clock {
            Some(clock) if clock.0 <= begun.0 => clock,
            _ => begun,
        };
        self.clock = Some(clock);
        if head.full {
            *self = Self {
                clock: self.clock,
                ..Self::default()
            };
        }
        if let Some(pools) = head.exits.take() {
            let pools = pools.into_iter().map(|pool| pool.pool(clock));
            self.exits = pools.collect();
        }
        for (place, site) in sites {
            self.site(place, site, clock)?;
        }
        if head.site_count > self.sites.len() {
            return Err("a site is missing in a snapshot");
        }
        self.sites.truncate(head.site_count);
        self.totals.follow(&head.totals.throughput.history);
        self.note(&head);
        Ok(Snapshot {
            number: head.number,
            at: now,
            elapsed,
            state: head.state,
            sites: self.sites.iter().map(|seen| seen.view.clone()).collect(),
            totals: head.totals.totals(self.totals.shown.clone()),
            notices: self.shown.clone(),
            notices_total: head.notices_total,
            alerts: head.alerts.iter().map(|alert| alert.alert(clock)).collect(),
            exits: self.exits.clone(),
            health: head.health.health(),
        })
    }

    fn site(&mut self, place: usize, site: Site, clock: Clock) -> Result<(), &'static str> {
        let mut seconds = match self.sites.get(place) {
            Some(seen) => seen.seconds.clone(),
            None => Seconds::default(),
        };
        seconds.follow(&site.throughput.history);
        let view = Arc::new(site.view(seconds.shown.clone(), clock));
        let seen = Seen { seconds, view };
        if place < self.sites.len() {
            self.sites[place] = seen;
        } else if place == self.sites.len() && place < SITES {
            self.sites.push(seen);
        } else {
            return Err("a site out of its place in a snapshot");
        }
        Ok(())
    }

    fn note(&mut self, head: &Head) {
        if head.notices.is_empty() && !head.full {
            return;
        }
        self.notices.extend(head.notices.iter().cloned());
        while self.notices.len() > Snapshot::NOTICES {
            self.notices.pop_front();
        }
        self.shown = self.notices.iter().cloned().collect();
    }
}
