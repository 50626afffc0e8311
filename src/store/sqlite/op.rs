//! What is asked of the writer thread.

use super::OpeningSite;
use super::admit::Admitted;
use crate::bus::Pick;
use crate::page::{PageId, Rung, SiteId, TrapChange};
use crate::store::{
    ApiAnswer, Commit, JournalEntry, Learned, Lease, NewUrl, Prune, Refresh, Reorder, Revision,
    SavedSite, SourceNews,
};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// One request to the writer thread.
#[derive(Debug)]
pub(super) enum Op {
    Lease {
        site: SiteId,
        most: usize,
        reply: oneshot::Sender<Handed>,
    },
    Commit(Box<Commit>),
    Answer(Box<ApiAnswer>),
    Source {
        site: SiteId,
        news: SourceNews,
    },
    Release {
        site: SiteId,
        pages: Vec<PageId>,
    },
    Add {
        site: SiteId,
        urls: Vec<NewUrl>,
        traps: Vec<TrapChange>,
        reply: oneshot::Sender<u64>,
    },
    Revise {
        pick: Pick,
        how: Revision,
        reply: oneshot::Sender<Vec<(SiteId, u64)>>,
    },
    Prune {
        prune: Prune,
        reply: oneshot::Sender<Vec<(SiteId, u64)>>,
    },
    Reorder {
        reorder: Reorder,
        reply: oneshot::Sender<u64>,
    },
    Admit {
        site: OpeningSite,
        reply: oneshot::Sender<Option<Admitted>>,
    },
    Forget {
        site: SiteId,
        reply: oneshot::Sender<bool>,
    },
    Refresh {
        site: SiteId,
        reply: oneshot::Sender<Option<Refresh>>,
    },
    Spare {
        site: SiteId,
        rules: u32,
        /// Pages, and since when they are known not to have changed.
        pages: Vec<(PageId, u64)>,
        reply: oneshot::Sender<u64>,
    },
    Save {
        site: SiteId,
        saved: Box<SavedSite>,
    },
    Learned {
        site: SiteId,
        learned: Vec<Learned>,
    },
    Figures {
        site: SiteId,
        figures: Vec<(Rung, Value)>,
    },
    Journal(JournalEntry),
    Flush(oneshot::Sender<Result<(), String>>),
}

/// Pages whose lease nobody took.
#[derive(Debug, Default)]
pub(super) struct Back(Mutex<Vec<PageId>>);

impl Back {
    fn push(&self, pages: impl Iterator<Item = PageId>) {
        self.lock().extend(pages);
    }

    pub(super) fn take(&self) -> Vec<PageId> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PageId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lease on its way. If the asker leaves before it arrives, its pages go
/// back instead of staying leased for ever.
#[derive(Debug)]
pub(super) struct Handed {
    lease: Option<Lease>,
    back: Arc<Back>,
    progress: Option<Arc<Notify>>,
}

impl Handed {
    pub(super) fn new(lease: Lease, back: Arc<Back>, progress: Option<Arc<Notify>>) -> Self {
        Self {
            lease: Some(lease),
            back,
            progress,
        }
    }

    /// It has arrived.
    pub(super) fn take(mut self) -> Lease {
        self.lease.take().unwrap_or(Lease::Wait { due: None })
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if let Some(Lease::Pages(pages)) = self.lease.take() {
            self.back.push(pages.iter().map(|p| p.id));
            if let Some(progress) = &self.progress {
                progress.notify_one();
            }
        }
    }
}
