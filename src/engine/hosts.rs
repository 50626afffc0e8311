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
    /// robots.txt forbids this list or API; why, in words.
    Refused(Errand, Arc<str>),
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

    /// Whether pages wait for a rung at a host that may still answer.
    pub fn may_need(&self, rung: Rung) -> bool {
        let waits = |host: &Host| !host.given_up && host.pages.of(rung) > 0;
        self.waiting_for(rung) > 0 && self.hosts.values().any(waits)
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
        if let (RobotsState::Unknown, Some(errand)) = (&host.robots, robots_errand(url)) {
            host.robots = RobotsState::Asked;
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
                if !matches!(next, Next::Work(_, _, Work::Errand(_)) | Next::Refused(..)) {
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
    let judged = |errand: &Errand| obey_robots && errand.judged;
    let asked = matches!(host.robots, RobotsState::Asked);
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
    // While robots.txt is on its way, what it judges waits.
    let due = |(at, errand): &(Instant, Errand)| *at <= now && !(asked && judged(errand));
    if first.is_some()
        && let Some(n) = host.errands.iter().position(due)
    {
        let url = &host.errands[n].1.url;
        let word = match judged(&host.errands[n].1) {
            true => ask(&host.robots, url, now),
            false => Word::Allowed,
        };
        let why = match word {
            Word::Unknown => return ask_first(&mut host.robots, &host.origin, open.first, url),
            Word::Allowed => None,
            Word::Forbidden(why) | Word::Unreachable(why) => Some(why),
        };
        let (_, errand) = host.errands.remove(n)?;
        let next = match why {
            Some(why) => Next::Refused(errand, why),
            None => Next::Work(host.origin.clone(), open.first, Work::Errand(errand)),
        };
        return Some((open.first, next));
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
    let word = match (obey_robots, asked) {
        (true, true) => return None,
        (true, false) => ask(&host.robots, url, now),
        (false, _) => Word::Allowed,
    };
    if matches!(word, Word::Unknown) {
        first?;
        return ask_first(&mut host.robots, &host.origin, open.first, url);
    }
    let page = host.pages.pop(rung)?;
    let next = match word {
        Word::Forbidden(_) => Next::Forbidden(page.leased),
        Word::Unreachable(why) => Next::Unreachable(page.leased, why),
        Word::Allowed | Word::Unknown => Next::Work(host.origin.clone(), rung, Work::Page(page)),
    };
    Some((rung, next))
}

/// What robots.txt says of a URL.
enum Word {
    Allowed,
    /// By which rule, in words.
    Forbidden(Arc<str>),
    /// It cannot be had, which forbids it.
    Unreachable(Arc<str>),
    /// It was not read yet, or too long ago.
    Unknown,
}

fn ask(robots: &RobotsState, url: &Url, now: Instant) -> Word {
    match robots {
        RobotsState::Known(rules, until) if *until > now => {
            let path = &url[Position::BeforePath..Position::AfterQuery];
            let decision = rules.allows(path);
            match (decision.allowed, decision.rule) {
                (true, _) => Word::Allowed,
                (false, Some((line, rule))) => {
                    Word::Forbidden(format!("robots.txt forbids it: line {line}, {rule}").into())
                }
                (false, None) => Word::Forbidden("robots.txt forbids it".into()),
            }
        }
        RobotsState::Unreachable(why) => Word::Unreachable(why.clone()),
        RobotsState::Unknown | RobotsState::Asked | RobotsState::Known(..) => Word::Unknown,
    }
}

/// The errand that fetches robots.txt before anything that it judges.
fn ask_first(
    robots: &mut RobotsState,
    origin: &Arc<str>,
    rung: Rung,
    url: &Url,
) -> Option<(Rung, Next)> {
    let errand = robots_errand(url)?;
    *robots = RobotsState::Asked;
    let next = Next::Work(origin.clone(), rung, Work::Errand(errand));
    Some((rung, next))
}

fn robots_errand(of: &Url) -> Option<Errand> {
    Some(Errand {
        kind: ErrandKind::Robots,
        url: of.join("/robots.txt").ok()?,
        tries: 0,
        judged: false,
    })
}

#[cfg(test)]
mod tests;
