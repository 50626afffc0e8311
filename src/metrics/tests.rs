use super::*;
use crate::bus::{
    Doing, Event, Exit, ExitCounts, ExitPool, ExitState, Exits, Round, SiteDelta, SiteInfo,
    SiteState, Vitals, WorkerId,
};
use crate::monitor::{Monitor, Snapshot};
use crate::page::{FailureKind, Rung, SiteId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a strict reader makes of the text: each sample's name and labels, and
/// its value.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Reads the format and refuses whatever is not in it.
fn read(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut seen = BTreeSet::new();
    let mut family: Option<(String, String)> = None;
    let mut helped = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(!help.is_empty() && is_name(name), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert_eq!(name, helped, "TYPE stands behind its HELP");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} twice");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (name, labels, value) = sample(line);
            let (of, kind) = family.as_ref().expect("a sample without its head");
            let suffix = name.strip_prefix(of.as_str()).expect(line);
            match kind.as_str() {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
            assert_eq!(samples.insert((name, labels), value), None, "twice: {line}");
        }
    }
    samples
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let name = line[..end].to_owned();
    assert!(is_name(&name), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = line[end..].chars();
    let value: String = if line[end..].starts_with('{') {
        rest.next();
        loop {
            let label: String = rest.by_ref().take_while(|c| *c != '=').collect();
            assert!(is_name(&label), "{line}");
            assert_eq!(rest.next(), Some('"'), "{line}");
            let mut text = String::new();
            loop {
                match rest.next().expect(line) {
                    '"' => break,
                    '\\' => text.push(match rest.next().expect(line) {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("\\{c} in {line}"),
                    }),
                    c => text.push(c),
                }
            }
            assert_eq!(labels.insert(label, text), None, "{line}");
            match rest.next() {
                Some(',') => {}
                Some('}') => break,
                other => panic!("{other:?} in {line}"),
            }
        }
        rest.collect()
    } else {
        rest.collect()
    };
    let value = value.strip_prefix(' ').expect(line).parse().expect(line);
    (name, labels, value)
}

fn snapshot(name: &str) -> Arc<Snapshot> {
    let now = Instant::now();
    let info = |name: &str| SiteInfo {
        name: name.into(),
        start: "http://e.org/".into(),
        rules: Arc::default(),
        alerts: Arc::default(),
    };
    let mut monitor = Monitor::new(vec![info(name), info("other")], &[], now);
    let site = SiteId(0);
    let attempt = |status, kind, ms| Event::Attempt {
        site,
        status,
        kind,
        elapsed: Duration::from_millis(ms),
        bytes: 1,
        rung: crate::page::Rung::Http,
        cost: 0,
        through: None,
    };
    for event in [
        Event::Site {
            site,
            state: SiteState::Running,
            why: None,
        },
        Event::Committed(vec![(
            site,
            SiteDelta {
                done: 7,
                failed: 2,
                skipped: 1,
                queued: 30,
                records: 5,
                bytes: 12_345,
                round: Round {
                    number: 2,
                    fresh: 1,
                    changed: 3,
                    unchanged: 4,
                    gone: 2,
                    spared_bytes: 99,
                },
            },
        )]),
        Event::Worker {
            site,
            worker: WorkerId(0),
            doing: Doing::Fetching("http://e.org/x".into()),
        },
        attempt(Some(200), None, 3),
        attempt(Some(503), Some(FailureKind::Status), 40),
        attempt(None, Some(FailureKind::Timeout), 9000),
        Event::Exits(vec![ExitPool {
            // Of a site that is there, and of one that is not.
            of: vec![(SiteId(0), Rung::Proxy), (SiteId(9), Rung::Proxy)],
            exits: Exits {
                counts: ExitCounts {
                    all: 9,
                    in_use: 2,
                    ..ExitCounts::default()
                },
                remark: None,
                rows: vec![Exit {
                    name: "gate.test:1".into(),
                    sessions: 1,
                    ok: 5,
                    failed: 3,
                    blocked: 2,
                    p50: None,
                    state: ExitState::Well,
                    until: None,
                    why: None,
                }],
            },
        }]),
        Event::Vitals(Vitals {
            lag: Duration::from_micros(1500),
            memory: 1 << 20,
            descriptors: 12,
            descriptors_most: 1024,
            disk_free: Some(1 << 30),
        }),
    ] {
        monitor.fold(event, now);
    }
    monitor.snapshot(now + Duration::from_secs(2), 3)
}

#[test]
fn a_strict_reader_finds_what_the_picture_holds() {
    // No name of a site may look so, but the format has to bear it.
    let name = "a\\\"b\n{c},d=\"e\" é";
    let samples = read(&exposition(&snapshot(name)));
    let get = |metric: &str, labels: &[(&str, &str)]| {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let key = (metric.to_owned(), labels);
        *samples.get(&key).unwrap_or_else(|| panic!("no {key:?}"))
    };
    let site = ("site", name);
    for (metric, labels, value) in [
        ("crawldeck_up", vec![], 1.0),
        (
            "crawldeck_pages_total",
            vec![site, ("outcome", "done")],
            7.0,
        ),
        (
            "crawldeck_pages_total",
            vec![site, ("outcome", "failed")],
            2.0,
        ),
        ("crawldeck_bytes_total", vec![site], 12_345.0),
        ("crawldeck_round", vec![site], 2.0),
        ("crawldeck_round", vec![("site", "other")], 0.0),
        ("crawldeck_round_pages", vec![site, ("found", "new")], 1.0),
        (
            "crawldeck_round_pages",
            vec![site, ("found", "changed")],
            3.0,
        ),
        (
            "crawldeck_round_pages",
            vec![site, ("found", "unchanged")],
            4.0,
        ),
        ("crawldeck_round_pages", vec![site, ("found", "gone")], 2.0),
        ("crawldeck_round_spared_bytes", vec![site], 99.0),
        ("crawldeck_queue_pages", vec![site], 29.0),
        ("crawldeck_in_flight_pages", vec![site], 1.0),
        (
            "crawldeck_attempts_total",
            vec![site, ("class", "5xx")],
            1.0,
        ),
        (
            "crawldeck_attempts_total",
            vec![site, ("class", "none")],
            1.0,
        ),
        (
            "crawldeck_failures_total",
            vec![site, ("kind", "timeout")],
            1.0,
        ),
        ("crawldeck_workers", vec![site, ("state", "fetching")], 1.0),
        (
            "crawldeck_site_state",
            vec![site, ("state", "running")],
            1.0,
        ),
        ("crawldeck_site_state", vec![site, ("state", "paused")], 0.0),
        (
            "crawldeck_request_seconds_bucket",
            vec![site, ("le", "0.002")],
            0.0,
        ),
        (
            "crawldeck_request_seconds_bucket",
            vec![site, ("le", "0.005")],
            1.0,
        ),
        (
            "crawldeck_request_seconds_bucket",
            vec![site, ("le", "5")],
            2.0,
        ),
        (
            "crawldeck_request_seconds_bucket",
            vec![site, ("le", "+Inf")],
            3.0,
        ),
        ("crawldeck_request_seconds_count", vec![site], 3.0),
        ("crawldeck_request_seconds_sum", vec![site], 9.043),
        (
            "crawldeck_exits",
            vec![site, ("rung", "proxy"), ("state", "in_use")],
            2.0,
        ),
        (
            "crawldeck_exit_requests_total",
            vec![site, ("rung", "proxy"), ("exit", "gate.test:1")],
            10.0,
        ),
        (
            "crawldeck_exit_blocks_total",
            vec![site, ("rung", "proxy"), ("exit", "gate.test:1")],
            2.0,
        ),
        ("crawldeck_event_loop_lag_seconds", vec![], 0.0015),
        ("crawldeck_bus_depth", vec![], 3.0),
        ("crawldeck_disk_free_bytes", vec![], f64::from(1 << 30)),
        ("process_resident_memory_bytes", vec![], 1_048_576.0),
        ("process_open_fds", vec![], 12.0),
    ] {
        assert_eq!(get(metric, &labels), value, "{metric} {labels:?}");
    }
    let buckets = samples
        .keys()
        .filter(|(name, labels)| name.ends_with("_bucket") && labels["site"] == "other");
    assert_eq!(buckets.count(), 13);
}

#[tokio::test]
async fn metrics_and_an_index_are_served_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_publish, snapshots) = watch::channel(snapshot("books"));
    let serving = tokio::spawn(serve(listener, snapshots));
    for (request, status, media) in [
        ("GET /metrics", "200", "text/plain; version=0.0.4"),
        ("HEAD /metrics", "200", "text/plain; version=0.0.4"),
        ("GET /metrics?x", "200", "text/plain; version=0.0.4"),
        ("GET /", "200", "text/html"),
        ("GET /etc/passwd", "404", "text/plain"),
        ("POST /metrics", "405", "text/plain"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {head}"
        );
        assert!(
            head.contains(&format!("content-type: {media}")),
            "{request}: {head}"
        );
        if request == "GET /metrics" {
            assert!(read(body).len() > 60);
        }
        if request.starts_with("HEAD") {
            assert_eq!(body, "");
        }
    }
    // Nonsense closes its own connection and no other.
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\0\xff nonsense\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!serving.is_finished());
    serving.abort();
}
