//! One question in flight, asked again when what it is about has changed.

use crate::bus::Ask;
use std::time::{Duration, Instant};

/// Least time between two questions that differ in nothing but the time.
const REFRESH: Duration = Duration::from_millis(500);
/// How long an answer is waited for; one that is later is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question that a screen keeps asking.
#[derive(Debug, Default)]
pub struct Asked {
    /// The number of the question in flight, and since when it is.
    in_flight: Option<(u64, Instant)>,
    /// What was asked last, of which version, and when.
    last: Option<(Ask, u64, Instant)>,
    /// Why it was not answered.
    pub refused: Option<String>,
    /// Whether an answer has come.
    pub answered: bool,
}

impl Asked {
    /// What is to be asked now, if anything: `want` is what the screen needs,
    /// and `version` changes when the answer may have changed.
    pub fn next(&mut self, want: Ask, version: u64, now: Instant, number: u64) -> Option<Ask> {
        if self.in_flight_at(now) {
            return None;
        }
        let due = match &self.last {
            None => true,
            Some((asked, of, at)) => {
                *asked != want || (*of != version && now.saturating_duration_since(*at) >= REFRESH)
            }
        };
        if !due {
            return None;
        }
        self.in_flight = Some((number, now));
        self.last = Some((want.clone(), version, now));
        Some(want)
    }

    /// When [`Self::next`] has something to say again, if nothing else happens.
    pub fn due(&self, version: u64, now: Instant) -> Option<Instant> {
        match (&self.in_flight, &self.last) {
            (Some((_, since)), _) if self.in_flight_at(now) => Some(*since + PATIENCE),
            (_, Some((_, of, at))) if *of != version => Some(*at + REFRESH),
            _ => None,
        }
    }

    fn in_flight_at(&self, now: Instant) -> bool {
        self.in_flight
            .is_some_and(|(_, since)| now.saturating_duration_since(since) < PATIENCE)
    }

    /// Whether this is the number of the question in flight; then it no longer is.
    pub fn hears(&mut self, number: u64) -> bool {
        let awaited = self.in_flight.is_some_and(|(known, _)| known == number);
        if awaited {
            self.in_flight = None;
            self.answered = true;
            self.refused = None;
        }
        awaited
    }

    /// What was asked last.
    pub fn asked(&self) -> Option<&Ask> {
        self.last.as_ref().map(|(ask, ..)| ask)
    }

    /// What stands where the answer would, while there is none.
    pub fn words(&self) -> &str {
        match &self.refused {
            Some(why) => why,
            None => "looking",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::PageId;

    #[test]
    fn one_question_at_a_time_and_no_oftener_than_twice_a_second() {
        let mut asked = Asked::default();
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let page = |n: u32| Ask::Page(PageId(n));
        assert!(asked.next(page(1), 0, ms(0), 1).is_some());
        // In flight: neither a new version nor a new question.
        assert!(asked.next(page(1), 1, ms(900), 2).is_none());
        assert!(asked.next(page(2), 1, ms(900), 2).is_none());
        assert!(!asked.hears(7), "an answer to something else");
        assert!(asked.hears(1));
        // Another question goes out at once, the same one only when it is due.
        assert!(asked.next(page(2), 1, ms(900), 2).is_some());
        assert!(asked.hears(2));
        assert!(asked.next(page(2), 1, ms(5000), 3).is_none());
        assert!(asked.next(page(2), 2, ms(1000), 3).is_none());
        assert_eq!(asked.due(2, ms(1000)), Some(ms(1400)));
        assert!(asked.next(page(2), 2, ms(1400), 3).is_some());
        // An answer that never comes does not block for ever.
        assert!(asked.next(page(2), 3, ms(1500), 4).is_none());
        assert!(asked.next(page(2), 3, ms(12_000), 4).is_some());
        assert!(!asked.hears(3), "too late");
        assert!(asked.hears(4));
    }
}
