//! Where rungs that follow redirects by themselves found a page, and whether
//! the site's rules go there.

use super::evidence::evidence;
use super::rules::Rules;
use super::site::SiteContext;
use super::work::Page;
use crate::bus::Attempt;
use crate::config::Robots;
use crate::discover::robots;
use crate::discover::scope::Refusal;
use crate::fetch::Fetched;
use crate::page::{FailureKind, Outcome, SkipReason};
use crate::store::Commit;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use url::{Position, Url};

/// Hosts whose robots rules are remembered here; above this all are forgotten.
const REMEMBERED: usize = 4096;

/// The robots rules of a site's hosts as far as they are known, for those who
/// cannot ask the supervisor.
#[derive(Debug, Default)]
pub struct KnownRobots(Mutex<HashMap<Arc<str>, Arc<robots::Rules>>>);

impl KnownRobots {
    /// Notes the rules of an origin.
    pub fn put(&self, origin: &str, rules: Arc<robots::Rules>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(origin.into(), rules);
    }

    /// Whether a URL may be had; `None` where its host's rules are not known.
    fn allow(&self, url: &Url) -> Option<bool> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = known.get(&url[..Position::BeforePath])?;
        let path = &url[Position::BeforePath..Position::AfterQuery];
        Some(rules.allows(path).allowed)
    }
}

/// Where a page was found, in normal form.
#[derive(Debug)]
pub enum Landing {
    /// At its own address.
    Home,
    /// At another, which is the site's.
    At(Url),
    /// At another that the scope leaves out.
    Refused(Url, Refusal),
    /// At another that robots.txt forbids.
    Forbidden(Url),
    /// On a host whose robots.txt was not read yet.
    Unasked(Url),
}

/// Where a page was found.
pub fn landing(site: &SiteContext, rules: &Rules, page: &Page, fetched: &Fetched) -> Landing {
    // What has no normal form is no page: it is taken as the page's own.
    let landed = fetched.landed.as_ref();
    let landed = landed.and_then(|url| rules.config.url.parse(url.as_str(), None).ok());
    let Some(url) = landed.filter(|url| site.print(url.as_str()) != site.print(&page.leased.url))
    else {
        return Landing::Home;
    };
    if let Err(refusal) = rules.scope.judge(&url, page.leased.depth) {
        return Landing::Refused(url, refusal);
    }
    if rules.config.fetch.robots == Robots::Ignore {
        return Landing::At(url);
    }
    match site.robots.allow(&url) {
        Some(true) => Landing::At(url),
        Some(false) => Landing::Forbidden(url),
        None => Landing::Unasked(url),
    }
}

/// The commit of a page that was found where the site's scope does not go.
pub fn refused(
    site: &SiteContext,
    page: &Page,
    mut attempt: Attempt,
    fetched: &Fetched,
    target: &Url,
    refusal: &Refusal,
) -> Commit {
    attempt.detail = format!("leads to {target}: {refusal}");
    if matches!(refusal, Refusal::Private { .. }) {
        let kind = FailureKind::Private;
        attempt.kind = Some(kind);
        let evidence = evidence(&fetched.headers, &[]);
        return site.failure(&page.leased, attempt, kind, None, Some(evidence));
    }
    skipped(site, page, attempt, SkipReason::Scope)
}

/// The commit of a page that was found where robots.txt forbids it.
pub fn forbidden(site: &SiteContext, page: &Page, mut attempt: Attempt, target: &Url) -> Commit {
    attempt.detail = format!("leads to {target}: robots.txt forbids it");
    skipped(site, page, attempt, SkipReason::Robots)
}

fn skipped(site: &SiteContext, page: &Page, attempt: Attempt, why: SkipReason) -> Commit {
    Commit {
        attempt: Some(attempt),
        ..site.commit(&page.leased, Outcome::Skipped(why))
    }
}
