//! The crawl in the pictures: three sites, some minutes after the start.

use crate::bus::{
    Ask, Attempt, Doing, Event, HostRow, JobState, Level, Notice, PageDetail, PageFilter, PageList,
    PageRow, SiteControls, SiteDelta, SiteDetail, SiteInfo, SiteState, Told, WorkerId,
};
use crate::monitor::{Monitor, Snapshot};
use crate::page::{FailureKind, PageId, PageState, Rung, SiteId};
use crate::tui::action::Action;
use crate::tui::draw::Pen;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, State, View};
use crate::tui::theme::Theme;
use crate::tui::{act, view};
use ratatui::buffer::Buffer;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the crawl has gone on.
const SECONDS: u64 = 240;
/// When the site that is paused was.
const PAUSED: u64 = 201;
/// Time of day at its begin, milliseconds since the epoch.
const BEGAN: u64 = 1_700_000_000_000;

/// A site of it.
struct Plan {
    name: &'static str,
    state: SiteState,
    /// Known pages at the begin, and pages a second.
    known: i64,
    rate: f64,
    /// One page in so many fails.
    fails: i64,
    workers: u32,
    /// Usual latency, milliseconds.
    latency: u64,
}

const PLANS: [Plan; 3] = [
    Plan {
        name: "books",
        state: SiteState::Running,
        known: 12_400,
        rate: 38.0,
        fails: 211,
        workers: 16,
        latency: 85,
    },
    Plan {
        name: "docs",
        state: SiteState::Running,
        known: 4_100,
        rate: 14.0,
        fails: 97,
        workers: 6,
        latency: 140,
    },
    Plan {
        name: "news",
        state: SiteState::Paused,
        known: 2_600,
        rate: 6.0,
        fails: 23,
        workers: 4,
        latency: 420,
    },
];

/// The screens, by the names of their pictures.
pub fn screens() -> Vec<(&'static str, State)> {
    let list = View::Failures(PageFilter::failed());
    let mut failures = deck(std::slice::from_ref(&list));
    for action in [Action::Mark, Action::Move(1), Action::Mark, Action::Move(1)] {
        act::act(&mut failures, action);
    }
    settle(&mut failures);
    vec![
        ("dashboard", deck(&[])),
        ("site", deck(&[View::Site(SiteId(0))])),
        ("failures", failures),
        ("page", deck(&[list, View::Page(PageId(103))])),
    ]
}

fn deck(stack: &[View]) -> State {
    let theme = Theme::of(Name::Dark, false);
    let mut state = State::new(snapshot(), theme, "library".to_owned());
    for view in stack {
        state.push(view);
        settle(&mut state);
    }
    state
}

/// Answers what the screen asks until it knows all that it wants to show.
fn settle(state: &mut State) {
    let mut buffer = Buffer::empty(super::SIZE);
    for _ in 0..4 {
        // Drawing tells a list how many rows there is room for.
        let mut pen = Pen::new(&mut buffer, state.shared.theme);
        view::screen(&mut pen, super::SIZE, state);
        let (effects, _) = state.tick(Instant::now());
        for effect in effects {
            if let Effect::Ask(number, ask) = effect {
                state.told(number, told(&ask));
            }
        }
    }
}

/// What the engine would answer.
fn told(ask: &Ask) -> Told {
    match ask {
        Ask::Pages { .. } => Told::Pages(failed()),
        Ask::Page(_) => Told::Page(Some(Box::new(detail()))),
        Ask::Site(_) => Told::Site(Some(Box::new(site()))),
        _ => Told::Refused("nothing is known of this".to_owned()),
    }
}

fn site() -> SiteDetail {
    let host = |origin: &str, waiting, in_flight| HostRow {
        origin: origin.to_owned(),
        waiting,
        in_flight,
        paused: false,
        held: String::new(),
        rest: None,
        robots: "known".to_owned(),
    };
    SiteDetail {
        hosts: vec![
            host("https://books.example.org", 61, 13),
            host("https://covers.example.org", 4, 1),
        ],
        rules: vec![
            "hosts books.example.org, covers.example.org".to_owned(),
            "exclude [?&]sort=".to_owned(),
            "exclude ^/basket (added while it ran)".to_owned(),
        ],
        records: vec!["book from ^/book/: title, price, cover".to_owned()],
        traps: Vec::new(),
        sources: Vec::new(),
    }
}

fn snapshot() -> Arc<Snapshot> {
    let start = Instant::now();
    let infos = PLANS.iter().map(|plan| SiteInfo {
        alerts: Arc::default(),
        name: plan.name.into(),
        start: format!("https://{}.example.org/", plan.name).into(),
        rules: Arc::default(),
    });
    let mut monitor = Monitor::new(infos.collect(), &[], start);
    monitor.fold(Event::Job(JobState::Running), start);
    let mut sites: Vec<Crawl> = PLANS
        .iter()
        .enumerate()
        .map(|(n, plan)| Crawl::begin(&mut monitor, SiteId(n as u32), plan, start))
        .collect();
    for second in 0..SECONDS {
        for site in &mut sites {
            site.second(&mut monitor, second, start);
        }
    }
    for site in &sites {
        site.workers(&mut monitor, start + Duration::from_secs(SECONDS));
    }
    let notices = [
        (
            2,
            Level::Info,
            0,
            "sitemap https://books.example.org/sitemap.xml: 9,812 new pages",
        ),
        (
            61,
            Level::Warn,
            2,
            "429 Too Many Requests: resting for 30 s, as Retry-After says",
        ),
        (
            118,
            Level::Info,
            1,
            "concurrency 8 -> 6: latency rose from 90 to 140 ms",
        ),
        (
            186,
            Level::Error,
            0,
            "selector .price found nothing on the last 40 pages of /book/",
        ),
        (201, Level::Info, 2, "paused from the deck"),
    ];
    for (second, level, site, text) in notices {
        let notice = Notice {
            at: BEGAN + second * 1000,
            level,
            site: Some(SiteId(site)),
            text: text.to_owned(),
        };
        monitor.fold(Event::Notice(notice), start);
    }
    monitor.snapshot(start + Duration::from_secs(SECONDS), 0)
}

/// A site on its way through its plan.
struct Crawl {
    site: SiteId,
    plan: &'static Plan,
    taken: f64,
}

impl Crawl {
    fn begin(monitor: &mut Monitor, site: SiteId, plan: &'static Plan, start: Instant) -> Self {
        let (state, why) = (SiteState::Running, None);
        monitor.fold(Event::Site { site, state, why }, start);
        let controls = SiteControls {
            concurrency: plan.workers,
            delay: Duration::from_millis(if plan.rate < 10.0 { 500 } else { 0 }),
            ..SiteControls::default()
        };
        let why = None;
        let event = Event::Controls {
            site,
            controls,
            why,
        };
        monitor.fold(event, start);
        let known = SiteDelta {
            queued: plan.known,
            ..SiteDelta::default()
        };
        monitor.fold(Event::Committed(vec![(site, known)]), start);
        Self {
            site,
            plan,
            taken: 0.0,
        }
    }

    /// What happens in one second.
    fn second(&mut self, monitor: &mut Monitor, second: u64, start: Instant) {
        let (site, plan) = (self.site, self.plan);
        let at = start + Duration::from_millis(second * 1000 + 500);
        if plan.state == SiteState::Paused && second >= PAUSED {
            return;
        }
        let wave = 1.0 + 0.25 * (second as f64 / 11.0).sin() + 0.1 * (second as f64 / 3.0).cos();
        let before = self.taken as i64;
        self.taken += plan.rate * wave;
        let pages = self.taken as i64 - before;
        let failed = self.taken as i64 / plan.fails - before / plan.fails;
        let delta = SiteDelta {
            done: pages - failed,
            failed,
            skipped: 0,
            queued: -pages + i64::from(second.is_multiple_of(7)) * 12,
            records: (pages - failed) * 9 / 10,
            bytes: pages * 31_000,
            ..SiteDelta::default()
        };
        monitor.fold(Event::Committed(vec![(site, delta)]), at);
        for n in 0..pages as u64 {
            let elapsed = Duration::from_millis(plan.latency * (4 + (n * 7 + second) % 13) / 10);
            let (status, kind) = match ((n as i64) < failed, second % 3) {
                (false, _) => (Some(200), None),
                (true, 0) => (None, Some(FailureKind::Timeout)),
                (true, 1) => (Some(503), Some(FailureKind::Status)),
                (true, _) => (Some(404), Some(FailureKind::Status)),
            };
            let attempt = Event::Attempt {
                site,
                status,
                kind,
                elapsed,
                bytes: 31_000,
                rung: Rung::Http,
                cost: 0,
                through: None,
            };
            monitor.fold(attempt, at);
        }
    }

    /// What the workers are at in the end.
    fn workers(&self, monitor: &mut Monitor, now: Instant) {
        let (site, plan) = (self.site, self.plan);
        let (state, why) = (plan.state, None);
        monitor.fold(Event::Site { site, state, why }, now);
        for n in 0..plan.workers {
            let page = || {
                let title = title(u64::from(n));
                format!("https://{}.example.org/book/{title}", plan.name).into()
            };
            let doing = match (plan.state, n % 7) {
                (SiteState::Paused, _) => Doing::Paused,
                (_, 6) => Doing::Idle,
                _ => Doing::Fetching(page()),
            };
            let at = now - Duration::from_millis(20 + u64::from(n * 37 % 190));
            let worker = WorkerId(n);
            let event = Event::Worker {
                site,
                worker,
                doing,
            };
            monitor.fold(event, at);
        }
    }
}

/// Pages of a library.
fn title(n: u64) -> String {
    const WORDS: [&str; 8] = [
        "the-lighthouse",
        "a-field-guide",
        "northern-tides",
        "letters-home",
        "the-cartographer",
        "winter-harvest",
        "salt-and-iron",
        "the-long-orchard",
    ];
    let word = WORDS[(n % 8) as usize];
    format!("{}-{word}.html", 1041 + n * 37)
}

fn failed() -> PageList {
    let rows: Vec<PageRow> = (0..24u32)
        .map(|n| {
            let (kind, status) = match n % 4 {
                0 => (FailureKind::Timeout, None),
                1 => (FailureKind::Status, Some(503)),
                2 => (FailureKind::Status, Some(404)),
                _ => (FailureKind::Reset, None),
            };
            let site = n % 5 % 3;
            PageRow {
                id: PageId(100 + n),
                site: SiteId(site),
                url: format!(
                    "https://{}.example.org/book/{}",
                    PLANS[site as usize].name,
                    title(u64::from(n) * 3)
                ),
                state: PageState::Failed,
                kind: Some(kind),
                reason: kind.as_str().to_owned(),
                depth: 2 + n % 3,
                bytes: 0,
                elapsed_ms: Some(400 + n * 13),
                due: None,
                status,
                attempts: 1 + n % 4,
                at: BEGAN + u64::from(n) * 4000,
            }
        })
        .collect();
    PageList {
        total: 58,
        offset: 0,
        rows,
    }
}

fn detail() -> PageDetail {
    let attempt = |at, status, kind, elapsed_ms, detail: &str| Attempt {
        at: BEGAN + at,
        rung: "http".into(),
        status,
        kind: Some(kind),
        elapsed_ms,
        bytes: 1_204,
        detail: detail.to_owned(),
        picture: None,
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    PageDetail {
        id: PageId(103),
        site: SiteId(0),
        url: "https://books.example.org/book/1374-letters-home.html".to_owned(),
        state: PageState::Failed,
        reason: "status".to_owned(),
        depth: 3,
        via: "link".into(),
        content_type: "text/html".to_owned(),
        redirect: String::new(),
        records: Vec::new(),
        attempts: vec![
            attempt(0, None, FailureKind::Reset, 212, "connection reset by peer"),
            attempt(1_900, Some(503), FailureKind::Status, 38, ""),
            attempt(33_400, Some(503), FailureKind::Status, 41, ""),
        ],
        headers: vec![
            header("content-type", "text/html; charset=utf-8"),
            header("retry-after", "30"),
            header("server", "nginx"),
        ],
        body: b"<!doctype html>\n<title>503 Service Unavailable</title>\n<h1>The reading room is full</h1>\n<p>Please come back in half a minute.</p>\n".to_vec(),
        path: vec![
            "https://books.example.org/".to_owned(),
            "https://books.example.org/shelf/letters".to_owned(),
            "https://books.example.org/shelf/letters?page=3".to_owned(),
        ],
        links: None,
    }
}
