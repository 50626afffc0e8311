//! The pages that wait at one host: a queue for each rung.

use super::work::Page;
use crate::page::Rung;
use std::collections::VecDeque;

/// A queue for each rung.
#[derive(Debug, Default)]
pub struct Lanes([VecDeque<Page>; Rung::COUNT]);

impl Lanes {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(VecDeque::is_empty)
    }

    /// How many pages wait.
    pub fn len(&self) -> usize {
        self.0.iter().map(VecDeque::len).sum()
    }

    /// How many wait for a rung.
    pub fn of(&self, rung: Rung) -> usize {
        self.0[rung.index()].len()
    }

    /// Adds a page to the queue of its rung.
    pub fn push(&mut self, page: Page) {
        self.0[page.rung.index()].push_back(page);
    }

    /// The first page of a rung.
    pub fn front(&self, rung: Rung) -> Option<&Page> {
        self.0[rung.index()].front()
    }

    /// Takes the first page of a rung out.
    pub fn pop(&mut self, rung: Rung) -> Option<Page> {
        self.0[rung.index()].pop_front()
    }

    /// Takes every page of a rung out.
    pub fn take(&mut self, rung: Rung) -> VecDeque<Page> {
        std::mem::take(&mut self.0[rung.index()])
    }

    /// Takes every page out.
    pub fn drain(&mut self) -> impl Iterator<Item = Page> + '_ {
        self.0.iter_mut().flat_map(|lane| lane.drain(..))
    }
}
