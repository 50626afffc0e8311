//! A site's supervisor: the one task that owns its slots, hosts and limits,
//! and decides what is fetched next and when the site is over.

mod again;
mod assign;
mod begin;
mod climb;
mod controls;
mod ending;
mod errands;
mod failed;
mod feed;
mod learned;
mod order;
mod queue;
mod retake;
mod sources;

use super::auto::Auto;
use super::hosts::Hosts;
use super::ladder::Ladder;
use super::site::{Message, Sight, SiteContext};
use super::slots::Shown;
use super::work::Report;
use crate::bus::{Doing, Event, Reply, RuleFill, SiteState};
use crate::config::Robots;
use crate::page::{Fingerprint, Rung, time};
use crate::store::{Lease, LeftSitemap, Pending, Refresh, SavedSite, SitemapAddress};
use failed::Resend;
use queue::Queue;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why nothing may start, beside a pause.
enum Hold {
    /// Nothing holds it.
    No,
    /// The operator ends the site: what is in flight is finished.
    Finish,
    /// The operator has ended it.
    Finished,
    /// It starts over when what is in flight is finished.
    StartOver(Reply<bool>),
    /// The store forgets it.
    Forgetting(Reply<bool>),
}

/// What a supervisor starts from.
pub struct Begin {
    /// Its site's saved state and controls, resumed or fresh.
    pub saved: SavedSite,
    /// How far its APIs have been read, by what each is known by.
    pub marks: BTreeMap<String, Value>,
    /// Sitemaps that earlier runs did not read to their end.
    pub sitemaps: Vec<LeftSitemap>,
    /// Pages done and failed in earlier runs.
    pub over: u64,
    /// Pages done in earlier runs.
    pub done: u64,
    /// Whether the site's document changed since the last run.
    pub changed: bool,
    /// The round of crawling again that it stands in; 0 for none.
    pub round: i64,
    /// Whether every page that is known is to be asked again.
    pub refresh: bool,
    /// How often fields of its records were filled in earlier runs.
    pub fill: Vec<RuleFill>,
}

/// The supervisor.
pub struct Supervisor {
    site: Arc<SiteContext>,
    inbox: mpsc::Receiver<Message>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    ladder: Ladder,
    /// The ladder is exchanged when nothing is in flight any more.
    rebuild: bool,
    /// Rungs whose empty budget was told of.
    told_spent: HashSet<Rung>,
    hosts: Hosts,
    queue: Queue,
    lease: Option<Pending<'static, Lease>>,
    /// Pages started, less those that come round again: what counts against
    /// the limit of pages.
    spent: u64,
    /// Tunes the number of workers, where that is asked for.
    auto: Option<Auto>,
    /// When it is next asked.
    auto_at: Instant,
    hold: Hold,
    forgetting: Option<Pending<'static, bool>>,
    refreshing: Option<Pending<'static, Option<Refresh>>>,
    /// Whether pages wait for sitemaps that may say which have not changed.
    opening: bool,
    /// Whether pages are to be asked again from the start.
    again: bool,
    sitemaps_open: usize,
    /// Sitemaps, lists and answers of APIs that are being read.
    reading: i64,
    /// Lists and APIs that are not at their end, by what each is known by.
    sources: HashSet<String>,
    /// How far APIs are read; the store keeps that with their answers.
    marks: BTreeMap<String, Value>,
    sitemaps_seen: HashSet<Fingerprint>,
    /// Sitemaps beyond the most that are read.
    sitemaps_over: u64,
    /// Those that earlier runs did not read to their end, until they are begun.
    sitemaps_left: Vec<LeftSitemap>,
    /// Sources that failed, by what each is known by; with the places of sitemaps.
    failed: HashMap<String, Option<SitemapAddress>>,
    resend: Resend,
    /// How many of them the monitor was told of.
    told_failed: u64,
    saved: SavedSite,
    done_before: u64,
    rescope: bool,
    stopping: bool,
    state: SiteState,
    trouble: Option<Arc<str>>,
    /// Whether `saved` has changed since it was last handed to the store.
    unsaved: bool,
    saving: Option<Pending<'static, ()>>,
    /// When what the ladder has learned may next be saved.
    learned_at: Instant,
    /// How often fields were filled in earlier runs.
    fill: Vec<RuleFill>,
    /// Numbers the requests whose price was set aside.
    reserved: u64,
    /// Up to which number that is durable.
    durable: Arc<watch::Sender<u64>>,
    /// Sites of the job that are over, this one among them or not.
    over: Arc<watch::Sender<usize>>,
}

impl Supervisor {
    /// A supervisor, not yet at work. `over` counts the sites that have come to
    /// an end.
    pub fn new(
        site: Arc<SiteContext>,
        inbox: mpsc::Receiver<Message>,
        begin: Begin,
        tasks: TaskTracker,
        cancel: CancellationToken,
        over: Arc<watch::Sender<usize>>,
    ) -> Self {
        let obey = site.rules().config.fetch.robots == Robots::Obey;
        let mut hosts = Hosts::new(obey);
        for host in &begin.saved.controls.paused_hosts {
            hosts.pause(host, true);
        }
        Self {
            inbox,
            tasks,
            cancel,
            ladder: Ladder::new(
                &site.ladder(),
                &begin.saved.controls.now,
                &begin.saved.controls.spent,
                begin.saved.paused,
            ),
            rebuild: false,
            told_spent: HashSet::new(),
            hosts,
            queue: Queue::new(),
            lease: None,
            spent: begin.over,
            auto: begin.saved.controls.now.auto.map(Auto::new),
            auto_at: Instant::now(),
            hold: Hold::No,
            forgetting: None,
            refreshing: None,
            opening: begin.round > 0 && !begin.saved.sitemaps_done,
            again: begin.refresh,
            sitemaps_open: 0,
            reading: 0,
            sources: HashSet::new(),
            marks: begin.marks,
            sitemaps_seen: HashSet::new(),
            sitemaps_over: 0,
            sitemaps_left: begin.sitemaps,
            failed: HashMap::new(),
            resend: Resend::default(),
            told_failed: 0,
            saved: begin.saved,
            done_before: begin.done,
            // Pages that were skipped by a rule are among those asked again.
            rescope: begin.changed || begin.round > 0,
            stopping: false,
            state: SiteState::Starting,
            trouble: None,
            unsaved: false,
            saving: None,
            learned_at: Instant::now(),
            fill: begin.fill,
            reserved: 0,
            durable: Arc::new(watch::Sender::new(0)),
            over,
            site,
        }
    }

    /// Runs the site until the job is cancelled or told to stop. Answers its
    /// last state.
    pub async fn run(mut self) -> SiteState {
        self.begin().await;
        let site = self.site.clone();
        let progress = site.store.progress(site.id);
        loop {
            let wake = self.step().await;
            let kept = self.learned_due(Instant::now()).is_none();
            let saved = !self.unsaved && self.saving.is_none() && kept;
            if self.stopping && self.state.is_over() && saved {
                return self.state;
            }
            let sleep = wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => {
                    return if self.state.is_over() { self.state } else { SiteState::Stopped };
                }
                lease = pending(&mut self.lease) => {
                    self.lease = None;
                    self.leased(lease).await;
                }
                message = self.inbox.recv() => {
                    // The site's own context holds a sender: the inbox never closes.
                    if let Some(message) = message {
                        self.hear(message).await;
                        while let Ok(message) = self.inbox.try_recv() {
                            self.hear(message).await;
                        }
                    }
                }
                () = pending(&mut self.saving) => self.saving = None,
                done = pending(&mut self.forgetting) => {
                    self.forgetting = None;
                    self.forgotten(done).await;
                }
                told = pending(&mut self.refreshing) => {
                    self.refreshing = None;
                    self.refreshed(told).await;
                }
                begun = pending(&mut self.resend.told) => self.resent(begun),
                () = progress.notified() => self.queue.stir(),
                () = site.settled.notified() => {}
                () = tokio::time::sleep_until(sleep) => {}
            }
        }
    }

    /// Does everything that can be done now. Answers when to look again at the
    /// latest, if that is known.
    async fn step(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let wake = if self.stopping || !matches!(self.hold, Hold::No) {
            None
        } else {
            // What waits after this cannot begin yet.
            let wake = self.assign(now).await;
            self.ask_for_pages();
            let tuned = self.tune(now).await;
            match (wake, tuned) {
                (Some(wake), Some(tuned)) => Some(wake.min(tuned)),
                (wake, tuned) => wake.or(tuned),
            }
        };
        self.show_slots().await;
        self.tell_sources().await;
        self.conclude().await;
        self.save();
        let due = self.queue.due_in(time::now_ms());
        let due = due.filter(|_| self.lease.is_none()).map(|due| now + due);
        let learned = self.learned_due(now).filter(|_| self.saving.is_none());
        [wake, due, learned].into_iter().flatten().min()
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Report(report) => self.hear_report(report).await,
            Message::SitemapRead {
                source,
                failed,
                more,
                nesting,
            } => {
                self.source_ended(source.key, source.place, failed);
                self.sitemap_read(more, nesting, Instant::now()).await;
            }
            Message::SourceRead(read) => {
                self.reading -= 1;
                self.queue.stir();
                self.source_read(read, Instant::now());
            }
            Message::Learned => self.rank_head(),
            Message::Sight(sight) => self.hear_sight(&sight).await,
            Message::Retake(pages) => self.retake(pages),
            Message::Retaken(pages) => self.retaken(pages).await,
            Message::Climb(climb) => self.climb_late(*climb).await,
            Message::Control(control) => self.hear_control(control).await,
        }
    }

    async fn hear_report(&mut self, mut report: Report) {
        let now = Instant::now();
        let first = self.ladder.first().rung;
        let rung = self.ladder.of_worker(report.worker).map(|step| {
            step.dismiss(report.worker, report.cost);
            if report.climb.is_none() && report.trouble.is_none() {
                step.fine();
            }
            step.rung
        });
        if let Some(rung) = rung {
            self.settle(rung, now).await;
        }
        if let Some(climb) = report.climb.take()
            && self.climb(*climb, now).await
        {
            // A page that goes on says nothing against its host.
            report.again = true;
            report.why = None;
            report.health = Some(super::host::Health::Fine);
        }
        if let Some((trouble, took)) = report.trouble {
            self.trouble_with(first, trouble, took, now).await;
        }
        if let Some(why) = report.why {
            self.trouble.get_or_insert_with(|| why.into());
        }
        if report.again {
            self.spent = self.spent.saturating_sub(1);
        }
        if let (Some(auto), Some((elapsed, status, kind))) = (&mut self.auto, report.sample)
            && rung == Some(first)
        {
            auto.note(elapsed, status, kind);
        }
        if let Some(host) = self.hosts.get(&report.origin) {
            if let Some(wait) = report.hold {
                host.hold(now, wait);
            }
            let rest = match report.health {
                Some(health) => host.ended(now, report.page, health),
                None => host.ended(now, None, super::host::Health::Fine),
            };
            if rest.is_some() || report.hold.is_some() {
                let rest = rest.max(report.hold);
                let host = host.origin.clone();
                let site = self.site.id;
                self.site.tell(Event::HostRest { site, host, rest }).await;
            }
        }
        if let Some(result) = report.errand {
            self.hear_errand(&report.origin, result, now).await;
        }
    }

    /// What a body has shown of its host, after its answer counted as fine.
    async fn hear_sight(&mut self, sight: &Sight) {
        let Some(host) = self.hosts.get(&sight.origin) else {
            return;
        };
        if !sight.blocked {
            return host.passed();
        }
        if let Some(rest) = host.blocked(Instant::now(), sight.page) {
            let (site, host) = (self.site.id, host.origin.clone());
            let rest = Some(rest);
            self.site.tell(Event::HostRest { site, host, rest }).await;
        }
    }

    async fn show_slots(&mut self) {
        let mut changed = Vec::new();
        self.ladder
            .changes(|worker, shown| changed.push((worker, shown)));
        for (worker, shown) in changed {
            let doing = match shown {
                Shown::Paused => Doing::Paused,
                Shown::Gone => Doing::Gone,
                Shown::Idle | Shown::Busy => Doing::Idle,
            };
            self.site
                .tell(Event::Worker {
                    site: self.site.id,
                    worker,
                    doing,
                })
                .await;
        }
    }
}

/// Awaits what was asked of the store, if anything was; for ever if not.
async fn pending<T>(asked: &mut Option<Pending<'static, T>>) -> T {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}
