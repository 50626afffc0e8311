//! The writer's state: one open group, and what to do when it cannot be written.

use super::again::Refreshing;
use super::code::int;
use super::forget::Purging;
use super::lease::Leases;
use super::op::{Back, Handed, Op};
use super::prune::Pruning;
use super::reorder::Reordering;
use super::revise::Revising;
use super::site::Sites;
use super::task::{Task, Tasks};
use super::write::{Write, apply, run};
use crate::bus::Event;
use crate::page::SiteId;
use crate::page::time::now_ms;
use crate::store::Lease;
use crate::store::known::Known;
use rusqlite::{Connection, Result, params};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// A group is committed this long after its first write…
const GROUP_TIME: Duration = Duration::from_millis(50);
/// …or with this many writes.
const GROUP_WRITES: usize = 1024;
/// A store that cannot write tries again this often.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Writes kept while it cannot; beyond that those who call wait.
const STALLED_WRITES: usize = 4096;

/// Fields that a record of a site has been seen with.
pub(super) type Fields = HashMap<(SiteId, Arc<str>), HashSet<String>>;

/// Where the answer to a flush goes.
type Flush = oneshot::Sender<std::result::Result<(), String>>;

/// What a writer begins with.
pub(super) struct Start {
    pub(super) conn: Connection,
    pub(super) sites: Sites,
    pub(super) known: Arc<Known>,
    /// The next page's number.
    pub(super) next: u32,
    /// The number of the last answer of an API: they are counted down from 0.
    pub(super) last_answer: i64,
    pub(super) fields: Fields,
    /// Keys whose rows are to be swept up.
    pub(super) orphans: Vec<i64>,
    /// Rounds that are half in the queue.
    pub(super) rounds: Vec<Refreshing>,
    /// Why nothing can be written, while nothing can.
    pub(super) stall: watch::Sender<Option<Arc<str>>>,
    pub(super) back: Arc<Back>,
    /// A cap on the database's pages, for tests of a full disk.
    pub(super) max_pages: Option<Arc<AtomicU32>>,
}

/// The writer without its thread and its channels.
pub(super) struct Core {
    pub(super) start: Start,
    pub(super) leases: Leases,
    /// Everything since the last commit, applied unless the store is stalled.
    group: Vec<Write>,
    /// Whether a transaction is open.
    open: bool,
    pub(super) stalled: bool,
    pub(super) tasks: Tasks,
    /// When the group is committed, or tried again.
    deadline: Option<Instant>,
    flushes: Vec<Flush>,
    /// Flushes that are answered once the bus has been told.
    durable: Vec<Flush>,
    pub(super) events: Vec<Event>,
    pub(super) told_full: bool,
    max_pages: u32,
}

impl Core {
    pub(super) fn new(mut start: Start) -> Self {
        let mut tasks = Tasks::new(&start.orphans);
        for round in start.rounds.drain(..) {
            tasks.push(Task::Refresh(round));
        }
        Self {
            tasks,
            start,
            leases: Leases::default(),
            group: Vec::new(),
            open: false,
            stalled: false,
            deadline: None,
            flushes: Vec::new(),
            durable: Vec::new(),
            events: Vec::new(),
            told_full: false,
            max_pages: 0,
        }
    }

    /// When [`Core::turn`] has something to do at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether another request may come in.
    pub(super) fn has_room(&self) -> bool {
        !self.stalled || self.group.len() < STALLED_WRITES
    }

    /// What the bus must be told, oldest first.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The bus has been told: answers those who waited for it.
    pub(super) fn answer(&mut self) {
        for flush in self.durable.drain(..) {
            // An asker that has left needs no answer; so elsewhere.
            let _ = flush.send(Ok(()));
        }
    }

    /// Takes in one request.
    pub(super) fn handle(&mut self, op: Op) {
        match op {
            Op::Lease { site, most, reply } => {
                let lease = self.lease(site, most);
                let progress = self.start.sites.get(site).map(|s| s.progress.clone());
                // Refused by an asker that has left, it goes back on its own.
                let _ = reply.send(Handed::new(lease, self.start.back.clone(), progress));
            }
            Op::Commit(commit) => self.end(*commit),
            Op::Answer(answer) => self.answered(*answer),
            Op::Source { site, news } => self.write(Write::Source { site, news }),
            Op::Release { site, pages } => {
                for page in pages {
                    self.leases.give_back(&mut self.start.sites, site, page);
                }
                self.wake(site);
                self.wait_at_most(GROUP_TIME);
            }
            Op::Add {
                site,
                urls,
                traps,
                reply,
            } => {
                let fresh = match self.start.sites.get(site) {
                    Some(_) => self.fresh(urls),
                    None => Vec::new(),
                };
                let _ = reply.send(fresh.len() as u64);
                if !fresh.is_empty() || !traps.is_empty() {
                    self.write(Write::Add { site, fresh, traps });
                    self.wake(site);
                }
            }
            // While nothing can be written the asker is answered by the reply's end.
            Op::Admit { site, reply } => {
                let admitted = self.admit(&site);
                let _ = reply.send(admitted);
            }
            Op::Revise { .. } | Op::Prune { .. } | Op::Reorder { .. } | Op::Forget { .. }
                if self.stalled => {}
            Op::Revise { pick, how, reply } => {
                self.tasks
                    .push(Task::Revise(Revising::new(pick, how, reply)));
            }
            Op::Prune { prune, reply } => {
                let pruning = Pruning::new(prune, &self.start.sites, reply);
                self.tasks.push(Task::Prune(pruning));
            }
            Op::Reorder { reorder, reply } => {
                self.tasks
                    .push(Task::Reorder(Reordering::new(reorder, reply)));
            }
            Op::Forget { site, reply } => {
                // Without a site the asker is answered by the reply's end.
                if let Some(key) = self.start.sites.get(site).map(|s| s.key) {
                    self.leases.end_all(&mut self.start.sites, site);
                    self.start.fields.retain(|(of, _), _| *of != site);
                    self.write(Write::Forget { site });
                    self.tasks
                        .push(Task::Forget(Purging::new(site, key, reply)));
                }
            }
            // As with `Admit`.
            Op::Refresh { .. } if self.stalled => {}
            Op::Refresh { site, reply } => self.refresh(site, reply),
            Op::Spare {
                site,
                rules,
                pages,
                reply,
            } => {
                let spared = self.spare(site, rules, &pages);
                let _ = reply.send(spared);
            }
            Op::Save { site, saved } => self.write(Write::Save {
                site,
                saved,
                at: now_ms(),
            }),
            Op::Learned { site, learned } => self.write(Write::Learned { site, learned }),
            Op::Figures { site, figures } => self.write(Write::Figures { site, figures }),
            Op::Journal(entry) => self.write(Write::Journal {
                at: now_ms(),
                entry,
            }),
            Op::Flush(reply) => {
                if self.stalled {
                    let _ = reply.send(Err(self.why()));
                } else {
                    self.flushes.push(reply);
                }
            }
        }
    }

    /// Commits the group, or tries again to, where that is due at `now`.
    pub(super) fn turn(&mut self, now: Instant) {
        let due = self.deadline.is_some_and(|d| d <= now);
        if self.stalled {
            if due {
                self.try_again();
            }
        } else if due || self.group.len() >= GROUP_WRITES || !self.flushes.is_empty() {
            self.commit();
        }
    }

    /// Commits what is left, trying once more where nothing could be written.
    pub(super) fn close(&mut self) {
        if self.stalled {
            self.try_again();
        } else {
            self.commit();
        }
        if self.stalled {
            tracing::error!(
                why = self.why(),
                lost = self.group.len(),
                "the store closes without its last writes; their pages are queued again"
            );
        }
    }

    #[cfg(test)]
    pub(super) fn conn(&self) -> &Connection {
        &self.start.conn
    }

    fn lease(&mut self, site: SiteId, most: usize) -> Lease {
        for page in self.start.back.take() {
            if let Some(site) = self.leases.site_of(page) {
                self.leases.give_back(&mut self.start.sites, site, page);
            }
        }
        if self.stalled {
            return Lease::Wait { due: None };
        }
        let Start { conn, sites, .. } = &mut self.start;
        match self.leases.lease(conn, sites, site, most, int(now_ms())) {
            Ok(lease) => {
                if matches!(lease, Lease::Pages(_)) {
                    self.wait_at_most(GROUP_TIME);
                }
                lease
            }
            Err(error) => {
                self.stall(&error);
                Lease::Wait { due: None }
            }
        }
    }

    /// Adds to the group, and applies where that is possible.
    pub(super) fn write(&mut self, write: Write) {
        self.wait_at_most(GROUP_TIME);
        let applied = if self.stalled {
            Ok(())
        } else {
            self.begin()
                .and_then(|()| apply(&self.start.conn, &mut self.start.sites, &write))
        };
        self.group.push(write);
        if let Err(error) = applied {
            self.stall(&error);
        }
    }

    fn wait_at_most(&mut self, time: Duration) {
        if self.deadline.is_none() {
            self.deadline = Some(Instant::now() + time);
        }
    }

    pub(super) fn wake(&self, site: SiteId) {
        if let Some(site) = self.start.sites.get(site) {
            site.progress.notify_one();
        }
    }

    fn begin(&mut self) -> Result<()> {
        if self.open {
            return Ok(());
        }
        if let Some(wanted) = &self.start.max_pages {
            let wanted = wanted.load(Ordering::Relaxed);
            if std::mem::replace(&mut self.max_pages, wanted) != wanted {
                let conn = &self.start.conn;
                conn.pragma_update_and_check(None, "max_page_count", wanted, |_| Ok(()))?;
            }
        }
        run(&self.start.conn, "BEGIN IMMEDIATE", [])?;
        self.open = true;
        Ok(())
    }

    pub(super) fn commit(&mut self) {
        match self.try_commit() {
            Ok(()) => self.committed(),
            Err(error) => self.stall(&error),
        }
    }

    fn try_commit(&mut self) -> Result<()> {
        if self.start.sites.is_dirty() {
            self.begin()?;
            let mut row = self.start.conn.prepare_cached(
                "UPDATE site SET done = ?2, failed = ?3, skipped = ?4, queued = ?5, \
                 in_flight = ?6, records = ?7, bytes = ?8 WHERE key = ?1",
            )?;
            for site in self.start.sites.dirty() {
                let now = site.now;
                row.execute(params![
                    site.key,
                    now.done,
                    now.failed,
                    now.skipped,
                    now.queued,
                    site.leased,
                    now.records,
                    now.bytes,
                ])?;
                let round = now.round;
                if round.number > 0 {
                    run(
                        &self.start.conn,
                        "UPDATE round SET fresh = ?3, changed = ?4, unchanged = ?5, gone = ?6, \
                         spared = ?7 \
                         WHERE site = ?1 AND number = ?2",
                        params![
                            site.key,
                            round.number,
                            round.fresh,
                            round.changed,
                            round.unchanged,
                            round.gone,
                            round.spared_bytes,
                        ],
                    )?;
                }
            }
        }
        if self.open {
            let began = Instant::now();
            run(&self.start.conn, "COMMIT", [])?;
            self.open = false;
            self.events.push(Event::CommitTime(began.elapsed()));
        }
        Ok(())
    }

    fn committed(&mut self) {
        self.group.clear();
        self.deadline = None;
        let changes = self.start.sites.committed();
        if !changes.is_empty() {
            self.events.push(Event::Committed(changes));
        }
        self.durable.append(&mut self.flushes);
    }

    /// Nothing can be written: undo the group in the tables, keep it in RAM.
    pub(super) fn stall(&mut self, error: &rusqlite::Error) {
        // Some errors have rolled the transaction back already.
        if !self.start.conn.is_autocommit()
            && let Err(error) = self.start.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "rolling back a group");
        }
        self.open = false;
        self.start.sites.rolled_back();
        self.tasks.stall();
        self.deadline = Some(Instant::now() + TRY_AGAIN);
        let why: Arc<str> = reason(error).into();
        if !std::mem::replace(&mut self.stalled, true) {
            tracing::warn!(%error, "the store cannot write");
            self.events.push(Event::Stalled(Some(why.clone())));
        }
        self.start.stall.send_replace(Some(why));
        for flush in std::mem::take(&mut self.flushes) {
            let _ = flush.send(Err(self.why()));
        }
    }

    fn try_again(&mut self) {
        if let Err(error) = self.apply_group() {
            return self.stall(&error);
        }
        self.stalled = false;
        self.start.stall.send_replace(None);
        self.events.push(Event::Stalled(None));
        self.committed();
        self.start.sites.wake_all();
    }

    fn apply_group(&mut self) -> Result<()> {
        self.begin()?;
        for write in &self.group {
            apply(&self.start.conn, &mut self.start.sites, write)?;
        }
        self.try_commit()
    }

    fn why(&self) -> String {
        let why = self.start.stall.borrow();
        why.as_deref().unwrap_or("the store is closed").to_owned()
    }
}

/// What keeps the store from writing, for the operator.
fn reason(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, DiskFull, ReadOnly, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(DiskFull) => "the disk is full".to_owned(),
        Some(ReadOnly | CannotOpen) => "the job's folder cannot be written to".to_owned(),
        Some(DatabaseBusy) => "another program holds the database".to_owned(),
        Some(SystemIoFailure) => format!("the disk fails: {error}"),
        _ => format!("the database fails: {error}"),
    }
}
