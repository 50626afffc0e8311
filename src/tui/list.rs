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
        }
    }
}

impl<I: Clone + Eq + Hash> Cursor<I> {
    /// Moves by so many rows.
    pub fn step(&mut self, by: isize) {
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
    }

    /// Takes the rows from `offset` on, of `total` in all: the cursor follows
    /// whom it is on, and where they have left it stays where it is.
    pub fn settle(&mut self, offset: usize, rows: impl Iterator<Item = I>, total: usize) {
        self.total = total;
        let mut here = None;
        let mut found = None;
        for (n, id) in rows.enumerate() {
            if self.selected.as_ref() == Some(&id) {
                found = Some(offset + n);
            }
            if offset + n == self.at.min(total.saturating_sub(1)) {
                here = Some(id);
            }
        }
        match found {
            Some(at) => self.at = at,
            None => {
                self.at = self.at.min(total.saturating_sub(1));
                self.selected = here;
            }
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

    /// Marks whom the cursor is on, or no longer, and moves on.
    pub fn mark(&mut self) {
        if let Some(id) = self.selected.clone()
            && !self.marks.remove(&id)
        {
            self.marks.insert(id);
        }
        self.step(1);
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
