//! Which exits are slow, against the others of their pool.

use super::exit::Exit;
use std::sync::Arc;
use std::time::Duration;

/// How many times the pool's median an exit's has to be, to be slow.
const TIMES: u32 = 3;
/// What two medians differ by that is no matter.
const NO_MATTER: Duration = Duration::from_millis(100);
/// Answers between two looks at a small pool; at a large one as many as it has exits.
const LOOK: usize = 32;

/// What is known of a pool's latencies.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Exits whose median is above this are slow.
    most: Option<Duration>,
    /// Answers since the last look.
    answers: usize,
}

impl Pace {
    /// One of these exits was answered.
    pub(super) fn answered(&mut self, exits: &[Arc<Exit>]) {
        self.answers += 1;
        if self.answers >= LOOK.max(exits.len()) {
            self.look(exits);
        }
    }

    fn look(&mut self, exits: &[Arc<Exit>]) {
        let mut medians: Vec<Duration> = exits
            .iter()
            .filter_map(|exit| exit.health().pace())
            .collect();
        medians.sort_unstable();
        // Of two the lower one: else the slower one would never be slow.
        let middle = medians.get(medians.len().saturating_sub(1) / 2);
        self.most = middle.map(|middle| (*middle * TIMES).max(*middle + NO_MATTER));
        self.answers = 0;
    }

    /// Whether an exit is slow.
    pub(super) fn is_slow(&self, exit: &Exit) -> bool {
        match (self.most, exit.health().pace()) {
            (Some(most), Some(own)) => own > most,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::Pool;
    use super::*;
    use crate::config::ProxyAddress;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use tokio::time::Instant;

    /// A pool whose exits have answered so fast, often enough to be judged.
    fn pool(latencies: &[u64]) -> Pool {
        let mut pool = Pool::default();
        let address = |n: usize| ProxyAddress::parse(&format!("p{n}:1")).unwrap();
        pool.replace((0..latencies.len()).map(address).collect());
        let exits = pool.exits().to_vec();
        for _ in 0..2 * LOOK {
            for (exit, ms) in exits.iter().zip(latencies) {
                let latency = Some(Duration::from_millis(*ms));
                pool.answered(exit, latency, Instant::now());
            }
        }
        pool
    }

    #[test]
    fn what_is_slow_is_told_by_the_others() {
        for (latencies, slow) in [
            (&[50, 60, 700][..], &[2][..]),
            (&[50, 700], &[1]),
            (&[1, 2, 90], &[]),
            (&[1, 2, 110], &[2]),
            (&[500, 600, 1400], &[]),
            (&[700], &[]),
            (&[50, 60, 70, 700, 800], &[3, 4]),
        ] {
            let pool = pool(latencies);
            let told: Vec<usize> = (0..latencies.len())
                .filter(|at| pool.pace().is_slow(&pool.exits()[*at]))
                .collect();
            assert_eq!(told, slow, "{latencies:?}");
        }
    }

    #[test]
    fn a_visitor_who_stays_gets_a_fast_one_of_equals() {
        let mut pool = pool(&[900, 50, 60]);
        assert_eq!(&*pool.home(Instant::now()).unwrap().name, "p1:1");
    }

    proptest! {
        /// Over whole rounds each slow exit has half the turns of each other one,
        /// and none is left without.
        #[test]
        fn slow_exits_have_every_other_turn(
            latencies in prop::collection::vec(1..3000u64, 1..12),
            rounds in 1..6usize,
        ) {
            let mut pool = pool(&latencies);
            let slow = |exit: &Exit| {
                let mut sorted = latencies.clone();
                sorted.sort_unstable();
                let middle = sorted[(sorted.len() - 1) / 2];
                let at: usize = exit.name[1..exit.name.len() - 2].parse().unwrap();
                latencies[at] > (middle * 3).max(middle + 100)
            };
            let all = pool.exits().to_vec();
            let few = all.iter().filter(|exit| slow(exit)).count();
            let turns = rounds * (2 * (all.len() - few) + few);
            let mut had: HashMap<u64, usize> = HashMap::new();
            for _ in 0..turns {
                *had.entry(pool.turn(Instant::now()).unwrap().id).or_default() += 1;
            }
            for exit in &all {
                let due = if slow(exit) { rounds } else { 2 * rounds };
                prop_assert_eq!(had.get(&exit.id).copied().unwrap_or(0), due, "{}", exit.name);
            }
        }
    }
}
