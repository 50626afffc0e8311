//! A filter of failed pages as SQL.

use crate::bus::PageFilter;
use rusqlite::types::Value;

/// The tables, conditions and values of a filter: text that follows `FROM`.
#[derive(Debug)]
pub(super) struct Matching {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Failed pages (`p`) that match; `key` is the site's, where the filter names
/// one. Sites that are no longer in the file are left out.
pub(super) fn matching(filter: &PageFilter, key: Option<i64>) -> Matching {
    let mut sql = String::from("page p");
    let mut values = Vec::new();
    if !filter.text.is_empty() {
        sql.push_str(" CROSS JOIN url u ON u.id = p.id");
    }
    // `outcome = 2` stands here literally, for the partial index to apply.
    sql.push_str(" WHERE p.outcome = 2");
    match (filter.site, key) {
        (Some(_), Some(key)) => {
            values.push(Value::Integer(key));
            sql.push_str(&format!(" AND p.site = ?{}", values.len()));
        }
        (Some(_), None) => sql.push_str(" AND 0"),
        (None, _) => {
            sql.push_str(" AND p.site IN (SELECT key FROM site WHERE place IS NOT NULL)");
        }
    }
    if let Some(kind) = filter.kind {
        values.push(Value::Text(kind.as_str().to_owned()));
        sql.push_str(&format!(" AND p.reason = ?{}", values.len()));
    }
    if !filter.text.is_empty() {
        values.push(Value::Text(filter.text.to_ascii_lowercase()));
        let wanted = if filter.invert { "= 0" } else { "> 0" };
        // SQLite's lower() changes ASCII letters only, as is wanted here.
        sql.push_str(&format!(
            " AND instr(lower(u.url), ?{}) {wanted}",
            values.len()
        ));
    }
    Matching { sql, values }
}
