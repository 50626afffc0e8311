//! Records and the journal, a screenful at a time.

use super::super::answer::{self, Span};
use super::super::code::{count, int, within_answer};
use super::super::filter::Sql;
use super::Sites;
use crate::bus::{JournalList, JournalRow, PageFilter, RecordList, RecordRow};
use crate::page::{PageId, SiteId};
use rusqlite::{Connection, Result, params, params_from_iter};

/// Those of answers of APIs come first, the latest answer's before others'; then
/// those of the pages that ended last, each page's in its
/// own order.
pub(super) fn records(
    conn: &Connection,
    sites: &Sites,
    site: Option<SiteId>,
    record: Option<&str>,
    offset: u64,
    limit: usize,
) -> Result<RecordList> {
    let key = sites.key(site);
    let of = PageFilter {
        site,
        ..PageFilter::default()
    };
    let named = |sql: &mut Sql, column: &str| {
        if let Some(record) = record {
            let record = record.to_owned();
            sql.push(" AND ").push(column).push(" = ").bind(record);
        }
    };
    let mut sql = Sql::new("SELECT count(DISTINCT f.record) FROM field f WHERE 1");
    sql.of_site("f.site", &of, key);
    let kinds: i64 = query(conn, &sql)?;
    let total = if record.is_none() {
        sites.total(site).records
    } else {
        let mut sql = Sql::new("SELECT count(*) FROM field f WHERE 1");
        sql.of_site("f.site", &of, key);
        named(&mut sql, "f.record");
        match query(conn, &sql)? {
            // Of this name there are none, or no others.
            0 => 0,
            _ if kinds == 1 => sites.total(site).records,
            _ => {
                let mut sql = Sql::new("SELECT count(*) FROM record r WHERE 1");
                sql.of_site("r.site", &of, key);
                named(&mut sql, "r.name");
                count(query(conn, &sql)?)
            }
        }
    };
    let mut sql = Sql::new("SELECT f.field FROM field f WHERE 1");
    sql.of_site("f.site", &of, key);
    named(&mut sql, "f.record");
    sql.push(" GROUP BY f.field ORDER BY min(f.id)");
    let columns = conn
        .prepare_cached(&sql.text)?
        .query_map(params_from_iter(sql.values), |r| r.get(0))?
        .collect::<Result<_>>()?;
    let mut list = RecordList {
        total,
        offset,
        columns,
        rows: Vec::new(),
    };
    if offset >= total {
        return Ok(list);
    }
    let (spans, of_answers) = answer::window(conn, key, record, offset, limit as u64)?;
    for span in &spans {
        of_answer(conn, sites, span, &mut list.rows)?;
    }
    let offset = offset.saturating_sub(of_answers);
    let limit = limit - list.rows.len().min(limit);
    if limit == 0 {
        return Ok(list);
    }
    let mut sql = Sql::new(
        "SELECT p.id, p.site, r.name, u.url, r.fields FROM page p INDEXED BY ended \
         CROSS JOIN record r ON r.id >= p.id << 16 AND r.id < (p.id + 1) << 16 \
         CROSS JOIN url u ON u.id = p.id WHERE 1",
    );
    sql.of_site("p.site", &of, key);
    named(&mut sql, "r.name");
    sql.push(" ORDER BY p.ended_at DESC, p.id DESC, r.id LIMIT ");
    sql.bind(int(limit as u64));
    sql.push(" OFFSET ").bind(int(offset));
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        let Some(site) = sites.of_key(row.get(1)?) else {
            continue;
        };
        let fields = row.get_ref(4)?.as_str().unwrap_or_default();
        list.rows.push(RecordRow {
            page: Some(PageId(row.get(0)?)),
            site,
            record: row.get(2)?,
            url: row.get(3)?,
            // Written by serde_json from a map; anything else has been edited by hand.
            fields: serde_json::from_str(fields).unwrap_or_default(),
        });
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
    let Some(site) = sites.of_key(span.site) else {
        return Ok(());
    };
    let number = |n: u64| within_answer(span.id, u32::try_from(n).unwrap_or(u32::MAX));
    let mut statement = conn
        .prepare_cached("SELECT name, fields FROM record WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut found = statement.query([
        number(span.from),
        number(span.from) + int(span.to - span.from),
    ])?;
    while let Some(row) = found.next()? {
        let fields = row.get_ref(1)?.as_str().unwrap_or_default();
        rows.push(RecordRow {
            page: None,
            site,
            record: row.get(0)?,
            url: span.url.clone(),
            fields: serde_json::from_str(fields).unwrap_or_default(),
        });
    }
    Ok(())
}

fn query(conn: &Connection, sql: &Sql) -> Result<i64> {
    conn.prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |r| r.get(0))
}

/// The latest command first.
pub(super) fn journal(conn: &Connection, offset: u64, limit: usize) -> Result<JournalList> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM journal")?
        .query_row([], |r| r.get(0))?;
    let rows = conn
        .prepare_cached(
            "SELECT at, origin, command, before, after, answer, refused FROM journal \
             ORDER BY id DESC LIMIT ?1 OFFSET ?2",
        )?
        .query_map(params![int(limit as u64), int(offset)], |row| {
            Ok(JournalRow {
                at: count(row.get(0)?),
                origin: row.get(1)?,
                command: row.get(2)?,
                before: row.get(3)?,
                after: row.get(4)?,
                answer: row.get(5)?,
                refused: row.get(6)?,
            })
        })?
        .collect::<Result<_>>()?;
    Ok(JournalList {
        total: count(total),
        offset,
        rows,
    })
}
