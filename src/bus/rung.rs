//! The rungs of a site's ladder: what is set of one, and how it stands.

use crate::page::Rung;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Everything that can be set of one rung of a site while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungControls {
    /// Which.
    pub rung: Rung,
    /// Paused by the operator.
    #[serde(default)]
    pub paused: bool,
    /// Requests at a time. Of a site's first rung the site's own number holds.
    pub concurrency: u32,
    /// Time between the starts of two requests to one host. Of a site's first
    /// rung the site's own delay holds.
    pub delay: Duration,
    /// Limit of one request; zero where that was not kept. Plain HTTP has
    /// limits on its phases instead.
    #[serde(default)]
    pub timeout: Duration,
    /// What it may spend.
    #[serde(default)]
    pub budget: Budget,
}

/// What is set of a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungSet {
    /// It takes no further page.
    Pause,
    /// It goes on; one that was down tries again.
    Resume,
    /// Requests at a time, 1 to 1024.
    Concurrency(u32),
    /// Time between the starts of two requests to one host.
    Delay(Duration),
    /// Limit of one request.
    Timeout(Duration),
    /// Requests in all; `None` is no limit.
    Requests(Option<u64>),
    /// Money in all, millionths; `None` is no limit.
    Money(Option<u64>),
}

/// What a rung may spend; each `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Requests.
    pub requests: Option<u64>,
    /// Money, in millionths of the currency in which the rung is paid.
    pub money: Option<u64>,
}

impl Budget {
    /// Whether nothing of it is left.
    pub fn is_used_up(&self, spent: &Spent) -> bool {
        self.requests.is_some_and(|most| spent.requests >= most)
            || self.money.is_some_and(|most| spent.money >= most)
    }
}

/// What a rung has spent in all runs of its job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Requests.
    pub requests: u64,
    /// Money, in millionths.
    pub money: u64,
}

/// Where a rung of a site stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungState {
    /// It takes pages.
    #[default]
    Open,
    /// The operator paused it.
    Paused,
    /// It cannot work until the operator has done something: what.
    Down(Arc<str>),
    /// Its budget is used up.
    Spent,
}

impl RungState {
    /// The state's name on screen.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Down(_) => "down",
            Self::Spent => "spent",
        }
    }
}
