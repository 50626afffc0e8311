//! A screenful of pages, read along an index where the order has one.

use super::super::code::{count, int};
use super::super::filter::{Sql, asks_url, failed_only, finished, queued};
use super::{Sites, row, scan};
use crate::bus::{PageFilter, PageList, PageOrder, Told};
use crate::page::PageState;
use crate::page::time::now_ms;
use rusqlite::{Connection, Result, params, params_from_iter};

/// Rows read at most to merge the sites' queues; beyond that they are sorted.
const MERGED: u64 = 100_000;

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) conn: &'a Connection,
    pub(super) sites: &'a Sites,
    pub(super) filter: &'a PageFilter,
    pub(super) order: PageOrder,
    /// Whether the order is turned round.
    pub(super) reverse: bool,
    /// Milliseconds since the epoch.
    pub(super) now: i64,
}

/// A part of the list that has an order of its own in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Finished pages by their end, backwards.
    Ended,
    /// Finished pages by number.
    Numbered,
    /// Every page by number.
    All,
    /// Retries that are due.
    Due,
    /// The queue.
    Queue,
    /// Retries that are not due.
    Waiting,
}

pub(super) fn pages(wanted: &Wanted<'_>, offset: u64, limit: usize) -> Result<Told> {
    let Wanted {
        conn,
        sites,
        filter,
        ..
    } = *wanted;
    let (total, ids) = if filter.site.is_some() && sites.key(filter.site).is_none() {
        (0, Vec::new())
    } else if let Some(parts) = wanted.parts()? {
        let total = parts.iter().map(|(_, n)| n).sum();
        (total, wanted.window(&parts, offset, limit)?)
    } else {
        match scan::window(wanted, offset, limit)? {
            Some(window) => window,
            None => return Ok(Told::Refused(scan::TOO_FAR.to_owned())),
        }
    };
    Ok(Told::Pages(PageList {
        total,
        offset,
        rows: row::rows(conn, sites, &ids)?,
    }))
}

impl<'a> Wanted<'a> {
    /// As things are now; the order, and whether it is turned round.
    pub(super) fn new(
        conn: &'a Connection,
        sites: &'a Sites,
        filter: &'a PageFilter,
        (order, reverse): (PageOrder, bool),
    ) -> Self {
        Self {
            conn,
            sites,
            filter,
            order,
            reverse,
            now: int(now_ms()),
        }
    }
}

impl Wanted<'_> {
    /// The list's parts and how long each is; `None` where it must be searched
    /// for and sorted.
    fn parts(&self) -> Result<Option<Vec<(Part, u64)>>> {
        let filter = self.filter;
        if asks_url(filter) || filter.status.is_some() {
            return Ok(None);
        }
        let simple = filter.kind.is_none();
        let sum = self.sites.total(filter.site);
        let ended = match filter.state {
            _ if !simple => self.failed_so()?,
            None => sum.finished(),
            Some(PageState::Done) => sum.done,
            Some(PageState::Failed) => sum.failed,
            Some(PageState::Skipped) => sum.skipped,
            Some(PageState::Queued) => 0,
        };
        Ok(match (self.order, filter.state) {
            (PageOrder::Newest, _) => {
                let mut parts = vec![(Part::Ended, ended)];
                if queued(filter) {
                    parts.extend(self.queue_parts()?);
                }
                Some(parts)
            }
            (PageOrder::Queue, _) if queued(filter) => Some(self.queue_parts()?.to_vec()),
            (PageOrder::Queue, _) => Some(Vec::new()),
            (PageOrder::Found, None) if simple => Some(vec![(Part::All, ended + sum.queued)]),
            // Where they are rare among others, searching for them is quicker.
            (PageOrder::Found, Some(_)) if simple && ended > sum.finished() / 8 => {
                Some(vec![(Part::Numbered, ended)])
            }
            _ => None,
        })
    }

    /// How many pages failed in the way that the filter names.
    fn failed_so(&self) -> Result<u64> {
        if !finished(self.filter) {
            return Ok(0);
        }
        let sql = self.of_ended("SELECT count(*)");
        let n = self
            .conn
            .prepare_cached(&sql.text)?
            .query_row(params_from_iter(sql.values), |r| r.get(0))?;
        Ok(count(n))
    }

    fn queue_parts(&self) -> Result<[(Part, u64); 3]> {
        let mut sql = Sql::new("SELECT coalesce(sum(due <= ");
        sql.bind(self.now);
        sql.push("), 0), count(*) FROM retry q WHERE 1");
        self.of_site(&mut sql, "q.site");
        let (due, retries): (i64, i64) = self
            .conn
            .prepare_cached(&sql.text)?
            .query_row(params_from_iter(sql.values), |r| Ok((r.get(0)?, r.get(1)?)))?;
        let (due, retries) = (count(due), count(retries));
        let queued = self.sites.total(self.filter.site).queued;
        Ok([
            (Part::Due, due),
            (Part::Queue, queued.saturating_sub(retries)),
            (Part::Waiting, retries - due),
        ])
    }

    pub(super) fn of_site(&self, sql: &mut Sql, column: &str) {
        sql.of_site(column, self.filter, self.sites.key(self.filter.site));
    }

    fn of_ended(&self, select: &str) -> Sql {
        let mut sql = Sql::new(select);
        sql.push(" FROM page p INDEXED BY ");
        sql.push(match failed_only(self.filter) {
            true => "failed WHERE p.outcome = 2",
            false => "ended WHERE 1",
        });
        self.of_site(&mut sql, "p.site");
        sql.of_page(self.filter);
        sql
    }

    /// The numbers of the pages in the window.
    fn window(&self, parts: &[(Part, u64)], offset: u64, limit: usize) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut skip = offset;
        let mut parts = parts.to_vec();
        if self.reverse && self.order == PageOrder::Queue {
            parts.reverse();
        }
        for (part, length) in &parts {
            let want = (limit - ids.len()) as u64;
            if skip >= *length {
                skip -= length;
            } else if want > 0 {
                let n = want.min(length - skip);
                if self.turns(*part) {
                    let mut piece = self.piece(*part, *length, length - skip - n, n)?;
                    piece.reverse();
                    ids.extend(piece);
                } else {
                    ids.extend(self.piece(*part, *length, skip, n)?);
                }
                skip = 0;
            }
        }
        Ok(ids)
    }

    /// Whether the order turned round goes through this part backwards: pages that
    /// have not ended stay as they are behind those that have.
    fn turns(&self, part: Part) -> bool {
        let ends = self.order == PageOrder::Newest;
        self.reverse && (!ends || part == Part::Ended)
    }

    /// `n` rows behind the first `skip`; from its end where that is nearer.
    fn piece(&self, part: Part, length: u64, skip: u64, n: u64) -> Result<Vec<u32>> {
        let back = skip > length / 2;
        let skip = if back { length - skip - n } else { skip };
        let sites = self.sites.0.iter().filter(|s| s.queued > 0).count() as u64;
        if part == Part::Queue && self.filter.site.is_none() && (skip + n) * sites <= MERGED {
            return self.merged(back, skip, n);
        }
        let mut sql = Sql::default();
        let columns: &[&str] = match part {
            Part::Ended => {
                sql = self.of_ended("SELECT p.id");
                &["p.ended_at", "p.id"]
            }
            Part::Numbered => {
                sql.push("SELECT p.id FROM page p NOT INDEXED WHERE 1");
                self.of_site(&mut sql, "p.site");
                sql.of_page(self.filter);
                &["p.id"]
            }
            Part::All => {
                sql.push("SELECT u.id FROM url u WHERE 1");
                self.of_site(&mut sql, "u.site");
                &["u.id"]
            }
            Part::Queue => {
                sql.push("SELECT q.id FROM queue q WHERE 1");
                self.of_site(&mut sql, "q.site");
                &["q.depth", "q.id"]
            }
            Part::Due | Part::Waiting => {
                sql.push("SELECT q.id FROM retry q WHERE q.due ");
                sql.push(if part == Part::Due { "<= " } else { "> " });
                sql.bind(self.now);
                self.of_site(&mut sql, "q.site");
                &["q.due", "q.id"]
            }
        };
        let down = (part == Part::Ended) != back;
        let order: Vec<String> = columns
            .iter()
            .map(|c| format!("{c}{}", if down { " DESC" } else { "" }))
            .collect();
        sql.push(" ORDER BY ").push(&order.join(", "));
        sql.push(" LIMIT ").bind(int(n));
        sql.push(" OFFSET ").bind(int(skip));
        let mut ids: Vec<u32> = self
            .conn
            .prepare_cached(&sql.text)?
            .query_map(params_from_iter(sql.values), |r| r.get(0))?
            .collect::<Result<_>>()?;
        if back {
            ids.reverse();
        }
        Ok(ids)
    }

    /// A piece of all the sites' queues together: each has the order already.
    fn merged(&self, back: bool, skip: u64, n: u64) -> Result<Vec<u32>> {
        let mut statement = self.conn.prepare_cached(if back {
            "SELECT depth, id FROM queue WHERE site = ?1 ORDER BY depth DESC, id DESC LIMIT ?2"
        } else {
            "SELECT depth, id FROM queue WHERE site = ?1 ORDER BY depth, id LIMIT ?2"
        })?;
        let mut rows: Vec<(i64, u32)> = Vec::new();
        for site in self.sites.0.iter().filter(|s| s.queued > 0) {
            let found = statement.query_map(params![site.key, int(skip + n)], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?;
            for row in found {
                rows.push(row?);
            }
        }
        rows.sort_unstable();
        if back {
            rows.reverse();
        }
        let piece = rows.into_iter().skip(skip as usize).take(n as usize);
        let mut ids: Vec<u32> = piece.map(|(_, id)| id).collect();
        if back {
            ids.reverse();
        }
        Ok(ids)
    }
}
