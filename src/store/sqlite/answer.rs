//! Answers of APIs: their records, and how far the API has been read, in one.

use super::code::{MOST_WITHIN, count, int, within_answer};
use super::core::Core;
use super::prepare::to_json;
use super::site::Sites;
use super::write::{Write, run};
use crate::page::SiteId;
use crate::store::ApiAnswer;
use rusqlite::{Connection, OptionalExtension, Result, params};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An answer, ready to be written.
#[derive(Debug)]
pub(super) struct Answered {
    site: SiteId,
    source: String,
    key: String,
    first: bool,
    number: u64,
    mark: String,
    url: Box<str>,
    at: u64,
    parts: Vec<Part>,
}

/// Records of one kind, as many as can be numbered within one row.
#[derive(Debug)]
struct Part {
    /// Below 0, where no page's number is.
    id: i64,
    name: Arc<str>,
    records: Vec<String>,
}

impl Core {
    /// Takes in an answer of an API.
    pub(super) fn answered(&mut self, answer: ApiAnswer) {
        let mut parts: Vec<Part> = Vec::new();
        for record in answer.records {
            self.register(answer.site, &record);
            let fields = to_json(&record.fields);
            match parts.iter_mut().rfind(|part| part.name == record.name) {
                Some(part) if part.records.len() <= MOST_WITHIN as usize => {
                    part.records.push(fields);
                }
                _ => {
                    self.start.last_answer -= 1;
                    parts.push(Part {
                        id: self.start.last_answer,
                        name: record.name,
                        records: vec![fields],
                    });
                }
            }
        }
        self.write(Write::Answer(Box::new(Answered {
            site: answer.site,
            source: answer.source,
            key: answer.key,
            first: answer.first,
            number: answer.number,
            mark: answer.mark.to_string(),
            url: answer.url,
            at: answer.at,
            parts,
        })));
    }
}

/// Writes an answer down. One of an API that has since begun anew counts for
/// nothing.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, answer: &Answered) -> Result<()> {
    let Some(site) = sites.touch(answer.site) else {
        return Ok(());
    };
    let key = site.key;
    let known: Option<String> = conn
        .prepare_cached("SELECT key FROM progress WHERE site = ?1 AND source = ?2")?
        .query_row(params![key, answer.source], |row| row.get(0))
        .optional()?;
    if answer.first {
        site.now.records -= forget_source(conn, key, &answer.source)?;
    } else if known.is_some_and(|known| known != answer.key) {
        return Ok(());
    }
    run(
        conn,
        "INSERT OR REPLACE INTO progress (site, source, key, mark) VALUES (?1, ?2, ?3, ?4)",
        params![key, answer.source, answer.key, answer.mark],
    )?;
    for part in &answer.parts {
        let records = int(part.records.len() as u64);
        run(
            conn,
            "INSERT INTO answer (id, site, source, name, url, at, records) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                part.id,
                key,
                answer.source,
                part.name,
                answer.url,
                int(answer.at),
                records
            ],
        )?;
        run(
            conn,
            "INSERT OR REPLACE INTO numbered (id, number) VALUES (?1, ?2)",
            params![part.id, int(answer.number)],
        )?;
        for (n, fields) in (0u32..).zip(&part.records) {
            run(
                conn,
                "INSERT INTO record (id, site, name, fields) VALUES (?1, ?2, ?3, ?4)",
                params![within_answer(part.id, n), key, part.name, fields],
            )?;
        }
        site.now.records += records;
    }
    Ok(())
}

/// Deletes what an API has given before; answers how many records that were.
fn forget_source(conn: &Connection, key: i64, source: &str) -> Result<i64> {
    let mut old = conn.prepare_cached("SELECT id FROM answer WHERE site = ?1 AND source = ?2")?;
    let ids: Vec<i64> = old
        .query_map(params![key, source], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let mut records = 0;
    for id in ids {
        records += delete(conn, id)?;
    }
    Ok(records)
}

/// Deletes one row and its records; answers how many.
pub(super) fn delete(conn: &Connection, id: i64) -> Result<i64> {
    let range = [within_answer(id, 0), within_answer(id, MOST_WITHIN)];
    let records = run(conn, "DELETE FROM record WHERE id BETWEEN ?1 AND ?2", range)?;
    run(conn, "DELETE FROM answer WHERE id = ?1", [id])?;
    run(conn, "DELETE FROM numbered WHERE id = ?1", [id])?;
    Ok(int(records as u64))
}

/// The last row of a site that is to be swept up, if there is one.
pub(super) fn of_site(conn: &Connection, key: i64) -> Result<Option<i64>> {
    conn.prepare_cached("SELECT min(id) FROM answer WHERE site = ?1")?
        .query_row([key], |row| row.get(0))
}

/// Sweeps up one row.
pub(super) fn sweep(conn: &Connection, id: i64) -> Result<()> {
    delete(conn, id).map(|_| ())
}

/// How far each API of a site has been read.
pub(super) fn marks(conn: &Connection, key: i64) -> Result<BTreeMap<String, Value>> {
    conn.prepare_cached("SELECT key, mark FROM progress WHERE site = ?1")?
        .query_map([key], |row| {
            let mark: String = row.get(1)?;
            // Written from a value; anything else has been edited by hand.
            Ok((row.get(0)?, serde_json::from_str(&mark).unwrap_or_default()))
        })?
        .collect()
}

/// Forgets how far the APIs of a site have been read.
pub(super) fn forget_marks(conn: &Connection, key: i64) -> Result<()> {
    run(conn, "DELETE FROM progress WHERE site = ?1", [key]).map(|_| ())
}

/// Forgets the marks of a site whose document is another than it was, unless
/// they were made those of the new one. Answers whether they are forgotten.
pub(super) fn outdate_marks(conn: &Connection, key: i64, digest: i64) -> Result<bool> {
    let known: Option<i64> = conn
        .prepare_cached("SELECT digest FROM reworked WHERE site = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    run(conn, "DELETE FROM reworked WHERE site = ?1", [key])?;
    let outdated = known != Some(digest);
    if outdated {
        forget_marks(conn, key)?;
    }
    Ok(outdated)
}

/// The number of the last row.
pub(super) fn last(conn: &Connection) -> Result<i64> {
    let last: Option<i64> = conn.query_row("SELECT min(id) FROM answer", [], |row| row.get(0))?;
    Ok(last.unwrap_or(0))
}

/// Records that a site's answers at an address gave, whatever its query was.
pub(super) fn records_at(conn: &Connection, site: i64, url: &str) -> Result<u64> {
    let sum: Option<i64> = conn
        .prepare_cached("SELECT sum(records) FROM answer WHERE site = ?1 AND url = ?2")?
        .query_row(params![site, url], |row| row.get(0))?;
    Ok(count(sum.unwrap_or(0)))
}

/// Where in the answers a window of their records lies: rows with how many of
/// their records come before it, the latest answer first; and all records.
pub(super) fn window(
    conn: &Connection,
    site: Option<i64>,
    name: Option<&str>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Span>, u64)> {
    let mut statement = conn.prepare_cached(
        "SELECT id, records FROM answer \
         WHERE (?1 IS NULL OR site = ?1) AND (?2 IS NULL OR name = ?2) ORDER BY id",
    )?;
    let mut rows = statement.query(params![site, name])?;
    let (mut spans, mut total) = (Vec::new(), 0u64);
    while let Some(row) = rows.next()? {
        let records = count(row.get(1)?);
        let (from, to) = (offset.max(total), (offset + limit).min(total + records));
        if from < to {
            spans.push(Span {
                id: row.get(0)?,
                from: from - total,
                to: to - total,
            });
        }
        total += records;
    }
    Ok((spans, total))
}

/// Records of one row, from one number on and up to another.
pub(super) struct Span {
    pub(super) id: i64,
    pub(super) from: u64,
    pub(super) to: u64,
}
