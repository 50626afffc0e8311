//! A site's supervisor: the one task that owns its slots, hosts and limits,
//! and decides what is fetched next and when the site is over.

mod climb;
mod controls;
mod ending;
mod errands;
mod feed;
mod sources;

use self::errands::NESTING;
use super::auto::Auto;
use super::hosts::{Hosts, Next};
use super::ladder::Ladder;
use super::rules::Rules;
use super::site::{Message, SiteContext};
use super::slots::Shown;
use super::work::{Page, Report, Work};
use super::worker;
use crate::bus::{Attempt, Doing, Event, Reply, SiteState, WorkerId};
use crate::config::{Robots, Sitemap};
use crate::page::{FailureKind, Fingerprint, Outcome, Rung, SkipReason, time};
use crate::store::{Lease, Leased, NewUrl, Pending, SavedSite, Via};
use std::collections::HashSet;
use std::sync::Arc;
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
    sitemaps_open: usize,
    /// Sitemaps, lists and answers of APIs that are being read.
    reading: i64,
    /// Lists and APIs that are not at their end, by what each is known by.
    sources: HashSet<String>,
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
            queue: Queue::Ask,
            lease: None,
            spent: begin.over,
            auto: begin.saved.controls.now.auto.map(Auto::new),
            auto_at: Instant::now(),
            hold: Hold::No,
            forgetting: None,
            sitemaps_open: 0,
            reading: 0,
            sources: HashSet::new(),
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
                done = pending(&mut self.forgetting) => {
                    self.forgetting = None;
                    self.forgotten(done).await;
                }
                () = progress.notified() => self.queue = Queue::Ask,
                () = site.settled.notified() => {}
                () = tokio::time::sleep_until(sleep) => {}
            }
        }
    }

    async fn begin(&mut self) {
        let site = self.site.clone();
        let now = Instant::now();
        self.tell_controls(None).await;
        self.enter(SiteState::Starting, None).await;
        self.tell_ladder().await;
        let rules = site.rules();
        let starts = rules.config.start.iter().map(|url| NewUrl {
            print: site.print(url.as_str()),
            url: url.as_str().into(),
            depth: 0,
            rank: 0,
            hops: 0,
            via: Via::Start,
        });
        site.store.add(site.id, starts.collect()).await;
        site.set_importing(self.cancel.child_token());
        self.begin_sitemaps(&rules, now);
        self.begin_sources(&rules, now);
        if self.ladder.is_paused() {
            self.enter(SiteState::Paused, None).await;
        }
    }

    fn begin_sitemaps(&mut self, rules: &Rules, now: Instant) {
        if !self.saved.sitemaps_done {
            match &rules.config.discover.sitemap {
                Sitemap::Off => self.saved.sitemaps_done = true,
                Sitemap::List(urls) => {
                    for url in urls {
                        self.add_sitemap(url.clone(), 0, true, now);
                    }
                }
                Sitemap::Auto if rules.config.fetch.robots == Robots::Obey => {
                    // robots.txt comes first; it may name them.
                    for url in &rules.config.start {
                        self.hosts.ask_robots(url, now);
                    }
                }
                Sitemap::Auto => self.add_default_sitemaps(now),
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
            self.ask_for_pages();
            let wake = self.assign(now).await;
            let tuned = self.tune(now).await;
            match (wake, tuned) {
                (Some(wake), Some(tuned)) => Some(wake.min(tuned)),
                (wake, tuned) => wake.or(tuned),
            }
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
                rung: self.ladder.first().rung.as_str().into(),
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
        if self.rebuild {
            if self.ladder.busy() > 0 {
                return None;
            }
            self.rebuild = false;
            self.rebuild_ladder(now).await;
        }
        loop {
            let open = self.ladder.open(now);
            if !open.any() {
                return self.ladder.rested(now);
            }
            let (site, ladder) = (&self.site, &self.ladder);
            let begins = |page: &Page| match &page.way {
                Some(way) => {
                    let place = site.memory().place(way.family, way.host, page.leased.id);
                    ladder.begin(place)
                }
                None => page.rung,
            };
            match self.hosts.next(now, &open, &begins) {
                Next::Nothing(wake) => {
                    let rested = self.ladder.rested(now);
                    return match (wake, rested) {
                        (Some(wake), Some(rested)) => Some(wake.min(rested)),
                        (wake, rested) => wake.or(rested),
                    };
                }
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
                Next::Work(origin, rung, work) => match open.worker(rung) {
                    Some(worker) => self.employ(worker, rung, origin, work, now).await,
                    // Work is handed out for rungs with a free worker alone.
                    None => return None,
                },
            }
        }
    }

    async fn employ(
        &mut self,
        worker: WorkerId,
        rung: Rung,
        origin: Arc<str>,
        work: Work,
        now: Instant,
    ) {
        if self.state != SiteState::Running && !self.ladder.is_paused() {
            self.enter(SiteState::Running, None).await;
        }
        let delay = self
            .ladder
            .get(rung)
            .map_or(Duration::ZERO, |step| step.delay);
        if let Some(host) = self.hosts.get(&origin) {
            host.started(now, rung, delay);
        }
        let url: Arc<str> = match &work {
            Work::Page(page) => {
                self.spent += 1;
                page.leased.url.as_ref().into()
            }
            Work::Errand(errand) => errand.shown().into(),
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
        if let Some(task) = self.ladder.task(worker) {
            let sender = task.get_or_insert_with(|| {
                let (sender, inbox) = mpsc::channel(1);
                tasks.spawn(worker::run(site.clone(), worker, inbox, cancel.clone()));
                sender
            });
            // The channel has room for the one piece that a free slot gets; it
            // is closed only when all is cancelled.
            let _ = sender.try_send((origin, work));
        }
        if let Some(step) = self.ladder.of_worker(worker) {
            step.employ(worker);
        }
        self.settle(rung, now).await;
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
                // May come before the report of the worker that handed it over.
                self.reading -= 1;
                self.queue = Queue::Ask;
                self.sitemap_closed().await;
            }
            Message::SourceRead(read) => {
                self.reading -= 1;
                self.queue = Queue::Ask;
                self.source_read(read, Instant::now());
            }
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
