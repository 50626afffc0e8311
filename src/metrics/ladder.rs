//! The ladder in the exposition format: rungs and exits.

use super::lines::{Page, Sites};
use crate::bus::{Exit, RungState};
use crate::monitor::{RungView, SiteView, Snapshot};

/// The ladder: a line a site and rung.
pub(super) fn rungs(sites: &Sites, page: &mut Page) {
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
    let name = "crawldeck_rung_blocks_total";
    let help = "Answers by a rung that were blocks or need scripts, by whose block it was.";
    page.head(name, "counter", help);
    for site in sites {
        for rung in &site.rungs {
            for (whose, count) in &rung.blocks {
                let labels = [
                    ("site", &*site.name),
                    ("rung", rung.rung.as_str()),
                    ("whose", &**whose),
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
pub(super) fn exits(snapshot: &Snapshot, page: &mut Page) {
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
