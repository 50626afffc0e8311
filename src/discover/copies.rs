//! Pages whose text was met before, counted as they come.

use crate::bus::Copied;
use crate::page::{BANDS, NEAR, PageId, TextPrint, band};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Different texts remembered, at some 60 bytes each. Those beyond are not
/// compared with what comes later; an export finds them all the same.
pub const TEXTS: usize = 1_000_000;
/// Texts of one band that a page is compared with, the latest first.
const COMPARED: usize = 1000;
/// No text.
const NONE: u32 = u32::MAX;

/// The texts of one site.
#[derive(Debug, Default)]
pub struct Copies(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// The first page of a text.
    exact: HashMap<u64, u32>,
    texts: Vec<Text>,
    /// The latest text with these bits in this band.
    heads: HashMap<(u8, u16), u32>,
    /// Pages that were counted, and whether as exact copies.
    counted: HashMap<u32, bool>,
    counts: Copied,
}

#[derive(Debug)]
struct Text {
    near: u64,
    page: u32,
    /// The one before with the same bits, in each band.
    before: [u32; BANDS],
}

impl Copies {
    /// Takes in a page's text; answers the counts where they have changed. A
    /// page that comes again is judged anew.
    pub fn add(&self, page: PageId, print: TextPrint) -> Option<Copied> {
        let mut table = self.table();
        let before = table.counts;
        match table.counted.remove(&page.0) {
            Some(true) => table.counts.exact -= 1,
            Some(false) => table.counts.near -= 1,
            None => {}
        }
        if let Some(exact) = table.judge(page.0, print) {
            table.counted.insert(page.0, exact);
            match exact {
                true => table.counts.exact += 1,
                false => table.counts.near += 1,
            }
        }
        (table.counts != before).then_some(table.counts)
    }

    /// The counts so far.
    pub fn counts(&self) -> Copied {
        self.table().counts
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.table() = Table::default();
    }

    /// Whole between any two instructions that can panic.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether another page has this text (`true`) or one near it (`false`).
    fn judge(&mut self, page: u32, print: TextPrint) -> Option<bool> {
        if let Some(first) = self.exact.get(&print.exact) {
            return (*first != page).then_some(true);
        }
        let near = self.is_near(page, print.near);
        if self.texts.len() < TEXTS {
            self.exact.insert(print.exact, page);
            // Fewer than `TEXTS`.
            let number = self.texts.len() as u32;
            let before = std::array::from_fn(|n| {
                let key = (n as u8, band(print.near, n));
                self.heads.insert(key, number).unwrap_or(NONE)
            });
            self.texts.push(Text {
                near: print.near,
                page,
                before,
            });
        }
        near.then_some(false)
    }

    fn is_near(&self, page: u32, near: u64) -> bool {
        (0..BANDS).any(|n| {
            let key = (n as u8, band(near, n));
            let mut at = self.heads.get(&key).copied().unwrap_or(NONE);
            for _ in 0..COMPARED {
                let Some(text) = self.texts.get(at as usize) else {
                    return false;
                };
                if text.page != page && (text.near ^ near).count_ones() <= NEAR {
                    return true;
                }
                at = text.before[n];
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_once_a_page() {
        let copies = Copies::default();
        let add = |page, exact, near| copies.add(PageId(page), TextPrint { exact, near });
        let counts = |exact, near| Some(Copied { exact, near });
        assert_eq!(add(1, 10, 0), None);
        assert_eq!(add(2, 10, 0), counts(1, 0));
        assert_eq!(add(3, 11, 0b111), counts(1, 1));
        assert_eq!(add(4, 12, 0b1_1111_1111), None);
        // The first of a text comes again, and so does a copy of it.
        assert_eq!(add(1, 10, 0), None);
        assert_eq!(add(2, 10, 0), None);
        assert_eq!(add(2, 13, u64::MAX), counts(0, 1));
        assert_eq!(copies.counts(), Copied { exact: 0, near: 1 });
        copies.clear();
        assert_eq!(copies.counts(), Copied::default());
    }
}
