//! One prepared write, applied inside the open group.
//!
//! What is known in RAM alone (which URLs are new, which page was leased) is
//! settled when a write is prepared; what depends on the tables is settled when
//! it is applied. So a group that was rolled back can be applied again.

use super::again::{self, Turn};
use super::answer::{self, Answered};
use super::code::{DONE, FAILED, int, outcome, via, within};
use super::figures;
use super::forget::{self, Dust};
use super::learned;
use super::link::{self, Packed};
use super::prune::{self, Skip};
use super::reorder;
use super::revise;
use super::settle;
use super::site::{Place, Site, Sites};
use super::source;
use super::trap;
use crate::bus::{Attempt, SiteState};
use crate::page::{FailureKind, Outcome, Rung, SiteId, SkipReason, TextPrint, TrapChange, Verdict};
use crate::store::{JournalEntry, Learned, Revision, SavedSite, Seen, SourceNews, Via};
use rusqlite::{Connection, Result, params};
use serde_json::Value;
use std::sync::Arc;

/// A write, ready to be applied.
#[derive(Debug)]
pub(super) enum Write {
    End(Box<End>),
    Answer(Box<Answered>),
    Source {
        site: SiteId,
        news: SourceNews,
    },
    Add {
        site: SiteId,
        fresh: Vec<Fresh>,
        traps: Vec<TrapChange>,
    },
    Revise {
        pages: Vec<u32>,
        how: Revision,
    },
    /// Pages of `retry` or of `queue`, by their place in it.
    Skip {
        site: SiteId,
        waiting: bool,
        pages: Vec<Place>,
        reason: SkipReason,
        at: u64,
    },
    /// Pages of `queue`, by their place in it, and their new ranks.
    Rank {
        site: SiteId,
        pages: Vec<(Place, i64)>,
    },
    Forget {
        site: SiteId,
    },
    Sweep(Dust),
    Turn(SiteId, Turn),
    Field {
        site: SiteId,
        record: Arc<str>,
        field: String,
    },
    Save {
        site: SiteId,
        saved: Box<SavedSite>,
        at: u64,
    },
    Learned {
        site: SiteId,
        learned: Vec<Learned>,
    },
    Figures {
        site: SiteId,
        figures: Vec<(Rung, Value)>,
    },
    Journal {
        at: u64,
        entry: JournalEntry,
    },
}

/// A URL that is new.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) id: u32,
    pub(super) print: u64,
    pub(super) url: Box<str>,
    pub(super) depth: u32,
    pub(super) rank: u32,
    pub(super) hops: u8,
    pub(super) via: Via,
}

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

/// Applies `write` to the open transaction and to the sites' counters.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, write: &Write) -> Result<()> {
    match write {
        Write::End(end) => apply_end(conn, sites, end),
        Write::Answer(answer) => answer::apply(conn, sites, answer),
        Write::Source { site, news } => source::apply(conn, sites, *site, news),
        Write::Add { site, fresh, traps } => {
            trap::apply(conn, sites, *site, traps)?;
            add(conn, sites, *site, fresh, None)
        }
        Write::Revise { pages, how } => revise::apply(conn, sites, pages, *how),
        Write::Skip {
            site,
            waiting,
            pages,
            reason,
            at,
        } => {
            let skip = Skip {
                site: *site,
                waiting: *waiting,
                pages,
                reason: *reason,
                at: *at,
            };
            prune::apply(conn, sites, &skip)
        }
        Write::Rank { site, pages } => reorder::apply(conn, sites, *site, pages),
        Write::Forget { site } => forget::apply(conn, sites, *site),
        Write::Turn(site, turn) => again::apply(conn, sites, *site, turn),
        Write::Sweep(dust) => forget::sweep(conn, *dust),
        Write::Field {
            site,
            record,
            field,
        } => {
            let Some(site) = sites.get(*site) else {
                return Ok(());
            };
            run(
                conn,
                "INSERT INTO field (site, record, field) VALUES (?1, ?2, ?3)",
                params![site.key, &**record, &**field],
            )?;
            Ok(())
        }
        Write::Save { site, saved, at } => save(conn, sites, *site, saved, *at),
        Write::Learned { site, learned } => learned::apply(conn, sites, *site, learned),
        Write::Figures { site, figures } => figures::apply(conn, sites, *site, figures),
        Write::Journal { at, entry } => {
            run(
                conn,
                "INSERT INTO journal (at, origin, command, answer, before, after, refused) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    int(*at),
                    entry.origin,
                    entry.command,
                    entry.answer,
                    entry.before,
                    entry.after,
                    entry.refused
                ],
            )?;
            Ok(())
        }
    }
}

/// One statement, prepared once. Answers how many rows it changed.
pub(super) fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
    conn.prepare_cached(sql)?.execute(params)
}

fn apply_end(conn: &Connection, sites: &mut Sites, end: &End) -> Result<()> {
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

fn insert_url(conn: &Connection, key: i64, new: &Fresh, found_on: Option<u32>) -> Result<()> {
    run(
        conn,
        "INSERT INTO url (id, site, print, depth, hops, via, found_on, url) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            new.id,
            key,
            // The same 64 bits, read as a signed number.
            new.print as i64,
            new.depth,
            new.hops,
            via(new.via),
            found_on,
            new.url,
        ],
    )?;
    Ok(())
}

fn add(
    conn: &Connection,
    sites: &mut Sites,
    site: SiteId,
    fresh: &[Fresh],
    found_on: Option<u32>,
) -> Result<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    let Some(site) = sites.touch(site) else {
        return Ok(());
    };
    let mut queue = conn
        .prepare_cached("INSERT INTO queue (site, depth, id, attempts) VALUES (?1, ?2, ?3, 0)")?;
    for new in fresh {
        insert_url(conn, site.key, new, found_on)?;
        queue.execute(params![site.key, new.rank, new.id])?;
        site.now.queued += 1;
        site.queued((i64::from(new.rank), new.id));
    }
    Ok(())
}

fn save(
    conn: &Connection,
    sites: &mut Sites,
    site: SiteId,
    saved: &SavedSite,
    at: u64,
) -> Result<()> {
    let Some(site) = sites.touch(site) else {
        return Ok(());
    };
    if saved.state == SiteState::Finished && site.now.round.number > 0 {
        run(
            conn,
            "UPDATE round SET ended = ?2 WHERE site = ?1 AND ended IS NULL AND upto >= last",
            params![site.key, int(at)],
        )?;
    }
    run(
        conn,
        "UPDATE site SET state = ?2, why = ?3, concurrency = ?4, delay_ms = ?5, paused = ?6, \
         sitemaps_done = ?7, controls = ?8, rules = ?9 WHERE key = ?1",
        params![
            site.key,
            saved.state.as_str(),
            saved.why,
            saved.controls.now.concurrency,
            i64::try_from(saved.controls.now.delay.as_millis()).unwrap_or(i64::MAX),
            saved.paused,
            saved.sitemaps_done,
            super::prepare::to_json(&saved.controls),
            super::prepare::to_json(&saved.rules),
        ],
    )?;
    Ok(())
}
