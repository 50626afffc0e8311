//! What the rooms say to each other: events up, commands and queries down.

mod command;
mod event;
mod query;
mod reply;

pub use self::command::{Answer, Command, Origin, Pick, Request, Target};
pub use self::event::{
    Doing, Event, JobState, Level, Notice, SiteDelta, SiteInfo, SiteState, WorkerId,
};
pub use self::query::{Attempt, FailureFilter, FailureList, FailureRow, Header, PageDetail, Query};
pub use self::reply::Reply;

use tokio::sync::mpsc;

/// Room on the event bus, events.
pub const EVENTS: usize = 8192;
/// Room for commands and for queries, each.
pub const REQUESTS: usize = 64;

/// What a face holds of the engine: the two ways to ask it for something.
#[derive(Debug, Clone)]
pub struct Controls {
    /// Commands; each is answered.
    pub commands: mpsc::Sender<Request>,
    /// Queries; each is answered.
    pub queries: mpsc::Sender<Query>,
}
