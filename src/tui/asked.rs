//! One question in flight, asked again when what it is about has changed.

use crate::bus::Ask;
use std::time::{Duration, Instant};

/// The least that [`Asked::rest`] can be.
const REFRESH: Duration = Duration::from_millis(500);
/// How many times as long as an answer took the next such question waits: what
/// is hard to find is not looked for all the time.
const REST: u32 = 9;
/// How long an answer is waited for; one that is later is lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question that a screen keeps asking.
#[derive(Debug, Default)]
pub struct Asked {
    /// The number of the question in flight, and since when it is.
    in_flight: Option<(u64, Instant)>,
    /// What was asked last, of which version, and when.
    last: Option<(Ask, u64, Instant)>,
    /// How long the last answer took.
    took: Duration,
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
                *asked != want
                    || (*of != version && now.saturating_duration_since(*at) >= self.rest())
            }
        };
        if !due {
            return None;
        }
        self.in_flight = Some((number, now));
        self.last = Some((want.clone(), version, now));
        Some(want)
    }

    /// What was answered is known no longer: it is asked again.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// When [`Self::next`] has something to say again, if nothing else happens.
    pub fn due(&self, version: u64, now: Instant) -> Option<Instant> {
        match (&self.in_flight, &self.last) {
            (Some((_, since)), _) if self.in_flight_at(now) => Some(*since + PATIENCE),
            (_, Some((_, of, at))) if *of != version => Some(*at + self.rest()),
            _ => None,
        }
    }

    /// Least time between two questions that differ in nothing but the time.
    fn rest(&self) -> Duration {
        REFRESH.max(self.took * REST)
    }

    fn in_flight_at(&self, now: Instant) -> bool {
        self.in_flight
            .is_some_and(|(_, since)| now.saturating_duration_since(since) < PATIENCE)
    }

    /// Whether this is the number of the question in flight; then it no longer is.
    pub fn hears(&mut self, number: u64, now: Instant) -> bool {
        let awaited = self.in_flight.filter(|(known, _)| *known == number);
        if let Some((_, since)) = awaited {
            self.in_flight = None;
            self.took = now.saturating_duration_since(since);
            self.answered = true;
            self.refused = None;
        }
        awaited.is_some()
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
        assert!(!asked.hears(7, ms(900)), "an answer to something else");
        assert!(asked.hears(1, ms(900)));
        // Another question goes out at once, the same one only when it is due.
        assert!(asked.next(page(2), 1, ms(900), 2).is_some());
        assert!(asked.hears(2, ms(901)));
        assert!(asked.next(page(2), 1, ms(5000), 3).is_none());
        assert!(asked.next(page(2), 2, ms(1000), 3).is_none());
        assert_eq!(asked.due(2, ms(1000)), Some(ms(1400)));
        assert!(asked.next(page(2), 2, ms(1400), 3).is_some());
        // An answer that never comes does not block for ever.
        assert!(asked.next(page(2), 3, ms(1500), 4).is_none());
        assert!(asked.next(page(2), 3, ms(12_000), 4).is_some());
        assert!(!asked.hears(3, ms(12_000)), "too late");
        assert!(asked.hears(4, ms(12_200)));
        // It took 200 ms to find: the next one waits longer than usual.
        assert_eq!(asked.due(4, ms(12_300)), Some(ms(12_000 + 1800)));
        assert!(asked.next(page(2), 4, ms(13_700), 5).is_none());
        // What was forgotten is asked again at once.
        asked.forget();
        assert!(asked.next(page(2), 4, ms(13_700), 5).is_some());
    }
}
