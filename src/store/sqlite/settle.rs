//! The end of a page that was known before: its records are exchanged, and
//! what has changed is written down, all in the transaction of its commit.

use super::again::restore;
use super::code::{MOST_WITHIN, change_code, int, within};
use super::end::End;
use super::site::Site;
use super::write::run;
use crate::bus::ChangeKind;
use crate::page::{FailureKind, Outcome};
use crate::store::change::{Made, compare};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::sync::Arc;

/// The answer was what it was: the page is put back with its new attempt.
/// Answers whether it was there to be put back.
pub(super) fn same(conn: &Connection, site: &mut Site, end: &End, attempts: u32) -> Result<bool> {
    let Some(bytes) = restore(conn, site, end.page)? else {
        return Ok(false);
    };
    let attempt = end.attempt.as_ref();
    let sent = attempt.map_or(0, |attempt| int(attempt.bytes));
    site.now.round.spared_bytes += (bytes - sent).max(0);
    run(
        conn,
        "UPDATE page SET attempts = ?2, fetched_at = coalesce(?3, fetched_at), \
         elapsed_ms = ?4, rung = coalesce(?5, rung), ended_at = ?6 WHERE id = ?1",
        params![
            end.page,
            attempts,
            attempt.map(|a| int(a.at)),
            attempt.map(|a| a.elapsed_ms),
            attempt.map(|a| a.rung.as_ref()),
            int(end.at),
        ],
    )?;
    remember(conn, end)?;
    site.now.round.unchanged += 1;
    Ok(true)
}

/// Writes down what a page that was had is known by.
pub(super) fn remember(conn: &Connection, end: &End) -> Result<()> {
    let Some(seen) = &end.seen else {
        return Ok(());
    };
    run(
        conn,
        "INSERT OR REPLACE INTO seen (id, digest, rules, etag, modified) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            end.page,
            seen.digest.cast_signed(),
            seen.rules,
            seen.etag,
            seen.modified
        ],
    )?;
    Ok(())
}

/// Exchanges what a page had for what it has now.
pub(super) fn settle(
    conn: &Connection,
    site: &mut Site,
    end: &End,
    outcome: Outcome,
) -> Result<()> {
    let digest = conn
        .prepare_cached("SELECT digest FROM seen WHERE id = ?1")?
        .query_row([end.page], |row| row.get::<_, Option<i64>>(0))
        .optional()?;
    let old = records(conn, end.page)?;
    let gone = match outcome {
        Outcome::Done => false,
        Outcome::Skipped(_) => true,
        Outcome::Failed(FailureKind::Status) => {
            let status = end.attempt.as_ref().and_then(|attempt| attempt.status);
            matches!(status, Some(404 | 410))
        }
        Outcome::Failed(_) => false,
    };
    run(conn, "DELETE FROM again WHERE id = ?1", [end.page])?;
    if outcome != Outcome::Done && !gone {
        // Not to be had just now: what is known of it stands.
        return Ok(());
    }
    run(conn, "DELETE FROM redirect WHERE id = ?1", [end.page])?;
    let other = old != end.records;
    if other {
        let ids = params![within(end.page, 0), within(end.page, MOST_WITHIN)];
        run(conn, "DELETE FROM record WHERE id BETWEEN ?1 AND ?2", ids)?;
        site.now.records -= int(old.len() as u64);
        insert_records(conn, site, end)?;
    }
    if gone {
        run(conn, "DELETE FROM seen WHERE id = ?1", [end.page])?;
        run(conn, "DELETE FROM link WHERE id = ?1", [end.page])?;
    }
    if site.now.round.number == 0 {
        return Ok(());
    }
    let round = &mut site.now.round;
    let kind = match digest {
        // It was never had.
        None if gone => return Ok(()),
        None => {
            round.fresh += 1;
            ChangeKind::New
        }
        Some(_) if gone => {
            round.gone += 1;
            ChangeKind::Gone
        }
        // The operator had it forgotten.
        Some(None) => return Ok(()),
        Some(Some(digest)) => {
            let now = end.seen.as_ref().map(|seen| seen.digest.cast_signed());
            let bare = old.is_empty() && end.records.is_empty();
            let others = other || (bare && now != Some(digest));
            if !others {
                round.unchanged += 1;
                return Ok(());
            }
            round.changed += 1;
            ChangeKind::Changed
        }
    };
    let changes = match kind {
        // They stand among the records.
        ChangeKind::New => Vec::new(),
        ChangeKind::Changed | ChangeKind::Gone => compare(&parsed(&old), &parsed(&end.records)),
    };
    let reason = match (kind, outcome) {
        (ChangeKind::Gone, Outcome::Failed(_)) => {
            let status = end.attempt.as_ref().and_then(|attempt| attempt.status);
            status.map(|status| status.to_string())
        }
        (ChangeKind::Gone, _) => Some(outcome.reason().to_owned()),
        _ => None,
    };
    run(
        conn,
        "INSERT INTO change (site, round, page, kind, reason, at, fields) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            site.key,
            round.number,
            end.page,
            change_code(kind),
            reason,
            int(end.at),
            super::prepare::to_json(&changes),
        ],
    )?;
    Ok(())
}

/// Writes a page's records, of which there must be none.
pub(super) fn insert_records(conn: &Connection, site: &mut Site, end: &End) -> Result<()> {
    site.now.records += int(end.records.len() as u64);
    for (n, (name, fields)) in (0u32..).zip(&end.records) {
        run(
            conn,
            "INSERT OR REPLACE INTO record (id, site, name, fields) VALUES (?1, ?2, ?3, ?4)",
            params![within(end.page, n), site.key, name, fields],
        )?;
    }
    Ok(())
}

fn records(conn: &Connection, page: u32) -> Result<Vec<(Arc<str>, String)>> {
    conn.prepare_cached("SELECT name, fields FROM record WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?
        .query_map([within(page, 0), within(page, MOST_WITHIN)], |row| {
            Ok((row.get::<_, String>(0)?.into(), row.get(1)?))
        })?
        .collect()
}

/// Written by serde_json from maps; anything else has been edited by hand.
fn parsed(records: &[(Arc<str>, String)]) -> Vec<Made> {
    let fields = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let made = |(name, text): &(Arc<str>, String)| (name.to_string(), fields(text));
    records.iter().map(made).collect()
}
