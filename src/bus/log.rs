//! The program's log as the deck shows it: its last lines, kept in memory.

use super::Level;
use super::search::contains;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines kept.
const ROWS: usize = 20_000;
/// Bytes of their texts kept; a line that is longer than this is kept alone.
const BYTES: usize = 4 << 20;

/// A line of the log. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    /// Its number in the run, from 0.
    pub number: u64,
    /// When, milliseconds since the epoch.
    pub at: u64,
    /// How much it matters.
    pub level: Level,
    /// The part of the program that says it, such as `engine::director`.
    pub target: String,
    /// The site's name; empty where it is of none.
    pub site: String,
    /// What it says.
    pub text: String,
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilter {
    /// Of this level at least.
    pub level: Level,
    /// Only of this site; empty for all.
    pub site: String,
    /// Only of targets that hold this; empty for all.
    pub target: String,
    /// What the text must hold, without regard to ASCII case.
    pub text: String,
    /// Those without `text` instead of those with it.
    pub invert: bool,
}

impl LogFilter {
    /// Whether a line passes.
    pub fn takes(&self, row: &LogRow) -> bool {
        row.level >= self.level
            && (self.site.is_empty() || row.site == self.site)
            && (self.target.is_empty() || contains(&row.target, &self.target))
            && (self.text.is_empty() || contains(&row.text, &self.text) != self.invert)
    }
}

/// A part of the lines that pass a filter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LogList {
    /// How many pass in all.
    pub total: u64,
    /// The place of the first row, from the oldest.
    pub offset: u64,
    /// The rows, the oldest first.
    pub rows: Vec<LogRow>,
}

impl LogList {
    /// At most `limit` of these lines, after so many of the oldest; the newest
    /// for `None`.
    pub fn part<'a>(
        passing: impl Iterator<Item = &'a LogRow>,
        offset: Option<u64>,
        limit: usize,
    ) -> Self {
        let passing: Vec<&LogRow> = passing.collect();
        let last = passing.len().saturating_sub(limit);
        let from = offset.and_then(|offset| usize::try_from(offset).ok());
        let from = from.unwrap_or(last).min(last);
        let rows = passing[from..].iter().take(limit);
        Self {
            total: passing.len() as u64,
            offset: from as u64,
            rows: rows.copied().cloned().collect(),
        }
    }
}

/// The last lines of the log, for whoever asks.
#[derive(Debug, Default)]
pub struct Logbook(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Arc<LogRow>>,
    bytes: usize,
    next: u64,
}

impl Logbook {
    /// Keeps a line, whose number is given to it here; the oldest give way.
    pub fn note(&self, mut row: LogRow) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        row.number = kept.next;
        kept.next += 1;
        kept.bytes += row.text.len();
        kept.rows.push_back(Arc::new(row));
        while kept.rows.len() > ROWS || (kept.bytes > BYTES && kept.rows.len() > 1) {
            let oldest = kept.rows.pop_front();
            kept.bytes -= oldest.map_or(0, |row| row.text.len());
        }
    }

    /// At most `limit` of the lines that pass, after so many of the oldest; the
    /// newest for `None`.
    pub fn list(&self, filter: &LogFilter, offset: Option<u64>, limit: usize) -> LogList {
        // Whoever logs must not wait for the search.
        let rows: Vec<Arc<LogRow>> = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.rows.iter().cloned().collect()
        };
        let passing = rows
            .iter()
            .map(|row| &**row)
            .filter(|row| filter.takes(row));
        LogList::part(passing, offset, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u64) -> LogRow {
        LogRow {
            number: 0,
            at: n,
            level: if n.is_multiple_of(10) {
                Level::Warn
            } else {
                Level::Info
            },
            target: format!("engine::part{}", n % 2),
            site: if n < 50 { "a" } else { "b" }.to_owned(),
            text: format!("line {n}"),
        }
    }

    fn all() -> LogFilter {
        LogFilter {
            level: Level::Info,
            site: String::new(),
            target: String::new(),
            text: String::new(),
            invert: false,
        }
    }

    fn numbers(list: &LogList) -> Vec<u64> {
        list.rows.iter().map(|row| row.number).collect()
    }

    #[test]
    fn a_part_is_the_newest_or_begins_at_a_place() {
        let book = Logbook::default();
        (0..100).for_each(|n| book.note(row(n)));
        for (offset, expected) in [
            (None, 96..100),
            (Some(0), 0..4),
            (Some(50), 50..54),
            (Some(98), 96..100),
            (Some(u64::MAX), 96..100),
        ] {
            let list = book.list(&all(), offset, 4);
            assert_eq!(
                (list.total, list.offset),
                (100, expected.start),
                "{offset:?}"
            );
            assert_eq!(numbers(&list), expected.collect::<Vec<_>>(), "{offset:?}");
        }
    }

    #[test]
    fn what_passes_is_chosen_by_level_site_target_and_text() {
        let book = Logbook::default();
        (0..100).for_each(|n| book.note(row(n)));
        let passing = |filter: LogFilter| numbers(&book.list(&filter, None, 1000));
        let warnings = LogFilter {
            level: Level::Warn,
            site: "b".to_owned(),
            ..all()
        };
        assert_eq!(passing(warnings), [50, 60, 70, 80, 90]);
        let text = LogFilter {
            target: "PART1".to_owned(),
            text: "LINE 9".to_owned(),
            ..all()
        };
        assert_eq!(passing(text.clone()), [9, 91, 93, 95, 97, 99]);
        let without = LogFilter {
            invert: true,
            site: "b".to_owned(),
            ..text
        };
        assert_eq!(passing(without).len(), 20);
    }

    #[test]
    fn what_is_kept_is_bounded_by_lines_and_by_bytes() {
        let book = Logbook::default();
        (0..ROWS as u64 + 5).for_each(|n| book.note(row(n)));
        let list = book.list(&all(), Some(0), 1);
        assert_eq!((numbers(&list), list.total), (vec![5], ROWS as u64));
        let long = LogRow {
            text: "x".repeat(BYTES),
            ..row(0)
        };
        book.note(long);
        let list = book.list(&all(), None, 10);
        assert_eq!((list.rows.len(), list.total), (1, 1));
    }
}
