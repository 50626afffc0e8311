//! The exposition format, version 0.0.4.

use super::ladder::{exits, rungs};
use super::lines::{Page, Sites};
use crate::bus::{Doing, JobState, SiteState};
use crate::monitor::{LATENCY_BOUNDS_MS, Snapshot};

/// Status classes, in the order of [`crate::monitor::SiteView::classes`].
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
        "crawldeck_sources_failed",
        "gauge",
        "Sitemaps, lists and APIs that could not be read to their end in this run.",
        |site| site.sources_failed,
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
