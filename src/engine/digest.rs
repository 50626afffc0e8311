//! What is made of a body, on a thread of the CPU pool: links, records, and
//! the page's commit.

use super::again::{self, Body};
use super::evidence::evidence;
use super::keep;
use super::retake;
use super::rules::Rules;
use super::site::{Message, SiteContext};
use super::suspicion;
use super::work::{Climb, Page, Stuck};
use crate::archive::Revisit;
use crate::bus::{Attempt, Event, Level};
use crate::config::Canonical;
use crate::discover::indexing;
use crate::discover::links::Candidate;
use crate::discover::order::Order;
use crate::discover::trap;
use crate::extract::charset;
use crate::extract::content::Content;
use crate::extract::fields::Taken;
use crate::fetch::{self, Fetched, shell};
use crate::page::{FailureKind, Outcome, PageId, TextPrint, Verdict};
use crate::store::{Commit, Leased, Links, NewUrl, Record, Seen, Via};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use url::Url;

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
    /// Where it was found, where that is another address than the page's.
    pub landed: Option<Url>,
}

/// What came of reading a page: its commit, and why a higher rung should get
/// it, where one should.
type ReadOut = (Commit, Option<Stuck>);

/// Parses the page and hands its commit to the store. A panic over a hostile
/// body fails that page and nothing else.
pub fn page(job: PageJob) {
    let PageJob {
        site,
        mut page,
        attempt,
        fetched,
        landed,
    } = job;
    let rules = site.rules();
    let decode = || again::read(&rules, &page.leased, &fetched);
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    let revisit = match &decoded {
        Ok(Ok(body)) if body.same => Some(Revisit::Same(body.seen.digest)),
        _ => None,
    };
    let receipt = keep::begin(&site, &page, &attempt, &fetched, revisit);
    let made = decoded.and_then(|decoded| {
        let read = || match decoded {
            Ok(body) if body.same => (same(&site, &page, attempt, body.seen), None),
            Ok(body) => read(
                &site,
                &rules,
                &page,
                attempt,
                &fetched,
                body,
                landed.as_ref(),
            ),
            Err(error) => (undecoded(&site, &page, attempt, error), None),
        };
        catch_unwind(AssertUnwindSafe(read))
    });
    let (mut commit, stuck) = made.unwrap_or_else(|_| {
        tracing::error!(url = %page.leased.url, "parsing this page panicked");
        let kind = FailureKind::Internal;
        (site.commit(&page.leased, Outcome::Failed(kind)), None)
    });
    // What the archive never took is fetched again by the next run.
    if keep::is_kept(receipt) {
        if let Some(why) = stuck {
            let commit = Box::new(commit);
            let climb = Message::Climb(Box::new(Climb { page, commit, why }));
            // A closed inbox means that the site is over.
            let _ = site.inbox.blocking_send(climb);
            return;
        }
        if commit.verdict == Verdict::Final(Outcome::Failed(FailureKind::Blocked)) {
            site.show(&page, true);
        }
        if commit.verdict == Verdict::Final(Outcome::Done) {
            site.show(&page, false);
            site.learn(&page);
            land(&site, &page.leased, landed.as_ref(), &mut commit);
        }
        commit.before = page.before();
        site.store.commit_blocking(commit);
        if let Some(message) = retake::committed(&site, page.leased.id) {
            let _ = site.inbox.blocking_send(message);
        }
    }
    site.digested();
}

/// Notes in a page's commit where it was found, where that is another address.
pub fn land(site: &SiteContext, leased: &Leased, landed: Option<&Url>, commit: &mut Commit) {
    let Some(url) = landed else {
        return;
    };
    let print = site.print(url.as_str());
    commit.redirect = Some((print, url.as_str().into()));
    commit.landed = Some(NewUrl {
        print,
        url: url.as_str().into(),
        depth: leased.depth,
        rank: 0,
        hops: leased.hops.saturating_add(1),
        via: Via::Redirect,
    });
}

/// The commit of a page that is asked again and has the body that it had.
fn same(site: &SiteContext, page: &Page, attempt: Attempt, seen: Seen) -> Commit {
    Commit {
        attempt: Some(attempt),
        seen: Some(seen),
        same: true,
        ..site.commit(&page.leased, Outcome::Done)
    }
}

/// The commit of a page whose content coding cannot be undone.
fn undecoded(
    site: &SiteContext,
    page: &Page,
    mut attempt: Attempt,
    error: fetch::FetchError,
) -> Commit {
    attempt.kind = Some(error.kind);
    attempt.detail = error.detail;
    site.failure(&page.leased, attempt, error.kind, None, None)
}

fn read(
    site: &Arc<SiteContext>,
    rules: &Rules,
    page: &Page,
    attempt: Attempt,
    fetched: &Fetched,
    Body { text, seen, .. }: Body<'_>,
    landed: Option<&Url>,
) -> ReadOut {
    let leased = &page.leased;
    let address = landed.unwrap_or(&page.url);
    let header = fetched
        .headers
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let (text, _) = charset::decode(&text, header);

    let path = &address[url::Position::BeforePath..url::Position::AfterQuery];
    let found = &rules.config.discover;
    let tag = indexing::header(&rules.config, &fetched.headers);
    if fetch::is_json(fetched) {
        let mut commit = done(site, leased, attempt, fetched, seen);
        if !(found.skip_noindex && tag.noindex) {
            keep(site, &mut commit, rules.plan.json(&text, path, address));
        }
        return (commit, None);
    }

    let depth = leased.depth + 1;
    let mut page_links = rules.linker.page(address, depth);
    // Links that are not followed stand in the page all the same.
    let graph = rules.config.keep.links;
    let mut unfollowed = graph.then(|| rules.linker.page(address, depth));
    let follow = rules.follow;
    let obey = found.nofollow;
    let mut hrefs = 0usize;
    let mut content = rules.config.keep.duplicates.then(Content::default);
    let (head, pass) = rules
        .plan
        .pass_with(&text, path, content.as_mut(), &mut |link| {
            hrefs += 1;
            if follow && !(obey && link.nofollow) {
                page_links.push_at(link.href, link.place);
            } else if let Some(unfollowed) = &mut unfollowed {
                unfollowed.push(link.href);
            }
        });
    if let Some(found) = suspicion::of_page(site, rules, page, fetched, &text, hrefs) {
        site.blocked(fetched);
        let stuck = found.stuck();
        if let Some(message) = retake::found(site, found.before) {
            // A closed inbox means that the site is over; so below.
            let _ = site.inbox.blocking_send(message);
        }
        let commit = refused(site, page, attempt, &text, found.told, fetched);
        let climbs = site.may_climb(page, found.scripts);
        return (commit, climbs.then_some(stuck));
    }
    if hrefs == 0
        && !page.rung.runs_scripts()
        && site.may_climb(page, true)
        && head.refresh.is_none()
        && shell::needs_scripts(&text)
    {
        let commit = refused(site, page, attempt, &text, "needs scripts", fetched);
        site.suspicion().climbs(page);
        return (commit, Some(Stuck::Scripts));
    }
    let mut commit = done(site, leased, attempt, fetched, seen);
    if let Some(base) = &head.base_href {
        page_links.base(base);
        if let Some(unfollowed) = &mut unfollowed {
            unfollowed.base(base);
        }
    }
    if let Some(refresh) = &head.refresh {
        page_links.push(refresh);
    }
    if found.canonical != Canonical::Record
        && let Some(canonical) = &head.canonical
    {
        page_links.push(canonical);
    }
    if found.hreflang {
        head.alternates
            .iter()
            .for_each(|href| page_links.push(href));
    }
    let noindex = head.robots.noindex || tag.noindex;
    let canonical = head.canonical.as_deref();
    let indexing = indexing::judge(found, &page_links, &leased.url, canonical, noindex);
    commit.canonical = indexing
        .canonical
        .map(|url| String::from(url).into_boxed_str());
    if indexing.taken {
        keep(site, &mut commit, pass.finish(page_links.base_url()));
    }
    commit.content = content.and_then(Content::print);
    if let Some(print) = commit.content {
        count_copies(site, leased.id, print);
    }
    let mut links = Links::default();
    // Most are known already, and looking here spares the store's one thread.
    let mut edge = |print| match site.store.find(print) {
        Some(page) => links.pages.push(page),
        None => links.rest.push(print),
    };
    let follow = follow && !(obey && (head.robots.nofollow || tag.nofollow));
    if follow {
        let mut targets = 0;
        let mut changes = trap::Changes::default();
        let is_known = |print| site.store.knows(print);
        let mut take = |candidate: Candidate| {
            let link = (candidate.print, &*candidate.url);
            let verdict = site.traps.judge(link, depth, found.traps, &mut changes);
            if verdict == trap::Verdict::LeaveFirst {
                tell_trap(site, &candidate.url);
            }
            if verdict != trap::Verdict::Take {
                return;
            }
            targets += usize::from(Order::is_target(found, &candidate.url));
            commit.found.push(NewUrl {
                print: candidate.print,
                rank: site.order.rank_found(found, link, depth, candidate.place),
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
        commit.traps = changes.into_vec();
        let own = (site.print(&leased.url), &*leased.url);
        if site.order.learn(found, own, targets) {
            // A closed inbox means that the site is over.
            let _ = site.inbox.blocking_send(Message::Learned);
        }
    } else if graph {
        page_links.tell(&mut edge);
    }
    if let Some(unfollowed) = unfollowed {
        unfollowed.tell(&mut edge);
        commit.links = Some(links);
    }
    (commit, None)
}

/// Counts a page's text among those of the site.
fn count_copies(site: &SiteContext, page: PageId, print: TextPrint) {
    if let Some(copied) = site.copies.add(page, print) {
        let site_id = site.id;
        // A bus that is gone has nobody who counts.
        let _ = site.events.blocking_send(Event::Copies {
            site: site_id,
            copied,
        });
    }
}

/// Tells of a trap when the first link of its shape is left out.
fn tell_trap(site: &SiteContext, url: &str) {
    if let Some(trap) = site.traps.of(url) {
        let text = format!(
            "trap: {}: {} {} pages taken, further ones are left out; discover.traps or the command lift takes them",
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

/// A page with a good status that is a challenge, or a shell, all the same.
fn refused(
    site: &SiteContext,
    page: &Page,
    attempt: Attempt,
    html: &str,
    whose: &'static str,
    fetched: &Fetched,
) -> Commit {
    let kind = FailureKind::Blocked;
    // A bus that is gone has nobody who counts.
    let _ = site.events.blocking_send(Event::Late {
        site: site.id,
        kind,
        rung: page.rung,
    });
    let _ = site.events.blocking_send(Event::Block {
        site: site.id,
        rung: page.rung,
        whose,
    });
    Commit {
        content_type: fetch::media_type(fetched),
        attempt: Some(Attempt {
            kind: Some(kind),
            detail: whose.to_owned(),
            ..attempt
        }),
        evidence: Some(evidence(&fetched.headers, html.as_bytes())),
        ..site.commit(&page.leased, Outcome::Failed(kind))
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
