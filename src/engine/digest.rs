//! What is made of a body, on a thread of the CPU pool: links, records, and
//! the page's commit.

use super::again;
use super::evidence::evidence;
use super::keep;
use super::site::SiteContext;
use super::work::Page;
use crate::archive::Revisit;
use crate::bus::{Attempt, Event, Level};
use crate::discover::links::Candidate;
use crate::discover::order::Order;
use crate::discover::trap;
use crate::extract::charset;
use crate::extract::fields::Taken;
use crate::fetch::{self, Fetched, block};
use crate::page::{FailureKind, Outcome};
use crate::store::{Commit, Leased, Links, NewUrl, Record, Seen, Via};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A page that was fetched.
pub struct PageJob {
    /// Its site.
    pub site: Arc<SiteContext>,
    /// Its lease and URL.
    pub page: Page,
    /// The attempt that fetched it.
    pub attempt: Attempt,
    /// The answer.
    pub fetched: Fetched,
}

/// Parses the page and hands its commit to the store. A panic over a hostile
/// body fails that page and nothing else.
pub fn page(job: PageJob) {
    let site = job.site.clone();
    let leased = job.page.leased.clone();
    let same = catch_unwind(AssertUnwindSafe(|| same(&job))).unwrap_or_default();
    let revisit = same.as_ref().and_then(|commit| commit.seen.as_ref());
    let revisit = revisit.map(|seen| Revisit::Same(seen.digest));
    let receipt = keep::begin(&site, &job.page, &job.attempt, &job.fetched, revisit);
    let made = || same.unwrap_or_else(|| read(job));
    let commit = catch_unwind(AssertUnwindSafe(made)).unwrap_or_else(|_| {
        tracing::error!(url = %leased.url, "parsing this page panicked");
        site.commit(&leased, Outcome::Failed(FailureKind::Internal))
    });
    // What the archive never took is fetched again by the next run.
    if keep::is_kept(receipt) {
        site.store.commit_blocking(commit);
    }
    if site.digesting.fetch_sub(1, Ordering::AcqRel) == 1 {
        site.settled.notify_one();
    }
}

/// The commit of a page that is asked again and has the body that it had.
fn same(job: &PageJob) -> Option<Commit> {
    let (site, leased) = (&job.site, &job.page.leased);
    let rules = site.rules();
    if !again::is_same(&rules, leased, &job.fetched) {
        return None;
    }
    let digest = leased.seen.as_ref()?.digest;
    Some(Commit {
        attempt: Some(job.attempt.clone()),
        seen: Some(again::seen(&rules, &job.fetched, digest)),
        same: true,
        ..site.commit(leased, Outcome::Done)
    })
}

fn read(job: PageJob) -> Commit {
    let PageJob {
        site,
        page,
        mut attempt,
        fetched,
    } = job;
    let rules = site.rules();
    let leased = &page.leased;
    let body = match fetch::body::decode(&fetched, rules.config.fetch.max_body) {
        Ok(body) => body,
        Err(error) => {
            attempt.kind = Some(error.kind);
            attempt.detail = error.detail;
            return site.failure(leased, attempt, error.kind, None, None);
        }
    };
    let header = fetched
        .headers
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let (text, _) = charset::decode(&body, header);
    let seen = again::seen(&rules, &fetched, again::body_digest(&fetched, &body));

    let path = &page.url[url::Position::BeforePath..url::Position::AfterQuery];
    if fetch::is_json(&fetched) {
        let mut commit = done(&site, leased, attempt, &fetched, seen);
        keep(&site, &mut commit, rules.plan.json(&text, path, &page.url));
        return commit;
    }

    let depth = leased.depth + 1;
    let mut page_links = rules.linker.page(&page.url, depth);
    // Links that are not followed stand in the page all the same.
    let graph = rules.config.keep.links;
    let mut unfollowed = graph.then(|| rules.linker.page(&page.url, depth));
    let follow = rules.follow;
    let obey = rules.config.discover.nofollow;
    let mut hrefs = 0usize;
    let (head, pass) = rules.plan.pass(&text, path, &mut |link| {
        hrefs += 1;
        if follow && !(obey && link.nofollow) {
            page_links.push(link.href);
        } else if let Some(unfollowed) = &mut unfollowed {
            unfollowed.push(link.href);
        }
    });
    if hrefs <= block::FEW_LINKS
        && let Some(whose) = block::by_body(fetched.status, &fetched.headers, &text)
    {
        site.blocked(&fetched);
        return refused(&site, leased, attempt, &text, whose, &fetched);
    }
    let mut commit = done(&site, leased, attempt, &fetched, seen);
    if let Some(base) = &head.base_href {
        page_links.base(base);
        if let Some(unfollowed) = &mut unfollowed {
            unfollowed.base(base);
        }
    }
    if let Some(refresh) = &head.refresh {
        page_links.push(refresh);
    }
    commit.canonical = head
        .canonical
        .as_deref()
        .and_then(|href| page_links.resolve(href))
        .map(|url| String::from(url).into_boxed_str());
    keep(&site, &mut commit, pass.finish(page_links.base_url()));
    let mut links = Links::default();
    // Most are known already, and looking here spares the store's one thread.
    let mut edge = |print| match site.store.find(print) {
        Some(page) => links.pages.push(page),
        None => links.rest.push(print),
    };
    let follow = follow && !(obey && head.robots.nofollow);
    if follow {
        let found = &rules.config.discover;
        let mut targets = 0;
        let is_known = |print| site.store.knows(print);
        let mut take = |candidate: Candidate| {
            let verdict = site.traps.judge(&candidate.url, found.traps);
            if verdict == trap::Verdict::LeaveFirst {
                tell_trap(&site, &candidate.url);
            }
            if verdict != trap::Verdict::Take {
                return;
            }
            targets += usize::from(Order::is_target(found, &candidate.url));
            commit.found.push(NewUrl {
                print: candidate.print,
                rank: site.order.rank(found, &candidate.url, depth),
                url: candidate.url,
                depth,
                hops: 0,
                via: Via::Link,
            });
        };
        if graph {
            page_links.finish_telling(&mut edge, &is_known, &mut take);
        } else {
            page_links.finish(&is_known, &mut take);
        }
        site.order.learn(found, &leased.url, targets);
    } else if graph {
        page_links.tell(&mut edge);
    }
    if let Some(unfollowed) = unfollowed {
        unfollowed.tell(&mut edge);
        commit.links = Some(links);
    }
    commit
}

/// Tells of a trap when the first link of its shape is left out.
fn tell_trap(site: &SiteContext, url: &str) {
    if let Some(trap) = site.traps.of(url) {
        let text = format!(
            "trap: {}: {} {} pages taken, further ones are left out; discover.traps lifts that",
            trap.kind.as_str(),
            trap.taken,
            trap.shape,
        );
        site.say_blocking(Level::Warn, text);
    }
}

/// The commit of a page that was had.
fn done(
    site: &SiteContext,
    leased: &Leased,
    attempt: Attempt,
    fetched: &Fetched,
    seen: Seen,
) -> Commit {
    Commit {
        seen: Some(seen),
        attempt: Some(attempt),
        content_type: fetch::media_type(fetched),
        ..site.commit(leased, Outcome::Done)
    }
}

/// A page with a good status that is a challenge all the same.
fn refused(
    site: &SiteContext,
    leased: &Leased,
    attempt: Attempt,
    html: &str,
    whose: &str,
    fetched: &Fetched,
) -> Commit {
    let kind = FailureKind::Blocked;
    // A bus that is gone has nobody who counts.
    let _ = site.events.blocking_send(Event::Late {
        site: site.id,
        kind,
    });
    Commit {
        content_type: fetch::media_type(fetched),
        attempt: Some(Attempt {
            kind: Some(kind),
            detail: whose.to_owned(),
            ..attempt
        }),
        evidence: Some(evidence(&fetched.headers, html.as_bytes())),
        ..site.commit(leased, Outcome::Failed(kind))
    }
}

/// Puts a page's records into its commit, and tells of them; what was left out
/// stands in the attempt's note.
fn keep(site: &SiteContext, commit: &mut Commit, taken: Taken) {
    if let (Some(note), Some(attempt)) = (taken.note, &mut commit.attempt) {
        attempt.detail = note;
    }
    for taken in taken.records {
        // A bus that is gone has nobody who counts.
        let _ = site.events.blocking_send(Event::Record {
            site: site.id,
            rule: taken.rule,
            missing: taken.missing,
        });
        commit.records.push(Record {
            name: taken.name,
            fields: taken.fields,
        });
    }
}
