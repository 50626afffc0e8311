//! Errands: robots.txt and sitemaps, fetched by the same workers as pages and
//! so under the same pace, pauses and retries.

use super::api;
use super::host::Health;
use super::keep;
use super::list;
use super::retry;
use super::site::SiteContext;
use super::sitemap;
use super::source::{self, Source, Tally};
use super::work::{Errand, ErrandKind, ErrandResult, Report};
use crate::config::ListRule;
use crate::discover::part;
use crate::discover::robots::{self, Robots, Rules};
use crate::fetch::{self, FetchError, Fetched, Spool, Want};
use crate::page::FailureKind;
use crate::page::time::now_ms;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;

/// Redirects followed for robots.txt (RFC 9309, 2.3.1.2) and for a sitemap.
const HOPS: usize = 5;
/// Largest list on the wire, bytes, where it is kept in memory: over rungs that
/// have it fetched by somebody else.
const LIST_BYTES: u64 = 64 << 20;

/// Runs one errand and completes the report on it.
pub async fn run(site: &Arc<SiteContext>, errand: Errand, mut report: Report) -> Report {
    let want = match &errand.kind {
        ErrandKind::Robots => Want::File(robots::MAX_BYTES as u64),
        ErrandKind::Sitemap { .. } => Want::File(sitemap::BYTES),
        ErrandKind::List(_) => Want::File(LIST_BYTES),
        ErrandKind::Api(_) => Want::File(api::BYTES),
    };
    let spool = match &errand.kind {
        ErrandKind::List(rule) => {
            let spool = site.folder.spool(&site.name, &list::key(rule));
            Some(Arc::new(spool))
        }
        _ => None,
    };
    let (answer, kept) = fetch_through(site, &errand, want, spool.as_ref()).await;
    report.cost = site.ladder()[0].paid(&answer);
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
                sitemap::read(site, &errand, *nesting, *asked, answer).await
            }
            ErrandKind::List(rule) => read_list(site, rule, answer, spool).await,
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
    spool: Option<&Arc<Spool>>,
) -> (Result<Fetched, FetchError>, bool) {
    let rules = site.rules();
    let call = match &errand.kind {
        ErrandKind::Api(call) => Some(call),
        _ => None,
    };
    let calling = call.map(|call| api::visitor(&rules.visitor, call));
    let spooling = spool.map(|spool| rules.visitor.spooling(spool.clone()));
    let visitor = calling.as_ref().or(spooling.as_ref());
    let visitor = visitor.unwrap_or(&rules.visitor);
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

/// Hands a fetched list to a thread of its own: a long one would keep the CPU
/// pool from its pages.
async fn read_list(
    site: &Arc<SiteContext>,
    rule: &Arc<ListRule>,
    answer: Result<Fetched, FetchError>,
    spool: Option<Arc<Spool>>,
) -> ErrandResult {
    let source = Source::list(rule);
    let why = match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => {
            let (site, rule) = (site.clone(), rule.clone());
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || {
                if let Err(why) = unpack(&site, &rule, &fetched, spool.as_deref(), &runtime) {
                    list::give_up(&site, &rule, &why, &runtime);
                }
                // Where it stays, the next run takes it away; so below.
                let _ = spool.map(|spool| std::fs::remove_file(spool.path()));
            });
            return ErrandResult::Reading;
        }
        Ok(fetched) => source::refusal(&fetched),
        Err(error) => error.to_string(),
    };
    if let Some(spool) = spool {
        let _ = tokio::fs::remove_file(spool.path()).await;
    }
    let news = source.failed(site, Tally::default(), &why);
    site.store.source(site.id, news).await;
    let text = format!("{}: {why}", source.words());
    ErrandResult::NoSource(source.key, site.folder.clean(text))
}

/// Reads a list that was fetched, from the spool or from memory.
fn unpack(
    site: &Arc<SiteContext>,
    rule: &ListRule,
    fetched: &Fetched,
    spool: Option<&Spool>,
    runtime: &Handle,
) -> Result<(), String> {
    let (wire, bytes): (Box<dyn BufRead>, u64) = match spool {
        Some(spool) if spool.taken() > 0 => {
            let path = spool.path();
            let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let file = BufReader::with_capacity(list::BUFFER, file);
            (Box::new(file), spool.taken())
        }
        _ => (Box::new(&*fetched.body), fetched.body.len() as u64),
    };
    let wire: Box<dyn BufRead> = match fetched.cut {
        true => {
            let why = format!("it is cut off after {bytes} bytes, the most that are taken of it");
            Box::new(part(wire, why))
        }
        false => wire,
    };
    let bytes = fetch::body::reader(fetched, wire).map_err(|error| error.to_string())?;
    let cancel = site.importing();
    list::import(site, rule, bytes, list::mark(rule), runtime, &cancel);
    Ok(())
}
