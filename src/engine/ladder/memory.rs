//! Which rung a page is best begun at: what was learned of pages like it.

use crate::page::{PageId, Rung};
use crate::store::Learned;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Families remembered at most, in two generations of half as many each.
const FAMILIES: usize = 16_384;
/// Pages of a family after which a lower rung is tried again.
const PROBE_AFTER: u32 = 50;
/// Time after which it is.
const PROBE_EVERY: Duration = Duration::from_secs(600);
/// Examples that agree before other pages follow a family's.
const FAMILY_SURE: u8 = 2;
/// Examples that agree before unknown pages follow their host's.
const HOST_SURE: u8 = 3;
/// Most trust in what was learned: how many must speak against it.
const MOST_TRUST: u8 = 4;

/// A place on a site's ladder, from 0.
pub type Place = u8;

/// What is known of one family of pages, or of one host.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The lowest place that works.
    place: Place,
    /// How many examples speak for it, less those that speak against it.
    trust: u8,
    /// Whether a lower place was seen to fail.
    proven: bool,
    /// The page it was last learned from.
    example: PageId,
    /// Pages begun since a lower place was tried.
    since: u32,
    /// When it was.
    probed: Instant,
    /// How often it was.
    probes: u32,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// At this place.
    pub place: Place,
    /// The place known to work, where a lower one is tried again.
    pub known: Option<Place>,
}

/// What became of a page, as far as the ladder is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Lesson {
    /// Its family.
    pub family: u64,
    /// Its host.
    pub host: u64,
    /// The page.
    pub page: PageId,
    /// Where it began.
    pub began: Place,
    /// Where it was had.
    pub had: Place,
}

/// A map that forgets what was not used for long.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u64, Known>,
    old: HashMap<u64, Known>,
}

impl Generations {
    fn get(&self, key: u64) -> Option<&Known> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    fn get_mut(&mut self, key: u64) -> Option<&mut Known> {
        if let Some(known) = self.old.remove(&key) {
            self.put(key, known);
        }
        self.young.get_mut(&key)
    }

    fn put(&mut self, key: u64, known: Known) {
        if self.young.len() >= FAMILIES / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, known);
    }
}

/// What a site has learned of its pages.
#[derive(Debug, Default)]
pub struct Memory {
    families: Generations,
    hosts: Generations,
    /// Whether anything has changed since it was last handed out to be kept.
    news: bool,
}

impl Memory {
    /// Where a page is to begin; counts it, and now and then answers a lower
    /// place than the one that is known to work.
    pub fn start(&mut self, family: u64, host: u64, page: PageId, now: Instant) -> Start {
        let place = self.place(family, host, page);
        let own = self.families.get_mut(family);
        let known = match own {
            Some(known) => known,
            None => match self.hosts.get_mut(host) {
                Some(known) => known,
                None => return Start { place, known: None },
            },
        };
        if place == 0 {
            return Start { place, known: None };
        }
        self.news = true;
        known.since += 1;
        let due = known.since > PROBE_AFTER
            || now.saturating_duration_since(known.probed) >= PROBE_EVERY
            || !known.proven;
        if !due {
            return Start { place, known: None };
        }
        (known.since, known.probed) = (0, now);
        // What was taken from the host alone is tried out once.
        known.proven = true;
        let lower = known.probes % u32::from(place);
        known.probes = known.probes.wrapping_add(1);
        Start {
            // Below `place`, which is a byte.
            place: u8::try_from(lower).unwrap_or(0),
            known: Some(place),
        }
    }

    /// The place at which a page like this is had; 0 where nothing is known.
    pub fn place(&self, family: u64, host: u64, page: PageId) -> Place {
        let own = self.families.get(family);
        if let Some(known) = own
            && (known.trust >= FAMILY_SURE || known.example == page)
        {
            return known.place;
        }
        let host = self.hosts.get(host);
        host.filter(|known| known.trust >= HOST_SURE)
            .map_or(0, |known| known.place)
    }

    /// Learns from a page that was had.
    pub fn learn(&mut self, lesson: &Lesson, now: Instant) {
        self.news |= learn(&mut self.families, lesson.family, lesson, now);
        // A page that began above the ground and was had there says nothing of
        // what its host needs.
        if lesson.began == 0 || lesson.had > lesson.began {
            self.news |= learn(&mut self.hosts, lesson.host, lesson, now);
        }
    }

    /// Whether anything has changed since it was last handed out.
    pub fn has_news(&self) -> bool {
        self.news
    }

    /// Hands out what is known, to be kept; `rungs` are the ladder's, lowest
    /// first.
    pub fn learned(&mut self, rungs: &[Rung]) -> Vec<Learned> {
        self.news = false;
        let of = |map: &Generations, host: bool| -> Vec<Learned> {
            // Those used last come last, and so are the last to be forgotten.
            let all = map.old.iter().chain(&map.young);
            all.filter_map(|(key, known)| {
                Some(Learned {
                    key: *key,
                    host,
                    rung: *rungs.get(usize::from(known.place))?,
                    trust: known.trust,
                    proven: known.proven,
                    example: known.example,
                    since: u16::try_from(known.since).unwrap_or(u16::MAX),
                })
            })
            .collect()
        };
        let mut learned = of(&self.families, false);
        learned.extend(of(&self.hosts, true));
        learned
    }

    /// What was kept, where its rungs stand on the ladder as it is now.
    pub fn restored(learned: &[Learned], rungs: &[Rung], now: Instant) -> Self {
        let mut memory = Self::default();
        for kept in learned {
            let place = rungs.iter().position(|rung| *rung == kept.rung);
            let Some(place) = place.and_then(|place| Place::try_from(place).ok()) else {
                continue;
            };
            let known = Known {
                place,
                trust: kept.trust.min(MOST_TRUST),
                proven: kept.proven,
                example: kept.example,
                since: u32::from(kept.since),
                probed: now,
                probes: 0,
            };
            match kept.host {
                true => memory.hosts.put(kept.key, known),
                false => memory.families.put(kept.key, known),
            }
        }
        memory
    }
}

/// Answers whether it has changed what is to be kept.
fn learn(map: &mut Generations, key: u64, lesson: &Lesson, now: Instant) -> bool {
    let climbed = lesson.had > lesson.began;
    let Some(known) = map.get_mut(key) else {
        let known = Known {
            place: lesson.had,
            trust: 1,
            proven: climbed || lesson.had == 0,
            example: lesson.page,
            since: 0,
            probed: now,
            probes: 0,
        };
        map.put(key, known);
        return true;
    };
    let before = (known.proven, known.trust);
    known.proven |= climbed;
    if lesson.had == known.place {
        known.trust = (known.trust + 1).min(MOST_TRUST);
        return (known.proven, known.trust) != before;
    }
    if lesson.had < known.place || known.trust <= 1 {
        // A lower one works, or too much spoke against what was known.
        let lower = lesson.had < known.place;
        known.place = lesson.had;
        known.trust = if lower { FAMILY_SURE } else { 1 };
        known.example = lesson.page;
        (known.since, known.probed) = (0, now);
    } else {
        known.trust -= 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(family: u64, page: u32, began: Place, had: Place) -> Lesson {
        Lesson {
            family,
            host: 0,
            page: PageId(page),
            began,
            had,
        }
    }

    #[test]
    fn one_example_speaks_for_itself_alone() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.learn(&lesson(7, 1, 0, 2), now);
        assert_eq!(memory.place(7, 0, PageId(1)), 2, "the page itself");
        assert_eq!(memory.place(7, 0, PageId(2)), 0);
        memory.learn(&lesson(7, 2, 0, 2), now);
        assert_eq!(memory.place(7, 0, PageId(3)), 2);
        assert_eq!(memory.place(8, 0, PageId(3)), 0, "another family");
    }

    #[test]
    fn a_host_speaks_for_families_that_are_unknown() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..3 {
            memory.learn(&lesson(u64::from(n), n, 0, 1), now);
        }
        assert_eq!(memory.place(99, 0, PageId(9)), 1);
        assert_eq!(memory.place(99, 1, PageId(9)), 0, "another host");
        // Taken from the host, a family is tried out once from below.
        memory.learn(&lesson(99, 9, 1, 1), now);
        memory.learn(&lesson(99, 10, 1, 1), now);
        let start = |memory: &mut Memory, page| memory.start(99, 0, PageId(page), now);
        assert_eq!(
            start(&mut memory, 11),
            Start {
                place: 0,
                known: Some(1)
            }
        );
        assert_eq!(start(&mut memory, 12).known, None);
    }

    #[test]
    fn a_lower_rung_is_tried_again_now_and_then() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.learn(&lesson(7, 1, 0, 2), now);
        memory.learn(&lesson(7, 2, 0, 2), now);
        let mut probes = Vec::new();
        for n in 0..300 {
            let start = memory.start(7, 0, PageId(100 + n), now);
            if start.known.is_some() {
                probes.push((n, start.place));
            }
        }
        assert_eq!(probes.len(), 5, "{probes:?}");
        assert!(
            probes.iter().any(|(_, place)| *place == 1),
            "each lower one"
        );
        assert!(probes.iter().any(|(_, place)| *place == 0));
        let later = now + PROBE_EVERY;
        assert!(memory.start(7, 0, PageId(1000), later).known.is_some());

        // It works there: that is where they begin from now on.
        memory.learn(&lesson(7, 1000, 0, 0), later);
        assert_eq!(memory.place(7, 0, PageId(1001)), 0);
    }

    #[test]
    fn a_few_odd_pages_do_not_move_a_family() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..20 {
            memory.learn(&lesson(7, n, 0, 0), now);
        }
        memory.learn(&lesson(7, 30, 0, 1), now);
        memory.learn(&lesson(7, 31, 0, 1), now);
        assert_eq!(memory.place(7, 0, PageId(40)), 0);
        for n in 0..6 {
            memory.learn(&lesson(7, 50 + n, 0, 1), now);
        }
        assert_eq!(memory.place(7, 0, PageId(40)), 1, "they all need it now");
    }

    #[test]
    fn what_is_kept_finds_its_rung_on_another_ladder() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert!(!memory.has_news());
        let plain = |page| Lesson {
            host: 8,
            ..lesson(8, page, 0, 0)
        };
        for n in 0..5 {
            memory.learn(&lesson(7, n, 0, 1), now);
            memory.learn(&plain(10 + n), now);
            memory.learn(&lesson(9, 20 + n, 0, 2), now);
        }
        for n in 0..40 {
            assert_eq!(memory.start(7, 0, PageId(30 + n), now).known, None);
        }
        assert!(memory.has_news());
        let learned = memory.learned(&[Rung::Http, Rung::Service, Rung::Solver]);
        assert!(!memory.has_news());
        memory.learn(&plain(99), now);
        assert!(!memory.has_news(), "nothing that was not known");

        // A rung between them, and one that is gone.
        let rungs = [Rung::Http, Rung::Browser, Rung::Service];
        let mut memory = Memory::restored(&learned, &rungs, now);
        assert!(!memory.has_news());
        let place = |memory: &Memory, family| memory.place(family, 1, PageId(99));
        assert_eq!([7, 8, 9].map(|n| place(&memory, n)), [2, 0, 0]);
        // It counts on to the next probe.
        let probes = (0..11).filter(|n| memory.start(7, 0, PageId(70 + n), now).known.is_some());
        assert_eq!(probes.count(), 1);
        let alone = Memory::restored(&learned, &[Rung::Http], now);
        assert_eq!(place(&alone, 7), 0);
    }

    #[test]
    fn it_forgets_what_is_not_used() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..100_000u32 {
            memory.learn(&lesson(u64::from(n), n, 0, 1), now);
            memory.learn(&lesson(u64::MAX, n, 0, 1), now);
        }
        let families = &memory.families;
        assert!(families.young.len() + families.old.len() <= FAMILIES);
        assert_eq!(memory.families.get(u64::MAX).unwrap().place, 1);
        let learned = memory.learned(&[Rung::Http, Rung::Proxy]);
        assert!(learned.len() <= FAMILIES + 1, "and one host");
        let memory = Memory::restored(&learned, &[Rung::Http, Rung::Proxy], now);
        assert_eq!(memory.families.get(u64::MAX).unwrap().place, 1);
    }
}
