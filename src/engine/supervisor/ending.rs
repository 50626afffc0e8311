//! When a site is over, ended by the operator, or begun again; and its state.

use super::failed::Resend;
use super::feed::AHEAD_MOST;
use super::queue::Said;
use super::{Hold, Supervisor};
use crate::bus::{Copied, Event, Level, SiteState};
use crate::config::Robots;
use crate::discover::redirect::Chains;
use crate::discover::trap::Trap;
use crate::engine::hosts::Hosts;
use crate::engine::ladder::Memory;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// Shapes of traps that are named at the end.
const TRAPS_TOLD: usize = 10;

impl Supervisor {
    /// Looks whether the site is over, and says so.
    pub(super) async fn conclude(&mut self) {
        if self.state.is_over() || self.ladder.busy() > 0 {
            return;
        }
        if self.end_hold().await {
            return;
        }
        let digesting = self.site.digesting.load(Ordering::Acquire) > 0;
        if self.stopping {
            if !digesting {
                self.over_with(SiteState::Stopped, None).await;
            }
            return;
        }
        if !digesting && self.lease.is_none() && self.stands_still().await {
            return;
        }
        let finding =
            self.refreshing.is_some() || self.sitemaps_open > 0 || !self.sources.is_empty();
        if digesting || finding || self.hosts.has_errands() || self.lease.is_some() {
            return;
        }
        let queue = self.queue.said();
        let most = self.saved.controls.now.max_pages;
        if let Some(most) = most.filter(|most| self.spent >= *most) {
            let why = format!("limits.pages {most} reached");
            self.over_with(SiteState::Finished, Some(why.into())).await;
        } else if queue == Said::Drained && self.hosts.waiting() == 0 {
            let done = self.done_before + self.site.done.load(Ordering::Relaxed);
            // A site may live by its APIs alone.
            if done == 0 && self.marks.is_empty() {
                let none = match self.site.rules().config.start.is_empty() {
                    true => "no page could be had",
                    false => "no start page could be had",
                };
                let why = self.trouble.clone().unwrap_or_else(|| none.into());
                self.over_with(SiteState::Failed, Some(why)).await;
            } else {
                self.over_with(SiteState::Finished, None).await;
            }
        } else if let Some(host) = self.hosts.given_up() {
            let more = queue == Said::More && self.served() < AHEAD_MOST / 2;
            if !more {
                let why = format!("{host} does not answer; its pages stay queued");
                self.over_with(SiteState::Failed, Some(why.into())).await;
            }
        }
    }

    /// Ends a site that nothing but its operator can help any further; answers
    /// whether it did.
    async fn stands_still(&mut self) -> bool {
        let full = self.served() >= AHEAD_MOST / 2;
        // With more to lease, or a retry to come, a rung that works may get it.
        let more = match self.queue.said() {
            Said::More => !full,
            Said::Wait(due) => due.is_some(),
            Said::Drained => false,
        };
        match self.stuck() {
            Some(why) if !more => {
                self.over_with(SiteState::Failed, Some(why)).await;
                true
            }
            _ => false,
        }
    }

    async fn over_with(&mut self, state: SiteState, why: Option<Arc<str>>) {
        if let Some(text) = traps(&self.site.traps.sprung()) {
            self.site.say(Level::Warn, text).await;
        }
        let copied = self.site.copies.counts();
        if copied != Copied::default() {
            let text = format!(
                "duplicates: {} pages have the text of another, {} nearly; export --what duplicates lists them",
                copied.exact, copied.near
            );
            self.site.say(Level::Info, text).await;
        }
        let why = match state {
            SiteState::Finished => self.why_finished(why),
            _ => why,
        };
        let level = match state {
            SiteState::Failed => Level::Error,
            SiteState::Finished if !self.failed.is_empty() => Level::Warn,
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

    /// Why a site is finished, and which sources could not be read.
    fn why_finished(&self, why: Option<Arc<str>>) -> Option<Arc<str>> {
        let failed = match self.failed.len() {
            0 => return why,
            1 => "1 source could not be read".to_owned(),
            failed => format!("{failed} sources could not be read"),
        };
        let first = why.map(|why| format!("{why}; ")).unwrap_or_default();
        Some(format!("{first}{failed} (export --what sources), and will be asked again").into())
    }

    /// Changes the state, tells the monitor, and saves it.
    pub(super) async fn enter(&mut self, state: SiteState, why: Option<Arc<str>>) {
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
    pub(super) fn save(&mut self) {
        if self.saving.is_some() {
            return;
        }
        let learned = self.take_learned(Instant::now());
        if learned.is_some() || self.unsaved {
            let saved = std::mem::take(&mut self.unsaved).then(|| self.saved.clone());
            let site = self.site.clone();
            let (reserved, durable) = (self.reserved, self.durable.clone());
            self.saving = Some(Box::pin(async move {
                if let Some(learned) = learned {
                    site.store.save_learned(site.id, learned).await;
                }
                let Some(saved) = saved else {
                    return;
                };
                site.store.save_site(site.id, saved).await;
                if *durable.borrow() < reserved {
                    // While the disk is full nothing is durable: what goes on
                    // then goes on with what the store keeps in RAM.
                    let _ = site.store.flush().await;
                    durable.send_replace(reserved);
                }
            }));
        }
    }

    pub(super) async fn tell_copies(&mut self) {
        let (site, copied) = (self.site.id, self.site.copies.counts());
        self.site.tell(Event::Copies { site, copied }).await;
    }

    pub(super) async fn tell_controls(&mut self, why: Option<Arc<str>>) {
        self.site
            .tell(Event::Controls {
                site: self.site.id,
                controls: self.saved.controls.now.clone(),
                why,
            })
            .await;
    }

    /// Where the operator holds the site and nothing is in flight any more:
    /// does what it is held for. Answers whether it is held.
    async fn end_hold(&mut self) -> bool {
        if matches!(self.hold, Hold::No) {
            return false;
        }
        let busy = self.site.digesting.load(Ordering::Acquire) > 0
            || self.reading != 0
            || self.lease.is_some();
        if busy {
            return true;
        }
        match std::mem::replace(&mut self.hold, Hold::Finished) {
            Hold::Finish => {
                let pages = self.hosts.take_pages();
                let ids = pages.iter().map(|page| page.leased.id).collect();
                let site = self.site.clone();
                self.tasks
                    .spawn(async move { site.store.release(site.id, ids).await });
                self.queue.stir();
                let why = "ended by the operator; its queue stays";
                self.over_with(SiteState::Finished, Some(why.into())).await;
            }
            Hold::StartOver(reply) => {
                self.hosts.take_pages();
                let site = self.site.clone();
                self.forgetting = Some(Box::pin(async move { site.store.forget(site.id).await }));
                self.hold = Hold::Forgetting(reply);
            }
            hold => self.hold = hold,
        }
        true
    }

    /// The store has forgotten the site, or could not.
    pub(super) async fn forgotten(&mut self, done: bool) {
        let Hold::Forgetting(reply) = std::mem::replace(&mut self.hold, Hold::No) else {
            return;
        };
        self.queue.stir();
        if done {
            let obey = self.site.rules().config.fetch.robots == Robots::Obey;
            let mut hosts = Hosts::new(obey);
            for host in self.hosts.paused() {
                hosts.pause(host, true);
            }
            self.hosts = hosts;
            *self.site.chains() = Chains::default();
            self.site.done.store(0, Ordering::Relaxed);
            self.spent = 0;
            self.done_before = 0;
            self.sitemaps_open = 0;
            self.sitemaps_seen.clear();
            self.failed.clear();
            self.resend = Resend::default();
            self.saved.sitemaps_done = false;
            self.site.traps.clear();
            self.site.copies.clear();
            self.site.order.clear();
            *self.site.memory() = Memory::default();
            self.saved.controls.sources.clear();
            self.sources.clear();
            self.marks.clear();
            self.rescope = false;
            self.opening = false;
            self.site.again.store(false, Ordering::Relaxed);
            self.trouble = None;
            self.begin().await;
        }
        reply.send(done);
    }
}

/// How many links each trap had left out at the end, in words.
fn traps(sprung: &[Trap]) -> Option<String> {
    let left: u64 = sprung.iter().map(|trap| trap.left).sum();
    let shapes = sprung.iter().take(TRAPS_TOLD);
    let shapes: Vec<String> = shapes
        .map(|trap| format!("{} ({}) {}", trap.shape, trap.kind.as_str(), trap.left))
        .collect();
    let more = match sprung.len().saturating_sub(TRAPS_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (left > 0).then(|| format!("traps: {left} links left out: {}{more}", shapes.join(", ")))
}
