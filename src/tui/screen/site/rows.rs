//! What its tables show, and in which order.

use super::Site;
use crate::bus::{Doing, HostRow};
use crate::monitor::WorkerView;
use crate::tui::screen::sources::{self, SourceKey};
use crate::tui::state::Shared;

impl Site {
    /// The workers and hosts in the order that is asked for; the cursors know
    /// them then.
    pub fn settle(&mut self, shared: &Shared) -> (Vec<WorkerView>, Vec<HostRow>) {
        let mut workers: Vec<WorkerView> = shared
            .site(self.id)
            .map_or_else(Vec::new, |site| site.workers.clone());
        match self.workers.sorted_by() {
            Some("STATE") => workers.sort_by_key(|w| (doing_rank(&w.doing), w.id)),
            Some("FOR") => workers.sort_by_key(|w| w.since),
            Some("URL") => workers.sort_by(|a, b| url_of(a).cmp(url_of(b))),
            _ => {}
        }
        if self.workers.reverse {
            workers.reverse();
        }
        let ids = workers.iter().map(|worker| worker.id);
        self.worker.settle(0, ids, workers.len());
        let mut hosts = self.detail.hosts.clone();
        match self.hosts.sorted_by() {
            Some("HOST") => hosts.sort_by(|a, b| a.origin.cmp(&b.origin)),
            Some("WAIT") => hosts.sort_by_key(|host| std::cmp::Reverse(host.waiting)),
            Some("OPEN") => hosts.sort_by_key(|host| std::cmp::Reverse(host.in_flight)),
            Some("HELD") => hosts.sort_by(|a, b| held(a).cmp(&held(b))),
            Some("ROBOTS") => hosts.sort_by(|a, b| a.robots.cmp(&b.robots)),
            Some("REST") => hosts.sort_by_key(|host| std::cmp::Reverse(host.rest)),
            _ => {}
        }
        if self.hosts.reverse {
            hosts.reverse();
        }
        let ids = hosts.iter().map(|host| host.origin.clone());
        self.host.settle(0, ids, hosts.len());
        let shapes = self.detail.traps.iter().map(|trap| trap.shape.clone());
        self.trap.settle(0, shapes, self.detail.traps.len());
        let keys = self.source_keys();
        self.source
            .settle(0, keys.into_iter(), self.detail.sources.len());
        (workers, hosts)
    }

    /// Who its sources are, in their order.
    pub fn source_keys(&self) -> Vec<SourceKey> {
        let rows = self.detail.sources.iter();
        sources::keys(rows.map(|row| (self.id, row)))
    }
}

/// What a worker is fetching; empty for nothing.
fn url_of(worker: &WorkerView) -> &str {
    match &worker.doing {
        Doing::Fetching(url) => url,
        _ => "",
    }
}

/// Hosts that are paused or held come first.
fn held(host: &HostRow) -> (bool, bool, &str) {
    (!host.paused, host.held.is_empty(), &host.held)
}

fn doing_rank(doing: &Doing) -> u8 {
    match doing {
        Doing::Fetching(_) => 0,
        Doing::Idle => 1,
        Doing::Paused => 2,
        Doing::Gone => 3,
    }
}
