//! Which command is done where.

use super::{Director, send};
use crate::bus::{Answer, Command, Reply, Target};
use crate::engine::director::undo::Undo;
use crate::engine::site::{Control, SiteContext};
use crate::page::SiteId;
use std::sync::Arc;

/// A command carried out: its answer, and the control's value before and after.
pub struct Done {
    pub answer: Answer,
    pub before: String,
    pub after: String,
}

impl Done {
    /// Done, without a value that changed.
    pub fn plain(text: impl Into<String>) -> Self {
        Answer::Done(text.into()).into()
    }

    /// Refused.
    pub fn refused(text: impl Into<String>) -> Self {
        Answer::Refused(text.into()).into()
    }

    /// A value changed.
    pub fn changed(before: impl Into<String>, after: impl Into<String>) -> Self {
        let (before, after) = (before.into(), after.into());
        Self {
            answer: Answer::Done(format!("{before} → {after}")),
            before,
            after,
        }
    }
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            before: String::new(),
            after: String::new(),
        }
    }
}

/// A refusal on the way out of a function that does something else.
pub type Refusable<T> = Result<T, Done>;

impl Director {
    pub(super) async fn obey(&mut self, command: Command) -> Done {
        let done = match command {
            Command::Pause(target) => self.pause(target, true).await,
            Command::Resume(target) => self.pause(target, false).await,
            Command::Concurrency(site, workers) => self.set_workers(site, workers).await,
            Command::Auto(site, range) => self.set_auto(site, range).await,
            Command::Delay(site, delay) => self.set_delay(site, delay).await,
            Command::MaxPages(site, most) => self.set_max_pages(site, most).await,
            Command::MaxDepth(site, most) => self.set_max_depth(site, most).await,
            Command::Retries(site, retries) => self.set_retries(site, retries).await,
            Command::Rung(site, rung, set) => self.set_rung(site, rung, set).await,
            Command::Drain(site, draining) => self.set_draining(site, draining).await,
            Command::Finish(site) => self.finish(site).await,
            Command::Refresh(site) => self.refresh(site).await,
            Command::StartOver(site) => self.start_over(site).await,
            Command::Add(site, urls) => self.add(site, &urls).await,
            Command::Force(pick) => self.force(pick).await,
            Command::Retry(pick) => self.retry(pick).await,
            Command::RetrySources { site, name } => self.retry_sources(site, name).await,
            Command::Ignore(pick) => self.ignore(pick).await,
            Command::Drop {
                site,
                pattern,
                preview,
            } => self.drop_pending(site, &pattern, preview).await,
            Command::Rule {
                site,
                include,
                pattern,
            } => self.add_rule(site, include, pattern).await,
            Command::Lift {
                site,
                shape,
                lifted,
            } => self.lift(site, shape, lifted).await,
            Command::Reload { preview } => self.read_again(preview).await,
            Command::Undo => self.take_back().await,
            Command::Stop => Ok(Done::plain("finishing what is in flight")),
            Command::StopNow => Ok(Done::plain("dropping what is in flight")),
        };
        done.unwrap_or_else(|refused| refused)
    }

    pub(super) fn site(&self, site: SiteId) -> Refusable<Arc<SiteContext>> {
        let found = self.seats.get(site.index()).cloned();
        found.ok_or_else(|| Done::refused("there is no such site"))
    }

    async fn pause(&mut self, target: Target, paused: bool) -> Refusable<Done> {
        match &target {
            Target::All => {
                for site in &self.seats {
                    send(site, Control::Pause(paused)).await;
                }
            }
            Target::Site(site) => {
                let site = self.site(*site)?;
                send(&site, Control::Pause(paused)).await;
                if !paused {
                    send(&site, Control::Reopen).await;
                }
            }
            Target::Host(site, host) => {
                let site = self.site(*site)?;
                send(&site, Control::PauseHost(host.clone(), paused)).await;
            }
            Target::Worker(site, worker) => {
                let site = self.site(*site)?;
                let (reply, there) = Reply::channel();
                send(&site, Control::PauseWorker(*worker, paused, reply)).await;
                if !matches!(there.await, Ok(true)) {
                    return Err(Done::refused("there is no such worker"));
                }
            }
        }
        let (verb, back, text) = match paused {
            true => ("pause", Command::Resume(target), "on hold"),
            false => ("resume", Command::Pause(target), "goes on"),
        };
        self.remember(verb, Undo::Command(back));
        Ok(Done::plain(text))
    }

    async fn finish(&mut self, site: SiteId) -> Refusable<Done> {
        let site = self.site(site)?;
        send(&site, Control::Finish).await;
        Ok(Done::plain(
            "finishing what is in flight; `resume` goes on with the queue",
        ))
    }

    async fn refresh(&mut self, site: SiteId) -> Refusable<Done> {
        let site = self.site(site)?;
        if self.store.is_stalled() {
            return Err(Done::refused("nothing can be written just now"));
        }
        send(&site, Control::Refresh).await;
        Ok(Done::plain(
            "asks its pages again; what is known of them stands until then",
        ))
    }

    /// Answers when everything is forgotten.
    async fn start_over(&mut self, site: SiteId) -> Refusable<Done> {
        let site = self.site(site)?;
        // The store forgets while others go on; nobody waits for it here.
        let (taken, is_taken) = Reply::channel();
        let (reply, done) = Reply::channel();
        send(&site, Control::StartOver { taken, done: reply }).await;
        if is_taken.await.is_err() {
            return Err(Done::refused("the site has ended"));
        }
        let name = site.name.clone();
        let store = site.clone();
        self.tasks.spawn(async move {
            let text = match done.await {
                Ok(true) => format!("{name} begins again at its start page"),
                _ => format!("{name} could not be started over"),
            };
            store.say(crate::bus::Level::Warn, text).await;
        });
        Ok(Done::plain(
            "forgets its pages when what is in flight is finished, and begins again",
        ))
    }
}
