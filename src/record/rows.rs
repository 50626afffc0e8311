//! A picture as rows of numbers, and back. The order of the numbers is the
//! format: a change of it, or of one of the lists here, is a new
//! [`super::file::VERSION`].

use crate::bus::{JobState, Level, SiteState};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// States by their number.
pub const STATES: [SiteState; 7] = [
    SiteState::Starting,
    SiteState::Running,
    SiteState::Paused,
    SiteState::Stopping,
    SiteState::Finished,
    SiteState::Failed,
    SiteState::Stopped,
];
/// States of the run by their number.
pub const JOB_STATES: [JobState; 3] = [JobState::Running, JobState::Stopping, JobState::Over];
/// Levels by their number.
pub const LEVELS: [Level; 3] = [Level::Info, Level::Warn, Level::Error];
/// Seconds over which the steady rate is taken, so that it follows from the
/// history.
pub const STEADY: usize = 10;
/// Steps of sizes that nobody reads to the byte: resident memory, the disk.
pub const MEMORY_STEP: u64 = 256 << 10;
/// Likewise.
pub const DISK_STEP: u64 = 16 << 20;

/// Likewise: all latencies together, milliseconds.
pub const SUM_STEP: f64 = 100.0;

/// The number of a value in its list; the last for one that is not in it.
pub fn number_of<T: PartialEq>(list: &[T], value: &T) -> u64 {
    let place = list.iter().position(|known| known == value);
    place.unwrap_or(list.len() - 1) as u64
}

/// A rate in tenths.
pub fn tenths(rate: f64) -> u64 {
    (rate * 10.0).round() as u64
}

/// Milliseconds as whole microseconds.
pub fn micros(ms: f64) -> u64 {
    (ms * 1e3).round() as u64
}

/// A duration's whole microseconds.
pub fn whole_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Texts of a block by their number, from 1.
#[derive(Debug, Default)]
pub struct Words {
    numbers: HashMap<Arc<str>, u64>,
    /// Those not written yet.
    pub fresh: Vec<Arc<str>>,
}

impl Words {
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    fn number(&mut self, text: &Arc<str>) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u64 + 1;
        self.numbers.insert(text.clone(), number);
        self.fresh.push(text.clone());
        number
    }
}

/// A row being made.
pub struct Put<'a> {
    pub row: Vec<u64>,
    pub words: &'a mut Words,
    /// When the picture was taken, and how long the run was then.
    pub at: Instant,
    pub elapsed: Duration,
}

impl Put<'_> {
    pub fn n(&mut self, number: u64) {
        self.row.push(number);
    }

    pub fn flag(&mut self, on: bool) {
        self.n(u64::from(on));
    }

    pub fn opt(&mut self, number: Option<u64>) {
        self.n(number.map_or(0, |number| number.saturating_add(1)));
    }

    pub fn text(&mut self, text: &Arc<str>) {
        let number = self.words.number(text);
        self.n(number);
    }

    pub fn opt_text(&mut self, text: Option<&Arc<str>>) {
        match text {
            Some(text) => self.text(text),
            None => self.n(0),
        }
    }

    /// A moment, as milliseconds since the run began; before it, 0.
    pub fn moment(&mut self, moment: Instant) {
        let since = match moment.checked_duration_since(self.at) {
            Some(later) => self.elapsed.saturating_add(later),
            None => self.elapsed.saturating_sub(self.at.duration_since(moment)),
        };
        self.n(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    }

    /// A moment, to the second.
    pub fn second(&mut self, moment: Instant) {
        self.moment(moment);
        if let Some(last) = self.row.last_mut() {
            *last /= 1000;
        }
    }
}

/// A row being read; what is missing reads as 0.
pub struct Take<'a> {
    pub row: &'a [u64],
    pub words: &'a [Arc<str>],
    /// When the picture is shown, and how long the run was when it was taken.
    pub now: Instant,
    pub elapsed: Duration,
}

impl Take<'_> {
    pub fn n(&mut self) -> u64 {
        match self.row.split_first() {
            Some((first, rest)) => {
                self.row = rest;
                *first
            }
            None => 0,
        }
    }

    pub fn small(&mut self) -> u32 {
        u32::try_from(self.n()).unwrap_or(u32::MAX)
    }

    pub fn flag(&mut self) -> bool {
        self.n() != 0
    }

    pub fn opt(&mut self) -> Option<u64> {
        self.n().checked_sub(1)
    }

    /// How many of something follow, no more than there can be.
    pub fn count(&mut self) -> usize {
        let count = usize::try_from(self.n()).unwrap_or(usize::MAX);
        count.min(self.row.len())
    }

    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        let n = usize::try_from(self.n()).unwrap_or(usize::MAX);
        list[n.min(list.len() - 1)]
    }

    pub fn opt_text(&mut self) -> Option<Arc<str>> {
        let number = usize::try_from(self.opt()?).ok()?;
        self.words.get(number).cloned()
    }

    pub fn text(&mut self) -> Arc<str> {
        self.opt_text().unwrap_or_else(|| "".into())
    }

    pub fn micros(&mut self) -> Duration {
        Duration::from_micros(self.n())
    }

    pub fn moment(&mut self) -> Instant {
        let then = Duration::from_millis(self.n());
        self.at(then)
    }

    pub fn second(&mut self) -> Instant {
        let then = Duration::from_secs(self.n());
        // Rounded down: never later than the picture.
        self.at(then.min(self.elapsed))
    }

    fn at(&self, then: Duration) -> Instant {
        let moment = match then.checked_sub(self.elapsed) {
            Some(later) => self.now.checked_add(later),
            None => self.now.checked_sub(self.elapsed - then),
        };
        moment.unwrap_or(self.now)
    }
}
