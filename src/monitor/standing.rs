//! Why a site's queue stands still, while it does.

use super::snapshot::WorkerView;
use crate::bus::{Doing, SiteControls, SiteState};
use crate::page::FailureKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nothing is finished before a queue counts as standing.
pub const QUIET: Duration = Duration::from_secs(5);
/// The words for how long a request has been out; no clock that ticks, so that
/// a picture of nothing happening does not change.
const AGES: [(u64, &str); 6] = [
    (3600, "an hour"),
    (600, "10 minutes"),
    (300, "5 minutes"),
    (60, "a minute"),
    (30, "30 s"),
    (10, "10 s"),
];

/// A host that rests.
#[derive(Debug)]
pub struct Rest {
    /// Its name.
    pub host: Arc<str>,
    /// When the rest ends.
    pub until: Instant,
    /// How long it is in all.
    pub length: Duration,
}

/// What is looked at.
pub struct Facts<'a> {
    pub state: SiteState,
    /// Pages known and not finished.
    pub queue: u64,
    /// Pages done or failed.
    pub taken: u64,
    /// Since when nothing was finished.
    pub quiet_since: Instant,
    pub controls: &'a SiteControls,
    pub workers: &'a mut dyn Iterator<Item = &'a WorkerView>,
    pub resting: &'a [Rest],
    /// How the last attempt failed, if it did.
    pub last_failure: Option<FailureKind>,
    /// Whether any attempt of the run failed.
    pub failed_before: bool,
    /// Why the store cannot write, while it cannot.
    pub stalled: Option<&'a str>,
}

/// What the workers are at.
#[derive(Default)]
struct Crew<'a> {
    open: usize,
    paused: usize,
    busy: usize,
    oldest: Option<(Instant, &'a str)>,
    robots: Option<&'a str>,
}

/// The cause in words; `None` while the queue moves or is empty.
pub fn cause(facts: Facts<'_>, now: Instant) -> Option<String> {
    if facts.state.is_over() {
        return None;
    }
    if let Some(why) = facts.stalled {
        return Some(format!("the store cannot write: {why}"));
    }
    if facts.queue == 0 {
        return None;
    }
    if facts.state == SiteState::Paused {
        return Some("paused".to_owned());
    }
    if now.saturating_duration_since(facts.quiet_since) < QUIET {
        return None;
    }
    let crew = crew(facts.workers);
    if crew.open > 0 && crew.paused == crew.open {
        return Some("every worker is paused".to_owned());
    }
    let resting = facts.resting.iter().find(|rest| rest.until > now);
    if crew.busy == 0 {
        let most = facts.controls.max_pages;
        return Some(match resting {
            Some(rest) => rests(rest, facts.resting, now),
            None if facts.state == SiteState::Stopping => "the run is ending".to_owned(),
            None if most.is_some_and(|most| facts.taken >= most) => {
                format!("the limit of {} pages is reached", most.unwrap_or_default())
            }
            None if crew.open == 0 => "no worker is open yet".to_owned(),
            None if facts.failed_before => {
                "what is queued waits for its retry, or for its host's turn".to_owned()
            }
            None => format!(
                "what is queued waits for its host's turn (delay {:?}, or a Crawl-delay)",
                facts.controls.delay
            ),
        });
    }
    if let Some(url) = crew.robots {
        return Some(format!("asking {url}"));
    }
    let (since, url) = crew.oldest?;
    let age = now.saturating_duration_since(since);
    let busy = match crew.busy {
        1 => "1 worker waits".to_owned(),
        n if n + crew.paused == crew.open => format!("all {n} workers wait"),
        n => format!("{n} workers wait"),
    };
    let mut words = if age >= QUIET {
        format!("{busy} for answers, {} for {}", host(url), long(age))
    } else if let Some(kind) = facts.last_failure {
        format!("attempts fail ({kind}) and go round again")
    } else {
        format!("{busy} for answers of {}", host(url))
    };
    if let Some(rest) = resting {
        words = format!("{}; {words}", rests(rest, facts.resting, now));
    }
    Some(words)
}

fn crew<'a>(workers: &mut dyn Iterator<Item = &'a WorkerView>) -> Crew<'a> {
    let mut crew = Crew::default();
    for worker in workers {
        match &worker.doing {
            Doing::Gone => continue,
            Doing::Idle => {}
            Doing::Paused => crew.paused += 1,
            Doing::Fetching(url) => {
                crew.busy += 1;
                if url.ends_with("/robots.txt") {
                    crew.robots.get_or_insert(url);
                }
                if crew.oldest.is_none_or(|(since, _)| worker.since < since) {
                    crew.oldest = Some((worker.since, url));
                }
            }
        }
        crew.open += 1;
    }
    // Rules of one host hold nothing up while pages of another are fetched.
    if crew.busy > 1 {
        crew.robots = None;
    }
    crew
}

fn rests(rest: &Rest, all: &[Rest], now: Instant) -> String {
    let others = all.iter().filter(|rest| rest.until > now).count() - 1;
    let more = match others {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    let length = Duration::from_secs(rest.length.as_secs().max(1));
    format!("{} rests {length:?} because it fails{more}", rest.host)
}

fn long(age: Duration) -> String {
    let known = AGES.iter().find(|(least, _)| age.as_secs() >= *least);
    format!("more than {}", known.map_or("5 s", |(_, words)| words))
}

/// The host of a URL, its port with it.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use crate::bus::{Doing, Event, SiteControls, SiteDelta, SiteInfo, SiteState, WorkerId};
    use crate::monitor::Monitor;
    use crate::page::{FailureKind, SiteId};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    const SITE: SiteId = SiteId(0);

    fn monitor() -> (Monitor, Instant) {
        let now = Instant::now();
        let info = SiteInfo {
            name: "a".into(),
            start: "http://e.org/".into(),
            rules: Default::default(),
            alerts: Default::default(),
        };
        (Monitor::new(vec![info], &[], now), now)
    }

    fn state(state: SiteState) -> Event {
        Event::Site {
            site: SITE,
            state,
            why: None,
        }
    }

    fn queue(queued: i64) -> Event {
        let delta = SiteDelta {
            queued,
            ..SiteDelta::default()
        };
        Event::Committed(vec![(SITE, delta)])
    }

    fn worker(n: u32, doing: Doing) -> Event {
        Event::Worker {
            site: SITE,
            worker: WorkerId(n),
            doing,
        }
    }

    fn fetching(url: &str) -> Doing {
        Doing::Fetching(url.into())
    }

    fn failed() -> Event {
        Event::Attempt {
            site: SITE,
            status: None,
            kind: Some(FailureKind::Timeout),
            elapsed: Duration::from_secs(1),
            bytes: 0,
            rung: crate::page::Rung::Http,
            cost: 0,
            through: None,
        }
    }

    #[test]
    fn each_cause_has_its_words() {
        let rest = Event::HostRest {
            site: SITE,
            host: "e.org".into(),
            rest: Some(Duration::from_secs(60)),
        };
        let limit = Event::Controls {
            site: SITE,
            controls: SiteControls {
                max_pages: Some(0),
                ..SiteControls::default()
            },
            why: None,
        };
        let idle = worker(0, Doing::Idle);
        let table: Vec<(Vec<Event>, &str)> = vec![
            (vec![state(SiteState::Paused)], "paused"),
            (
                vec![idle.clone(), rest.clone()],
                "e.org rests 60s because it fails",
            ),
            (vec![worker(0, Doing::Paused)], "every worker is paused"),
            (vec![idle.clone(), failed()], "waits for its retry"),
            (vec![idle.clone()], "its host's turn (delay 0ns"),
            (vec![idle, limit], "the limit of 0 pages is reached"),
            (
                vec![worker(0, fetching("http://e.org/robots.txt"))],
                "asking http://e.org/robots.txt",
            ),
            (
                vec![
                    worker(0, fetching("http://slow.org/x")),
                    worker(1, fetching("http://e.org/")),
                ],
                "all 2 workers wait for answers, slow.org for more than 10 s",
            ),
            (
                vec![Event::Stalled(Some("disk full".into()))],
                "the store cannot write: disk full",
            ),
            (vec![], "no worker is open yet"),
            (vec![state(SiteState::Stopping)], "the run is ending"),
        ];
        for (events, expected) in table {
            let (mut monitor, now) = monitor();
            monitor.fold(state(SiteState::Running), now);
            monitor.fold(queue(9), now);
            for event in events {
                monitor.fold(event, now);
            }
            let later = now + Duration::from_secs(12);
            let shown = monitor.snapshot(later, 0).sites[0].standing.clone();
            let shown = shown.unwrap_or_default();
            assert!(shown.contains(expected), "{shown:?} is not {expected:?}");
        }
    }

    #[test]
    fn a_queue_that_moves_or_is_empty_has_no_cause() {
        let (mut monitor, now) = monitor();
        let at = |s| now + Duration::from_secs(s);
        monitor.fold(state(SiteState::Running), now);
        assert_eq!(monitor.snapshot(at(9), 0).sites[0].standing, None, "empty");
        monitor.fold(queue(5), at(9));
        monitor.fold(worker(0, Doing::Idle), at(9));
        let done = SiteDelta {
            done: 1,
            queued: -1,
            ..SiteDelta::default()
        };
        monitor.fold(Event::Committed(vec![(SITE, done)]), at(10));
        assert_eq!(monitor.snapshot(at(14), 0).sites[0].standing, None);
        assert!(monitor.snapshot(at(15), 0).sites[0].standing.is_some());
        monitor.fold(state(SiteState::Finished), at(15));
        assert_eq!(monitor.snapshot(at(30), 0).sites[0].standing, None, "over");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_running_site_that_stands_says_why(moves in prop::collection::vec((0..6u32, 0..7u8), 0..30)) {
            let (mut monitor, now) = monitor();
            monitor.fold(queue(3), now);
            for (n, (id, what)) in moves.into_iter().enumerate() {
                let at = now + Duration::from_millis(n as u64 * 90);
                let event = match what {
                    0 => worker(id, Doing::Idle),
                    1 => worker(id, fetching("http://e.org/")),
                    2 => worker(id, Doing::Paused),
                    3 => worker(id, Doing::Gone),
                    4 => failed(),
                    5 => state(SiteState::Running),
                    _ => Event::HostRest {
                        site: SITE,
                        host: format!("h{id}").into(),
                        rest: Some(Duration::from_secs(u64::from(id))),
                    },
                };
                monitor.fold(event, at);
            }
            let later = now + Duration::from_secs(9);
            let shown = monitor.snapshot(later, 0);
            prop_assert!(shown.sites[0].standing.as_ref().is_some_and(|why| !why.is_empty()));
        }
    }
}
