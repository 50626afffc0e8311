//! What the deck itself costs, for those who look after it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Frames that are remembered.
const FRAMES: usize = 512;
/// Over how long rates are taken.
const WINDOW: Duration = Duration::from_secs(5);

/// What painting costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Median time in which a frame was made, microseconds.
    pub frame_us_p50: u32,
    /// The 99th percentile of it, microseconds.
    pub frame_us_p99: u32,
    /// Bytes of the last frame.
    pub bytes_last: usize,
    /// Bytes a second over the last seconds.
    pub bytes_per_s: f64,
    /// Frames a second over the last seconds.
    pub frames_per_s: f64,
    /// Bytes a second that the line bears, where that is little.
    pub line: Option<f64>,
}

/// The last frames: when each was made, in how long, and its bytes.
#[derive(Debug, Default)]
pub struct Meter {
    frames: VecDeque<(Instant, Duration, usize)>,
}

impl Meter {
    /// A frame was made.
    pub fn add(&mut self, at: Instant, took: Duration, bytes: usize) {
        if self.frames.len() == FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back((at, took, bytes));
    }

    /// The figures now.
    pub fn stats(&self, now: Instant, line: Option<f64>) -> Stats {
        let mut times: Vec<u32> = self
            .frames
            .iter()
            .map(|(_, took, _)| u32::try_from(took.as_micros()).unwrap_or(u32::MAX))
            .collect();
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied();
        let last =
            |(at, ..): &&(Instant, Duration, usize)| now.saturating_duration_since(*at) < WINDOW;
        let recent = || self.frames.iter().rev().take_while(last);
        let seconds = WINDOW.as_secs_f64();
        Stats {
            frame_us_p50: at(50).unwrap_or(0),
            frame_us_p99: at(99).unwrap_or(0),
            bytes_last: self.frames.back().map_or(0, |(.., bytes)| *bytes),
            bytes_per_s: recent().map(|(.., bytes)| *bytes).sum::<usize>() as f64 / seconds,
            frames_per_s: recent().count() as f64 / seconds,
            line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_frames_count_for_times_but_not_for_rates() {
        let start = Instant::now();
        let mut meter = Meter::default();
        assert_eq!(meter.stats(start, None), Stats::default());
        for n in 0..100u32 {
            let at = start + Duration::from_millis(100) * n;
            meter.add(at, Duration::from_micros(u64::from(n)), 50);
        }
        let stats = meter.stats(start + Duration::from_millis(9_900), Some(960.0));
        assert_eq!((stats.frame_us_p50, stats.frame_us_p99), (50, 99));
        assert_eq!((stats.bytes_last, stats.frames_per_s), (50, 10.0));
        assert_eq!((stats.bytes_per_s, stats.line), (500.0, Some(960.0)));
    }
}
