//! Redirects seen on a site: loops and chains that are too long.

use crate::page::{Fingerprint, PageId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Longest chain of redirects that is followed.
pub const MOST_HOPS: u8 = 10;
/// Redirects remembered, at some 60 bytes each. Beyond these a loop is not
/// recognised as such; it still ends, as no URL is fetched twice.
const REMEMBERED: usize = 200_000;
/// Redirects that are walked along in search of a loop. A longer loop is not
/// recognised; so no site can make one redirect cost more than this.
const WALK: usize = 1000;

/// What to do about a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Follow it.
    Follow,
    /// It closes a loop, or leads into one. These other pages are on it, or
    /// lead into it.
    Loop(Vec<PageId>),
    /// It is one hop too many. These pages led here.
    TooLong(Vec<PageId>),
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    page: PageId,
    target: Fingerprint,
}

/// The redirects of one site, one for each page that redirects.
#[derive(Debug, Default)]
pub struct Chains {
    edges: HashMap<Fingerprint, Edge>,
    /// The same the other way round: target and source.
    into: BTreeSet<(u64, u64)>,
}

impl Chains {
    /// Takes note of a redirect from an earlier run.
    pub fn restore(&mut self, page: PageId, from: Fingerprint, target: Fingerprint) {
        if self.edges.len() >= REMEMBERED && !self.edges.contains_key(&from) {
            return;
        }
        if let Some(old) = self.edges.insert(from, Edge { page, target }) {
            self.into.remove(&(old.target.0, from.0));
        }
        self.into.insert((target.0, from.0));
    }

    /// Takes note that the page of fingerprint `from` redirects no longer.
    pub fn forget(&mut self, from: Fingerprint) {
        if let Some(old) = self.edges.remove(&from) {
            self.into.remove(&(old.target.0, from.0));
        }
    }

    /// Takes note that `page` (of fingerprint `from`, `hops` redirects after a
    /// link) redirects to `target`, and says what to do about it.
    pub fn follow(
        &mut self,
        page: PageId,
        from: Fingerprint,
        target: Fingerprint,
        hops: u8,
    ) -> Step {
        self.restore(page, from, target);
        if self.loops(from, target) {
            return Step::Loop(self.others(page, from));
        }
        if hops >= MOST_HOPS {
            return Step::TooLong(self.others(page, from));
        }
        Step::Follow
    }

    /// Whether the way on from `target` comes back to `from`, or to itself.
    fn loops(&self, from: Fingerprint, target: Fingerprint) -> bool {
        // Brent's way of finding a cycle: the mark moves up to the walker at
        // every power of two, and is met again on any cycle.
        let (mut at, mut mark, mut next) = (target, from, 1);
        for step in 1..=WALK {
            if at == from || at == mark {
                return true;
            }
            if step == next {
                (mark, next) = (at, next * 2);
            }
            match self.edges.get(&at) {
                Some(edge) => at = edge.target,
                None => return false,
            }
        }
        false
    }

    /// The pages whose redirects lead to `goal`, without `page` itself.
    fn others(&self, page: PageId, goal: Fingerprint) -> Vec<PageId> {
        let mut seen = HashSet::from([goal]);
        let mut todo = vec![goal];
        let mut others = Vec::new();
        while let Some(at) = todo.pop() {
            for &(_, source) in self.into.range((at.0, 0)..=(at.0, u64::MAX)) {
                let source = Fingerprint(source);
                if !seen.insert(source) {
                    continue;
                }
                todo.push(source);
                others.extend(self.edges.get(&source).map(|edge| edge.page));
            }
        }
        others.retain(|other| *other != page);
        others.sort_unstable();
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn follow(chains: &mut Chains, from: u64, to: u64, hops: u8) -> Step {
        let page = PageId(u32::try_from(from).unwrap());
        chains.follow(page, Fingerprint(from), Fingerprint(to), hops)
    }

    #[test]
    fn loops_are_found_whoever_closes_them() {
        let mut chains = Chains::default();
        assert_eq!(follow(&mut chains, 1, 1, 0), Step::Loop(vec![]));
        assert_eq!(follow(&mut chains, 9, 2, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 2, 3, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 3, 4, 0), Step::Follow);
        assert_eq!(
            follow(&mut chains, 4, 2, 0),
            Step::Loop(vec![PageId(2), PageId(3), PageId(9)])
        );
    }

    #[test]
    fn what_leads_into_a_loop_is_part_of_it_whenever_it_comes() {
        let mut chains = Chains::default();
        assert_eq!(follow(&mut chains, 1, 2, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 2, 1, 0), Step::Loop(vec![PageId(1)]));
        assert_eq!(follow(&mut chains, 8, 7, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 7, 1, 0), Step::Loop(vec![PageId(8)]));
        assert_eq!(follow(&mut chains, 6, 5, 0), Step::Follow);
    }

    #[test]
    fn a_loop_that_the_site_has_mended_is_none() {
        let mut chains = Chains::default();
        assert_eq!(follow(&mut chains, 1, 2, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 2, 1, 0), Step::Loop(vec![PageId(1)]));
        // The first leads elsewhere now.
        assert_eq!(follow(&mut chains, 1, 3, 0), Step::Follow);
        assert_eq!(follow(&mut chains, 2, 1, 0), Step::Follow);
        // The first is a page now.
        assert_eq!(follow(&mut chains, 1, 2, 0), Step::Loop(vec![PageId(2)]));
        chains.forget(Fingerprint(1));
        assert_eq!(follow(&mut chains, 2, 1, 0), Step::Follow);
        assert_eq!(chains.edges.len(), chains.into.len());
    }

    #[test]
    fn no_order_of_redirects_is_dear() {
        // Each is put before the one before: the walk is as long as it may be.
        let mut chains = Chains::default();
        let last = 4000;
        for n in (1..=last).rev() {
            assert_eq!(follow(&mut chains, n, n + 1, 0), Step::Follow);
        }
        // A loop of all of them is too long to be seen; one at the end is not.
        assert_eq!(follow(&mut chains, last + 1, 1, 0), Step::Follow);
        let Step::Loop(others) = follow(&mut chains, last + 1, last, 0) else {
            panic!("a loop of two");
        };
        assert_eq!(others.len() as u64, last);
    }

    #[test]
    fn memory_is_bounded() {
        let mut chains = Chains::default();
        for n in 0..REMEMBERED as u64 + 10 {
            chains.restore(PageId(0), Fingerprint(n), Fingerprint(u64::MAX));
        }
        assert_eq!(chains.edges.len(), REMEMBERED);
        assert_eq!(chains.into.len(), REMEMBERED);
        // What is known already may still change.
        chains.restore(PageId(0), Fingerprint(0), Fingerprint(1));
        assert_eq!(chains.edges[&Fingerprint(0)].target, Fingerprint(1));
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(redirects in prop::collection::vec((0u64..12, 0u64..12), 1..30)) {
            let mut chains = Chains::default();
            let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
            for (from, to) in redirects {
                plain.insert(from, to);
                // Where a page's redirects end; `None` where they never do.
                let end = |start: u64| {
                    (0..=plain.len()).try_fold(start, |at, _| match plain.get(&at) {
                        Some(next) => Ok(*next),
                        None => Err(at),
                    }).err()
                };
                let passes = |start: u64| {
                    let mut at = start;
                    (0..=plain.len()).any(|_| {
                        at = plain.get(&at).copied().unwrap_or(at);
                        at == from
                    })
                };
                let expected = if end(from).is_some() {
                    Step::Follow
                } else {
                    let others = plain.keys().filter(|page| **page != from && passes(**page));
                    Step::Loop(others.map(|page| PageId(*page as u32)).collect())
                };
                prop_assert_eq!(follow(&mut chains, from, to, 0), expected);
            }
        }
    }

    #[test]
    fn the_eleventh_hop_is_one_too_many() {
        let mut chains = Chains::default();
        for hop in 0..10 {
            assert_eq!(follow(&mut chains, hop, hop + 1, hop as u8), Step::Follow);
        }
        let all: Vec<PageId> = (0..10).map(PageId).collect();
        assert_eq!(follow(&mut chains, 10, 11, 10), Step::TooLong(all));
    }

    #[test]
    fn a_redirect_seen_twice_is_no_loop() {
        let mut chains = Chains::default();
        for _ in 0..3 {
            assert_eq!(follow(&mut chains, 1, 2, 0), Step::Follow);
        }
    }
}
