//! A deck to test on: three sites in the middle of a crawl.

use super::state::{Effect, State};
use super::theme::Theme;
use crate::bus::{
    Ask, Attempt, AutoRange, Doing, Event, FailureGroup, HostRow, JobState, JournalList,
    JournalRow, Level, Notice, PageDetail, PageFilter, PageList, PageOrder, PageRow, RecordList,
    RecordRow, SiteControls, SiteDelta, SiteDetail, SiteInfo, SiteState, Told, Why, WorkerId,
};
use crate::monitor::{Alert, Monitor, RuleFill, Snapshot};
use crate::page::{FailureKind, PageId, PageState, SiteId};
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
                    ..SiteControls::default()
                },
                why: None,
            },
            now,
        );
        let later = now + Duration::from_millis(500);
        let delta = SiteDelta {
            done: 400,
            failed: n as i64 * 3,
            skipped: 2,
            queued: 1200 * (2 - n as i64),
            records: 380,
            bytes: 10_000_000,
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
    monitor.fold(Event::Job(JobState::Running), now);
    let taken = monitor.snapshot(now + Duration::from_secs(30), 0);
    // What only a long crawl shows.
    let mut snapshot = (*taken).clone();
    if let Some(first) = snapshot.sites.first_mut() {
        let site = Arc::make_mut(first);
        site.moved = Some("throughput rose by 12%".into());
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

/// The picture with two alerts.
pub fn alarmed() -> Arc<Snapshot> {
    let mut snapshot = (*snapshot()).clone();
    let alert = |level, site, text: &str| Alert {
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

/// Pages in the sample store, of each kind of list.
pub const PAGES: u64 = 100_000;

/// What a store that holds this sample would answer.
pub fn told(ask: &Ask) -> Told {
    match ask {
        Ask::Pages {
            filter,
            order,
            offset,
            limit,
        } => Told::Pages(pages(filter, *order, *offset, *limit)),
        Ask::Groups(_) => Told::Groups(groups()),
        Ask::Page(id) => Told::Page(Some(Box::new(PageDetail { id: *id, ..page() }))),
        Ask::Why { url, .. } => Told::Why(Box::new(Why {
            url: url.clone(),
            verdict: "scope.exclude [?&]sort= matches".to_owned(),
            taken: false,
            page: Some(Box::new(page())),
        })),
        Ask::Records { offset, limit, .. } => Told::Records(records(*offset, *limit)),
        Ask::Journal { offset, limit } => Told::Journal(journal(*offset, *limit)),
        Ask::Site(_) => Told::Site(Some(Box::new(site()))),
    }
}

fn pages(filter: &PageFilter, order: PageOrder, offset: u64, limit: usize) -> PageList {
    let failed = filter.state == Some(PageState::Failed);
    let queue = order == PageOrder::Queue;
    let total = match (failed, filter.text.is_empty()) {
        (true, true) => 5,
        (true, false) => 1,
        _ => PAGES,
    };
    let rows = (offset..total).take(limit).map(|n| {
        let n = u32::try_from(n).unwrap_or(0) + 7;
        let state = if failed {
            PageState::Failed
        } else if queue {
            PageState::Queued
        } else {
            PageState::ALL[n as usize % 3]
        };
        let name = match n % 3 {
            0 => "日本語の頁",
            1 => "e\u{301}te\u{301}-\u{1f469}\u{200d}\u{1f4bb}",
            _ => "deep/in/the/site",
        };
        PageRow {
            id: PageId(n),
            site: SiteId(n % 3),
            url: format!("http://flaky.example.org/{name}/page-{n}\u{202e}.html"),
            state,
            kind: (state == PageState::Failed).then(|| kind(n)),
            reason: match state {
                PageState::Failed => kind(n).as_str().to_owned(),
                PageState::Skipped => "robots".to_owned(),
                _ => String::new(),
            },
            depth: n % 4,
            bytes: 512 * u64::from(n),
            elapsed_ms: (!queue).then_some(40 + n % 100),
            due: (queue && n.is_multiple_of(5)).then_some(0),
            status: (n % 2 == 1 && !queue).then_some(500),
            attempts: n % 4 + 1,
            at: if queue {
                0
            } else {
                3_600_000 + u64::from(n) * 1000
            },
        }
    });
    PageList {
        total,
        offset,
        rows: rows.collect(),
    }
}

fn groups() -> Vec<FailureGroup> {
    let group = |kind, status, host: &str, count: u64| FailureGroup {
        kind,
        status,
        host: host.to_owned(),
        count,
        trend: std::array::from_fn(|n| (count as u32 * n as u32) / 30),
    };
    vec![
        group(FailureKind::Status, Some(404), "docs.example.org", 3),
        group(FailureKind::Status, Some(500), "flaky.example.org:8080", 2),
        group(FailureKind::Status, Some(404), "flaky.example.org:8080", 1),
        group(FailureKind::Timeout, None, "例え.example\u{202e}", 3),
    ]
}

fn records(offset: u64, limit: usize) -> RecordList {
    let total = 1140;
    let columns = ["title", "price", "tags", "cover"].map(str::to_owned);
    let rows = (offset..total).take(limit).map(|n| {
        let mut fields = serde_json::Map::new();
        fields.insert("title".to_owned(), format!("書名 {n} of\na book").into());
        fields.insert("price".to_owned(), serde_json::json!(n as f64 + 0.5));
        fields.insert("tags".to_owned(), serde_json::json!(["a", "b\u{1b}[2J"]));
        fields.insert("cover".to_owned(), serde_json::Value::Null);
        RecordRow {
            page: PageId(u32::try_from(n).unwrap_or(0) + 1),
            site: SiteId(0),
            record: "book".to_owned(),
            url: format!("http://books.example.org/book/{n}"),
            fields,
        }
    });
    RecordList {
        total,
        offset,
        columns: columns.to_vec(),
        rows: rows.collect(),
    }
}

fn journal(offset: u64, limit: usize) -> JournalList {
    let row =
        |n: u64, origin: &str, command: &str, change: (&str, &str), answer: &str| JournalRow {
            at: 3_600_000 + n * 1000,
            origin: origin.to_owned(),
            command: command.to_owned(),
            before: change.0.to_owned(),
            after: change.1.to_owned(),
            answer: answer.to_owned(),
            refused: answer.starts_with("no"),
        };
    let rows = vec![
        row(
            9,
            "auto",
            "concurrency books 17",
            ("16", "17"),
            "throughput rose",
        ),
        row(7, "ctl", "finish docs", ("", ""), "not while it is paused"),
        row(
            3,
            "deck",
            "delay books 250ms",
            ("100ms", "250ms"),
            "books: 250ms",
        ),
        row(
            1,
            "deck",
            "pause docs",
            ("running", "paused"),
            "docs is paused",
        ),
    ];
    JournalList {
        total: rows.len() as u64,
        offset,
        rows: rows
            .into_iter()
            .skip(usize::try_from(offset).unwrap_or(usize::MAX))
            .take(limit)
            .collect(),
    }
}

fn site() -> SiteDetail {
    let host = |origin: &str, waiting, paused, held: &str| HostRow {
        origin: origin.to_owned(),
        waiting,
        in_flight: 3,
        paused,
        held: held.to_owned(),
        rest: (!held.is_empty()).then_some(Duration::from_secs(12)),
        robots: "4 rules, delay 1s".to_owned(),
    };
    SiteDetail {
        hosts: vec![
            host("http://books.example.org", 120, false, ""),
            host("http://img.example.org:8080", 7, true, ""),
            host("http://例え.example", 0, false, "it answered 503"),
        ],
        rules: vec![
            "hosts books.example.org".to_owned(),
            "exclude [?&]sort=".to_owned(),
        ],
        records: vec!["book when ^/book/".to_owned()],
    }
}

fn kind(n: u32) -> FailureKind {
    if n.is_multiple_of(2) {
        FailureKind::Timeout
    } else {
        FailureKind::Status
    }
}

/// A line of the palette for every verb.
pub fn line(verb: &str) -> String {
    let rest = match verb {
        "pause" => "books#3",
        "resume" => "docs",
        "concurrency" => "books 8",
        "delay" => "books 250ms",
        "pages" | "depth" => "books none",
        "retries" => "books 2",
        "drain" | "finish" | "start-over" => "books",
        "add" => "books http://books.example.org/new",
        "force" | "retry" | "ignore" => "books",
        "drop" => "all ^/x",
        "include" | "exclude" => "books ^/x",
        _ => "",
    };
    format!("{verb} {rest}").trim_end().to_owned()
}
