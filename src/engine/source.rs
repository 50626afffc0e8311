//! Sitemaps, lists and APIs alike: what they are known by, and what is told of
//! how they were read.

use super::api;
use super::list;
use super::site::SiteContext;
use super::work::{ApiCall, Errand};
use crate::bus::{SourceKind, SourceRow, SourceState};
use crate::config::{ApiRule, ListRule, Sitemap};
use crate::fetch::{self, Fetched};
use crate::page::time::now_ms;
use crate::store::{SitemapAddress, SourceNews, SourceReport};
use serde_json::Value;
use url::{Position, Url};

/// Bytes of a refusal's body that are told.
const EXCERPT: u64 = 120;

/// Which source.
#[derive(Debug, Clone)]
pub struct Source {
    /// What kind.
    pub kind: SourceKind,
    /// What it is known by from one run to the next.
    pub key: String,
    /// Its address, without what may be a secret.
    pub name: String,
    /// Where a sitemap is asked again.
    pub place: Option<SitemapAddress>,
    /// Whether the sites file names it, so that its place, which may hold a
    /// secret, is not written down.
    own: bool,
}

/// How reading a source went.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Entries, rows or answers read.
    pub read: u64,
    /// URLs found.
    pub urls: u64,
    /// Entries, rows or items that gave none.
    pub bad: u64,
    /// Why it was not read to its end, or what was wrong with it.
    pub problem: Option<String>,
}

/// What reading a source of URLs came to.
#[derive(Debug)]
pub struct SourceRead {
    /// What the source is known by from one run to the next.
    pub key: String,
    /// How far it is read, to be kept; `None` leaves that as it was.
    pub mark: Option<Value>,
    /// Whether the store has that mark already.
    pub stored: bool,
    /// Sitemaps that it names.
    pub sitemaps: Vec<Url>,
    /// What is to be asked next; `None` where it is over.
    pub next: Option<Errand>,
    /// Whether it could not be read to its end.
    pub failed: bool,
}

impl SourceRead {
    /// There is no more of it.
    pub fn over(key: String, mark: Option<Value>) -> Self {
        Self {
            key,
            mark,
            stored: false,
            sitemaps: Vec::new(),
            next: None,
            failed: false,
        }
    }

    /// It could not be read, or not to its end.
    pub fn failed(key: String) -> Self {
        Self {
            failed: true,
            ..Self::over(key, None)
        }
    }
}

impl Source {
    /// A list.
    pub fn list(rule: &ListRule) -> Self {
        Self {
            kind: SourceKind::List,
            key: list::key(rule),
            name: rule.from.to_string(),
            place: None,
            own: true,
        }
    }

    /// An API.
    pub fn api(rule: &ApiRule) -> Self {
        Self {
            kind: SourceKind::Api,
            key: api::key(rule),
            name: rule.name().to_owned(),
            place: None,
            own: true,
        }
    }

    /// A sitemap.
    pub fn sitemap(site: &SiteContext, url: &Url, nesting: u8, asked: bool) -> Self {
        let rules = site.rules();
        let own = match &rules.config.discover.sitemap {
            Sitemap::List(urls) => urls.contains(url),
            Sitemap::Auto | Sitemap::Off => false,
        };
        let name = match own {
            // What the operator has written may hold a secret in its query.
            true => url[..Position::AfterPath].to_owned(),
            false => bare(url),
        };
        Self {
            kind: SourceKind::Sitemap,
            key: sitemap_key(site, url),
            name,
            place: Some(SitemapAddress {
                url: url.as_str().into(),
                nesting,
                asked,
            }),
            own,
        }
    }

    /// What the store is told of it; with the sitemaps that it names, `nesting`
    /// indexes deep.
    pub fn news(
        &self,
        site: &SiteContext,
        state: SourceState,
        tally: &Tally,
        named: &[Url],
        nesting: u8,
    ) -> SourceNews {
        let named = named.iter().map(|url| {
            let address = SitemapAddress {
                url: url.as_str().into(),
                nesting,
                asked: true,
            };
            (sitemap_key(site, url), bare(url), address)
        });
        let problem = tally.problem.clone().unwrap_or_default();
        SourceNews::Stands(Box::new(SourceReport {
            key: self.key.clone(),
            row: SourceRow {
                kind: self.kind,
                name: self.name.clone(),
                state,
                read: tally.read,
                urls: tally.urls,
                bad: tally.bad,
                problem: site.folder.clean(problem),
                at: now_ms(),
            },
            address: self.place.clone().filter(|_| !self.own),
            named: named.collect(),
        }))
    }

    /// What the store is told of a source that could not be had, or not to its
    /// end.
    pub fn failed(&self, site: &SiteContext, tally: Tally, why: &str) -> SourceNews {
        let tally = Tally {
            problem: Some(why.to_owned()),
            ..tally
        };
        self.news(site, SourceState::Failed, &tally, &[], 0)
    }

    /// Its kind and its name.
    pub fn words(&self) -> String {
        format!("{} {}", self.kind.as_str(), self.name)
    }
}

/// What an API has given before this turn.
pub fn before(call: &ApiCall) -> Tally {
    Tally {
        read: call.turn.asked,
        urls: call.turn.found,
        bad: call.turn.bad,
        problem: call.turn.problem.clone(),
    }
}

/// The source that an errand asks; `None` of robots.txt.
pub fn of(site: &SiteContext, errand: &Errand) -> Option<Source> {
    use super::work::ErrandKind;
    match &errand.kind {
        ErrandKind::Robots => None,
        ErrandKind::Sitemap { nesting, asked } => {
            Some(Source::sitemap(site, &errand.url, *nesting, *asked))
        }
        ErrandKind::List(rule) => Some(Source::list(rule)),
        ErrandKind::Api(call) => Some(Source::api(&call.rule)),
    }
}

/// What a sitemap is known by from one run to the next.
pub fn sitemap_key(site: &SiteContext, url: &Url) -> String {
    format!("sitemap {:016x}", site.print(url.as_str()).0)
}

/// A URL without user name and password.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    // Cannot fail: an http URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// A refusal in words, with the beginning of its body.
pub fn refusal(fetched: &Fetched) -> String {
    let body = fetch::body::decode_prefix(fetched, EXCERPT);
    let body = body.map(|(body, _)| body.into_owned()).unwrap_or_default();
    let excerpt = String::from_utf8_lossy(&body);
    match excerpt.trim() {
        "" => format!("status {}", fetched.status),
        excerpt => format!("status {} {excerpt:?}", fetched.status),
    }
}

/// A problem with what stands there.
pub fn at(problem: &str, excerpt: &str) -> String {
    match excerpt {
        "" => problem.to_owned(),
        excerpt => format!("{problem}: {excerpt:?}"),
    }
}
