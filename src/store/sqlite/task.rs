//! Work too long for one go, done a slice at a time between requests.

use super::again::Refreshing;
use super::core::Core;
use super::forget::{Purging, Sweeping};
use super::prune::Pruning;
use super::reorder::Reordering;
use super::revise::Revising;
use super::site::Sites;
use super::write::Write;
use crate::page::SiteId;
use rusqlite::Result;
use std::collections::{BTreeMap, VecDeque};

/// Rows looked at in one slice: a few milliseconds.
pub(super) const SLICE: usize = 2048;

/// Pages by site.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<SiteId, u64>);

impl Tally {
    pub(super) fn add(&mut self, site: SiteId, n: u64) {
        if n > 0 {
            *self.0.entry(site).or_default() += n;
        }
    }

    /// Adds to the site of this key; answers whether there is one.
    pub(super) fn count(&mut self, sites: &Sites, key: i64, n: u64) -> bool {
        let site = sites.of_key(key);
        if let Some(site) = site {
            self.add(site, n);
        }
        site.is_some()
    }

    fn into_counts(self) -> Vec<(SiteId, u64)> {
        self.0.into_iter().collect()
    }
}

/// What one slice came to.
#[derive(Debug)]
pub(super) struct Step {
    /// What is to be written for it.
    pub(super) write: Option<Write>,
    /// Whether it was the last.
    pub(super) over: bool,
}

impl Step {
    pub(super) fn nothing() -> Self {
        Self {
            write: None,
            over: false,
        }
    }

    pub(super) fn over() -> Self {
        Self {
            write: None,
            over: true,
        }
    }
}

/// A long request under way.
#[derive(Debug)]
pub(super) enum Task {
    Revise(Revising),
    Prune(Pruning),
    Reorder(Reordering),
    Forget(Purging),
    Refresh(Refreshing),
}

/// What is under way: the first task, and while there is none the first sweep.
#[derive(Debug)]
pub(super) struct Tasks {
    queue: VecDeque<Task>,
    sweeps: VecDeque<Sweeping>,
    /// Rows looked at in one slice.
    pub(super) slice: usize,
}

impl Tasks {
    /// Begins with the keys that no site has.
    pub(super) fn new(orphans: &[i64]) -> Self {
        Self {
            queue: VecDeque::new(),
            sweeps: orphans.iter().map(|key| Sweeping::new(*key)).collect(),
            slice: SLICE,
        }
    }

    pub(super) fn push(&mut self, task: Task) {
        self.queue.push_back(task);
    }

    /// Nothing can be written: who asked is told so. What has been begun and
    /// must come to its end stays: forgetting a site, crawling one again.
    pub(super) fn stall(&mut self) {
        self.queue.retain(|task| task.must_end());
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.sweeps.is_empty()
    }
}

impl Task {
    fn must_end(&self) -> bool {
        matches!(self, Self::Forget(_) | Self::Refresh(_))
    }
}

impl Core {
    /// Whether [`Core::work`] has something to do.
    pub(super) fn has_work(&self) -> bool {
        !self.stalled && !self.tasks.is_empty()
    }

    /// Does one slice of what is under way.
    pub(super) fn work(&mut self) {
        if self.stalled {
            return;
        }
        let done = if let Some(task) = self.tasks.queue.pop_front() {
            self.task(task)
        } else if let Some(sweep) = self.tasks.sweeps.pop_front() {
            self.sweep(sweep)
        } else {
            Ok(())
        };
        if let Err(error) = done {
            self.stall(&error);
        }
    }

    fn task(&mut self, mut task: Task) -> Result<()> {
        let (start, most) = (&self.start, self.tasks.slice);
        let step = match &mut task {
            Task::Revise(revising) => revising.step(&start.conn, &start.sites, most),
            Task::Prune(pruning) => pruning.step(&start.conn, &start.sites, &self.leases, most),
            Task::Reorder(walk) => walk.step(&start.conn, &start.sites, &self.leases, most),
            Task::Forget(purging) => purging
                .step(&start.conn, &start.known, most)
                .map(|over| Step { write: None, over }),
            Task::Refresh(refreshing) => refreshing.step(&start.conn, &start.sites, most),
        };
        let step = match step {
            Ok(step) => step,
            Err(error) => {
                self.tasks.queue.push_front(task);
                return Err(error);
            }
        };
        if let Some(write) = step.write {
            self.write(write);
        }
        if self.stalled {
            // As [`Tasks::stall`] has done with the others.
            if task.must_end() {
                self.tasks.queue.push_front(task);
            }
            return Ok(());
        }
        if !step.over {
            self.tasks.queue.push_front(task);
            return Ok(());
        }
        // An asker that has left needs no answer.
        match task {
            Task::Revise(task) => {
                let _ = task.reply.send(task.tally.into_counts());
            }
            Task::Prune(task) => {
                let _ = task.reply.send(task.tally.into_counts());
            }
            Task::Reorder(task) => {
                let _ = task.reply.send(task.moved);
            }
            Task::Forget(task) => {
                self.tasks.sweeps.push_back(Sweeping::new(task.key));
                self.wake(task.site);
                let _ = task.reply.send(true);
            }
            Task::Refresh(task) => {
                self.wake(task.site);
                task.tell(&self.start.sites);
            }
        }
        Ok(())
    }

    fn sweep(&mut self, mut sweep: Sweeping) -> Result<()> {
        let step = sweep.step(&self.start.conn, self.tasks.slice);
        let over = step.as_ref().is_ok_and(|step| step.over);
        if !over {
            self.tasks.sweeps.push_front(sweep);
        }
        if let Some(write) = step?.write {
            self.write(write);
        }
        Ok(())
    }
}
