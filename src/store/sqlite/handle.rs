//! The handle by which everybody else speaks to the store's threads.

use super::lookup::Asker;
use super::op::{self, Op};
use super::opening::{OpenedSite, OpeningSite};
use crate::bus::{self, Pick, Told};
use crate::page::{Fingerprint, PageId, Rung, SiteId, TrapChange};
use crate::store::known::Known;
use crate::store::lock::Lock;
use crate::store::{
    ApiAnswer, Commit, JournalEntry, Learned, Lease, NewUrl, Pending, Prune, Refresh, Reorder,
    Revision, SavedSite, SourceNews, Store,
};
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// The store in SQLite.
pub(super) struct SqliteStore {
    /// `None` only while it is being dropped; so `asker`.
    pub(super) ops: Option<mpsc::Sender<Op>>,
    pub(super) asker: Option<Asker>,
    pub(super) known: Arc<Known>,
    pub(super) progress: RwLock<Vec<Arc<Notify>>>,
    pub(super) stalled: watch::Receiver<Option<Arc<str>>>,
    pub(super) closing: CancellationToken,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) _lock: Lock,
}

impl SqliteStore {
    /// Waits for room. A writer that is gone (it has said so) takes nothing.
    async fn send(&self, op: Op) {
        if let Some(ops) = &self.ops {
            let _ = ops.send(op).await;
        }
    }

    /// Sends a request and waits for its answer; `None` where none comes, and
    /// at once while nothing can be written.
    async fn write<T>(&self, op: impl FnOnce(oneshot::Sender<T>) -> Op) -> Option<T> {
        let mut stalled = self.stalled.clone();
        let (reply, answer) = oneshot::channel();
        let answered = async {
            self.send(op(reply)).await;
            answer.await.ok()
        };
        let stalls = async {
            if stalled.wait_for(Option::is_some).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            answer = answered => answer,
            () = stalls => None,
        }
    }

    fn why(&self) -> String {
        let why = self.stalled.borrow();
        why.as_deref()
            .unwrap_or("the store's thread has ended; the log says how")
            .to_owned()
    }
}

impl Store for SqliteStore {
    fn lease(&self, site: SiteId, most: usize) -> Pending<'_, Lease> {
        Box::pin(async move {
            let handed = self.write(|reply| Op::Lease { site, most, reply }).await;
            handed.map_or(Lease::Wait { due: None }, op::Handed::take)
        })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Commit(Box::new(commit))))
    }

    fn commit_blocking(&self, commit: Commit) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Commit(Box::new(commit)));
        }
    }

    fn answer_blocking(&self, answer: ApiAnswer) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Answer(Box::new(answer)));
        }
    }

    fn source(&self, site: SiteId, news: SourceNews) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Source { site, news }))
    }

    fn source_blocking(&self, site: SiteId, news: SourceNews) {
        if let Some(ops) = &self.ops {
            // As in `send`.
            let _ = ops.blocking_send(Op::Source { site, news });
        }
    }

    fn release(&self, site: SiteId, pages: Vec<PageId>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Release { site, pages }))
    }

    fn progress(&self, site: SiteId) -> Arc<Notify> {
        let progress = self.progress.read();
        let progress = progress.unwrap_or_else(PoisonError::into_inner);
        progress.get(site.index()).cloned().unwrap_or_default()
    }

    fn add(&self, site: SiteId, urls: Vec<NewUrl>) -> Pending<'_, u64> {
        self.take_up(site, urls, Vec::new())
    }

    fn take_up(&self, site: SiteId, urls: Vec<NewUrl>, traps: Vec<TrapChange>) -> Pending<'_, u64> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let add = Op::Add {
                site,
                urls,
                traps,
                reply,
            };
            self.send(add).await;
            answer.await.unwrap_or(0)
        })
    }

    fn find(&self, print: Fingerprint) -> Option<PageId> {
        self.known.get(print)
    }

    fn revise(&self, pick: Pick, how: Revision) -> Pending<'_, Vec<(SiteId, u64)>> {
        Box::pin(async move {
            let counts = self.write(|reply| Op::Revise { pick, how, reply }).await;
            counts.unwrap_or_default()
        })
    }

    fn prune(&self, prune: Prune) -> Pending<'_, Vec<(SiteId, u64)>> {
        Box::pin(async move {
            let counts = self.write(|reply| Op::Prune { prune, reply }).await;
            counts.unwrap_or_default()
        })
    }

    fn reorder(&self, reorder: Reorder) -> Pending<'_, u64> {
        Box::pin(async move {
            let moved = self.write(|reply| Op::Reorder { reorder, reply }).await;
            moved.unwrap_or(0)
        })
    }

    fn admit(&self, name: String, digest: u64) -> Pending<'_, Option<(SiteId, OpenedSite)>> {
        Box::pin(async move {
            let site = OpeningSite { name, digest };
            let admitted = self.write(|reply| Op::Admit { site, reply }).await??;
            let progress = self.progress.write();
            progress
                .unwrap_or_else(PoisonError::into_inner)
                .push(admitted.progress);
            Some((admitted.site, admitted.opened))
        })
    }

    fn forget(&self, site: SiteId) -> Pending<'_, bool> {
        Box::pin(async move {
            if self.is_stalled() {
                return false;
            }
            // Once begun it is waited for, through a stall too.
            let (reply, answer) = oneshot::channel();
            self.send(Op::Forget { site, reply }).await;
            answer.await.unwrap_or(false)
        })
    }

    fn refresh(&self, site: SiteId) -> Pending<'_, Option<Refresh>> {
        Box::pin(async move {
            if self.is_stalled() {
                return None;
            }
            // Once begun it is waited for, through a stall too.
            let (reply, answer) = oneshot::channel();
            self.send(Op::Refresh { site, reply }).await;
            answer.await.ok().flatten()
        })
    }

    fn spare(&self, site: SiteId, rules: u32, pages: Vec<(PageId, u64)>) -> Pending<'_, u64> {
        Box::pin(async move {
            let spare = |reply| Op::Spare {
                site,
                rules,
                pages,
                reply,
            };
            self.write(spare).await.unwrap_or(0)
        })
    }

    fn save_site(&self, site: SiteId, saved: SavedSite) -> Pending<'_, ()> {
        let saved = Box::new(saved);
        Box::pin(self.send(Op::Save { site, saved }))
    }

    fn save_learned(&self, site: SiteId, learned: Vec<Learned>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Learned { site, learned }))
    }

    fn save_figures(&self, site: SiteId, figures: Vec<(Rung, Value)>) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Figures { site, figures }))
    }

    fn journal(&self, entry: JournalEntry) -> Pending<'_, ()> {
        Box::pin(self.send(Op::Journal(entry)))
    }

    fn flush(&self) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            let answer = self.write(Op::Flush).await;
            answer.unwrap_or_else(|| Err(self.why()))
        })
    }

    fn is_stalled(&self) -> bool {
        self.stalled.borrow().is_some()
    }

    fn ask(&self, ask: bus::Ask) -> Pending<'_, Told> {
        Box::pin(async move {
            match &self.asker {
                Some(asker) => asker.ask(ask).await,
                None => Told::Refused("the store is closed".to_owned()),
            }
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.closing.cancel();
        self.ops = None;
        self.asker = None;
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; the lock goes either way.
            let _ = thread.join();
        }
    }
}
