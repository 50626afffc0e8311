//! One host of a site: its waiting work, its pace, its health.

use super::lanes::Lanes;
use super::work::Errand;
use crate::bus::HostRow;
use crate::discover::robots::Rules;
use crate::page::{PageId, Rung};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Different pages that must fail in a row before the host itself is suspected.
const SUSPECT_AFTER: usize = 10;
/// First rest of a suspected host; doubled for each further one.
const REST: Duration = Duration::from_millis(500);
/// Longest rest.
const REST_CAP: Duration = Duration::from_secs(15);
/// Rests after which a host that cannot even be connected to is given up.
const GIVE_UP_UNREACHABLE: u32 = 10;
/// Rests after which a host that answers, but only with errors, is given up.
const GIVE_UP_FAILING: u32 = 30;

/// What the host's robots.txt says.
#[derive(Debug, Clone)]
pub enum RobotsState {
    /// Not asked yet.
    Unknown,
    /// Being asked for.
    Asked,
    /// These rules hold until then.
    Known(Arc<Rules>, Instant),
    /// It could not be had, which forbids the host (RFC 9309, 2.3.1.4).
    Unreachable(Arc<str>),
}

impl RobotsState {
    /// What is known, in words.
    fn words(&self) -> String {
        match self {
            Self::Unknown => "not asked yet".to_owned(),
            Self::Asked => "being asked for".to_owned(),
            Self::Known(rules, _) => match rules.crawl_delay() {
                Some(delay) => format!("known, Crawl-delay {} s", delay.as_secs_f64()),
                None => "known".to_owned(),
            },
            Self::Unreachable(why) => why.to_string(),
        }
    }
}

/// Whether something of a host may start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Now,
    /// Not before then.
    At(Instant),
    /// Not before something else happens (an answer in flight).
    Later,
}

/// How an attempt at a host ended, as far as the host is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered as a healthy host does, be it with a 404.
    Fine,
    /// It answered with an error of its own, or broke off.
    Failing,
    /// It could not be reached at all.
    Unreachable,
}

/// One host of a site.
#[derive(Debug)]
pub struct Host {
    /// Scheme, name and port.
    pub origin: Arc<str>,
    /// Its robots rules.
    pub robots: RobotsState,
    /// Leased pages that wait here.
    pub pages: Lanes,
    /// robots.txt and sitemaps to fetch first, each not before its time.
    pub errands: VecDeque<(Instant, Errand)>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Given up: nothing more is asked of it in this run.
    pub given_up: bool,
    /// Paused by the operator.
    pub paused: bool,
    /// Whether it stands in the ring of hosts with work.
    pub in_ring: bool,
    /// Nothing before then: a rest, or what the host asked for.
    next_at: Instant,
    /// When each rung last began a request here, by [`Rung::index`].
    started: [Option<Instant>; Rung::COUNT],
    /// When the longest delay since has passed.
    turn_at: Instant,
    failed_in_a_row: HashSet<PageId>,
    /// Pages whose bodies were blocks, though their answers counted as fine.
    blocked_in_a_row: HashSet<PageId>,
    /// When its last rest ends: what was in flight when it began says no more.
    rest_until: Instant,
    rests: u32,
}

impl Host {
    /// A host that nothing is known of.
    pub fn new(origin: Arc<str>, now: Instant) -> Self {
        Self {
            origin,
            robots: RobotsState::Unknown,
            pages: Lanes::default(),
            errands: VecDeque::new(),
            in_flight: 0,
            given_up: false,
            paused: false,
            in_ring: false,
            next_at: now,
            started: [None; Rung::COUNT],
            turn_at: now,
            failed_in_a_row: HashSet::new(),
            blocked_in_a_row: HashSet::new(),
            rest_until: now,
            rests: 0,
        }
    }

    /// Marks it as standing in the ring; answers its name if it did not before.
    pub fn enter(&mut self) -> Option<Arc<str>> {
        (!std::mem::replace(&mut self.in_ring, true)).then(|| self.origin.clone())
    }

    /// Whether the host is under suspicion and gets one request at a time.
    pub fn is_suspect(&self) -> bool {
        self.failed_in_a_row.len() >= SUSPECT_AFTER || self.blocked_in_a_row.len() >= SUSPECT_AFTER
    }

    /// Whether a request may start now.
    pub fn readiness(&self, now: Instant) -> Readiness {
        if self.given_up || self.paused || (self.is_suspect() && self.in_flight > 0) {
            Readiness::Later
        } else if self.next_at > now {
            Readiness::At(self.next_at)
        } else {
            Readiness::Now
        }
    }

    /// When a rung may ask here next, as far as delays are concerned. Two
    /// requests of different rungs are as far apart as the shorter delay says.
    pub fn turn(&self, rung: Rung, delays: &[Duration; Rung::COUNT]) -> Option<Instant> {
        let own = delays[rung.index()];
        let after = |(n, at): (usize, &Option<Instant>)| {
            let delay = if n == rung.index() {
                own
            } else {
                own.min(delays[n])
            };
            at.map(|at| at + delay)
        };
        self.started.iter().enumerate().filter_map(after).max()
    }

    /// When a rung last began a request here.
    pub fn last_started(&self, rung: Rung) -> Option<Instant> {
        self.started[rung.index()]
    }

    /// Notes that a rung with this delay starts a request now. A robots `Crawl-delay` holds for
    /// all of them.
    pub fn started(&mut self, now: Instant, rung: Rung, delay: Duration) {
        let floor = match &self.robots {
            RobotsState::Known(rules, _) => rules.crawl_delay().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        self.in_flight += 1;
        self.started[rung.index()] = Some(now);
        self.next_at = self.next_at.max(now + floor);
        self.turn_at = self.turn_at.max(now + delay);
    }

    /// Whether it may be forgotten: nothing of it is under way, and nothing
    /// keeps it from being asked.
    pub fn is_forgettable(&self, now: Instant) -> bool {
        self.is_idle() && self.turn_at <= now && self.readiness(now) == Readiness::Now
    }

    /// Keeps the host alone for `wait` from now.
    pub fn hold(&mut self, now: Instant, wait: Duration) {
        self.next_at = self.next_at.max(now + wait);
    }

    /// Notes how an attempt ended. Answers a rest that begins now, if one does.
    pub fn ended(
        &mut self,
        now: Instant,
        page: Option<PageId>,
        health: Health,
    ) -> Option<Duration> {
        self.in_flight = self.in_flight.saturating_sub(1);
        if health == Health::Fine {
            self.failed_in_a_row.clear();
            if self.blocked_in_a_row.is_empty() {
                self.rests = 0;
            }
            return None;
        }
        if let Some(page) = page
            && self.failed_in_a_row.len() < SUSPECT_AFTER
        {
            self.failed_in_a_row.insert(page);
        }
        self.rest(now, health)
    }

    /// Notes that the body of an answer that counted as fine was a block.
    /// Answers a rest that begins now, if one does.
    pub fn blocked(&mut self, now: Instant, page: PageId) -> Option<Duration> {
        if self.blocked_in_a_row.len() < SUSPECT_AFTER {
            self.blocked_in_a_row.insert(page);
        }
        self.rest(now, Health::Failing)
    }

    /// Notes that the body of an answer was a page.
    pub fn passed(&mut self) {
        self.blocked_in_a_row.clear();
    }

    fn rest(&mut self, now: Instant, health: Health) -> Option<Duration> {
        if !self.is_suspect() || now < self.rest_until {
            return None;
        }
        let rest = REST.saturating_mul(1 << self.rests.min(10)).min(REST_CAP);
        self.rests += 1;
        let limit = match health {
            Health::Unreachable => GIVE_UP_UNREACHABLE,
            _ => GIVE_UP_FAILING,
        };
        if self.rests > limit {
            self.given_up = true;
        }
        self.rest_until = now + rest;
        self.hold(now, rest);
        Some(rest)
    }

    /// Forgets the host's troubles: the operator asked for another try.
    pub fn forgive(&mut self, now: Instant) {
        self.given_up = false;
        self.failed_in_a_row.clear();
        self.blocked_in_a_row.clear();
        self.rests = 0;
        self.rest_until = now;
        self.next_at = now;
        self.started = [None; Rung::COUNT];
    }

    /// The host as the operator sees it.
    pub fn row(&self, now: Instant, rung: Rung, delays: &[Duration; Rung::COUNT]) -> HostRow {
        let next = self.next_at.max(self.turn(rung, delays).unwrap_or(now));
        let rest = next.saturating_duration_since(now);
        let held = if self.given_up {
            "given up: it does not answer"
        } else if self.paused {
            "paused"
        } else if matches!(self.robots, RobotsState::Asked) {
            "its robots.txt is being asked for"
        } else if self.is_suspect() {
            "rests: it keeps failing"
        } else if !rest.is_zero() && !self.pages.is_empty() {
            "waits for its turn"
        } else {
            ""
        };
        HostRow {
            origin: self.origin.to_string(),
            waiting: self.pages.len() as u64,
            in_flight: self.in_flight,
            paused: self.paused,
            held: held.to_owned(),
            rest: (!rest.is_zero()).then_some(rest),
            robots: self.robots.words(),
        }
    }

    /// Whether nothing waits here and nothing is in flight.
    pub fn is_idle(&self) -> bool {
        self.pages.is_empty() && self.errands.is_empty() && self.in_flight == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> (Host, Instant) {
        let now = Instant::now();
        (Host::new("http://a".into(), now), now)
    }

    #[test]
    fn delay_spaces_the_starts_and_rungs_by_the_shorter_one() {
        let (mut host, now) = host();
        let seconds = Duration::from_secs;
        let mut delays = [Duration::ZERO; Rung::COUNT];
        delays[Rung::Http.index()] = seconds(4);
        delays[Rung::Browser.index()] = seconds(3);
        assert_eq!(host.turn(Rung::Http, &delays), None);
        host.started(now, Rung::Http, Duration::ZERO);
        assert_eq!(host.turn(Rung::Http, &delays), Some(now + seconds(4)));
        assert_eq!(host.turn(Rung::Browser, &delays), Some(now + seconds(3)));
        assert_eq!(host.turn(Rung::Proxy, &delays), Some(now), "by another way");
        host.started(now + seconds(3), Rung::Browser, Duration::ZERO);
        assert_eq!(host.turn(Rung::Http, &delays), Some(now + seconds(6)));
        delays[Rung::Http.index()] = seconds(1);
        assert_eq!(host.turn(Rung::Http, &delays), Some(now + seconds(4)));
        assert_eq!(
            host.readiness(now + seconds(3)),
            Readiness::Now,
            "the host itself is at ease"
        );
    }

    #[test]
    fn one_bad_page_tried_often_is_not_a_bad_host() {
        let (mut host, now) = host();
        for _ in 0..100 {
            host.started(now, Rung::Http, Duration::ZERO);
            assert_eq!(host.ended(now, Some(PageId(1)), Health::Failing), None);
        }
        assert!(!host.is_suspect());
    }

    #[test]
    fn a_failing_host_rests_longer_each_time_and_is_given_up_at_last() {
        let (mut host, now) = host();
        let mut rests = Vec::new();
        for n in 0..100 {
            if host.given_up {
                break;
            }
            // What was in flight when a rest began says no more.
            let then = now + REST_CAP * n;
            for page in [2 * n, 2 * n + 1] {
                host.started(then, Rung::Http, Duration::ZERO);
                rests.extend(host.ended(then, Some(PageId(page)), Health::Unreachable));
            }
        }
        assert!(host.given_up);
        assert_eq!(rests.len() as u32, GIVE_UP_UNREACHABLE + 1);
        assert!(rests.windows(2).all(|w| w[0] <= w[1]) && rests.last() == Some(&REST_CAP));
        host.forgive(now);
        assert_eq!(host.readiness(now), Readiness::Now);
    }

    #[test]
    fn bodies_that_are_blocks_make_a_host_rest_though_its_answers_are_fine() {
        let (mut host, now) = host();
        let mut rests = Vec::new();
        for n in 0..SUSPECT_AFTER as u32 + 3 {
            let then = now + REST_CAP * n;
            host.started(then, Rung::Http, Duration::ZERO);
            host.ended(then, Some(PageId(n)), Health::Fine);
            rests.extend(host.blocked(then, PageId(n)));
        }
        assert_eq!(rests, [REST, REST * 2, REST * 4, REST * 8]);
        assert!(host.is_suspect());
        host.passed();
        assert!(!host.is_suspect());
    }

    #[test]
    fn a_suspect_gets_one_request_at_a_time_and_one_success_clears_it() {
        let (mut host, now) = host();
        for n in 0..SUSPECT_AFTER as u32 {
            host.started(now, Rung::Http, Duration::ZERO);
            host.ended(now, Some(PageId(n)), Health::Failing);
        }
        let later = now + REST_CAP;
        assert_eq!(host.readiness(later), Readiness::Now);
        host.started(later, Rung::Http, Duration::ZERO);
        assert_eq!(host.readiness(later), Readiness::Later);
        host.ended(later, Some(PageId(99)), Health::Fine);
        assert!(!host.is_suspect());
        assert_eq!(host.readiness(later), Readiness::Now);
    }
}
