//! A round of crawling again: pages go back into the queue, and what is known
//! of them stands until they have been asked.
//!
//! A page that was had moves from `page` to `again`, so that it is in one of
//! queue, retry and page as ever; its records, links and redirect stay. Pages
//! that failed or were skipped by a rule go round again as by the operator.

use super::code::{DONE, FAILED, SKIPPED, int};
use super::core::Core;
use super::revise::latest;
use super::site::{Site, Sites};
use super::spare;
use super::task::{Step, Task};
use super::write::{Write, run};
use crate::bus::Round;
use crate::page::time::now_ms;
use crate::page::{SiteId, SkipReason};
use crate::store::{Refresh, Seen};
use rusqlite::{Connection, OptionalExtension, Result, params};
use tokio::sync::oneshot;

/// A round of crawling again on its way into the queue.
#[derive(Debug)]
pub(super) struct Refreshing {
    pub(super) site: SiteId,
    after: u32,
    last: u32,
    until: i64,
    pages: u64,
    /// Who asked; nobody, where it goes on after the process died.
    reply: Option<oneshot::Sender<Option<Refresh>>>,
}

/// What begins with a round, or with a slice of it.
#[derive(Debug)]
pub(super) enum Turn {
    /// A round of this number.
    Begin {
        number: i64,
        last: u32,
        until: i64,
        at: u64,
    },
    /// These pages, up to and with `upto`, wait to be asked again.
    Queue { pages: Vec<u32>, upto: u32 },
    /// These wait no longer: they are as they were.
    Spare { pages: Vec<u32> },
}

/// The columns of a page, in `page` as in `again`.
macro_rules! columns {
    ($of:literal) => {
        concat!(
            $of,
            "id, ",
            $of,
            "site, ",
            $of,
            "outcome, ",
            $of,
            "reason, ",
            $of,
            "status, ",
            $of,
            "attempts, ",
            $of,
            "bytes, ",
            $of,
            "content_type, ",
            $of,
            "fetched_at, ",
            $of,
            "elapsed_ms, ",
            $of,
            "rung, ",
            $of,
            "ended_at, ",
            $of,
            "canonical"
        )
    };
}

impl Refreshing {
    /// The rounds that a process which died left half in the queue.
    pub(super) fn left(conn: &Connection, sites: &Sites) -> Result<Vec<Self>> {
        let mut statement = conn.prepare(
            "SELECT site, upto, last, until FROM round WHERE ended IS NULL AND upto < last",
        )?;
        let mut rows = statement.query([])?;
        let mut left = Vec::new();
        while let Some(row) = rows.next()? {
            if let Some(site) = sites.of_key(row.get(0)?) {
                left.push(Self {
                    site,
                    after: row.get(1)?,
                    last: row.get(2)?,
                    until: row.get(3)?,
                    pages: 0,
                    reply: None,
                });
            }
        }
        Ok(left)
    }

    /// Finds the pages among the next `most`.
    pub(super) fn step(&mut self, conn: &Connection, sites: &Sites, most: usize) -> Result<Step> {
        let Some(site) = sites.get(self.site) else {
            return Ok(Step::over());
        };
        let mut statement = conn.prepare_cached(
            "SELECT id, site, outcome, reason, ended_at FROM page NOT INDEXED \
             WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![self.after, self.last, int(most as u64)])?;
        let (mut pages, mut seen) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            seen += 1;
            self.after = row.get(0)?;
            let ours = row.get::<_, i64>(1)? == site.key && row.get::<_, i64>(4)? <= self.until;
            let dropped = row.get::<_, i64>(2)? == SKIPPED
                && row.get_ref(3)?.as_str_or_null()? == Some(SkipReason::Operator.as_str());
            if ours && !dropped {
                pages.push(self.after);
            }
        }
        let over = seen < most;
        if over {
            self.after = self.last;
        }
        self.pages += pages.len() as u64;
        let turn = Turn::Queue {
            pages,
            upto: self.after,
        };
        Ok(Step {
            write: Some(Write::Turn(self.site, turn)),
            over,
        })
    }

    /// All wait in the queue.
    pub(super) fn tell(self, sites: &Sites) {
        let round = sites.get(self.site).map_or(0, |site| site.now.round.number);
        if let Some(reply) = self.reply {
            // An asker that has left needs no answer.
            let _ = reply.send(Some(Refresh::Begun {
                round,
                pages: self.pages,
            }));
        }
    }
}

impl Core {
    /// Begins a round, or goes on with the last one.
    pub(super) fn refresh(&mut self, id: SiteId, reply: oneshot::Sender<Option<Refresh>>) {
        let told = match self.round(id) {
            Ok(Ok(refreshing)) => {
                return self.tasks.push(Task::Refresh(Refreshing {
                    reply: Some(reply),
                    ..refreshing
                }));
            }
            Ok(Err(told)) => told,
            Err(error) => {
                self.stall(&error);
                None
            }
        };
        let _ = reply.send(told);
    }

    fn round(&mut self, id: SiteId) -> Result<std::result::Result<Refreshing, Option<Refresh>>> {
        let Some(site) = self.start.sites.get(id) else {
            return Ok(Err(None));
        };
        let (key, now) = (site.key, site.now);
        let conn = &self.start.conn;
        let open = conn
            .prepare_cached(
                "SELECT upto < last FROM round WHERE site = ?1 AND number = ?2 AND ended IS NULL",
            )?
            .query_row(params![key, now.round.number], |row| row.get::<_, bool>(0))
            .optional()?;
        if open.is_some_and(|filling| filling || now.queued > 0) {
            let round = now.round.number;
            return Ok(Err(Some(Refresh::GoesOn { round })));
        }
        if now.done + now.failed + now.skipped == 0 {
            return Ok(Err(Some(Refresh::First)));
        }
        let until = latest(conn)?.max(int(now_ms()));
        let last = self.start.next - 1;
        let begin = Turn::Begin {
            // The first crawl is round 1.
            number: now.round.number.max(1) + 1,
            last,
            until,
            at: now_ms(),
        };
        self.write(Write::Turn(id, begin));
        Ok(Ok(Refreshing {
            site: id,
            after: 0,
            last,
            until,
            pages: 0,
            reply: None,
        }))
    }
}

pub(super) fn apply(conn: &Connection, sites: &mut Sites, id: SiteId, turn: &Turn) -> Result<()> {
    let Some(site) = sites.touch(id) else {
        return Ok(());
    };
    match turn {
        Turn::Begin {
            number,
            last,
            until,
            at,
        } => begin(conn, site, *number, *last, *until, int(*at)),
        Turn::Queue { pages, upto } => queue(conn, site, pages, *upto),
        Turn::Spare { pages } => spare::apply(conn, site, pages),
    }
}

/// Sitemaps, lists and APIs are read again too.
fn begin(
    conn: &Connection,
    site: &mut Site,
    number: i64,
    last: u32,
    until: i64,
    at: i64,
) -> Result<()> {
    run(
        conn,
        "UPDATE round SET ended = ?2 WHERE site = ?1 AND ended IS NULL",
        params![site.key, at],
    )?;
    run(
        conn,
        "INSERT INTO round (site, number, began, upto, last, until) VALUES (?1, ?2, ?3, 0, ?4, ?5)",
        params![site.key, number, at, last, until],
    )?;
    run(
        conn,
        "UPDATE site SET sitemaps_done = 0, controls = json_remove(controls, '$.sources') \
         WHERE key = ?1",
        [site.key],
    )?;
    site.now.round = Round {
        number,
        ..Round::default()
    };
    Ok(())
}

fn queue(conn: &Connection, site: &mut Site, pages: &[u32], upto: u32) -> Result<()> {
    run(conn, "DELETE FROM temp.pick", [])?;
    let mut pick = conn.prepare_cached(
        "INSERT OR IGNORE INTO temp.pick SELECT id FROM page WHERE id = ?1 AND site = ?2",
    )?;
    for page in pages {
        pick.execute(params![page, site.key])?;
    }
    let mut shares = conn.prepare_cached(
        "SELECT p.outcome, count(*), sum(p.bytes) FROM temp.pick k \
         CROSS JOIN page p ON p.id = k.id GROUP BY p.outcome",
    )?;
    let mut rows = shares.query([])?;
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(1)?;
        match row.get(0)? {
            DONE => site.now.done -= count,
            FAILED => site.now.failed -= count,
            _ => site.now.skipped -= count,
        }
        site.now.queued += count;
        site.now.bytes -= row.get::<_, i64>(2)?;
    }
    drop(rows);
    for sql in [
        "INSERT INTO queue (site, depth, id, attempts) SELECT p.site, u.depth, p.id, 0 \
         FROM temp.pick k CROSS JOIN page p ON p.id = k.id CROSS JOIN url u ON u.id = k.id",
        concat!(
            "INSERT OR REPLACE INTO again (rank, ",
            columns!(""),
            ") SELECT u.depth, ",
            columns!("p."),
            " FROM temp.pick k CROSS JOIN page p ON p.id = k.id \
             CROSS JOIN url u ON u.id = k.id WHERE p.outcome = 1"
        ),
        super::forget::DELETE_ATTEMPTS,
        "DELETE FROM evidence WHERE id IN temp.pick",
        "DELETE FROM page WHERE id IN temp.pick",
    ] {
        run(conn, sql, [])?;
    }
    run(
        conn,
        "UPDATE round SET upto = ?3 WHERE site = ?1 AND number = ?2",
        params![site.key, site.now.round.number, upto],
    )?;
    site.rewind();
    Ok(())
}

/// Puts a page back as it was before it was to be asked again; answers the bytes
/// of its body, where it was to be.
pub(super) fn restore(conn: &Connection, site: &mut Site, page: u32) -> Result<Option<i64>> {
    let back = run(
        conn,
        concat!(
            "INSERT OR REPLACE INTO page (",
            columns!(""),
            ") SELECT ",
            columns!(""),
            " FROM again WHERE id = ?1"
        ),
        [page],
    )?;
    if back == 0 {
        return Ok(None);
    }
    let bytes: i64 = conn
        .prepare_cached("DELETE FROM again WHERE id = ?1 RETURNING bytes")?
        .query_row([page], |row| row.get(0))?;
    site.now.done += 1;
    site.now.bytes += bytes;
    Ok(Some(bytes))
}

/// What a page that is asked again is known by.
pub(super) fn seen(conn: &Connection, page: u32) -> Result<Option<Box<Seen>>> {
    conn.prepare_cached(
        "SELECT s.digest, s.rules, s.etag, s.modified FROM again a \
         CROSS JOIN seen s ON s.id = a.id WHERE a.id = ?1 AND s.digest IS NOT NULL",
    )?
    .query_row([page], |row| {
        let text = |text: Option<String>| text.map(String::into_boxed_str);
        Ok(Box::new(Seen {
            digest: row.get::<_, i64>(0)?.cast_unsigned(),
            rules: row.get(1)?,
            etag: text(row.get(2)?),
            modified: text(row.get(3)?),
        }))
    })
    .optional()
}

/// The round that a site stands in.
pub(in crate::store) fn round(conn: &Connection, key: i64) -> Result<Round> {
    let found = conn
        .prepare_cached(
            "SELECT number, fresh, changed, unchanged, gone, spared FROM round WHERE site = ?1 \
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([key], |row| {
            Ok(Round {
                number: row.get(0)?,
                fresh: row.get(1)?,
                changed: row.get(2)?,
                unchanged: row.get(3)?,
                gone: row.get(4)?,
                spared_bytes: row.get(5)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}
