//! What a client makes of frames is what the monitor had, whichever it got.

use super::super::frames::{Picture, Sent};
use super::super::picture::Told;
use super::super::protocol::Heard;
use super::super::wire::Frame;
use super::{NAMES, monitor};
use crate::bus::{
    Doing, Event, Exit, ExitCounts, ExitPool, ExitState, Exits, Level, SiteDelta, SiteState,
    Vitals, WorkerId,
};
use crate::monitor::Snapshot;
use crate::page::{FailureKind, Rung, SiteId};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn event() -> impl Strategy<Value = Event> {
    let site = (0..NAMES.len() as u32).prop_map(SiteId);
    (site, 0..10u8, 0..40u32, "\\PC{0,12}").prop_map(|(site, what, n, text)| match what {
        0 => Event::Site {
            site,
            state: SiteState::Paused,
            why: Some(text.into()),
        },
        1 => Event::Worker {
            site,
            worker: WorkerId(n),
            doing: Doing::Fetching(text.into()),
        },
        2 => Event::Attempt {
            site,
            status: (n > 9).then_some(200 + n as u16),
            kind: (n < 5).then_some(FailureKind::Timeout),
            elapsed: Duration::from_millis(u64::from(n) * 7),
            bytes: 10,
            rung: crate::page::Rung::Http,
            cost: 0,
            through: None,
        },
        3 | 4 => {
            let delta = SiteDelta {
                done: i64::from(n),
                queued: 5,
                bytes: 1234,
                ..SiteDelta::default()
            };
            Event::Committed(vec![(site, delta)])
        }
        5 => Event::HostRest {
            site,
            host: text.into(),
            rest: Some(Duration::from_secs(u64::from(n))),
        },
        6 => Event::Vitals(Vitals {
            memory: u64::from(n),
            disk_free: Some(7),
            ..Vitals::default()
        }),
        7 => Event::Stalled(Some(text.into())),
        8 => Event::Exits(exits(site, n, &text)),
        _ => Event::notice(Level::Warn, Some(site), text),
    })
}

/// None for a few numbers, else one rule's, more or less of them.
fn exits(site: SiteId, n: u32, text: &str) -> Vec<ExitPool> {
    let exit = |n: u32| Exit {
        name: format!("{text}:{n}").into(),
        sessions: n,
        ok: u64::from(n) * 2,
        failed: 1,
        blocked: u64::from(n),
        p50: (n > 3).then(|| Duration::from_micros(u64::from(n) * 77)),
        state: ExitState::ALL[n as usize % 5],
        until: None,
        why: n.is_multiple_of(2).then(|| text.into()),
    };
    if n < 10 {
        return Vec::new();
    }
    vec![ExitPool {
        of: vec![(site, Rung::Proxy)],
        exits: Exits {
            counts: ExitCounts {
                all: n,
                in_use: 1,
                resting: 2,
                refused: 3,
                retired: 4,
            },
            remark: (n > 20).then(|| text.into()),
            rows: (0..n / 10).map(exit).collect(),
        },
    }]
}

/// Everything that a snapshot says, for comparison.
fn all(snapshot: &Snapshot) -> String {
    let picture = Picture::after(None, Arc::new(snapshot.clone())).unwrap();
    String::from_utf8(picture.frame(None).0.to_vec()).unwrap()
}

fn parse(frame: &[u8]) -> Frame {
    match serde_json::from_slice(frame).unwrap() {
        Heard::Snapshot(frame) => frame,
        other => panic!("{other:?}"),
    }
}

#[derive(Default)]
struct Client {
    told: Told,
    sent: Option<Sent>,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_client_sees_what_the_monitor_saw(
        steps in prop::collection::vec(
            (prop::collection::vec(event(), 0..6), prop_oneof![4 => 100u64..2000, 1 => 2000u64..60_000, 1 => 300_000u64..400_000], any::<[bool; 3]>()),
            1..24,
        ),
    ) {
        let began = Instant::now();
        let mut monitor = monitor(began);
        let mut now = began;
        let mut picture: Option<Picture> = None;
        let mut clients: [Client; 3] = Default::default();
        for (events, ms, who) in steps {
            now += Duration::from_millis(ms);
            for event in events {
                monitor.fold(event, now);
            }
            let snapshot = monitor.snapshot(now, 3);
            if let Some(next) = Picture::after(picture.as_ref(), snapshot.clone()) {
                picture = Some(next);
            } else {
                continue;
            }
            let picture = picture.as_ref().unwrap();
            for (client, _) in clients.iter_mut().zip(who).filter(|(_, reads)| *reads) {
                let (frame, sent) = picture.frame(client.sent);
                client.sent = Some(sent);
                let seen = client.told.follow(parse(&frame), now).unwrap();
                prop_assert_eq!(all(&seen), all(&snapshot));
            }
        }
    }
}

#[test]
fn what_has_not_changed_is_not_sent_and_frames_are_shared() {
    let began = Instant::now();
    let mut monitor = monitor(began);
    let first = Picture::after(None, monitor.snapshot(began, 0)).unwrap();
    let (frame, sent) = first.frame(None);
    assert_eq!(parse(&frame).sites.len(), 2);
    let soon = began + Duration::from_millis(100);
    assert!(Picture::after(Some(&first), monitor.snapshot(soon, 9)).is_none());
    let why = None;
    let (site, state) = (SiteId(1), SiteState::Running);
    monitor.fold(Event::Site { site, state, why }, soon);
    let second = Picture::after(Some(&first), monitor.snapshot(soon, 0)).unwrap();
    let (delta, _) = second.frame(Some(sent));
    let told = parse(&delta);
    assert_eq!(told.sites.len(), 1);
    assert_eq!(told.sites[0].0, 1);
    assert!(!told.head.full);
    assert!(Arc::ptr_eq(&delta, &second.frame(Some(sent)).0));
    assert!(Arc::ptr_eq(&second.frame(None).0, &second.frame(None).0));
    let later = soon + Duration::from_secs(1);
    let beat = Picture::after(Some(&second), monitor.snapshot(later, 0)).unwrap();
    let (beat, _) = beat.frame(Some(second.frame(None).1));
    assert!(parse(&beat).sites.is_empty());
    assert!(beat.len() < 1500, "{} bytes", beat.len());
}

#[test]
fn exits_are_sent_when_they_have_changed_and_kept_else() {
    let began = Instant::now();
    let mut monitor = monitor(began);
    let mut client = Client::default();
    let mut follow = |picture: &Picture, now| {
        let (frame, sent) = picture.frame(client.sent);
        client.sent = Some(sent);
        let told = String::from_utf8(frame.to_vec())
            .unwrap()
            .contains("\"exits\":[{");
        (told, client.told.follow(parse(&frame), now).unwrap())
    };
    let none = Picture::after(None, monitor.snapshot(began, 0)).unwrap();
    let (told, seen) = follow(&none, began);
    assert!(!told && seen.exits.is_empty());
    let pools = exits(SiteId(1), 35, "a");
    let soon = began + Duration::from_millis(50);
    monitor.fold(Event::Exits(pools.clone()), soon);
    let some = Picture::after(Some(&none), monitor.snapshot(soon, 0)).unwrap();
    let (told, seen) = follow(&some, soon);
    assert!(told);
    assert_eq!(*seen.exits, pools);
    assert_eq!(seen.exits_of(SiteId(1), Rung::Proxy), Some(&pools[0].exits));
    assert_eq!(seen.exits_of(SiteId(0), Rung::Proxy), None);
    let later = soon + Duration::from_secs(1);
    let beat = Picture::after(Some(&some), monitor.snapshot(later, 0)).unwrap();
    let (told, seen) = follow(&beat, later);
    assert!(!told);
    assert_eq!(*seen.exits, pools);
    // An engine that is older than exits tells of none.
    let mut old = parse(&beat.frame(None).0);
    old.head.exits = None;
    assert!(Told::default().follow(old, later).unwrap().exits.is_empty());
}

#[test]
fn a_frame_that_does_not_follow_is_refused() {
    let began = Instant::now();
    let mut monitor = monitor(began);
    let picture = Picture::after(None, monitor.snapshot(began, 0)).unwrap();
    let whole = parse(&picture.frame(None).0);
    let mut short = whole.clone();
    short.sites.remove(0);
    assert!(Told::default().follow(short, began).is_err());
    let mut few = whole.clone();
    few.head.site_count = usize::MAX;
    assert!(Told::default().follow(few, began).is_err());
    let mut old = whole;
    old.head.elapsed_ms = u64::MAX;
    assert!(Told::default().follow(old, began).is_ok());
}
