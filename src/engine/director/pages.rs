//! Pages that the operator adds, sends round again, or takes out.

use super::controls::bad_pattern;
use super::obey::{Done, Refusable};
use super::{Director, send};
use crate::bus::Pick;
use crate::engine::site::Control;
use crate::page::{SiteId, SkipReason};
use crate::store::{NewUrl, Prune, Revision, Via};
use std::sync::Arc;
use url::{Position, Url};

/// URLs added by one command.
const ADDED: usize = 10_000;

impl Director {
    pub(super) async fn add(&mut self, id: SiteId, urls: &[String]) -> Refusable<Done> {
        let site = self.site(id)?;
        if urls.len() > ADDED {
            return Err(Done::refused(format!("at most {ADDED} URLs at a time")));
        }
        let rules = site.rules();
        let mut new = Vec::new();
        let mut refused = Vec::new();
        for text in urls {
            let judged = rules
                .config
                .url
                .parse(text.trim(), None)
                .map_err(|refusal| refusal.to_string())
                .and_then(|url| match rules.scope.judge(&url, 0) {
                    Ok(()) => Ok(url),
                    Err(refusal) => Err(refusal.to_string()),
                });
            match judged {
                Ok(url) => new.push(NewUrl {
                    print: site.print(url.as_str()),
                    url: String::from(url).into_boxed_str(),
                    depth: 0,
                    rank: 0,
                    hops: 0,
                    via: Via::Operator,
                }),
                Err(why) => refused.push(format!("{text}: {why}")),
            }
        }
        let fit = new.len() as u64;
        let added = self.store.add(id, new).await;
        if added > 0 {
            send(&site, Control::Requeued(0)).await;
            send(&site, Control::Reopen).await;
        }
        let mut text = format!("{added} added");
        if fit > added {
            text.push_str(&format!(", {} known already", fit - added));
        }
        if let Some(first) = refused.first() {
            text.push_str(&format!(", {} refused ({first})", refused.len()));
        }
        match added {
            0 => Err(Done::refused(text)),
            _ => Ok(Done::plain(text)),
        }
    }

    pub(super) async fn retry(&mut self, pick: Pick) -> Refusable<Done> {
        self.revise(pick, Revision::Retry, "no failed page matches")
            .await
    }

    pub(super) async fn force(&mut self, pick: Pick) -> Refusable<Done> {
        self.revise(pick, Revision::Force, "no finished page matches")
            .await
    }

    pub(super) async fn ignore(&mut self, pick: Pick) -> Refusable<Done> {
        self.revise(pick, Revision::Ignore, "no failed page matches")
            .await
    }

    async fn revise(&mut self, pick: Pick, how: Revision, none: &str) -> Refusable<Done> {
        if self.store.is_stalled() {
            return Err(Done::refused("nothing can be written just now"));
        }
        let mut all = 0;
        for (id, pages) in self.store.revise(pick, how).await {
            all += pages;
            if how != Revision::Ignore
                && let Some(site) = self.seats.get(id.index())
            {
                send(site, Control::Requeued(pages)).await;
            }
        }
        let (one, many) = match how {
            Revision::Retry | Revision::Force => ("goes round again", "go round again"),
            Revision::Ignore => ("is ignored", "are ignored"),
        };
        match all {
            0 => Err(Done::refused(none)),
            1 => Ok(Done::plain(format!("1 page {one}"))),
            n => Ok(Done::plain(format!("{n} pages {many}"))),
        }
    }

    pub(super) async fn drop_pending(
        &mut self,
        site: Option<SiteId>,
        pattern: &str,
        preview: bool,
    ) -> Refusable<Done> {
        if let Some(site) = site {
            self.site(site)?;
        }
        if self.store.is_stalled() {
            return Err(Done::refused("nothing can be written just now"));
        }
        let regex =
            regex::Regex::new(pattern).map_err(|error| Done::refused(bad_pattern(&error)))?;
        let prune = Prune {
            site,
            goes: Arc::new(move |url, _| {
                Url::parse(url).is_ok_and(|url| {
                    regex.is_match(&url[Position::BeforePath..Position::AfterQuery])
                })
            }),
            reason: SkipReason::Operator,
            preview,
        };
        let pages = self.store.prune(prune).await;
        let all: u64 = pages.iter().map(|(_, pages)| pages).sum();
        let word = match (preview, all) {
            (_, 0) => return Err(Done::refused("no queued page matches")),
            (true, 1) => "queued page matches",
            (true, _) => "queued pages match",
            (false, 1) => "queued page is left out",
            (false, _) => "queued pages are left out",
        };
        Ok(Done::plain(format!("{all} {word}")))
    }
}
