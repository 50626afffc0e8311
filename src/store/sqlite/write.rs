//! One prepared write, applied inside the open group.
//!
//! What is known in RAM alone (which URLs are new, which page was leased) is
//! settled when a write is prepared; what depends on the tables is settled when
//! it is applied. So a group that was rolled back can be applied again.

use super::again::{self, Turn};
use super::answer::{self, Answered};
use super::code::{int, via};
use super::end::{self, End};
use super::figures;
use super::forget::{self, Dust};
use super::learned;
use super::prune::{self, Skip};
use super::reorder;
use super::revise;
use super::site::{Place, Sites};
use super::source;
use super::trap;
use crate::bus::SiteState;
use crate::page::{Rung, SiteId, SkipReason, TrapChange};
use crate::store::{JournalEntry, Learned, Revision, SavedSite, SourceNews, Via};
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

/// Applies `write` to the open transaction and to the sites' counters.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, write: &Write) -> Result<()> {
    match write {
        Write::End(end) => end::apply(conn, sites, end),
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

/// Makes a page known.
pub(super) fn insert_url(
    conn: &Connection,
    key: i64,
    new: &Fresh,
    found_on: Option<u32>,
) -> Result<()> {
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

/// Makes pages known and queues them.
pub(super) fn add(
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
