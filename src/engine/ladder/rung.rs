//! One rung of a site, as its supervisor keeps it.

use super::purse::Purse;
use crate::bus::{Budget, RungControls, RungState, Spent, WorkerId};
use crate::config::Fetch;
use crate::engine::slots::Slots;
use crate::page::Rung;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// First rest of a rung that has more to do than it takes; doubled for each
/// further one in a row.
const REST: Duration = Duration::from_millis(500);
/// Longest rest.
const REST_CAP: Duration = Duration::from_secs(30);
/// Rests in a row, ten minutes of them, after which nothing is hoped for.
const HOPELESS: u32 = 24;

/// One rung.
#[derive(Debug)]
pub struct Step {
    /// Which.
    pub rung: Rung,
    /// Its workers.
    pub slots: Slots,
    /// Time between two requests to one host.
    pub delay: Duration,
    /// What it may spend.
    pub budget: Budget,
    /// Paused by the operator.
    pub paused: bool,
    /// What it has spent.
    pub purse: Purse,
    /// What one request costs at most, where that is known.
    pub price: Option<u64>,
    /// Why it cannot work, where it cannot.
    pub down: Option<Arc<str>>,
    /// Not before then.
    rest_until: Option<Instant>,
    rests: u32,
    /// When its concurrency was last cut.
    cut_at: Option<Instant>,
    /// Set aside for each worker's request.
    aside: HashMap<WorkerId, u64>,
}

impl Step {
    /// A rung at `place` on its ladder. Workers are numbered from a number of
    /// their rung's own.
    pub fn new(
        controls: &RungControls,
        place: u32,
        price: Option<u64>,
        spent: Spent,
        site_paused: bool,
    ) -> Self {
        let base = place * Fetch::MAX_CONCURRENCY;
        Self {
            rung: controls.rung,
            slots: Slots::from(base, controls.concurrency, site_paused),
            delay: controls.delay,
            budget: controls.budget,
            paused: controls.paused,
            purse: Purse::new(spent),
            price,
            down: None,
            rest_until: None,
            rests: 0,
            cut_at: None,
            aside: HashMap::new(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> RungState {
        if let Some(why) = &self.down {
            RungState::Down(why.clone())
        } else if self.paused {
            RungState::Paused
        } else if self.purse.is_empty(&self.budget, self.price) {
            RungState::Spent
        } else {
            RungState::Open
        }
    }

    /// Whether pages may be sent to it, be it that they have to wait there.
    pub fn is_open(&self) -> bool {
        self.state() == RungState::Open
    }

    /// Whether it takes no page until the operator does something about it,
    /// other than giving it money.
    pub fn is_mendable(&self) -> bool {
        matches!(self.state(), RungState::Down(_) | RungState::Paused)
    }

    /// Whether what it spends is kept to the request.
    pub fn is_accounted(&self) -> bool {
        self.budget != Budget::default() || self.price != Some(0)
    }

    /// A worker that may take a page now.
    pub fn free(&self, now: Instant) -> Option<WorkerId> {
        let rests = self.rest_until.is_some_and(|until| until > now);
        let may = !rests && self.is_open() && self.purse.may(&self.budget, self.price);
        may.then(|| self.slots.free()).flatten()
    }

    /// When its rest ends, where it rests.
    pub fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.rest_until.filter(|until| *until > now)
    }

    /// A worker begins a request.
    pub fn employ(&mut self, worker: WorkerId) {
        self.slots.employ(worker);
        let aside = self.purse.reserve(self.price);
        self.aside.insert(worker, aside);
    }

    /// A worker's request has ended.
    pub fn dismiss(&mut self, worker: WorkerId, cost: u64) {
        self.slots.dismiss(worker);
        let aside = self.aside.remove(&worker).unwrap_or(0);
        self.purse.settle(aside, cost);
    }

    /// It answered as it should.
    pub fn fine(&mut self) {
        self.rests = 0;
    }

    /// Whether it has had more to do than it takes for so long that somebody
    /// should look at it.
    pub fn is_hopeless(&self) -> bool {
        self.rests >= HOPELESS
    }

    /// It had more to do than it takes: it rests, and answers to how many
    /// requests at a time it should be cut. One cut answers for all requests
    /// that were sent before it.
    pub fn crowded(&mut self, now: Instant, took: Duration) -> Option<u32> {
        let rest = REST.saturating_mul(1 << self.rests.min(10)).min(REST_CAP);
        self.rest_until = Some(now + rest);
        let known = self.cut_at.is_some_and(|cut| cut + took > now);
        if known {
            return None;
        }
        self.rests += 1;
        self.cut_at = Some(now);
        let limit = self.slots.limit();
        (limit > 1).then(|| limit - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(concurrency: u32) -> Step {
        let controls = RungControls {
            rung: Rung::Service,
            paused: false,
            concurrency,
            delay: Duration::ZERO,
            timeout: Duration::ZERO,
            budget: Budget {
                requests: Some(3),
                money: None,
            },
        };
        Step::new(&controls, 1, Some(0), Spent::default(), false)
    }

    #[test]
    fn a_budget_ends_it_and_a_raised_one_lets_it_go_on() {
        let (mut step, now) = (step(8), Instant::now());
        for n in 0..3 {
            let worker = step.free(now).unwrap();
            assert_eq!(worker, WorkerId(1024 + n));
            step.employ(worker);
        }
        assert_eq!((step.free(now), step.state()), (None, RungState::Spent));
        step.dismiss(WorkerId(1024), 5);
        assert_eq!(
            step.purse.spent,
            Spent {
                requests: 1,
                money: 5
            }
        );
        assert_eq!(step.purse.at_most().requests, 3);
        step.budget.requests = Some(4);
        assert!(step.free(now).is_some());
    }

    #[test]
    fn a_crowd_cuts_it_once_for_all_that_was_in_flight() {
        let (mut step, now) = (step(3), Instant::now());
        let took = Duration::from_millis(100);
        assert_eq!(step.crowded(now, took), Some(2));
        step.slots.set_limit(2);
        assert_eq!(step.free(now), None, "it rests");
        assert_eq!(step.crowded(now + took / 2, took), None);
        let later = now + Duration::from_secs(5);
        assert!(step.free(later).is_some());
        assert_eq!(step.crowded(later, took), Some(1));
        step.slots.set_limit(1);
        let later = later + Duration::from_secs(60);
        assert_eq!(step.crowded(later, took), None, "never below one");
    }

    #[test]
    fn what_is_crowded_for_minutes_is_hopeless_until_it_answers() {
        let (mut step, began) = (step(1), Instant::now());
        let took = Duration::from_millis(100);
        let mut now = began;
        while !step.is_hopeless() {
            step.crowded(now, took);
            // Another that was sent before adds nothing.
            step.crowded(now, took);
            now = step.rests_until(now).unwrap();
            now += took;
        }
        let minutes = (now - began).as_secs() / 60;
        assert!((8..12).contains(&minutes), "{minutes}");
        step.fine();
        assert!(!step.is_hopeless());
    }
}
