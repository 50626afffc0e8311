//! Ranks of the pages that wait, by what is known now.

use super::Supervisor;
use crate::store::Reorder;
use std::sync::Arc;

/// Pages ranked anew when something was learned: what is fetched until twice as
/// much is known, on most sites.
const RANKED: u64 = 50_000;

impl Supervisor {
    /// Ranks the head of the queue anew: something was learned.
    pub(super) fn rank_head(&self) {
        self.rank_first(RANKED);
    }

    /// Ranks the whole queue anew: the sites file wants another order.
    pub(super) fn rank_all(&self) {
        self.rank_first(u64::MAX);
    }

    /// Before the first page is leased; what is far from it comes later.
    pub(super) async fn rank_at_begin(&mut self) {
        let head = self.anew(RANKED);
        let moved = self.site.store.reorder(head).await;
        if moved > 0 {
            self.rank_all();
        }
    }

    fn rank_first(&self, most: u64) {
        let (site, reorder) = (self.site.clone(), self.anew(most));
        self.tasks.spawn(async move {
            let moved = site.store.reorder(reorder).await;
            tracing::debug!(site = %site.name, moved, "ranked anew");
        });
    }

    fn anew(&self, most: u64) -> Reorder {
        let (site, rules) = (self.site.clone(), self.site.rules());
        let rank = move |url: &str, depth| {
            let page = (site.print(url), url);
            site.order.rank_again(&rules.config.discover, page, depth)
        };
        Reorder {
            site: self.site.id,
            rank: Arc::new(rank),
            most,
        }
    }
}
