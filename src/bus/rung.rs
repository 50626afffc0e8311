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

/// Millionths as an amount: `12.5`.
pub fn amount(money: u64) -> String {
    let text = format!("{}.{:06}", money / 1_000_000, money % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An amount such as `12.50` in millionths, exactly; `None` where it is none.
pub fn millionths(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(1_000_000)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_back() {
        for (money, text) in [(12_500_000, "12.5"), (1, "0.000001"), (3_000_000, "3")] {
            assert_eq!(amount(money), text);
            assert_eq!(millionths(text), Some(money));
        }
        for text in [
            "",
            ".5",
            "1e3",
            "0.0000001",
            "1.2.3",
            "99999999999999999999",
        ] {
            assert_eq!(millionths(text), None, "{text}");
        }
    }
}
