//! What the deck is told of the exits.

use super::exit::Exit;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Exits that are told of.
const MOST: usize = 500;

/// One exit's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitFigures {
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
    /// How long it still rests; `None` where it does not.
    pub rest: Option<Duration>,
    /// What last went wrong, as long as it is not well.
    pub why: Option<Arc<str>>,
}

/// How an exit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// The figures of the exits that have done most, those first.
pub(super) fn of(exits: &[Arc<Exit>], now: Instant) -> Vec<ExitFigures> {
    let mut figures: Vec<ExitFigures> = exits.iter().map(|exit| one(exit, now)).collect();
    figures.sort_by(|a, b| {
        let done = |f: &ExitFigures| f.ok + f.failed + f.blocked;
        done(b).cmp(&done(a)).then_with(|| a.name.cmp(&b.name))
    });
    figures.truncate(MOST);
    figures
}

fn one(exit: &Exit, now: Instant) -> ExitFigures {
    let health = exit.health();
    let rest = health.rest_until.filter(|until| *until > now);
    let state = match rest {
        Some(_) if health.is_refused() => ExitState::Refused,
        Some(_) => ExitState::Resting,
        None if health.ok + health.failed + health.blocked == 0 => ExitState::New,
        None if health.is_well() => ExitState::Well,
        None => ExitState::Ailing,
    };
    let is_well = matches!(state, ExitState::New | ExitState::Well);
    ExitFigures {
        name: exit.name.clone(),
        sessions: exit.sessions(),
        ok: health.ok,
        failed: health.failed,
        blocked: health.blocked,
        p50: health.median(),
        state,
        rest: rest.map(|until| until - now),
        why: health.last().filter(|_| !is_well).map(Arc::from),
    }
}
