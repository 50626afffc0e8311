//! What the writer keeps in RAM of each site.

use crate::bus::SiteDelta;
use crate::page::SiteId;
use std::sync::Arc;
use tokio::sync::Notify;

/// A place in a queue's order: depth or due time, then page number.
pub(super) type Place = (i64, u32);

/// How far a queue is leased: every row up to here is leased or gone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor(pub(super) Place);

impl Default for Cursor {
    fn default() -> Self {
        Self((i64::MIN, 0))
    }
}

impl Cursor {
    /// Steps back so that `place` is ahead again. Page numbers begin at 1.
    pub(super) fn offer(&mut self, place: Place) {
        if place <= self.0 {
            self.0 = (place.0, place.1 - 1);
        }
    }
}

/// A site's counters. `now` holds what the open group has changed; `base` is
/// what was last committed.
#[derive(Debug)]
pub(super) struct Site {
    /// Its key in the tables, the same in every run; another once it has been
    /// forgotten.
    pub(super) key: i64,
    base_key: i64,
    /// Counters, in the shape in which their changes are told.
    pub(super) now: SiteDelta,
    base: SiteDelta,
    /// Rows in `retry`.
    pub(super) retries: i64,
    base_retries: i64,
    /// Pages leased.
    pub(super) leased: u32,
    pub(super) queue: Cursor,
    pub(super) retry: Cursor,
    /// Whether nothing in `queue` is ahead of its cursor.
    pub(super) dry: bool,
    dirty: bool,
    pub(super) progress: Arc<Notify>,
}

impl Site {
    pub(super) fn new(key: i64, counts: SiteDelta, retries: i64, progress: Arc<Notify>) -> Self {
        Self {
            key,
            base_key: key,
            now: counts,
            base: counts,
            retries,
            base_retries: retries,
            leased: 0,
            queue: Cursor::default(),
            retry: Cursor::default(),
            dry: false,
            dirty: false,
            progress,
        }
    }

    /// A row came into `queue`.
    pub(super) fn queued(&mut self, place: Place) {
        self.queue.offer(place);
        self.dry = false;
    }

    /// Rows came into `queue`, anywhere.
    pub(super) fn rewind(&mut self) {
        self.queue = Cursor::default();
        self.dry = false;
        self.progress.notify_one();
    }

    /// Nothing of it is known any more; its rows from now on have this key.
    pub(super) fn forgotten(&mut self, key: i64) {
        self.key = key;
        self.now = SiteDelta::default();
        self.retries = 0;
        self.retry = Cursor::default();
        self.rewind();
    }
}

/// The sites of the current sites file, by [`SiteId`].
#[derive(Debug)]
pub(super) struct Sites {
    sites: Vec<Site>,
    dirty: Vec<usize>,
}

impl Sites {
    pub(super) fn new(sites: Vec<Site>) -> Self {
        Self {
            sites,
            dirty: Vec::new(),
        }
    }

    /// Adds a site after the others.
    pub(super) fn push(&mut self, site: Site) {
        self.sites.push(site);
    }

    pub(super) fn get(&self, site: SiteId) -> Option<&Site> {
        self.sites.get(site.index())
    }

    /// The site, to be changed: its row is written with the next commit.
    pub(super) fn touch(&mut self, site: SiteId) -> Option<&mut Site> {
        let found = self.sites.get_mut(site.index())?;
        if !found.dirty {
            found.dirty = true;
            self.dirty.push(site.index());
        }
        Some(found)
    }

    /// Every site's place.
    pub(super) fn ids(&self) -> impl Iterator<Item = SiteId> + use<> {
        // An index of a list made from u32 places.
        (0..self.sites.len() as u32).map(SiteId)
    }

    /// The current place of a site's key.
    pub(super) fn of_key(&self, key: i64) -> Option<SiteId> {
        let index = self.sites.iter().position(|s| s.key == key)?;
        u32::try_from(index).ok().map(SiteId)
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Sites whose row must be written.
    pub(super) fn dirty(&self) -> impl Iterator<Item = &Site> {
        self.dirty.iter().map(|i| &self.sites[*i])
    }

    /// The group is durable: answers what it changed.
    pub(super) fn committed(&mut self) -> Vec<(SiteId, SiteDelta)> {
        let mut changes = Vec::new();
        for index in self.dirty.drain(..) {
            let site = &mut self.sites[index];
            let delta = minus(site.now, site.base);
            if delta != SiteDelta::default() {
                // An index of a list made from u32 places.
                changes.push((SiteId(index as u32), delta));
            }
            site.base = site.now;
            site.base_key = site.key;
            site.base_retries = site.retries;
            site.dirty = false;
        }
        changes
    }

    /// The group was rolled back, to be applied again.
    pub(super) fn rolled_back(&mut self) {
        for index in &self.dirty {
            let site = &mut self.sites[*index];
            site.now = site.base;
            site.key = site.base_key;
            site.retries = site.base_retries;
        }
    }

    /// Wakes every supervisor.
    pub(super) fn wake_all(&self) {
        for site in &self.sites {
            site.progress.notify_one();
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = i64> {
        self.sites.iter().map(|s| s.key)
    }
}

fn minus(a: SiteDelta, b: SiteDelta) -> SiteDelta {
    SiteDelta {
        done: a.done - b.done,
        failed: a.failed - b.failed,
        skipped: a.skipped - b.skipped,
        queued: a.queued - b.queued,
        records: a.records - b.records,
        bytes: a.bytes - b.bytes,
        round: a.round.zip(b.round, |a, b| a - b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_steps_back_only_for_what_is_behind_it() {
        let mut cursor = Cursor((3, 10));
        cursor.offer((3, 11));
        assert_eq!(cursor.0, (3, 10));
        cursor.offer((3, 10));
        assert_eq!(cursor.0, (3, 9));
        cursor.offer((1, 20));
        assert_eq!(cursor.0, (1, 19));
    }

    #[test]
    fn a_rolled_back_group_leaves_no_trace() {
        let one = Site::new(1, SiteDelta::default(), 0, Arc::default());
        let mut sites = Sites::new(vec![one]);
        let id = SiteId(0);
        sites.touch(id).unwrap().now.done += 2;
        sites.rolled_back();
        sites.touch(id).unwrap().now.done += 3;
        assert_eq!(sites.committed()[0].1.done, 3);
        assert!(sites.committed().is_empty());
    }
}
