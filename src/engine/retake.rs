//! Pages that were taken before it was seen that they are a block: many
//! addresses must show the same thing before any of them can be told. Once it
//! is, the first ones go round again, and nothing of them stands.

use super::site::{Message, SiteContext};
use crate::page::PageId;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Pages whose end is waited for at most; above this all are let go.
const WAITED_FOR: usize = 1024;

/// Pages of a site that are to go round again and whose end may still be on its
/// way to the store.
#[derive(Debug, Default)]
pub struct Retake {
    /// How many they are: nearly always none, and then nothing is locked.
    count: AtomicUsize,
    pages: Mutex<HashSet<PageId>>,
}

impl Retake {
    fn lock(&self) -> MutexGuard<'_, HashSet<PageId>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, pages: &[PageId]) {
        let mut known = self.lock();
        if known.len() >= WAITED_FOR {
            known.clear();
        }
        known.extend(pages);
        self.count.store(known.len(), Ordering::SeqCst);
    }

    /// The store has heard of this page's end, or was told to queue it again.
    /// Answers whether it was waited for.
    pub fn ended(&self, page: PageId) -> bool {
        if self.count.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let mut known = self.lock();
        let was = known.remove(&page);
        self.count.store(known.len(), Ordering::SeqCst);
        was
    }
}

/// What the supervisor is to be told where these pages were taken and should
/// not have been. The site counts as digesting until it has heard.
pub fn found(site: &SiteContext, pages: Vec<PageId>) -> Option<Message> {
    if pages.is_empty() {
        return None;
    }
    site.retake.add(&pages);
    Some(message(site, pages))
}

/// The same after a page's end was handed to the store: it may have been found
/// out meanwhile.
pub fn committed(site: &SiteContext, page: PageId) -> Option<Message> {
    let found = site.retake.ended(page);
    found.then(|| message(site, vec![page]))
}

fn message(site: &SiteContext, pages: Vec<PageId>) -> Message {
    site.digesting.fetch_add(1, Ordering::AcqRel);
    Message::Retake(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_waited_for_until_it_ends() {
        let retake = Retake::default();
        assert!(!retake.ended(PageId(1)));
        retake.add(&[PageId(1), PageId(2)]);
        assert!(retake.ended(PageId(2)) && !retake.ended(PageId(2)));
        assert!(!retake.ended(PageId(3)) && retake.ended(PageId(1)));
        assert_eq!(retake.count.load(Ordering::SeqCst), 0);
        for n in 0..10_000 {
            retake.add(&[PageId(n)]);
        }
        assert!(retake.lock().len() <= WAITED_FOR);
    }
}
