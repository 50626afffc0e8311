//! The ladder's table for scripts: what is set and spent, as it was saved, and
//! of a crawl that runs the figures of now.

mod saved;

use crate::bus::{Exit, Exits, Origin, RungControls};
use crate::cli::{deck, jobs};
use crate::monitor::{RungView, Snapshot};
use crate::page::{Rung, SiteId};
use crate::store::reader::SiteStatus;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a crawl may take to answer; what was saved is told instead.
const PATIENCE: Duration = Duration::from_secs(5);

/// The picture of a crawl that runs; `None` where it cannot be had.
pub(super) fn picture(dir: &Path) -> Option<Snapshot> {
    let runtime = deck::runtime().ok()?;
    let asked = async {
        let link = jobs::connect(dir, Origin::Ctl).await.ok()?;
        link.picture().await.ok()
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await.ok().flatten() })
}

/// A site's rungs, lowest first; its keys are a promise.
pub(super) fn table(site: &SiteStatus, live: Option<&Snapshot>) -> Value {
    let found = live.and_then(|shown| {
        let mut sites = (0..).map(SiteId).zip(&shown.sites);
        let found = sites.find(|(_, view)| *view.name == *site.site);
        found.map(|(id, view)| (shown, id, view))
    });
    let Some((shown, id, view)) = found else {
        return saved::table(site);
    };
    let row = |rung: &RungView| {
        let (concurrency, delay) = view.controls.pace(rung.rung);
        let known = view.controls.rungs.iter().find(|set| set.rung == rung.rung);
        let budget = known.map(|set| set.budget).unwrap_or_default();
        let why = match &rung.state {
            crate::bus::RungState::Down(why) => Some(why.clone()),
            _ => None,
        };
        json!({
            "rung": rung.rung,
            "state": rung.state.as_str(),
            "why": why,
            "concurrency": concurrency,
            "delay_ms": millis(delay),
            "timeout_ms": known.and_then(timeout),
            "budget": { "requests": budget.requests, "money": money(budget.money) },
            "spent": { "requests": rung.spent.requests, "money": money(Some(rung.spent.money)) },
            "attempts": rung.attempts,
            "pages": rung.had,
            "success": rung.success(),
            "went_on": rung.climbed,
            "in_flight": view.in_flight(rung.rung),
            "p50_ms": rung.p50,
            "p95_ms": rung.p95,
            "failures": counts(rung.kinds.iter().map(|(kind, count)| (kind.as_str(), count))),
            "blocks": counts(rung.blocks.iter().map(|(whose, count)| (&**whose, count))),
            "through": counts(rung.through.iter().map(|(exit, count)| (&**exit, count))),
            "exits": shown.exits_of(id, rung.rung).map(|known| exits(known, shown.at)),
        })
    };
    view.rungs.iter().map(row).collect()
}

/// Counts by name.
fn counts<'a>(counts: impl Iterator<Item = (&'a str, &'a u64)>) -> Map<String, Value> {
    let counts = counts.map(|(name, count)| (name.to_owned(), json!(count)));
    counts.collect()
}

/// The exits by which a rung goes.
fn exits(known: &Exits, at: Instant) -> Value {
    let counts = &known.counts;
    let row = |exit: &Exit| {
        let rest = exit.until.map(|until| until.saturating_duration_since(at));
        json!({
            "exit": exit.name,
            "state": exit.state,
            "rest_ms": rest.map(millis),
            "why": exit.why,
            "sessions": exit.sessions,
            "requests": exit.requests(),
            "success": exit.success(),
            "failed": exit.failed,
            "blocked": exit.blocked,
            "p50_ms": exit.p50.map(|p50| p50.as_secs_f64() * 1e3),
        })
    };
    json!({
        "all": counts.all,
        "in_use": counts.in_use,
        "resting": counts.resting,
        "refused": counts.refused,
        "retired": counts.retired,
        "remark": known.remark,
        "list": known.rows.iter().map(row).collect::<Vec<Value>>(),
    })
}

/// The limit of one request; none of plain HTTP, which has one on each phase.
fn timeout(rung: &RungControls) -> Option<u64> {
    (rung.rung != Rung::Http).then(|| millis(rung.timeout))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Millionths as the amount that they are.
fn money(millionths: Option<u64>) -> Option<f64> {
    millionths.map(|money| money as f64 / 1e6)
}
