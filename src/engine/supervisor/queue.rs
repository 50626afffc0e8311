//! What a supervisor knows of its site's queue in the store.

use std::time::Duration;

/// What the store says of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It may have pages.
    More,
    /// Nothing now; a retry falls due then (ms since the epoch), if any does.
    Wait(Option<u64>),
    /// Nothing at all.
    Drained,
}

/// What the store last said, and whether that still holds.
#[derive(Debug)]
pub(super) struct Queue {
    said: Said,
    /// Something came in since the store was last asked: its answer, which may
    /// be older, is not the last word.
    stirred: bool,
}

impl Queue {
    /// Of which nothing was heard yet.
    pub(super) fn new() -> Self {
        Self {
            said: Said::More,
            stirred: false,
        }
    }

    /// Something may have come into the queue, or have left it for good.
    pub(super) fn stir(&mut self) {
        self.said = Said::More;
        self.stirred = true;
    }

    /// The store is being asked.
    pub(super) fn asked(&mut self) {
        self.stirred = false;
    }

    /// The store has answered.
    pub(super) fn answered(&mut self, said: Said) {
        self.said = if self.stirred { Said::More } else { said };
    }

    /// It is `now` (ms since the epoch): a retry that has fallen due may be had.
    pub(super) fn ripen(&mut self, now: u64) {
        if matches!(self.said, Said::Wait(Some(due)) if due <= now) {
            self.said = Said::More;
        }
    }

    /// What is known of it.
    pub(super) fn said(&self) -> Said {
        self.said
    }

    /// How long after `now` (ms since the epoch) the next retry falls due; at
    /// least a millisecond.
    pub(super) fn due_in(&self, now: u64) -> Option<Duration> {
        match self.said {
            Said::Wait(Some(due)) => Some(Duration::from_millis(due.saturating_sub(now).max(1))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_while_the_store_is_asked_is_not_forgotten() {
        for said in [Said::Wait(None), Said::Wait(Some(9)), Said::Drained] {
            let mut queue = Queue::new();
            queue.asked();
            // The store answers before it takes in the last page's end, and that
            // is heard of first.
            queue.stir();
            queue.answered(said);
            assert_eq!(queue.said(), Said::More, "{said:?} is out of date");
            queue.asked();
            queue.answered(said);
            assert_eq!(queue.said(), said);
        }
    }

    #[test]
    fn a_retry_is_had_when_it_falls_due() {
        let mut queue = Queue::new();
        assert_eq!((queue.said(), queue.due_in(0)), (Said::More, None));
        queue.answered(Said::Wait(Some(500)));
        queue.ripen(499);
        assert_eq!(queue.said(), Said::Wait(Some(500)));
        assert_eq!(queue.due_in(200), Some(Duration::from_millis(300)));
        assert_eq!(queue.due_in(600), Some(Duration::from_millis(1)), "overdue");
        queue.ripen(500);
        assert_eq!((queue.said(), queue.due_in(500)), (Said::More, None));
        queue.answered(Said::Wait(None));
        assert_eq!((queue.said(), queue.due_in(900)), (Said::Wait(None), None));
    }
}
