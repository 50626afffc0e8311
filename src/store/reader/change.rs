//! What rounds of crawling again have found changed.

use crate::bus::ChangeKind;
use crate::store::change::FieldChange;
use crate::store::sqlite::code::{change_kind, count, outcome_name};
use rusqlite::{Result, Row};

/// A page that was new, had changed or was gone. Text is as it came: clean it
/// before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRow {
    /// Its site's name.
    pub site: String,
    /// The round that found it so, from 2.
    pub round: u64,
    /// When that round began, milliseconds since the epoch.
    pub began: Option<u64>,
    /// How.
    pub kind: ChangeKind,
    /// The page's URL.
    pub url: String,
    /// Of a page that is gone: the status or the rule behind it.
    pub reason: Option<String>,
    /// When it was found so, milliseconds since the epoch.
    pub at: u64,
    /// The fields that are others now.
    pub fields: Vec<FieldChange>,
    /// What became of the page: `done`, or what came after.
    pub outcome: &'static str,
    /// Its last HTTP status.
    pub status: Option<u16>,
    /// Links from the start page to it.
    pub depth: u32,
}

pub(super) const CHANGES: &str = "SELECT c.id, s.name, c.round, r.began, c.kind, u.url, c.reason, \
     c.at, c.fields, coalesce(p.outcome, a.outcome), coalesce(p.status, a.status), u.depth \
     FROM change c CROSS JOIN site s ON s.key = c.site CROSS JOIN url u ON u.id = c.page \
     LEFT JOIN round r ON r.site = c.site AND r.number = c.round \
     LEFT JOIN page p ON p.id = c.page LEFT JOIN again a ON a.id = c.page \
     WHERE c.id > ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY c.id";

/// The change and about how many bytes it takes.
pub(super) fn read(row: &Row<'_>) -> Result<(ChangeRow, usize)> {
    let json = row.get_ref(8)?.as_str()?;
    let change = ChangeRow {
        site: row.get(1)?,
        round: count(row.get(2)?),
        began: row.get::<_, Option<i64>>(3)?.map(count),
        kind: change_kind(row.get(4)?),
        url: row.get(5)?,
        reason: row.get(6)?,
        at: count(row.get(7)?),
        // Written by serde_json; anything else has been edited by hand.
        fields: serde_json::from_str(json).unwrap_or_default(),
        outcome: outcome_name(row.get(9)?),
        status: row.get(10)?,
        depth: row.get(11)?,
    };
    Ok((change, json.len() * 2 + 200))
}
