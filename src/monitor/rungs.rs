//! The rungs of a site's ladder, as events have made them so far.

use super::latency::Histogram;
use super::snapshot::RungView;
use crate::bus::{RungState, Spent};
use crate::page::{FailureKind, Rung};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Exits, endpoints and tabs told of for one rung; those in use longest ago
/// are left out.
const THROUGH: usize = 32;

/// One rung.
#[derive(Debug)]
struct Tally {
    rung: Rung,
    state: RungState,
    attempts: u64,
    had: u64,
    climbed: u64,
    kinds: BTreeMap<FailureKind, u64>,
    blocks: BTreeMap<&'static str, u64>,
    latency: Histogram,
    spent: Spent,
    through: Vec<(Arc<str>, u64)>,
}

/// The rungs of one site, in the order of its ladder.
#[derive(Debug, Default)]
pub struct Tallies(Vec<Tally>);

impl Tallies {
    fn of(&mut self, rung: Rung) -> &mut Tally {
        let place = self.0.iter().position(|tally| tally.rung == rung);
        let place = place.unwrap_or_else(|| {
            self.0.push(Tally {
                rung,
                state: RungState::Open,
                attempts: 0,
                had: 0,
                climbed: 0,
                kinds: BTreeMap::new(),
                blocks: BTreeMap::new(),
                latency: Histogram::default(),
                spent: Spent::default(),
                through: Vec::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// How a rung stands.
    pub fn stand(&mut self, rung: Rung, state: RungState, spent: Spent) {
        let tally = self.of(rung);
        (tally.state, tally.spent) = (state, spent);
    }

    /// An attempt ended.
    pub fn attempt(
        &mut self,
        rung: Rung,
        kind: Option<FailureKind>,
        elapsed: Duration,
        cost: u64,
        through: Option<Arc<str>>,
    ) {
        let tally = self.of(rung);
        tally.attempts += 1;
        match kind {
            Some(kind) => *tally.kinds.entry(kind).or_default() += 1,
            None => tally.had += 1,
        }
        tally.latency.record(elapsed);
        tally.spent.requests += 1;
        tally.spent.money = tally.spent.money.saturating_add(cost);
        if let Some(exit) = through {
            // Of a proxy's session the exit counts: sessions come and go.
            let exit = match exit.rsplit_once(" #") {
                Some((name, _)) => name.into(),
                None => exit,
            };
            let known = tally.through.iter().position(|(known, _)| *known == exit);
            let count = known.map_or(0, |place| tally.through.remove(place).1);
            tally.through.insert(0, (exit, count + 1));
            tally.through.truncate(THROUGH);
        }
    }

    /// An attempt counted as good had failed.
    pub fn late(&mut self, rung: Rung, kind: FailureKind) {
        let tally = self.of(rung);
        tally.had = tally.had.saturating_sub(1);
        *tally.kinds.entry(kind).or_default() += 1;
    }

    /// An answer was this block.
    pub fn block(&mut self, rung: Rung, whose: &'static str) {
        *self.of(rung).blocks.entry(whose).or_default() += 1;
    }

    /// A page went on from a rung to a higher one.
    pub fn climb(&mut self, from: Rung) {
        self.of(from).climbed += 1;
    }

    /// The rungs as they are shown.
    pub fn views(&self) -> Vec<RungView> {
        let view = |tally: &Tally| {
            let latency = tally.latency.latency();
            let mut kinds: Vec<(FailureKind, u64)> =
                tally.kinds.iter().map(|(kind, n)| (*kind, *n)).collect();
            kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let blocks = tally.blocks.iter();
            let mut blocks: Vec<(Arc<str>, u64)> = blocks
                .map(|(whose, count)| ((*whose).into(), *count))
                .collect();
            blocks.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            RungView {
                rung: tally.rung,
                state: tally.state.clone(),
                attempts: tally.attempts,
                had: tally.had,
                climbed: tally.climbed,
                kinds,
                blocks,
                p50: latency.p50,
                p95: latency.p95,
                spent: tally.spent,
                through: tally.through.clone(),
            }
        };
        self.0.iter().map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_counts_what_it_had_and_what_it_cost() {
        let mut rungs = Tallies::default();
        let spent = Spent {
            requests: 10,
            money: 5,
        };
        rungs.stand(Rung::Http, RungState::Open, Spent::default());
        rungs.stand(Rung::Service, RungState::Open, spent);
        let ms = Duration::from_millis;
        rungs.attempt(Rung::Http, None, ms(10), 0, None);
        rungs.late(Rung::Http, FailureKind::Blocked);
        rungs.climb(Rung::Http);
        for n in 0..40u64 {
            let exit = format!("exit {n}").into();
            rungs.attempt(Rung::Service, None, ms(100), 2, Some(exit));
        }
        let exit = "exit 39".into();
        let kind = Some(FailureKind::Timeout);
        rungs.attempt(Rung::Service, kind, ms(100), 0, Some(exit));
        let [http, service] = &rungs.views()[..] else {
            panic!("two rungs")
        };
        assert_eq!((http.attempts, http.had, http.climbed), (1, 0, 1));
        assert_eq!(http.kinds, [(FailureKind::Blocked, 1)]);
        assert_eq!((service.attempts, service.had), (41, 40));
        assert_eq!((service.spent.requests, service.spent.money), (51, 85));
        for session in 1..=3 {
            let through = format!("127.0.0.1:8080 #{session}").into();
            rungs.attempt(Rung::Proxy, None, ms(1), 0, Some(through));
        }
        let proxy = rungs
            .views()
            .into_iter()
            .find(|view| view.rung == Rung::Proxy);
        assert_eq!(proxy.unwrap().through, [("127.0.0.1:8080".into(), 3)]);
        assert_eq!(service.through.len(), THROUGH);
        assert_eq!(service.through[0], ("exit 39".into(), 2));
    }
}
