//! A deck to test on: three sites in the middle of a crawl.

mod store;

pub use self::store::{PAGES, told};

use super::state::{Effect, State};
use super::theme::Theme;
use crate::bus::{
    Attempt, AutoRange, Budget, ClimbWhy, Copied, Doing, Event, Exit, ExitCounts, ExitPool,
    ExitState, Exits, JobState, Level, Notice, PageDetail, PageLinks, Round, RungControls,
    RungState, SiteControls, SiteDelta, SiteInfo, SiteState, Spent, WorkerId,
};
use crate::monitor::{Alert, Monitor, RuleFill, Snapshot};
use crate::page::{FailureKind, PageId, PageState, Rung, SiteId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The picture.
pub fn snapshot() -> Arc<Snapshot> {
    let now = Instant::now();
    let names = ["books", "docs", "flaky"];
    let infos = names
        .iter()
        .map(|name| SiteInfo {
            name: (*name).into(),
            start: format!("http://{name}.example.org/").into(),
            rules: Arc::default(),
            alerts: Arc::default(),
        })
        .collect();
    let mut monitor = Monitor::new(infos, &[], now);
    let states = [SiteState::Running, SiteState::Paused, SiteState::Finished];
    for (n, state) in states.into_iter().enumerate() {
        let site = SiteId(n as u32);
        monitor.fold(
            Event::Site {
                site,
                state,
                why: None,
            },
            now,
        );
        let delay = Duration::from_millis(250);
        monitor.fold(
            Event::Controls {
                site,
                controls: SiteControls {
                    concurrency: 16,
                    delay,
                    max_pages: (n == 0).then_some(10_000),
                    auto: (n == 0).then_some(AutoRange { min: 2, max: 64 }),
                    rungs: rungs(n),
                    ..SiteControls::default()
                },
                why: None,
            },
            now,
        );
        climb(&mut monitor, site, now);
        let later = now + Duration::from_millis(500);
        let delta = SiteDelta {
            done: 400,
            failed: n as i64 * 3,
            skipped: 2,
            queued: 1200 * (2 - n as i64),
            records: 380,
            bytes: 10_000_000,
            // The first was crawled before.
            round: match n {
                0 => Round {
                    number: 2,
                    fresh: 1,
                    changed: 1,
                    unchanged: 398,
                    gone: 1,
                    spared_bytes: 9_000_000,
                },
                _ => Round::default(),
            },
        };
        monitor.fold(Event::Committed(vec![(site, delta)]), later);
        for second in 1..30u64 {
            let at = now + Duration::from_millis(second * 1000 + 500);
            let done = (10.0 + 8.0 * (second as f64 / 3.0).sin()) as i64;
            let delta = SiteDelta {
                done,
                queued: if n < 2 { -done } else { 0 },
                bytes: 26_000 * done,
                ..SiteDelta::default()
            };
            monitor.fold(Event::Committed(vec![(site, delta)]), at);
            for (ms, status, kind) in [
                (4, Some(200), None),
                (9, Some(200), None),
                (40, Some(404), Some(FailureKind::Status)),
                (1500, None, Some(FailureKind::Timeout)),
            ] {
                let elapsed = Duration::from_millis(ms);
                monitor.fold(
                    Event::Attempt {
                        site,
                        status,
                        kind,
                        elapsed,
                        bytes: 0,
                        rung: crate::page::Rung::Http,
                        cost: 0,
                        through: None,
                    },
                    at,
                );
            }
        }
    }
    for worker in 0..16 {
        let doing = match worker {
            15 => Doing::Paused,
            n if n % 5 == 4 => Doing::Idle,
            n => Doing::Fetching(
                format!(
                    "http://books.example.org/shelf/{n}/a-rather-long-title-of-a-book-{n}.html"
                )
                .into(),
            ),
        };
        let at = now + Duration::from_millis(29_000 + worker * 20);
        let worker = WorkerId(worker as u32);
        monitor.fold(
            Event::Worker {
                site: SiteId(0),
                worker,
                doing,
            },
            at,
        );
    }
    let notices = [
        (
            Level::Info,
            Some(0),
            "sitemap http://books.example.org/sitemap.xml: 900 new pages",
        ),
        (
            Level::Warn,
            Some(2),
            "http://flaky.example.org: robots.txt answers 503\u{1b}[31m",
        ),
        (
            Level::Error,
            None,
            "something that should not have happened",
        ),
    ];
    for (n, (level, site, text)) in notices.into_iter().enumerate() {
        monitor.fold(
            Event::Notice(Notice {
                at: 3_600_000 + n as u64 * 1000,
                level,
                site: site.map(SiteId),
                text: text.to_owned(),
            }),
            now,
        );
    }
    for site in [SiteId(0), SiteId(1)] {
        monitor.fold(Event::Sources { site, failed: 1 }, now);
    }
    monitor.fold(Event::Exits(vec![exits(now)]), now);
    monitor.fold(Event::Job(JobState::Running), now);
    let taken = monitor.snapshot(now + Duration::from_secs(30), 0);
    // What only a long crawl shows.
    let mut snapshot = (*taken).clone();
    if let Some(first) = snapshot.sites.first_mut() {
        let site = Arc::make_mut(first);
        site.moved = Some("throughput rose by 12%".into());
        site.copied = Copied { exact: 37, near: 4 };
        site.standing = Some("all its hosts rest".into());
        site.fill = [RuleFill {
            record: "book".into(),
            records: 380,
            fields: vec![
                ("title".into(), 380),
                ("price".into(), 120),
                ("cover".into(), 0),
            ],
        }]
        .into();
    }
    Arc::new(snapshot)
}

/// The rungs of the first site, which has three.
fn rungs(n: usize) -> Vec<RungControls> {
    let rung = |rung, concurrency, money| RungControls {
        rung,
        paused: rung == Rung::Proxy,
        concurrency,
        delay: Duration::from_millis(250),
        timeout: Duration::from_secs(90),
        budget: Budget {
            requests: None,
            money,
        },
    };
    match n {
        0 => vec![
            rung(Rung::Http, 16, None),
            rung(Rung::Proxy, 8, None),
            rung(Rung::Service, 2, Some(12_500_000)),
        ],
        _ => Vec::new(),
    }
}

/// What its rungs did.
fn climb(monitor: &mut Monitor, site: SiteId, now: Instant) {
    let rungs = rungs(site.index());
    for known in &rungs {
        let (rung, state) = match known.rung {
            Rung::Proxy => (Rung::Proxy, RungState::Paused),
            rung => (rung, RungState::Open),
        };
        let spent = Spent::default();
        monitor.fold(
            Event::Rung {
                site,
                rung,
                state,
                spent,
            },
            now,
        );
    }
    if rungs.is_empty() {
        return;
    }
    for n in 0..30u64 {
        let attempt = Event::Attempt {
            site,
            status: Some(200),
            kind: (n % 10 == 9).then_some(FailureKind::Blocked),
            elapsed: Duration::from_millis(900 + n * 40),
            bytes: 20_000,
            rung: Rung::Service,
            cost: 2500,
            through: Some("api.example.net".into()),
        };
        monitor.fold(attempt, now);
        let climb = Event::Climb {
            site,
            from: Rung::Http,
            to: Rung::Service,
            why: ClimbWhy::Blocked,
        };
        monitor.fold(climb, now);
        let block = Event::Block {
            site,
            rung: Rung::Http,
            whose: match n % 3 {
                0 => "needs scripts",
                _ => "Cloudflare challenge",
            },
        };
        monitor.fold(block, now);
    }
}

/// The exits of the first site's proxies.
fn exits(now: Instant) -> ExitPool {
    let exit = |name: &str, ok, failed, blocked, state, why: Option<&str>| Exit {
        name: name.into(),
        sessions: u32::from(state == ExitState::Well),
        ok,
        failed,
        blocked,
        p50: (ok > 0).then(|| Duration::from_micros(180_500 + ok * 30)),
        state,
        // The picture is taken half a minute later.
        until: why.map(|_| now + Duration::from_secs(30 + 4 * failed)),
        why: why.map(Into::into),
    };
    let refused = "the proxy answered 407: it wants other credentials";
    let unreachable = "the proxy cannot be reached: connection refused\u{1b}[31m";
    ExitPool {
        of: vec![(SiteId(0), Rung::Proxy)],
        exits: Exits {
            counts: ExitCounts {
                all: 120,
                in_use: 2,
                resting: 1,
                refused: 1,
                retired: 3,
            },
            remark: Some("the proxy list proxies.txt: 1 bad line is left out".into()),
            rows: vec![
                exit("203.0.113.7:3128", 812, 3, 41, ExitState::Well, None),
                exit("gate.example.net:8000~2", 540, 0, 0, ExitState::Well, None),
                exit(
                    "203.0.113.9:3128",
                    17,
                    12,
                    0,
                    ExitState::Resting,
                    Some(unreachable),
                ),
                exit(
                    "203.0.113.11:3128",
                    0,
                    1,
                    0,
                    ExitState::Refused,
                    Some(refused),
                ),
                exit("203.0.113.12:3128", 0, 0, 0, ExitState::New, None),
            ],
        },
    }
}

/// The picture with two alerts.
pub fn alarmed() -> Arc<Snapshot> {
    let mut snapshot = (*snapshot()).clone();
    let alert = |level, site, text: &str| Alert {
        id: 1,
        action: None,
        site,
        level,
        text: text.into(),
        since: snapshot.at - Duration::from_secs(75),
        bell: true,
        notify: level == Level::Error,
    };
    snapshot.alerts = [
        alert(Level::Warn, None, "disk below 2G"),
        alert(
            Level::Error,
            Some(SiteId(2)),
            "error rate 41%\u{1b}[31m over 10%",
        ),
    ]
    .into();
    Arc::new(snapshot)
}

/// A page with a story.
pub fn page() -> PageDetail {
    let attempt = |at, status, kind, detail: &str| Attempt {
        at,
        rung: "http".into(),
        status,
        kind,
        elapsed_ms: 31,
        bytes: 512,
        detail: detail.to_owned(),
        picture: status.map(|_| "/jobs/books.crawl/screenshots/00c0ffee00c0ffee.png".into()),
    };
    PageDetail {
        id: PageId(7),
        site: SiteId(2),
        url: "http://flaky.example.org/broken".to_owned(),
        state: PageState::Failed,
        reason: "status".to_owned(),
        depth: 2,
        via: "link".into(),
        content_type: "text/html".to_owned(),
        redirect: String::new(),
        records: Vec::new(),
        attempts: vec![
            attempt(
                1000,
                None,
                Some(FailureKind::Reset),
                "connection reset by peer",
            ),
            attempt(1600, Some(500), Some(FailureKind::Status), ""),
        ],
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: b"<h1>It is \x1b[31mbroken</h1>\n\tsecond line".to_vec(),
        path: vec![
            "http://flaky.example.org/".to_owned(),
            "http://flaky.example.org/list".to_owned(),
        ],
        links: Some(PageLinks {
            inlinks: 3,
            all_in: true,
            outlinks: 12,
            all_out: false,
            from: vec![
                "http://flaky.example.org/list".to_owned(),
                "http://flaky.example.org/\u{202e}odd".to_owned(),
            ],
        }),
    }
}

/// The deck on it, with every question answered.
pub fn state() -> State {
    let mut state = State::new(snapshot(), Theme::new(true, false), "demo".to_owned());
    answer(&mut state);
    state
}

/// Answers what the current screen asks, until it asks no more.
pub fn answer(state: &mut State) {
    for _ in 0..10 {
        let (effects, _) = state.tick(Instant::now());
        let mut asked = false;
        for effect in effects {
            if let Effect::Ask(number, ask) = effect {
                state.told(number, told(&ask));
                asked = true;
            }
        }
        if !asked {
            return;
        }
    }
    panic!("it asks again and again");
}

/// A line of the palette for every verb.
pub fn line(verb: &str) -> String {
    let rest = match verb {
        "pause" => "books#3",
        "resume" => "docs",
        "concurrency" => "books 8",
        "delay" => "books 250ms",
        "pages" | "depth" => "books none",
        "rung-pause" | "rung-resume" => "books service",
        "rung-concurrency" | "rung-requests" => "books service 4",
        "rung-delay" => "books proxy 1s",
        "rung-timeout" => "books service 90s",
        "rung-money" => "books service 20",
        "retries" => "books 2",
        "drain" | "finish" | "refresh" | "start-over" => "books",
        "add" => "books http://books.example.org/new",
        "force" | "retry" | "ignore" => "books",
        "retry-sources" => "books https://books.example.org/export/urls.csv",
        "drop" => "all ^/x",
        "include" | "exclude" => "books ^/x",
        "lift" => "books books.example.org/{date}",
        _ => "",
    };
    format!("{verb} {rest}").trim_end().to_owned()
}
