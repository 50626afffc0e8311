//! The set of known URLs, in RAM.

use crate::page::{Fingerprint, PageId};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards; a power of two. Each grows on its own, so that growing never holds
/// more than this part of the set twice.
const SHARDS: usize = 256;
/// Slots of a shard's first table.
const FIRST: usize = 8;

/// Fingerprint → page number for every known URL of a job, at most 16 bytes
/// each however many they are (beyond the first few thousand).
///
/// Two URLs with the same 64 bits are taken for one: with a hundred million
/// known URLs the chance that this happens at all is about 0.03 %, and the cost
/// is one page not fetched.
///
/// Any thread may ask; one adds and takes out.
#[derive(Debug)]
pub struct Known {
    shards: Box<[Mutex<Shard>]>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Known {
    /// The page of a known URL.
    pub fn get(&self, print: Fingerprint) -> Option<PageId> {
        self.shard(print).get(print.0).map(PageId)
    }

    /// Adds a URL unless it is known; answers whether it was new. Page 0 is
    /// no page and cannot be added.
    pub fn insert(&self, print: Fingerprint, page: PageId) -> bool {
        debug_assert_ne!(page.0, 0);
        self.shard(print).insert(print.0, page.0)
    }

    /// Takes out a URL, if it is known as this page.
    pub fn remove(&self, print: Fingerprint, page: PageId) {
        self.shard(print).remove(print.0, page.0);
    }

    /// How many URLs are known.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| lock(s).len).sum()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of heap in use.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(|s| lock(s).bytes()).sum()
    }

    /// The low bits choose the shard; the high bits the slot in it.
    fn shard(&self, print: Fingerprint) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(print.0 as usize) % SHARDS])
    }
}

/// A shard is whole between any two instructions that can panic, so a poisoned
/// one is as good as any.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A table with linear probing: 12 bytes a slot, filled up to 7/8. Page 0 marks
/// a free slot.
#[derive(Debug, Default)]
struct Shard {
    prints: Box<[u64]>,
    pages: Box<[u32]>,
    len: usize,
}

impl Shard {
    fn with_slots(slots: usize) -> Self {
        Self {
            prints: vec![0; slots].into_boxed_slice(),
            pages: vec![0; slots].into_boxed_slice(),
            len: 0,
        }
    }

    fn get(&self, print: u64) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let slot = self.find(print);
        (self.pages[slot] != 0).then(|| self.pages[slot])
    }

    fn insert(&mut self, print: u64, page: u32) -> bool {
        if (self.len + 1) * 8 > self.prints.len() * 7 {
            if self.get(print).is_some() {
                return false;
            }
            self.grow();
        }
        let slot = self.find(print);
        if self.pages[slot] != 0 {
            return false;
        }
        self.prints[slot] = print;
        self.pages[slot] = page;
        self.len += 1;
        true
    }

    /// Closes the gap, so that every print stays reachable from its own slot.
    fn remove(&mut self, print: u64, page: u32) {
        if self.len == 0 {
            return;
        }
        let mut gap = self.find(print);
        if self.pages[gap] == 0 || self.pages[gap] != page {
            return;
        }
        let slots = self.prints.len();
        let mut slot = gap;
        loop {
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
            if self.pages[slot] == 0 {
                break;
            }
            // It may move back unless its own slot lies behind the gap.
            let own = self.slot_of(self.prints[slot]);
            let (from_own, from_gap) = (distance(own, slot, slots), distance(gap, slot, slots));
            if from_own >= from_gap {
                self.prints[gap] = self.prints[slot];
                self.pages[gap] = self.pages[slot];
                gap = slot;
            }
        }
        self.pages[gap] = 0;
        self.len -= 1;
    }

    /// Where the search for `print` begins.
    fn slot_of(&self, print: u64) -> usize {
        ((u128::from(print) * self.prints.len() as u128) >> 64) as usize
    }

    /// The slot of `print`, or the free one where it belongs. Ends because a
    /// table always has a free slot.
    fn find(&self, print: u64) -> usize {
        let slots = self.prints.len();
        let mut slot = self.slot_of(print);
        while self.pages[slot] != 0 && self.prints[slot] != print {
            slot += 1;
            if slot == slots {
                slot = 0;
            }
        }
        slot
    }

    /// By 15 %: 12 bytes a slot at a load of 7/8/1.15 are 15.8 bytes a URL.
    fn grow(&mut self) {
        let slots = (self.prints.len() * 23 / 20).max(self.prints.len() + FIRST);
        let mut wider = Self::with_slots(slots);
        for (print, page) in self.prints.iter().zip(&self.pages) {
            if *page != 0 {
                let slot = wider.find(*print);
                wider.prints[slot] = *print;
                wider.pages[slot] = *page;
            }
        }
        wider.len = self.len;
        *self = wider;
    }

    fn bytes(&self) -> usize {
        self.prints.len() * 12
    }
}

/// Steps from one slot to a later one, round the end.
fn distance(from: usize, to: usize, slots: usize) -> usize {
    if to >= from {
        to - from
    } else {
        to + slots - from
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_a_map_that_keeps_the_first(
            steps in prop::collection::vec((0u64..400, 1u32.., 0u8..4), 0..2000),
            spread in prop::sample::select(vec![1u64, 1 << 20, 0x9E37_79B9_7F4A_7C15]),
        ) {
            let known = Known::default();
            let mut model = HashMap::new();
            for (key, page, what) in steps {
                let print = Fingerprint(key.wrapping_mul(spread));
                if what == 0 {
                    // Only as the page that it is; as another it stays.
                    let held: Option<PageId> = model.get(&print).copied();
                    known.remove(print, PageId(page.wrapping_add(1).max(1)));
                    if let Some(held) = held.filter(|h| h.0 != page.wrapping_add(1).max(1)) {
                        prop_assert_eq!(known.get(print), Some(held));
                        known.remove(print, held);
                    }
                    model.remove(&print);
                    continue;
                }
                let new = !model.contains_key(&print);
                prop_assert_eq!(known.insert(print, PageId(page)), new);
                model.entry(print).or_insert(PageId(page));
            }
            prop_assert_eq!(known.len(), model.len());
            for key in 0..400u64 {
                let print = Fingerprint(key.wrapping_mul(spread));
                prop_assert_eq!(known.get(print), model.get(&print).copied());
            }
        }
    }

    #[test]
    fn a_known_url_costs_at_most_sixteen_bytes_while_growing_too() {
        let known = Known::default();
        let mut random = fastrand::Rng::with_seed(7);
        let mut n = 0u32;
        while n < 300_000 {
            n += 1;
            known.insert(Fingerprint(random.u64(..)), PageId(n));
            if n >= 50_000 && n.is_multiple_of(997) {
                // While one shard grows, its old table stands beside the new one.
                let growing = known.bytes() / SHARDS;
                let each = (known.bytes() + growing) as f64 / f64::from(n);
                assert!(each <= 16.0, "{each} bytes each at {n}");
            }
        }
    }
}
