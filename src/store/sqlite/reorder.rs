//! Gives the pages of a queue other ranks.

use super::code::int;
use super::lease::Leases;
use super::prune::{BEGIN, QUEUED};
use super::site::{Place, Sites};
use super::task::Step;
use super::write::Write;
use crate::page::SiteId;
use crate::store::Reorder;
use rusqlite::{Connection, Result, params};
use tokio::sync::oneshot;

/// A walk through a queue, from its head on.
#[derive(Debug)]
pub(super) struct Reordering {
    reorder: Reorder,
    /// Pages still to be looked at.
    left: u64,
    /// Everything up to here has been seen.
    after: Place,
    pub(super) moved: u64,
    pub(super) reply: oneshot::Sender<u64>,
}

impl Reordering {
    pub(super) fn new(reorder: Reorder, reply: oneshot::Sender<u64>) -> Self {
        Self {
            left: reorder.most,
            reorder,
            after: BEGIN,
            moved: 0,
            reply,
        }
    }

    /// Ranks the next `most` pages. Those that go back are met again further
    /// on, and have their rank by then.
    pub(super) fn step(
        &mut self,
        conn: &Connection,
        sites: &Sites,
        leases: &Leases,
        most: usize,
    ) -> Result<Step> {
        let Some(site) = sites.get(self.reorder.site) else {
            return Ok(Step::over());
        };
        let limit = self.left.min(most as u64);
        let mut statement = conn.prepare_cached(QUEUED)?;
        let after = self.after;
        let mut rows = statement.query(params![site.key, after.0, after.1, int(limit)])?;
        let mut seen = 0;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            seen += 1;
            self.after = (row.get(0)?, row.get(1)?);
            // A leased page is looked for where it stood.
            if leases.holds(self.after.1) {
                continue;
            }
            let url = row.get_ref(3)?.as_str().unwrap_or_default();
            let rank = i64::from((self.reorder.rank)(url, row.get(2)?));
            if rank != self.after.0 {
                pages.push((self.after, rank));
            }
        }
        self.left -= seen;
        self.moved += pages.len() as u64;
        let site = self.reorder.site;
        let write = (!pages.is_empty()).then_some(Write::Rank { site, pages });
        Ok(Step {
            write,
            over: seen < limit || self.left == 0,
        })
    }
}

/// Moves those of the pages that are still where they were found.
pub(super) fn apply(
    conn: &Connection,
    sites: &mut Sites,
    site: SiteId,
    pages: &[(Place, i64)],
) -> Result<()> {
    let Some(site) = sites.touch(site) else {
        return Ok(());
    };
    let mut page = conn
        .prepare_cached("UPDATE queue SET depth = ?4 WHERE site = ?1 AND depth = ?2 AND id = ?3")?;
    for ((from, id), to) in pages {
        if page.execute(params![site.key, from, id, to])? == 1 {
            site.queued((*to, *id));
        }
    }
    Ok(())
}
