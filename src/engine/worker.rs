//! One slot of a site's concurrency: fetches what its supervisor hands it.

use super::again;
use super::digest::{self, PageJob};
use super::errand;
use super::keep;
use super::landing::{self, Landing, landing};
use super::missed::{End, fail, refuse};
use super::redirected::{location, redirect};
use super::retake;
use super::rules::Rules;
use super::site::{Message, SiteContext};
use super::suspicion::{self, Found};
use super::work::{Page, Report, Sample, Work};
use crate::archive::Revisit;
use crate::bus::{Attempt, Event, WorkerId};
use crate::config::Rung;
use crate::fetch::{self, FetchError, Fetched, Step, Visitor};
use crate::page::{FailureKind, Outcome, Verdict, time};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

/// One piece of work.
#[derive(Debug)]
pub struct Order {
    /// The host that is asked.
    pub origin: Arc<str>,
    /// What is done.
    pub work: Work,
    /// What it may cost is set aside under this number, which must be durable
    /// before it begins: a budget holds over kills too.
    pub reserve: Option<u64>,
}

/// Works until the slot is closed or everything is cancelled. What is in
/// flight on cancellation is dropped; its lease ends with the process.
pub async fn run(
    site: Arc<SiteContext>,
    worker: WorkerId,
    mut inbox: mpsc::Receiver<Order>,
    mut durable: watch::Receiver<u64>,
    cancel: CancellationToken,
) {
    while let Some(order) = inbox.recv().await {
        let done = async {
            if let Some(reserve) = order.reserve {
                // A supervisor that is gone has cancelled this too.
                let _ = durable.wait_for(|known| *known >= reserve).await;
            }
            perform(&site, worker, &order.origin, order.work).await
        };
        let report = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            report = done => report,
        };
        if site.inbox.send(Message::Report(report)).await.is_err() {
            return;
        }
    }
}

/// Does one piece of work. A panic in it costs that piece, not the slot.
async fn perform(
    site: &Arc<SiteContext>,
    worker: WorkerId,
    origin: &Arc<str>,
    work: Work,
) -> Report {
    let report = Report {
        worker,
        origin: origin.clone(),
        page: None,
        health: None,
        sample: None,
        hold: None,
        again: false,
        why: None,
        errand: None,
        cost: 0,
        climb: None,
        trouble: None,
    };
    match work {
        Work::Errand(errand) => errand::run(site, errand, report).await,
        Work::Page(page) => {
            let leased = page.leased.clone();
            let report = Report {
                page: Some(leased.id),
                ..report
            };
            let caught = AssertUnwindSafe(take(site, page)).catch_unwind().await;
            match caught {
                Ok((sample, end)) => Report {
                    health: Some(end.health),
                    sample: Some(sample),
                    hold: end.hold,
                    again: end.again,
                    why: end.why,
                    cost: end.cost,
                    climb: end.climb,
                    ..report
                },
                Err(_) => {
                    tracing::error!(url = %leased.url, "a worker panicked over this page");
                    let commit = site.commit(&leased, Outcome::Failed(FailureKind::Internal));
                    site.store.commit(commit).await;
                    report
                }
            }
        }
    }
}

/// Fetches a page and sees to it that what came of it is committed.
async fn take(site: &Arc<SiteContext>, mut page: Page) -> (Sample, End) {
    let mut attempt = Attempt {
        at: time::now_ms(),
        rung: page.rung.as_str().into(),
        status: None,
        kind: None,
        elapsed_ms: 0,
        bytes: 0,
        detail: String::new(),
        picture: None,
    };
    let rules = site.rules();
    let asking = again::visitor(&rules, &page.leased);
    let visitor = asking.as_ref().unwrap_or(&rules.visitor);
    let ladder = site.ladder();
    // A rung that a new sites file has left out gives way to the first.
    let step = ladder.iter().find(|step| step.rung == page.rung);
    let step = step.unwrap_or(&ladder[0]);
    let result = fetch(site, &rules, visitor, &page, step).await;
    let mut stuck = None;
    let mut target = None;
    let (elapsed, kind) = match &result {
        Ok(fetched) => {
            attempt.status = Some(fetched.status);
            attempt.bytes = fetched.bytes;
            attempt.picture.clone_from(&fetched.picture);
            if fetched.is_redirect() {
                target = location(&rules, &page.url, fetched);
            }
            let found = suspicion::of_answer(site, &rules, &page, fetched, target.as_ref());
            let kind = match &found {
                Some(found) => {
                    attempt.detail = found.told.to_owned();
                    Some(FailureKind::Blocked)
                }
                None => (fetched.status >= 400).then_some(FailureKind::Status),
            };
            if let Some(found) = &found {
                site.tell(Event::Block {
                    site: site.id,
                    rung: page.rung,
                    whose: found.told,
                })
                .await;
            }
            stuck = found.as_ref().map(Found::stuck);
            let before = found.map(|found| found.before).unwrap_or_default();
            if let Some(message) = retake::found(site, before) {
                // A closed inbox means that the site is over; so below.
                let _ = site.inbox.send(message).await;
            }
            (fetched.elapsed, kind)
        }
        Err(error) => {
            attempt.status = error.head.as_ref().map(|head| head.0);
            attempt.detail = error.detail.clone();
            (error.elapsed, Some(error.kind))
        }
    };
    attempt.kind = kind;
    attempt.elapsed_ms = u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX);
    let cost = step.paid(&result);
    site.tell(Event::Attempt {
        site: site.id,
        status: attempt.status,
        kind,
        elapsed,
        bytes: attempt.bytes,
        rung: page.rung,
        cost,
        through: result
            .as_ref()
            .ok()
            .and_then(|fetched| fetched.through.clone()),
    })
    .await;

    let sample = (elapsed, attempt.status, kind);
    if let (Ok(fetched), Some(FailureKind::Blocked)) = (&result, kind) {
        site.blocked(fetched);
    }
    if let Ok(fetched) = &result
        && (kind.is_some() || !is_digested(fetched))
    {
        let unchanged = asking.is_some() && fetched.status == 304;
        let revisit = unchanged.then_some(Revisit::NotModified);
        keep::answer(site, &page, &attempt, fetched, revisit).await;
    }
    let end = match result {
        Err(error) => fail(site, page, attempt, error).await,
        Ok(fetched) if kind.is_some() => refuse(site, page, attempt, fetched, stuck).await,
        Ok(fetched) if fetched.is_redirect() => {
            site.learn(&page);
            let mut commit = redirect(site, &rules, &page, attempt, &fetched, target);
            commit.before = page.before();
            let again = matches!(commit.verdict, Verdict::Retry { .. });
            let done = commit.verdict == Verdict::Final(Outcome::Done);
            let why = commit
                .attempt
                .as_ref()
                .map(|attempt| attempt.detail.clone());
            site.store.commit(commit).await;
            if let Some(message) = retake::committed(site, page.leased.id) {
                let _ = site.inbox.send(message).await;
            }
            End {
                again,
                why: why.filter(|_| !done && !again),
                ..End::fine()
            }
        }
        Ok(fetched) if fetched.status == 304 && asking.is_some() => {
            let mut commit = site.commit(&page.leased, Outcome::Done);
            commit.seen = again::known(&rules, &page.leased)
                .map(|before| again::confirmed(&rules, &fetched, before));
            commit.same = true;
            commit.attempt = Some(attempt);
            commit.before = page.before();
            site.learn(&page);
            site.store.commit(commit).await;
            End::fine()
        }
        Ok(fetched) => {
            // A page that once led elsewhere does so no more.
            site.chains().forget(site.print(&page.leased.url));
            let mut commit = match landing(site, &rules, &page, &fetched) {
                Landing::Home => {
                    keep(site, &rules, page, attempt, fetched, None).await;
                    return (
                        sample,
                        End {
                            cost,
                            ..End::fine()
                        },
                    );
                }
                Landing::At(url) => {
                    keep(site, &rules, page, attempt, fetched, Some(url)).await;
                    return (
                        sample,
                        End {
                            cost,
                            ..End::fine()
                        },
                    );
                }
                Landing::Refused(url, refusal) => {
                    landing::refused(site, &page, attempt, &fetched, &url, &refusal)
                }
                Landing::Forbidden(url) => landing::forbidden(site, &page, attempt, &url),
                // A page of its own, to be had when its host was asked.
                Landing::Unasked(url) => {
                    redirect(site, &rules, &page, attempt, &fetched, Some(url))
                }
            };
            commit.before = page.before();
            let done = commit.verdict == Verdict::Final(Outcome::Done);
            let why = commit.attempt.as_ref().map(|made| made.detail.clone());
            site.store.commit(commit).await;
            End {
                why: why.filter(|_| !done),
                ..End::fine()
            }
        }
    };
    (sample, End { cost, ..end })
}

/// Fetches a page by its rung, within the rung's time.
async fn fetch(
    site: &SiteContext,
    rules: &Rules,
    visitor: &Visitor,
    page: &Page,
    step: &Step,
) -> Result<Fetched, FetchError> {
    if step.rung == Rung::Http {
        // Has time limits of its own, on each of its phases.
        return step.fetcher.fetch(visitor, &page.url, rules.want()).await;
    }
    let limited = site
        .controls()
        .time(step.rung)
        .map(|limit| visitor.within(step.rung, limit));
    let visitor = limited.as_ref().unwrap_or(visitor);
    let fetching = step.fetcher.fetch(visitor, &page.url, rules.want());
    let limit = visitor.time(step.rung);
    tokio::time::timeout(limit, fetching)
        .await
        .unwrap_or_else(|_| {
            Err(FetchError {
                kind: FailureKind::Timeout,
                detail: format!("no answer by {} within {limit:?}", step.rung.as_str()),
                elapsed: limit,
                head: None,
                trouble: None,
                cost: 0,
            })
        })
}

/// Whether an answer goes to the CPU pool.
fn is_digested(fetched: &Fetched) -> bool {
    fetched.status < 300 && fetched.read && !fetched.body.is_empty()
}

/// A good answer: HTML goes to the CPU pool, anything else is done as it is.
async fn keep(
    site: &Arc<SiteContext>,
    rules: &Rules,
    mut page: Page,
    attempt: Attempt,
    fetched: Fetched,
    landed: Option<Url>,
) {
    if !is_digested(&fetched) {
        site.learn(&page);
        let mut commit = site.commit(&page.leased, Outcome::Done);
        commit.content_type = fetch::media_type(&fetched);
        commit.seen = Some(again::seen(rules, &fetched, again::head_digest(&fetched)));
        commit.attempt = Some(attempt);
        commit.before = page.before();
        digest::land(site, &page.leased, landed.as_ref(), &mut commit);
        site.store.commit(commit).await;
        return;
    }
    // The pool is never closed while a worker lives.
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return;
    };
    site.digesting.fetch_add(1, Ordering::AcqRel);
    let job = PageJob {
        site: site.clone(),
        page,
        attempt,
        fetched,
        landed,
    };
    site.pool.run(move || {
        digest::page(job);
        drop(room);
    });
}
