//! What rounds of crawling again have found, a screenful at a time.

use super::super::code::{change_code, change_kind, count, int};
use super::super::filter::Sql;
use super::Sites;
use super::search::{by_number, gather};
use crate::bus::search::Search;
use crate::bus::{ChangeKind, ChangeList, ChangeRow, PageFilter};
use crate::page::{PageId, SiteId};
use crate::store::change::{FieldChange, words};
use rusqlite::{Connection, Result, Row, params_from_iter};

/// Which changes are asked for.
pub(super) struct Of {
    filter: PageFilter,
    key: Option<i64>,
    kind: Option<ChangeKind>,
}

impl Of {
    pub(super) fn new(sites: &Sites, site: Option<SiteId>, kind: Option<ChangeKind>) -> Self {
        Self {
            filter: PageFilter {
                site,
                ..PageFilter::default()
            },
            key: sites.key(site),
            kind,
        }
    }

    fn narrow(&self, sql: &mut Sql) {
        sql.of_site("c.site", &self.filter, self.key);
        if let Some(kind) = self.kind {
            sql.push(" AND c.kind = ").bind(change_code(kind));
        }
    }
}

/// What is read of changes.
const COLUMNS: &str = "SELECT c.page, c.site, c.round, c.kind, u.url, c.at, c.reason, c.fields, \
                       c.id FROM change c CROSS JOIN url u ON u.id = c.page WHERE 1";

/// The latest first.
pub(super) fn changes(
    conn: &Connection,
    sites: &Sites,
    of: &Of,
    wanted: Option<&Search>,
    offset: u64,
    limit: usize,
) -> Result<ChangeList> {
    let mut sql = Sql::new("SELECT count(*) FROM change c WHERE 1");
    of.narrow(&mut sql);
    let total = conn
        .prepare_cached(&sql.text)?
        .query_row(params_from_iter(&sql.values), |row| row.get(0))?;
    let mut list = ChangeList {
        total: count(total),
        offset,
        searched: None,
        rows: Vec::new(),
    };
    let mut sql = Sql::new(COLUMNS);
    of.narrow(&mut sql);
    if let Some(wanted) = wanted {
        by_number(&mut sql, " AND ", "c.id", wanted.from);
        let (rows, searched) = gather(conn, sql, wanted, limit, |row| change(row, sites))?;
        (list.rows, list.searched) = (rows, Some(searched));
        return Ok(list);
    }
    sql.push(" ORDER BY c.id DESC LIMIT ");
    sql.bind(int(limit as u64));
    sql.push(" OFFSET ").bind(int(offset));
    let mut statement = conn.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(sql.values))?;
    while let Some(row) = rows.next()? {
        list.rows.extend(change(row, sites)?);
    }
    Ok(list)
}

/// One change; `None` where its site is no longer in the file.
fn change(row: &Row<'_>, sites: &Sites) -> Result<Option<ChangeRow>> {
    let Some(site) = sites.of_key(row.get(1)?) else {
        return Ok(None);
    };
    let reason: Option<String> = row.get(6)?;
    // Written by serde_json; anything else has been edited by hand.
    let fields = row.get_ref(7)?.as_str()?;
    let fields: Vec<FieldChange> = serde_json::from_str(fields).unwrap_or_default();
    Ok(Some(ChangeRow {
        id: count(row.get(8)?),
        page: PageId(row.get(0)?),
        site,
        round: count(row.get(2)?),
        kind: change_kind(row.get(3)?),
        url: row.get(4)?,
        at: count(row.get(5)?),
        what: reason.unwrap_or_else(|| words(&fields)),
    }))
}
