//! One slot of a site's concurrency: fetches what its supervisor hands it.

use super::again;
use super::digest::{self, PageJob};
use super::errand;
use super::evidence::{BODY_KEPT, evidence};
use super::host::Health;
use super::keep;
use super::retry;
use super::rules::Rules;
use super::site::{Message, SiteContext};
use super::suspicion;
use super::work::{Climb, Page, Report, Sample, Stuck, Work};
use crate::archive::Revisit;
use crate::bus::{Attempt, Event, WorkerId};
use crate::config::Rung;
use crate::discover::redirect::Step;
use crate::discover::scope::Refusal;
use crate::fetch::{self, FetchError, Fetched, Visitor};
use crate::page::{FailureKind, Outcome, SkipReason, Verdict, time};
use crate::store::{Commit, NewUrl, Seen, Via};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Works until the slot is closed or everything is cancelled. What is in
/// flight on cancellation is dropped; its lease ends with the process.
pub async fn run(
    site: Arc<SiteContext>,
    worker: WorkerId,
    mut inbox: mpsc::Receiver<(Arc<str>, Work)>,
    cancel: CancellationToken,
) {
    while let Some((origin, work)) = inbox.recv().await {
        let report = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            report = perform(&site, worker, &origin, work) => report,
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

/// How taking a page ended, for its host's sake.
struct End {
    health: Health,
    hold: Option<Duration>,
    again: bool,
    why: Option<String>,
    cost: u64,
    climb: Option<Box<Climb>>,
}

impl End {
    /// Of a page that its host answered as a healthy one does.
    fn fine() -> Self {
        Self {
            health: Health::Fine,
            hold: None,
            again: false,
            why: None,
            cost: 0,
            climb: None,
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
    };
    let rules = site.rules();
    let asking = again::visitor(&rules, &page.leased);
    let visitor = asking.as_ref().unwrap_or(&rules.visitor);
    let result = fetch(site, &rules, visitor, &page).await;
    let mut stuck = None;
    let (elapsed, kind) = match &result {
        Ok(fetched) => {
            attempt.status = Some(fetched.status);
            attempt.bytes = fetched.bytes;
            let redirect = matches!(fetched.status, 301 | 302 | 303 | 307 | 308);
            let target = redirect
                .then(|| location(&rules, &page.url, fetched))
                .flatten();
            let found = suspicion::of_answer(site, &rules, &page, fetched, target.as_ref());
            let kind = match &found {
                Some(found) => {
                    attempt.detail = found.told.to_owned();
                    Some(FailureKind::Blocked)
                }
                None => (fetched.status >= 400).then_some(FailureKind::Status),
            };
            stuck = found.map(|found| found.stuck());
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
    let cost = result.as_ref().map_or(0, |fetched| fetched.cost);
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
        Ok(fetched) if matches!(fetched.status, 301 | 302 | 303 | 307 | 308) => {
            site.learn(&page);
            let mut commit = redirect(site, &rules, &page, attempt, &fetched);
            commit.before = page.before();
            let again = matches!(commit.verdict, Verdict::Retry { .. });
            let done = commit.verdict == Verdict::Final(Outcome::Done);
            let why = commit
                .attempt
                .as_ref()
                .map(|attempt| attempt.detail.clone());
            site.store.commit(commit).await;
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
            match landed(site, &rules, &page, &fetched) {
                Ok(landed) => {
                    keep(site, &rules, page, attempt, fetched, landed).await;
                    End::fine()
                }
                Err(refusal) => {
                    let mut commit = elsewhere(site, &page, attempt, &fetched, &refusal);
                    commit.before = page.before();
                    let why = commit.attempt.as_ref().map(|made| made.detail.clone());
                    site.store.commit(commit).await;
                    End { why, ..End::fine() }
                }
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
) -> Result<Fetched, FetchError> {
    let ladder = site.ladder();
    // A rung that a new sites file has left out gives way to the first.
    let step = ladder.iter().find(|step| step.rung == page.rung);
    let step = step.unwrap_or(&ladder[0]);
    let fetching = step.fetcher.fetch(visitor, &page.url, rules.want());
    if step.rung == Rung::Http {
        // Has time limits of its own, on each of its phases.
        return fetching.await;
    }
    let limit = rules.config.fetch.limits(step.rung).timeout;
    tokio::time::timeout(limit, fetching)
        .await
        .unwrap_or_else(|_| {
            Err(FetchError {
                kind: FailureKind::Timeout,
                detail: format!("no answer by {} within {limit:?}", step.rung.as_str()),
                elapsed: limit,
                head: None,
                trouble: None,
            })
        })
}

/// Where a rung that follows redirects by itself found the page, in normal
/// form; `None` where that is the page's own address.
fn landed(
    site: &SiteContext,
    rules: &Rules,
    page: &Page,
    fetched: &Fetched,
) -> Result<Option<Url>, (Url, Refusal)> {
    let Some(url) = &fetched.landed else {
        return Ok(None);
    };
    // What has no normal form is no page: it is taken as the page's own.
    let Ok(url) = rules.config.url.parse(url.as_str(), None) else {
        return Ok(None);
    };
    if site.print(url.as_str()) == site.print(&page.leased.url) {
        return Ok(None);
    }
    match rules.scope.judge(&url, page.leased.depth) {
        Ok(()) => Ok(Some(url)),
        Err(refusal) => Err((url, refusal)),
    }
}

/// The commit of a page that was found where the site's rules do not go.
fn elsewhere(
    site: &SiteContext,
    page: &Page,
    mut attempt: Attempt,
    fetched: &Fetched,
    (target, refusal): &(Url, Refusal),
) -> Commit {
    attempt.detail = format!("leads to {target}: {refusal}");
    if matches!(refusal, Refusal::Private { .. }) {
        attempt.kind = Some(FailureKind::Private);
        let evidence = evidence(&fetched.headers, &[]);
        return site.failure(
            &page.leased,
            attempt,
            FailureKind::Private,
            None,
            Some(evidence),
        );
    }
    let mut commit = site.commit(&page.leased, Outcome::Skipped(SkipReason::Scope));
    commit.attempt = Some(attempt);
    commit
}

/// A request that got no whole answer.
async fn fail(site: &SiteContext, mut page: Page, attempt: Attempt, error: FetchError) -> End {
    let health = match error.kind {
        FailureKind::Dns | FailureKind::Connect | FailureKind::Tls => Health::Unreachable,
        kind if retry::is_host_trouble(kind, attempt.status) => Health::Failing,
        _ => Health::Fine,
    };
    let evidence = error.head.map(|head| evidence(&head.1, &[]));
    let mut commit = site.failure(&page.leased, attempt, error.kind, None, evidence);
    if let Some(trouble) = error.trouble {
        // The host was not asked, or is not to blame.
        return End {
            climb: climb(page, commit, Stuck::Trouble(trouble, error.elapsed)),
            ..End::fine()
        };
    }
    commit.before = page.before();
    let again = matches!(commit.verdict, Verdict::Retry { .. });
    site.store.commit(commit).await;
    End {
        health,
        again,
        why: (!again).then(|| format!("{}: {}", page.leased.url, error.detail)),
        ..End::fine()
    }
}

/// What is handed to the supervisor of a page that its rung could not get.
fn climb(page: Page, commit: Commit, why: Stuck) -> Option<Box<Climb>> {
    let commit = Box::new(commit);
    Some(Box::new(Climb { page, commit, why }))
}

/// An answer with an error status, or a block.
async fn refuse(
    site: &SiteContext,
    mut page: Page,
    attempt: Attempt,
    fetched: Fetched,
    stuck: Option<Stuck>,
) -> End {
    let status = Some(fetched.status);
    let told = matches!(fetched.status, 429 | 503)
        .then(|| fetch::retry_after(&fetched.headers, SystemTime::now()))
        .flatten();
    let hold = told.or_else(|| {
        // Too many requests, and no word on how long to wait.
        (fetched.status == 429).then(|| retry::backoff(page.leased.tries, None))
    });
    let health = if retry::is_host_trouble(FailureKind::Status, status) {
        Health::Failing
    } else {
        Health::Fine
    };
    let body = fetch::body::decode_prefix(&fetched, BODY_KEPT as u64)
        .map(|(body, _)| body)
        .unwrap_or_default();
    let evidence = evidence(&fetched.headers, &body);
    let kind = attempt.kind.unwrap_or(FailureKind::Status);
    let whose = attempt.detail.clone();
    let mut commit = site.failure(&page.leased, attempt, kind, told, Some(evidence));
    commit.content_type = fetch::media_type(&fetched);
    let again = matches!(commit.verdict, Verdict::Retry { .. });
    let why = (!again).then(|| match kind {
        FailureKind::Blocked => format!("{}: blocked ({whose})", page.leased.url),
        _ => format!("{}: status {}", page.leased.url, fetched.status),
    });
    let end = End {
        health,
        hold,
        again,
        why,
        ..End::fine()
    };
    if let Some(stuck) = stuck
        && site.may_climb(&page, stuck == Stuck::Scripts)
    {
        return End {
            climb: climb(page, commit, stuck),
            ..end
        };
    }
    if matches!(fetched.status, 404 | 410) {
        site.learn(&page);
    }
    commit.before = page.before();
    site.store.commit(commit).await;
    end
}

/// Follows a redirect by the frontier's rules: the target becomes a page of
/// its own where the scope takes it and it is not known.
fn redirect(
    site: &SiteContext,
    rules: &Rules,
    page: &Page,
    mut attempt: Attempt,
    fetched: &Fetched,
) -> Commit {
    let leased = &page.leased;
    let broken = |mut attempt: Attempt, kind: FailureKind, detail: String| {
        attempt.kind = Some(kind);
        attempt.detail = detail;
        let evidence = evidence(&fetched.headers, &[]);
        site.failure(leased, attempt, kind, None, Some(evidence))
    };
    let Some(target) = location(rules, &page.url, fetched) else {
        let detail = "a redirect without a usable Location".to_owned();
        return broken(attempt, FailureKind::Redirect, detail);
    };
    if let Err(refusal) = rules.scope.judge(&target, leased.depth) {
        attempt.detail = format!("redirects to {target}: {refusal}");
        if matches!(refusal, Refusal::Private { .. }) {
            let detail = attempt.detail.clone();
            return broken(attempt, FailureKind::Private, detail);
        }
        let mut commit = site.commit(leased, Outcome::Skipped(SkipReason::Scope));
        commit.attempt = Some(attempt);
        return commit;
    }
    let print = site.print(target.as_str());
    let own = site.print(&leased.url);
    if print == own
        && fetched.headers.contains_key(reqwest::header::SET_COOKIE)
        && leased.tries == 0
        && site.controls().retries > 0
    {
        // It only wanted to see its cookie come back.
        let mut commit = site.commit(leased, Outcome::Failed(FailureKind::Redirect));
        commit.verdict = Verdict::Retry {
            due: time::now_ms(),
            kind: FailureKind::Redirect,
        };
        commit.attempt = Some(attempt);
        return commit;
    }
    match site.chains().follow(leased.id, own, print, leased.hops) {
        Step::Follow => {}
        Step::Loop(others) => {
            let mut commit = broken(
                attempt,
                FailureKind::Redirect,
                format!("a redirect loop, closed by {target}"),
            );
            commit.also_failed = others;
            return commit;
        }
        Step::TooLong(others) => {
            let mut commit = broken(
                attempt,
                FailureKind::Redirect,
                format!("more than 10 redirects in a row, the last to {target}"),
            );
            commit.also_failed = others;
            return commit;
        }
    }
    let mut commit = site.commit(leased, Outcome::Done);
    let url: Box<str> = target.as_str().into();
    commit.seen = Some(Seen {
        digest: print.0,
        rules: rules.digest,
        ..Seen::default()
    });
    commit.redirect = Some((print, url.clone()));
    commit.found.push(NewUrl {
        print,
        rank: site.order.rank(&rules.config.discover, &url, leased.depth),
        url,
        depth: leased.depth,
        hops: leased.hops.saturating_add(1),
        via: Via::Redirect,
    });
    commit.attempt = Some(attempt);
    commit
}

/// Where a redirect leads, in normal form.
fn location(rules: &Rules, base: &Url, fetched: &Fetched) -> Option<Url> {
    let value = fetched.headers.get(reqwest::header::LOCATION)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    rules.config.url.parse(text.trim(), Some(base)).ok()
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
