//! Everything that an operator can do.

use super::filter::Pick;
use super::{Reply, RungSet, WorkerId};
use crate::page::{Rung, SiteId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What a command acts on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Every site.
    All,
    /// One site.
    Site(SiteId),
    /// One host of a site: its name, and its port where the URL has one.
    Host(SiteId, Arc<str>),
    /// One worker of a site.
    Worker(SiteId, WorkerId),
}

/// The bounds within which a site's concurrency tunes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AutoRange {
    /// Fewest workers, at least 1.
    pub min: u32,
    /// Most workers.
    pub max: u32,
}

/// One thing to do. Keys, the palette, scripts and attached terminals all send
/// these; [`super::verb`] gives each its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Start no further request there; what is in flight is finished.
    Pause(Target),
    /// Go on.
    Resume(Target),
    /// Set a site's number of workers, 1 to 1024; ends its tuning by itself.
    Concurrency(SiteId, u32),
    /// Let a site's number of workers tune itself, within these bounds or
    /// those of the sites file.
    Auto(SiteId, Option<AutoRange>),
    /// Set the time between the starts of two requests to one host of a site.
    Delay(SiteId, Duration),
    /// Set how many pages a site may fetch; `None` is no limit.
    MaxPages(SiteId, Option<u64>),
    /// Set how many links from the start page a site may go; `None` is no limit.
    MaxDepth(SiteId, Option<u32>),
    /// Set how many attempts a page gets after its first.
    Retries(SiteId, u32),
    /// Set something of one rung of a site.
    Rung(SiteId, Rung, RungSet),
    /// Follow no more links (`true`) and finish the queue, or follow again.
    Drain(SiteId, bool),
    /// Finish what is in flight of a site and call it finished; its queue stays.
    Finish(SiteId),
    /// Ask every known page of a site again, whether it has changed.
    Refresh(SiteId),
    /// Forget a site's pages and records and begin at its start page.
    StartOver(SiteId),
    /// Add URLs to a site's queue, where its scope takes them.
    Add(SiteId, Vec<String>),
    /// Fetch these again, whatever became of them.
    Force(Pick),
    /// Take queued pages of one site or all, whose path and query match a
    /// regular expression, out of the queue; with `preview`, only count them.
    Drop {
        /// One site, or all.
        site: Option<SiteId>,
        /// A regular expression for path and query.
        pattern: String,
        /// Only count them.
        preview: bool,
    },
    /// Add a scope rule to a site; the queue is judged by it too.
    Rule {
        /// The site.
        site: SiteId,
        /// `true` adds to `scope.include`, `false` to `scope.exclude`.
        include: bool,
        /// A regular expression for path and query.
        pattern: String,
    },
    /// Take every page of a trap's shape, or so many as the cap says again.
    Lift {
        /// The site.
        site: SiteId,
        /// The shape, as the site's detail has it.
        shape: String,
        /// `false` caps it again.
        lifted: bool,
    },
    /// Send failed pages round again, with their retries restored.
    Retry(Pick),
    /// Ask sitemaps, lists and APIs that failed again.
    RetrySources {
        /// One site's, or all.
        site: Option<SiteId>,
        /// Only those of this name; `None` for all that failed.
        name: Option<String>,
    },
    /// Take failed pages out of the failures: they count as skipped.
    Ignore(Pick),
    /// Read the sites file again and apply what has changed; with `preview`,
    /// only say what would change.
    Reload {
        /// Only say what would change.
        preview: bool,
    },
    /// Take back the last change of a control.
    Undo,
    /// End the run: finish what is in flight, save, and go.
    Stop,
    /// End the run at once: drop what is in flight, save, and go.
    StopNow,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A key or click on the run's own deck.
    Deck,
    /// An attached terminal.
    Attached,
    /// `crawldeck ctl`.
    Ctl,
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
            Self::Attached => "attached",
            Self::Ctl => "ctl",
            Self::Signal => "signal",
            Self::Auto => "auto",
        }
    }
}

/// What became of a command, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It took effect.
    Done(String),
    /// It did not, and why.
    Refused(String),
}

impl Answer {
    /// The words, whichever way it went.
    pub fn text(&self) -> &str {
        match self {
            Self::Done(text) | Self::Refused(text) => text,
        }
    }
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
