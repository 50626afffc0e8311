//! One thread's part: pages out of the archive, their records made again.

use super::api::ApiWork;
use super::tally::SiteTally;
use super::{ReworkError, Worked};
use crate::archive::{self, Reader};
use crate::config::Site;
use crate::discover::indexing;
use crate::discover::links::Linker;
use crate::extract::charset;
use crate::extract::fields::{Plan, Taken};
use crate::fetch::{self, Fetched};
use crate::store::sqlite::replace::{Change, DonePage, DonePages, Stored};
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
pub(super) type Made = (Arc<str>, Map<String, Value>);

/// What decides over a site's records.
struct Rules {
    site: Arc<Site>,
    plan: Plan,
    linker: Linker,
    /// Whether a page's own words do so too.
    decides: bool,
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
        archive.hold()?;
        let rules = sites.iter().map(|(key, site)| {
            let rules = Rules {
                plan: Plan::compile(&site.extract),
                linker: Linker::new(site),
                decides: indexing::decides(&site.discover),
                site: site.clone(),
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
        let mut worked = Worked::new(self.sites);
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

    /// Makes the records of an API again; `take` gets what came of it, a part
    /// at a time, and answers whether it goes on.
    pub(super) fn api(
        &self,
        work: &ApiWork,
        mut take: impl FnMut(Worked) -> bool,
    ) -> Result<(), ReworkError> {
        let mut last = Worked::new(self.sites);
        let Some(tally) = last.tally.site(work.key) else {
            return Ok(());
        };
        let fate = work.run(&self.source, &self.archive, tally, |answers| {
            take(Worked {
                answers,
                ..Worked::new(self.sites)
            })
        })?;
        last.fates.extend(fate.map(|fate| (work.key, fate)));
        take(last);
        Ok(())
    }

    /// What changes in a page, if anything does.
    fn page(
        &self,
        page: DonePage,
        rules: &Rules,
        tally: &mut SiteTally,
    ) -> Result<Option<Change>, ReworkError> {
        let address = page.landed.as_deref().unwrap_or(&page.url);
        let Ok(url) = Url::parse(address) else {
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
                    let stored = self.archive.read(place, rules.site.fetch.max_body);
                    let stored = stored.map_err(|error| error.to_string())?;
                    records(stored, &page, &url, rules)
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

/// The records of a stored answer, as the crawl takes them.
fn records(
    stored: archive::Stored,
    page: &DonePage,
    address: &Url,
    rules: &Rules,
) -> Result<Vec<Made>, String> {
    let fetched = Fetched::whole(stored.status, stored.headers, stored.body, Duration::ZERO);
    let body = fetch::body::decode(&fetched, rules.site.fetch.max_body);
    let body = body.map_err(|error| error.detail)?;
    let header = fetched.headers.get(CONTENT_TYPE);
    let (text, _) = charset::decode(&body, header.and_then(|value| value.to_str().ok()));
    let path = &address[Position::BeforePath..Position::AfterQuery];
    let noindex = rules.decides && indexing::header(&rules.site, &fetched.headers).noindex;
    let found = &rules.site.discover;
    let taken = if fetch::is_json(&fetched) {
        match found.skip_noindex && noindex {
            true => Taken::default(),
            false => rules.plan.json(&text, path, address),
        }
    } else {
        let (head, pass) = rules.plan.reread(&text, path, rules.decides);
        let mut links = rules.linker.page(address, page.depth.saturating_add(1));
        if let Some(base) = &head.base_href {
            links.base(base);
        }
        let noindex = noindex || head.robots.noindex;
        let canonical = head.canonical.as_deref().filter(|_| rules.decides);
        match indexing::judge(found, &links, &page.url, canonical, noindex).taken {
            true => pass.finish(links.base_url()),
            false => Taken::default(),
        }
    };
    let records = taken.records.into_iter();
    Ok(records.map(|record| (record.name, record.fields)).collect())
}

fn compare(page: DonePage, made: &[Made], tally: &mut SiteTally) -> Option<Change> {
    let texts = encode(made);
    if texts == page.records {
        tally.compare(made, made);
        return None;
    }
    tally.compare(&parsed(&page.records), made);
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

/// Records as the store has them.
pub(super) fn encode(made: &[Made]) -> Vec<Stored> {
    let text = |(name, fields): &Made| {
        // Strings and JSON values always serialise.
        let text = serde_json::to_string(fields).unwrap_or_default();
        (name.clone(), text)
    };
    made.iter().map(text).collect()
}

/// The inverse of [`encode`].
pub(super) fn parsed(stored: &[Stored]) -> Vec<Made> {
    let fields = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let made = |(name, text): &Stored| (name.clone(), fields(text));
    stored.iter().map(made).collect()
}
