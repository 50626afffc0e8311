//! Sitemaps, lists and APIs.

use crate::bus::SourceRow;
use crate::store::sqlite::source;
use rusqlite::{Result, Row};

/// A source of URLs and the name of its site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteSource {
    /// The site's name.
    pub site: String,
    /// The source.
    pub source: SourceRow,
}

/// Every source in the order in which they were first heard of.
pub(super) fn sql() -> String {
    format!(
        "SELECT o.id, s.name, {} FROM source o JOIN site s ON s.key = o.site \
         WHERE o.id > ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY o.id",
        source::COLUMNS
    )
}

/// The source and about how many bytes it takes.
pub(super) fn read(row: &Row<'_>) -> Result<(SiteSource, usize)> {
    let found = SiteSource {
        site: row.get(1)?,
        source: source::read(row, 2)?,
    };
    let size = found.source.name.len() + found.source.problem.len() + 200;
    Ok((found, size))
}
