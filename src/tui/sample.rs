//! A deck to test on: three sites in the middle of a crawl.

use super::state::State;
use super::theme::Theme;
use crate::bus::{
    Attempt, Doing, Event, JobState, Level, Notice, PageDetail, PageList, PageRow, SiteControls,
    SiteDelta, SiteInfo, SiteState, WorkerId,
};
use crate::monitor::{Monitor, Snapshot};
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
    monitor.snapshot(now + Duration::from_secs(30), 0)
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

/// The deck on it.
pub fn state() -> State {
    let mut state = State::new(snapshot(), Theme::new(true, false), "demo".to_owned());
    let rows = (7..12u32)
        .map(|n| PageRow {
            id: PageId(n),
            site: SiteId(n % 3),
            url: format!(
                "http://flaky.example.org/some/where/deep/in/the/site/page-{n}\u{202e}.html"
            ),
            state: PageState::Failed,
            kind: Some(kind(n)),
            reason: kind(n).as_str().to_owned(),
            depth: n % 4,
            bytes: 512,
            elapsed_ms: Some(40),
            due: None,
            status: (n % 2 == 1).then_some(500),
            attempts: n % 4 + 1,
            at: 0,
        })
        .collect();
    state.failures.list = PageList {
        total: 5,
        offset: 0,
        rows,
    };
    state.rows = 10;
    state
}

fn kind(n: u32) -> FailureKind {
    if n.is_multiple_of(2) {
        FailureKind::Timeout
    } else {
        FailureKind::Status
    }
}
