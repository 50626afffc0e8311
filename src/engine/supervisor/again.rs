//! A round of crawling again: the store puts the pages into the queue, robots
//! rules, sitemaps, lists and APIs are read again, and sitemaps before pages,
//! since they may say which pages have not changed.

use super::{Hold, Supervisor};
use crate::bus::{Level, SiteState};
use crate::engine::host::RobotsState;
use crate::store::Refresh;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

impl Supervisor {
    /// Begins a round, or goes on with the last.
    pub(super) async fn refresh(&mut self) {
        let forgets = matches!(self.hold, Hold::StartOver(_) | Hold::Forgetting(_));
        if self.refreshing.is_some() || forgets {
            return;
        }
        // Said before the store begins: whatever is saved later says so too.
        self.saved.sitemaps_done = false;
        self.saved.controls.sources.clear();
        self.unsaved = true;
        let site = self.site.clone();
        self.refreshing = Some(Box::pin(async move { site.store.refresh(site.id).await }));
        if self.state.is_over() {
            self.enter(SiteState::Starting, None).await;
        }
    }

    /// The store has put the pages into the queue, or could not.
    pub(super) async fn refreshed(&mut self, told: Option<Refresh>) {
        let now = Instant::now();
        let (level, text) = match told {
            None => (
                Level::Warn,
                "nothing can be written just now, so that no page is asked again".to_owned(),
            ),
            Some(Refresh::First) => (
                Level::Warn,
                "nothing is known of it yet: this is its first crawl".to_owned(),
            ),
            Some(Refresh::GoesOn { round }) => (Level::Info, format!("round {round} goes on")),
            Some(Refresh::Begun { round, pages }) => {
                self.spent = 0;
                self.done_before = 0;
                self.site.done.store(0, Ordering::Relaxed);
                (
                    Level::Info,
                    format!("round {round} begins: {pages} pages are asked again"),
                )
            }
        };
        self.site.say(level, text).await;
        let again = matches!(told, Some(Refresh::Begun { .. } | Refresh::GoesOn { .. }));
        self.site.again.store(again, Ordering::Relaxed);
        self.opening = again;
        self.rescope |= again;
        self.trouble = None;
        self.sitemaps_seen.clear();
        for host in self.hosts.iter_mut() {
            host.forgive(now);
            if !matches!(host.robots, RobotsState::Asked) {
                host.robots = RobotsState::Unknown;
            }
        }
        if matches!(self.hold, Hold::Finish | Hold::Finished) {
            self.hold = Hold::No;
        }
        self.queue.stir();
        self.begin_finding(now);
    }

    /// Whether pages wait for what the sitemaps say of them.
    pub(super) fn waits_for_sitemaps(&mut self) -> bool {
        if self.opening {
            let mut hosts = self.hosts.iter_mut();
            let asked = hosts.any(|host| matches!(host.robots, RobotsState::Asked));
            self.opening = self.sitemaps_open > 0 || asked;
        }
        self.opening
    }
}
