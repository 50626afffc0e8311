//! The end of a leased page, or that it is to be tried again.

use super::code::{DONE, FAILED, int, outcome, within};
use super::link::{self, Packed};
use super::settle;
use super::site::{Site, Sites};
use super::trap;
use super::write::{Fresh, add, insert_url, run};
use crate::bus::Attempt;
use crate::page::{FailureKind, Outcome, SiteId, SkipReason, TextPrint, TrapChange, Verdict};
use crate::store::Seen;
use rusqlite::{Connection, Result, params};
use std::sync::Arc;

/// What is known of a leased page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) site: SiteId,
    /// Its rank in the queue.
    pub(super) depth: i64,
    pub(super) tries: u32,
    pub(super) attempts: u32,
    /// Its place among the retries, if it came from there.
    pub(super) due: Option<i64>,
}

/// The end (or the retry) of a leased page.
#[derive(Debug)]
pub(super) struct End {
    pub(super) page: u32,
    pub(super) held: Held,
    pub(super) at: u64,
    pub(super) verdict: Verdict,
    /// Attempts on lower rungs before `attempt`.
    pub(super) before: Vec<Attempt>,
    pub(super) attempt: Option<Attempt>,
    pub(super) content_type: Option<Box<str>>,
    pub(super) canonical: Option<Box<str>>,
    pub(super) content: Option<TextPrint>,
    /// The target's number, or its address where it is no page.
    pub(super) redirect: Option<std::result::Result<u32, Box<str>>>,
    /// Names and fields, as JSON.
    pub(super) records: Vec<(Arc<str>, String)>,
    pub(super) fresh: Vec<Fresh>,
    pub(super) traps: Vec<TrapChange>,
    pub(super) links: Option<Packed>,
    /// Where the page was found in the end; known without being queued.
    pub(super) landed: Option<Fresh>,
    /// Headers, as JSON, and body.
    pub(super) evidence: Option<(String, Vec<u8>)>,
    pub(super) also_failed: Vec<u32>,
    pub(super) seen: Option<Seen>,
    pub(super) same: bool,
}

/// Applies it to the tables and counters.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, end: &End) -> Result<()> {
    let held = end.held;
    let Some(site) = sites.touch(held.site) else {
        return Ok(());
    };
    let key = site.key;
    // As many as fit into a page's row; what is beyond is numbered alike.
    let lower = u32::try_from(end.before.len()).unwrap_or(u32::MAX);
    let earlier = held.attempts.saturating_add(lower);
    let attempts = earlier.saturating_add(u32::from(end.attempt.is_some()));
    if let Some(due) = held.due {
        site.retries -= 1;
        run(
            conn,
            "DELETE FROM retry WHERE site = ?1 AND due = ?2 AND id = ?3",
            params![key, due, end.page],
        )?;
    } else {
        run(
            conn,
            "DELETE FROM queue WHERE site = ?1 AND depth = ?2 AND id = ?3",
            params![key, held.depth, end.page],
        )?;
    }
    match end.verdict {
        Verdict::Retry { due, .. } => {
            let due = int(due);
            site.retries += 1;
            site.retry.offer((due, end.page));
            run(
                conn,
                "INSERT INTO retry (site, due, id, tries, attempts) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![key, due, end.page, held.tries + 1, attempts],
            )?;
        }
        Verdict::Final(outcome) => {
            site.now.queued -= 1;
            if !(end.same && settle::same(conn, site, end, attempts)?) {
                finish(conn, site, end, outcome, attempts)?;
            }
        }
    }
    for (n, attempt) in (held.attempts.saturating_add(1)..).zip(&end.before) {
        insert_attempt(conn, within(end.page, n), attempt)?;
    }
    if let Some(attempt) = &end.attempt {
        let told_by_page = attempts == 1
            && matches!(
                end.verdict,
                Verdict::Final(Outcome::Done | Outcome::Skipped(_))
            );
        if !told_by_page {
            insert_attempt(conn, within(end.page, attempts), attempt)?;
        }
        if let Some(picture) = &attempt.picture {
            run(
                conn,
                "INSERT OR REPLACE INTO picture (id, file) VALUES (?1, ?2)",
                params![end.page, picture],
            )?;
        }
    }
    also_failed(conn, sites, end)?;
    landed(conn, sites, end)?;
    trap::apply(conn, sites, held.site, &end.traps)?;
    add(conn, sites, held.site, &end.fresh, Some(end.page))
}

/// The end of a page that is not what it was.
fn finish(
    conn: &Connection,
    site: &mut Site,
    end: &End,
    outcome: Outcome,
    attempts: u32,
) -> Result<()> {
    let bytes = end.attempt.as_ref().map_or(0, |a| int(a.bytes));
    site.now.bytes += bytes;
    match outcome {
        Outcome::Done => site.now.done += 1,
        Outcome::Failed(_) => site.now.failed += 1,
        Outcome::Skipped(_) => site.now.skipped += 1,
    }
    if site.now.round.number > 0 || end.held.attempts > 0 {
        settle::settle(conn, site, end, outcome)?;
    } else {
        settle::insert_records(conn, site, end)?;
    }
    if outcome == Outcome::Done {
        settle::remember(conn, end)?;
    }
    if let Some(links) = &end.links {
        link::put(conn, site.key, end.page, links)?;
    }
    insert_page(conn, site.key, end, outcome, attempts, bytes)
}

fn insert_page(
    conn: &Connection,
    key: i64,
    end: &End,
    verdict: Outcome,
    attempts: u32,
    bytes: i64,
) -> Result<()> {
    let attempt = end.attempt.as_ref();
    let reason = Some(verdict.reason()).filter(|r| !r.is_empty());
    run(
        conn,
        "INSERT OR REPLACE INTO page (id, site, outcome, reason, status, attempts, bytes, \
         content_type, fetched_at, elapsed_ms, rung, ended_at, canonical) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            end.page,
            key,
            outcome(verdict),
            reason,
            attempt.and_then(|a| a.status),
            attempts,
            bytes,
            end.content_type,
            attempt.map(|a| int(a.at)),
            attempt.map(|a| a.elapsed_ms),
            attempt.map(|a| a.rung.as_ref()),
            int(end.at),
            end.canonical,
        ],
    )?;
    if let Some(content) = end.content {
        run(
            conn,
            "INSERT OR REPLACE INTO content (id, site, exact, near) VALUES (?1, ?2, ?3, ?4)",
            // The same 64 bits, read as signed numbers.
            params![end.page, key, content.exact as i64, content.near as i64],
        )?;
    }
    if let (Outcome::Failed(_), Some((headers, body))) = (verdict, &end.evidence) {
        run(
            conn,
            "INSERT OR REPLACE INTO evidence (id, headers, body) VALUES (?1, ?2, ?3)",
            params![end.page, headers, body],
        )?;
    }
    if let Some(redirect) = &end.redirect {
        run(
            conn,
            "INSERT OR REPLACE INTO redirect (id, target, address) VALUES (?1, ?2, ?3)",
            params![end.page, redirect.as_ref().ok(), redirect.as_ref().err()],
        )?;
    }
    Ok(())
}

fn insert_attempt(conn: &Connection, id: i64, attempt: &Attempt) -> Result<()> {
    run(
        conn,
        "INSERT OR REPLACE INTO attempt (id, at, rung, status, kind, elapsed_ms, bytes, detail) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id,
            int(attempt.at),
            attempt.rung,
            attempt.status,
            attempt.kind.map(FailureKind::as_str),
            attempt.elapsed_ms,
            int(attempt.bytes),
            attempt.detail,
        ],
    )?;
    Ok(())
}

/// Pages that were done and turn out to be failed, for this page's reason.
fn also_failed(conn: &Connection, sites: &mut Sites, end: &End) -> Result<()> {
    let reason = match end.verdict {
        Verdict::Final(Outcome::Failed(kind)) => kind,
        _ => FailureKind::Redirect,
    };
    for page in &end.also_failed {
        let Some(site) = sites.touch(end.held.site) else {
            return Ok(());
        };
        let changed = run(
            conn,
            "UPDATE page SET outcome = ?1, reason = ?2, ended_at = ?3 \
             WHERE id = ?4 AND site = ?5 AND outcome = ?6",
            params![FAILED, reason.as_str(), int(end.at), page, site.key, DONE],
        )?;
        if changed == 1 {
            site.now.done -= 1;
            site.now.failed += 1;
        }
    }
    Ok(())
}

/// Makes known where the page was found in the end, as a page that need not be
/// fetched.
fn landed(conn: &Connection, sites: &mut Sites, end: &End) -> Result<()> {
    let (Some(new), Some(site)) = (&end.landed, sites.touch(end.held.site)) else {
        return Ok(());
    };
    insert_url(conn, site.key, new, Some(end.page))?;
    let verdict = Outcome::Skipped(SkipReason::Landed);
    run(
        conn,
        "INSERT OR REPLACE INTO page (id, site, outcome, reason, attempts, bytes, ended_at) \
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?5)",
        params![
            new.id,
            site.key,
            outcome(verdict),
            verdict.reason(),
            int(end.at)
        ],
    )?;
    site.now.skipped += 1;
    Ok(())
}
