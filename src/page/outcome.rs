//! What became of a page.

use super::FailureKind;
use serde::{Deserialize, Serialize};

/// Where a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// Fetched.
    Done,
    /// Given up.
    Failed,
    /// Known, not taken.
    Skipped,
    /// Waiting, or being fetched.
    Queued,
}

impl PageState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Skipped, Self::Queued];

    /// The state's name in exports and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Queued => "queued",
        }
    }
}

/// Why a page was known and yet not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// robots.txt forbids it.
    Robots,
    /// The site's rules, as they are now, leave it out.
    Scope,
    /// The operator dropped it.
    Operator,
    /// It was fetched under an address that leads to it.
    Landed,
}

impl SkipReason {
    /// The reason's name in exports and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Robots => "robots",
            Self::Scope => "scope",
            Self::Operator => "operator",
            Self::Landed => "landed",
        }
    }
}

/// How a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Fetched. A redirect that led on is done too; its target is a page of
    /// its own.
    Done,
    /// Every attempt that was worth making failed.
    Failed(FailureKind),
    /// Known, not taken.
    Skipped(SkipReason),
}

impl Outcome {
    /// `done`, `failed` or `skipped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// The kind or the reason behind the outcome; empty for a page that is done.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Failed(kind) => kind.as_str(),
            Self::Skipped(reason) => reason.as_str(),
        }
    }
}

/// What the engine decided after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The page is finished.
    Final(Outcome),
    /// The page goes round again, not before `due` (milliseconds since the
    /// Unix epoch).
    Retry {
        /// Earliest time of the next attempt, milliseconds since the epoch.
        due: u64,
        /// Why this attempt failed.
        kind: FailureKind,
    },
}
