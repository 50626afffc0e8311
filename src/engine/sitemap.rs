//! Sitemaps: fetched by the workers, read on the CPU pool.

use super::intake::Intake;
use super::retry;
use super::site::{Message, SiteContext};
use super::source::{self, Source, Tally};
use super::work::{Errand, ErrandResult};
use crate::bus::{Level, SourceState};
use crate::discover::{part, sitemap};
use crate::fetch::{self, FetchError, Fetched};
use crate::page::FailureKind;
use crate::store::SourceNews;
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::runtime::Handle;
use url::Url;

/// Largest sitemap on the wire, bytes (the protocol's 50 MB, and some room).
pub const BYTES: u64 = 64 << 20;
/// Sitemap indexes below each other.
const NESTING: u8 = 5;

/// Hands a sitemap to the CPU pool.
pub async fn read(
    site: &Arc<SiteContext>,
    errand: &Errand,
    nesting: u8,
    asked: bool,
    answer: Result<Fetched, FetchError>,
) -> ErrandResult {
    let source = Source::sitemap(site, &errand.url, nesting, asked);
    let fetched = match answer {
        Ok(fetched) if (200..300).contains(&fetched.status) => fetched,
        Ok(fetched) => {
            let for_now = retry::is_worth_retrying(FailureKind::Status, Some(fetched.status));
            if !asked && !for_now {
                // Nobody said that there is one.
                let key = source.key.clone();
                site.store.source(site.id, SourceNews::Gone(key)).await;
                return ErrandResult::NoSitemap(source, None);
            }
            return failed(site, source, source::refusal(&fetched)).await;
        }
        Err(error) => return failed(site, source, error.to_string()).await,
    };
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return failed(site, source, "the crawl ends".to_owned()).await;
    };
    let site = site.clone();
    let runtime = Handle::current();
    let base = errand.url.clone();
    site.pool.clone().run(move || {
        let sitemap = Reading {
            site: &site,
            source: &source,
            base: &base,
            nesting,
            asked,
            runtime: &runtime,
        };
        let read = catch_unwind(AssertUnwindSafe(|| sitemap.parse(&fetched)));
        let (more, failed) = read.unwrap_or_else(|_| {
            tracing::error!(url = %base, "reading this sitemap panicked");
            let news = source.failed(&site, Tally::default(), "reading it panicked");
            site.store.source_blocking(site.id, news);
            (Vec::new(), true)
        });
        drop(room);
        // A closed inbox means that the site is over.
        let _ = site.inbox.blocking_send(Message::SitemapRead {
            source,
            failed,
            more,
            nesting: nesting + 1,
        });
    });
    ErrandResult::Reading
}

/// A sitemap that could not be had.
async fn failed(site: &SiteContext, source: Source, why: String) -> ErrandResult {
    let news = source.failed(site, Tally::default(), &why);
    site.store.source(site.id, news).await;
    let text = format!("{}: {why}", source.words());
    ErrandResult::NoSitemap(source, Some(site.folder.clean(text)))
}

/// A sitemap on the pool's thread.
struct Reading<'a> {
    site: &'a SiteContext,
    source: &'a Source,
    base: &'a Url,
    nesting: u8,
    asked: bool,
    runtime: &'a Handle,
}

impl Reading<'_> {
    /// Pages go to the store; further sitemaps are answered, and whether it is
    /// to be asked again.
    fn parse(&self, fetched: &Fetched) -> (Vec<Url>, bool) {
        let (body, cut) = match fetch::body::decode_prefix(fetched, BYTES) {
            Ok(body) => body,
            Err(error) => return (Vec::new(), self.unreadable(&error.to_string())),
        };
        let bytes: Box<dyn BufRead> = match cut {
            true => Box::new(part(
                &*body,
                format!("it is cut off after {} bytes", body.len()),
            )),
            false => Box::new(&*body),
        };
        self.entries(bytes)
    }

    fn unreadable(&self, why: &str) -> bool {
        self.say(Level::Warn, format!("{}: {why}", self.source.words()));
        let news = self.source.failed(self.site, Tally::default(), why);
        self.site.store.source_blocking(self.site.id, news);
        true
    }

    fn entries(&self, bytes: Box<dyn BufRead + '_>) -> (Vec<Url>, bool) {
        let (site, source) = (self.site, self.source);
        let mut more = Vec::new();
        let mut intake = Intake::new(site, self.runtime);
        let mut bad_rows = site.folder.bad_rows(&site.name, &source.key);
        let (mut first_bad, mut pages) = (None, 0u64);
        let caps = sitemap::Caps::default();
        let summary = sitemap::read(bytes, self.base, &caps, &mut |entry| match entry {
            sitemap::Entry::Sitemap { loc, lastmod } => {
                if intake.is_old(lastmod.as_deref()) {
                    intake.old += 1;
                } else {
                    more.push(loc);
                }
            }
            sitemap::Entry::Page { loc, lastmod } => {
                pages += 1;
                intake.offer(loc, lastmod.as_deref());
            }
            sitemap::Entry::Bad(text) => {
                let row = format!("not a URL: {text:?}");
                bad_rows.put(&row);
                first_bad.get_or_insert(row);
            }
        });
        intake.flush();
        let found = summary.entries > 0;
        if summary.problem.is_some() && !self.asked && !found {
            // Another page at the usual place: there is none.
            let gone = SourceNews::Gone(source.key.clone());
            site.store.source_blocking(site.id, gone);
            return (more, false);
        }
        let bad = summary.bad as u64;
        let problem = summary
            .problem
            .map(|problem| source::at(&problem, &summary.excerpt));
        let named = more.len();
        let deep = self.nesting >= NESTING && named > 0;
        let mut text = format!("{}: ", source.words());
        if let Some(problem) = &problem {
            text.push_str(&format!("{problem}; "));
        }
        text.push_str(&format!("{} new pages{}", intake.taken, intake.left_out()));
        let mut remark = None;
        if deep {
            let words = format!(
                "{named} further sitemaps left out: they are more than {NESTING} indexes deep"
            );
            text.push_str(&format!(", {words}"));
            remark = Some(words);
            more.clear();
        } else if problem.is_none() || named > 0 {
            text.push_str(&format!(", {named} further sitemaps"));
        }
        if let Some(first) = first_bad {
            let others = bad_rows.finish(bad);
            text.push_str(&format!(", {bad} bad ({first}{others})"));
            remark = Some(format!("{bad} bad ({first})"));
        }
        let level = match problem.is_some() || deep || bad > 0 {
            true => Level::Warn,
            false => Level::Info,
        };
        self.say(level, text);
        let failed = problem.is_some();
        let problem = problem.or(remark);
        let tally = Tally {
            read: summary.entries as u64 + bad,
            urls: pages,
            bad,
            problem,
        };
        let state = match failed {
            true => SourceState::Failed,
            false => SourceState::Done,
        };
        let news = source.news(site, state, &tally, &more, self.nesting + 1);
        site.store.source_blocking(site.id, news);
        (more, failed)
    }

    fn say(&self, level: Level, text: String) {
        let text = self.site.folder.clean(text);
        self.runtime.block_on(self.site.say(level, text));
    }
}
