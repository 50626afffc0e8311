//! The deck's questions, on a thread and a connection of their own, so that no
//! commit waits for them.

use super::code::{FAILED, MOST_WITHIN, count, int, page_state, rung, via_name, within};
use super::filter::matching;
use super::schema::open_to_read;
use crate::bus::{self, Attempt, PageDetail, PageFilter, PageList, PageRow, Told};
use crate::page::{FailureKind, PageId, PageState, SiteId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, Row, params, params_from_iter};
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// The page cache of the deck's connection, KiB.
const CACHE_KIB: u32 = 2048;
/// Pages shown at most on the way from the start page; the nearest ones.
const PATH: usize = 1000;

/// One question.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) ask: bus::Ask,
    pub(super) reply: oneshot::Sender<Told>,
}

/// Answers questions until nobody can ask any more.
pub(super) fn run(path: PathBuf, keys: Vec<i64>, mut asks: mpsc::Receiver<Ask>) {
    let mut lookup = None;
    while let Some(Ask { ask, reply }) = asks.blocking_recv() {
        if lookup.is_none() {
            lookup = match open_to_read(&path, CACHE_KIB) {
                Ok(conn) => Some(Lookup {
                    conn,
                    keys: keys.clone(),
                }),
                Err(error) => {
                    tracing::error!(%error, "opening the store to read");
                    // The question ends unanswered, which its asker is told.
                    continue;
                }
            };
        }
        let Some(lookup) = &lookup else { continue };
        let told = lookup.tell(ask).unwrap_or_else(|error| {
            tracing::error!(%error, "reading the store");
            Told::Refused(format!("the store cannot be read: {error}"))
        });
        // An asker that has left needs no answer.
        let _ = reply.send(told);
    }
}

struct Lookup {
    conn: Connection,
    /// The sites' keys, in the order of the file.
    keys: Vec<i64>,
}

impl Lookup {
    fn tell(&self, ask: bus::Ask) -> Result<Told> {
        Ok(match ask {
            bus::Ask::Pages {
                filter,
                offset,
                limit,
                ..
            } => Told::Pages(self.failures(&filter, offset, limit)?),
            bus::Ask::Page(id) => Told::Page(self.page(id)?),
            _ => Told::Refused("the store knows nothing of this".to_owned()),
        })
    }

    fn failures(&self, filter: &PageFilter, offset: u64, limit: usize) -> Result<PageList> {
        let key = filter.site.and_then(|s| self.keys.get(s.index())).copied();
        let mut m = matching(filter, key);
        let all = PageFilter::failed();
        let total = if *filter == all {
            let sql = "SELECT coalesce(sum(failed), 0) FROM site WHERE place IS NOT NULL";
            self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0))?
        } else {
            let sql = format!("SELECT count(*) FROM {}", m.sql);
            let values = params_from_iter(m.values.iter());
            self.conn.prepare(&sql)?.query_row(values, |r| r.get(0))?
        };
        // The numbers first, from the index alone; then only their rows.
        let n = m.values.len();
        let sql = format!(
            "SELECT l.id, l.site, u.url, l.reason, l.status, l.attempts, l.ended_at, \
             u.depth, l.bytes, l.elapsed_ms \
             FROM (SELECT p.id FROM {} ORDER BY p.ended_at DESC, p.id DESC \
                   LIMIT ?{} OFFSET ?{}) AS f \
             CROSS JOIN page l ON l.id = f.id CROSS JOIN url u ON u.id = l.id \
             ORDER BY l.ended_at DESC, l.id DESC",
            m.sql,
            n + 1,
            n + 2
        );
        m.values.push(Value::Integer(int(limit as u64)));
        m.values.push(Value::Integer(int(offset)));
        let mut statement = self.conn.prepare(&sql)?;
        let rows = statement.query_map(params_from_iter(m.values), |row| self.failure(row))?;
        Ok(PageList {
            total: count(total),
            offset,
            rows: rows.collect::<Result<_>>()?,
        })
    }

    fn failure(&self, row: &Row<'_>) -> Result<PageRow> {
        Ok(PageRow {
            id: PageId(row.get(0)?),
            site: self.site(row.get(1)?),
            url: row.get(2)?,
            state: PageState::Failed,
            kind: Some(kind(row.get(3)?)),
            reason: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            depth: row.get(7)?,
            bytes: count(row.get(8)?),
            elapsed_ms: row.get(9)?,
            due: None,
            status: row.get(4)?,
            attempts: row.get(5)?,
            at: count(row.get(6)?),
        })
    }

    fn page(&self, id: PageId) -> Result<Option<Box<PageDetail>>> {
        let sql = "SELECT u.site, u.url, u.depth, u.found_on, p.outcome, p.reason, p.attempts, \
                   p.fetched_at, p.rung, p.status, p.elapsed_ms, p.bytes, u.via, p.content_type \
                   FROM url u LEFT JOIN page p ON p.id = u.id WHERE u.id = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query([id.0])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let key: i64 = row.get(0)?;
        if !self.keys.contains(&key) {
            return Ok(None);
        }
        let outcome: Option<i64> = row.get(4)?;
        let mut attempts = self.attempts(id)?;
        if attempts.is_empty() {
            attempts.extend(told_by_page(row)?);
        }
        let (headers, body) = match outcome {
            Some(FAILED) => self.evidence(id)?.unwrap_or_default(),
            _ => Default::default(),
        };
        Ok(Some(Box::new(PageDetail {
            id,
            site: self.site(key),
            url: row.get(1)?,
            state: page_state(outcome),
            reason: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
            depth: row.get(2)?,
            via: via_name(row.get(12)?).into(),
            content_type: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
            redirect: String::new(),
            records: Vec::new(),
            attempts,
            headers: serde_json::from_str(&headers).unwrap_or_default(),
            body,
            path: self.path(row.get(3)?)?,
        })))
    }

    fn attempts(&self, id: PageId) -> Result<Vec<Attempt>> {
        self.conn
            .prepare_cached(
                "SELECT at, rung, status, kind, elapsed_ms, bytes, detail \
                 FROM attempt WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            )?
            .query_map(params![within(id.0, 0), within(id.0, MOST_WITHIN)], |row| {
                Ok(Attempt {
                    at: count(row.get(0)?),
                    rung: rung(row.get_ref(1)?.as_str().unwrap_or_default()).into(),
                    status: row.get(2)?,
                    kind: row.get::<_, Option<String>>(3)?.map(|k| kind(Some(k))),
                    elapsed_ms: row.get(4)?,
                    bytes: count(row.get(5)?),
                    detail: row.get(6)?,
                })
            })?
            .collect()
    }

    fn evidence(&self, id: PageId) -> Result<Option<(String, Vec<u8>)>> {
        self.conn
            .prepare_cached("SELECT headers, body FROM evidence WHERE id = ?1")?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// URLs from the start page to `finder`. A finder is older than what it
    /// found, so this ends.
    fn path(&self, mut finder: Option<u32>) -> Result<Vec<String>> {
        let mut path = Vec::new();
        let mut statement = self
            .conn
            .prepare_cached("SELECT url, found_on FROM url WHERE id = ?1")?;
        while let Some(id) = finder.filter(|_| path.len() < PATH) {
            let row = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)));
            let (url, next) = row?;
            path.push(url);
            finder = next;
        }
        path.reverse();
        Ok(path)
    }

    fn site(&self, key: i64) -> SiteId {
        let place = self.keys.iter().position(|k| *k == key);
        SiteId(place.and_then(|p| u32::try_from(p).ok()).unwrap_or(0))
    }
}

/// The only attempt at a page that needed no other.
fn told_by_page(row: &Row<'_>) -> Result<Option<Attempt>> {
    let Some(at) = row.get::<_, Option<i64>>("fetched_at")? else {
        return Ok(None);
    };
    Ok(Some(Attempt {
        at: count(at),
        rung: rung(&row.get::<_, Option<String>>("rung")?.unwrap_or_default()).into(),
        status: row.get("status")?,
        kind: None,
        elapsed_ms: row.get::<_, Option<u32>>("elapsed_ms")?.unwrap_or(0),
        bytes: count(row.get("bytes")?),
        detail: String::new(),
    }))
}

/// A kind of a later version is shown as `internal`.
fn kind(name: Option<String>) -> FailureKind {
    name.and_then(|n| n.parse().ok())
        .unwrap_or(FailureKind::Internal)
}
