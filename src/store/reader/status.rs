//! Where each site stands.

use crate::bus::{RungControls, SiteState, Spent};
use crate::page::Rung;
use crate::store::Tuned;
use crate::store::sqlite::code::{count, state};
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;

/// Where a site stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SiteStatus {
    /// Its name.
    pub site: String,
    /// `running`, `paused`, `finished`, `failed` or `stopped`.
    pub state: &'static str,
    /// Why, where that helps. May hold text from the network, uncleaned.
    pub why: Option<String>,
    /// Its pages.
    pub pages: PageCounts,
    /// Records kept.
    pub records: u64,
    /// Bytes of body on the wire of finished pages.
    pub bytes: u64,
    /// Workers wanted.
    pub concurrency: u32,
    /// Between the starts of two requests to one host, milliseconds.
    pub delay_ms: u64,
    /// Whether the site is no longer in the sites file.
    pub removed: bool,
    /// What is set of its ladder and was last saved; no ladder is none.
    #[serde(skip)]
    pub rungs: Vec<RungControls>,
    /// What its rungs have spent.
    #[serde(skip)]
    pub spent: BTreeMap<Rung, Spent>,
}

/// A site's pages. All together are every known page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct PageCounts {
    /// Fetched.
    pub done: u64,
    /// Given up.
    pub failed: u64,
    /// Known, not taken.
    pub skipped: u64,
    /// Waiting.
    pub queued: u64,
    /// Handed to workers.
    pub in_flight: u64,
}

pub(super) fn read(conn: &Connection, running: bool) -> Result<Vec<SiteStatus>> {
    // The first format has no such column.
    let controls = match conn.prepare("SELECT controls FROM site LIMIT 0") {
        Ok(_) => "controls",
        Err(_) => "NULL",
    };
    conn.prepare_cached(&format!(
        "SELECT name, state, why, done, failed, skipped, queued, in_flight, records, bytes, \
         concurrency, delay_ms, place IS NULL, {controls} FROM site \
         ORDER BY place IS NULL, place, key",
    ))?
    .query_map([], |row| site(row, running))?
    .collect()
}

fn site(row: &Row<'_>, running: bool) -> Result<SiteStatus> {
    let saved: Option<String> = row.get(1)?;
    let removed: bool = row.get(12)?;
    let at_work = running && !removed;
    let saved_controls: Option<String> = row.get(13)?;
    // What an older program saved has no ladder.
    let tuned: Tuned = saved_controls
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let concurrency = row.get::<_, Option<u32>>(10)?.unwrap_or(0);
    let leased = if at_work { count(row.get(7)?) } else { 0 };
    // Pages are leased ahead; a worker fetches one at a time.
    let in_flight = match concurrency {
        0 => leased,
        workers => leased.min(u64::from(workers)),
    };
    Ok(SiteStatus {
        site: row.get(0)?,
        state: shown(saved.as_deref().and_then(state), at_work).as_str(),
        why: row.get(2)?,
        pages: PageCounts {
            done: count(row.get(3)?),
            failed: count(row.get(4)?),
            skipped: count(row.get(5)?),
            queued: count(row.get(6)?).saturating_sub(in_flight),
            in_flight,
        },
        records: count(row.get(8)?),
        bytes: count(row.get(9)?),
        concurrency,
        delay_ms: count(row.get::<_, Option<i64>>(11)?.unwrap_or(0)),
        removed,
        rungs: tuned.now.rungs,
        spent: tuned.spent,
    })
}

/// A state that was saved by a process which is gone says that it was at work:
/// the site is stopped.
fn shown(saved: Option<SiteState>, at_work: bool) -> SiteState {
    use SiteState::{Failed, Finished, Paused, Running, Starting, Stopped, Stopping};
    match saved {
        Some(over @ (Finished | Failed | Stopped)) => over,
        _ if !at_work => Stopped,
        Some(Paused) => Paused,
        Some(Starting | Running | Stopping) | None => Running,
    }
}
