//! Sources that failed in this run, asked again because the operator wants it.

use super::{Hold, Supervisor};
use crate::bus::SiteState;
use crate::config::ListRule;
use crate::engine::rules::Rules;
use crate::engine::source::Source;
use crate::engine::work::{Errand, ErrandKind};
use crate::engine::{api, list};
use crate::store::{Pending, SitemapAddress, SourceNews};
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

/// A source that is begun.
pub enum Begun {
    /// A sitemap, or an API where it is to go on.
    Errand(Errand),
    /// A list.
    List(Arc<ListRule>),
}

/// Sources that are asked again when the store has heard of it.
#[derive(Default)]
pub struct Resend {
    /// Those that it is to hear of next, and what each is known by.
    next: Vec<(String, Begun)>,
    /// Those that it is being told of.
    pub told: Option<Pending<'static, Vec<Begun>>>,
}

impl Supervisor {
    /// Asks sources that failed again: those of this name, or all. Answers how
    /// many there are.
    ///
    /// # Errors
    /// Why the site asks nothing, in words.
    pub(super) async fn ask_again(
        &mut self,
        name: Option<&str>,
        now: Instant,
    ) -> Result<u64, String> {
        if self.failed.is_empty() {
            return Ok(0);
        }
        let site = self.site.name.clone();
        match self.hold {
            _ if self.stopping => return Err(format!("{site} ends")),
            Hold::No => {}
            Hold::Finish | Hold::Finished => {
                return Err(format!(
                    "{site} was ended by the operator; `resume {site}` goes on with it"
                ));
            }
            Hold::StartOver(_) | Hold::Forgetting(_) => return Err(format!("{site} starts over")),
        }
        let rules = self.site.rules();
        let mut asked = 0;
        let failed: Vec<_> = self.failed.clone().into_iter().collect();
        for (key, place) in failed {
            let Some((source, begun)) = self.source_of(&rules, &key, place) else {
                continue;
            };
            if name.is_some_and(|name| name != source.name) {
                continue;
            }
            match &begun {
                Begun::Errand(errand) if matches!(errand.kind, ErrandKind::Sitemap { .. }) => {
                    self.sitemaps_open += 1;
                }
                // What is open is not failed; nothing is read twice at a time.
                _ if !self.sources.insert(key.clone()) => continue,
                _ => {}
            }
            self.failed.remove(&key);
            self.resend.next.push((key, begun));
            asked += 1;
        }
        if asked == 0 {
            return Ok(0);
        }
        self.allow_importing();
        self.requeued(0, now);
        if self.state.is_over() {
            let state = match self.ladder.is_paused() {
                true => SiteState::Paused,
                false => SiteState::Starting,
            };
            self.enter(state, None).await;
        }
        self.resend_next();
        Ok(asked)
    }

    /// Tells the store which sources wait to be asked again, before they are:
    /// what it hears of them later is newer. Nobody waits for it here.
    fn resend_next(&mut self) {
        if self.resend.told.is_some() || self.resend.next.is_empty() {
            return;
        }
        let next = std::mem::take(&mut self.resend.next);
        let (keys, begun) = next.into_iter().unzip();
        let site = self.site.clone();
        self.resend.told = Some(Box::pin(async move {
            site.store
                .source(site.id, SourceNews::Again(Some(keys)))
                .await;
            begun
        }));
    }

    /// The store has heard of these.
    pub(super) fn resent(&mut self, begun: Vec<Begun>) {
        self.resend.told = None;
        let now = Instant::now();
        for begun in begun {
            match begun {
                Begun::Errand(errand) => self.hosts.add_errand(errand, now, now),
                Begun::List(rule) => self.begin_list(&rule, now),
            }
        }
        self.resend_next();
    }

    /// A source that failed, and how it is begun; `None` where the sites file
    /// has it no more.
    fn source_of(
        &self,
        rules: &Rules,
        key: &str,
        place: Option<SitemapAddress>,
    ) -> Option<(Source, Begun)> {
        if let Some(place) = place {
            let url = Url::parse(&place.url).ok()?;
            let source = Source::sitemap(&self.site, &url, place.nesting, place.asked);
            let errand = Errand::sitemap(url, place.nesting, place.asked);
            return Some((source, Begun::Errand(errand)));
        }
        let discover = &rules.config.discover;
        if let Some(rule) = discover.files.iter().find(|rule| list::key(rule) == key) {
            return Some((Source::list(rule), Begun::List(rule.clone())));
        }
        let rule = discover.api.iter().find(|rule| api::key(rule) == key)?;
        let errand = self.api_goes_on(rules, rule, key)?;
        Some((Source::api(rule), Begun::Errand(errand)))
    }
}
