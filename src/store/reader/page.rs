//! Pages and what became of them.

use crate::store::sqlite::code::{FAILED, MOST_WITHIN, count, outcome_name, within};
use crate::store::sqlite::graph;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// A page. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRow {
    /// Its site's name.
    pub site: String,
    /// Its URL in normal form.
    pub url: String,
    /// Where its redirects end; its own URL where it does not redirect, and
    /// where they lead nowhere (a loop, more than ten).
    pub final_url: String,
    /// `done`, `failed`, `skipped` or `queued`.
    pub outcome: &'static str,
    /// The kind or reason behind it.
    pub reason: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// Links from the start page.
    pub depth: u32,
    /// The URL of the page on which it was found.
    pub from: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// Bytes of body on the wire.
    pub bytes: u64,
    /// Media type, lower case, without parameters.
    pub content_type: Option<String>,
    /// When the last attempt began, milliseconds since the epoch.
    pub fetched_at: Option<u64>,
    /// Its `<link rel=canonical>`.
    pub canonical: Option<String>,
    /// For failed pages, the last error in words.
    pub error: Option<String>,
}

macro_rules! columns {
    () => {
        "SELECT u.id, s.name, u.url, r.id IS NOT NULL, coalesce(p.outcome, a.outcome), p.reason, \
         coalesce(p.status, a.status), u.depth, f.url, coalesce(p.attempts, a.attempts), \
         coalesce(p.bytes, a.bytes), coalesce(p.content_type, a.content_type), \
         coalesce(p.fetched_at, a.fetched_at), coalesce(p.canonical, a.canonical) "
    };
}

macro_rules! joins {
    () => {
        " CROSS JOIN site s ON s.key = u.site LEFT JOIN redirect r ON r.id = u.id \
         LEFT JOIN url f ON f.id = u.found_on LEFT JOIN again a ON a.id = u.id AND p.id IS NULL "
    };
}

pub(super) const PAGES: &str = concat!(
    columns!(),
    "FROM url u LEFT JOIN page p ON p.id = u.id",
    joins!(),
    "WHERE u.id > ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY u.id"
);

pub(super) const ONE: &str = concat!(
    columns!(),
    "FROM url u LEFT JOIN page p ON p.id = u.id",
    joins!(),
    "WHERE u.id = ?1"
);

pub(super) const FAILURES: &str = concat!(
    columns!(),
    "FROM page p NOT INDEXED CROSS JOIN url u ON u.id = p.id",
    joins!(),
    "WHERE p.id > ?1 AND p.outcome = 2 AND (?2 IS NULL OR s.name = ?2) ORDER BY p.id"
);

/// The page and about how many bytes it takes.
pub(super) fn read(conn: &Connection, row: &Row<'_>) -> Result<(PageRow, usize)> {
    let id: u32 = row.get(0)?;
    let url: String = row.get(2)?;
    let outcome: Option<i64> = row.get(4)?;
    let reason: Option<String> = row.get(5)?;
    let redirects: bool = row.get(3)?;
    let end = if redirects { follow(conn, id)? } else { None };
    let (attempts, error) = match outcome {
        Some(FAILED) => {
            let error = last_attempt(conn, id)?.map(|(_, e)| e);
            let error = error.filter(|e| !e.is_empty()).or_else(|| reason.clone());
            (row.get(9)?, error)
        }
        Some(_) => (row.get(9)?, None),
        // Attempts at a page that is not finished have all failed: each is kept.
        None => (last_attempt(conn, id)?.map_or(0, |(n, _)| n), None),
    };
    let page = PageRow {
        site: row.get(1)?,
        final_url: end.unwrap_or_else(|| url.clone()),
        url,
        outcome: outcome_name(outcome),
        reason,
        status: row.get(6)?,
        depth: row.get(7)?,
        from: row.get(8)?,
        attempts,
        bytes: count(row.get::<_, Option<i64>>(10)?.unwrap_or(0)),
        content_type: row.get(11)?,
        fetched_at: row.get::<_, Option<i64>>(12)?.map(count),
        canonical: row.get(13)?,
        error,
    };
    let size = page.url.len() * 2 + page.from.as_ref().map_or(0, String::len) + 300;
    Ok((page, size))
}

/// Number and error of the last attempt that was kept.
fn last_attempt(conn: &Connection, id: u32) -> Result<Option<(u32, String)>> {
    conn.prepare_cached(
        "SELECT id & ?3, detail FROM attempt WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1",
    )?
    .query_row(
        params![within(id, 0), within(id, MOST_WITHIN), MOST_WITHIN],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .optional()
}

/// Where the redirects of a page end; `None` for nowhere.
fn follow(conn: &Connection, id: u32) -> Result<Option<String>> {
    match graph::end(conn, id)? {
        Some(Ok(page)) => conn
            .prepare_cached("SELECT url FROM url WHERE id = ?1")?
            .query_row([page], |row| row.get(0))
            .optional(),
        Some(Err(address)) => Ok(Some(address)),
        None => Ok(None),
    }
}
