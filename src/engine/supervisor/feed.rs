//! Leasing pages from the store, ahead of the workers.

use super::Supervisor;
use super::climb::WAITING;
use super::queue::Said;
use crate::engine::ladder::Step;
use crate::page::{FailureKind, Outcome, SkipReason, time};
use crate::store::{Lease, Leased};
use tokio::time::Instant;
use url::Url;

/// Pages leased ahead, at least.
const AHEAD: usize = 64;
/// Pages leased ahead at most, where one slow host's pages fill the room.
pub const AHEAD_MOST: usize = 4096;

impl Supervisor {
    /// Asks the store for pages where there is room and reason to.
    pub(super) fn ask_for_pages(&mut self) {
        self.queue.ripen(time::now_ms());
        if self.refreshing.is_some() || self.waits_for_sitemaps() {
            return;
        }
        if self.lease.is_some() || self.queue.said() != Said::More {
            return;
        }
        let waiting = self.served();
        let ahead = AHEAD.max(2 * self.ladder.limit());
        // All that waits may wait for one slow host: look further for others.
        let starved = waiting > 0 && self.ladder.open(Instant::now()).any();
        let room = if starved { AHEAD_MOST } else { ahead };
        if waiting * 2 > room {
            return;
        }
        let mut most = (room - waiting).min(ahead);
        if let Some(limit) = self.saved.controls.now.max_pages {
            let left = limit.saturating_sub(self.spent);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            most = most.min(left.saturating_sub(self.hosts.waiting()));
        }
        if most > 0 {
            self.queue.asked();
            let site = self.site.clone();
            self.lease = Some(Box::pin(
                async move { site.store.lease(site.id, most).await },
            ));
        }
    }

    /// Leased pages that wait, less those that wait for rungs which take none
    /// just now: others are to have their room, as long as any rung works.
    pub(super) fn served(&self) -> usize {
        let all = self.hosts.waiting();
        let steps = self.ladder.steps();
        if !steps.iter().any(Step::is_open) {
            return all;
        }
        let idle = steps.iter().filter(|step| !step.is_open());
        let idle = idle.map(|step| self.hosts.waiting_for(step.rung).min(WAITING));
        all - idle.sum::<usize>()
    }

    pub(super) async fn leased(&mut self, lease: Lease) {
        let said = match lease {
            Lease::Wait { due } => Said::Wait(due),
            Lease::Drained => Said::Drained,
            Lease::Pages(pages) => {
                let now = Instant::now();
                for leased in pages {
                    self.take_in(leased, now);
                }
                Said::More
            }
        };
        self.queue.answered(said);
    }

    fn take_in(&mut self, leased: Leased, now: Instant) {
        let Ok(url) = Url::parse(&leased.url) else {
            // Cannot be: the store holds only what was parsed once.
            self.end(&leased, Outcome::Failed(FailureKind::Internal), None);
            return;
        };
        if self.rescope && self.site.rules().scope.judge(&url, leased.depth).is_err() {
            self.end(&leased, Outcome::Skipped(SkipReason::Scope), None);
            return;
        }
        let page = self.begin_page(leased, url, now);
        self.hosts.add_page(page, now);
    }
}
