//! One thread's part: pages out of the archive, their records made again.

use super::tally::{SiteTally, Tally};
use super::{ReworkError, Worked};
use crate::archive::{Reader, Stored};
use crate::config::Site;
use crate::extract::fields::Plan;
use crate::extract::{charset, links};
use crate::fetch::{self, Fetched};
use crate::store::sqlite::replace::{Change, DonePage, DonePages};
use memchr::memmem;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::{Position, Url};

/// A record's name and its fields.
type Made = (Arc<str>, Map<String, Value>);

/// A site's fields and limits.
struct Rules {
    plan: Plan,
    max_body: u64,
}

/// A thread's own connections and rules.
pub(super) struct Reworker<'a> {
    sites: &'a [(i64, Arc<Site>)],
    rules: HashMap<i64, Rules>,
    source: DonePages,
    archive: Reader,
}

impl<'a> Reworker<'a> {
    /// Opens everything that one thread needs.
    pub(super) fn open(dir: &Path, sites: &'a [(i64, Arc<Site>)]) -> Result<Self, ReworkError> {
        let Some(archive) = Reader::open(dir)? else {
            return Err(ReworkError::NoArchive(dir.display().to_string()));
        };
        let rules = sites.iter().map(|(key, site)| {
            let rules = Rules {
                plan: Plan::compile(&site.extract),
                max_body: site.fetch.max_body,
            };
            (*key, rules)
        });
        Ok(Self {
            sites,
            rules: rules.collect(),
            source: DonePages::open(dir)?,
            archive,
        })
    }

    /// Makes the records of these pages again.
    pub(super) fn work(&mut self, ids: RangeInclusive<u32>) -> Result<Worked, ReworkError> {
        let mut worked = Worked {
            tally: Tally::new(self.sites),
            changes: Vec::new(),
        };
        for page in self.source.read(ids)? {
            let Some(tally) = worked.tally.site(page.site) else {
                continue;
            };
            // Every site of the tally has rules.
            if let Some(rules) = self.rules.get(&page.site) {
                worked.changes.extend(self.page(page, rules, tally)?);
            }
        }
        Ok(worked)
    }

    /// What changes in a page, if anything does.
    fn page(
        &self,
        page: DonePage,
        rules: &Rules,
        tally: &mut SiteTally,
    ) -> Result<Option<Change>, ReworkError> {
        let Ok(url) = Url::parse(&page.url) else {
            tally.break_down(&page.url, "its URL cannot be read".to_owned());
            return Ok(None);
        };
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let wanted = rules.plan.wants(path);
        if !wanted && page.records.is_empty() {
            return Ok(None);
        }
        let made = match self.archive.find(page.print)? {
            None => {
                tally.absent += u64::from(page.html);
                return Ok(None);
            }
            Some(_) if !wanted => Ok(Vec::new()),
            Some(place) => {
                // A panic over a hostile body costs that page.
                let made = catch_unwind(AssertUnwindSafe(|| {
                    let stored = self.archive.read(place, rules.max_body);
                    let stored = stored.map_err(|error| error.to_string())?;
                    records(stored, &url, path, rules)
                }));
                made.unwrap_or_else(|_| Err("extracting from it broke down".to_owned()))
            }
        };
        let made = match made {
            Ok(made) => made,
            Err(why) => {
                tally.break_down(&page.url, why);
                return Ok(None);
            }
        };
        tally.pages += 1;
        Ok(compare(page, &made, tally))
    }
}

/// The records of a stored answer.
fn records(stored: Stored, url: &Url, path: &str, rules: &Rules) -> Result<Vec<Made>, String> {
    let fetched = Fetched::whole(stored.status, stored.headers, stored.body, Duration::ZERO);
    let body = fetch::body::decode(&fetched, rules.max_body).map_err(|error| error.detail)?;
    let header = fetched.headers.get(CONTENT_TYPE);
    let (html, _) = charset::decode(&body, header.and_then(|value| value.to_str().ok()));
    let base = base(&html, url);
    let taken = rules.plan.records(&html, path, &base);
    Ok(taken
        .into_iter()
        .map(|record| (record.name, record.fields))
        .collect())
}

/// What relative URLs of a page are relative to. Few pages say.
fn base(html: &str, url: &Url) -> Url {
    let bytes = html.as_bytes();
    let mut tags = memmem::find_iter(bytes, b"<b").chain(memmem::find_iter(bytes, b"<B"));
    let says = tags.any(|at| {
        let name = bytes.get(at + 1..at + 5);
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"base"))
    });
    if says {
        let head = links::scan(html, &mut |_| ());
        if let Some(base) = head.base_href.and_then(|href| url.join(&href).ok()) {
            return base;
        }
    }
    url.clone()
}

fn compare(page: DonePage, made: &[Made], tally: &mut SiteTally) -> Option<Change> {
    let texts: Vec<(Arc<str>, String)> = made
        .iter()
        .map(|(name, fields)| {
            // Strings and JSON values always serialise.
            let text = serde_json::to_string(fields).unwrap_or_default();
            (name.clone(), text)
        })
        .collect();
    if texts == page.records {
        tally.compare(made, made);
        return None;
    }
    let before: Vec<Made> = page
        .records
        .iter()
        .map(|(name, text)| (name.clone(), serde_json::from_str(text).unwrap_or_default()))
        .collect();
    tally.compare(&before, made);
    Some(Change {
        page: page.id,
        site: page.site,
        before: page.records.len(),
        records: texts,
        fields: made
            .iter()
            .map(|(_, fields)| fields.keys().cloned().collect())
            .collect(),
    })
}
