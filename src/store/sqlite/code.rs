//! How values of the domain stand in the tables.

use crate::bus::{ChangeKind, SiteState, SourceKind, SourceState};
use crate::config::Rung;
use crate::page::{Outcome, PageState};
use crate::store::Via;

/// Lowest bits of an attempt's or record's id that count within its page.
pub(in crate::store) const WITHIN: u32 = 16;
/// The largest such count.
pub(in crate::store) const MOST_WITHIN: u32 = (1 << WITHIN) - 1;

/// The id of the `n`th attempt or record of a page.
pub(in crate::store) fn within(page: u32, n: u32) -> i64 {
    (i64::from(page) << WITHIN) | i64::from(n.min(MOST_WITHIN))
}

/// The id of the `n`th record of an answer, whose own id is below 0.
pub(super) fn within_answer(answer: i64, n: u32) -> i64 {
    (answer << WITHIN) | i64::from(n.min(MOST_WITHIN))
}

/// SQLite's integers are signed; nothing here comes near their end.
pub(in crate::store) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count read back; the tables hold no negative one.
pub(in crate::store) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// How a page has changed; what is none of these stands in no table.
pub(in crate::store) fn change_kind(code: i64) -> ChangeKind {
    let kinds = ChangeKind::ALL;
    let known = kinds.into_iter().find(|kind| change_code(*kind) == code);
    known.unwrap_or(ChangeKind::Changed)
}

pub(in crate::store) fn change_code(kind: ChangeKind) -> i64 {
    match kind {
        ChangeKind::New => 1,
        ChangeKind::Changed => 2,
        ChangeKind::Gone => 3,
    }
}

/// What kind of source a name means; any other has been edited by hand.
pub(super) fn source_kind(name: &str) -> SourceKind {
    let mut kinds = SourceKind::ALL.into_iter();
    kinds
        .find(|kind| kind.as_str() == name)
        .unwrap_or(SourceKind::List)
}

/// How far a source is read; any other name has been edited by hand.
pub(super) fn source_state(name: &str) -> SourceState {
    let mut states = SourceState::ALL.into_iter();
    states
        .find(|state| state.as_str() == name)
        .unwrap_or(SourceState::Failed)
}

pub(in crate::store) const DONE: i64 = 1;
pub(in crate::store) const FAILED: i64 = 2;
pub(in crate::store) const SKIPPED: i64 = 3;

pub(in crate::store) fn outcome(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Done => DONE,
        Outcome::Failed(_) => FAILED,
        Outcome::Skipped(_) => SKIPPED,
    }
}

/// The state behind an outcome; a page without one is queued.
pub(in crate::store) fn page_state(code: Option<i64>) -> PageState {
    match code {
        Some(DONE) => PageState::Done,
        Some(FAILED) => PageState::Failed,
        Some(SKIPPED) => PageState::Skipped,
        _ => PageState::Queued,
    }
}

/// The outcome's name; a page without one is queued.
pub(in crate::store) fn outcome_name(code: Option<i64>) -> &'static str {
    page_state(code).as_str()
}

pub(in crate::store) fn via(via: Via) -> i64 {
    match via {
        Via::Start => 0,
        Via::Sitemap => 1,
        Via::Link => 2,
        Via::Redirect => 3,
        Via::Operator => 4,
    }
}

/// The name of how a URL was found.
pub(in crate::store) fn via_name(code: i64) -> &'static str {
    match code {
        0 => "start",
        1 => "sitemap",
        2 => "link",
        3 => "redirect",
        _ => "operator",
    }
}

/// The state of this name.
pub(in crate::store) fn state(name: &str) -> Option<SiteState> {
    use SiteState::{Failed, Finished, Paused, Running, Starting, Stopped, Stopping};
    [
        Starting, Running, Paused, Stopping, Finished, Failed, Stopped,
    ]
    .into_iter()
    .find(|s| s.as_str() == name)
}

/// The rung of this name; one of a later version is shown as `other`.
pub(in crate::store) fn rung(name: &str) -> &'static str {
    Rung::ALL
        .into_iter()
        .map(Rung::as_str)
        .find(|known| *known == name)
        .unwrap_or("other")
}
