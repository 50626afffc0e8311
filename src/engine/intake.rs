//! URLs that come from elsewhere than pages, on their way to the store.

use super::rules::Rules;
use super::site::SiteContext;
use crate::config::date;
use crate::page::PageId;
use crate::page::time::now_ms;
use crate::store::{NewUrl, Pending, Via};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use url::Url;

/// URLs handed to the store at a time.
const CHUNK: usize = 1000;

/// Judges URLs and hands them to the store in chunks; for threads outside the
/// async runtime.
pub struct Intake<'a> {
    site: &'a SiteContext,
    rules: Arc<Rules>,
    draining: bool,
    /// Entries last changed before this are left out, seconds since 1970.
    since: Option<i64>,
    runtime: &'a Handle,
    cancel: Option<&'a CancellationToken>,
    pages: Vec<NewUrl>,
    /// Whether `lastmod` may say that a known page need not be asked again.
    trusts: bool,
    /// Known pages and when they last changed, milliseconds since 1970.
    known: Vec<(PageId, u64)>,
    /// URLs that were new.
    pub taken: u64,
    /// URLs out of scope.
    pub refused: u64,
    /// URLs last changed before `discover.since`.
    pub old: u64,
    /// Known pages that are not asked again, as they have not changed.
    pub unchanged: u64,
}

impl<'a> Intake<'a> {
    /// For `site`, by its rules as they are now.
    pub fn new(site: &'a SiteContext, runtime: &'a Handle) -> Self {
        let rules = site.rules();
        let now = i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX);
        Self {
            site,
            draining: site.controls().draining,
            trusts: rules.config.discover.lastmod && site.again.load(Ordering::Relaxed),
            since: rules.config.discover.since.map(|since| since.moment(now)),
            rules,
            runtime,
            cancel: None,
            pages: Vec::new(),
            known: Vec::new(),
            taken: 0,
            refused: 0,
            old: 0,
            unchanged: 0,
        }
    }

    /// Ends waiting for the store with `cancel`.
    pub fn until(mut self, cancel: &'a CancellationToken) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Whether what was last changed then is to be left out. What tells no
    /// date, or none that can be read, is not.
    pub fn is_old(&self, lastmod: Option<&str>) -> bool {
        match (self.since, lastmod.and_then(date::seconds)) {
            (Some(since), Some(changed)) => changed < since,
            _ => false,
        }
    }

    /// Takes a URL if it belongs to the site and is not known.
    pub fn offer(&mut self, mut url: Url, lastmod: Option<&str>) {
        if self.is_old(lastmod) {
            self.old += 1;
            return;
        }
        let rules = &self.rules;
        let fit = rules.config.url.apply(&mut url).is_ok() && rules.scope.judge(&url, 1).is_ok();
        if !fit || self.draining {
            self.refused += 1;
            return;
        }
        let print = self.site.print(url.as_str());
        let page = self.site.store.find(print);
        if let Some(page) = page
            && self.trusts
            && let Some(changed) = lastmod.and_then(date::until)
        {
            let ms = u64::try_from(changed).unwrap_or(0).saturating_mul(1000);
            self.known.push((page, ms));
        }
        if page.is_none() {
            self.pages.push(NewUrl {
                print,
                rank: self
                    .site
                    .order
                    .rank(&rules.config.discover, url.as_str(), 1),
                url: String::from(url).into_boxed_str(),
                depth: 1,
                hops: 0,
                via: Via::Sitemap,
            });
        }
        if self.pages.len().max(self.known.len()) >= CHUNK {
            self.flush();
        }
    }

    /// Hands over what is left.
    pub fn flush(&mut self) {
        self.spare();
        if self.pages.is_empty() {
            return;
        }
        let chunk = std::mem::take(&mut self.pages);
        let adding = self.site.store.add(self.site.id, chunk);
        self.taken += self.wait(adding);
    }

    /// Spares known pages that the store has as they are.
    fn spare(&mut self) {
        if self.known.is_empty() {
            return;
        }
        let known = std::mem::take(&mut self.known);
        let (site, rules) = (self.site, self.rules.digest);
        let spared = self.wait(site.store.spare(site.id, rules, known));
        site.done.fetch_add(spared, Ordering::Relaxed);
        self.unchanged += spared;
    }

    fn wait(&self, answer: Pending<'_, u64>) -> u64 {
        match self.cancel {
            None => self.runtime.block_on(answer),
            Some(cancel) => self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    count = answer => count,
                    () = cancel.cancelled() => 0,
                }
            }),
        }
    }

    /// What was left out, in words that follow a count of new pages.
    pub fn left_out(&self) -> String {
        let mut words = String::new();
        for (count, what) in [
            (self.refused, "out of scope"),
            (self.old, "older than discover.since"),
            (self.unchanged, "not changed since they were fetched"),
        ] {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        }
        words
    }
}
