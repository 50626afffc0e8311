//! A site's hosts, and which piece of work comes next.

use super::host::{Host, Readiness, RobotsState};
use super::ladder::Open;
use super::work::{Errand, ErrandKind, Page, Work};
use crate::bus::HostRow;
use crate::page::Rung;
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
    /// This, at that host, by that rung.
    Work(Arc<str>, Rung, Work),
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
    /// Pages that wait, by [`Rung::index`].
    waiting: [usize; Rung::COUNT],
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
            waiting: [0; Rung::COUNT],
            obey_robots,
            paused: HashSet::new(),
        }
    }

    /// Pages that wait, at all hosts.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().sum()
    }

    /// Pages that wait for a rung, at all hosts.
    pub fn waiting_for(&self, rung: Rung) -> usize {
        self.waiting[rung.index()]
    }

    /// Whether any errand waits.
    pub fn has_errands(&self) -> bool {
        self.hosts.values().any(|host| !host.errands.is_empty())
    }

    /// The host that `url` is on.
    pub fn of(&mut self, url: &Url, now: Instant) -> &mut Host {
        let origin: Arc<str> = url[..Position::BeforePath].into();
        if self.hosts.len() >= REMEMBERED && !self.hosts.contains_key(&origin) {
            self.hosts.retain(|_, host| !host.is_forgettable(now));
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
        self.waiting = [0; Rung::COUNT];
        self.hosts
            .values_mut()
            .flat_map(|host| host.pages.drain())
            .collect()
    }

    /// Takes every page that waits for a rung out.
    pub fn take_lane(&mut self, rung: Rung) -> Vec<Page> {
        self.waiting[rung.index()] = 0;
        self.hosts
            .values_mut()
            .flat_map(|host| host.pages.take(rung))
            .collect()
    }

    /// Every host as the operator sees it: those with most work first.
    pub fn rows(&self, now: Instant, open: &Open, most: usize) -> Vec<HostRow> {
        let hosts = self.hosts.values();
        let mut rows: Vec<HostRow> = hosts
            .map(|host| host.row(now, open.first, &open.delays))
            .collect();
        rows.sort_by(|a, b| {
            let busy = |row: &HostRow| (row.paused, row.waiting + u64::from(row.in_flight));
            busy(b).cmp(&busy(a)).then_with(|| a.origin.cmp(&b.origin))
        });
        rows.truncate(most);
        rows
    }

    /// Adds a leased page.
    pub fn add_page(&mut self, page: Page, now: Instant) {
        self.waiting[page.rung.index()] += 1;
        let host = self.of(&page.url, now);
        host.pages.push(page);
        let newcomer = host.enter();
        self.ring.extend(newcomer);
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
    /// none but itself. `begins` says where a page that no rung has tried yet
    /// is best begun, which may have changed since it came.
    pub fn next(&mut self, now: Instant, open: &Open, begins: &dyn Fn(&Page) -> Rung) -> Next {
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
                Readiness::Now => {
                    let moved = rearrange(host, begins);
                    for (from, to) in moved {
                        self.waiting[from.index()] -= 1;
                        self.waiting[to.index()] += 1;
                    }
                    take(host, now, open, self.obey_robots, &mut note)
                }
            };
            host.in_ring = false;
            if !(host.pages.is_empty() && host.errands.is_empty()) {
                self.ring.extend(host.enter());
            }
            if let Some((rung, next)) = found {
                if !matches!(next, Next::Work(_, _, Work::Errand(_))) {
                    self.waiting[rung.index()] -= 1;
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

/// Moves the first pages of each lane to the lane where they are best begun
/// now; answers from where to where.
fn rearrange(host: &mut Host, begins: &dyn Fn(&Page) -> Rung) -> Vec<(Rung, Rung)> {
    let mut moved = Vec::new();
    for rung in Rung::ALL {
        for _ in 0..host.pages.of(rung) {
            let Some(front) = host.pages.front(rung) else {
                break;
            };
            let untried = front.way.as_ref().is_some_and(|way| way.is_untried());
            let best = if untried { begins(front) } else { rung };
            if best == rung {
                break;
            }
            if let Some(mut page) = host.pages.pop(rung) {
                page.begin(best);
                host.pages.push(page);
                moved.push((rung, best));
            }
        }
    }
    moved
}

/// What may start at one host that is ready, and by which rung.
fn take(
    host: &mut Host,
    now: Instant,
    open: &Open,
    obey_robots: bool,
    note: &mut impl FnMut(Instant),
) -> Option<(Rung, Next)> {
    let mut ready = |host: &Host, rung: Rung| {
        open.worker(rung)?;
        match host.turn(rung, &open.delays).filter(|at| *at > now) {
            Some(at) => {
                note(at);
                None
            }
            None => Some(rung),
        }
    };
    let first = ready(host, open.first);
    let errand = |host: &Host, errand| {
        let work = Work::Errand(errand);
        Some((
            open.first,
            Next::Work(host.origin.clone(), open.first, work),
        ))
    };
    if first.is_some()
        && let Some(n) = host.errands.iter().position(|(at, _)| *at <= now)
        && let Some((_, due)) = host.errands.remove(n)
    {
        return errand(host, due);
    }
    // The rungs take turns: the one that has been idle here for longest.
    let rung = Rung::ALL
        .into_iter()
        .filter(|rung| host.pages.of(*rung) > 0)
        .filter_map(|rung| ready(host, rung))
        .min_by_key(|rung| host.last_started(*rung));
    let later = host.errands.iter().map(|(at, _)| *at);
    later.filter(|at| *at > now).for_each(&mut *note);
    let rung = rung?;
    let url = &host.pages.front(rung)?.url;
    if obey_robots {
        match &host.robots {
            RobotsState::Asked => return None,
            RobotsState::Known(rules, until) if *until > now => {
                let path = &url[Position::BeforePath..Position::AfterQuery];
                if !rules.allows(path).allowed {
                    let page = host.pages.pop(rung)?;
                    return Some((rung, Next::Forbidden(page.leased)));
                }
            }
            RobotsState::Unreachable(why) => {
                let why = why.clone();
                let page = host.pages.pop(rung)?;
                return Some((rung, Next::Unreachable(page.leased, why)));
            }
            RobotsState::Unknown | RobotsState::Known(..) => {
                first?;
                let url = url.join("/robots.txt").ok()?;
                host.robots = RobotsState::Asked;
                let asked = Errand {
                    kind: ErrandKind::Robots,
                    url,
                    tries: 0,
                };
                return errand(host, asked);
            }
        }
    }
    let page = host.pages.pop(rung)?;
    Some((
        rung,
        Next::Work(host.origin.clone(), rung, Work::Page(page)),
    ))
}
