//! What the rooms say to each other: events up, commands and queries down.

mod alert;
mod command;
mod event;
mod exits;
mod fill;
mod filter;
mod latest;
mod linked;
mod log;
mod query;
mod reply;
mod rung;
pub mod search;
mod source;
mod told;
mod transport;
pub mod verb;

pub use self::alert::{AlertAction, AlertRule, Condition};
pub use self::command::{Answer, AutoRange, Command, Origin, Request, Target};
pub use self::event::{
    ClimbWhy, Copied, Doing, Event, JobState, Level, Notice, Round, RuleInfo, SiteControls,
    SiteDelta, SiteInfo, SiteState, Vitals, WorkerId,
};
pub use self::exits::{Exit, ExitCounts, ExitPool, ExitState, Exits};
pub use self::fill::{RuleFill, is_nothing};
pub use self::filter::{PageFilter, PageOrder, Pick};
pub use self::latest::{
    ChangeKind, ChangeList, ChangeRow, JournalList, JournalRow, LatestList, LatestRow, RecordList,
    RecordRow,
};
pub use self::linked::{Degree, Linked, LinkedList, LinkedRow, PageLinks};
pub use self::log::{LogFilter, LogList, LogRow, Logbook};
pub use self::query::{Ask, Query, Told};
pub use self::reply::Reply;
pub use self::rung::{Budget, RungControls, RungSet, RungState, Spent};
pub use self::source::{FailedSource, SourceKind, SourceRow, SourceState};
pub use self::told::{
    Attempt, FailureGroup, Failures, Header, HostRow, PageDetail, PageList, PageRow, SiteDetail,
    TrapRow, Why,
};
pub use self::transport::{Play, Playing, Transport};

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
