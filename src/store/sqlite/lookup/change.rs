//! What rounds of crawling again have found, a screenful at a time.

use super::super::code::{change_code, change_kind, count, int};
use super::super::filter::Sql;
use super::Sites;
use crate::bus::{ChangeKind, ChangeList, ChangeRow, PageFilter};
use crate::page::{PageId, SiteId};
use crate::store::change::{FieldChange, words};
use rusqlite::{Connection, Result, params_from_iter};

/// The latest first.
pub(super) fn changes(
    conn: &Connection,
    sites: &Sites,
    site: Option<SiteId>,
    kind: Option<ChangeKind>,
    offset: u64,
    limit: usize,
) -> Result<ChangeList> {
    let of = PageFilter {
        site,
        ..PageFilter::default()
    };
    let narrow = |sql: &mut Sql| {
        sql.of_site("c.site", &of, sites.key(site));
        if let Some(kind) = kind {
            sql.push(" AND c.kind = ").bind(change_code(kind));
        }
    };
    let mut sql = Sql::new("SELECT count(*) FROM change c WHERE 1");
    narrow(&mut sql);
    let total = conn
        .prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |row| row.get(0))?;
    let mut list = ChangeList {
        total: count(total),
        offset,
        rows: Vec::new(),
    };
    let mut sql = Sql::new(
        "SELECT c.page, c.site, c.round, c.kind, u.url, c.at, c.reason, c.fields \
         FROM change c CROSS JOIN url u ON u.id = c.page WHERE 1",
    );
    narrow(&mut sql);
    sql.push(" ORDER BY c.id DESC LIMIT ");
    sql.bind(int(limit as u64));
    sql.push(" OFFSET ").bind(int(offset));
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        let Some(site) = sites.of_key(row.get(1)?) else {
            continue;
        };
        let reason: Option<String> = row.get(6)?;
        // Written by serde_json; anything else has been edited by hand.
        let fields = row.get_ref(7)?.as_str()?;
        let fields: Vec<FieldChange> = serde_json::from_str(fields).unwrap_or_default();
        list.rows.push(ChangeRow {
            page: PageId(row.get(0)?),
            site,
            round: count(row.get(2)?),
            kind: change_kind(row.get(3)?),
            url: row.get(4)?,
            at: count(row.get(5)?),
            what: reason.unwrap_or_else(|| words(&fields)),
        });
    }
    Ok(list)
}
