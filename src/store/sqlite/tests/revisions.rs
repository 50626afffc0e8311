//! What operators do to pages, in random histories: against a filter in plain
//! Rust over everything that is in the tables.

use super::history::{SITES, World};
use super::*;
use crate::bus::PageFilter;
use crate::page::{PageState, SkipReason};
use std::collections::HashMap;

/// A known page.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    site: SiteId,
    url: String,
    depth: u32,
    state: PageState,
    reason: String,
    status: Option<u16>,
    records: u32,
    /// Whether it waits to be asked again.
    again: bool,
}

fn matches(filter: &PageFilter, page: &Known) -> bool {
    let rest = page.url.split_once("://").unwrap().1;
    let host = rest.split('/').next().unwrap();
    filter.site.is_none_or(|s| s == page.site)
        && filter.state.is_none_or(|s| s == page.state)
        && filter
            .kind
            .is_none_or(|k| page.state == PageState::Failed && page.reason == k.as_str())
        && filter.status.is_none_or(|s| page.status == Some(s))
        && filter.host.as_ref().is_none_or(|h| h == host)
        && filter.depth.is_none_or(|d| d == page.depth)
        && (filter.text.is_empty() || page.url.contains(&filter.text) != filter.invert)
}

/// A filter made from bits.
fn filter(bits: u32) -> PageFilter {
    let bit = |n: u32| bits >> n & 1 == 1;
    PageFilter {
        // The last of these is no site.
        site: bit(0).then_some(SiteId((bits >> 8 & 3).min(2))),
        state: bit(1).then_some(PageState::ALL[(bits >> 10 & 3) as usize]),
        kind: bit(2).then_some(FailureKind::Status),
        status: bit(3).then_some(if bit(12) { 500 } else { 200 }),
        host: bit(4).then(|| if bit(13) { "a.test" } else { "b.test" }.to_owned()),
        depth: bit(5).then_some(bits >> 14 & 3),
        text: if bit(6) {
            (bits >> 15 & 7).to_string()
        } else {
            String::new()
        },
        invert: bit(7),
    }
}

impl World {
    /// Ends all long work.
    pub(super) fn work(&mut self) {
        while self.core().has_work() {
            self.core().work();
        }
    }

    fn pages(&mut self) -> HashMap<u32, Known> {
        let conn = self.core().conn();
        let sql = "SELECT u.id, s.place, u.url, u.depth, p.outcome, p.reason, p.status, \
                   (SELECT count(*) FROM record r WHERE r.id >> 16 = u.id), \
                   EXISTS (SELECT 1 FROM again a WHERE a.id = u.id) \
                   FROM url u JOIN site s ON s.key = u.site LEFT JOIN page p ON p.id = u.id";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| {
            let page = Known {
                site: SiteId(r.get(1)?),
                url: r.get(2)?,
                depth: r.get(3)?,
                state: code::page_state(r.get(4)?),
                reason: r.get::<_, Option<String>>(5)?.unwrap_or_default(),
                status: r.get(6)?,
                records: r.get(7)?,
                again: r.get(8)?,
            };
            Ok((r.get(0)?, page))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The pages that `picked` says become what `change` makes of them, and
    /// nothing else changes; the answer is how many they are.
    fn check(
        &mut self,
        before: HashMap<u32, Known>,
        answer: Vec<(SiteId, u64)>,
        picked: impl Fn(u32, &Known) -> bool,
        change: impl Fn(&mut Known),
    ) {
        let mut counts = vec![0; usize::from(SITES)];
        let mut expected = before;
        for (id, page) in &mut expected {
            if picked(*id, page) {
                counts[page.site.index()] += 1;
                change(page);
            }
        }
        let counts: Vec<_> = (0..)
            .map(SiteId)
            .zip(counts)
            .filter(|(_, n)| *n > 0)
            .collect();
        assert_eq!(answer, counts);
        assert_eq!(self.pages(), expected);
    }

    pub(super) fn revise(&mut self, page: u32, how: u32, bits: Option<u32>) {
        // A stalled store revises nothing, which would be another history.
        self.heal();
        let how = [Revision::Retry, Revision::Force, Revision::Ignore][how as usize];
        let before = self.pages();
        let filter = bits.map(filter);
        let pick = match &filter {
            Some(filter) => Pick::Matching(filter.clone()),
            None => Pick::Pages((page..page + 9).chain(page..page + 2).map(PageId).collect()),
        };
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Revise { pick, how, reply });
        if self.sliced {
            return;
        }
        self.work();
        let picked = |id: u32, known: &Known| {
            let asked = match &filter {
                Some(filter) if how == Revision::Force => matches(filter, known),
                Some(filter) => {
                    let state = Some(PageState::Failed);
                    matches(
                        &PageFilter {
                            state,
                            ..filter.clone()
                        },
                        known,
                    )
                }
                None => (page..page + 9).contains(&id),
            };
            let applies = match how {
                Revision::Force => known.state != PageState::Queued,
                _ => known.state == PageState::Failed,
            };
            asked && applies
        };
        let change = |known: &mut Known| {
            if how == Revision::Ignore {
                known.state = PageState::Skipped;
                known.reason = "operator".to_owned();
            } else {
                known.state = PageState::Queued;
                (known.reason, known.status) = (String::new(), None);
                // What a page had that failed later stands until it is had again.
                if how == Revision::Force {
                    known.records = 0;
                }
            }
        };
        let answer = answer.try_recv().unwrap();
        self.check(before, answer, picked, change);
    }

    pub(super) fn prune(&mut self, site: u32, digit: u32, preview: bool) {
        self.heal();
        let before = self.pages();
        let site = Some(SiteId(site)).filter(|s| s.0 < 2);
        let goes = move |url: &str, depth: u32| url.contains(&digit.to_string()) && depth < 3;
        let prune = Prune {
            site,
            goes: Arc::new(goes),
            reason: SkipReason::Scope,
            preview,
        };
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Prune { prune, reply });
        if self.sliced {
            return;
        }
        self.work();
        let leased = self.leased.clone();
        let picked = |id: u32, known: &Known| {
            known.state == PageState::Queued
                && site.is_none_or(|s| s == known.site)
                && goes(&known.url, known.depth)
                && !leased.contains(&(known.site, PageId(id)))
        };
        let change = |known: &mut Known| {
            // The supervisor ends one that waits to be asked again.
            if !preview && !known.again {
                known.state = PageState::Skipped;
                known.reason = "scope".to_owned();
            }
        };
        let answer = answer.try_recv().unwrap();
        self.check(before, answer, picked, change);
    }

    /// Pages of the queue and where they stand in it.
    fn places(&mut self) -> HashMap<PageId, (SiteId, i64, String)> {
        let conn = self.core().conn();
        let sql = "SELECT q.id, s.place, q.depth, u.url FROM queue q \
                   JOIN url u ON u.id = q.id JOIN site s ON s.key = q.site";
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |r| {
            Ok((PageId(r.get(0)?), (SiteId(r.get(1)?), r.get(2)?, r.get(3)?)))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    pub(super) fn reorder(&mut self, site: SiteId, digit: u32) {
        self.heal();
        let (pages, mut places) = (self.pages(), self.places());
        let rank = move |url: &str, depth: u32| match url.contains(&digit.to_string()) {
            true => 0,
            false => 9 - depth.min(9),
        };
        let reorder = Reorder {
            site,
            rank: Arc::new(rank),
            most: u64::MAX,
        };
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Reorder { reorder, reply });
        if self.sliced {
            return;
        }
        self.work();
        let mut moved = 0;
        for (page, (of, place, url)) in &mut places {
            if *of == site && !self.leased.contains(&(site, *page)) {
                let wanted = i64::from(rank(url, pages[&page.0].depth));
                moved += u64::from(std::mem::replace(place, wanted) != wanted);
            }
        }
        assert_eq!(answer.try_recv().unwrap(), moved);
        assert_eq!(self.places(), places);
        assert_eq!(self.pages(), pages, "nothing else has changed");
    }

    pub(super) fn refresh(&mut self, site: SiteId) {
        self.heal();
        let mut expected = self.pages();
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Refresh { site, reply });
        if self.sliced {
            return;
        }
        self.work();
        let mut waiting = 0;
        match answer.try_recv().unwrap() {
            None => panic!("a store that can write begins"),
            Some(Refresh::First) => {
                let over = |page: &&Known| page.site == site && page.state != PageState::Queued;
                assert_eq!(expected.values().filter(over).count(), 0);
            }
            Some(Refresh::GoesOn { round }) => assert!(round > 1),
            Some(Refresh::Begun { round, pages }) => {
                assert!(round > 1);
                for page in expected.values_mut().filter(|page| page.site == site) {
                    let dropped = page.reason == SkipReason::Operator.as_str();
                    if page.state == PageState::Queued || dropped {
                        continue;
                    }
                    waiting += 1;
                    page.again = page.state == PageState::Done;
                    // Its records stand.
                    page.state = PageState::Queued;
                    (page.reason, page.status) = (String::new(), None);
                }
                assert_eq!(pages, waiting);
            }
        }
        assert_eq!(self.pages(), expected);
    }

    pub(super) fn forget(&mut self, site: SiteId) {
        self.heal();
        let mut expected = self.pages();
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Forget { site, reply });
        let leased = std::mem::take(&mut self.leased);
        let (gone, kept) = leased.into_iter().partition(|(s, _)| *s == site);
        self.leased = kept;
        for (site, page) in gone {
            // Counts for nothing.
            let done = commit(site, page, Verdict::Final(Outcome::Done));
            self.core().handle(Op::Commit(Box::new(done)));
        }
        expected.retain(|_, page| page.site != site);
        assert_eq!(self.pages(), expected, "at once");
        if self.sliced {
            return;
        }
        self.work();
        assert_eq!(answer.try_recv(), Ok(true));
        assert_eq!(self.pages(), expected);
        assert_swept(self.core().conn());
        let known = self.core().start.known.len();
        assert_eq!(known, expected.len(), "in RAM");
    }
}
