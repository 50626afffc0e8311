//! All that is known of one page.

use super::super::code::{FAILED, MOST_WITHIN, count, page_state, rung, via_name, within};
use super::Sites;
use super::linked;
use super::row::kind;
use crate::bus::{Attempt, PageDetail};
use crate::page::PageId;
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::path::Path;
use std::sync::Arc;

/// Pages shown at most on the way from the start page; the nearest ones.
const PATH: usize = 1000;
/// Records shown at most.
const RECORDS: u32 = 200;

pub(super) fn page(
    conn: &Connection,
    sites: &Sites,
    id: PageId,
) -> Result<Option<Box<PageDetail>>> {
    let sql = "SELECT u.site, u.url, u.depth, u.found_on, p.outcome, p.reason, p.attempts, \
               p.fetched_at, p.rung, p.status, p.elapsed_ms, p.bytes, u.via, p.content_type \
               FROM url u LEFT JOIN page p ON p.id = u.id WHERE u.id = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let Some(site) = sites.of_key(row.get(0)?) else {
        return Ok(None);
    };
    let outcome: Option<i64> = row.get(4)?;
    let mut attempts = attempts(conn, id)?;
    if attempts.is_empty() {
        attempts.extend(told_by_page(row)?);
    }
    if let Some(last) = attempts.last_mut() {
        last.picture = picture(conn, id)?;
    }
    let (headers, body) = match outcome {
        Some(FAILED) => evidence(conn, id)?.unwrap_or_default(),
        _ => Default::default(),
    };
    Ok(Some(Box::new(PageDetail {
        id,
        site,
        url: row.get(1)?,
        state: page_state(outcome),
        reason: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
        depth: row.get(2)?,
        via: via_name(row.get(12)?).into(),
        content_type: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
        redirect: redirect(conn, id)?,
        records: records(conn, id)?,
        links: linked::of_page(conn, id.0, row.get(0)?)?,
        attempts,
        headers: serde_json::from_str(&headers).unwrap_or_default(),
        body,
        path: path(conn, row.get(3)?)?,
    })))
}

/// Where it redirects to; empty for nowhere.
pub(super) fn redirect(conn: &Connection, id: PageId) -> Result<String> {
    let to: Option<Option<String>> = conn
        .prepare_cached(
            "SELECT coalesce(u.url, r.address) FROM redirect r \
             LEFT JOIN url u ON u.id = r.target WHERE r.id = ?1",
        )?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(to.flatten().unwrap_or_default())
}

fn records(conn: &Connection, id: PageId) -> Result<Vec<(String, String)>> {
    conn.prepare_cached(
        "SELECT name, fields FROM record WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
    )?
    .query_map(
        params![within(id.0, 0), within(id.0, MOST_WITHIN), RECORDS],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?
    .collect()
}

fn attempts(conn: &Connection, id: PageId) -> Result<Vec<Attempt>> {
    conn.prepare_cached(
        "SELECT at, rung, status, kind, elapsed_ms, bytes, detail \
         FROM attempt WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    )?
    .query_map(params![within(id.0, 0), within(id.0, MOST_WITHIN)], |row| {
        Ok(Attempt {
            at: count(row.get(0)?),
            rung: rung(row.get_ref(1)?.as_str().unwrap_or_default()).into(),
            status: row.get(2)?,
            kind: row.get::<_, Option<String>>(3)?.map(|k| kind(&k)),
            elapsed_ms: row.get(4)?,
            bytes: count(row.get(5)?),
            detail: row.get(6)?,
            picture: None,
        })
    })?
    .collect()
}

fn evidence(conn: &Connection, id: PageId) -> Result<Option<(String, Vec<u8>)>> {
    conn.prepare_cached("SELECT headers, body FROM evidence WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// URLs from the start page to `finder`. A finder is older than what it
/// found, so this ends.
fn path(conn: &Connection, mut finder: Option<u32>) -> Result<Vec<String>> {
    let mut path = Vec::new();
    let mut statement = conn.prepare_cached("SELECT url, found_on FROM url WHERE id = ?1")?;
    while let Some(id) = finder.filter(|_| path.len() < PATH) {
        let row = statement.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)));
        let (url, next) = row?;
        path.push(url);
        finder = next;
    }
    path.reverse();
    Ok(path)
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
        picture: None,
    }))
}

/// The path of the picture that was last made of a page.
fn picture(conn: &Connection, id: PageId) -> Result<Option<Arc<str>>> {
    let file: Option<String> = conn
        .prepare_cached("SELECT file FROM picture WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    let folder = conn.path().and_then(|path| Path::new(path).parent());
    Ok(file.map(|file| match folder {
        Some(folder) => folder.join(&file).display().to_string().into(),
        None => file.into(),
    }))
}
