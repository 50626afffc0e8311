//! Which pages are handed out next.

use super::again;
use super::code::count;
use super::end::Held;
use super::site::{Place, Site, Sites};
use crate::page::{PageId, SiteId};
use crate::store::{Lease, Leased};
use rusqlite::{CachedStatement, Connection, Result, Row, params};
use std::collections::HashMap;

/// The pages handed out, in RAM only: after a crash all of them are queued.
#[derive(Debug, Default)]
pub(super) struct Leases(HashMap<u32, Held>);

impl Leases {
    /// Ends the lease of a page; `None` where it was not leased to `site`.
    pub(super) fn end(&mut self, sites: &mut Sites, site: SiteId, page: PageId) -> Option<Held> {
        if self.0.get(&page.0)?.site != site {
            return None;
        }
        let held = self.0.remove(&page.0)?;
        if let Some(site) = sites.touch(site) {
            site.leased -= 1;
        }
        Some(held)
    }

    /// The site of a leased page.
    pub(super) fn site_of(&self, page: PageId) -> Option<SiteId> {
        self.0.get(&page.0).map(|h| h.site)
    }

    pub(super) fn holds(&self, page: u32) -> bool {
        self.0.contains_key(&page)
    }

    /// Ends every lease of a site; later commits of its pages count for nothing.
    pub(super) fn end_all(&mut self, sites: &mut Sites, site: SiteId) {
        let before = self.0.len();
        self.0.retain(|_, held| held.site != site);
        if before != self.0.len()
            && let Some(site) = sites.touch(site)
        {
            site.leased = 0;
        }
    }

    /// Puts a page back where it came from.
    pub(super) fn give_back(&mut self, sites: &mut Sites, site: SiteId, page: PageId) {
        let Some(held) = self.end(sites, site, page) else {
            return;
        };
        if let Some(site) = sites.touch(site) {
            match held.due {
                Some(due) => site.retry.offer((due, page.0)),
                None => site.queued((held.depth, page.0)),
            }
        }
    }

    /// Leases at most `most` pages: retries that are due at `now`, then breadth
    /// first. The group so far must have been applied.
    pub(super) fn lease(
        &mut self,
        conn: &Connection,
        sites: &mut Sites,
        id: SiteId,
        most: usize,
        now: i64,
    ) -> Result<Lease> {
        if sites.get(id).is_none_or(|s| s.now.queued <= 0) {
            return Ok(Lease::Drained);
        }
        let mut pages = Vec::new();
        match self.fill(conn, sites, id, most, now, &mut pages) {
            Ok(due) if pages.is_empty() => Ok(Lease::Wait {
                due: due.map(count),
            }),
            Ok(_) => Ok(Lease::Pages(pages)),
            Err(error) => {
                for page in &pages {
                    self.give_back(sites, id, page.id);
                }
                Err(error)
            }
        }
    }

    /// Answers when the next retry falls due.
    fn fill(
        &mut self,
        conn: &Connection,
        sites: &mut Sites,
        id: SiteId,
        most: usize,
        now: i64,
        pages: &mut Vec<Leased>,
    ) -> Result<Option<i64>> {
        let mut due = None;
        let Some(site) = sites.touch(id) else {
            return Ok(due);
        };
        if site.retries > 0 {
            due = self.lease_retries(conn, site, id, most, now, pages)?;
        }
        if pages.len() < most && !site.dry {
            self.lease_queued(conn, site, id, most, pages)?;
        }
        Ok(due)
    }

    /// Answers when the next retry falls due.
    fn lease_retries(
        &mut self,
        conn: &Connection,
        site: &mut Site,
        id: SiteId,
        most: usize,
        now: i64,
        pages: &mut Vec<Leased>,
    ) -> Result<Option<i64>> {
        let mut statement = conn.prepare_cached(
            "SELECT r.due, r.id, r.tries, r.attempts, u.url, u.hops, u.depth \
             FROM retry r CROSS JOIN url u ON u.id = r.id \
             WHERE r.site = ?1 AND (r.due, r.id) > (?2, ?3) ORDER BY r.due, r.id",
        )?;
        let mut rows = rows_after(&mut statement, site.key, site.retry.0)?;
        while let Some(row) = rows.next()? {
            let place: Place = (row.get(0)?, row.get(1)?);
            if self.0.contains_key(&place.1) {
                site.retry.0 = place;
                continue;
            }
            if place.0 > now || pages.len() == most {
                return Ok(Some(place.0));
            }
            let held = Held {
                site: id,
                depth: row.get(6)?,
                tries: row.get(2)?,
                attempts: row.get(3)?,
                due: Some(place.0),
            };
            self.hold(conn, site, place, held, row, pages)?;
            site.retry.0 = place;
        }
        Ok(None)
    }

    fn lease_queued(
        &mut self,
        conn: &Connection,
        site: &mut Site,
        id: SiteId,
        most: usize,
        pages: &mut Vec<Leased>,
    ) -> Result<()> {
        // No LIMIT: rows are made one at a time, and leased ones do not count.
        let mut statement = conn.prepare_cached(
            "SELECT q.depth, q.id, 0, q.attempts, u.url, u.hops, u.depth \
             FROM queue q CROSS JOIN url u ON u.id = q.id \
             WHERE q.site = ?1 AND (q.depth, q.id) > (?2, ?3) ORDER BY q.depth, q.id",
        )?;
        let mut rows = rows_after(&mut statement, site.key, site.queue.0)?;
        while pages.len() < most {
            let Some(row) = rows.next()? else {
                site.dry = true;
                break;
            };
            let place: Place = (row.get(0)?, row.get(1)?);
            if !self.0.contains_key(&place.1) {
                let held = Held {
                    site: id,
                    depth: place.0,
                    tries: 0,
                    attempts: row.get(3)?,
                    due: None,
                };
                self.hold(conn, site, place, held, row, pages)?;
            }
            site.queue.0 = place;
        }
        Ok(())
    }

    fn hold(
        &mut self,
        conn: &Connection,
        site: &mut Site,
        place: Place,
        held: Held,
        row: &Row<'_>,
        pages: &mut Vec<Leased>,
    ) -> Result<()> {
        pages.push(Leased {
            id: PageId(place.1),
            url: row.get::<_, String>(4)?.into_boxed_str(),
            depth: row.get(6)?,
            tries: held.tries,
            hops: row.get(5)?,
            seen: match site.now.round.number {
                0 => None,
                _ => again::seen(conn, place.1)?,
            },
        });
        self.0.insert(place.1, held);
        site.leased += 1;
        Ok(())
    }
}

fn rows_after<'s>(
    statement: &'s mut CachedStatement<'_>,
    key: i64,
    after: Place,
) -> Result<rusqlite::Rows<'s>> {
    statement.query(params![key, after.0, after.1])
}
