//! The set of known URLs, in RAM.

use crate::page::{Fingerprint, PageId};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards; a power of two. Each grows on its own, so that growing never holds
/// more than this part of the set twice.
const SHARDS: usize = 256;
/// Bits of a print that its shard does not tell.
const KEY_BITS: u32 = u64::BITS - SHARDS.ilog2();
/// Slots of a shard's first table.
const FIRST: usize = 8;

/// Fingerprint → page number for every known URL of a job, at most 15 bytes
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
        self.shard(print).get(key(print)).map(PageId)
    }

    /// Adds a URL unless it is known; answers whether it was new. Page 0 is
    /// no page and cannot be added.
    pub fn insert(&self, print: Fingerprint, page: PageId) -> bool {
        debug_assert_ne!(page.0, 0);
        self.shard(print).insert(key(print), page.0)
    }

    /// Takes out a URL, if it is known as this page.
    pub fn remove(&self, print: Fingerprint, page: PageId) {
        self.shard(print).remove(key(print), page.0);
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

/// What a print is known by in its shard.
fn key(print: Fingerprint) -> u64 {
    print.0 / SHARDS as u64
}

/// A shard is whole between any two instructions that can panic, so a poisoned
/// one is as good as any.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A slot: the 56 bits of a print that the shard does not tell, then the page;
/// page 0 marks a free slot.
type Slot = [u8; 11];
const FREE: Slot = [0; 11];

/// A table with linear probing, filled up to 7/8. Keys are prints without
/// their lowest byte, which is the shard's number.
#[derive(Debug, Default)]
struct Shard {
    slots: Box<[Slot]>,
    len: usize,
}

impl Shard {
    fn with_slots(slots: usize) -> Self {
        Self {
            slots: vec![FREE; slots].into_boxed_slice(),
            len: 0,
        }
    }

    fn get(&self, key: u64) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let page = page_of(&self.slots[self.find(key)]);
        (page != 0).then_some(page)
    }

    fn insert(&mut self, key: u64, page: u32) -> bool {
        if (self.len + 1) * 8 > self.slots.len() * 7 {
            if self.get(key).is_some() {
                return false;
            }
            self.grow();
        }
        let slot = self.find(key);
        if page_of(&self.slots[slot]) != 0 {
            return false;
        }
        self.slots[slot] = slot_with(key, page);
        self.len += 1;
        true
    }

    /// Closes the gap, so that every key stays reachable from its own slot.
    fn remove(&mut self, key: u64, page: u32) {
        if self.len == 0 {
            return;
        }
        let mut gap = self.find(key);
        let held = page_of(&self.slots[gap]);
        if held == 0 || held != page {
            return;
        }
        let slots = self.slots.len();
        let mut slot = gap;
        loop {
            slot = if slot + 1 == slots { 0 } else { slot + 1 };
            if page_of(&self.slots[slot]) == 0 {
                break;
            }
            // It may move back unless its own slot lies behind the gap.
            let own = self.slot_of(key_of(&self.slots[slot]));
            let (from_own, from_gap) = (distance(own, slot, slots), distance(gap, slot, slots));
            if from_own >= from_gap {
                self.slots[gap] = self.slots[slot];
                gap = slot;
            }
        }
        self.slots[gap] = FREE;
        self.len -= 1;
    }

    /// Where the search for `key` begins.
    fn slot_of(&self, key: u64) -> usize {
        ((u128::from(key) * self.slots.len() as u128) >> KEY_BITS) as usize
    }

    /// The slot of `key`, or the free one where it belongs. Ends because a
    /// table always has a free slot.
    fn find(&self, key: u64) -> usize {
        let slots = self.slots.len();
        let mut slot = self.slot_of(key);
        while page_of(&self.slots[slot]) != 0 && key_of(&self.slots[slot]) != key {
            slot += 1;
            if slot == slots {
                slot = 0;
            }
        }
        slot
    }

    /// By 15 %: 11 bytes a slot at a load of 7/8/1.15 are 14.5 bytes a URL.
    fn grow(&mut self) {
        let slots = (self.slots.len() * 23 / 20).max(self.slots.len() + FIRST);
        let mut wider = Self::with_slots(slots);
        for slot in &self.slots {
            if page_of(slot) != 0 {
                let to = wider.find(key_of(slot));
                wider.slots[to] = *slot;
            }
        }
        wider.len = self.len;
        *self = wider;
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }
}

fn slot_with(key: u64, page: u32) -> Slot {
    let [a, b, c, d, e, f, g, _] = key.to_le_bytes();
    let [p, q, r, s] = page.to_le_bytes();
    [a, b, c, d, e, f, g, p, q, r, s]
}

fn key_of(&[a, b, c, d, e, f, g, ..]: &Slot) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, g, 0])
}

fn page_of(&[.., p, q, r, s]: &Slot) -> u32 {
    u32::from_le_bytes([p, q, r, s])
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
    fn a_known_url_costs_at_most_fifteen_bytes_while_growing_too() {
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
                assert!(each <= 15.0, "{each} bytes each at {n}");
            }
        }
    }
}
