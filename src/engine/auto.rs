//! A site's concurrency tuned by itself: up while throughput rises and latency
//! holds, down when the server pushes back. No clock and no I/O of its own.

use crate::bus::AutoRange;
use crate::page::FailureKind;
use std::time::Duration;

/// Attempts that a window needs before it is judged.
const FEWEST: u32 = 8;
/// Share of refused or timed-out attempts above which the limit is cut.
const TROUBLE: f64 = 0.02;
/// What a cut leaves of the limit.
const CUT: f64 = 0.7;
/// Throughput must grow by this share of what a raise promised to be worth it.
const WORTH: f64 = 0.25;
/// Latency this many times its best is a queue at the server.
const QUEUEING: f64 = 2.0;
/// Windows to wait after a cut, and after a raise that brought nothing.
const REST_AFTER_CUT: u32 = 5;
const REST_AFTER_MISS: u32 = 20;

/// One window of attempts.
#[derive(Debug, Default)]
struct Window {
    answered: u32,
    refused: u32,
    timed_out: u32,
    latency: Duration,
}

/// Tunes one site's number of workers. [`Auto::note`] every attempt, call
/// [`Auto::tick`] once a second.
#[derive(Debug)]
pub struct Auto {
    range: AutoRange,
    window: Window,
    /// Seconds in the window.
    ticks: u32,
    /// Whether every worker was busy at each tick of the window.
    full: bool,
    /// The lowest mean latency seen, seconds; drifts up slowly, for a site's
    /// pages are not all alike.
    best_latency: Option<f64>,
    /// Limit and throughput before the last raise.
    raised_from: Option<(u32, f64)>,
    rest: u32,
}

impl Auto {
    /// Tuning within these bounds.
    pub fn new(range: AutoRange) -> Self {
        Self {
            range,
            window: Window::default(),
            ticks: 0,
            full: true,
            best_latency: None,
            raised_from: None,
            rest: 0,
        }
    }

    /// An attempt ended.
    pub fn note(&mut self, elapsed: Duration, status: Option<u16>, kind: Option<FailureKind>) {
        if matches!(status, Some(429 | 503)) {
            self.window.refused += 1;
        } else if matches!(
            kind,
            Some(FailureKind::Timeout | FailureKind::Reset | FailureKind::Connect)
        ) {
            self.window.timed_out += 1;
        } else {
            self.window.answered += 1;
            self.window.latency += elapsed;
        }
    }

    /// A second has passed with this limit; `busy` workers have work. Answers
    /// the new limit and why, where it moves.
    pub fn tick(&mut self, limit: u32, busy: u32) -> Option<(u32, String)> {
        self.ticks += 1;
        self.full &= busy >= limit;
        let Window {
            answered,
            refused,
            timed_out,
            ..
        } = self.window;
        let all = answered + refused + timed_out;
        if all < FEWEST {
            return None;
        }
        let window = std::mem::take(&mut self.window);
        let seconds = f64::from(std::mem::take(&mut self.ticks));
        let full = std::mem::replace(&mut self.full, true);
        let (to, why) = self.judge(limit, &window, f64::from(answered) / seconds, full)?;
        let to = to.clamp(self.range.min, self.range.max);
        (to != limit).then_some((to, why))
    }

    fn judge(
        &mut self,
        limit: u32,
        window: &Window,
        rate: f64,
        full: bool,
    ) -> Option<(u32, String)> {
        let all = window.answered + window.refused + window.timed_out;
        let trouble = window.refused + window.timed_out;
        if f64::from(trouble) > f64::from(all) * TROUBLE {
            let cut = (f64::from(limit) * CUT).floor() as u32;
            self.raised_from = None;
            self.rest = REST_AFTER_CUT;
            let why = if window.refused >= window.timed_out {
                format!("{} of {all} answers were 429 or 503", window.refused)
            } else {
                format!("{} of {all} requests broke off", window.timed_out)
            };
            return Some((cut.min(limit.saturating_sub(1)), why));
        }
        let latency = window.latency.as_secs_f64() / f64::from(window.answered.max(1));
        let best = self.best_latency.get_or_insert(latency);
        *best = latency.min(*best * 1.01);
        let slow = latency > *best * QUEUEING;
        let best = *best;
        if let Some((from, before)) = self.raised_from.take() {
            let promised = before * f64::from(limit - from) / f64::from(from.max(1));
            if rate < before + promised * WORTH {
                self.rest = REST_AFTER_MISS;
                let why = format!("{limit} workers were no faster than {from}");
                return Some((from, why));
            }
        }
        if slow && full {
            self.rest = REST_AFTER_CUT;
            let why = format!("latency {} → {}", ms(best), ms(latency));
            return Some(((f64::from(limit) * 0.9).floor() as u32, why));
        }
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        if !full || limit >= self.range.max {
            return None;
        }
        self.raised_from = Some((limit, rate));
        let why = format!("{rate:.0} pages/s at {}, all workers busy", ms(latency));
        Some((limit + (limit / 4).max(1), why))
    }
}

fn ms(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RANGE: AutoRange = AutoRange { min: 1, max: 256 };

    /// A server that serves `capacity` requests at once in `latency` each, and
    /// makes the rest wait; or refuses them.
    struct Server {
        capacity: f64,
        latency: f64,
        refuses: bool,
    }

    impl Server {
        /// One second of `limit` workers.
        fn second(&self, auto: &mut Auto, limit: u32) {
            let workers = f64::from(limit);
            let over = (workers / self.capacity).max(1.0);
            let rate = workers.min(self.capacity) / self.latency;
            let waits = if self.refuses { 1.0 } else { over };
            for _ in 0..rate.round().max(1.0) as u32 {
                auto.note(
                    Duration::from_secs_f64(self.latency * waits),
                    Some(200),
                    None,
                );
            }
            if self.refuses && workers > self.capacity {
                for _ in 0..(rate * (over - 1.0)).ceil() as u32 {
                    auto.note(
                        Duration::from_millis(1),
                        Some(429),
                        Some(FailureKind::Status),
                    );
                }
            }
        }

        fn settle(&self, seconds: u32) -> Vec<u32> {
            let mut auto = Auto::new(RANGE);
            let mut limit = 1;
            let mut limits = Vec::new();
            for _ in 0..seconds {
                self.second(&mut auto, limit);
                if let Some((to, why)) = auto.tick(limit, limit) {
                    assert!(!why.is_empty());
                    limit = to;
                }
                limits.push(limit);
            }
            limits
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_a_server_can_take(capacity in 4u32..120, latency_ms in 5u32..400, refuses: bool) {
            let server = Server {
                capacity: f64::from(capacity),
                latency: f64::from(latency_ms) / 1000.0,
                refuses,
            };
            let limits = server.settle(400);
            let late = &limits[200..];
            let mean = late.iter().sum::<u32>() as f64 / late.len() as f64;
            let capacity = f64::from(capacity);
            prop_assert!(mean >= capacity * 0.55, "{mean} of {capacity}");
            prop_assert!(mean <= capacity * 1.6 + 2.0, "{mean} of {capacity}");
        }

        #[test]
        fn it_stays_within_its_bounds(
            min in 1u32..10, more in 0u32..50,
            seconds in prop::collection::vec((0u32..40, 0u32..40, 0u32..3000u32), 1..60),
        ) {
            let range = AutoRange { min, max: min + more };
            let mut auto = Auto::new(range);
            let mut limit = 8u32.clamp(range.min, range.max);
            for (good, bad, ms) in seconds {
                for _ in 0..good {
                    auto.note(Duration::from_millis(u64::from(ms)), Some(200), None);
                }
                for _ in 0..bad {
                    auto.note(Duration::ZERO, None, Some(FailureKind::Timeout));
                }
                if let Some((to, _)) = auto.tick(limit, limit) {
                    prop_assert!(to != limit && (range.min..=range.max).contains(&to));
                    limit = to;
                }
            }
        }
    }

    #[test]
    fn refusals_cut_at_once_and_idle_workers_raise_nothing() {
        let mut auto = Auto::new(RANGE);
        for _ in 0..20 {
            auto.note(Duration::from_millis(10), Some(200), None);
        }
        assert_eq!(auto.tick(10, 4), None, "six workers have nothing to do");
        for _ in 0..20 {
            auto.note(
                Duration::from_millis(10),
                Some(503),
                Some(FailureKind::Status),
            );
        }
        let (to, why) = auto.tick(10, 10).unwrap();
        assert_eq!(to, 7);
        assert!(why.contains("429 or 503"), "{why}");
    }
}
