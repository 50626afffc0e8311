//! Where each site stands.

use crate::bus::{Round, RuleFill, RungControls, SiteState, SourceRow, SourceState, Spent};
use crate::page::Rung;
use crate::store::Tuned;
use crate::store::sqlite::code::{count, state};
use crate::store::sqlite::{again, figures, fill, source};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sources that failed which are told of, each site.
const FAILURES: usize = 20;

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
    /// What its rungs did in the last run, as it was saved.
    #[serde(skip)]
    pub figures: Vec<(Rung, Value)>,
    /// How often fields were filled, in the latest records of each kind.
    pub fill: Vec<FillStatus>,
    /// The last round of crawling again; `None` where there was none.
    pub round: Option<RoundStatus>,
    /// Its sitemaps, lists and APIs.
    pub sources: SourceCounts,
}

/// How often the fields of one kind of records were filled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FillStatus {
    /// The records' name.
    pub record: String,
    /// Records that were looked at.
    pub records: u64,
    /// In how many of them each field was not empty.
    pub fields: BTreeMap<String, u64>,
}

/// A round of crawling again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct RoundStatus {
    /// When it began, milliseconds since the epoch.
    pub began_ms: u64,
    /// When it came to its end, if it has.
    pub ended_ms: Option<u64>,
    /// Its number and what it found.
    #[serde(flatten)]
    pub found: Round,
}

/// A site's sitemaps, lists and APIs, by how far they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceCounts {
    /// Read to their end.
    pub done: u64,
    /// Not to be had, or not to their end.
    pub failed: u64,
    /// Named, and not asked yet.
    pub waiting: u64,
    /// Read in part.
    pub reading: u64,
    /// Those that failed last, the latest first. Text is as it came.
    pub failures: Vec<SourceRow>,
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
    let rows = conn
        .prepare_cached(&format!(
            "SELECT name, state, why, done, failed, skipped, queued, in_flight, records, bytes, \
         concurrency, delay_ms, place IS NULL, key, {controls} FROM site \
         ORDER BY place IS NULL, place, key",
        ))?
        .query_map([], |row| Ok((row.get(13)?, site(conn, row, running)?)))?
        .collect::<Result<Vec<(i64, SiteStatus)>>>()?;
    let wanted: Vec<(i64, u64)> = rows
        .iter()
        .map(|(key, site)| (*key, site.records))
        .collect();
    let mut found = fill::of_sites(conn, &wanted)?;
    let filled = |(key, site): (i64, SiteStatus)| SiteStatus {
        fill: found.remove(&key).map(fill_status).unwrap_or_default(),
        ..site
    };
    Ok(rows.into_iter().map(filled).collect())
}

fn fill_status(fills: Vec<RuleFill>) -> Vec<FillStatus> {
    let own = |(name, filled): (Arc<str>, u64)| (name.to_string(), filled);
    let status = |fill: RuleFill| FillStatus {
        record: fill.record.to_string(),
        records: fill.records,
        fields: fill.fields.into_iter().map(own).collect(),
    };
    fills.into_iter().map(status).collect()
}

fn site(conn: &Connection, row: &Row<'_>, running: bool) -> Result<SiteStatus> {
    let saved: Option<String> = row.get(1)?;
    let removed: bool = row.get(12)?;
    let at_work = running && !removed;
    let saved_controls: Option<String> = row.get(14)?;
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
        figures: figures::of_site(conn, row.get(13)?)?,
        fill: Vec::new(),
        round: round(conn, row.get(13)?)?,
        sources: sources(conn, row.get(13)?)?,
    })
}

fn sources(conn: &Connection, key: i64) -> Result<SourceCounts> {
    let mut all = SourceCounts {
        failures: source::failed(conn, key, FAILURES)?,
        ..SourceCounts::default()
    };
    for (state, count) in source::counts(conn, key)? {
        match state {
            SourceState::Done => all.done = count,
            SourceState::Failed => all.failed = count,
            SourceState::Waiting => all.waiting = count,
            SourceState::Reading => all.reading = count,
        }
    }
    Ok(all)
}

fn round(conn: &Connection, key: i64) -> Result<Option<RoundStatus>> {
    let found = again::round(conn, key)?;
    conn.prepare_cached("SELECT began, ended FROM round WHERE site = ?1 AND number = ?2")?
        .query_row(params![key, found.number], |row| {
            Ok(RoundStatus {
                began_ms: count(row.get(0)?),
                ended_ms: row.get::<_, Option<i64>>(1)?.map(count),
                found,
            })
        })
        .optional()
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
