use super::*;
use crate::bus::{
    AlertAction, Doing, Event, Level, RuleInfo, SiteDelta, SiteInfo, SiteState, Vitals, WorkerId,
};
use crate::monitor::{Monitor, Snapshot};
use crate::page::FailureKind;

const SITE: SiteId = SiteId(0);

fn rule(when: Condition, seconds: u64) -> AlertRule {
    AlertRule {
        when,
        hold: Duration::from_secs(seconds),
        level: Level::Error,
        bell: true,
        notify: false,
        action: None,
    }
}

/// A monitor of running sites with these rules, each with nine pages to do.
struct Bench {
    monitor: Monitor,
    start: Instant,
    second: u64,
}

impl Bench {
    fn new(rules: &[&[AlertRule]]) -> Self {
        let start = Instant::now();
        let infos = rules
            .iter()
            .map(|rules| SiteInfo {
                name: "a".into(),
                start: "http://e.org/".into(),
                rules: Arc::new([RuleInfo {
                    record: "book".into(),
                    fields: Arc::new(["title".into(), "price".into()]),
                }]),
                alerts: (*rules).into(),
            })
            .collect();
        let mut bench = Self {
            monitor: Monitor::new(infos, &[], start),
            start,
            second: 0,
        };
        for n in 0..rules.len() {
            let site = SiteId(n as u32);
            bench.tell(Event::Site {
                site,
                state: SiteState::Running,
                why: None,
            });
            bench.tell(Event::Committed(vec![(site, queued(9))]));
        }
        bench
    }

    fn tell(&mut self, event: Event) {
        let now = self.start + Duration::from_secs(self.second);
        self.monitor.fold(event, now);
    }

    fn attempts(&mut self, fine: usize, failed: usize) {
        for n in 0..fine + failed {
            self.tell(Event::Attempt {
                site: SITE,
                status: None,
                kind: (n >= fine).then_some(FailureKind::Timeout),
                elapsed: Duration::from_millis(5),
                bytes: 0,
                rung: crate::page::Rung::Http,
                cost: 0,
                through: None,
            });
        }
    }

    /// A second later.
    fn tick(&mut self) -> Arc<Snapshot> {
        self.second += 1;
        let now = self.start + Duration::from_secs(self.second);
        self.monitor.snapshot(now, 0)
    }

    /// The seconds until `wanted` alerts hold, a minute at most.
    fn until(&mut self, wanted: usize) -> Option<u64> {
        (1..=60).find(|_| self.tick().alerts.len() == wanted)
    }
}

fn queued(queued: i64) -> SiteDelta {
    SiteDelta {
        queued,
        ..SiteDelta::default()
    }
}

#[test]
fn errors_begin_after_their_time_and_end_when_they_are_clearly_over() {
    let mut bench = Bench::new(&[&[rule(Condition::Errors(10.0), 3)]]);
    bench.attempts(80, 20);
    let began = bench.until(1).unwrap();
    assert_eq!(began, 4, "three seconds without a break");
    let shown = bench.tick();
    let alert = &shown.alerts[0];
    assert_eq!(
        (alert.site, alert.level, alert.bell),
        (Some(SITE), Level::Error, true)
    );
    assert_eq!(
        &*alert.text,
        "errors: 20 % of 100 attempts in a minute (> 10 %)"
    );
    let last = shown.notices.last().unwrap();
    assert_eq!(last.level, Level::Error);
    assert!(
        last.text.starts_with("alert: errors: 20 %"),
        "{}",
        last.text
    );
    // 9.5 % is below the threshold and within the margin: it goes on.
    bench.attempts(110, 0);
    assert_eq!(
        bench.until(0),
        Some(60),
        "a minute after the failures, and calm"
    );
    let shown = bench.tick();
    assert!(
        shown
            .notices
            .last()
            .unwrap()
            .text
            .starts_with("alert over: errors")
    );
    assert_eq!(shown.notices.last().unwrap().level, Level::Info);
}

#[test]
fn a_figure_on_the_edge_does_not_flap() {
    let mut bench = Bench::new(&[&[rule(Condition::DiskFree(1000), 0)]]);
    let mut changes = 0;
    let mut holds = false;
    for n in 0..40 {
        let disk_free = Some(if n % 2 == 0 { 990 } else { 1010 });
        bench.tell(Event::Vitals(Vitals {
            disk_free,
            ..Vitals::default()
        }));
        let now = !bench.tick().alerts.is_empty();
        changes += usize::from(now != holds);
        holds = now;
    }
    assert_eq!((changes, holds), (1, true));
}

#[test]
fn the_disk_is_one_whoever_watches_it() {
    let disk = rule(Condition::DiskFree(1 << 31), 0);
    let mut bench = Bench::new(&[std::slice::from_ref(&disk), std::slice::from_ref(&disk)]);
    assert_eq!(bench.tick().alerts.len(), 0, "not known yet");
    bench.tell(Event::Vitals(Vitals {
        disk_free: Some(3 << 29),
        ..Vitals::default()
    }));
    let shown = bench.tick();
    assert_eq!(shown.alerts.len(), 1);
    assert_eq!(shown.alerts[0].site, None);
    assert_eq!(&*shown.alerts[0].text, "disk_free: 1.5 GB (< 2.0 GB)");
}

#[test]
fn no_progress_throughput_and_growth() {
    let rules = [
        rule(Condition::NoProgress, 20),
        rule(Condition::PagesPerSecond(2.0), 0),
        rule(Condition::QueueGrowth(50.0), 0),
    ];
    let mut bench = Bench::new(&[&rules]);
    let texts = |shown: &Snapshot| -> Vec<String> {
        shown
            .alerts
            .iter()
            .map(|alert| alert.text.to_string())
            .collect()
    };
    for _ in 0..9 {
        assert!(bench.tick().alerts.is_empty());
    }
    assert_eq!(texts(&bench.tick()), ["pages_per_s: 0.0 (< 2)"]);
    bench.tell(Event::Committed(vec![(SITE, queued(1000))]));
    bench.tick();
    assert_eq!(texts(&bench.tick())[1], "queue_growth: 100/s (> 50/s)");
    for _ in 12..20 {
        bench.tick();
    }
    assert!(texts(&bench.tick()).contains(&"no_progress: no page was finished for 20s".to_owned()));
    let done = SiteDelta {
        done: 1,
        ..queued(-1)
    };
    bench.tell(Event::Committed(vec![(SITE, done)]));
    assert!(
        !texts(&bench.tick())
            .iter()
            .any(|text| text.starts_with("no_progress"))
    );
}

#[test]
fn a_field_that_stays_empty_is_seen() {
    let fill = |field: &str| Condition::Fill {
        record: "book".into(),
        field: field.into(),
        below: 90.0,
    };
    let mut bench = Bench::new(&[&[rule(fill("title"), 0), rule(fill("price"), 0)]]);
    let record = |missing: &[u16]| Event::Record {
        site: SITE,
        rule: 0,
        missing: missing.into(),
    };
    for _ in 0..19 {
        bench.tell(record(&[1]));
    }
    assert!(bench.tick().alerts.is_empty(), "too few to tell");
    bench.tell(record(&[]));
    let shown = bench.tick();
    assert_eq!(shown.alerts.len(), 1);
    assert_eq!(
        &*shown.alerts[0].text,
        "fill(book.price): 5 % of 20 records (< 90 %)"
    );
}

#[test]
fn a_site_that_is_paused_or_over_raises_none() {
    for state in [SiteState::Paused, SiteState::Finished] {
        let mut bench = Bench::new(&[&[rule(Condition::NoProgress, 2)]]);
        assert_eq!(bench.until(1), Some(2));
        bench.tell(Event::Site {
            site: SITE,
            state,
            why: None,
        });
        assert_eq!(bench.tick().alerts.len(), 0);
        assert_eq!(bench.until(1), None);
    }
}

#[test]
fn other_rules_end_what_the_old_ones_raised() {
    let mut bench = Bench::new(&[&[rule(Condition::NoProgress, 1)]]);
    bench.tell(Event::Worker {
        site: SITE,
        worker: WorkerId(0),
        doing: Doing::Idle,
    });
    assert_eq!(bench.until(1), Some(1));
    bench.tell(Event::Info {
        site: SITE,
        info: SiteInfo {
            name: "a".into(),
            start: "http://e.org/".into(),
            rules: Arc::default(),
            alerts: Arc::default(),
        },
    });
    let shown = bench.tick();
    assert!(shown.alerts.is_empty());
    assert!(shown.notices.last().unwrap().text.starts_with("alert over"));
}

#[test]
fn what_may_be_secret_is_not_in_the_debugging_output() {
    let mut rule = rule(Condition::NoProgress, 1);
    rule.action = Some(Arc::new(AlertAction {
        webhook: Some("https://e.org/s3cret".to_owned()),
        command: vec!["s3cret".to_owned()],
    }));
    assert!(!format!("{rule:?}").contains("s3cret"));
}

#[test]
fn a_minute_forgets() {
    let mut minute = Minute::default();
    for second in 0..200 {
        minute.count(second, second % 2 == 0);
        assert!(minute.seconds.len() <= 60);
    }
    assert_eq!(minute.sums(199), (60, 30));
    assert_eq!(minute.sums(300), (0, 0));
}
