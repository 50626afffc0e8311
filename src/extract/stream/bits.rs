//! Simple selectors as bits: what of a selector an element answers follows
//! from its parent's answer and its own tag, without a tree.

use super::select::{Compound, Test};
use super::words::Words;
use crate::extract::tag::{TAGS, Tag};
use crate::extract::tokens::Attributes;

/// One bit for each compound of each selector.
pub(crate) type Bits = u128;

/// Most compounds in all.
pub(super) const MOST: usize = Bits::BITS as usize;

/// Compounds of all selectors side by side, and which of them can matter where.
#[derive(Debug)]
pub(super) struct Selectors {
    compounds: Vec<Compound>,
    /// First of their selector.
    first: Bits,
    /// The element itself.
    pub(super) last: Bits,
    /// The next compound takes any descendant.
    descends: Bits,
    /// The next compound takes children only.
    to_child: Bits,
    /// With attributes to test.
    tested: Bits,
    /// With tests that SVG's elements may answer otherwise.
    unplain: Bits,
    /// Of any tag.
    any: Bits,
    by_tag: Vec<Bits>,
    by_name: Vec<(String, Bits)>,
    words: Words,
}

/// What an element answers: itself, and it or an ancestor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answer {
    pub(super) here: Bits,
    pub(super) below: Bits,
}

impl Default for Selectors {
    fn default() -> Self {
        Self {
            compounds: Vec::new(),
            first: 0,
            last: 0,
            descends: 0,
            to_child: 0,
            tested: 0,
            unplain: 0,
            any: 0,
            by_tag: vec![0; TAGS],
            by_name: Vec::new(),
            words: Words::default(),
        }
    }
}

impl Selectors {
    /// Adds a selector; answers the bit of its last compound. `None` where
    /// there is no room.
    pub(super) fn add(&mut self, selector: Vec<Compound>) -> Option<Bits> {
        let start = self.compounds.len();
        let end = start + selector.len();
        if end > MOST || selector.is_empty() {
            return None;
        }
        let bits = (start..end).fold(0, |all, place| all | (1 as Bits) << place);
        for (place, compound) in selector.into_iter().enumerate() {
            let bit: Bits = 1 << (start + place);
            for test in &compound.tests {
                self.words.add(test, bits);
            }
            match (place, compound.child) {
                (0, _) => self.first |= bit,
                (_, true) => self.to_child |= bit >> 1,
                (_, false) => self.descends |= bit >> 1,
            }
            if !compound.tests.is_empty() {
                self.tested |= bit;
            }
            if !compound.tests.iter().all(Test::is_plain) {
                self.unplain |= bit;
            }
            match compound.tag.as_deref() {
                None => self.any |= bit,
                Some(name) => match Tag::of(name.as_bytes()) {
                    Tag::Other => self.by_name.push((name.to_owned(), bit)),
                    tag => self.by_tag[tag as usize] |= bit,
                },
            }
            self.compounds.push(compound);
        }
        let last = 1 << (end - 1);
        self.last |= last;
        Some(last)
    }

    /// The compounds of selectors that can find nothing in a page.
    pub(super) fn absent(&self, html: &str) -> Bits {
        self.words.absent(html)
    }

    /// What an element can answer by its parent and its tag alone.
    pub(super) fn possible(&self, parent: Answer, tag: Tag, name: &str) -> Bits {
        let way =
            self.first | (parent.below & self.descends) << 1 | (parent.here & self.to_child) << 1;
        let mut fits = self.any | self.by_tag[tag as usize];
        if tag == Tag::Other && !self.by_name.is_empty() {
            for (known, bit) in &self.by_name {
                if known.eq_ignore_ascii_case(name) {
                    fits |= bit;
                }
            }
        }
        way & fits
    }

    /// Those of them for which attributes must be read.
    pub(super) fn tested(&self, possible: Bits) -> Bits {
        possible & self.tested
    }

    /// Those that cannot be told of an SVG element.
    pub(super) fn unplain(&self, possible: Bits) -> Bits {
        possible & self.unplain
    }

    /// Those of `tested` that hold.
    pub(super) fn holding(&self, tested: Bits, attributes: &Attributes<'_>) -> Bits {
        let (mut left, mut holding) = (tested, 0);
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            let bit: Bits = 1 << place;
            left &= !bit;
            let tests = &self.compounds[place].tests;
            if tests.iter().all(|test| test.holds(attributes)) {
                holding |= bit;
            }
        }
        holding
    }
}
