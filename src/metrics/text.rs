//! The exposition format, version 0.0.4.

use crate::bus::{Doing, Exit, JobState, RungState, SiteState};
use crate::monitor::{LATENCY_BOUNDS_MS, RungView, SiteView, Snapshot};
use std::fmt::{Display, Write};

/// Status classes, in the order of [`SiteView::classes`].
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
/// Every state of a site.
const STATES: [SiteState; 7] = [
    SiteState::Starting,
    SiteState::Running,
    SiteState::Paused,
    SiteState::Stopping,
    SiteState::Finished,
    SiteState::Failed,
    SiteState::Stopped,
];

/// The picture as Prometheus reads it.
pub fn exposition(snapshot: &Snapshot) -> String {
    let mut page = Page(String::with_capacity(4096));
    run(snapshot, &mut page);
    pages(&snapshot.sites, &mut page);
    rounds(&snapshot.sites, &mut page);
    attempts(&snapshot.sites, &mut page);
    workers(&snapshot.sites, &mut page);
    rungs(&snapshot.sites, &mut page);
    exits(snapshot, &mut page);
    engine(snapshot, &mut page);
    page.0
}

type Sites = [std::sync::Arc<SiteView>];

fn run(snapshot: &Snapshot, page: &mut Page) {
    let version = env!("CARGO_PKG_VERSION");
    page.head("crawldeck_build_info", "gauge", "The program's version.");
    page.line("crawldeck_build_info", &[("version", version)], 1);
    let up = u8::from(snapshot.state != JobState::Over);
    page.gauge("crawldeck_up", "Whether the crawl is at work.", up);
    page.gauge(
        "crawldeck_elapsed_seconds",
        "Time since the run began.",
        snapshot.elapsed.as_secs_f64(),
    );
    page.gauge(
        "crawldeck_alerts",
        "Alerts that hold now.",
        snapshot.alerts.len(),
    );
}

fn pages(sites: &Sites, page: &mut Page) {
    let name = "crawldeck_site_state";
    page.head(name, "gauge", "Which state a site is in: 1 for that one.");
    for site in sites {
        for state in STATES {
            let labels = [("site", &*site.name), ("state", state.as_str())];
            page.line(name, &labels, u8::from(site.state == state));
        }
    }
    let name = "crawldeck_pages_total";
    let help = "Finished pages; a page that is sent round again is taken out.";
    page.head(name, "counter", help);
    for site in sites {
        let pages = &site.pages;
        for (outcome, count) in [
            ("done", pages.done),
            ("failed", pages.failed),
            ("skipped", pages.skipped),
        ] {
            page.line(name, &[("site", &site.name), ("outcome", outcome)], count);
        }
    }
    page.of_each(
        sites,
        "crawldeck_queue_pages",
        "gauge",
        "Known pages that wait.",
        |site| site.pages.queued,
    );
    page.of_each(
        sites,
        "crawldeck_in_flight_pages",
        "gauge",
        "Pages that are being fetched.",
        |site| site.pages.in_flight,
    );
    page.of_each(
        sites,
        "crawldeck_bytes_total",
        "counter",
        "Bytes of body on the wire of finished pages.",
        |site| site.bytes,
    );
    page.of_each(
        sites,
        "crawldeck_records_total",
        "counter",
        "Records kept.",
        |site| site.records,
    );
}

/// Crawling again. The figures are a round's own and begin anew with the next:
/// gauges.
fn rounds(sites: &Sites, page: &mut Page) {
    let figure = |count: i64| u64::try_from(count).unwrap_or(0);
    page.of_each(
        sites,
        "crawldeck_round",
        "gauge",
        "Number of a site's last round of crawling again, from 2; 0 for none.",
        |site| figure(site.round.number),
    );
    let name = "crawldeck_round_pages";
    let help = "Pages that a site's last round of crawling again has found so.";
    page.head(name, "gauge", help);
    for site in sites {
        let round = &site.round;
        for (found, count) in [
            ("new", round.fresh),
            ("changed", round.changed),
            ("unchanged", round.unchanged),
            ("gone", round.gone),
        ] {
            let labels = [("site", &*site.name), ("found", found)];
            page.line(name, &labels, figure(count));
        }
    }
    page.of_each(
        sites,
        "crawldeck_round_spared_bytes",
        "gauge",
        "Bytes of unchanged bodies that were not sent again in that round.",
        |site| figure(site.round.spared_bytes),
    );
}

fn attempts(sites: &Sites, page: &mut Page) {
    let name = "crawldeck_attempts_total";
    page.head(name, "counter", "Attempts by class of HTTP status.");
    for site in sites {
        for (class, count) in CLASSES.iter().zip(site.classes) {
            page.line(name, &[("site", &site.name), ("class", class)], count);
        }
    }
    let name = "crawldeck_failures_total";
    page.head(name, "counter", "Attempts that failed, by kind.");
    for site in sites {
        for (kind, count) in &site.kinds {
            let labels = [("site", &*site.name), ("kind", kind.as_str())];
            page.line(name, &labels, *count);
        }
    }
    let name = "crawldeck_request_seconds";
    page.head(name, "histogram", "How long attempts took.");
    let bucket = format!("{name}_bucket");
    for site in sites {
        let mut below = 0;
        let bounds = LATENCY_BOUNDS_MS.iter().map(|ms| *ms as f64 / 1e3);
        let bounds = bounds.map(|s| s.to_string()).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(site.latency.buckets) {
            below += count;
            page.line(&bucket, &[("site", &site.name), ("le", &bound)], below);
        }
        let labels = [("site", &*site.name)];
        page.line(&format!("{name}_sum"), &labels, site.latency.sum / 1e3);
        page.line(&format!("{name}_count"), &labels, below);
    }
}

fn workers(sites: &Sites, page: &mut Page) {
    let name = "crawldeck_workers";
    page.head(name, "gauge", "Workers by what they are at.");
    for site in sites {
        let mut counts = [("fetching", 0u32), ("idle", 0), ("paused", 0)];
        for worker in &site.workers {
            match worker.doing {
                Doing::Fetching(_) => counts[0].1 += 1,
                Doing::Idle => counts[1].1 += 1,
                Doing::Paused => counts[2].1 += 1,
                Doing::Gone => {}
            }
        }
        for (state, count) in counts {
            page.line(name, &[("site", &site.name), ("state", state)], count);
        }
    }
    page.of_each(
        sites,
        "crawldeck_workers_wanted",
        "gauge",
        "Workers that are set.",
        |site| u64::from(site.controls.concurrency),
    );
}

/// The ladder: a line a site and rung.
fn rungs(sites: &Sites, page: &mut Page) {
    type Figure = fn(&SiteView, &RungView) -> f64;
    let figures: [(&str, &str, &str, Figure); 8] = [
        (
            "crawldeck_rung_attempts_total",
            "counter",
            "Attempts by a rung.",
            |_, rung| rung.attempts as f64,
        ),
        (
            "crawldeck_rung_pages_total",
            "counter",
            "Attempts by a rung that had their page.",
            |_, rung| rung.had as f64,
        ),
        (
            "crawldeck_rung_climbs_total",
            "counter",
            "Pages that went on from a rung to a higher one.",
            |_, rung| rung.climbed as f64,
        ),
        (
            "crawldeck_rung_in_flight",
            "gauge",
            "Requests of a rung in flight.",
            |site, rung| site.in_flight(rung.rung) as f64,
        ),
        (
            "crawldeck_rung_concurrency",
            "gauge",
            "Requests at a time that are set of a rung.",
            |site, rung| f64::from(site.controls.pace(rung.rung).0),
        ),
        (
            "crawldeck_rung_open",
            "gauge",
            "Whether a rung takes pages: not paused, down or without budget.",
            |_, rung| f64::from(u8::from(rung.state == RungState::Open)),
        ),
        (
            "crawldeck_rung_requests_spent",
            "gauge",
            "Requests of a rung in all runs.",
            |_, rung| rung.spent.requests as f64,
        ),
        (
            "crawldeck_rung_money_spent",
            "gauge",
            "Money that a rung has spent in all runs.",
            |_, rung| rung.spent.money as f64 / 1e6,
        ),
    ];
    for (name, kind, help, figure) in figures {
        page.head(name, kind, help);
        for site in sites {
            for rung in &site.rungs {
                let labels = [("site", &*site.name), ("rung", rung.rung.as_str())];
                page.line(name, &labels, figure(site, rung));
            }
        }
    }
    let name = "crawldeck_rung_failures_total";
    page.head(name, "counter", "Attempts by a rung that failed, by kind.");
    for site in sites {
        for rung in &site.rungs {
            for (kind, count) in &rung.kinds {
                let labels = [
                    ("site", &*site.name),
                    ("rung", rung.rung.as_str()),
                    ("kind", kind.as_str()),
                ];
                page.line(name, &labels, *count);
            }
        }
    }
    let name = "crawldeck_rung_request_seconds";
    page.head(
        name,
        "gauge",
        "How long attempts by a rung took, by quantile.",
    );
    for site in sites {
        for rung in &site.rungs {
            for (quantile, ms) in [("0.5", rung.p50), ("0.95", rung.p95)] {
                let labels = [
                    ("site", &*site.name),
                    ("rung", rung.rung.as_str()),
                    ("quantile", quantile),
                ];
                page.line(name, &labels, ms / 1e3);
            }
        }
    }
}

/// The exits of each rule, labelled by the first site and rung that go by them.
fn exits(snapshot: &Snapshot, page: &mut Page) {
    let pools = || {
        let known = snapshot.exits.iter().filter_map(|pool| {
            let (site, rung) = pool.of.first()?;
            let site = snapshot.sites.get(site.index())?;
            Some((&*site.name, rung.as_str(), &pool.exits))
        });
        known.collect::<Vec<_>>()
    };
    let pools = pools();
    if pools.is_empty() {
        return;
    }
    let name = "crawldeck_exits";
    page.head(name, "gauge", "Exits by how they are.");
    for (site, rung, known) in &pools {
        let counts = &known.counts;
        for (state, count) in [
            ("all", counts.all),
            ("in_use", counts.in_use),
            ("resting", counts.resting),
            ("refused", counts.refused),
        ] {
            let labels = [("site", *site), ("rung", *rung), ("state", state)];
            page.line(name, &labels, count);
        }
    }
    type Figure = fn(&Exit) -> u64;
    let figures: [(&str, &str, Figure); 3] = [
        (
            "crawldeck_exit_requests_total",
            "Requests by an exit, of those that did most or are ill.",
            Exit::requests,
        ),
        (
            "crawldeck_exit_failures_total",
            "Requests by an exit that got no answer.",
            |exit| exit.failed,
        ),
        (
            "crawldeck_exit_blocks_total",
            "Answers by an exit that were blocks.",
            |exit| exit.blocked,
        ),
    ];
    for (name, help, figure) in figures {
        page.head(name, "counter", help);
        for (site, rung, known) in &pools {
            for exit in &known.rows {
                let labels = [("site", *site), ("rung", *rung), ("exit", &*exit.name)];
                page.line(name, &labels, figure(exit));
            }
        }
    }
}

fn engine(snapshot: &Snapshot, page: &mut Page) {
    let health = &snapshot.health;
    let vitals = &health.vitals;
    page.gauge(
        "crawldeck_event_loop_lag_seconds",
        "How late the event loop last was.",
        vitals.lag.as_secs_f64(),
    );
    page.gauge(
        "crawldeck_bus_depth",
        "Events that wait for the monitor.",
        health.bus_depth,
    );
    page.gauge(
        "crawldeck_commit_seconds",
        "How long the store's last group commit took.",
        health.commit_time.as_secs_f64(),
    );
    page.gauge(
        "crawldeck_commit_worst_seconds",
        "How long the slowest group commit of the last minute took.",
        health.commit_worst.as_secs_f64(),
    );
    page.gauge(
        "crawldeck_store_stalled",
        "Whether the store cannot write.",
        u8::from(health.stalled.is_some()),
    );
    if let Some(free) = vitals.disk_free {
        let help = "Room left on the disk of the job's folder.";
        page.gauge("crawldeck_disk_free_bytes", help, free);
    }
    if vitals.memory > 0 {
        let help = "Resident memory.";
        page.gauge("process_resident_memory_bytes", help, vitals.memory);
    }
    if vitals.descriptors > 0 {
        page.gauge(
            "process_open_fds",
            "Open file descriptors.",
            vitals.descriptors,
        );
        let most = vitals.descriptors_most;
        page.gauge("process_max_fds", "How many may be open.", most);
    }
}

/// The text so far.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            self.0.push(if n == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            for c in text.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(name, &[], value);
    }

    fn of_each(
        &mut self,
        sites: &Sites,
        name: &str,
        kind: &str,
        help: &str,
        value: impl Fn(&SiteView) -> u64,
    ) {
        self.head(name, kind, help);
        for site in sites {
            self.line(name, &[("site", &site.name)], value(site));
        }
    }
}
