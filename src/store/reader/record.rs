//! Records and their fields.

use crate::store::sqlite::code::{count, outcome_name};
use rusqlite::{Connection, Result, Row};
use serde_json::{Map, Value};

/// A record. Text is as it came: clean it before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordRow {
    /// Its site's name.
    pub site: String,
    /// The rule's name.
    pub record: String,
    /// Its page's URL.
    pub url: String,
    /// When that was fetched, milliseconds since the epoch.
    pub fetched_at: Option<u64>,
    /// What became of its page: `done`, or what came after.
    pub outcome: &'static str,
    /// The kind or reason behind that.
    pub reason: Option<String>,
    /// Its page's last HTTP status.
    pub status: Option<u16>,
    /// Links from the start page to it.
    pub depth: u32,
    /// The fields, in the order of the rule.
    pub fields: Map<String, Value>,
}

pub(super) const RECORDS: &str = "SELECT r.id, s.name, r.name, u.url, \
     coalesce(p.fetched_at, a.fetched_at), r.fields, coalesce(p.outcome, a.outcome), p.reason, \
     coalesce(p.status, a.status), u.depth \
     FROM record r CROSS JOIN site s ON s.key = r.site CROSS JOIN url u ON u.id = r.id >> 16 \
     LEFT JOIN page p ON p.id = r.id >> 16 LEFT JOIN again a ON a.id = r.id >> 16 \
     WHERE r.id > ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY r.id";

/// The record and about how many bytes it takes.
pub(super) fn read(row: &Row<'_>) -> Result<(RecordRow, usize)> {
    let json = row.get_ref(5)?.as_str()?;
    let record = RecordRow {
        site: row.get(1)?,
        record: row.get(2)?,
        url: row.get(3)?,
        fetched_at: row.get::<_, Option<i64>>(4)?.map(count),
        outcome: outcome_name(row.get(6)?),
        reason: row.get(7)?,
        status: row.get(8)?,
        depth: row.get(9)?,
        // Written by serde_json from a map; anything else has been edited by hand.
        fields: serde_json::from_str(json).unwrap_or_default(),
    };
    Ok((record, json.len() * 2 + 200))
}

pub(super) fn fields(conn: &Connection, site: Option<&str>) -> Result<Vec<String>> {
    conn.prepare_cached(
        "SELECT f.field FROM field f JOIN site s ON s.key = f.site \
         WHERE ?1 IS NULL OR s.name = ?1 GROUP BY f.field ORDER BY min(f.id)",
    )?
    .query_map([site], |row| row.get(0))?
    .collect()
}

/// The kinds of records and the fields of each, in the order in which they appeared.
pub(super) fn kinds(conn: &Connection, site: Option<&str>) -> Result<Vec<(String, Vec<String>)>> {
    let mut statement = conn.prepare_cached(
        "SELECT f.record, f.field FROM field f JOIN site s ON s.key = f.site \
         WHERE ?1 IS NULL OR s.name = ?1 GROUP BY f.record, f.field ORDER BY min(f.id)",
    )?;
    let mut rows = statement.query([site])?;
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (record, field): (String, String) = (row.get(0)?, row.get(1)?);
        match kinds.iter_mut().find(|(name, _)| *name == record) {
            Some((_, fields)) => fields.push(field),
            None => kinds.push((record, vec![field])),
        }
    }
    Ok(kinds)
}
