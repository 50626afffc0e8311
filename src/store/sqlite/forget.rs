//! Forgets a site: at once for everybody, its rows being swept up later.
//!
//! The site gets another key, so that after a crash it is either whole or
//! empty; rows of a key that no site has are nobody's.

use super::answer;
use super::code::{WITHIN, int};
use super::revise::DELETE_RECORDS;
use super::site::{Place, Sites};
use super::source;
use super::task::Step;
use super::write::{Write, run};
use crate::page::{Fingerprint, PageId, SiteId};
use crate::store::known::Known;
use rusqlite::{Connection, Result, params};
use tokio::sync::oneshot;

/// Gives the site a new key and nothing else.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, id: SiteId) -> Result<()> {
    let Some(site) = sites.touch(id) else {
        return Ok(());
    };
    for sql in [
        "DELETE FROM field WHERE site = ?1",
        "DELETE FROM round WHERE site = ?1",
        "DELETE FROM change WHERE site = ?1",
        "DELETE FROM trap WHERE site = ?1",
        "DELETE FROM left_out WHERE site = ?1",
        "DELETE FROM learned WHERE site = ?1",
        "DELETE FROM figures WHERE site = ?1",
    ] {
        run(conn, sql, [site.key])?;
    }
    answer::forget_marks(conn, site.key)?;
    source::forget(conn, site.key)?;
    // The greatest key is always a site's, so this one was never used.
    let key = conn
        .prepare_cached("SELECT max(key) + 1 FROM site")?
        .query_row([], |r| r.get(0))?;
    run(
        conn,
        "UPDATE site SET key = ?2 WHERE key = ?1",
        params![site.key, key],
    )?;
    site.forgotten(key);
    Ok(())
}

/// Takes the fingerprints of an old key out of RAM.
#[derive(Debug)]
pub(super) struct Purging {
    pub(super) site: SiteId,
    pub(super) key: i64,
    after: u32,
    pub(super) reply: oneshot::Sender<bool>,
}

impl Purging {
    pub(super) fn new(site: SiteId, key: i64, reply: oneshot::Sender<bool>) -> Self {
        Self {
            site,
            key,
            after: 0,
            reply,
        }
    }

    /// Looks at the next `most` URLs; answers whether these were the last.
    pub(super) fn step(&mut self, conn: &Connection, known: &Known, most: usize) -> Result<bool> {
        let mut statement = conn
            .prepare_cached("SELECT id, site, print FROM url WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = statement.query(params![self.after, int(most as u64)])?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            seen += 1;
            self.after = row.get(0)?;
            if row.get::<_, i64>(1)? == self.key {
                // The same 64 bits, read as a signed number.
                let print = Fingerprint(row.get::<_, i64>(2)? as u64);
                known.remove(print, PageId(self.after));
            }
        }
        Ok(seen < most)
    }
}

/// Deletes the rows of a key that no site has any more.
#[derive(Debug)]
pub(super) struct Sweeping {
    key: i64,
    at: Part,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Queue,
    Retry,
    Answers,
    /// URLs, and all that hangs on them, behind this one.
    Urls(u32),
}

/// A part of what is swept, up to and with its last row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dust {
    Queue { key: i64, to: Place },
    Retry { key: i64, to: Place },
    Answer(i64),
    Urls { key: i64, from: u32, to: u32 },
}

impl Sweeping {
    pub(super) fn new(key: i64) -> Self {
        Self {
            key,
            at: Part::Queue,
        }
    }

    /// Finds the next `most` rows or so. URLs go last, as it is by them that
    /// the next run knows what is left to sweep.
    pub(super) fn step(&mut self, conn: &Connection, most: usize) -> Result<Step> {
        let key = self.key;
        let last = (i64::MAX, u32::MAX);
        let dust = match self.at {
            Part::Queue => {
                let sql = "SELECT depth, id FROM queue WHERE site = ?1 ORDER BY depth, id \
                           LIMIT 1 OFFSET ?2";
                let to = place(conn, sql, key, most)?;
                if to.is_none() {
                    self.at = Part::Retry;
                }
                let to = to.unwrap_or(last);
                Some(Dust::Queue { key, to })
            }
            Part::Retry => {
                let sql = "SELECT due, id FROM retry WHERE site = ?1 ORDER BY due, id \
                           LIMIT 1 OFFSET ?2";
                let to = place(conn, sql, key, most)?;
                if to.is_none() {
                    self.at = Part::Answers;
                }
                let to = to.unwrap_or(last);
                Some(Dust::Retry { key, to })
            }
            Part::Answers => {
                let found = answer::of_site(conn, key)?;
                if found.is_none() {
                    self.at = Part::Urls(0);
                }
                found.map(Dust::Answer)
            }
            Part::Urls(from) => {
                let mut statement = conn.prepare_cached(
                    "SELECT id, site FROM url WHERE id > ?1 ORDER BY id LIMIT ?2",
                )?;
                let mut rows = statement.query(params![from, int(most as u64)])?;
                let (mut seen, mut to, mut ours) = (0, from, false);
                while let Some(row) = rows.next()? {
                    seen += 1;
                    to = row.get(0)?;
                    ours |= row.get::<_, i64>(1)? == key;
                }
                self.at = Part::Urls(to);
                let dust = ours.then_some(Dust::Urls { key, from, to });
                return Ok(Step {
                    write: dust.map(Write::Sweep),
                    over: seen < most,
                });
            }
        };
        Ok(Step {
            write: dust.map(Write::Sweep),
            over: false,
        })
    }
}

fn place(conn: &Connection, sql: &str, key: i64, most: usize) -> Result<Option<Place>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![key, int(most as u64)])?;
    match rows.next()? {
        Some(row) => Ok(Some((row.get(0)?, row.get(1)?))),
        None => Ok(None),
    }
}

/// Deletes a part.
pub(super) fn sweep(conn: &Connection, dust: Dust) -> Result<()> {
    match dust {
        Dust::Queue { key, to } => {
            let sql = "DELETE FROM queue WHERE site = ?1 AND (depth, id) <= (?2, ?3)";
            run(conn, sql, params![key, to.0, to.1])?;
        }
        Dust::Retry { key, to } => {
            let sql = "DELETE FROM retry WHERE site = ?1 AND (due, id) <= (?2, ?3)";
            run(conn, sql, params![key, to.0, to.1])?;
        }
        Dust::Answer(id) => answer::sweep(conn, id)?,
        Dust::Urls { key, from, to } => {
            run(conn, "DELETE FROM temp.pick", [])?;
            run(
                conn,
                "INSERT INTO temp.pick SELECT id FROM url WHERE id > ?1 AND id <= ?2 AND site = ?3",
                params![from, to, key],
            )?;
            for sql in [
                "DELETE FROM seen WHERE id IN temp.pick",
                "DELETE FROM again WHERE id IN temp.pick",
                DELETE_RECORDS,
                DELETE_ATTEMPTS,
                "DELETE FROM redirect WHERE id IN temp.pick",
                "DELETE FROM link WHERE id IN temp.pick",
                "DELETE FROM evidence WHERE id IN temp.pick",
                "DELETE FROM content WHERE id IN temp.pick",
                "DELETE FROM picture WHERE id IN temp.pick",
                "DELETE FROM page WHERE id IN temp.pick",
                "DELETE FROM url WHERE id IN temp.pick",
            ] {
                run(conn, sql, [])?;
            }
        }
    }
    Ok(())
}

/// Of the picked pages; 16 is [`WITHIN`].
pub(super) const DELETE_ATTEMPTS: &str = "DELETE FROM attempt WHERE id IN \
     (SELECT a.id FROM temp.pick k CROSS JOIN attempt a \
     ON a.id >= k.id << 16 AND a.id < (k.id + 1) << 16)";
const _: () = assert!(WITHIN == 16);
