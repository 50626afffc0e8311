//! What a store that holds the sample would answer.

use super::page;
use crate::bus::search::{Search, Searched, Seek};
use crate::bus::{
    Ask, ChangeKind, ChangeList, ChangeRow, FailedSource, FailureGroup, Failures, HostRow,
    JournalList, JournalRow, LatestList, LatestRow, Level, Linked, LinkedList, LinkedRow,
    LogFilter, LogList, LogRow, PageDetail, PageFilter, PageList, PageOrder, PageRow, RecordList,
    RecordRow, SiteDetail, SourceKind, SourceRow, SourceState, Told, TrapRow, Why,
};
use crate::page::{FailureKind, PageId, PageState, SiteId};
use std::time::Duration;

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
            ..
        } => Told::Pages(pages(filter, *order, *offset, *limit)),
        Ask::Groups(filter) => Told::Groups(Failures {
            groups: groups(),
            ..failed_sources(filter.site)
        }),
        Ask::Page(id) => Told::Page(Some(Box::new(PageDetail { id: *id, ..page() }))),
        Ask::Why { url, .. } => Told::Why(Box::new(Why {
            url: url.clone(),
            verdict: "scope.exclude [?&]sort= matches".to_owned(),
            taken: false,
            page: Some(Box::new(page())),
            answered: 0,
        })),
        Ask::Records {
            search,
            offset,
            limit,
            ..
        } => Told::Records(records(search.as_ref(), *offset, *limit)),
        Ask::Journal {
            search,
            offset,
            limit,
        } => Told::Journal(journal(search.as_ref(), *offset, *limit)),
        Ask::Changes {
            search,
            offset,
            limit,
            ..
        } => Told::Changes(changes(search.as_ref(), *offset, *limit)),
        Ask::Linked {
            of, offset, limit, ..
        } => Told::Linked(linked(*of, *offset, *limit)),
        Ask::Log {
            filter,
            offset,
            limit,
        } => Told::Log(log(filter, *offset, *limit)),
        Ask::Site(_) => Told::Site(Some(Box::new(site()))),
        Ask::Sources(_) => Told::Sources(site().sources),
    }
}

/// A log of three hundred lines.
fn log(filter: &LogFilter, offset: Option<u64>, limit: usize) -> LogList {
    let row = |number: u64| {
        let (level, target, site, text) = match number % 4 {
            0 => (
                Level::Info,
                "engine::director",
                "",
                "pause site docs: paused",
            ),
            1 => (
                Level::Info,
                "engine::supervisor::controls",
                "books",
                "auto: 12 → 16 workers: throughput rises",
            ),
            2 => (
                Level::Warn,
                "fetch::proxy::source",
                "docs",
                "2 lines are no proxies",
            ),
            _ => (
                Level::Error,
                "engine::keep",
                "",
                "not archived: the disk is full url=http://docs.example/\u{1b}[2J",
            ),
        };
        LogRow {
            number,
            at: 3_600_000 + number * 1000,
            level,
            target: target.to_owned(),
            site: site.to_owned(),
            text: text.to_owned(),
        }
    };
    let rows: Vec<LogRow> = (0..300).map(row).collect();
    let passing = rows.iter().filter(|row| filter.takes(row));
    LogList::part(passing, offset, limit)
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

fn linked(of: Linked, offset: u64, limit: usize) -> LinkedList {
    let filter = match of {
        Linked::Dead => PageFilter::failed(),
        Linked::Orphans | Linked::Degrees => PageFilter::default(),
    };
    let pages = pages(&filter, PageOrder::Found, offset, limit);
    let row = |page: PageRow| LinkedRow {
        redirect: String::new(),
        inlinks: u64::from(page.id.0),
        outlinks: u64::from(page.id.0 * 7 % 40),
        from: format!("http://flaky.example.org/\u{1b}from/{}", page.id),
        page,
    };
    LinkedList {
        kept: true,
        total: pages.total,
        offset,
        rows: pages.rows.into_iter().map(row).collect(),
    }
}

/// A list of the first site and an API of the second.
fn failed_sources(of: Option<SiteId>) -> Failures {
    let api = SourceRow {
        kind: SourceKind::Api,
        name: "https://docs.example.org/api/v1/items".to_owned(),
        state: SourceState::Failed,
        read: 12,
        urls: 1200,
        bad: 0,
        problem: "status 500 \"\u{1b}[31mthe database is being moved to another house\"".to_owned(),
        at: 1_700_000_000_000,
    };
    let of_site = |site: &SiteId| of.is_none_or(|of| of == *site);
    let sources: Vec<FailedSource> = site()
        .sources
        .into_iter()
        .filter(|row| row.state == SourceState::Failed)
        .map(|source| (SiteId(0), source))
        .chain([(SiteId(1), api)])
        .filter(|(site, _)| of_site(site))
        .map(|(site, source)| FailedSource { site, source })
        .collect();
    Failures {
        groups: Vec::new(),
        sources_total: sources.len() as u64,
        sources,
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

/// Rows looked at for one answer of a search.
const LOOKS: usize = 400;

/// What a search finds among rows, and how far it comes.
fn search<R: LatestRow>(
    search: &Search,
    rows: impl Iterator<Item = R>,
) -> (Vec<R>, Option<Searched>) {
    let mut rows = rows
        .filter(|row| match search.from {
            Seek::Newest => true,
            Seek::Older(from) => row.place() > from,
            Seek::Newer(from) => row.place() < from,
        })
        .peekable();
    let looked: Vec<R> = rows.by_ref().take(LOOKS).collect();
    let searched = Searched {
        looked: looked.len() as u64,
        newest: looked.first().map(R::place),
        last: looked
            .last()
            .filter(|_| rows.peek().is_some())
            .map(R::place),
    };
    let found = looked.into_iter().filter(|row| row.is_found(search));
    (found.collect(), Some(searched))
}

/// What is asked for of so many rows.
fn latest<R: LatestRow>(
    wanted: Option<&Search>,
    total: u64,
    rows: impl Iterator<Item = R>,
    offset: u64,
    limit: usize,
) -> LatestList<R> {
    let (rows, searched) = match wanted {
        None => {
            let skip = usize::try_from(offset).unwrap_or(usize::MAX);
            (rows.skip(skip).take(limit).collect(), None)
        }
        Some(wanted) => search(wanted, rows),
    };
    LatestList {
        total,
        offset,
        searched,
        rows,
    }
}

fn records(wanted: Option<&Search>, offset: u64, limit: usize) -> RecordList {
    let total = 1140;
    let columns = ["title", "price", "tags", "cover"].map(str::to_owned);
    let row = |n: u64| {
        let mut fields = serde_json::Map::new();
        fields.insert("title".to_owned(), format!("書名 {n} of\na book").into());
        fields.insert("price".to_owned(), serde_json::json!(n as f64 + 0.5));
        fields.insert("tags".to_owned(), serde_json::json!(["a", "b\u{1b}[2J"]));
        fields.insert("cover".to_owned(), serde_json::Value::Null);
        RecordRow {
            id: (n + 1) << 16,
            at: total - n,
            page: Some(PageId(u32::try_from(n).unwrap_or(0) + 1)),
            site: SiteId(0),
            record: "book".to_owned(),
            url: format!("http://books.example.org/book/{n}"),
            fields,
        }
    };
    let list = latest(wanted, total, (0..total).map(row), offset, limit);
    RecordList {
        total,
        offset,
        columns: columns.to_vec(),
        searched: list.searched,
        rows: list.rows,
    }
}

fn changes(wanted: Option<&Search>, offset: u64, limit: usize) -> ChangeList {
    let rows = [
        (
            ChangeKind::Changed,
            "price: 12.5 → 13.99; stock: 3 → nothing",
            "book/7",
        ),
        (ChangeKind::Gone, "404", "book/4\u{202e}gnp.exe"),
        (ChangeKind::New, "", "book/日本語の頁"),
    ];
    let total = rows.len() as u64;
    let row = |(n, (kind, what, path)): (u64, (ChangeKind, &str, &str))| ChangeRow {
        id: total - n,
        page: PageId(u32::try_from(n).unwrap_or(0)),
        site: SiteId(0),
        round: 2,
        kind,
        url: format!("http://books.example.org/{path}"),
        at: 3_600_000 + n * 1000,
        what: what.to_owned(),
    };
    let rows = (0..).zip(rows).map(row);
    latest(wanted, total, rows, offset, limit)
}

fn journal(wanted: Option<&Search>, offset: u64, limit: usize) -> JournalList {
    let row =
        |n: u64, origin: &str, command: &str, change: (&str, &str), answer: &str| JournalRow {
            id: n,
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
    let total = rows.len() as u64;
    latest(wanted, total, rows.into_iter(), offset, limit)
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
        traps: vec![
            TrapRow {
                kind: "calendar".into(),
                shape: "books.example.org/events/{date}".to_owned(),
                taken: 1000,
                left: 21_400,
                lifted: false,
            },
            TrapRow {
                kind: "session identifiers".into(),
                shape: "books.example.org/\u{1b}[2Jlist?sid={session}".to_owned(),
                taken: 10,
                left: 7,
                lifted: true,
            },
        ],
        sources: vec![
            SourceRow {
                kind: SourceKind::List,
                name: "https://books.example.org/export/urls.csv".to_owned(),
                state: SourceState::Failed,
                read: 0,
                urls: 0,
                bad: 0,
                problem: "status 503 \"\u{1b}[31mdown\"".to_owned(),
                at: 1_700_000_000_000,
            },
            SourceRow {
                kind: SourceKind::Sitemap,
                name: "https://books.example.org/sitemap.xml".to_owned(),
                state: SourceState::Done,
                read: 9_813,
                urls: 9_812,
                bad: 1,
                problem: String::new(),
                at: 1_700_000_000_000,
            },
        ],
    }
}

fn kind(n: u32) -> FailureKind {
    if n.is_multiple_of(2) {
        FailureKind::Timeout
    } else {
        FailureKind::Status
    }
}
