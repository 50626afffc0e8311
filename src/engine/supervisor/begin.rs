//! The beginning of a site: its start pages and what else names pages.

use super::Supervisor;
use crate::bus::{Event, Level, SiteState};
use crate::config::{Robots, Sitemap};
use crate::engine::rules::Rules;
use crate::engine::source::sitemap_key;
use crate::engine::trapped;
use crate::store::SourceNews;
use tokio::time::Instant;
use url::Url;

impl Supervisor {
    pub(super) async fn begin(&mut self) {
        let site = self.site.clone();
        let now = Instant::now();
        self.tell_controls(None).await;
        self.enter(SiteState::Starting, None).await;
        self.tell_copies().await;
        let fill = std::mem::take(&mut self.fill);
        site.tell(Event::Filled {
            site: site.id,
            fill,
        })
        .await;
        self.tell_ladder().await;
        let rules = site.rules();
        if self.rescope {
            // Its document may want another order than the last run's.
            self.rank_at_begin().await;
        }
        site.add_starts(&rules.config.start).await;
        // Those that failed in an earlier run are begun with the site.
        site.store.source(site.id, SourceNews::Again(None)).await;
        let back = trapped::take_up(&site).await;
        if back > 0 {
            let text = format!("{back} pages that traps had left out are queued now");
            site.say(Level::Info, text).await;
        }
        site.set_importing(self.cancel.child_token());
        if std::mem::take(&mut self.again) {
            self.refresh().await;
        } else {
            self.begin_finding(now);
        }
        if self.ladder.is_paused() {
            self.enter(SiteState::Paused, None).await;
        }
    }

    pub(super) fn begin_finding(&mut self, now: Instant) {
        let rules = self.site.rules();
        self.begin_sitemaps(&rules, now);
        self.begin_sources(&rules, now);
    }

    pub(super) fn begin_sitemaps(&mut self, rules: &Rules, now: Instant) {
        self.begin_left_sitemaps(rules, now);
        if !self.saved.sitemaps_done {
            match &rules.config.discover.sitemap {
                Sitemap::Off => self.saved.sitemaps_done = true,
                Sitemap::List(urls) => {
                    for url in urls {
                        self.add_sitemap(url.clone(), 0, true, now);
                    }
                }
                Sitemap::Auto if rules.config.fetch.robots == Robots::Obey => {
                    // robots.txt comes first; it may name them.
                    for url in &rules.config.start {
                        self.hosts.ask_robots(url, now);
                    }
                }
                Sitemap::Auto => self.add_default_sitemaps(now),
            }
        }
    }

    /// Asks again for the sitemaps that earlier runs did not read to their end.
    fn begin_left_sitemaps(&mut self, rules: &Rules, now: Instant) {
        let own: &[Url] = match &rules.config.discover.sitemap {
            // Where they are off, those that a list has named are read all the same.
            Sitemap::Off | Sitemap::Auto => &[],
            Sitemap::List(urls) => urls,
        };
        for left in std::mem::take(&mut self.sitemaps_left) {
            match left.address {
                Some(address) => {
                    if let Ok(url) = Url::parse(&address.url) {
                        self.add_sitemap(url, address.nesting, address.asked, now);
                    }
                }
                None => {
                    let named = |url: &&Url| sitemap_key(&self.site, url) == left.key;
                    if let Some(url) = own.iter().find(named).cloned() {
                        self.add_sitemap(url, 0, true, now);
                    }
                }
            }
        }
    }
}
