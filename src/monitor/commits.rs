//! How long the store's commits take.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back the slowest is looked for.
const WINDOW: Duration = Duration::from_secs(60);

/// The last commit's time and the slowest of the last minute.
#[derive(Debug, Default)]
pub struct CommitTimes {
    pub last: Duration,
    /// Falling times, each the slowest since the one before it.
    slowest: VecDeque<(Instant, Duration)>,
}

impl CommitTimes {
    pub fn note(&mut self, now: Instant, time: Duration) {
        self.last = time;
        while self.slowest.back().is_some_and(|(_, slow)| *slow <= time) {
            self.slowest.pop_back();
        }
        self.slowest.push_back((now, time));
    }

    pub fn worst(&mut self, now: Instant) -> Duration {
        while let Some((at, _)) = self.slowest.front()
            && now.saturating_duration_since(*at) > WINDOW
        {
            self.slowest.pop_front();
        }
        self.slowest
            .front()
            .map_or(Duration::ZERO, |(_, slow)| *slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_a_minute_is_known_and_then_forgotten() {
        let mut times = CommitTimes::default();
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let ms = Duration::from_millis;
        times.note(at(0), ms(90));
        times.note(at(1), ms(20));
        times.note(at(2), ms(50));
        assert_eq!((times.last, times.worst(at(3))), (ms(50), ms(90)));
        assert_eq!(times.worst(at(61)), ms(50));
        assert_eq!(times.worst(at(90)), Duration::ZERO);
    }
}
