//! What the operator wants of a site.

use super::{Hold, Supervisor};
use crate::bus::{Origin, Reply, SiteControls, SiteDetail, SiteState, TrapRow};
use crate::config::RecordRule;
use crate::engine::auto::Auto;
use crate::engine::host::RobotsState;
use crate::engine::site::Control;
use crate::engine::tuned;
use crate::page::{Outcome, Rung, SkipReason};
use crate::store::JournalEntry;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::{Position, Url};

/// Between two looks of a site that tunes itself.
const TUNE: Duration = Duration::from_secs(1);
/// Traps told of at most.
const TRAPS: usize = 200;
/// Hosts told of at most.
const HOSTS: usize = 200;

impl Supervisor {
    pub(super) async fn hear_control(&mut self, control: Control) {
        let now = Instant::now();
        match control {
            Control::Pause(paused) => self.pause(paused).await,
            Control::PauseWorker(worker, paused, reply) => {
                let step = self.ladder.of_worker(worker);
                reply.send(step.is_some_and(|step| step.slots.pause_one(worker, paused)));
            }
            Control::PauseHost(host, paused) => {
                self.hosts.pause(&host, paused);
                self.save_paused_hosts();
            }
            Control::Controls => self.control(now).await,
            Control::Mend(rung) => self.mend(rung).await,
            Control::Ladder => self.rebuild = true,
            Control::Rules => self.judge_again(now),
            Control::Reloaded {
                start,
                sitemaps,
                order,
            } => {
                if order {
                    self.rank_all();
                }
                self.reloaded(start, sitemaps, now).await;
            }
            Control::Reopen => {
                if matches!(self.hold, Hold::Finished) {
                    self.hold = Hold::No;
                    self.queue.stir();
                    self.begin_sources(&self.site.rules(), now);
                }
            }
            Control::Requeued(pages) => self.requeued(pages, now),
            Control::SourcesAgain(name, reply) => {
                reply.send(self.ask_again(name.as_deref(), now).await);
            }
            Control::Finish => {
                self.site.importing().cancel();
                if !self.state.is_over() {
                    self.hold = Hold::Finish;
                }
            }
            Control::Refresh => self.refresh().await,
            Control::StartOver { taken, done: reply } => {
                self.site.importing().cancel();
                // A second one before the first is done adds nothing.
                match self.hold {
                    Hold::StartOver(_) | Hold::Forgetting(_) => reply.send(false),
                    _ => self.hold = Hold::StartOver(reply),
                }
                if self.state.is_over() {
                    self.enter(SiteState::Starting, None).await;
                }
                // Only now: from here on the run does not end without it.
                taken.send(());
            }
            Control::Lifted(shape, true) => {
                self.saved.controls.lifted.insert(shape);
                self.unsaved = true;
            }
            Control::Lifted(shape, false) => {
                self.saved.controls.lifted.remove(&shape);
                self.unsaved = true;
            }
            Control::Tell(reply) => self.tell_detail(reply, now),
            Control::Robots(url, reply) => reply.send(self.robots_words(&url)),
            Control::Stop => {
                self.site.importing().cancel();
                self.stopping = true;
                if !self.state.is_over() {
                    self.enter(SiteState::Stopping, None).await;
                }
            }
        }
    }

    async fn pause(&mut self, paused: bool) {
        self.ladder.pause_all(paused);
        if !paused {
            self.hosts.resume_all();
            self.save_paused_hosts();
            if matches!(self.hold, Hold::Finish) {
                self.hold = Hold::No;
            }
        }
        self.saved.paused = paused;
        self.unsaved = true;
        if !self.state.is_over() && self.state != SiteState::Stopping {
            let state = if paused {
                SiteState::Paused
            } else {
                SiteState::Running
            };
            self.enter(state, None).await;
        }
    }

    fn save_paused_hosts(&mut self) {
        self.saved.controls.paused_hosts = self.hosts.paused().cloned().collect();
        self.unsaved = true;
    }

    /// Takes over controls that the director has set.
    async fn control(&mut self, now: Instant) {
        let wanted: SiteControls = self.site.controls().clone();
        let had = std::mem::replace(&mut self.saved.controls.now, wanted.clone());
        self.set_rungs(&wanted).await;
        if wanted.auto != had.auto {
            self.auto = wanted.auto.map(Auto::new);
            self.auto_at = now + TUNE;
        }
        if wanted.max_pages != had.max_pages {
            self.queue.stir();
        }
        self.unsaved = true;
        self.tell_controls(None).await;
    }

    /// Puts the rungs under their controls.
    async fn set_rungs(&mut self, wanted: &SiteControls) {
        let mut changed = Vec::new();
        for (place, step) in self.ladder.steps_mut().iter_mut().enumerate() {
            let (concurrency, delay) = match place {
                0 => (wanted.concurrency, wanted.delay),
                _ => wanted.pace(step.rung),
            };
            step.slots.set_limit(concurrency);
            step.delay = delay;
            let known = wanted.rungs.iter().find(|known| known.rung == step.rung);
            let was = step.state();
            // Plain HTTP alone without a budget has nothing set.
            (step.paused, step.budget) =
                known.map_or_else(Default::default, |known| (known.paused, known.budget));
            if step.state() != was {
                changed.push(step.rung);
            }
        }
        for rung in changed {
            self.told_spent.remove(&rung);
            self.tell_rung(rung).await;
        }
    }

    /// Lets a rung that was down try again.
    pub(super) async fn mend(&mut self, rung: Rung) {
        if let Some(step) = self.ladder.get(rung)
            && step.down.take().is_some()
        {
            step.fine();
            self.site.said.mended(rung);
            self.tell_rung(rung).await;
        }
    }

    /// Lets the number of workers move where the site tunes itself; answers
    /// when to look again.
    pub(super) async fn tune(&mut self, now: Instant) -> Option<Instant> {
        let auto = self.auto.as_mut()?;
        if self.ladder.is_paused() || self.state.is_over() {
            return None;
        }
        if now < self.auto_at {
            return Some(self.auto_at);
        }
        self.auto_at = now + TUNE;
        let slots = &self.ladder.first().slots;
        let limit = slots.limit();
        // Fewer slots than u32 can count are busy.
        let busy = u32::try_from(slots.busy()).unwrap_or(u32::MAX);
        if let Some((to, why)) = auto.tick(limit, busy) {
            self.site.controls().concurrency = to;
            self.saved.controls.now.concurrency = to;
            self.ladder.first_mut().slots.set_limit(to);
            self.unsaved = true;
            tracing::info!(site = %self.site.name, "auto: {limit} → {to} workers: {why}");
            let entry = JournalEntry {
                origin: Origin::Auto.as_str(),
                command: format!("concurrency {} {to}", self.site.name),
                before: format!("{limit} workers"),
                after: format!("{to} workers"),
                answer: why.clone(),
                refused: false,
            };
            let site = self.site.clone();
            self.tasks
                .spawn(async move { site.store.journal(entry).await });
            let why: Arc<str> = format!("{limit} → {to}: {why}").into();
            self.tell_controls(Some(why)).await;
        }
        Some(self.auto_at)
    }

    /// Judges the waiting pages by the rules as they are now.
    fn judge_again(&mut self, now: Instant) {
        let rules = self.site.rules();
        self.saved.rules = rules.added.clone();
        self.unsaved = true;
        // Pages on their way from the store are judged when they arrive.
        self.rescope = true;
        for page in self.hosts.take_pages() {
            if rules.scope.judge(&page.url, page.leased.depth).is_err() {
                self.end(&page.leased, Outcome::Skipped(SkipReason::Scope), None);
            } else {
                self.hosts.add_page(page, now);
            }
        }
    }

    async fn reloaded(&mut self, start: Vec<Url>, sitemaps: bool, now: Instant) {
        let site = self.site.clone();
        let rules = site.rules();
        self.saved.controls.file = tuned::of_file(&rules.document);
        self.saved.controls.scope = tuned::scope_digest(&rules.document);
        if site.add_starts(&start).await > 0 {
            self.queue.stir();
        }
        if sitemaps {
            self.saved.sitemaps_done = false;
            self.begin_sitemaps(&rules, now);
        }
        self.begin_sources(&rules, now);
        self.unsaved = true;
    }

    pub(super) fn requeued(&mut self, pages: u64, now: Instant) {
        self.spent = self.spent.saturating_sub(pages);
        self.trouble = None;
        for host in self.hosts.iter_mut() {
            host.forgive(now);
            if matches!(host.robots, RobotsState::Unreachable(_)) {
                host.robots = RobotsState::Unknown;
            }
        }
        if matches!(self.hold, Hold::Finished) {
            self.hold = Hold::No;
        }
        self.queue.stir();
    }

    fn tell_detail(&self, reply: Reply<SiteDetail>, now: Instant) {
        let rules = self.site.rules();
        let words = |rule: &RecordRule, from: &str| {
            let fields: Vec<&str> = rule.fields.iter().map(|f| f.name.as_str()).collect();
            format!("{} from {from}: {}", rule.record, fields.join(", "))
        };
        let of_pages = rules.config.extract.iter().map(|rule| {
            let when = rule.when.as_ref();
            words(rule, when.map_or("every page", |when| when.0.as_str()))
        });
        let of_apis = rules.config.discover.api.iter().flat_map(|api| {
            let items = api.records.iter();
            items.map(|item| words(&item.rule, api.name()))
        });
        reply.send(SiteDetail {
            hosts: self.hosts.rows(now, &self.ladder.open(now), HOSTS),
            traps: self.traps(),
            // The store knows them.
            sources: Vec::new(),
            rules: rules.words(),
            records: of_pages.chain(of_apis).collect(),
        });
    }

    fn traps(&self) -> Vec<TrapRow> {
        let sprung = self.site.traps.sprung().into_iter().take(TRAPS);
        let rows = sprung.map(|trap| TrapRow {
            kind: trap.kind.as_str().into(),
            shape: trap.shape.into(),
            taken: trap.taken,
            left: trap.left,
            lifted: trap.lifted,
        });
        rows.collect()
    }

    fn robots_words(&mut self, url: &Url) -> Option<String> {
        let origin = &url[..Position::BeforePath];
        let host = self.hosts.get(origin)?;
        match &host.robots {
            RobotsState::Known(rules, _) => {
                let path = &url[Position::BeforePath..Position::AfterQuery];
                let decision = rules.allows(path);
                Some(match (decision.allowed, decision.rule) {
                    (true, None) => "robots.txt has no rule for it".to_owned(),
                    (true, Some((line, rule))) => {
                        format!("robots.txt allows it: line {line}, {rule}")
                    }
                    (false, rule) => {
                        let (line, rule) = rule.unwrap_or_default();
                        format!("robots.txt forbids it: line {line}, {rule}")
                    }
                })
            }
            RobotsState::Unreachable(why) => Some(why.to_string()),
            RobotsState::Unknown | RobotsState::Asked => None,
        }
    }
}
