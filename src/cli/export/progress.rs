//! A line on the terminal that tells how far an export is.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two updates of the line.
const EVERY: Duration = Duration::from_millis(200);
/// Rows between two looks at the clock.
const ROWS: u64 = 1000;

/// Counts rows; shows them where standard error is a terminal and the output
/// is not.
pub(super) struct Progress {
    shown: bool,
    total: u64,
    rows: u64,
    next: Instant,
    /// Whether there is a line to take away.
    dirty: bool,
}

impl Progress {
    /// Nothing counted yet of about `total` rows.
    pub(super) fn new(total: u64, to_terminal: bool) -> Self {
        Self {
            shown: !to_terminal && std::io::stderr().is_terminal(),
            total,
            rows: 0,
            // An export that is over at once shows no line at all.
            next: Instant::now() + EVERY,
            dirty: false,
        }
    }

    /// Begins to count again.
    pub(super) fn again(&mut self) {
        self.rows = 0;
    }

    /// One row more.
    pub(super) fn row(&mut self) {
        self.rows += 1;
        if self.shown && self.rows.is_multiple_of(ROWS) && Instant::now() >= self.next {
            self.next = Instant::now() + EVERY;
            self.dirty = true;
            let text = line(self.rows, self.total);
            // A terminal that is gone sees nothing.
            let _ = write!(std::io::stderr(), "\r{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.dirty {
            let _ = write!(std::io::stderr(), "\r{:40}\r", "");
        }
    }
}

fn line(rows: u64, total: u64) -> String {
    // A crawl that goes on makes more rows than there were.
    let percent = (rows * 100).checked_div(total).unwrap_or(0).min(100);
    format!("{rows} of {} rows, {percent} %", total.max(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_never_tells_more_than_all() {
        assert_eq!(line(0, 0), "0 of 0 rows, 0 %");
        assert_eq!(line(500, 2000), "500 of 2000 rows, 25 %");
        assert_eq!(line(3000, 2000), "3000 of 3000 rows, 100 %");
    }
}
