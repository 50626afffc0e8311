//! What comes of errands: robots rules and sitemaps.

use super::Supervisor;
use crate::bus::Level;
use crate::config::Sitemap;
use crate::engine::host::RobotsState;
use crate::engine::source::sitemap_key;
use crate::engine::work::{Errand, ErrandResult};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long robots rules hold (RFC 9309, 2.4).
const ROBOTS_TTL: Duration = Duration::from_secs(24 * 3600);
/// Sitemaps read for one site.
const SITEMAPS: usize = 50_000;

impl Supervisor {
    pub(super) async fn hear_errand(&mut self, origin: &str, result: ErrandResult, now: Instant) {
        match result {
            ErrandResult::Robots(rules, sitemaps) => {
                if let Err(why) = &rules {
                    self.site.say(Level::Warn, format!("{origin}: {why}")).await;
                    self.trouble.get_or_insert_with(|| why.clone());
                }
                let known = rules.is_ok();
                if let Ok(rules) = &rules {
                    self.site.robots.put(origin, rules.clone());
                }
                if let Some(host) = self.hosts.get(origin) {
                    host.robots = match rules {
                        Ok(rules) => RobotsState::Known(rules, now + ROBOTS_TTL),
                        Err(why) => RobotsState::Unreachable(why),
                    };
                }
                self.sitemaps_from_robots(origin, known, sitemaps, now);
            }
            ErrandResult::Reading => self.reading += 1,
            ErrandResult::NoSitemap(source, why) => {
                self.source_ended(source.key, source.place, why.is_some());
                if let Some(why) = why {
                    self.site.say(Level::Warn, why).await;
                }
                self.sitemap_closed().await;
            }
            ErrandResult::NoSource(key, why) => self.no_source(&key, why).await,
            ErrandResult::Again(errand, wait) => {
                self.hosts.add_errand(errand, now + wait, now);
            }
        }
    }

    /// With `sitemap: auto`, the sitemaps that a start host's robots.txt names,
    /// else the one at the usual place.
    fn sitemaps_from_robots(
        &mut self,
        origin: &str,
        known: bool,
        sitemaps: Vec<String>,
        now: Instant,
    ) {
        let rules = self.site.rules();
        let auto = rules.config.discover.sitemap == Sitemap::Auto && !self.saved.sitemaps_done;
        let start = rules
            .config
            .start
            .iter()
            .find(|url| url[..url::Position::BeforePath] == *origin);
        let (true, true, Some(start)) = (auto, known, start) else {
            return;
        };
        let mut named = sitemaps
            .iter()
            .filter_map(|text| start.join(text).ok())
            .peekable();
        if named.peek().is_none()
            && let Ok(url) = start.join("/sitemap.xml")
        {
            self.add_sitemap(url, 0, false, now);
        }
        for url in named {
            self.add_sitemap(url, 0, true, now);
        }
    }

    pub(super) fn add_default_sitemaps(&mut self, now: Instant) {
        let rules = self.site.rules();
        for start in &rules.config.start {
            if let Ok(url) = start.join("/sitemap.xml") {
                self.add_sitemap(url, 0, false, now);
            }
        }
    }

    pub(super) fn add_sitemap(&mut self, url: Url, nesting: u8, asked: bool, now: Instant) {
        let print = self.site.print(url.as_str());
        if self.sitemaps_seen.len() >= SITEMAPS && !self.sitemaps_seen.contains(&print) {
            self.sitemaps_over += 1;
            return;
        }
        if !self.sitemaps_seen.insert(print) {
            return;
        }
        self.sitemaps_open += 1;
        self.failed.remove(&sitemap_key(&self.site, &url));
        let errand = Errand::sitemap(url, nesting, asked);
        self.hosts.add_errand(errand, now, now);
    }

    /// A sitemap was read; it names `more`.
    pub(super) async fn sitemap_read(&mut self, more: Vec<Url>, nesting: u8, now: Instant) {
        for url in more {
            self.add_sitemap(url, nesting, true, now);
        }
        // May come before the report of the worker that handed it over.
        self.reading -= 1;
        self.queue.stir();
        self.sitemap_closed().await;
    }

    async fn sitemap_closed(&mut self) {
        self.sitemaps_open = self.sitemaps_open.saturating_sub(1);
        if self.sitemaps_open == 0 {
            self.saved.sitemaps_done = true;
            self.unsaved = true;
            let over = std::mem::take(&mut self.sitemaps_over);
            if over > 0 {
                let text = format!(
                    "{over} sitemaps are left for the next run: no more than {SITEMAPS} are read in one"
                );
                self.site.say(Level::Warn, text).await;
            }
        }
    }
}
