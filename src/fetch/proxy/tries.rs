//! By how many exits one request is tried.

use super::fault::{Fault, Whose};
use crate::fetch::Trouble;

/// Exits by which one request is tried where it is theirs that fail.
const TRIES: u32 = 8;
/// Exits by which it is tried where it may be the site's fault.
const EITHER: u32 = 2;

/// Exits by which one request has been tried in vain.
#[derive(Default)]
pub(super) struct Tries {
    all: u32,
    either: u32,
}

/// What to do after one more of them.
pub(super) enum Next {
    /// Try by another exit.
    Another,
    /// Give up. It may well be the site's fault; or none of so many exits does, and
    /// the rung has too much to do.
    GiveUp(Option<Trouble>),
}

impl Tries {
    /// Counts a request that was not made.
    pub(super) fn after(&mut self, fault: &Fault) -> Next {
        self.all += 1;
        self.either += u32::from(fault.whose == Whose::Either);
        match (self.either, self.all) {
            (EITHER, _) => Next::GiveUp(None),
            (_, TRIES) => Next::GiveUp(Some(Trouble::Crowded)),
            _ => Next::Another,
        }
    }
}
