//! A site's hosts, and which piece of work comes next.

use super::host::{Host, Readiness, RobotsState};
use super::work::{Errand, ErrandKind, Page, Work};
use crate::bus::HostRow;
use crate::store::Leased;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;
use url::{Position, Url};

/// Hosts remembered; idle ones are forgotten above this.
const REMEMBERED: usize = 4096;

/// What may start now.
#[derive(Debug)]
pub enum Next {
    /// This, at that host.
    Work(Arc<str>, Work),
    /// robots.txt forbids this page.
    Forbidden(Leased),
    /// The host's robots.txt cannot be had, which forbids this page.
    Unreachable(Leased, Arc<str>),
    /// Nothing; the first moment at which that may change by itself.
    Nothing(Option<Instant>),
}

/// The hosts of a site and the work that waits at each.
#[derive(Debug)]
pub struct Hosts {
    hosts: HashMap<Arc<str>, Host>,
    /// Hosts with waiting work, each once, in turn.
    ring: VecDeque<Arc<str>>,
    waiting: usize,
    obey_robots: bool,
    /// Hosts that the operator paused, by name and port.
    paused: HashSet<Arc<str>>,
}

impl Hosts {
    /// No hosts yet.
    pub fn new(obey_robots: bool) -> Self {
        Self {
            hosts: HashMap::new(),
            ring: VecDeque::new(),
            waiting: 0,
            obey_robots,
            paused: HashSet::new(),
        }
    }

    /// Pages that wait, at all hosts.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether any errand waits.
    pub fn has_errands(&self) -> bool {
        self.hosts.values().any(|host| !host.errands.is_empty())
    }

    /// The host that `url` is on.
    pub fn of(&mut self, url: &Url, now: Instant) -> &mut Host {
        let origin: Arc<str> = url[..Position::BeforePath].into();
        if self.hosts.len() >= REMEMBERED && !self.hosts.contains_key(&origin) {
            self.hosts
                .retain(|_, host| !host.is_idle() || host.readiness(now) != Readiness::Now);
        }
        self.hosts.entry(origin).or_insert_with_key(|origin| {
            let mut host = Host::new(origin.clone(), now);
            host.paused = self.paused.contains(name(origin));
            host
        })
    }

    /// A host by its origin.
    pub fn get(&mut self, origin: &str) -> Option<&mut Host> {
        self.hosts.get_mut(origin)
    }

    /// Every host.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.hosts.values_mut()
    }

    /// Pauses or resumes a host by its name and port, known or not.
    pub fn pause(&mut self, host: &Arc<str>, paused: bool) {
        if paused {
            self.paused.insert(host.clone());
        } else {
            self.paused.remove(host);
        }
        for (origin, known) in &mut self.hosts {
            if name(origin) == &**host {
                known.paused = paused;
            }
        }
    }

    /// Resumes every host.
    pub fn resume_all(&mut self) {
        self.paused.clear();
        self.iter_mut().for_each(|host| host.paused = false);
    }

    /// Hosts that the operator paused, by name and port.
    pub fn paused(&self) -> impl Iterator<Item = &Arc<str>> {
        self.paused.iter()
    }

    /// Takes every waiting page out.
    pub fn take_pages(&mut self) -> Vec<Page> {
        self.waiting = 0;
        self.hosts
            .values_mut()
            .flat_map(|host| host.pages.drain(..))
            .collect()
    }

    /// Every host as the operator sees it: those with most work first.
    pub fn rows(&self, now: Instant, most: usize) -> Vec<HostRow> {
        let mut rows: Vec<HostRow> = self.hosts.values().map(|host| host.row(now)).collect();
        rows.sort_by(|a, b| {
            let busy = |row: &HostRow| (row.paused, row.waiting + u64::from(row.in_flight));
            busy(b).cmp(&busy(a)).then_with(|| a.origin.cmp(&b.origin))
        });
        rows.truncate(most);
        rows
    }

    /// Adds a leased page.
    pub fn add_page(&mut self, page: Page, now: Instant) {
        let host = self.of(&page.url, now);
        host.pages.push_back(page);
        let newcomer = host.enter();
        self.ring.extend(newcomer);
        self.waiting += 1;
    }

    /// Adds an errand, not to be run before `at`.
    pub fn add_errand(&mut self, errand: Errand, at: Instant, now: Instant) {
        let host = self.of(&errand.url, now);
        host.errands.push_back((at, errand));
        let newcomer = host.enter();
        self.ring.extend(newcomer);
    }

    /// Asks for a host's robots.txt before anything else of it.
    pub fn ask_robots(&mut self, url: &Url, now: Instant) {
        let host = self.of(url, now);
        if let (RobotsState::Unknown, Ok(url)) = (&host.robots, url.join("/robots.txt")) {
            host.robots = RobotsState::Asked;
            let errand = Errand {
                kind: ErrandKind::Robots,
                url,
                tries: 0,
            };
            host.errands.push_front((now, errand));
            let newcomer = host.enter();
            self.ring.extend(newcomer);
        }
    }

    /// What may start now: the hosts take turns, so that a slow one holds up
    /// none but itself.
    pub fn next(&mut self, now: Instant) -> Next {
        let mut first: Option<Instant> = None;
        let mut note = |at: Instant| first = Some(first.map_or(at, |known| known.min(at)));
        for _ in 0..self.ring.len() {
            let Some(origin) = self.ring.pop_front() else {
                break;
            };
            let Some(host) = self.hosts.get_mut(&origin) else {
                continue;
            };
            let found = match host.readiness(now) {
                Readiness::Later => None,
                Readiness::At(at) => {
                    note(at);
                    None
                }
                Readiness::Now => take(host, now, self.obey_robots, &mut note),
            };
            host.in_ring = false;
            if !(host.pages.is_empty() && host.errands.is_empty()) {
                self.ring.extend(host.enter());
            }
            if let Some(next) = found {
                if !matches!(next, Next::Work(_, Work::Errand(_))) {
                    self.waiting -= 1;
                }
                return next;
            }
        }
        Next::Nothing(first)
    }

    /// Whether every host with pages has been given up, and there is one.
    pub fn given_up(&self) -> Option<Arc<str>> {
        let mut with_pages = self.hosts.values().filter(|host| !host.pages.is_empty());
        let first = with_pages.next()?;
        (first.given_up && with_pages.all(|host| host.given_up)).then(|| first.origin.clone())
    }
}

/// An origin's name and port.
fn name(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, name)| name)
}

/// What may start at one host that is ready.
fn take(
    host: &mut Host,
    now: Instant,
    obey_robots: bool,
    note: &mut impl FnMut(Instant),
) -> Option<Next> {
    if let Some(n) = host.errands.iter().position(|(at, _)| *at <= now)
        && let Some((_, errand)) = host.errands.remove(n)
    {
        return Some(Next::Work(host.origin.clone(), Work::Errand(errand)));
    }
    host.errands.iter().for_each(|(at, _)| note(*at));
    let url = &host.pages.front()?.url;
    if obey_robots {
        match &host.robots {
            RobotsState::Asked => return None,
            RobotsState::Known(rules, until) if *until > now => {
                let path = &url[Position::BeforePath..Position::AfterQuery];
                if !rules.allows(path).allowed {
                    return host
                        .pages
                        .pop_front()
                        .map(|page| Next::Forbidden(page.leased));
                }
            }
            RobotsState::Unreachable(why) => {
                let why = why.clone();
                return host
                    .pages
                    .pop_front()
                    .map(|page| Next::Unreachable(page.leased, why));
            }
            RobotsState::Unknown | RobotsState::Known(..) => {
                let url = url.join("/robots.txt").ok()?;
                host.robots = RobotsState::Asked;
                let errand = Errand {
                    kind: ErrandKind::Robots,
                    url,
                    tries: 0,
                };
                return Some(Next::Work(host.origin.clone(), Work::Errand(errand)));
            }
        }
    }
    host.pages
        .pop_front()
        .map(|page| Next::Work(host.origin.clone(), Work::Page(page)))
}
