//! Groups of pages with the same text, or nearly.
//!
//! SQLite sorts the digests, on disk where they are many; in RAM are four bytes
//! a page of the job.

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
        let groups = groups(conn, key)?;
        for (group, root) in (1..).zip(groups.roots()) {
            let (url, of) = look_up(conn, root)?;
            let row = |kind, url, distance| DuplicateRow {
                site: site.clone(),
                group,
                kind,
                distance,
                url,
            };
            visit(row("first", url, 0))?;
            for page in groups.others(root) {
                let (url, print) = look_up(conn, page)?;
                let kind = match of.exact == print.exact {
                    true => "exact",
                    false => "near",
                };
                visit(row(kind, url, of.distance(print)))?;
            }
        }
    }
    Ok(())
}

/// The pages of a site that are of a group.
fn groups(conn: &Connection, key: i64) -> Result<Lists> {
    let last: Option<u32> = conn
        .prepare_cached("SELECT max(id) FROM content WHERE site = ?1")?
        .query_row([key], |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(Groups(Vec::new()).into_lists());
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
    Ok(groups.into_lists())
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

    /// Lists in the same room.
    fn into_lists(mut self) -> Lists {
        for id in 0..self.0.len() as u32 {
            // Pages are numbered with 32 bits; a root is lower, and is its own.
            self.0[id as usize] = self.root(id);
        }
        let mut next = self.0;
        let mut roots = vec![0; next.len().div_ceil(64)];
        // From the last on: a root comes after all the others of its group.
        for id in (0..next.len()).rev() {
            let root = next[id] as usize;
            if root < id {
                next[id] = next[root];
                next[root] = id as u32;
            } else if root > id {
                roots[id / 64] |= 1 << (id % 64);
            }
        }
        Lists { next, roots }
    }
}

/// The groups of two pages and more. Of each page the next one of its group; of
/// the last one the first.
struct Lists {
    next: Vec<u32>,
    /// A bit for each page that is the first of a group.
    roots: Vec<u64>,
}

impl Lists {
    /// The first page of each group.
    fn roots(&self) -> impl Iterator<Item = u32> {
        let is_root = |id: &u32| self.roots[*id as usize / 64] >> (id % 64) & 1 == 1;
        (0..self.next.len() as u32).filter(is_root)
    }

    /// The other pages of the group of this first one, in their order.
    fn others(&self, root: u32) -> impl Iterator<Item = u32> {
        let next = move |id: u32| Some(self.next[id as usize]).filter(|next| *next != root);
        std::iter::successors(next(root), move |id| next(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn lists_are_of_what_was_joined(
            n in 0..200u32,
            joined in prop::collection::vec((any::<u32>(), any::<u32>()), 0..200),
        ) {
            let mut groups = Groups((0..n).collect());
            // Each page's group, by the plainest way.
            let mut of: Vec<u32> = (0..n).collect();
            for (one, other) in joined {
                let Some((one, other)) = one.checked_rem(n).zip(other.checked_rem(n)) else {
                    continue;
                };
                groups.join(one, other);
                let (from, to) = (of[one as usize], of[other as usize]);
                of.iter_mut().filter(|of| **of == from).for_each(|of| *of = to);
            }
            let mut expected: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for (page, of) in (0..).zip(&of) {
                expected.entry(*of).or_default().push(page);
            }
            let mut expected: Vec<Vec<u32>> = expected.into_values().collect();
            expected.retain(|group| group.len() > 1);
            expected.sort();
            let lists = groups.into_lists();
            let made: Vec<Vec<u32>> = lists
                .roots()
                .map(|root| std::iter::once(root).chain(lists.others(root)).collect())
                .collect();
            prop_assert_eq!(made, expected);
        }
    }
}
