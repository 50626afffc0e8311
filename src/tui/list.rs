//! Where the operator is in a list of any length: cursor, window and marks.
//! Rows are known by identity, because they move under the operator's hand.

use super::draw::scrolled;
use std::collections::HashSet;
use std::hash::Hash;

/// Cursor, window and marks of one list.
#[derive(Debug)]
pub struct Cursor<I> {
    /// The row under the cursor, counted from the first of all.
    pub at: usize,
    /// The first row shown.
    pub top: usize,
    /// Rows that there is room for, as last drawn.
    pub height: usize,
    /// Rows in all.
    pub total: usize,
    /// Who is under the cursor; `None` while that is not known.
    pub selected: Option<I>,
    /// Who is marked.
    pub marks: HashSet<I>,
    range: Option<Range<I>>,
}

/// Marks that follow the cursor.
#[derive(Debug)]
struct Range<I> {
    /// Who is in it, from where it began to the cursor.
    within: Vec<I>,
    /// Who of them was marked before.
    before: HashSet<I>,
    /// The rows that are known, and the place of the first: the range goes no
    /// further, so that it has no gaps.
    known: (usize, Vec<I>),
}

impl<I> Default for Cursor<I> {
    fn default() -> Self {
        Self {
            at: 0,
            top: 0,
            height: 10,
            total: 0,
            selected: None,
            marks: HashSet::new(),
            range: None,
        }
    }
}

impl<I: Clone + Eq + Hash> Cursor<I> {
    /// Moves by so many rows; a range as far as rows are known.
    pub fn step(&mut self, by: isize) {
        if self.range.is_some() {
            return self.extend(by);
        }
        let to = self
            .at
            .saturating_add_signed(by)
            .min(self.total.saturating_sub(1));
        if to != self.at {
            self.at = to;
            self.selected = None;
        }
        self.scroll();
    }

    /// To the top, with nobody selected.
    pub fn rewind(&mut self) {
        self.at = 0;
        self.top = 0;
        self.selected = None;
        self.range = None;
    }

    /// Takes the rows from `offset` on, of `total` in all: the cursor follows
    /// whom it is on, and where they have left it stays where it is.
    pub fn settle(&mut self, offset: usize, rows: impl Iterator<Item = I>, total: usize) {
        self.total = total;
        let rows: Vec<I> = rows.collect();
        let mut here = None;
        let mut found = None;
        for (n, id) in rows.iter().enumerate() {
            if self.selected.as_ref() == Some(id) {
                found = Some(offset + n);
            }
            if offset + n == self.at.min(total.saturating_sub(1)) {
                here = Some(id.clone());
            }
        }
        match found {
            Some(at) => self.at = at,
            None => {
                self.at = self.at.min(total.saturating_sub(1));
                self.selected = here;
            }
        }
        if let Some(range) = &mut self.range {
            range.known = (offset, rows);
        }
        self.scroll();
    }

    /// Gives the window a height.
    pub fn resize(&mut self, height: usize) {
        self.height = height.max(1);
        self.scroll();
    }

    fn scroll(&mut self) {
        self.top = scrolled(self.top, self.at, self.total, self.height);
    }

    /// Begins a range of marks where the cursor is, or ends it; the marks stay.
    pub fn toggle_range(&mut self) {
        if self.end_range() {
            return;
        }
        let Some(id) = self.selected.clone() else {
            return;
        };
        let mut before = HashSet::new();
        if !self.marks.insert(id.clone()) {
            before.insert(id.clone());
        }
        self.range = Some(Range {
            within: vec![id.clone()],
            before,
            // Until the list says more.
            known: (self.at, vec![id]),
        });
    }

    /// Whether marks follow the cursor.
    pub fn is_ranging(&self) -> bool {
        self.range.is_some()
    }

    /// Ends the range; answers whether there was one.
    pub fn end_range(&mut self) -> bool {
        self.range.take().is_some()
    }

    /// Nobody is marked any more.
    pub fn unmark(&mut self) {
        self.marks.clear();
        self.range = None;
    }

    /// Moves with the range: rows that are come to are marked, and those that are
    /// gone back over are no longer.
    fn extend(&mut self, by: isize) {
        let Some(range) = &mut self.range else {
            return;
        };
        let (first, rows) = &range.known;
        let last = first + rows.len().saturating_sub(1);
        let to = self.at.saturating_add_signed(by).clamp(*first, last);
        while self.at != to && (*first..=last).contains(&self.at) {
            self.at = if to > self.at {
                self.at + 1
            } else {
                self.at - 1
            };
            let id = &rows[self.at - first];
            let back = range.within.len().checked_sub(2);
            if back.is_some_and(|at| range.within[at] == *id) {
                let left = range.within.pop();
                if let Some(left) = left.filter(|left| !range.before.remove(left)) {
                    self.marks.remove(&left);
                }
            } else {
                if !self.marks.insert(id.clone()) {
                    range.before.insert(id.clone());
                }
                range.within.push(id.clone());
            }
            self.selected = Some(id.clone());
        }
        self.scroll();
    }

    /// Marks whom the cursor is on, or no longer, and moves on.
    pub fn mark(&mut self) {
        self.end_range();
        if let Some(id) = self.selected.clone()
            && !self.marks.remove(&id)
        {
            self.marks.insert(id);
        }
        self.step(1);
    }
}

impl<I: Copy + Ord> Cursor<I> {
    /// Whom a key acts on: the marked ones in their order, else whom the cursor
    /// is on.
    pub fn picked(&self) -> Vec<I> {
        let mut picked: Vec<I> = self.marks.iter().copied().collect();
        picked.sort();
        if picked.is_empty() {
            picked.extend(self.selected);
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_cursor_follows_whom_it_is_on() {
        let mut cursor = Cursor::default();
        cursor.settle(0, ["a", "b", "c"].into_iter(), 3);
        cursor.step(1);
        cursor.settle(0, ["a", "b", "c"].into_iter(), 3);
        assert_eq!(cursor.selected, Some("b"));
        // A row comes in above.
        cursor.settle(0, ["z", "a", "b", "c"].into_iter(), 4);
        assert_eq!((cursor.selected, cursor.at), (Some("b"), 2));
        // It leaves: the cursor stays where it was.
        cursor.settle(0, ["z", "a", "c"].into_iter(), 3);
        assert_eq!((cursor.selected, cursor.at), (Some("c"), 2));
        cursor.settle(0, [].into_iter(), 0);
        assert_eq!((cursor.selected, cursor.at), (None, 0));
    }

    #[test]
    fn a_range_follows_the_cursor_there_and_back() {
        let mut cursor = Cursor::default();
        let rows = || 10..20u32;
        let settle = |cursor: &mut Cursor<u32>| cursor.settle(10, rows(), 100);
        let marked = |cursor: &Cursor<u32>| {
            let mut marks: Vec<u32> = cursor.marks.iter().copied().collect();
            marks.sort_unstable();
            marks
        };
        cursor.at = 14;
        cursor.marks.insert(16);
        settle(&mut cursor);
        cursor.toggle_range();
        settle(&mut cursor);
        // There, over one that is marked already, back, and past the beginning.
        for (by, at, expected) in [
            (3, 17, vec![14, 15, 16, 17]),
            (-2, 15, vec![14, 15, 16]),
            (-3, 12, vec![12, 13, 14, 16]),
            (-50, 10, vec![10, 11, 12, 13, 14, 16]),
            // As far as rows are known.
            (50, 19, vec![14, 15, 16, 17, 18, 19]),
            (-4, 15, vec![14, 15, 16]),
        ] {
            cursor.step(by);
            settle(&mut cursor);
            assert_eq!((cursor.at, marked(&cursor)), (at, expected), "{by}");
        }
        // More rows become known; and one comes in above.
        cursor.settle(10, 10..30, 100);
        cursor.step(7);
        assert_eq!((cursor.at, cursor.marks.len()), (22, 9));
        cursor.settle(10, std::iter::once(99).chain(10..30), 101);
        assert_eq!(cursor.at, 23);
        cursor.step(1);
        assert!(cursor.marks.contains(&23) && !cursor.marks.contains(&99));
        // What was marked stays marked when the range ends.
        cursor.toggle_range();
        assert!(!cursor.is_ranging());
        let before = marked(&cursor);
        cursor.step(-2);
        assert_eq!(marked(&cursor), before);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_cursor_is_in_the_window(
            steps in prop::collection::vec((-300isize..300, 0usize..400, 1usize..40), 0..30),
        ) {
            let mut cursor = Cursor::<usize>::default();
            for (by, total, height) in steps {
                cursor.resize(height);
                cursor.settle(0, 0..total, total);
                cursor.step(by);
                prop_assert!(cursor.at < total.max(1));
                prop_assert!(cursor.top <= cursor.at && cursor.at < cursor.top + cursor.height);
            }
        }
    }
}
