//! Values that are set of a site.

use super::obey::{Done, Refusable};
use super::undo::Undo;
use super::{Director, send};
use crate::bus::{AutoRange, Command, SiteControls};
use crate::config::Fetch;
use crate::engine::site::{Control, SiteContext};
use crate::page::{SiteId, SkipReason};
use crate::store::Prune;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Most retries that can be set.
const RETRIES: u32 = 100;

impl Director {
    pub(super) async fn set_workers(&mut self, id: SiteId, workers: u32) -> Refusable<Done> {
        let workers = workers.clamp(1, Fetch::MAX_CONCURRENCY);
        let site = self.site(id)?;
        let had = change(&site, |controls| {
            controls.concurrency = workers;
            controls.auto = None;
        })
        .await;
        self.remember("concurrency", Undo::Command(workers_of(id, &had)));
        Ok(Done::changed(
            workers_words(&had),
            format!("{workers} workers"),
        ))
    }

    pub(super) async fn set_auto(
        &mut self,
        id: SiteId,
        range: Option<AutoRange>,
    ) -> Refusable<Done> {
        let site = self.site(id)?;
        let of_file = || {
            let file = site.rules().document.fetch.auto.clone();
            let range = file.unwrap_or(Fetch::AUTO);
            AutoRange {
                min: *range.start(),
                max: *range.end(),
            }
        };
        let range = range.unwrap_or_else(of_file);
        if range.min == 0 || range.min > range.max || range.max > Fetch::MAX_CONCURRENCY {
            return Err(Done::refused(
                "the bounds are two numbers from 1 to 1024, the smaller first",
            ));
        }
        let had = change(&site, |controls| {
            controls.auto = Some(range);
            controls.concurrency = controls.concurrency.clamp(range.min, range.max);
        })
        .await;
        self.remember("concurrency", Undo::Command(workers_of(id, &had)));
        let now = site.controls().clone();
        Ok(Done::changed(workers_words(&had), workers_words(&now)))
    }

    pub(super) async fn set_delay(&mut self, id: SiteId, delay: Duration) -> Refusable<Done> {
        let delay = delay.min(Fetch::MAX_DELAY);
        let site = self.site(id)?;
        let had = change(&site, |controls| controls.delay = delay).await;
        self.remember("delay", Undo::Command(Command::Delay(id, had.delay)));
        Ok(Done::changed(
            format!("{:?}", had.delay),
            format!("{delay:?}"),
        ))
    }

    pub(super) async fn set_max_pages(&mut self, id: SiteId, most: Option<u64>) -> Refusable<Done> {
        let site = self.site(id)?;
        let had = change(&site, |controls| controls.max_pages = most).await;
        self.remember("pages", Undo::Command(Command::MaxPages(id, had.max_pages)));
        Ok(Done::changed(or_none(had.max_pages), or_none(most)))
    }

    pub(super) async fn set_max_depth(&mut self, id: SiteId, most: Option<u32>) -> Refusable<Done> {
        let site = self.site(id)?;
        let had = change(&site, |controls| controls.max_depth = most).await;
        self.remember("depth", Undo::Command(Command::MaxDepth(id, had.max_depth)));
        self.exchange_rules(&site, site.rules().added.clone());
        let left = self.rescope(&site).await;
        let mut done = Done::changed(
            or_none(had.max_depth.map(u64::from)),
            or_none(most.map(u64::from)),
        );
        if left > 0 {
            done.answer = crate::bus::Answer::Done(format!(
                "{}; {left} queued pages are too deep now and left out",
                done.answer.text()
            ));
        }
        Ok(done)
    }

    pub(super) async fn set_retries(&mut self, id: SiteId, retries: u32) -> Refusable<Done> {
        let retries = retries.min(RETRIES);
        let site = self.site(id)?;
        let had = change(&site, |controls| controls.retries = retries).await;
        self.remember("retries", Undo::Command(Command::Retries(id, had.retries)));
        Ok(Done::changed(had.retries.to_string(), retries.to_string()))
    }

    pub(super) async fn set_draining(&mut self, id: SiteId, draining: bool) -> Refusable<Done> {
        let site = self.site(id)?;
        let had = change(&site, |controls| controls.draining = draining).await;
        self.remember("drain", Undo::Command(Command::Drain(id, had.draining)));
        self.exchange_rules(&site, site.rules().added.clone());
        let word = |draining| {
            if draining {
                "links are not followed"
            } else {
                "links are followed"
            }
        };
        Ok(Done::changed(word(had.draining), word(draining)))
    }

    pub(super) async fn add_rule(
        &mut self,
        id: SiteId,
        include: bool,
        pattern: String,
    ) -> Refusable<Done> {
        let site = self.site(id)?;
        if let Err(error) = regex::Regex::new(&pattern) {
            return Err(Done::refused(bad_pattern(&error)));
        }
        let mut added = site.rules().added.clone();
        let rule = (include, pattern);
        if added.contains(&rule) {
            return Err(Done::refused("this rule holds already"));
        }
        let narrows = include && site.rules().config.scope.include.is_empty();
        added.push(rule.clone());
        self.exchange_rules(&site, added);
        self.remember("rule", Undo::Rule(id, rule));
        let left = self.rescope(&site).await;
        let note = if narrows {
            "; it takes only such pages from now on"
        } else {
            ""
        };
        Ok(Done::plain(format!(
            "the rule holds; {left} queued pages are left out{note}"
        )))
    }

    /// Takes back a rule that was added while the crawl ran.
    pub(super) async fn drop_rule(&mut self, id: SiteId, rule: &(bool, String)) -> Refusable<Done> {
        let site = self.site(id)?;
        let mut added = site.rules().added.clone();
        added.retain(|known| known != rule);
        self.exchange_rules(&site, added);
        send(&site, Control::Rules).await;
        Ok(Done::plain(
            "the rule holds no more; pages that it left out stay out until they are forced",
        ))
    }

    pub(super) fn exchange_rules(&self, site: &SiteContext, added: Vec<(bool, String)>) {
        let controls = site.controls().clone();
        let rules = site.rules().with(&controls, added);
        site.set_rules(rules);
    }

    /// Judges the queue by the rules as they are now; answers how many pages
    /// were left out.
    pub(super) async fn rescope(&self, site: &Arc<SiteContext>) -> u64 {
        send(site, Control::Rules).await;
        let rules = site.rules();
        let prune = Prune {
            site: Some(site.id),
            goes: Arc::new(move |url, depth| {
                Url::parse(url).is_ok_and(|url| rules.scope.judge(&url, depth).is_err())
            }),
            reason: SkipReason::Scope,
            preview: false,
        };
        let left = self.store.prune(prune).await;
        left.iter().map(|(_, pages)| pages).sum()
    }
}

/// Sets controls of a site; answers what they were.
pub(super) async fn change(
    site: &SiteContext,
    set: impl FnOnce(&mut SiteControls),
) -> SiteControls {
    let had = {
        let mut controls = site.controls();
        let had = controls.clone();
        set(&mut controls);
        had
    };
    send(site, Control::Controls).await;
    had
}

/// The command that brings these workers back.
fn workers_of(id: SiteId, had: &SiteControls) -> Command {
    match had.auto {
        Some(range) => Command::Auto(id, Some(range)),
        None => Command::Concurrency(id, had.concurrency),
    }
}

fn workers_words(controls: &SiteControls) -> String {
    match controls.auto {
        Some(range) => format!(
            "{} workers, auto from {} to {}",
            controls.concurrency, range.min, range.max
        ),
        None => format!("{} workers", controls.concurrency),
    }
}

pub(super) fn or_none(most: Option<u64>) -> String {
    most.map_or_else(|| "none".to_owned(), |most| most.to_string())
}

/// What is wrong with a regular expression, in one line.
pub fn bad_pattern(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let last = last.trim_start_matches("error: ");
    format!("not a regular expression: {last}")
}
