//! Changes what became of finished pages: round again, or out of the failures.

use super::code::{FAILED, SKIPPED, WITHIN, int};
use super::filter::{Sql, asks_url, failed_only};
use super::site::{Place, Sites};
use super::task::{Step, Tally};
use super::write::{Write, run};
use crate::bus::{PageFilter, Pick};
use crate::page::time::now_ms;
use crate::page::{PageId, PageState, SiteId, SkipReason};
use crate::store::Revision;
use rusqlite::{Connection, Result, params, params_from_iter};
use tokio::sync::oneshot;

/// A revision on its way through the tables.
#[derive(Debug)]
pub(super) struct Revising {
    from: Source,
    how: Revision,
    pub(super) tally: Tally,
    pub(super) reply: oneshot::Sender<Vec<(SiteId, u64)>>,
}

/// Where the pages are that it is about.
#[derive(Debug)]
enum Source {
    /// Here, in any order, each once.
    Pages(Vec<PageId>),
    /// In the tables, behind the last one seen: among the failed pages by time
    /// and number, among all finished ones by number alone.
    Tables {
        filter: PageFilter,
        failed: bool,
        after: Place,
        /// Pages that end later than this are not meant.
        until: Option<i64>,
    },
}

impl Revising {
    pub(super) fn new(
        pick: Pick,
        how: Revision,
        reply: oneshot::Sender<Vec<(SiteId, u64)>>,
    ) -> Self {
        let from = match pick {
            Pick::Pages(mut pages) => {
                pages.sort_unstable();
                pages.dedup();
                Source::Pages(pages)
            }
            Pick::Matching(mut filter) => {
                if how != Revision::Force {
                    filter.state = Some(PageState::Failed);
                }
                Source::Tables {
                    failed: failed_only(&filter),
                    filter,
                    after: (i64::MIN, 0),
                    until: None,
                }
            }
        };
        Self {
            from,
            how,
            tally: Tally::default(),
            reply,
        }
    }

    /// Looks at the next `most` pages.
    pub(super) fn step(&mut self, conn: &Connection, sites: &Sites, most: usize) -> Result<Step> {
        let (found, over) = match &mut self.from {
            Source::Pages(pages) => {
                let rest = pages.split_off(most.min(pages.len()));
                let these = std::mem::replace(pages, rest);
                (these_of(conn, &these, self.how)?, pages.is_empty())
            }
            Source::Tables {
                filter,
                failed,
                after,
                until,
            } => {
                let until = match until {
                    Some(until) => *until,
                    None => *until.insert(latest(conn)?.max(int(now_ms()))),
                };
                let window = Window::next(conn, *failed, *after, most)?;
                let key = filter.site.and_then(|s| sites.get(s)).map(|s| s.key);
                let found = window.matching(conn, filter, key, until)?;
                *after = window.to;
                (found, window.last)
            }
        };
        let mut pages = Vec::with_capacity(found.len());
        for (page, key) in found {
            if self.tally.count(sites, key, 1) {
                pages.push(page);
            }
        }
        let how = self.how;
        let write = (!pages.is_empty()).then_some(Write::Revise { pages, how });
        Ok(Step { write, over })
    }
}

/// Those among `pages` that the revision applies to, with their sites' keys.
fn these_of(conn: &Connection, pages: &[PageId], how: Revision) -> Result<Vec<(u32, i64)>> {
    let mut one = conn.prepare_cached(
        "SELECT id, site FROM page WHERE id = ?1 AND (?2 OR outcome = 2) \
         AND site IN (SELECT key FROM site WHERE place IS NOT NULL)",
    )?;
    let mut found = Vec::new();
    for page in pages {
        let mut rows = one.query(params![page.0, how == Revision::Force])?;
        if let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
    }
    Ok(found)
}

/// When the page that ended last did so.
pub(super) fn latest(conn: &Connection) -> Result<i64> {
    let sql = "SELECT coalesce(max(ended_at), 0) FROM page INDEXED BY ended";
    conn.prepare_cached(sql)?.query_row([], |r| r.get(0))
}

/// A piece of a table, small enough to be read in one go.
struct Window {
    failed: bool,
    from: Place,
    to: Place,
    last: bool,
}

impl Window {
    fn next(conn: &Connection, failed: bool, from: Place, most: usize) -> Result<Self> {
        let sql = if failed {
            "SELECT ended_at, id FROM page INDEXED BY failed \
             WHERE outcome = 2 AND (ended_at, id) > (?1, ?2) ORDER BY ended_at, id \
             LIMIT 1 OFFSET ?3"
        } else {
            "SELECT 0, id FROM page NOT INDEXED WHERE ?1 IS NOT NULL AND id > ?2 ORDER BY id \
             LIMIT 1 OFFSET ?3"
        };
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(params![from.0, from.1, int(most as u64)])?;
        let to = match rows.next()? {
            Some(row) => Some((row.get(0)?, row.get(1)?)),
            None => None,
        };
        Ok(Self {
            failed,
            from,
            to: to.unwrap_or((i64::MAX, u32::MAX)),
            last: to.is_none(),
        })
    }

    fn matching(
        &self,
        conn: &Connection,
        filter: &PageFilter,
        key: Option<i64>,
        until: i64,
    ) -> Result<Vec<(u32, i64)>> {
        let join = match asks_url(filter) {
            true => " CROSS JOIN url u ON u.id = p.id",
            false => "",
        };
        let mut sql = Sql::new("SELECT p.id, p.site FROM page p");
        sql.push(if self.failed {
            " INDEXED BY failed"
        } else {
            " NOT INDEXED"
        });
        sql.push(join);
        if self.failed {
            sql.push(" WHERE p.outcome = 2 AND (p.ended_at, p.id) > (");
            sql.bind(self.from.0)
                .push(", ")
                .bind(i64::from(self.from.1));
            sql.push(") AND (p.ended_at, p.id) <= (");
            sql.bind(self.to.0).push(", ").bind(i64::from(self.to.1));
            sql.push(")");
        } else {
            sql.push(" WHERE p.id > ").bind(i64::from(self.from.1));
            sql.push(" AND p.id <= ").bind(i64::from(self.to.1));
        }
        sql.push(" AND p.ended_at <= ").bind(until);
        sql.of_site("p.site", filter, key);
        sql.of_page(filter);
        sql.of_url(filter);
        conn.prepare_cached(&sql.text)?
            .query_map(params_from_iter(sql.values), |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
    }
}

/// What of one site's picked pages had this outcome.
struct Share {
    key: i64,
    outcome: i64,
    pages: i64,
    bytes: i64,
}

/// Revises these pages, those that it applies to. Of a page that goes round
/// again outcome, records, redirect, links and evidence go; its attempts stay.
pub(super) fn apply(
    conn: &Connection,
    sites: &mut Sites,
    pages: &[u32],
    how: Revision,
) -> Result<()> {
    run(conn, "DELETE FROM temp.pick", [])?;
    let mut pick = conn.prepare_cached(
        "INSERT OR IGNORE INTO temp.pick SELECT id FROM page \
         WHERE id = ?1 AND (?2 OR outcome = 2)",
    )?;
    for page in pages {
        pick.execute(params![page, how == Revision::Force])?;
    }
    if how == Revision::Force {
        // Fetched again whatever it was: nothing of it is to stand.
        run(
            conn,
            "UPDATE seen SET digest = NULL WHERE id IN temp.pick",
            [],
        )?;
    }
    let shares = shares(conn)?;
    let records = records(conn)?;
    if how == Revision::Ignore {
        let reason = SkipReason::Operator.as_str();
        let sql = "UPDATE page SET outcome = ?1, reason = ?2 WHERE id IN temp.pick";
        run(conn, sql, params![SKIPPED, reason])?;
        run(conn, "DELETE FROM evidence WHERE id IN temp.pick", [])?;
    } else {
        requeue(conn)?;
    }
    for share in shares {
        let Some(site) = sites.of_key(share.key).and_then(|id| sites.touch(id)) else {
            continue;
        };
        match share.outcome {
            FAILED => site.now.failed -= share.pages,
            SKIPPED => site.now.skipped -= share.pages,
            _ => site.now.done -= share.pages,
        }
        if how == Revision::Ignore {
            site.now.skipped += share.pages;
            continue;
        }
        site.now.queued += share.pages;
        site.now.bytes -= share.bytes;
        site.rewind();
    }
    if how != Revision::Ignore {
        for (key, n) in records {
            if let Some(site) = sites.of_key(key).and_then(|id| sites.touch(id)) {
                site.now.records -= n;
            }
        }
    }
    Ok(())
}

fn requeue(conn: &Connection) -> Result<()> {
    // The only attempt at a page that needed no other was told by its row.
    run(
        conn,
        "INSERT OR IGNORE INTO attempt (id, at, rung, status, elapsed_ms, bytes, detail) \
         SELECT p.id << ?1 | 1, p.fetched_at, p.rung, p.status, coalesce(p.elapsed_ms, 0), \
         p.bytes, '' FROM temp.pick k CROSS JOIN page p ON p.id = k.id \
         WHERE p.attempts = 1 AND p.fetched_at IS NOT NULL AND p.rung IS NOT NULL",
        [WITHIN],
    )?;
    for sql in [
        "INSERT INTO queue (site, depth, id, attempts) \
         SELECT p.site, u.depth, p.id, p.attempts FROM temp.pick k \
         CROSS JOIN page p ON p.id = k.id CROSS JOIN url u ON u.id = k.id",
        DELETE_RECORDS,
        "DELETE FROM redirect WHERE id IN temp.pick",
        "DELETE FROM link WHERE id IN temp.pick",
        "DELETE FROM evidence WHERE id IN temp.pick",
        "DELETE FROM page WHERE id IN temp.pick",
    ] {
        run(conn, sql, [])?;
    }
    Ok(())
}

/// Of the picked pages that are not known by an answer, which stand until the
/// next; 16 is [`WITHIN`].
pub(super) const DELETE_RECORDS: &str = "DELETE FROM record WHERE id IN \
     (SELECT r.id FROM temp.pick k CROSS JOIN record r \
     ON r.id >= k.id << 16 AND r.id < (k.id + 1) << 16 \
     WHERE NOT EXISTS (SELECT 1 FROM seen s WHERE s.id = k.id AND s.digest IS NOT NULL))";
const _: () = assert!(WITHIN == 16);

fn shares(conn: &Connection) -> Result<Vec<Share>> {
    conn.prepare_cached(
        "SELECT p.site, p.outcome, count(*), sum(p.bytes) FROM temp.pick k \
         CROSS JOIN page p ON p.id = k.id GROUP BY p.site, p.outcome",
    )?
    .query_map([], |row| {
        Ok(Share {
            key: row.get(0)?,
            outcome: row.get(1)?,
            pages: row.get(2)?,
            bytes: row.get(3)?,
        })
    })?
    .collect()
}

/// How many records the picked pages of each site have.
fn records(conn: &Connection) -> Result<Vec<(i64, i64)>> {
    conn.prepare_cached(
        "SELECT r.site, count(*) FROM temp.pick k CROSS JOIN record r \
         ON r.id >= k.id << 16 AND r.id < (k.id + 1) << 16 \
         WHERE NOT EXISTS (SELECT 1 FROM seen s WHERE s.id = k.id AND s.digest IS NOT NULL) \
         GROUP BY r.site",
    )?
    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}
