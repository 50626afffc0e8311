//! Groups of pages with the same text, or nearly.
//!
//! SQLite sorts the digests, on disk where they are many; in RAM are four bytes
//! a page of the job, and eight for each page of a group.

use crate::page::{BANDS, NEAR, TextPrint};
use rusqlite::{Connection, Result, params};

/// Texts with one band in common that each is compared with, those before it.
/// More share one by chance only beyond a hundred million pages.
const COMPARED: usize = 2000;

/// A page of a group. Text is as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRow {
    /// Its site's name.
    pub site: String,
    /// The group, from 1 on within the site.
    pub group: u64,
    /// `first` in the group to be found, `exact` (with the first one's text) or
    /// `near`.
    pub kind: &'static str,
    /// Bits in which the digest of its text differs from the first one's.
    pub distance: u32,
    /// Its URL.
    pub url: String,
}

/// Every page of every group, each group's in the order in which they were found.
pub(super) fn each<E: From<rusqlite::Error>>(
    conn: &Connection,
    only: Option<&str>,
    mut visit: impl FnMut(DuplicateRow) -> Result<(), E>,
) -> Result<(), E> {
    let sites: Vec<(i64, String)> = conn
        .prepare("SELECT key, name FROM site WHERE ?1 IS NULL OR name = ?1 ORDER BY place, key")?
        .query_map([only], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    for (key, site) in sites {
        let mut group = 0;
        let mut first: Option<(u32, TextPrint)> = None;
        for (root, page) in members(conn, key)? {
            let (url, print) = look_up(conn, page)?;
            let kind = match first {
                Some((of, _)) if of == root => None,
                _ => Some("first"),
            };
            if kind.is_some() {
                group += 1;
                first = Some((root, print));
            }
            // The root is the first of its group.
            let (_, of) = first.unwrap_or((root, print));
            visit(DuplicateRow {
                site: site.clone(),
                group,
                kind: kind.unwrap_or(match of.exact == print.exact {
                    true => "exact",
                    false => "near",
                }),
                distance: of.distance(print),
                url,
            })?;
        }
    }
    Ok(())
}

/// The pages of a site that are of a group, each behind its group's first page.
fn members(conn: &Connection, key: i64) -> Result<Vec<(u32, u32)>> {
    let last: Option<u32> = conn
        .prepare_cached("SELECT max(id) FROM content WHERE site = ?1")?
        .query_row([key], |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(Vec::new());
    };
    let mut groups = Groups((0..=last).collect());
    let mut statement =
        conn.prepare_cached("SELECT exact, id FROM content WHERE site = ?1 ORDER BY exact, id")?;
    let mut rows = statement.query([key])?;
    let mut before: Option<(i64, u32)> = None;
    while let Some(row) = rows.next()? {
        let (exact, id) = (row.get(0)?, row.get(1)?);
        match before {
            Some((text, first)) if text == exact => groups.join(first, id),
            _ => before = Some((exact, id)),
        }
    }
    for band in 0..BANDS {
        near(conn, key, band, &mut groups)?;
    }
    let mut ids = conn.prepare_cached("SELECT id FROM content WHERE site = ?1 ORDER BY id")?;
    let mut rows = ids.query([key])?;
    let mut members = Vec::new();
    let mut has_others = vec![false; groups.0.len()];
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let root = groups.root(id);
        if root != id {
            members.push((root, id));
            if !std::mem::replace(&mut has_others[root as usize], true) {
                members.push((root, root));
            }
        }
    }
    members.sort_unstable();
    Ok(members)
}

/// Joins texts that are near each other and have the same bits in a band: each
/// text once, by its first page.
fn near(conn: &Connection, key: i64, band: usize, groups: &mut Groups) -> Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT min(id), near, near >> (16 * ?2) & 65535 AS bits FROM content WHERE site = ?1 \
         GROUP BY exact ORDER BY bits, near",
    )?;
    let mut rows = statement.query(params![key, band as i64])?;
    let mut bits: Option<i64> = None;
    let mut same: Vec<(u32, i64)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, near, own): (u32, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if bits != Some(own) {
            bits = Some(own);
            same.clear();
        }
        let start = same.len().saturating_sub(COMPARED);
        for (other, text) in &same[start..] {
            if (text ^ near).count_ones() <= NEAR {
                groups.join(*other, id);
            }
        }
        same.push((id, near));
    }
    Ok(())
}

fn look_up(conn: &Connection, page: u32) -> Result<(String, TextPrint)> {
    conn.prepare_cached(
        "SELECT u.url, c.exact, c.near FROM content c CROSS JOIN url u ON u.id = c.id \
         WHERE c.id = ?1",
    )?
    .query_row([page], |row| {
        let print = TextPrint {
            exact: row.get::<_, i64>(1)?.cast_unsigned(),
            near: row.get::<_, i64>(2)?.cast_unsigned(),
        };
        Ok((row.get(0)?, print))
    })
}

/// Pages in groups: of each page another of its group with a lower number; of
/// the first of a group itself.
struct Groups(Vec<u32>);

impl Groups {
    fn root(&mut self, mut id: u32) -> u32 {
        while self.0[id as usize] != id {
            // Halves the way for the next one.
            let above = self.0[self.0[id as usize] as usize];
            self.0[id as usize] = above;
            id = above;
        }
        id
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}
