//! The rows of a list, by their pages' numbers.

use super::super::code::{FAILED, MOST_WITHIN, count, page_state, within};
use super::Sites;
use crate::bus::PageRow;
use crate::page::{FailureKind, PageId, PageState};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashMap;

/// These pages, in this order. Those that have gone are left out.
pub(super) fn rows(conn: &Connection, sites: &Sites, ids: &[u32]) -> Result<Vec<PageRow>> {
    let mut one = conn.prepare_cached(
        "SELECT u.site, u.url, u.depth, p.outcome, p.reason, p.status, p.attempts, p.bytes, \
         p.elapsed_ms, p.ended_at FROM url u LEFT JOIN page p ON p.id = u.id WHERE u.id = ?1",
    )?;
    let mut rows = Vec::with_capacity(ids.len());
    // Pages that are neither finished nor in `queue`, by their sites' keys.
    let mut waiting: HashMap<i64, HashMap<u32, usize>> = HashMap::new();
    for id in ids {
        let mut found = one.query([id])?;
        let Some(row) = found.next()? else { continue };
        let key: i64 = row.get(0)?;
        let Some(site) = sites.of_key(key) else {
            continue;
        };
        let outcome: Option<i64> = row.get(3)?;
        let reason = row.get::<_, Option<String>>(4)?.unwrap_or_default();
        let mut page = PageRow {
            id: PageId(*id),
            site,
            url: row.get(1)?,
            state: page_state(outcome),
            kind: (outcome == Some(FAILED)).then(|| kind(&reason)),
            reason,
            status: row.get(5)?,
            depth: row.get(2)?,
            attempts: row.get::<_, Option<u32>>(6)?.unwrap_or(0),
            bytes: count(row.get::<_, Option<i64>>(7)?.unwrap_or(0)),
            elapsed_ms: row.get(8)?,
            at: count(row.get::<_, Option<i64>>(9)?.unwrap_or(0)),
            due: None,
        };
        if page.state == PageState::Queued {
            match attempts(conn, key, &page)? {
                Some(attempts) => page.attempts = attempts,
                None => {
                    waiting.entry(key).or_default().insert(*id, rows.len());
                }
            }
        }
        rows.push(page);
    }
    for (key, places) in waiting {
        wait(conn, key, &places, &mut rows)?;
    }
    Ok(rows)
}

/// Attempts made of a page that is in `queue`.
fn attempts(conn: &Connection, key: i64, page: &PageRow) -> Result<Option<u32>> {
    conn.prepare_cached("SELECT attempts FROM queue WHERE site = ?1 AND depth = ?2 AND id = ?3")?
        .query_row(params![key, page.depth, page.id.0], |r| r.get(0))
        .optional()
}

/// Fills in the rows of pages that wait for a retry. Those are kept by time:
/// all of a site's are looked at, once.
fn wait(
    conn: &Connection,
    key: i64,
    places: &HashMap<u32, usize>,
    rows: &mut [PageRow],
) -> Result<()> {
    let mut retries = conn.prepare_cached("SELECT id, due, attempts FROM retry WHERE site = ?1")?;
    let mut found = retries.query([key])?;
    let mut left = places.len();
    while let Some(row) = found.next()? {
        let id: u32 = row.get(0)?;
        if let Some(page) = places.get(&id).and_then(|place| rows.get_mut(*place)) {
            page.due = Some(count(row.get(1)?));
            page.attempts = row.get(2)?;
            page.reason = last_failure(conn, id)?;
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// How the last attempt at a page failed; empty where that is not known.
fn last_failure(conn: &Connection, id: u32) -> Result<String> {
    let kind: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT kind FROM attempt WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![within(id, 0), within(id, MOST_WITHIN)], |r| {
            r.get(0)
        })
        .optional()?;
    Ok(kind.flatten().unwrap_or_default())
}

/// A kind of a later version is shown as `internal`.
pub(super) fn kind(name: &str) -> FailureKind {
    name.parse().unwrap_or(FailureKind::Internal)
}
