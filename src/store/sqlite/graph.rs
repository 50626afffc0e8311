//! The link graph as the tables hold it, read from one end to the other with
//! little memory: at most a bit or two a page, and what one piece holds.

mod degrees;

pub(in crate::store) use self::degrees::{COUNTED, Window};

use super::link::{prints, unpack};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

/// Rows of `link` read at once.
const ROWS: usize = 500;
/// Bytes after which no further row is read at once.
const BYTES: usize = 1 << 20;
/// Fingerprints of unknown URLs looked for in one pass over the known ones.
const LOOKED_FOR: usize = 1 << 20;
/// Redirects followed at most.
const HOPS: usize = 10;

/// A set of pages, by number.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Bits(Vec<u64>);

impl Bits {
    pub(in crate::store) fn set(&mut self, page: u32) {
        let at = page as usize / 64;
        if at >= self.0.len() {
            self.0.resize((at + 1).max(self.0.len() * 5 / 4), 0);
        }
        self.0[at] |= 1 << (page % 64);
    }

    pub(in crate::store) fn has(&self, page: u32) -> bool {
        let word = self.0.get(page as usize / 64);
        word.is_some_and(|word| word >> (page % 64) & 1 == 1)
    }

    pub(in crate::store) fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Its pages in ascending order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            // A set of u32 has no more words than that.
            let first = (at * 64) as u32;
            (0..64).filter_map(move |bit| (word >> bit & 1 == 1).then_some(first + bit))
        })
    }
}

/// Which sites' links are meant.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Of {
    /// Only of the site with this key.
    pub(in crate::store) key: Option<i64>,
    /// Only of sites that stand in the sites file.
    pub(in crate::store) listed: bool,
}

/// The links of a job.
pub(in crate::store) struct Graph<'a> {
    conn: &'a Connection,
    of: Of,
    /// The pages of fingerprints that were unknown when they were kept, and the
    /// pages whose fingerprints have been looked for.
    resolved: HashMap<u64, u32>,
    covers: Option<RangeInclusive<u32>>,
}

/// Links of one page: those that are pages, and fingerprints of the rest.
struct Source {
    page: u32,
    site: i64,
    targets: Vec<u32>,
    unknown: Vec<u64>,
}

impl<'a> Graph<'a> {
    pub(in crate::store) fn new(conn: &'a Connection, of: Of) -> Self {
        Self {
            conn,
            of,
            resolved: HashMap::new(),
            covers: None,
        }
    }

    /// Whether any links are kept.
    pub(in crate::store) fn is_kept(&self) -> Result<bool> {
        let sql = "SELECT 1 FROM link WHERE (?1 IS NULL OR site = ?1) \
                   AND site IN (SELECT key FROM site WHERE place IS NOT NULL OR NOT ?2) LIMIT 1";
        let mut statement = self.conn.prepare_cached(sql)?;
        statement.exists(params![self.of.key, self.of.listed])
    }

    /// Hands out every page with links kept, in ascending order: its number, its
    /// site's key, and the pages that it links to, in ascending order.
    pub(in crate::store) fn each<E: From<rusqlite::Error>>(
        &mut self,
        mut visit: impl FnMut(u32, i64, &[u32]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut after = 0;
        loop {
            let piece = self.piece(after)?;
            let Some(last) = piece.last() else {
                return Ok(());
            };
            after = last.page;
            for mut source in piece {
                if !source.unknown.is_empty() {
                    self.cover(source.page)?;
                    let found = source.unknown.iter().filter_map(|p| self.resolved.get(p));
                    source.targets.extend(found);
                    source.targets.sort_unstable();
                    source.targets.dedup();
                }
                visit(source.page, source.site, &source.targets)?;
            }
        }
    }

    /// The next pages, as one short read.
    fn piece(&self, after: u32) -> Result<Vec<Source>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, site, unknown, targets FROM link WHERE id > ?1 \
             AND (?2 IS NULL OR site = ?2) \
             AND site IN (SELECT key FROM site WHERE place IS NOT NULL OR NOT ?3) ORDER BY id",
        )?;
        let mut rows = statement.query(params![after, self.of.key, self.of.listed])?;
        let mut piece = Vec::new();
        let mut bytes = 0;
        while piece.len() < ROWS && bytes < BYTES {
            let Some(row) = rows.next()? else { break };
            let unknown = row.get_ref(2)?.as_blob_or_null()?.unwrap_or_default();
            let packed = row.get_ref(3)?.as_blob()?;
            bytes += unknown.len() + packed.len();
            let mut targets = Vec::with_capacity(packed.len());
            unpack(packed, |page| targets.push(page));
            piece.push(Source {
                page: row.get(0)?,
                site: row.get(1)?,
                targets,
                unknown: prints(unknown).map(|print| print.0).collect(),
            });
        }
        Ok(piece)
    }

    /// Looks for the unknown fingerprints of this page and as many after it as
    /// there is room for, unless it has.
    fn cover(&mut self, page: u32) -> Result<()> {
        if self
            .covers
            .as_ref()
            .is_some_and(|seen| seen.contains(&page))
        {
            return Ok(());
        }
        let mut wanted: HashSet<u64> = HashSet::new();
        let mut last = u32::MAX;
        {
            let mut statement = self.conn.prepare_cached(
                "SELECT id, unknown FROM link WHERE id >= ?1 AND unknown IS NOT NULL ORDER BY id",
            )?;
            let mut rows = statement.query([page])?;
            while let Some(row) = rows.next()? {
                wanted.extend(prints(row.get_ref(1)?.as_blob()?).map(|print| print.0));
                if wanted.len() >= LOOKED_FOR {
                    last = row.get(0)?;
                    break;
                }
            }
        }
        self.resolved.clear();
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, print FROM url WHERE site IN (SELECT key FROM site)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // The same 64 bits, read as a signed number.
            let print = row.get::<_, i64>(1)?.cast_unsigned();
            if wanted.contains(&print) {
                self.resolved.insert(print, row.get(0)?);
            }
        }
        self.covers = Some(page..=last);
        Ok(())
    }

    /// The pages to which a link leads, straight or by redirects, and the keys
    /// of the sites that keep links.
    fn linked(&mut self) -> Result<(Bits, HashSet<i64>)> {
        let (mut linked, mut sites) = (Bits::default(), HashSet::new());
        self.each(|_, site, targets| {
            sites.insert(site);
            targets.iter().for_each(|page| linked.set(*page));
            Ok::<(), rusqlite::Error>(())
        })?;
        self.spread(&mut linked, |from, to| (from, to))?;
        Ok((linked, sites))
    }

    /// Pages that a sitemap, a list or an API names and to which no link leads,
    /// of sites that keep links.
    pub(in crate::store) fn orphans(&mut self) -> Result<Bits> {
        let (linked, sites) = self.linked()?;
        let mut orphans = Bits::default();
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, site FROM url WHERE via = 1")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let page = row.get(0)?;
            if sites.contains(&row.get(1)?) && !linked.has(page) {
                orphans.set(page);
            }
        }
        Ok(orphans)
    }

    /// Pages that failed, or redirect to one that did.
    pub(in crate::store) fn dead(&self) -> Result<Bits> {
        let mut dead = Bits::default();
        let mut statement = self
            .conn
            .prepare_cached("SELECT id FROM page INDEXED BY failed WHERE outcome = 2")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            dead.set(row.get(0)?);
        }
        self.spread(&mut dead, |from, to| (to, from))?;
        Ok(dead)
    }

    /// The dead pages to which a page links.
    pub(in crate::store) fn linked_dead(&mut self) -> Result<Bits> {
        let dead = self.dead()?;
        let mut linked = Bits::default();
        self.each(|_, _, targets| {
            let found = targets.iter().filter(|page| dead.has(**page));
            found.for_each(|page| linked.set(*page));
            Ok::<(), rusqlite::Error>(())
        })?;
        Ok(linked)
    }

    /// Adds what redirects lead to from what is in the set, or the other way.
    fn spread(&self, set: &mut Bits, way: impl Fn(u32, u32) -> (u32, u32)) -> Result<()> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, target FROM redirect WHERE target IS NOT NULL")?;
        for _ in 0..=HOPS {
            let mut rows = statement.query([])?;
            let mut more = false;
            while let Some(row) = rows.next()? {
                let (has, gets) = way(row.get(0)?, row.get(1)?);
                if set.has(has) && !set.has(gets) {
                    set.set(gets);
                    more = true;
                }
            }
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Hands out the redirects that lead to a page: from which, to which, in the
    /// order of their pages.
    pub(in crate::store) fn redirects<E: From<rusqlite::Error>>(
        &self,
        mut visit: impl FnMut(u32, u32) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut after = 0;
        loop {
            let mut piece: Vec<(u32, u32)> = Vec::new();
            {
                let mut statement = self.conn.prepare_cached(
                    "SELECT r.id, r.target FROM redirect r CROSS JOIN url u ON u.id = r.id \
                     WHERE r.id > ?1 AND r.target IS NOT NULL AND (?2 IS NULL OR u.site = ?2) \
                     AND u.site IN (SELECT key FROM site WHERE place IS NOT NULL OR NOT ?3) \
                     ORDER BY r.id LIMIT ?4",
                )?;
                let of = params![after, self.of.key, self.of.listed, ROWS as i64];
                let mut rows = statement.query(of)?;
                while let Some(row) = rows.next()? {
                    piece.push((row.get(0)?, row.get(1)?));
                }
            }
            let Some(last) = piece.last() else {
                return Ok(());
            };
            after = last.0;
            for (from, to) in piece {
                visit(from, to)?;
            }
        }
    }
}

/// Where the redirects of a page end: a page, or an address that is none.
/// `None` where they lead nowhere (a loop, more than ten).
pub(in crate::store) fn end(
    conn: &Connection,
    page: u32,
) -> Result<Option<std::result::Result<u32, String>>> {
    let mut redirect = conn.prepare_cached("SELECT target, address FROM redirect WHERE id = ?1")?;
    let mut at = page;
    for _ in 0..=HOPS {
        let next: Option<(Option<u32>, Option<String>)> = redirect
            .query_row([at], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match next {
            Some((Some(target), _)) => at = target,
            Some((None, address)) => return Ok(address.map(Err)),
            None => return Ok(Some(Ok(at))),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
