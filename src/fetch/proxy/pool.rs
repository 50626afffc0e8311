//! The exits: which one is next, and what to say where none can be used.

use super::exit::Exit;
use super::fault::Fault;
use super::pace::Pace;
use crate::config::{ProxyAddress, ProxyFrom};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Exits that a list may have; a longer one is cut.
pub(super) const MOST: usize = 10_000;
/// How soon exits are asked again once it was said that none works: by then
/// the operator may have done something.
const AGAIN: Duration = Duration::from_secs(5);

/// Why there is no exit now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoExit {
    /// All rest; the first until then.
    Resting(Instant),
    /// None has worked for a while: what to tell the operator.
    Dead(String),
}

/// All exits of one rule.
#[derive(Default)]
pub(super) struct Pool {
    exits: Vec<Arc<Exit>>,
    /// Where the round goes on.
    next: usize,
    pace: Pace,
    /// The last exits that were answered, two different ones: so that for each
    /// exit it is known when another was.
    answered: [Option<(u64, Instant)>; 2],
    /// Exits made in the run.
    made: u64,
    /// Exits that were on a list before and are no longer.
    retired: u32,
}

impl Pool {
    /// Takes a list in the place of the last one. An exit that was on that one
    /// too keeps what is known of it.
    pub(super) fn replace(&mut self, list: Vec<ProxyAddress>) {
        let mut known: HashMap<ProxyAddress, Arc<Exit>> = self
            .exits
            .drain(..)
            .map(|exit| (exit.address.clone(), exit))
            .collect();
        let mut names: HashMap<Arc<str>, u32> = HashMap::new();
        for exit in known.values() {
            names.insert(exit.name.clone(), 1);
        }
        let mut taken = std::collections::HashSet::new();
        for address in list {
            if self.exits.len() == MOST || !taken.insert(address.clone()) {
                continue;
            }
            let exit = known.remove(&address).unwrap_or_else(|| {
                self.made += 1;
                let name = free_name(&mut names, &address);
                Arc::new(Exit::new(self.made, name, address))
            });
            self.exits.push(exit);
        }
        let gone = u32::try_from(known.len()).unwrap_or(u32::MAX);
        self.retired = self.retired.saturating_add(gone);
        self.next = 0;
    }

    /// Exits that were on a list before and are no longer.
    pub(super) fn retired(&self) -> u32 {
        self.retired
    }

    /// All exits.
    pub(super) fn exits(&self) -> &[Arc<Exit>] {
        &self.exits
    }

    /// What is known of their latencies.
    #[cfg(test)]
    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// The exit whose turn it is, of those that do not rest. A slow one passes
    /// every other turn.
    pub(super) fn turn(&mut self, now: Instant) -> Option<Arc<Exit>> {
        let count = self.exits.len();
        let mut passed = None;
        let at = (0..count)
            .map(|step| (self.next + step) % count)
            .filter(|at| self.exits[*at].rests(now).is_none())
            .find(|at| {
                let exit = &self.exits[*at];
                let passes = self.pace.is_slow(exit) && exit.health().passes();
                if passes {
                    passed.get_or_insert(*at);
                }
                !passes
            });
        // Where the others rest, a slow one is better than none.
        let at = at.or(passed)?;
        self.next = (at + 1) % count;
        Some(Arc::clone(&self.exits[at]))
    }

    /// The exit for a visitor who stays: with the fewest sessions, of those the
    /// one that has done best, of equals one that is not slow.
    pub(super) fn home(&mut self, now: Instant) -> Option<Arc<Exit>> {
        let count = self.exits.len();
        let round = (0..count).map(|step| (self.next + step) % count);
        let best = round
            .filter(|at| self.exits[*at].rests(now).is_none())
            .map(|at| {
                let score = self.exits[at].health().score();
                // Better by less than a tenth is no better: it would be luck.
                let slow = self.pace.is_slow(&self.exits[at]);
                let rank = (self.exits[at].sessions(), -((score * 10.0) as i32), slow);
                (rank, at)
            })
            // The first of equals: the round's order.
            .min_by_key(|(rank, _)| *rank)?;
        self.next = (best.1 + 1) % count;
        Some(Arc::clone(&self.exits[best.1]))
    }

    /// An exit was answered, after `latency` where that tells something of it.
    pub(super) fn answered(&mut self, exit: &Exit, latency: Option<Duration>, now: Instant) {
        match latency {
            Some(latency) => {
                exit.health().answered(latency);
                self.pace.answered(&self.exits);
            }
            None => exit.health().served(),
        }
        let [last, before] = self.answered;
        self.answered = match last {
            Some((id, _)) if id == exit.id => [Some((id, now)), before],
            _ => [Some((exit.id, now)), last],
        };
    }

    /// A request through an exit got no answer.
    pub(super) fn failed(&mut self, exit: &Exit, fault: &Fault, now: Instant) {
        exit.health().failed(fault, now, self.others(exit));
    }

    /// An answer through an exit was a block.
    pub(super) fn blocked(&mut self, exit: &Exit, now: Instant) {
        exit.health().block(now, self.others(exit));
    }

    /// When another exit was last answered.
    fn others(&self, exit: &Exit) -> Option<Instant> {
        let mut known = self.answered.iter().flatten();
        known.find(|(id, _)| *id != exit.id).map(|(_, at)| *at)
    }

    /// What to do where no exit can be had.
    pub(super) fn none(&self, from: &ProxyFrom, now: Instant) -> NoExit {
        let first = self.exits.iter().filter_map(|exit| exit.rests(now)).min();
        let dead = self.exits.iter().all(|exit| exit.health().is_dead());
        match first {
            Some(first) if !dead => NoExit::Resting(first),
            _ => NoExit::Dead(self.obituary(from, now)),
        }
    }

    fn obituary(&self, from: &ProxyFrom, now: Instant) -> String {
        let refused = self.exits.iter().all(|exit| exit.health().is_refused());
        let last = self.exits.iter().find_map(|exit| {
            let mut health = exit.health();
            health.again_within(AGAIN, now);
            Some(format!("{}: {}", exit.name, health.last()?))
        });
        for exit in &self.exits {
            exit.health().again_within(AGAIN, now);
        }
        let count = self.exits.len();
        let whole = if count == 1 {
            "the only proxy".to_owned()
        } else {
            format!("all {count} proxies")
        };
        let last = last.unwrap_or_default();
        match (count, refused) {
            (0, _) => format!("there is no proxy in {from}; add one"),
            (_, true) => format!(
                "{whole} refused us ({last}); look at the user name, the password and the \
                 credit of fetch.proxy, then resume the rung"
            ),
            (_, false) => format!(
                "{whole} failed again and again ({last}); look whether they run, or write \
                 others into {from}, then resume the rung"
            ),
        }
    }
}

/// `host:port`, with a number behind it where that name is taken.
fn free_name(names: &mut HashMap<Arc<str>, u32>, address: &ProxyAddress) -> Arc<str> {
    let plain: Arc<str> = address.to_string().into();
    let mut count = names.get(&plain).copied().unwrap_or(0);
    let mut name = plain.clone();
    while names.contains_key(&name) {
        count += 1;
        name = format!("{plain}~{count}").into();
    }
    names.insert(plain, count.max(1));
    names.entry(name.clone()).or_insert(1);
    name
}

#[cfg(test)]
mod tests {
    use super::super::fault::Whose;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn address(text: &str) -> ProxyAddress {
        ProxyAddress::parse(text).unwrap()
    }

    fn pool(count: usize) -> Pool {
        let mut pool = Pool::default();
        pool.replace((0..count).map(|n| address(&format!("p{n}:1"))).collect());
        pool
    }

    fn names(pool: &Pool) -> Vec<&str> {
        pool.exits().iter().map(|exit| &*exit.name).collect()
    }

    fn turns(pool: &mut Pool, count: usize, now: Instant) -> Vec<String> {
        (0..count)
            .map(|_| pool.turn(now).unwrap().name.to_string())
            .collect()
    }

    fn from() -> ProxyFrom {
        ProxyFrom::File("proxies.txt".into())
    }

    #[test]
    fn exits_take_turns_and_resting_ones_are_left_out() {
        let mut pool = pool(3);
        let now = Instant::now();
        assert_eq!(turns(&mut pool, 4, now), ["p0:1", "p1:1", "p2:1", "p0:1"]);
        let second = pool.exits()[1].clone();
        pool.failed(&second, &Fault::new(Whose::Exit, "dead"), now);
        assert_eq!(turns(&mut pool, 3, now), ["p2:1", "p0:1", "p2:1"]);
        let later = second.rests(now).unwrap();
        assert_eq!(turns(&mut pool, 3, later), ["p0:1", "p1:1", "p2:1"]);
    }

    #[test]
    fn a_visitor_who_stays_gets_the_emptiest_exit_and_of_those_the_best() {
        use std::sync::atomic::Ordering::Relaxed;
        let mut pool = pool(3);
        let now = Instant::now();
        pool.exits()[0].sessions.store(2, Relaxed);
        for _ in 0..3 {
            let second = pool.exits()[1].clone();
            pool.failed(&second, &Fault::new(Whose::Either, "502"), now);
        }
        assert_eq!(&*pool.home(now).unwrap().name, "p2:1");
        pool.exits()[2].sessions.store(1, Relaxed);
        assert_eq!(&*pool.home(now).unwrap().name, "p1:1");
    }

    #[test]
    fn what_is_said_where_there_is_none() {
        let now = Instant::now();
        let mut pool = pool(0);
        let NoExit::Dead(text) = pool.none(&from(), now) else {
            panic!("not dead");
        };
        assert!(text.contains("no proxy in proxies.txt"), "{text}");

        pool = super::tests::pool(2);
        let exits = pool.exits().to_vec();
        let fail = |pool: &mut Pool, whose, now| {
            for exit in &exits {
                pool.failed(exit, &Fault::new(whose, "why"), now);
            }
        };
        fail(&mut pool, Whose::Exit, now);
        assert!(pool.turn(now).is_none() && pool.home(now).is_none());
        let first = exits.iter().filter_map(|exit| exit.rests(now)).min();
        assert_eq!(pool.none(&from(), now), NoExit::Resting(first.unwrap()));
        let now = now + Duration::from_secs(10);
        fail(&mut pool, Whose::Exit, now);
        assert!(matches!(pool.none(&from(), now), NoExit::Resting(_)));
        let now = now + Duration::from_secs(10);
        fail(&mut pool, Whose::Exit, now);
        let NoExit::Dead(text) = pool.none(&from(), now) else {
            panic!("not dead");
        };
        assert!(text.contains("all 2 proxies failed"), "{text}");
        assert!(text.contains("p0:1: why"), "{text}");
        // Those who have heard of it may try again soon.
        assert!(pool.turn(now + AGAIN).is_some());
        let now = now + Duration::from_secs(10);
        fail(&mut pool, Whose::Login, now);
        let NoExit::Dead(text) = pool.none(&from(), now) else {
            panic!("not dead");
        };
        assert!(text.contains("all 2 proxies refused us"), "{text}");
    }

    #[test]
    fn a_new_list_keeps_what_is_known_and_names_stay_apart() {
        let mut pool = Pool::default();
        pool.replace(vec![address("a:x@h:1"), address("b:x@h:1"), address("i:2")]);
        assert_eq!(names(&pool), ["h:1", "h:1~2", "i:2"]);
        let kept = pool.exits()[1].clone();
        kept.health().answered(Duration::from_millis(1));
        pool.replace(vec![
            address("c:x@h:1"),
            address("b:x@h:1"),
            address("c:x@h:1"),
            address("d:x@h:1"),
        ]);
        assert_eq!((pool.exits().len(), pool.retired()), (3, 2));
        assert_eq!(pool.exits()[1].id, kept.id);
        assert_eq!(pool.exits()[1].health().ok, 1);
        let all: HashSet<&str> = names(&pool).into_iter().collect();
        assert_eq!(all.len(), 3, "{all:?}");
    }

    #[test]
    fn a_list_is_cut_at_its_cap() {
        let list = (0..MOST + 5).map(|n| address(&format!("h:{}", n + 1)));
        let mut pool = Pool::default();
        pool.replace(list.collect());
        assert_eq!(pool.exits().len(), MOST);
    }

    proptest! {
        /// However exits fail, a turn goes to one that does not rest, and over
        /// a whole round of healthy ones each has its turn once.
        #[test]
        fn turns_are_fair(count in 1..20usize, failing in prop::collection::vec(0..20usize, 0..30)) {
            let mut pool = pool(count);
            let now = Instant::now();
            for n in failing {
                if let Some(exit) = pool.exits().get(n).cloned() {
                    pool.failed(&exit, &Fault::new(Whose::Exit, "x"), now);
                }
            }
            let healthy = pool.exits().iter().filter(|e| e.rests(now).is_none()).count();
            let taken: Vec<u64> = (0..healthy).map(|_| pool.turn(now).unwrap().id).collect();
            let apart: HashSet<u64> = taken.iter().copied().collect();
            prop_assert_eq!(apart.len(), healthy);
            if healthy == 0 {
                prop_assert!(pool.turn(now).is_none());
                let resting = matches!(pool.none(&from(), now), NoExit::Resting(until) if until > now);
                prop_assert!(resting);
            }
        }
    }
}
