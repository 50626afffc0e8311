//! How many decks are on a crawl.

use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Counts the decks on a crawl. Those that are attached count for nothing
/// once the run's own deck has been left for good.
#[derive(Debug)]
pub struct Decks {
    state: Mutex<Count>,
    watched: watch::Sender<bool>,
}

#[derive(Debug)]
struct Count {
    owner: bool,
    attached: usize,
    finished: bool,
}

impl Decks {
    pub fn new(owner: bool) -> Self {
        Self {
            state: Mutex::new(Count {
                owner,
                attached: 0,
                finished: false,
            }),
            watched: watch::Sender::new(owner),
        }
    }

    pub fn watched(&self) -> watch::Receiver<bool> {
        self.watched.subscribe()
    }

    /// The run's own deck is gone, `for_good` where nobody wants the finished
    /// crawl to stay open.
    pub fn owner_left(&self, for_good: bool) {
        self.change(|count| {
            count.owner = false;
            count.finished |= for_good;
        });
    }

    /// One deck more that is attached.
    pub fn attach(&self) {
        self.change(|count| count.attached += 1);
    }

    /// One fewer.
    pub fn detach(&self) {
        self.change(|count| count.attached = count.attached.saturating_sub(1));
    }

    fn change(&self, then: impl FnOnce(&mut Count)) {
        let mut count = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        then(&mut count);
        let watched = !count.finished && (count.owner || count.attached > 0);
        self.watched
            .send_if_modified(|now| std::mem::replace(now, watched) != watched);
    }
}

#[cfg(test)]
mod tests {
    use super::Decks;

    #[test]
    fn the_runs_own_deck_has_the_last_word() {
        let headless = Decks::new(false);
        let watched = headless.watched();
        headless.attach();
        assert!(*watched.borrow());
        headless.detach();
        assert!(!*watched.borrow());

        let lost = Decks::new(true);
        let watched = lost.watched();
        assert!(*watched.borrow());
        lost.attach();
        lost.owner_left(false);
        assert!(*watched.borrow(), "another deck is on it");
        lost.detach();
        assert!(!*watched.borrow());

        let left = Decks::new(true);
        let watched = left.watched();
        left.attach();
        left.owner_left(true);
        assert!(!*watched.borrow(), "left for good");
    }
}
