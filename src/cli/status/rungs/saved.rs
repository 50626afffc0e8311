//! The ladder of a crawl that does not run: what is set, and what its rungs did
//! when it last ran.

use super::{counts, millis, money, timeout};
use crate::bus::{RungControls, RungState};
use crate::monitor::RungView;
use crate::page::Rung;
use crate::store::reader::SiteStatus;
use serde_json::{Value, json};
use std::time::Duration;

/// A site's rungs, lowest first.
pub(super) fn table(site: &SiteStatus) -> Value {
    let mut rungs = site.rungs.clone();
    if rungs.is_empty() && site.figures.iter().any(|(rung, _)| *rung == Rung::Http) {
        // Of plain HTTP alone nothing is set but what is set of its site.
        rungs.push(RungControls {
            rung: Rung::Http,
            paused: false,
            concurrency: site.concurrency,
            delay: Duration::from_millis(site.delay_ms),
            timeout: Duration::ZERO,
            budget: Default::default(),
        });
    }
    let rows = rungs.iter().enumerate();
    rows.map(|(place, rung)| row(site, rung, place == 0))
        .collect()
}

fn row(site: &SiteStatus, rung: &RungControls, first: bool) -> Value {
    let spent = site.spent.get(&rung.rung).copied().unwrap_or_default();
    let (concurrency, delay_ms) = match first {
        true => (site.concurrency, site.delay_ms),
        false => (rung.concurrency, millis(rung.delay)),
    };
    let did = site.figures.iter().find(|(known, _)| *known == rung.rung);
    // What another version has saved may be another thing.
    let did: Option<RungView> = did.and_then(|(_, did)| serde_json::from_value(did.clone()).ok());
    let down = match did.as_ref().map(|did| &did.state) {
        Some(RungState::Down(why)) => Some(why.clone()),
        _ => None,
    };
    let mut row = json!({
        "rung": rung.rung,
        "state": match (&down, rung.paused, rung.budget.is_used_up(&spent)) {
            (Some(_), _, _) => "down",
            (None, true, _) => "paused",
            (None, false, true) => "spent",
            (None, false, false) => "open",
        },
        "why": down,
        "concurrency": concurrency,
        "delay_ms": delay_ms,
        "timeout_ms": timeout(rung),
        "budget": { "requests": rung.budget.requests, "money": money(rung.budget.money) },
        "spent": { "requests": spent.requests, "money": money(Some(spent.money)) },
    });
    let Some(did) = did else {
        return row;
    };
    let did = json!({
        "attempts": did.attempts,
        "pages": did.had,
        "success": did.success(),
        "went_on": did.climbed,
        "p50_ms": did.p50,
        "p95_ms": did.p95,
        "failures": counts(did.kinds.iter().map(|(kind, count)| (kind.as_str(), count))),
        "blocks": counts(did.blocks.iter().map(|(whose, count)| (&**whose, count))),
        "through": counts(did.through.iter().map(|(exit, count)| (&**exit, count))),
    });
    if let (Value::Object(row), Value::Object(did)) = (&mut row, did) {
        row.extend(did);
    }
    row
}
