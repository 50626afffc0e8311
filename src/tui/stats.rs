//! What the deck measures of itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Frames kept.
const FRAMES: usize = 512;
/// Over which time bytes a second are counted.
const WINDOW: Duration = Duration::from_secs(5);

/// Time and size of the last frames.
#[derive(Debug, Default)]
pub struct Stats {
    /// Frames drawn.
    pub frames: u64,
    took: VecDeque<u32>,
    sent: VecDeque<(Instant, usize)>,
}

impl Stats {
    /// Takes a frame: how long it took to build, and how many bytes it sent.
    pub fn record(&mut self, took: Duration, bytes: usize, now: Instant) {
        self.frames += 1;
        if self.took.len() == FRAMES {
            self.took.pop_front();
        }
        self.took
            .push_back(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        while self
            .sent
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
            || self.sent.len() >= FRAMES
        {
            self.sent.pop_front();
        }
        self.sent.push_back((now, bytes));
    }

    /// Microseconds in which this part of the last frames was built.
    pub fn frame_us(&self, part: f64) -> u32 {
        let mut took: Vec<u32> = self.took.iter().copied().collect();
        took.sort_unstable();
        let at = (part * took.len().saturating_sub(1) as f64).round() as usize;
        took.get(at).copied().unwrap_or(0)
    }

    /// Bytes of the last frame.
    pub fn bytes_last(&self) -> usize {
        self.sent.back().map_or(0, |(_, bytes)| *bytes)
    }

    /// Bytes a second over the last five seconds.
    pub fn bytes_per_s(&self, now: Instant) -> f64 {
        let bytes: usize = self
            .sent
            .iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) <= WINDOW)
            .map(|(_, bytes)| bytes)
            .sum();
        bytes as f64 / WINDOW.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frames_count() {
        let mut stats = Stats::default();
        let start = Instant::now();
        for n in 1..=100u64 {
            let at = start + Duration::from_millis(n * 100);
            stats.record(Duration::from_micros(n * 10), 50, at);
        }
        assert_eq!(stats.frames, 100);
        assert_eq!(stats.frame_us(0.5), 510);
        assert_eq!(stats.frame_us(1.0), 1000);
        assert_eq!(stats.bytes_last(), 50);
        let rate = stats.bytes_per_s(start + Duration::from_secs(10));
        assert!((500.0..=520.0).contains(&rate), "{rate}");
        assert_eq!(stats.bytes_per_s(start + Duration::from_secs(100)), 0.0);
    }
}
