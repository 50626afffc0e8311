//! How many links lead to a page and stand on it.

use super::Graph;
use rusqlite::Result;

/// Pages whose links are counted in one pass over all links, at 8 bytes each.
pub(in crate::store) const COUNTED: u32 = 4 << 20;

/// The degrees of a range of pages, [`COUNTED`] of them.
#[derive(Default)]
pub(in crate::store) struct Window {
    first: u32,
    end: u32,
    counts: Vec<(u32, u32)>,
}

impl Window {
    /// Counts the links to and on pages from the first one on.
    pub(in crate::store) fn count(graph: &mut Graph<'_>, first: u32) -> Result<Self> {
        // Behind the last number that is counted.
        let end = first.saturating_add(COUNTED).saturating_add(1);
        let mut counts: Vec<(u32, u32)> = Vec::new();
        let mut at = |page: u32, add: (u32, u32)| {
            if (first..end).contains(&page) {
                let place = (page - first) as usize;
                if counts.len() <= place {
                    counts.resize(place + 1, (0, 0));
                }
                counts[place].0 += add.0;
                counts[place].1 += add.1;
            }
        };
        graph.each(|from, _, targets| {
            // A page has at most some ten thousand links.
            at(from, (0, targets.len() as u32));
            targets.iter().for_each(|to| at(*to, (1, 0)));
            Ok::<(), rusqlite::Error>(())
        })?;
        Ok(Self { first, end, counts })
    }

    /// Whether a page is in the range that was counted.
    pub(in crate::store) fn covers(&self, page: u32) -> bool {
        (self.first..self.end).contains(&page)
    }

    /// The links to a page of the range, and those on it.
    pub(in crate::store) fn of(&self, page: u32) -> (u32, u32) {
        let place = page.checked_sub(self.first).map(|place| place as usize);
        let counts = place.and_then(|place| self.counts.get(place));
        counts.copied().unwrap_or_default()
    }
}
