//! Errands: robots.txt and sitemaps, fetched by the same workers as pages and
//! so under the same pace, pauses and retries.

use super::api;
use super::host::Health;
use super::intake::Intake;
use super::keep;
use super::list;
use super::retry;
use super::site::{Message, SiteContext};
use super::work::{Errand, ErrandKind, ErrandResult, Report};
use crate::bus::Level;
use crate::config::ListRule;
use crate::discover::robots::{self, Robots, Rules};
use crate::discover::sitemap;
use crate::fetch::{self, FetchError, Fetched, Want};
use crate::page::FailureKind;
use crate::page::time::now_ms;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;

/// Redirects followed for robots.txt (RFC 9309, 2.3.1.2) and for a sitemap.
const HOPS: usize = 5;
/// Largest sitemap on the wire, bytes (the protocol's 50 MB, and some room).
const SITEMAP_BYTES: u64 = 64 << 20;
/// Largest list on the wire, bytes.
const LIST_BYTES: u64 = 64 << 20;
/// The same after the transport's own compression, bytes.
const LIST_UNPACKED: u64 = 128 << 20;

/// Runs one errand and completes the report on it.
pub async fn run(site: &Arc<SiteContext>, errand: Errand, mut report: Report) -> Report {
    let want = match &errand.kind {
        ErrandKind::Robots => Want::File(robots::MAX_BYTES as u64),
        ErrandKind::Sitemap { .. } => Want::File(SITEMAP_BYTES),
        ErrandKind::List(_) => Want::File(LIST_BYTES),
        ErrandKind::Api(_) => Want::File(api::BYTES),
    };
    let (answer, kept) = fetch_through(site, &errand, want).await;
    report.cost = fetch::cost(&answer);
    if let Err(error) = &answer
        && let Some(trouble) = &error.trouble
    {
        report.trouble = Some((trouble.clone(), error.elapsed));
        report.health = Some(Health::Fine);
        report.errand = Some(ErrandResult::Again(errand, Duration::ZERO));
        return report;
    }
    let (status, kind) = match &answer {
        Ok(fetched) => (
            Some(fetched.status),
            (fetched.status >= 400).then_some(FailureKind::Status),
        ),
        Err(error) => (error.head.as_ref().map(|head| head.0), Some(error.kind)),
    };
    let trouble = kind.is_some_and(|kind| retry::is_worth_retrying(kind, status));
    report.health = Some(match kind {
        Some(FailureKind::Dns | FailureKind::Connect | FailureKind::Tls) => Health::Unreachable,
        _ if trouble => Health::Failing,
        _ => Health::Fine,
    });
    if trouble {
        report.hold = answer
            .as_ref()
            .ok()
            .and_then(|fetched| fetch::retry_after(&fetched.headers, SystemTime::now()));
    }
    report.errand = Some(if trouble && errand.tries < site.controls().retries {
        let wait = retry::backoff(errand.tries, report.hold);
        let errand = Errand {
            tries: errand.tries + 1,
            ..errand
        };
        ErrandResult::Again(errand, wait)
    } else {
        match &errand.kind {
            ErrandKind::Robots => rules(site, answer),
            ErrandKind::Sitemap { nesting, asked } => {
                read_sitemap(site, &errand, *nesting, *asked, answer).await
            }
            ErrandKind::List(rule) => read_list(site, rule, answer).await,
            ErrandKind::Api(call) => api::read(site, &errand, call, answer, kept).await,
        }
    });
    report
}

/// Fetches an errand's file by the site's first rung, following redirects: a
/// site whose ladder begins above plain HTTP never shows its naked address.
/// Tells also whether the answer is in the archive, which takes those of APIs.
async fn fetch_through(
    site: &Arc<SiteContext>,
    errand: &Errand,
    want: Want,
) -> (Result<Fetched, FetchError>, bool) {
    let rules = site.rules();
    let call = match &errand.kind {
        ErrandKind::Api(call) => Some(call),
        _ => None,
    };
    let calling = call.map(|call| api::visitor(&rules.visitor, call));
    let visitor = calling.as_ref().unwrap_or(&rules.visitor);
    let ladder = site.ladder();
    let fetcher = &ladder[0].fetcher;
    let mut url = errand.url.clone();
    let mut hops = 0;
    loop {
        let at = now_ms();
        let fetched = match fetcher.fetch(visitor, &url, want).await {
            Ok(fetched) => fetched,
            Err(error) => return (Err(error), false),
        };
        let kept = match call {
            Some(call) => keep::called(site, call, &url, at, &fetched).await,
            None => false,
        };
        let target = fetched
            .headers
            .get(reqwest::header::LOCATION)
            .filter(|_| fetched.is_redirect() && hops < HOPS)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| url.join(text).ok())
            .filter(|target| matches!(target.scheme(), "http" | "https"))
            // What an API is asked with goes to its own host alone.
            .filter(|target| match call {
                Some(call) => call.body.is_none() && target.origin() == url.origin(),
                None => true,
            });
        match target {
            Some(target) => url = target,
            None => return (Ok(fetched), kept),
        }
        hops += 1;
    }
}

/// What an answer to the request for robots.txt means.
fn rules(site: &SiteContext, answer: Result<Fetched, FetchError>) -> ErrandResult {
    let agent = site.rules().config.fetch.user_agent.clone();
    let agent = robots::product_token(&agent);
    match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => {
            match fetch::body::decode(&fetched, robots::MAX_BYTES as u64 * 4) {
                Ok(body) => {
                    let robots = Robots::parse(&body);
                    let sitemaps = robots.sitemaps().to_vec();
                    ErrandResult::Robots(Ok(Arc::new(robots.for_agent(agent))), sitemaps)
                }
                Err(error) => {
                    let why = format!("robots.txt cannot be read: {error}");
                    ErrandResult::Robots(Err(why.into()), Vec::new())
                }
            }
        }
        // A redirect too many, or 4xx: no rules are in force (RFC 9309, 2.3.1.2
        // and 2.3.1.3).
        Ok(fetched) if fetched.status < 500 => {
            ErrandResult::Robots(Ok(Arc::new(Rules::allow_all())), Vec::new())
        }
        Ok(fetched) => {
            let why = format!(
                "robots.txt answers {}, which forbids the host",
                fetched.status
            );
            ErrandResult::Robots(Err(why.into()), Vec::new())
        }
        Err(error) => {
            let why = format!("robots.txt is unreachable, which forbids the host: {error}");
            ErrandResult::Robots(Err(why.into()), Vec::new())
        }
    }
}

/// Hands a sitemap to the CPU pool.
async fn read_sitemap(
    site: &Arc<SiteContext>,
    errand: &Errand,
    nesting: u8,
    asked: bool,
    answer: Result<Fetched, FetchError>,
) -> ErrandResult {
    let fetched = match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => fetched,
        Ok(fetched) => {
            let why = asked.then(|| format!("sitemap {}: status {}", errand.url, fetched.status));
            return ErrandResult::NoSitemap(why);
        }
        Err(error) => {
            return ErrandResult::NoSitemap(Some(format!("sitemap {}: {error}", errand.url)));
        }
    };
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return ErrandResult::NoSitemap(None);
    };
    let site = site.clone();
    let errand = errand.clone();
    let runtime = Handle::current();
    site.pool.clone().run(move || {
        let read = catch_unwind(AssertUnwindSafe(|| {
            parse_sitemap(&site, &errand, asked, &fetched, &runtime)
        }));
        let more = read.unwrap_or_else(|_| {
            tracing::error!(url = %errand.url, "reading this sitemap panicked");
            Vec::new()
        });
        drop(room);
        let nesting = nesting + 1;
        // A closed inbox means that the site is over.
        let _ = site
            .inbox
            .blocking_send(Message::SitemapRead { more, nesting });
    });
    ErrandResult::Reading
}

/// Reads a sitemap on the pool's thread: pages go to the store, further
/// sitemaps are answered.
fn parse_sitemap(
    site: &SiteContext,
    errand: &Errand,
    asked: bool,
    fetched: &Fetched,
    runtime: &Handle,
) -> Vec<url::Url> {
    let body = match fetch::body::decode(fetched, SITEMAP_BYTES) {
        Ok(body) => body,
        Err(error) => {
            let text = format!("sitemap {}: {error}", errand.url);
            runtime.block_on(site.say(Level::Warn, text));
            return Vec::new();
        }
    };
    let mut more = Vec::new();
    let mut intake = Intake::new(site, runtime);
    let caps = sitemap::Caps::default();
    let summary = sitemap::read(&*body, &errand.url, &caps, &mut |entry| match entry {
        sitemap::Entry::Sitemap { loc, lastmod } => {
            if intake.is_old(lastmod.as_deref()) {
                intake.old += 1;
            } else {
                more.push(loc);
            }
        }
        sitemap::Entry::Page { loc, lastmod } => intake.offer(loc, lastmod.as_deref()),
    });
    intake.flush();
    let taken = intake.taken;
    let found = summary.entries > 0;
    let (level, text) = match &summary.problem {
        Some(problem) if asked || found => (
            Level::Warn,
            format!("sitemap {}: {problem}; {taken} new pages", errand.url),
        ),
        Some(_) => return more,
        None => (
            Level::Info,
            format!(
                "sitemap {}: {taken} new pages{}, {} further sitemaps",
                errand.url,
                intake.left_out(),
                more.len()
            ),
        ),
    };
    runtime.block_on(site.say(level, text));
    more
}

/// Hands a fetched list to a thread of its own: a long one would keep the CPU
/// pool from its pages.
async fn read_list(
    site: &Arc<SiteContext>,
    rule: &Arc<ListRule>,
    answer: Result<Fetched, FetchError>,
) -> ErrandResult {
    let fetched = match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => fetched,
        Ok(fetched) => {
            let text = format!("list {}: status {}", rule.from, fetched.status);
            return ErrandResult::NoSource(list::key(rule), text);
        }
        Err(error) => {
            let text = format!("list {}: {error}", rule.from);
            return ErrandResult::NoSource(list::key(rule), text);
        }
    };
    let (site, rule) = (site.clone(), rule.clone());
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        if fetched.cut {
            let text = format!("list {}: cut off at {LIST_BYTES} bytes", rule.from);
            runtime.block_on(site.say(Level::Warn, text));
        }
        let cancel = site.importing();
        match fetch::body::decode(&fetched, LIST_UNPACKED) {
            Ok(body) => list::import(&site, &rule, &*body, list::mark(&rule), &runtime, &cancel),
            Err(error) => list::give_up(&site, &rule, &error.to_string(), &runtime),
        }
    });
    ErrandResult::Reading
}
