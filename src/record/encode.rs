//! Pictures to frames.

use super::exits;
use super::rows::{
    DISK_STEP, JOB_STATES, LEVELS, MEMORY_STEP, Put, STATES, STEADY, SUM_STEP, Words, micros,
    number_of, tenths, whole_micros,
};
use super::wire::{put, put_row, put_text};
use crate::bus::{Doing, Notice, RungState};
use crate::monitor::{RungView, SiteView, Snapshot, Throughput};
use crate::page::FailureKind;
use std::sync::Arc;
use std::time::Duration;

/// Notices that a whole picture holds.
const NOTICES: usize = 60;
/// Slots for the seconds of a site's history.
pub const SLOTS: usize = Snapshot::SECONDS;

/// A site as the frame before had it.
#[derive(Debug, Default)]
struct Last {
    view: Option<Arc<SiteView>>,
    row: Vec<u64>,
    history: History,
}

/// Pages by second as the frame before had them, in a ring of slots.
#[derive(Debug, Default)]
struct History {
    pages: Arc<[u32]>,
    /// The slot of the newest second.
    head: usize,
}

impl History {
    /// Takes the next history, which has moved on by the fewest seconds that
    /// make the old one fit, so that a frame changes few slots.
    fn follow(&mut self, history: &Arc<[u32]>) {
        let old = &self.pages[..];
        let fits = |by: &usize| {
            let dropped = (old.len() + by).saturating_sub(history.len());
            old.get(dropped..)
                .is_some_and(|old| history.starts_with(old) && old.len() + by == history.len())
        };
        let by = (0..=history.len()).find(fits).unwrap_or(history.len());
        self.head = (self.head + by) % SLOTS;
        self.pages = history.clone();
    }
}

/// Makes frames, each from the one before.
#[derive(Debug, Default)]
pub struct Encoder {
    words: Words,
    job: Vec<u64>,
    history: History,
    sites: Vec<Last>,
    notices_total: Option<u64>,
}

impl Encoder {
    /// Texts known in this block.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// The next frame of the block; the first is a whole picture.
    pub fn frame(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let mut rows = Vec::new();
        self.job_row(snapshot, &mut rows);
        put(&mut rows, snapshot.sites.len() as u64);
        self.sites.resize_with(snapshot.sites.len(), Last::default);
        for (site, last) in snapshot.sites.iter().zip(&mut self.sites) {
            if last
                .view
                .as_ref()
                .is_some_and(|view| Arc::ptr_eq(view, site))
            {
                put(&mut rows, 0);
                continue;
            }
            last.history.follow(&site.throughput.history);
            let mut row = Put {
                row: Vec::with_capacity(last.row.len()),
                words: &mut self.words,
                at: snapshot.at,
                elapsed: snapshot.elapsed,
            };
            site_row(&mut row, site, last.history.head);
            let row = row.row;
            put_row(&mut rows, &last.row, &row);
            last.row = row;
            last.view = Some(site.clone());
        }
        let mut frame = Vec::with_capacity(rows.len() + 16);
        put(&mut frame, millis(snapshot.elapsed));
        put(&mut frame, self.words.fresh.len() as u64);
        for word in self.words.fresh.drain(..) {
            put_text(&mut frame, &word);
        }
        frame.extend_from_slice(&rows);
        self.put_notices(&mut frame, snapshot);
        frame
    }

    fn job_row(&mut self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        let mut row = Put {
            row: Vec::with_capacity(self.job.len()),
            words: &mut self.words,
            at: snapshot.at,
            elapsed: snapshot.elapsed,
        };
        row.n(snapshot.number);
        row.n(number_of(&JOB_STATES, &snapshot.state));
        let throughput = &snapshot.totals.throughput;
        self.history.follow(&throughput.history);
        rates(&mut row, throughput, self.history.head);
        let health = &snapshot.health;
        row.n(whole_micros(health.vitals.lag) / 100);
        row.n(health.vitals.memory / MEMORY_STEP);
        row.n(u64::from(health.vitals.descriptors));
        row.n(u64::from(health.vitals.descriptors_most));
        row.opt(health.vitals.disk_free.map(|free| free / DISK_STEP));
        row.n(whole_micros(health.commit_time) / 100);
        row.n(whole_micros(health.commit_worst) / 100);
        row.n(health.bus_depth as u64);
        row.opt_text(health.stalled.as_ref());
        row.n(snapshot.alerts.len() as u64);
        for alert in snapshot.alerts.iter() {
            row.n(alert.id);
            row.opt(alert.site.map(|site| u64::from(site.0)));
            row.n(number_of(&LEVELS, &alert.level));
            row.text(&alert.text);
            row.moment(alert.since);
            row.flag(alert.bell);
            row.flag(alert.notify);
        }
        // What older recordings lack stands behind all that they have.
        exits::put(&mut row, &snapshot.exits);
        let row = row.row;
        put_row(out, &self.job, &row);
        self.job = row;
    }

    /// The notices since the frame before; in a whole picture the last ones.
    fn put_notices(&mut self, frame: &mut Vec<u8>, snapshot: &Snapshot) {
        let kept = &snapshot.notices;
        let fresh = match self.notices_total {
            Some(before) => snapshot.notices_total.saturating_sub(before),
            None => NOTICES as u64,
        };
        let fresh = usize::try_from(fresh).unwrap_or(usize::MAX).min(kept.len());
        put(frame, snapshot.notices_total);
        put(frame, fresh as u64);
        for notice in &kept[kept.len() - fresh..] {
            put_notice(frame, notice);
        }
        self.notices_total = Some(snapshot.notices_total);
    }
}

fn put_notice(frame: &mut Vec<u8>, notice: &Notice) {
    put(frame, notice.at);
    put(frame, number_of(&LEVELS, &notice.level));
    put(frame, notice.site.map_or(0, |site| u64::from(site.0) + 1));
    put_text(frame, &notice.text);
}

fn site_row(row: &mut Put<'_>, site: &SiteView, head: usize) {
    row.text(&site.name);
    row.text(&site.start);
    row.n(number_of(&STATES, &site.state));
    row.opt_text(site.why.as_ref());
    let pages = &site.pages;
    for count in [
        pages.done,
        pages.failed,
        pages.skipped,
        // Those in flight follow from the workers.
        pages.queued + pages.in_flight,
        site.records,
        site.bytes,
    ] {
        row.n(count);
    }
    row.row.extend(site.classes);
    let mut kinds = [0; FailureKind::ALL.len()];
    for (kind, count) in &site.kinds {
        if let Some(place) = FailureKind::ALL.iter().position(|known| known == kind) {
            kinds[place] = *count;
        }
    }
    row.row.extend(kinds);
    rates(row, &site.throughput, head);
    let latency = &site.latency;
    for ms in [latency.p50, latency.p95, latency.p99, latency.max] {
        row.n(micros(ms));
    }
    row.n((latency.sum / SUM_STEP).round() as u64);
    row.row.extend(latency.buckets);
    controls(row, site);
    row.opt_text(site.moved.as_ref());
    row.opt_text(site.standing.as_ref());
    row.opt(site.eta.map(|eta| eta.as_secs()));
    row.n(site.fill.len() as u64);
    for rule in site.fill.iter() {
        row.text(&rule.record);
        row.n(rule.records);
        row.n(rule.fields.len() as u64);
        for (field, filled) in &rule.fields {
            row.text(field);
            row.n(*filled);
        }
    }
    row.n(site.resting.len() as u64);
    for (host, until) in &site.resting {
        row.text(host);
        row.moment(*until);
    }
    row.n(site.workers.len() as u64);
    for worker in &site.workers {
        row.n(u64::from(worker.id.0));
        row.n(match worker.doing {
            Doing::Idle => 0,
            Doing::Fetching(_) => 1,
            Doing::Paused => 2,
            Doing::Gone => 3,
        });
        row.second(worker.since);
    }
    let round = &site.round;
    for figure in [
        round.number,
        round.fresh,
        round.changed,
        round.unchanged,
        round.gone,
        round.spared_bytes,
    ] {
        row.n(u64::try_from(figure).unwrap_or(0));
    }
    // What older recordings lack stands behind all that they have.
    row.n(site.rungs.len() as u64);
    for rung in &site.rungs {
        rung_row(row, rung);
    }
    row.n(site.controls.rungs.len() as u64);
    for rung in &site.controls.rungs {
        row.n(rung.rung.index() as u64);
        row.flag(rung.paused);
        row.n(u64::from(rung.concurrency));
        row.n(whole_micros(rung.delay));
        row.opt(rung.budget.requests);
        row.opt(rung.budget.money);
    }
}

fn rung_row(row: &mut Put<'_>, rung: &RungView) {
    row.n(rung.rung.index() as u64);
    let (state, why) = match &rung.state {
        RungState::Open => (0, None),
        RungState::Paused => (1, None),
        RungState::Down(why) => (2, Some(why)),
        RungState::Spent => (3, None),
    };
    row.n(state);
    row.opt_text(why);
    for count in [
        rung.attempts,
        rung.had,
        rung.climbed,
        rung.spent.requests,
        rung.spent.money,
        micros(rung.p50),
        micros(rung.p95),
    ] {
        row.n(count);
    }
    row.n(rung.kinds.len() as u64);
    for (kind, count) in &rung.kinds {
        let place = FailureKind::ALL.iter().position(|known| known == kind);
        row.n(place.unwrap_or(0) as u64);
        row.n(*count);
    }
    row.n(rung.through.len() as u64);
    for (exit, count) in &rung.through {
        row.text(exit);
        row.n(*count);
    }
}

fn rates(row: &mut Put<'_>, rates: &Throughput, head: usize) {
    let history = &rates.history[..rates.history.len().min(SLOTS)];
    // What the last seconds say need not be said again.
    let young = history.len() < STEADY;
    row.n(if young { tenths(rates.pages_10s) } else { 0 });
    row.n(tenths(rates.pages_run));
    row.n(rates.bytes_10s as u64 / 1024);
    row.n(head as u64);
    row.n(history.len() as u64);
    let slots = row.row.len();
    row.row.resize(slots + SLOTS, 0);
    for (n, pages) in history.iter().rev().enumerate() {
        row.row[slots + (head + SLOTS - n) % SLOTS] = u64::from(*pages);
    }
}

fn controls(row: &mut Put<'_>, site: &SiteView) {
    let controls = &site.controls;
    row.n(u64::from(controls.concurrency));
    row.opt(controls.auto.map(|auto| u64::from(auto.min)));
    row.n(controls.auto.map_or(0, |auto| u64::from(auto.max)));
    row.n(whole_micros(controls.delay));
    row.opt(controls.max_pages);
    row.opt(controls.max_depth.map(u64::from));
    row.n(u64::from(controls.retries));
    row.flag(controls.draining);
}

/// Whole milliseconds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
