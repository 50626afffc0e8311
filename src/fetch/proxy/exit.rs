//! One exit and what is known of its health.

use super::fault::{Fault, Whose};
use crate::config::ProxyAddress;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// First rest of an exit that failed.
const FIRST_REST: Duration = Duration::from_secs(2);
/// First rest of an exit that refuses the login: somebody has to do something.
const REFUSED_REST: Duration = Duration::from_secs(60);
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(300);
/// Failures of unknown fault, or blocks, in a row that make an exit rest.
const ROW: u32 = 3;
/// Answers between two blocks that end a row of blocks.
const BREAK: u32 = 10;
/// Rests in a row after which an exit counts as dead.
const DEAD: u32 = 3;
/// Latencies that are remembered.
const REMEMBERED: usize = 32;
/// Fewer say nothing of an exit's pace.
const TELLING: usize = 5;

/// One exit of a list, or a gateway.
pub(super) struct Exit {
    /// Tells it from every other exit of the run.
    pub(super) id: u64,
    /// `host:port`, and a number where several have the same; no login.
    pub(super) name: Arc<str>,
    /// Where it is; of a gateway with its marks.
    pub(super) address: ProxyAddress,
    /// Sessions that go by it.
    pub(super) sessions: AtomicU32,
    health: Mutex<Health>,
}

/// How an exit has done.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Answers that were no blocks.
    pub(super) ok: u64,
    /// Requests that got no answer, or one that may be the proxy's own excuse.
    pub(super) failed: u64,
    /// Answers that were found to be blocks.
    pub(super) blocked: u64,
    latencies: Vec<Duration>,
    next: usize,
    median: Option<Duration>,
    /// Whether it was passed by when its turn came last, since it is slow.
    passed: bool,
    /// Failures of unknown fault in a row, and when the first was.
    row: Row,
    blocks: Row,
    since_block: u32,
    /// Until when it rests, or rested last.
    pub(super) rest_until: Option<Instant>,
    /// Rests without an answer between them.
    rests: u32,
    refused: bool,
    /// Whether it only had too much to do when it began to rest.
    crowded: bool,
    last: Option<Arc<str>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Row {
    length: u32,
    began: Option<Instant>,
}

impl Row {
    fn longer(&mut self, now: Instant) {
        self.length += 1;
        self.began.get_or_insert(now);
    }
}

impl Exit {
    pub(super) fn new(id: u64, name: Arc<str>, address: ProxyAddress) -> Self {
        Self {
            id,
            name,
            address,
            sessions: AtomicU32::new(0),
            health: Mutex::default(),
        }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        // Figures alone: a panic leaves at worst one uncounted.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sessions that go by it now.
    pub(super) fn sessions(&self) -> u32 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Until when it rests; `None` where it does not.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        self.health().rest_until.filter(|until| *until > now)
    }
}

impl Health {
    /// An answer came.
    pub(super) fn served(&mut self) {
        self.ok += 1;
        self.since_block = self.since_block.saturating_add(1);
        (self.row, self.rests, self.refused) = (Row::default(), 0, false);
        self.rest_until = None;
    }

    /// An answer came, its head after `latency`.
    pub(super) fn answered(&mut self, latency: Duration) {
        self.served();
        if self.latencies.len() < REMEMBERED {
            self.latencies.push(latency);
        } else {
            self.latencies[self.next] = latency;
        }
        self.next = (self.next + 1) % REMEMBERED;
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        self.median = sorted.get(sorted.len() / 2).copied();
    }

    /// Whether its turn goes by it, every other time that this is asked.
    pub(super) fn passes(&mut self) -> bool {
        self.passed = !self.passed;
        self.passed
    }

    /// Whether so many in a row got no good answer that another exit is worth a try.
    pub(super) fn is_doubtful(&self) -> bool {
        self.row.length >= ROW
    }

    /// No answer came. `others_since` is when another exit was last answered.
    pub(super) fn failed(&mut self, fault: &Fault, now: Instant, others: Option<Instant>) {
        self.failed += 1;
        self.last = Some(fault.words.as_str().into());
        // Those that were under way when it began to rest say nothing new.
        if self.rest_until.is_some_and(|until| until > now) {
            return;
        }
        self.crowded = fault.whose == Whose::Crowded;
        match fault.whose {
            Whose::Exit | Whose::Crowded => self.rest(FIRST_REST, now),
            Whose::Login => {
                self.refused = true;
                self.rest(REFUSED_REST, now);
            }
            Whose::Either => {
                self.row.longer(now);
                self.rest_if_alone(self.row, now, others);
            }
        }
    }

    /// An answer was found to be a block.
    pub(super) fn block(&mut self, now: Instant, others: Option<Instant>) {
        self.blocked += 1;
        self.ok = self.ok.saturating_sub(1);
        self.last = Some("blocked by a site".into());
        if self.since_block > BREAK {
            self.blocks = Row::default();
        }
        self.since_block = 0;
        self.blocks.longer(now);
        if self.rest_until.is_none_or(|until| until <= now) {
            self.rest_if_alone(self.blocks, now, others);
        }
    }

    /// Rests where a row is long and another exit had an answer within it: a
    /// site that is down, or blocks everybody, is no fault of this exit.
    fn rest_if_alone(&mut self, row: Row, now: Instant, others: Option<Instant>) {
        let alone = matches!((row.began, others), (Some(began), Some(other)) if other >= began);
        if row.length >= ROW && alone {
            self.rest(FIRST_REST, now);
        }
    }

    /// Rests, twice as long each time and never quite as long as another.
    fn rest(&mut self, first: Duration, now: Instant) {
        let length = first
            .saturating_mul(1 << self.rests.min(16))
            .min(LONGEST_REST);
        self.rests += 1;
        (self.row, self.blocks) = (Row::default(), Row::default());
        self.rest_until = Some(now + length.mul_f64(0.75 + 0.5 * fastrand::f64()));
    }

    /// Asks it again after `wait` at the latest.
    pub(super) fn again_within(&mut self, wait: Duration, now: Instant) {
        self.rest_until = self.rest_until.map(|until| until.min(now + wait));
    }

    /// Whether it has not worked for so long that it counts as dead.
    pub(super) fn is_dead(&self) -> bool {
        self.refused || self.rests >= DEAD && !self.crowded
    }

    /// Whether it refused the login when it was last asked.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether its last request got an answer, or it has had none.
    pub(super) fn is_well(&self) -> bool {
        self.rests == 0 && self.row.length == 0
    }

    /// What last went wrong.
    pub(super) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Median time to an answer's head, of the last few.
    pub(super) fn median(&self) -> Option<Duration> {
        self.median
    }

    /// The same, where there are enough of them.
    pub(super) fn pace(&self) -> Option<Duration> {
        self.median.filter(|_| self.latencies.len() >= TELLING)
    }

    /// Share of requests that came to a good end, 0 to 1; a new exit begins at 1.
    pub(super) fn score(&self) -> f64 {
        let bad = (self.failed + self.blocked) as f64;
        let good = self.ok as f64 + 1.0;
        good / (good + bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(whose: Whose) -> Fault {
        Fault::new(whose, "words")
    }

    fn rest(health: &Health, now: Instant) -> Option<Duration> {
        let until = health.rest_until.filter(|until| *until > now)?;
        Some(until - now)
    }

    #[test]
    fn rests_grow_and_end_with_an_answer() {
        let mut health = Health::default();
        let mut now = Instant::now();
        for expected in [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0] {
            health.failed(&fault(Whose::Exit), now, None);
            let rest = rest(&health, now).unwrap().as_secs_f64();
            let range = expected * 0.75..=expected * 1.25;
            assert!(range.contains(&rest), "{rest} for {expected}");
            now = health.rest_until.unwrap();
        }
        assert!(health.is_dead());
        health.answered(Duration::from_millis(5));
        assert!(!health.is_dead() && rest(&health, now).is_none());
        health.failed(&fault(Whose::Exit), now, None);
        assert!(rest(&health, now).unwrap() <= FIRST_REST.mul_f64(1.25));
    }

    #[test]
    fn an_exit_with_too_much_to_do_rests_and_is_not_dead() {
        let mut health = Health::default();
        let mut now = Instant::now();
        for _ in 0..2 * DEAD {
            health.failed(&fault(Whose::Crowded), now, None);
            assert!(rest(&health, now).is_some() && !health.is_dead());
            now = health.rest_until.unwrap();
        }
        health.failed(&fault(Whose::Exit), now, None);
        assert!(health.is_dead());
    }

    #[test]
    fn failures_under_way_when_the_rest_began_do_not_lengthen_it() {
        let mut health = Health::default();
        let now = Instant::now();
        for _ in 0..50 {
            health.failed(&fault(Whose::Exit), now, None);
        }
        assert_eq!((health.failed, health.rests), (50, 1));
        assert!(!health.is_dead());
    }

    #[test]
    fn unknown_fault_is_the_exits_only_where_another_does_better() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        // Answers of others, failures, whether it rests.
        for (others, failures, rests) in [
            (None, 30, false),
            (Some(now), 30, false),
            (Some(later), 2, false),
            (Some(later), 3, true),
        ] {
            let mut health = Health::default();
            for _ in 0..failures {
                health.failed(&fault(Whose::Either), later, others);
            }
            assert_eq!(rest(&health, later).is_some(), rests, "{others:?}");
            let mut health = Health::default();
            for _ in 0..failures {
                health.block(later, others);
            }
            assert_eq!(rest(&health, later).is_some(), rests, "{others:?}");
        }
    }

    #[test]
    fn answers_between_blocks_end_their_row() {
        let now = Instant::now();
        let mut health = Health::default();
        for _ in 0..20 {
            for _ in 0..=BREAK {
                health.answered(Duration::from_millis(1));
            }
            health.block(now, Some(now));
            assert!(rest(&health, now).is_none());
        }
        assert_eq!(health.blocked, 20);
        assert_eq!(health.ok, 20 * u64::from(BREAK + 1) - 20);
    }

    #[test]
    fn a_refused_login_is_told_from_death() {
        let mut health = Health::default();
        let now = Instant::now();
        health.failed(&fault(Whose::Login), now, None);
        assert!(health.is_refused() && health.is_dead());
        assert!(rest(&health, now).unwrap() >= REFUSED_REST.mul_f64(0.75));
        health.again_within(Duration::from_secs(5), now);
        assert_eq!(rest(&health, now), Some(Duration::from_secs(5)));
        health.answered(Duration::ZERO);
        assert!(!health.is_refused() && health.is_well());
    }

    proptest! {
        #[test]
        fn figures_add_up_and_stay_small(steps in prop::collection::vec(0..5u8, 0..300)) {
            let mut health = Health::default();
            let mut now = Instant::now();
            let (mut answered, mut failed) = (0, 0);
            for step in steps {
                now += Duration::from_millis(u64::from(step) * 700);
                match step {
                    0 | 1 => {
                        health.answered(Duration::from_millis(u64::from(step)));
                        answered += 1;
                    }
                    2 => health.failed(&fault(Whose::Exit), now, Some(now)),
                    3 => health.failed(&fault(Whose::Either), now, Some(now)),
                    _ if health.ok > 0 => health.block(now, Some(now)),
                    _ => {}
                }
                failed += u64::from(matches!(step, 2 | 3));
                prop_assert_eq!(health.ok + health.blocked, answered);
                prop_assert_eq!(health.failed, failed);
                prop_assert!(health.latencies.len() <= REMEMBERED);
                prop_assert!(rest(&health, now).is_none_or(|rest| rest <= LONGEST_REST.mul_f64(1.25)));
                prop_assert!((0.0..=1.0).contains(&health.score()));
                prop_assert!(health.median().is_none_or(|m| m <= Duration::from_millis(1)));
            }
        }
    }
}
