//! Records and the journal, a screenful at a time.

use super::super::answer::{self, Span};
use super::super::code::{count, int, within_answer};
use super::super::filter::Sql;
use super::{Sites, search};
use crate::bus::search::Search;
use crate::bus::{JournalList, JournalRow, PageFilter, RecordList, RecordRow};
use crate::page::{PageId, SiteId};
use rusqlite::{Connection, Result, Row, params_from_iter};

/// Which records are asked for.
pub(super) struct Of<'a> {
    filter: PageFilter,
    key: Option<i64>,
    record: Option<&'a str>,
}

impl<'a> Of<'a> {
    pub(super) fn new(sites: &Sites, site: Option<SiteId>, record: Option<&'a str>) -> Self {
        Self {
            filter: PageFilter {
                site,
                ..PageFilter::default()
            },
            key: sites.key(site),
            record,
        }
    }

    pub(super) fn of_site(&self, sql: &mut Sql, column: &str) {
        sql.of_site(column, &self.filter, self.key);
    }

    pub(super) fn named(&self, sql: &mut Sql, column: &str) {
        if let Some(record) = self.record {
            let record = record.to_owned();
            sql.push(" AND ").push(column).push(" = ").bind(record);
        }
    }

    /// How many there are.
    fn total(&self, conn: &Connection, sites: &Sites) -> Result<u64> {
        let all = sites.total(self.filter.site).records;
        if self.record.is_none() {
            return Ok(all);
        }
        let mut sql = Sql::new("SELECT count(DISTINCT f.record) FROM field f WHERE 1");
        self.of_site(&mut sql, "f.site");
        let kinds: i64 = query(conn, &sql)?;
        let mut sql = Sql::new("SELECT count(*) FROM field f WHERE 1");
        self.of_site(&mut sql, "f.site");
        self.named(&mut sql, "f.record");
        Ok(match query(conn, &sql)? {
            // Of this name there are none, or no others.
            0 => 0,
            _ if kinds == 1 => all,
            _ => {
                let mut sql = Sql::new("SELECT count(*) FROM record r WHERE 1");
                self.of_site(&mut sql, "r.site");
                self.named(&mut sql, "r.name");
                count(query(conn, &sql)?)
            }
        })
    }

    /// The fields that any of them has.
    fn columns(&self, conn: &Connection) -> Result<Vec<String>> {
        let mut sql = Sql::new("SELECT f.field FROM field f WHERE 1");
        self.of_site(&mut sql, "f.site");
        self.named(&mut sql, "f.record");
        sql.push(" GROUP BY f.field ORDER BY min(f.id)");
        conn.prepare_cached(&sql.text)?
            .query_map(params_from_iter(sql.values), |r| r.get(0))?
            .collect()
    }
}

/// Those of answers of APIs come first, the latest answer's before others'; then
/// those of the pages that ended last, each page's in its
/// own order.
pub(super) fn records(
    conn: &Connection,
    sites: &Sites,
    of: &Of<'_>,
    wanted: Option<&Search>,
    offset: u64,
    limit: usize,
) -> Result<RecordList> {
    let mut list = RecordList {
        total: of.total(conn, sites)?,
        offset,
        columns: of.columns(conn)?,
        ..RecordList::default()
    };
    if let Some(wanted) = wanted {
        let (rows, searched) = search::records(conn, sites, of, wanted, limit)?;
        (list.rows, list.searched) = (rows, Some(searched));
        return Ok(list);
    }
    if offset >= list.total {
        return Ok(list);
    }
    let (spans, of_answers) = answer::window(conn, of.key, of.record, offset, limit as u64)?;
    for span in &spans {
        of_answer(conn, sites, span, &mut list.rows)?;
    }
    let offset = offset.saturating_sub(of_answers);
    let limit = limit - list.rows.len().min(limit);
    if limit == 0 {
        return Ok(list);
    }
    let mut sql = Sql::new(
        "SELECT p.id, p.site, r.name, u.url, r.fields, p.ended_at, r.id \
         FROM page p INDEXED BY ended \
         CROSS JOIN record r ON r.id >= p.id << 16 AND r.id < (p.id + 1) << 16 \
         CROSS JOIN url u ON u.id = p.id WHERE 1",
    );
    of.of_site(&mut sql, "p.site");
    of.named(&mut sql, "r.name");
    sql.push(" ORDER BY p.ended_at DESC, p.id DESC, r.id LIMIT ");
    sql.bind(int(limit as u64));
    sql.push(" OFFSET ").bind(int(offset));
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        list.rows.extend(record(row, sites)?);
    }
    Ok(list)
}

/// Records of an answer of an API.
fn of_answer(
    conn: &Connection,
    sites: &Sites,
    span: &Span,
    rows: &mut Vec<RecordRow>,
) -> Result<()> {
    let number = |n: u64| within_answer(span.id, u32::try_from(n).unwrap_or(u32::MAX));
    let mut statement = conn.prepare_cached(
        "SELECT a.id, a.site, r.name, a.url, r.fields, a.at, r.id FROM record r \
         CROSS JOIN answer a ON a.id = r.id >> 16 WHERE r.id >= ?1 AND r.id < ?2 ORDER BY r.id",
    )?;
    let mut found = statement.query([
        number(span.from),
        number(span.from) + int(span.to - span.from),
    ])?;
    while let Some(row) = found.next()? {
        rows.extend(record_of_answer(row, sites)?);
    }
    Ok(())
}

/// [`record`] of an answer, with the same columns.
pub(super) fn record_of_answer(row: &Row<'_>, sites: &Sites) -> Result<Option<RecordRow>> {
    let Some(site) = sites.of_key(row.get(1)?) else {
        return Ok(None);
    };
    let fields = row.get_ref(4)?.as_str().unwrap_or_default();
    Ok(Some(RecordRow {
        page: None,
        at: count(row.get(5)?),
        // The same 64 bits, of a number below 0.
        id: row.get::<_, i64>(6)?.cast_unsigned(),
        site,
        record: row.get(2)?,
        url: row.get(3)?,
        fields: serde_json::from_str(fields).unwrap_or_default(),
    }))
}

/// One record; `None` where its site is no longer in the file.
pub(super) fn record(row: &Row<'_>, sites: &Sites) -> Result<Option<RecordRow>> {
    let Some(site) = sites.of_key(row.get(1)?) else {
        return Ok(None);
    };
    let fields = row.get_ref(4)?.as_str().unwrap_or_default();
    Ok(Some(RecordRow {
        page: Some(PageId(row.get(0)?)),
        site,
        record: row.get(2)?,
        url: row.get(3)?,
        at: count(row.get(5)?),
        id: count(row.get(6)?),
        // Written by serde_json from a map; anything else has been edited by hand.
        fields: serde_json::from_str(fields).unwrap_or_default(),
    }))
}

fn query(conn: &Connection, sql: &Sql) -> Result<i64> {
    conn.prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |r| r.get(0))
}

/// What is read of commands.
pub(super) const COMMANDS: &str =
    "SELECT id, at, origin, command, before, after, answer, refused FROM journal";

/// The latest command first.
pub(super) fn journal(
    conn: &Connection,
    wanted: Option<&Search>,
    offset: u64,
    limit: usize,
) -> Result<JournalList> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM journal")?
        .query_row([], |r| r.get(0))?;
    let mut list = JournalList {
        total: count(total),
        offset,
        searched: None,
        rows: Vec::new(),
    };
    if let Some(wanted) = wanted {
        let (rows, searched) = search::journal(conn, wanted, limit)?;
        (list.rows, list.searched) = (rows, Some(searched));
        return Ok(list);
    }
    let mut sql = Sql::new(COMMANDS);
    sql.push(" ORDER BY id DESC LIMIT ").bind(int(limit as u64));
    sql.push(" OFFSET ").bind(int(offset));
    list.rows = conn
        .prepare_cached(&sql.text)?
        .query_map(params_from_iter(sql.values), command)?
        .collect::<Result<_>>()?;
    Ok(list)
}

/// One command.
pub(super) fn command(row: &Row<'_>) -> Result<JournalRow> {
    Ok(JournalRow {
        id: count(row.get(0)?),
        at: count(row.get(1)?),
        origin: row.get(2)?,
        command: row.get(3)?,
        before: row.get(4)?,
        after: row.get(5)?,
        answer: row.get(6)?,
        refused: row.get(7)?,
    })
}
