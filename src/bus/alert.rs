//! Rules by which the monitor raises an alert.

use super::Level;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One alert of a site's document.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRule {
    /// What must hold.
    pub when: Condition,
    /// For how long without a break, before the alert begins.
    pub hold: Duration,
    /// How much it matters.
    pub level: Level,
    /// Whether the terminal rings its bell.
    pub bell: bool,
    /// Whether the terminal shows a notification.
    pub notify: bool,
    /// What else is done when it begins.
    pub action: Option<Arc<AlertAction>>,
}

/// What an alert looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// More than this share of the attempts of the last minute failed, percent.
    Errors(f64),
    /// Fewer pages than this were finished a second, over the last ten.
    PagesPerSecond(f64),
    /// No page was finished.
    NoProgress,
    /// The queue grew by more pages than this a second, over the last ten.
    QueueGrowth(f64),
    /// Less room than this is left on the disk of the job's folder, bytes.
    DiskFree(u64),
    /// A field of a record was filled in less than this share of them, percent.
    Fill {
        /// The record's name.
        record: Arc<str>,
        /// The field's name.
        field: Arc<str>,
        /// The share.
        below: f64,
    },
}

/// What is done outside crawldeck when an alert begins.
#[derive(Clone, PartialEq, Eq)]
pub struct AlertAction {
    /// Where the alert is posted as JSON; may hold a secret.
    pub webhook: Option<String>,
    /// A program and its arguments, which may hold secrets; empty for none.
    pub command: Vec<String>,
}

impl fmt::Debug for AlertAction {
    /// No address and no argument: either may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertAction")
            .field("webhook", &self.webhook.is_some())
            .field("command", &!self.command.is_empty())
            .finish()
    }
}
