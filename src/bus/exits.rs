//! Exits: the proxies by which rungs go, and how they have done.

use crate::page::{Rung, SiteId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The exits of one rule, which all sites with that rule share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitPool {
    /// The sites' rungs that go by them.
    pub of: Vec<(SiteId, Rung)>,
    /// The exits.
    pub exits: Exits,
}

/// Exits and their figures in this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exits {
    /// All of them, by how they are.
    pub counts: ExitCounts,
    /// What the operator should know of their list though it works.
    pub remark: Option<Arc<str>>,
    /// Those that did most and those that are ill; at most [`Exits::TOLD`].
    pub rows: Vec<Exit>,
}

impl Exits {
    /// Exits told of one by one.
    pub const TOLD: usize = 64;
}

/// How many exits there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitCounts {
    /// All that are on the list.
    pub all: u32,
    /// Those by which a session goes, and that do not rest.
    pub in_use: u32,
    /// Those that rest for a while.
    pub resting: u32,
    /// Those that refuse the login.
    pub refused: u32,
    /// Those that were on a list that was read before, and are no longer.
    pub retired: u32,
}

/// One exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// `host:port`, and a number where several have the same; no login.
    pub name: Arc<str>,
    /// Sessions that go by it now.
    pub sessions: u32,
    /// Answers that were no blocks.
    pub ok: u64,
    /// Requests that got no answer.
    pub failed: u64,
    /// Answers that were blocks.
    pub blocked: u64,
    /// Median time to an answer's head, of the last few.
    pub p50: Option<Duration>,
    /// How it is.
    pub state: ExitState,
    /// Until when it rests; `None` where it does not.
    pub until: Option<Instant>,
    /// What last went wrong, as long as it is not well.
    pub why: Option<Arc<str>>,
}

impl Exit {
    /// Requests made by it.
    pub fn requests(&self) -> u64 {
        // What came from another process may be anything.
        let answered = self.ok.saturating_add(self.blocked);
        answered.saturating_add(self.failed)
    }

    /// Which part of its requests came to a good end, percent; `None` before
    /// the first.
    pub fn success(&self) -> Option<f64> {
        let requests = self.requests();
        (requests > 0).then(|| self.ok as f64 * 100.0 / requests as f64)
    }
}

/// How an exit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitState {
    /// It has not been used.
    New,
    /// Its last request was answered.
    Well,
    /// Its last request was not.
    Ailing,
    /// It rests for a while.
    Resting,
    /// It refuses the login; it rests, and somebody has to do something.
    Refused,
}

impl ExitState {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Well,
        Self::Ailing,
        Self::Resting,
        Self::Refused,
    ];

    /// The state's name on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Well => "well",
            Self::Ailing => "ailing",
            Self::Resting => "resting",
            Self::Refused => "refused",
        }
    }

    /// Whether nothing is wrong with the exit.
    pub fn is_fine(self) -> bool {
        matches!(self, Self::New | Self::Well)
    }
}
