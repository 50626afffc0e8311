//! Pages that need not be asked again, as a sitemap says.

use super::again::{Turn, restore};
use super::code::int;
use super::core::Core;
use super::site::Site;
use super::write::{Write, run};
use crate::page::{PageId, SiteId};
use rusqlite::{Connection, Result, params};

impl Core {
    /// Takes out of the queue what need not be asked again.
    pub(super) fn spare(&mut self, id: SiteId, rules: u32, pages: &[(PageId, u64)]) -> u64 {
        let Some(key) = self.start.sites.get(id).map(|site| site.key) else {
            return 0;
        };
        if self.stalled {
            return 0;
        }
        let mut spared = Vec::new();
        for (page, since) in pages {
            let found = self
                .start
                .conn
                .prepare_cached(
                    "SELECT 1 FROM again a JOIN seen s ON s.id = a.id JOIN queue q \
                     ON q.site = a.site AND q.depth = a.rank AND q.id = a.id \
                     WHERE a.id = ?1 AND a.site = ?2 AND a.fetched_at >= ?3 AND s.rules = ?4",
                )
                .and_then(|mut found| found.exists(params![page.0, key, int(*since), rules]));
            match found {
                Ok(true) if !self.leases.holds(page.0) => spared.push(page.0),
                Ok(_) => {}
                Err(error) => {
                    self.stall(&error);
                    return 0;
                }
            }
        }
        // A sitemap may name a page twice.
        spared.sort_unstable();
        spared.dedup();
        let count = spared.len() as u64;
        if count > 0 {
            self.write(Write::Turn(id, Turn::Spare { pages: spared }));
            self.wake(id);
        }
        count
    }
}

/// These are as they were and wait no longer.
pub(super) fn apply(conn: &Connection, site: &mut Site, pages: &[u32]) -> Result<()> {
    for page in pages {
        run(
            conn,
            "DELETE FROM queue WHERE site = ?1 AND id = ?2 \
             AND depth = (SELECT rank FROM again WHERE id = ?2)",
            params![site.key, page],
        )?;
        if let Some(bytes) = restore(conn, site, *page)? {
            site.now.queued -= 1;
            site.now.round.unchanged += 1;
            site.now.round.spared_bytes += bytes;
        }
    }
    Ok(())
}
