//! Everything that an operator can do.

use super::query::FailureFilter;
use super::{Reply, WorkerId};
use crate::page::{PageId, SiteId};
use std::time::Duration;

/// What a command acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Every site.
    All,
    /// One site.
    Site(SiteId),
    /// One worker of a site.
    Worker(SiteId, WorkerId),
}

/// Which failed pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Just these.
    Pages(Vec<PageId>),
    /// All that match.
    Matching(FailureFilter),
}

/// One thing to do. Keys, the palette and scripts all send these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start no further request there; what is in flight is finished.
    Pause(Target),
    /// Go on.
    Resume(Target),
    /// Set a site's number of workers, 1 to 1024.
    Concurrency(SiteId, u32),
    /// Set the time between the starts of two requests to one host of a site.
    Delay(SiteId, Duration),
    /// Send failed pages round again, with their retries restored.
    Retry(Pick),
    /// End the run: finish what is in flight, save, and go.
    Stop,
    /// End the run at once: drop what is in flight, save, and go.
    StopNow,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A key or click on the deck.
    Deck,
    /// A signal from the operating system.
    Signal,
    /// crawldeck itself.
    Auto,
}

impl Origin {
    /// The origin's name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deck => "deck",
            Self::Signal => "signal",
            Self::Auto => "auto",
        }
    }
}

/// What became of a command, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took effect.
    Done(String),
    /// It did not, and why.
    Refused(String),
}

/// A command on its way to the engine.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Who asked.
    pub origin: Origin,
    /// Where the answer goes.
    pub reply: Reply<Answer>,
}
