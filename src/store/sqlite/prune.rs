//! Takes pages out of a queue before they are fetched.

use super::again::restore;
use super::code::{SKIPPED, int};
use super::lease::Leases;
use super::site::{Place, Sites};
use super::task::{Step, Tally};
use super::write::{Write, run};
use crate::page::time::now_ms;
use crate::page::{SiteId, SkipReason};
use crate::store::Prune;
use rusqlite::{Connection, Result, params};
use tokio::sync::oneshot;

/// A search through the queues.
#[derive(Debug)]
pub(super) struct Pruning {
    prune: Prune,
    /// Sites still to be searched, the next one last.
    sites: Vec<SiteId>,
    /// In `retry`; before that, in `queue`.
    waiting: bool,
    /// Everything up to here has been seen.
    after: Place,
    pub(super) tally: Tally,
    pub(super) reply: oneshot::Sender<Vec<(SiteId, u64)>>,
}

/// Before everything.
pub(super) const BEGIN: Place = (i64::MIN, 0);
/// A site's queue behind a place: places, depths and URLs of so many pages.
pub(super) const QUEUED: &str = "SELECT q.depth, q.id, u.depth, u.url \
     FROM queue q CROSS JOIN url u ON u.id = q.id \
     WHERE q.site = ?1 AND (q.depth, q.id) > (?2, ?3) ORDER BY q.depth, q.id LIMIT ?4";

impl Pruning {
    pub(super) fn new(
        prune: Prune,
        sites: &Sites,
        reply: oneshot::Sender<Vec<(SiteId, u64)>>,
    ) -> Self {
        let wanted = prune.site;
        let mut sites: Vec<SiteId> = sites.ids().collect();
        sites.retain(|site| wanted.is_none_or(|w| w == *site));
        sites.reverse();
        Self {
            prune,
            sites,
            waiting: false,
            after: BEGIN,
            tally: Tally::default(),
            reply,
        }
    }

    /// Looks at the next `most` pages. A page that is leased meanwhile and
    /// then waits for a retry is found there: retries come after the queue.
    pub(super) fn step(
        &mut self,
        conn: &Connection,
        sites: &Sites,
        leases: &Leases,
        most: usize,
    ) -> Result<Step> {
        let Some(id) = self.sites.last().copied() else {
            return Ok(Step::over());
        };
        let Some(site) = sites.get(id) else {
            self.sites.pop();
            return Ok(Step::nothing());
        };
        let mut statement = conn.prepare_cached(if self.waiting {
            "SELECT q.due, q.id, u.depth, u.url FROM retry q CROSS JOIN url u ON u.id = q.id \
             WHERE q.site = ?1 AND (q.due, q.id) > (?2, ?3) ORDER BY q.due, q.id LIMIT ?4"
        } else {
            QUEUED
        })?;
        let (after, limit) = (self.after, int(most as u64));
        let mut rows = statement.query(params![site.key, after.0, after.1, limit])?;
        let mut seen = 0;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            seen += 1;
            self.after = (row.get(0)?, row.get(1)?);
            // Whoever has leased a page judges it.
            if leases.holds(self.after.1) {
                continue;
            }
            let url = row.get_ref(3)?.as_str().unwrap_or_default();
            if (self.prune.goes)(url, row.get(2)?) {
                pages.push(self.after);
            }
        }
        self.tally.add(id, pages.len() as u64);
        let write = (!pages.is_empty() && !self.prune.preview).then(|| Write::Skip {
            site: id,
            waiting: self.waiting,
            pages,
            reason: self.prune.reason,
            at: now_ms(),
        });
        if seen < most {
            self.after = BEGIN;
            if self.waiting {
                self.sites.pop();
            }
            self.waiting = !self.waiting;
        }
        Ok(Step {
            write,
            over: self.sites.is_empty(),
        })
    }
}

/// Pages that are skipped unfetched.
pub(super) struct Skip<'a> {
    pub(super) site: SiteId,
    pub(super) waiting: bool,
    pub(super) pages: &'a [Place],
    pub(super) reason: SkipReason,
    pub(super) at: u64,
}

/// Skips those of the pages that are still where they were found.
pub(super) fn apply(conn: &Connection, sites: &mut Sites, skip: &Skip<'_>) -> Result<()> {
    let Some(site) = sites.touch(skip.site) else {
        return Ok(());
    };
    let mut page = conn.prepare_cached(if skip.waiting {
        "INSERT OR REPLACE INTO page (id, site, outcome, reason, attempts, bytes, ended_at) \
         SELECT id, site, ?4, ?5, attempts, 0, ?6 FROM retry \
         WHERE site = ?1 AND due = ?2 AND id = ?3"
    } else {
        "INSERT OR REPLACE INTO page (id, site, outcome, reason, attempts, bytes, ended_at) \
         SELECT id, site, ?4, ?5, attempts, 0, ?6 FROM queue \
         WHERE site = ?1 AND depth = ?2 AND id = ?3"
    })?;
    let delete = if skip.waiting {
        "DELETE FROM retry WHERE site = ?1 AND due = ?2 AND id = ?3"
    } else {
        "DELETE FROM queue WHERE site = ?1 AND depth = ?2 AND id = ?3"
    };
    for (order, id) in skip.pages {
        // One that waits to be asked again and is out of scope is told as gone
        // by its end, which the supervisor makes of it.
        if skip.reason != SkipReason::Operator && waits_again(conn, *id)? {
            continue;
        }
        let (reason, at) = (skip.reason.as_str(), int(skip.at));
        let changed = page.execute(params![site.key, order, id, SKIPPED, reason, at])?;
        if changed == 1 {
            run(conn, delete, params![site.key, order, id])?;
            site.now.queued -= 1;
            site.retries -= i64::from(skip.waiting);
            // A page that waited to be asked again stays what it was.
            if restore(conn, site, *id)?.is_none() {
                site.now.skipped += 1;
            }
        }
    }
    site.progress.notify_one();
    Ok(())
}

fn waits_again(conn: &Connection, page: u32) -> Result<bool> {
    conn.prepare_cached("SELECT 1 FROM again WHERE id = ?1")?
        .exists([page])
}
