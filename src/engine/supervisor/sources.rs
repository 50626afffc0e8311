//! Lists and APIs: begun with the site, and marked as far as they are read.

use super::Supervisor;
use crate::bus::{Event, Level};
use crate::config::{ApiRule, ListFrom, ListRule};
use crate::engine::rules::Rules;
use crate::engine::source::{self, SourceRead, Tally};
use crate::engine::work::{Errand, ErrandKind};
use crate::engine::{api, list};
use crate::store::{SitemapAddress, SourceNews};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::time::Instant;

impl Supervisor {
    /// Begins with the lists and APIs that are not read yet, nor being read.
    pub(super) fn begin_sources(&mut self, rules: &Rules, now: Instant) {
        self.allow_importing();
        let lists = rules.config.discover.files.iter();
        let apis = rules.config.discover.api.iter();
        let keys = lists.map(|rule| list::key(rule));
        let keys: Vec<String> = keys.chain(apis.map(|rule| api::key(rule))).collect();
        let had = |key: &String| key.starts_with("sitemap ") || keys.contains(key);
        self.failed.retain(|key, _| had(key));
        let site = self.site.clone();
        // What comes later is of these keys alone: in any order.
        self.tasks.spawn(async move {
            let news = SourceNews::Only(keys);
            site.store.source(site.id, news).await;
        });
        for rule in &rules.config.discover.files {
            let key = list::key(rule);
            let done = self.saved.controls.sources.get(&key) == Some(&list::mark(rule));
            if !done && self.sources.insert(key.clone()) {
                self.failed.remove(&key);
                self.begin_list(rule, now);
            }
        }
        for rule in &rules.config.discover.api {
            let key = api::key(rule);
            if let Some(errand) = self.api_goes_on(rules, rule, &key)
                && self.sources.insert(key.clone())
            {
                self.failed.remove(&key);
                self.hosts.add_errand(errand, now, now);
            }
        }
    }

    /// Lists may be read again where the site was ended before.
    pub(super) fn allow_importing(&self) {
        if self.site.importing().is_cancelled() {
            self.site.set_importing(self.cancel.child_token());
        }
    }

    /// What an API is asked next, by its mark; `None` where it is done.
    pub(super) fn api_goes_on(
        &self,
        rules: &Rules,
        rule: &Arc<ApiRule>,
        key: &str,
    ) -> Option<Errand> {
        // Earlier versions kept it with the site's controls.
        let old = || self.saved.controls.sources.get(key);
        let mark = self.marks.get(key).or_else(old);
        // Its first address was checked when the sites file was read, and
        // a later one when it was taken up.
        api::errand(rules, rule, api::resume(rule, mark)?).ok()
    }

    pub(super) fn begin_list(&mut self, rule: &Arc<ListRule>, now: Instant) {
        match &rule.from {
            ListFrom::Url(url) => {
                let errand = Errand {
                    kind: ErrandKind::List(rule.clone()),
                    url: url.clone(),
                    tries: 0,
                    judged: self.site.rules().is_own(url),
                };
                self.hosts.add_errand(errand, now, now);
            }
            ListFrom::File(path) => {
                self.reading += 1;
                let (site, rule, path) = (self.site.clone(), rule.clone(), path.clone());
                let cancel = site.importing();
                let runtime = Handle::current();
                self.tasks.spawn_blocking(move || {
                    list::import_file(&site, &rule, &path, &runtime, &cancel);
                });
            }
        }
    }

    /// Notes whether a source could be read to its end.
    pub(super) fn source_ended(
        &mut self,
        key: String,
        place: Option<SitemapAddress>,
        failed: bool,
    ) {
        match failed {
            true => self.failed.insert(key, place),
            false => self.failed.remove(&key),
        };
    }

    /// Tells the monitor how many sources have failed, where that has changed.
    pub(super) async fn tell_sources(&mut self) {
        let failed = self.failed.len() as u64;
        if std::mem::replace(&mut self.told_failed, failed) != failed {
            let site = self.site.id;
            self.site.tell(Event::Sources { site, failed }).await;
        }
    }

    /// A list, or an answer of an API, was read.
    pub(super) fn source_read(&mut self, read: SourceRead, now: Instant) {
        self.source_ended(read.key.clone(), None, read.failed);
        if let Some(mark) = read.mark {
            if read.stored {
                self.marks.insert(read.key.clone(), mark);
            } else {
                self.saved.controls.sources.insert(read.key.clone(), mark);
                self.unsaved = true;
            }
        }
        for url in read.sitemaps {
            self.add_sitemap(url, 0, true, now);
        }
        match read.next {
            Some(errand) => self.hosts.add_errand(errand, now, now),
            None => {
                self.sources.remove(&read.key);
            }
        }
    }

    /// robots.txt forbids a list or an API that is on a host of the site.
    pub(super) async fn source_refused(&mut self, errand: Errand, why: &str) {
        let Some(source) = source::of(&self.site, &errand) else {
            return;
        };
        let why = format!("{why}; if you may read it, write fetch.robots: ignore");
        let tally = match &errand.kind {
            ErrandKind::Api(call) => source::before(call),
            _ => Tally::default(),
        };
        let (site, news) = (self.site.clone(), source.failed(&self.site, tally, &why));
        self.tasks
            .spawn(async move { site.store.source(site.id, news).await });
        let text = format!("{}: {why}", source.words());
        self.no_source(&source.key, text).await;
    }

    /// A list or an API could not be had.
    pub(super) async fn no_source(&mut self, key: &str, why: String) {
        self.sources.remove(key);
        self.source_ended(key.to_owned(), None, true);
        self.trouble.get_or_insert_with(|| why.as_str().into());
        self.site.say(Level::Warn, why).await;
    }
}
