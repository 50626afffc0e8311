//! A site's supervisor: the one task that owns its slots, hosts and limits,
//! and decides what is fetched next and when the site is over.

mod controls;
mod errands;
mod feed;

use self::errands::NESTING;
use self::feed::AHEAD_MOST;
use super::hosts::{Hosts, Next};
use super::site::{Message, SiteContext};
use super::slots::{Shown, Slots};
use super::work::{Report, Work};
use super::worker;
use crate::bus::{Attempt, Doing, Event, Level, SiteState, WorkerId};
use crate::config::{Robots, Sitemap};
use crate::page::{FailureKind, Fingerprint, Outcome, SkipReason, time};
use crate::store::{Lease, Leased, NewUrl, Pending, SavedSite, Via};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the store last said of the queue.
enum Queue {
    /// It may have pages: ask.
    Ask,
    /// Nothing now; a retry falls due then (ms since the epoch).
    Wait(Option<u64>),
    /// Nothing at all.
    Drained,
}

/// What a supervisor starts from.
pub struct Begin {
    /// Its site's saved state and controls, resumed or fresh.
    pub saved: SavedSite,
    /// Pages done and failed in earlier runs.
    pub over: u64,
    /// Pages done in earlier runs.
    pub done: u64,
    /// Whether the site's document changed since the last run.
    pub changed: bool,
}

/// The supervisor.
pub struct Supervisor {
    site: Arc<SiteContext>,
    inbox: mpsc::Receiver<Message>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    slots: Slots,
    hosts: Hosts,
    delay: Duration,
    queue: Queue,
    lease: Option<Pending<'static, Lease>>,
    /// Pages that may still be started; `None` is no limit.
    budget: Option<u64>,
    sitemaps_open: usize,
    sitemaps_seen: HashSet<Fingerprint>,
    saved: SavedSite,
    done_before: u64,
    rescope: bool,
    stopping: bool,
    state: SiteState,
    trouble: Option<Arc<str>>,
    /// Whether `saved` has changed since it was last handed to the store.
    unsaved: bool,
    saving: Option<Pending<'static, ()>>,
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
        let obey = site.config.fetch.robots == Robots::Obey;
        let budget = site.config.limits.pages;
        Self {
            inbox,
            tasks,
            cancel,
            slots: Slots::new(begin.saved.controls.concurrency, begin.saved.paused),
            hosts: Hosts::new(obey),
            delay: begin.saved.controls.delay,
            queue: Queue::Ask,
            lease: None,
            budget: budget.map(|most| most.saturating_sub(begin.over)),
            sitemaps_open: 0,
            sitemaps_seen: HashSet::new(),
            saved: begin.saved,
            done_before: begin.done,
            rescope: begin.changed,
            stopping: false,
            state: SiteState::Starting,
            trouble: None,
            unsaved: false,
            saving: None,
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
            let saved = !self.unsaved && self.saving.is_none();
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
                () = progress.notified() => self.queue = Queue::Ask,
                () = site.settled.notified() => {}
                () = tokio::time::sleep_until(sleep) => {}
            }
        }
    }

    async fn begin(&mut self) {
        let site = self.site.clone();
        let now = Instant::now();
        self.tell_controls().await;
        self.enter(SiteState::Starting, None).await;
        let starts = site.config.start.iter().map(|url| NewUrl {
            print: site.linker.print(url.as_str()),
            url: url.as_str().into(),
            depth: 0,
            hops: 0,
            via: Via::Start,
        });
        site.store.add(site.id, starts.collect()).await;
        if !self.saved.sitemaps_done {
            match &site.config.discover.sitemap {
                Sitemap::Off => self.saved.sitemaps_done = true,
                Sitemap::List(urls) => {
                    for url in urls {
                        self.add_sitemap(url.clone(), 0, true, now);
                    }
                }
                Sitemap::Auto if site.config.fetch.robots == Robots::Obey => {
                    // robots.txt comes first; it may name them.
                    for url in &site.config.start {
                        self.hosts.ask_robots(url, now);
                    }
                }
                Sitemap::Auto => self.add_default_sitemaps(now),
            }
        }
        if self.slots.is_paused() {
            self.enter(SiteState::Paused, None).await;
        }
    }

    /// Does everything that can be done now. Answers when to look again at the
    /// latest, if that is known.
    async fn step(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let wake = if self.stopping {
            None
        } else {
            self.ask_for_pages();
            self.assign(now).await
        };
        self.show_slots().await;
        self.conclude().await;
        self.save();
        let due = match self.queue {
            Queue::Wait(Some(due)) if self.lease.is_none() => {
                Some(now + Duration::from_millis(due.saturating_sub(time::now_ms()).max(1)))
            }
            _ => None,
        };
        match (wake, due) {
            (Some(wake), Some(due)) => Some(wake.min(due)),
            (wake, due) => wake.or(due),
        }
    }

    /// Commits the end of a page that is not fetched, without waiting for the
    /// store: the supervisor must hear the operator even while the disk is full.
    fn end(&self, leased: &Leased, outcome: Outcome, why: Option<&str>) {
        let mut commit = self.site.commit(leased, outcome);
        if let (Outcome::Failed(kind), Some(why)) = (outcome, why) {
            commit.attempt = Some(Attempt {
                at: time::now_ms(),
                rung: crate::config::Rung::Http.as_str().into(),
                status: None,
                kind: Some(kind),
                elapsed_ms: 0,
                bytes: 0,
                detail: why.to_owned(),
            });
        }
        let site = self.site.clone();
        self.tasks
            .spawn(async move { site.store.commit(commit).await });
    }

    /// Hands waiting work to free slots. Answers when more may be ready.
    async fn assign(&mut self, now: Instant) -> Option<Instant> {
        while let Some(worker) = self.slots.free() {
            match self.hosts.next(now) {
                Next::Nothing(wake) => return wake,
                Next::Forbidden(leased) => {
                    self.trouble.get_or_insert_with(|| {
                        format!("{}: robots.txt forbids it", leased.url).into()
                    });
                    self.end(&leased, Outcome::Skipped(SkipReason::Robots), None);
                }
                Next::Unreachable(leased, why) => {
                    self.trouble.get_or_insert_with(|| why.clone());
                    self.end(&leased, Outcome::Failed(FailureKind::Robots), Some(&why));
                }
                Next::Work(origin, work) => self.employ(worker, origin, work, now).await,
            }
        }
        None
    }

    async fn employ(&mut self, worker: WorkerId, origin: Arc<str>, work: Work, now: Instant) {
        if self.state != SiteState::Running && !self.slots.is_paused() {
            self.enter(SiteState::Running, None).await;
        }
        if let Some(host) = self.hosts.get(&origin) {
            host.started(now, self.delay);
        }
        let url: Arc<str> = match &work {
            Work::Page(page) => {
                if let Some(budget) = &mut self.budget {
                    *budget = budget.saturating_sub(1);
                }
                page.leased.url.as_ref().into()
            }
            Work::Errand(errand) => errand.url.as_str().into(),
        };
        self.site
            .tell(Event::Worker {
                site: self.site.id,
                worker,
                doing: Doing::Fetching(url),
            })
            .await;
        let site = &self.site;
        let (tasks, cancel) = (&self.tasks, &self.cancel);
        if let Some(task) = self.slots.task(worker) {
            let sender = task.get_or_insert_with(|| {
                let (sender, inbox) = mpsc::channel(1);
                tasks.spawn(worker::run(site.clone(), worker, inbox, cancel.clone()));
                sender
            });
            // The channel has room for the one piece that a free slot gets; it
            // is closed only when all is cancelled.
            let _ = sender.try_send((origin, work));
        }
        self.slots.employ(worker);
    }

    async fn hear(&mut self, message: Message) {
        match message {
            Message::Report(report) => self.hear_report(report).await,
            Message::SitemapRead { more, nesting } => {
                let now = Instant::now();
                if nesting <= NESTING {
                    for url in more {
                        self.add_sitemap(url, nesting, true, now);
                    }
                }
                self.queue = Queue::Ask;
                self.sitemap_closed().await;
            }
            Message::Control(control) => self.hear_control(control).await,
        }
    }

    async fn hear_report(&mut self, report: Report) {
        let now = Instant::now();
        self.slots.dismiss(report.worker);
        if let Some(why) = report.why {
            self.trouble.get_or_insert_with(|| why.into());
        }
        if report.again
            && let Some(budget) = &mut self.budget
        {
            *budget += 1;
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

    /// Looks whether the site is over, and says so.
    async fn conclude(&mut self) {
        if self.state.is_over() || self.slots.busy() > 0 {
            return;
        }
        let digesting = self.site.digesting.load(Ordering::Acquire) > 0;
        if self.stopping {
            if !digesting {
                self.over_with(SiteState::Stopped, None).await;
            }
            return;
        }
        if digesting || self.sitemaps_open > 0 || self.hosts.has_errands() || self.lease.is_some() {
            return;
        }
        if self.budget == Some(0) {
            let most = self.site.config.limits.pages.unwrap_or_default();
            let why = format!("limits.pages {most} reached");
            self.over_with(SiteState::Finished, Some(why.into())).await;
        } else if matches!(self.queue, Queue::Drained) && self.hosts.waiting() == 0 {
            let done = self.done_before + self.site.done.load(Ordering::Relaxed);
            if done == 0 {
                let why = self
                    .trouble
                    .clone()
                    .unwrap_or_else(|| "no start page could be had".into());
                self.over_with(SiteState::Failed, Some(why)).await;
            } else {
                self.over_with(SiteState::Finished, None).await;
            }
        } else if let Some(host) = self.hosts.given_up() {
            let more = matches!(self.queue, Queue::Ask) && self.hosts.waiting() < AHEAD_MOST / 2;
            if !more {
                let why = format!("{host} does not answer; its pages stay queued");
                self.over_with(SiteState::Failed, Some(why.into())).await;
            }
        }
    }

    async fn over_with(&mut self, state: SiteState, why: Option<Arc<str>>) {
        let level = match state {
            SiteState::Failed => Level::Error,
            _ => Level::Info,
        };
        let reason = why
            .as_deref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        self.site
            .say(level, format!("{}{reason}", state.as_str()))
            .await;
        self.enter(state, why).await;
    }

    /// Changes the state, tells the monitor, and saves it.
    async fn enter(&mut self, state: SiteState, why: Option<Arc<str>>) {
        let was_over = self.state.is_over();
        self.state = state;
        self.saved.state = state;
        self.saved.why = why.clone();
        self.unsaved = true;
        self.site
            .tell(Event::Site {
                site: self.site.id,
                state,
                why,
            })
            .await;
        match (was_over, state.is_over()) {
            (false, true) => self.over.send_modify(|sites| *sites += 1),
            (true, false) => self.over.send_modify(|sites| *sites -= 1),
            _ => {}
        }
    }

    /// Hands what is unsaved to the store, one save at a time and without
    /// waiting: the operator must be heard even while the disk is full.
    fn save(&mut self) {
        if self.unsaved && self.saving.is_none() {
            self.unsaved = false;
            let site = self.site.clone();
            let saved = self.saved.clone();
            self.saving = Some(Box::pin(async move {
                site.store.save_site(site.id, saved).await;
            }));
        }
    }

    async fn tell_controls(&mut self) {
        self.site
            .tell(Event::Controls {
                site: self.site.id,
                controls: self.saved.controls.clone(),
                why: None,
            })
            .await;
    }

    async fn show_slots(&mut self) {
        let mut changed = Vec::new();
        self.slots
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
