//! Sends pages round again that were taken before it was seen that they are a
//! block.

use super::Supervisor;
use crate::bus::{Level, Pick};
use crate::engine::site::Message;
use crate::page::PageId;
use crate::store::Revision;

impl Supervisor {
    /// Has the store queue these pages again, with nothing left of them. Those
    /// whose end it does not know yet follow when it does.
    pub(super) fn retake(&self, pages: Vec<PageId>) {
        let site = self.site.clone();
        self.tasks.spawn(async move {
            let mut queued = 0;
            for page in pages {
                let pick = Pick::Pages(vec![page]);
                let revised = site.store.revise(pick, Revision::Force).await;
                if revised.iter().any(|(_, pages)| *pages > 0) {
                    site.retake.ended(page);
                    queued += 1;
                }
            }
            // A closed inbox means that the site is over.
            let _ = site.inbox.send(Message::Retaken(queued)).await;
        });
    }

    /// So many pages wait in the queue again.
    pub(super) async fn retaken(&mut self, pages: u64) {
        self.site.digested();
        if pages == 0 {
            return;
        }
        self.spent = self.spent.saturating_sub(pages);
        self.queue.stir();
        let text = match pages {
            1 => "1 page was taken before a block was recognised, and goes round again".to_owned(),
            n => format!("{n} pages were taken before a block was recognised, and go round again"),
        };
        self.site.say(Level::Info, text).await;
    }
}
