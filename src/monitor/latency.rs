//! Latency in a small histogram: percentiles within 3 %, 1 µs to 20 minutes.

use super::snapshot::Latency;
use std::time::Duration;

/// Upper bounds of the buckets that are shown, milliseconds; the last has none.
pub const LATENCY_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
/// Steps to each doubling; 2^(1/16) is 4.4 % and the middle of a step is told.
const STEPS: f64 = 16.0;
/// Doublings of a microsecond.
const DOUBLINGS: usize = 31;

/// A histogram of latencies; 2 KB, made when it is first used.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    shown: [u64; 13],
    total: u64,
    sum: Duration,
    max: Duration,
}

impl Histogram {
    /// Counts one attempt.
    pub fn record(&mut self, elapsed: Duration) {
        if self.counts.is_empty() {
            self.counts = vec![0; DOUBLINGS * STEPS as usize];
        }
        let micros = elapsed.as_secs_f64() * 1e6;
        let step = (micros.max(1.0).log2() * STEPS) as usize;
        let last = self.counts.len() - 1;
        let count = &mut self.counts[step.min(last)];
        *count = count.saturating_add(1);
        let ms = elapsed.as_millis();
        let bucket = LATENCY_BOUNDS_MS
            .iter()
            .position(|bound| ms < u128::from(*bound));
        self.shown[bucket.unwrap_or(LATENCY_BOUNDS_MS.len())] += 1;
        self.total += 1;
        self.sum = self.sum.saturating_add(elapsed);
        self.max = self.max.max(elapsed);
    }

    /// The percentiles as they are shown.
    pub fn latency(&self) -> Latency {
        Latency {
            p50: self.percentile(0.50),
            p95: self.percentile(0.95),
            p99: self.percentile(0.99),
            max: self.max.as_secs_f64() * 1e3,
            sum: self.sum.as_secs_f64() * 1e3,
            buckets: self.shown,
        }
    }

    fn percentile(&self, part: f64) -> f64 {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank && seen > 0 {
                let middle = ((step as f64 + 0.5) / STEPS).exp2() / 1e3;
                return middle.min(self.max.as_secs_f64() * 1e3);
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_yet_is_nought() {
        assert_eq!(Histogram::default().latency(), Latency::default());
    }

    proptest! {
        #[test]
        fn percentiles_are_within_three_percent(micros in prop::collection::vec(10u64..60_000_000, 1..200)) {
            let mut histogram = Histogram::default();
            for n in &micros {
                histogram.record(Duration::from_micros(*n));
            }
            let mut sorted = micros.clone();
            sorted.sort_unstable();
            let exact = |part: f64| {
                let rank = (sorted.len() as f64 * part).ceil() as usize;
                sorted[rank.max(1) - 1] as f64 / 1e3
            };
            let shown = histogram.latency();
            for (got, part) in [(shown.p50, 0.5), (shown.p95, 0.95), (shown.p99, 0.99)] {
                let want = exact(part);
                prop_assert!((got - want).abs() <= want * 0.03, "{got} {want}");
            }
            prop_assert_eq!(shown.buckets.iter().sum::<u64>(), micros.len() as u64);
        }
    }
}
