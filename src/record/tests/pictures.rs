//! Pictures of runs that never were, and how two of them are compared.

use crate::bus::{
    AlertRule, AutoRange, Condition, Doing, Event, Exit, ExitCounts, ExitPool, ExitState, Exits,
    JobState, Level, Round, RuleInfo, SiteControls, SiteDelta, SiteInfo, SiteState, Vitals,
    WorkerId,
};
use crate::monitor::{Counts, Monitor, SiteView, Snapshot, Throughput};
use crate::page::{FailureKind, Rung, SiteId};
use crate::record::rows;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A monitor of so many sites with rules and alerts.
fn monitor(sites: usize, now: Instant) -> Monitor {
    let infos = (0..sites)
        .map(|n| SiteInfo {
            name: format!("site{n}").into(),
            start: format!("http://s{n}.org/").into(),
            rules: Arc::new([RuleInfo {
                record: "book".into(),
                fields: Arc::new(["title".into(), "price".into()]),
            }]),
            alerts: Arc::new([AlertRule {
                when: Condition::DiskFree(1 << 30),
                hold: Duration::ZERO,
                level: Level::Error,
                bell: true,
                notify: false,
                action: None,
            }]),
        })
        .collect();
    Monitor::new(infos, &[Counts::default()], now)
}

fn exits() -> impl Strategy<Value = Exits> {
    let exit = (
        "[a-z]{1,3}",
        0..9u64,
        0..5usize,
        // A rest that ended before the run began is kept as its beginning.
        prop::option::of(1..500u64),
    );
    let rows = prop::collection::btree_map("[a-z]{1,3}:[0-9]", exit, 0..20);
    (rows, any::<[u16; 5]>()).prop_map(|(rows, counts)| {
        let now = Instant::now();
        let mut rows: Vec<Exit> = rows
            .into_iter()
            .map(|(name, (why, n, state, rest))| Exit {
                name: name.into(),
                sessions: n as u32,
                ok: n * 3,
                failed: n,
                blocked: 9 - n,
                p50: (n > 2).then(|| Duration::from_millis(n * 11)),
                state: ExitState::ALL[state],
                until: rest.map(|rest| now + Duration::from_secs(rest)),
                why: n.is_multiple_of(2).then(|| why.into()),
            })
            .collect();
        rows.sort_by_key(|exit| std::cmp::Reverse(exit.requests()));
        let [all, in_use, resting, refused, retired] = counts.map(u32::from);
        Exits {
            counts: ExitCounts {
                all,
                in_use,
                resting,
                refused,
                retired,
            },
            remark: all.is_multiple_of(2).then(|| "bad lines".into()),
            rows,
        }
    })
}

fn event() -> impl Strategy<Value = Event> {
    let site = || (0..3u32).prop_map(SiteId);
    let text = || "[a-z\u{1b}é日]{0,12}";
    prop_oneof![
        (site(), 0..7usize, prop::option::of(text())).prop_map(|(site, state, why)| Event::Site {
            site,
            state: rows::STATES[state],
            why: why.map(Into::into),
        }),
        (site(), 0..9u32, any::<bool>(), prop::option::of(0..99u64)).prop_map(
            |(site, n, on, most)| Event::Controls {
                site,
                controls: SiteControls {
                    concurrency: n,
                    auto: on.then_some(AutoRange { min: 1, max: n }),
                    delay: Duration::from_millis(u64::from(n) * 7),
                    max_pages: most,
                    max_depth: most.map(|n| n as u32),
                    retries: n,
                    draining: on,
                    rungs: Vec::new(),
                },
                why: on.then(|| format!("moved {n}").into()),
            }
        ),
        (site(), 0..6u32, 0..4u8).prop_map(|(site, worker, what)| Event::Worker {
            site,
            worker: WorkerId(worker),
            doing: match what {
                0 => Doing::Idle,
                1 => Doing::Fetching("http://e.org/".into()),
                2 => Doing::Paused,
                _ => Doing::Gone,
            },
        }),
        (site(), 0..600u16, 0..20usize, 0..9_000_000u64).prop_map(
            |(site, status, kind, micros)| {
                Event::Attempt {
                    site,
                    status: Some(status),
                    kind: FailureKind::ALL.get(kind).copied(),
                    elapsed: Duration::from_micros(micros),
                    bytes: 1,
                    rung: crate::page::Rung::Http,
                    cost: 0,
                    through: None,
                }
            }
        ),
        (site(), 0..50i64, 0..9i64, -20..90i64).prop_map(|(site, done, failed, queued)| {
            let delta = SiteDelta {
                done,
                failed,
                skipped: failed / 2,
                queued,
                records: done / 3,
                bytes: done * 12_345,
                round: Round {
                    number: i64::from(done > 20),
                    unchanged: done,
                    ..Round::default()
                },
            };
            Event::Committed(vec![(site, delta)])
        }),
        (site(), 0..2u16).prop_map(|(site, missing)| Event::Record {
            site,
            rule: 0,
            missing: [missing].into(),
        }),
        (site(), text(), prop::option::of(1..90u64)).prop_map(|(site, host, rest)| {
            Event::HostRest {
                site,
                host: host.into(),
                rest: rest.map(Duration::from_secs),
            }
        }),
        (prop::option::of(site()), text()).prop_map(|(site, text)| Event::notice(
            Level::Warn,
            site,
            text
        )),
        (0..1u64 << 33, 0..99_999u64).prop_map(|(size, lag)| Event::Vitals(Vitals {
            lag: Duration::from_micros(lag),
            memory: size,
            descriptors: lag as u32,
            descriptors_most: 1024,
            disk_free: Some(size),
        })),
        (0..99_999u64).prop_map(|n| Event::CommitTime(Duration::from_micros(n))),
        prop::option::of(text()).prop_map(|why| Event::Stalled(why.map(Into::into))),
        prop::collection::vec((site(), exits()), 0..3).prop_map(|pools| {
            let pools = pools.into_iter();
            let pool = |(site, exits)| ExitPool {
                of: vec![(site, Rung::Proxy), (site, Rung::Browser)],
                exits,
            };
            Event::Exits(pools.map(pool).collect())
        }),
        prop_oneof![Just(JobState::Running), Just(JobState::Stopping)].prop_map(Event::Job),
    ]
}

/// A run's pictures, about one a second.
pub fn pictures() -> impl Strategy<Value = Vec<Arc<Snapshot>>> {
    let second = (prop::collection::vec(event(), 0..12), 700..2500u64);
    prop::collection::vec(second, 1..40).prop_map(|seconds| {
        let start = Instant::now();
        let mut monitor = monitor(3, start);
        let mut now = start;
        let mut pictures = Vec::new();
        for (events, ms) in seconds {
            for event in events {
                monitor.fold(event, now);
            }
            now += Duration::from_millis(ms);
            pictures.push(monitor.snapshot(now, 5));
        }
        pictures
    })
}

fn near(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() <= by
}

/// How long before the picture a moment was; negative for later.
fn before(picture: &Snapshot, moment: Instant) -> f64 {
    match picture.at.checked_duration_since(moment) {
        Some(age) => age.as_secs_f64(),
        None => -moment.duration_since(picture.at).as_secs_f64(),
    }
}

fn same_rates(a: &Throughput, b: &Throughput) -> bool {
    a.history == b.history
        && a.pages_1s == b.pages_1s
        && near(a.pages_10s, b.pages_10s, 0.051)
        && near(a.pages_run, b.pages_run, 0.051)
        && near(a.bytes_10s, b.bytes_10s, 1024.0)
}

fn assert_same_site(a: &Snapshot, one: &SiteView, b: &Snapshot, two: &SiteView) {
    assert_eq!(
        (&one.name, &one.start, one.state, &one.why),
        (&two.name, &two.start, two.state, &two.why)
    );
    assert_eq!(
        (one.pages, one.records, one.bytes),
        (two.pages, two.records, two.bytes)
    );
    assert_eq!((one.classes, &one.kinds), (two.classes, &two.kinds));
    assert!(
        same_rates(&one.throughput, &two.throughput),
        "{one:?}\n{two:?}"
    );
    let (fast, slow) = (&one.latency, &two.latency);
    for (x, y) in [
        (fast.p50, slow.p50),
        (fast.p95, slow.p95),
        (fast.p99, slow.p99),
        (fast.max, slow.max),
    ] {
        assert!(near(x, y, 0.001));
    }
    assert!(near(fast.sum, slow.sum, rows::SUM_STEP * 0.51));
    assert_eq!(fast.buckets, slow.buckets);
    assert_eq!(
        (&one.controls, &one.moved, &one.fill),
        (&two.controls, &two.moved, &two.fill)
    );
    assert_eq!(one.standing, two.standing);
    assert_eq!(
        one.eta.map(|eta| eta.as_secs()),
        two.eta.map(|eta| eta.as_secs())
    );
    assert_eq!(one.resting.len(), two.resting.len());
    for ((host, until), (host2, until2)) in one.resting.iter().zip(&two.resting) {
        assert_eq!(host, host2);
        assert!(near(before(a, *until), before(b, *until2), 0.0021));
    }
    assert_eq!(one.workers.len(), two.workers.len());
    for (x, y) in one.workers.iter().zip(&two.workers) {
        assert_eq!(x.id, y.id);
        assert_eq!(
            std::mem::discriminant(&x.doing),
            std::mem::discriminant(&y.doing)
        );
        assert!(near(before(a, x.since), before(b, y.since), 1.002));
    }
}

fn assert_same_exits(a: &Snapshot, b: &Snapshot) {
    assert_eq!(a.exits.len(), b.exits.len());
    for (one, two) in a.exits.iter().zip(b.exits.iter()) {
        assert_eq!(one.of, two.of);
        let (one, two) = (&one.exits, &two.exits);
        assert_eq!((one.counts, &one.remark), (two.counts, &two.remark));
        let kept = two.rows.len();
        assert_eq!(kept, one.rows.len().min(16));
        for row in &two.rows {
            let same = one.rows[..kept].iter().find(|exit| exit.name == row.name);
            let same = same.unwrap_or_else(|| panic!("{row:?} in {one:?}"));
            let until = |picture: &Snapshot, exit: &Exit| exit.until.map(|at| before(picture, at));
            match (until(a, same), until(b, row)) {
                (Some(x), Some(y)) => assert!(near(x, y, 0.0021), "{x} {y}"),
                (x, y) => assert_eq!(x, y),
            }
            let timeless = |exit: &Exit| Exit {
                until: None,
                ..exit.clone()
            };
            assert_eq!(timeless(same), timeless(row));
        }
    }
}

/// Field by field, to the precision that is kept.
pub fn assert_same(a: &Snapshot, b: &Snapshot) {
    assert_eq!((a.number, a.state), (b.number, b.state));
    assert_eq!(a.elapsed.as_millis(), b.elapsed.as_millis());
    assert_eq!(a.sites.len(), b.sites.len());
    for (one, two) in a.sites.iter().zip(&b.sites) {
        assert_same_site(a, one, b, two);
    }
    let (x, y) = (&a.totals, &b.totals);
    assert_eq!(
        (x.pages, x.records, x.bytes, x.busy),
        (y.pages, y.records, y.bytes, y.busy)
    );
    assert_eq!((x.concurrency, x.sites_over), (y.concurrency, y.sites_over));
    assert_eq!(
        x.eta.map(|eta| eta.as_secs()),
        y.eta.map(|eta| eta.as_secs())
    );
    assert!(same_rates(&x.throughput, &y.throughput), "{x:?}\n{y:?}");
    assert_eq!(a.notices_total, b.notices_total);
    let kept = b.notices.len();
    assert!(kept >= a.notices.len().min(60));
    assert_eq!(a.notices[a.notices.len() - kept..], *b.notices);
    assert_same_exits(a, b);
    assert_eq!(a.alerts.len(), b.alerts.len());
    for (x, y) in a.alerts.iter().zip(b.alerts.iter()) {
        assert_eq!(
            (x.id, x.site, x.level, &x.text),
            (y.id, y.site, y.level, &y.text)
        );
        assert_eq!((x.bell, x.notify), (y.bell, y.notify));
        assert!(near(before(a, x.since), before(b, y.since), 0.0021));
    }
    let (x, y) = (&a.health, &b.health);
    assert_eq!((x.bus_depth, &x.stalled), (y.bus_depth, &y.stalled));
    let step = Duration::from_micros(100);
    assert!(x.vitals.lag.abs_diff(y.vitals.lag) < step);
    assert!(x.commit_time.abs_diff(y.commit_time) < step);
    assert!(x.commit_worst.abs_diff(y.commit_worst) < step);
    assert!(x.vitals.memory.abs_diff(y.vitals.memory) < rows::MEMORY_STEP);
    assert_eq!(x.vitals.descriptors, y.vitals.descriptors);
    assert_eq!(x.vitals.descriptors_most, y.vitals.descriptors_most);
    let free = |v: &Vitals| v.disk_free.unwrap_or(u64::MAX);
    assert!(free(&x.vitals).abs_diff(free(&y.vitals)) < rows::DISK_STEP);
}

/// An hour of three sites at work, as a picture a second.
pub fn busy(seconds: u64, sites: usize) -> impl Iterator<Item = Arc<Snapshot>> {
    let start = Instant::now();
    let mut monitor = monitor(sites, start);
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..sites {
        monitor.fold(
            Event::Site {
                site: SiteId(n as u32),
                state: SiteState::Running,
                why: None,
            },
            start,
        );
    }
    (0..seconds).map(move |second| {
        let now = start + Duration::from_secs(second);
        for n in 0..sites {
            let site = SiteId(n as u32);
            let pages = random.i64(20..60);
            for _ in 0..pages {
                monitor.fold(
                    Event::Attempt {
                        site,
                        status: Some(if random.u8(..) < 5 { 404 } else { 200 }),
                        kind: (random.u8(..) < 5).then_some(FailureKind::Status),
                        elapsed: Duration::from_micros(random.u64(2_000..300_000)),
                        bytes: 0,
                        rung: crate::page::Rung::Http,
                        cost: 0,
                        through: None,
                    },
                    now,
                );
            }
            for worker in 0..16 {
                let doing = match random.u8(..4) {
                    0 => Doing::Idle,
                    _ => Doing::Fetching("http://e.org/".into()),
                };
                let worker = WorkerId(worker);
                monitor.fold(
                    Event::Worker {
                        site,
                        worker,
                        doing,
                    },
                    now,
                );
            }
            let delta = SiteDelta {
                done: pages,
                queued: random.i64(-30..30),
                bytes: pages * random.i64(9_000..30_000),
                records: pages / 2,
                ..SiteDelta::default()
            };
            monitor.fold(Event::Committed(vec![(site, delta)]), now);
        }
        let vitals = Vitals {
            lag: Duration::from_micros(random.u64(50..1500)),
            memory: 100 << 20,
            descriptors: random.u32(60..90),
            descriptors_most: 1024,
            disk_free: Some((50 << 30) - second * 1_500_000),
        };
        monitor.fold(Event::Vitals(vitals), now);
        monitor.fold(
            Event::CommitTime(Duration::from_micros(random.u64(900..9000))),
            now,
        );
        monitor.snapshot(
            now + Duration::from_millis(random.u64(400..600)),
            random.usize(..20),
        )
    })
}
