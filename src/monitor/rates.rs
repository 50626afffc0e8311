//! Pages and bytes a second, from what the store has made durable.

use super::snapshot::{Snapshot, Throughput};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds over which the steady rate is taken.
const STEADY: usize = 10;

/// Counts of one second.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    pages: u32,
    bytes: u64,
    /// How much the queue grew (or shrank).
    queued: i64,
}

/// Rates of one site, or of all.
#[derive(Debug)]
pub struct Rates {
    began: Instant,
    /// Whole seconds rolled into `seconds` so far.
    rolled: u64,
    now: Second,
    seconds: VecDeque<Second>,
    total: u64,
    active: Duration,
    counted_to: Instant,
    history: Arc<[u32]>,
}

impl Rates {
    /// Rates from this moment on.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            rolled: 0,
            now: Second::default(),
            seconds: VecDeque::new(),
            total: 0,
            active: Duration::ZERO,
            counted_to: now,
            history: Arc::new([]),
        }
    }

    /// Counts pages that were finished, their bytes, and the queue's growth.
    pub fn count(&mut self, now: Instant, pages: u64, bytes: u64, queued: i64) {
        self.roll(now, true);
        self.now.pages = self
            .now
            .pages
            .saturating_add(u32::try_from(pages).unwrap_or(u32::MAX));
        self.now.bytes = self.now.bytes.saturating_add(bytes);
        self.now.queued = self.now.queued.saturating_add(queued);
        self.total += pages;
    }

    /// Moves on to `now`. Time in which the site is not `active` (paused, over)
    /// does not count towards the rate of the whole run.
    pub fn roll(&mut self, now: Instant, active: bool) {
        if active {
            self.active += now.saturating_duration_since(self.counted_to);
        }
        self.counted_to = self.counted_to.max(now);
        let whole = now.saturating_duration_since(self.began).as_secs();
        let gap = whole.saturating_sub(self.rolled);
        if gap == 0 {
            return;
        }
        for n in 0..gap.min(Snapshot::SECONDS as u64 + 1) {
            let second = if n == 0 {
                std::mem::take(&mut self.now)
            } else {
                Second::default()
            };
            self.seconds.push_back(second);
        }
        while self.seconds.len() > Snapshot::SECONDS {
            self.seconds.pop_front();
        }
        self.rolled = whole;
        self.history = self.seconds.iter().map(|second| second.pages).collect();
    }

    /// The rates as they are shown.
    pub fn throughput(&self) -> Throughput {
        let (seconds, pages, bytes, _) = self.steady();
        let run = self.active.as_secs_f64();
        Throughput {
            pages_1s: self
                .seconds
                .back()
                .map_or(0.0, |second| f64::from(second.pages)),
            pages_10s: pages / seconds,
            pages_run: if run > 0.0 {
                self.total as f64 / run
            } else {
                0.0
            },
            bytes_10s: bytes / seconds,
            history: self.history.clone(),
        }
    }

    /// Pages by which the queue shrinks in a second; negative while it grows.
    pub fn shrinking(&self) -> f64 {
        let (seconds, _, _, queued) = self.steady();
        -queued / seconds
    }

    /// Whether the last seconds hold anything, so that the picture still moves.
    pub fn is_moving(&self) -> bool {
        self.now.pages > 0 || self.seconds.iter().any(|second| second.pages > 0)
    }

    /// Seconds looked at (the first whole one counts as one), and sums in them.
    fn steady(&self) -> (f64, f64, f64, f64) {
        let last = self.seconds.iter().rev().take(STEADY);
        let (mut pages, mut bytes, mut queued) = (0.0, 0.0, 0.0);
        let mut seconds: f64 = 0.0;
        for second in last {
            pages += f64::from(second.pages);
            bytes += second.bytes as f64;
            queued += second.queued as f64;
            seconds += 1.0;
        }
        if self.seconds.len() < STEADY {
            // Young: what the running second holds counts too.
            let part = self
                .counted_to
                .saturating_duration_since(self.began)
                .as_secs_f64()
                - self.rolled as f64;
            pages += f64::from(self.now.pages);
            bytes += self.now.bytes as f64;
            queued += self.now.queued as f64;
            seconds += part.clamp(0.0, 1.0);
        }
        (seconds.max(0.1), pages, bytes, queued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_seconds() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        for second in 0..20u64 {
            let now = start + Duration::from_millis(second * 1000 + 500);
            rates.count(now, 10, 1000, -4);
        }
        rates.roll(start + Duration::from_secs(20), true);
        let shown = rates.throughput();
        assert_eq!(
            (shown.pages_1s, shown.pages_10s, shown.bytes_10s),
            (10.0, 10.0, 1000.0)
        );
        assert!((shown.pages_run - 10.0).abs() < 1e-9);
        assert_eq!(shown.history.len(), 20);
        assert!((rates.shrinking() - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_pause_does_not_count_against_the_whole_run() {
        let start = Instant::now();
        let mut rates = Rates::new(start);
        rates.count(start + Duration::from_secs(2), 20, 0, 0);
        rates.roll(start + Duration::from_secs(100), false);
        let shown = rates.throughput();
        assert!((shown.pages_run - 10.0).abs() < 1e-9);
        assert_eq!(shown.pages_10s, 0.0);
        assert!(rates.seconds.len() <= Snapshot::SECONDS);
    }
}
