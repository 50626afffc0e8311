//! Handing waiting work to free workers.

use super::Supervisor;
use crate::bus::{Attempt, Doing, Event, SiteState, WorkerId};
use crate::engine::hosts::Next;
use crate::engine::work::{Page, Work};
use crate::engine::worker::{self, Order};
use crate::page::{FailureKind, Outcome, Rung, SkipReason, time};
use crate::store::Leased;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

impl Supervisor {
    /// Commits the end of a page that is not fetched, without waiting for the
    /// store: the supervisor must hear the operator even while the disk is full.
    pub(super) fn end(&self, leased: &Leased, outcome: Outcome, why: Option<&str>) {
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
                picture: None,
            });
        }
        let site = self.site.clone();
        self.tasks
            .spawn(async move { site.store.commit(commit).await });
    }

    /// Hands waiting work to free slots. Answers when more may be ready.
    pub(super) async fn assign(&mut self, now: Instant) -> Option<Instant> {
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
                Next::Refused(errand, why) => self.source_refused(errand, &why).await,
                Next::Work(origin, rung, work) => match open.worker(rung) {
                    Some(worker) => self.employ(worker, rung, origin, work, now).await,
                    // Work is handed out for rungs with a free worker alone.
                    None => return None,
                },
            }
        }
    }

    pub(super) async fn employ(
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
        let mut reserve = None;
        if let Some(step) = self.ladder.of_worker(worker) {
            step.employ(worker);
            if step.is_accounted() {
                self.reserved += 1;
                reserve = Some(self.reserved);
            }
        }
        self.settle(rung, now).await;
        let site = &self.site;
        let (tasks, cancel) = (&self.tasks, &self.cancel);
        let durable = &self.durable;
        if let Some(task) = self.ladder.task(worker) {
            let sender = task.get_or_insert_with(|| {
                let (sender, inbox) = mpsc::channel(1);
                let durable = durable.subscribe();
                tasks.spawn(worker::run(
                    site.clone(),
                    worker,
                    inbox,
                    durable,
                    cancel.clone(),
                ));
                sender
            });
            // The channel has room for the one piece that a free slot gets; it
            // is closed only when all is cancelled.
            let _ = sender.try_send(Order {
                origin,
                work,
                reserve,
            });
        }
    }
}
