//! Redirects seen on a site: loops and chains that are too long.

use crate::page::{Fingerprint, PageId};
use std::collections::HashMap;

/// Longest chain of redirects that is followed.
pub const MOST_HOPS: u8 = 10;
/// Redirects remembered. Beyond these a loop is not recognised as such; it
/// still ends, as no URL is fetched twice.
const REMEMBERED: usize = 200_000;

/// What to do about a redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Follow it.
    Follow,
    /// It closes a loop. These other pages are on it, or lead into it.
    Loop(Vec<PageId>),
    /// It is one hop too many. These pages led here.
    TooLong(Vec<PageId>),
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    page: PageId,
    target: Fingerprint,
}

/// The redirects of one site.
#[derive(Debug, Default)]
pub struct Chains {
    edges: HashMap<Fingerprint, Edge>,
}

impl Chains {
    /// Takes note of a redirect from an earlier run.
    pub fn restore(&mut self, page: PageId, from: Fingerprint, target: Fingerprint) {
        if self.edges.len() < REMEMBERED {
            self.edges.insert(from, Edge { page, target });
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
        if self.leads_to(target, from) {
            return Step::Loop(self.others(page, from));
        }
        if hops >= MOST_HOPS {
            return Step::TooLong(self.others(page, from));
        }
        Step::Follow
    }

    fn leads_to(&self, start: Fingerprint, goal: Fingerprint) -> bool {
        let mut at = start;
        // No path is longer than there are redirects.
        for _ in 0..=self.edges.len() {
            if at == goal {
                return true;
            }
            match self.edges.get(&at) {
                Some(edge) => at = edge.target,
                None => return false,
            }
        }
        // A loop that does not hold `goal`; it was found when it was closed.
        false
    }

    /// The pages whose redirects lead to `goal`, without `page` itself.
    fn others(&self, page: PageId, goal: Fingerprint) -> Vec<PageId> {
        let mut others: Vec<PageId> = self
            .edges
            .values()
            .filter(|edge| edge.page != page && self.leads_to(edge.target, goal))
            .map(|edge| edge.page)
            .collect();
        others.sort_unstable();
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
