//! A rung: somebody else's scraping API, asked by a template.
//!
//! ```text
//! page's URL ─ guard ─▶ request (template filled) ─▶ Http::exchange ─▶ answer (read by the template)
//! ```
//!
//! The service follows redirects by itself and says where it landed. Of its
//! headers none becomes the page's but the media type; its cookies are nobody's.

mod answer;
mod request;
#[cfg(test)]
mod tests;

use self::answer::{End, Reading};
use super::error::Cause;
use super::{FetchError, Fetched, Fetcher, Fetching, Http, Trouble, Visitor, Want};
use crate::config::{Meaning, Rung, ServiceRule, Timeouts, ladder};
use crate::page::FailureKind;
use reqwest::header::HeaderMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use url::Url;

/// Requests in a row that cannot reach the service before the rung is down.
const UNREACHABLE: u32 = 5;

/// A scraping API, for the sites that share its rule.
pub struct Service {
    http: Arc<Http>,
    rule: Arc<ServiceRule>,
    through: Arc<str>,
    /// Requests in a row that did not reach it.
    missed: AtomicU32,
}

impl Service {
    /// The rung that asks by a site's options, over the connections of `http`.
    pub fn new(http: Arc<Http>, options: &ladder::Service) -> Self {
        let rule = options.rule.clone();
        Self {
            http,
            through: rule.name.as_str().into(),
            rule,
            missed: AtomicU32::new(0),
        }
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
    ) -> Result<Fetched, FetchError> {
        let early = |cause: Cause| cause.after(Duration::ZERO);
        if visitor.call().is_some() {
            let text = "a service gets pages alone, no requests of an API";
            return Err(early(Cause::new(FailureKind::Internal, text)));
        }
        self.http.judge(visitor, url).await.map_err(early)?;
        let sent = request::fill(&self.rule, visitor, url).map_err(early)?;
        // It answers when the page is there: no phase of its own but the whole.
        let limits = Timeouts::whole(visitor.timeouts.connect, visitor.time(Rung::Service));
        let cap = answer::cap(&self.rule, visitor.max_body);
        let request = || sent.request();
        let answered = self.http.ask(&sent.url, &request, cap, &limits).await;
        let fetched = answered.map_err(|error| self.unanswered(error))?;
        self.missed.store(0, Ordering::Relaxed);
        let (elapsed, headers_after) = (fetched.elapsed, fetched.headers_after);
        let page = self.read(fetched, want, visitor.max_body).await?;
        if let Some(landed) = &page.landed {
            let judged = self.http.judge(visitor, landed).await;
            judged.map_err(|cause| FetchError {
                cost: page.cost,
                ..cause.after(elapsed)
            })?;
        }
        Ok(Fetched {
            elapsed,
            headers_after,
            through: Some(self.through.clone()),
            ..page
        })
    }

    /// Reads the answer by the template, on a thread that may compute.
    async fn read(
        &self,
        fetched: Fetched,
        want: Want,
        max_body: u64,
    ) -> Result<Fetched, FetchError> {
        let (elapsed, status) = (fetched.elapsed, fetched.status);
        let odd = |cause: Cause, cost| FetchError {
            cost,
            head: Some(Box::new((status, HeaderMap::new()))),
            ..cause.after(elapsed)
        };
        let reading = Reading {
            rule: self.rule.clone(),
            fetched,
            want,
            max_body,
        };
        let end = tokio::task::spawn_blocking(move || reading.end())
            .await
            .unwrap_or_else(|error| {
                End::Odd(Cause::new(FailureKind::Internal, error.to_string()), 0)
            });
        match end {
            End::Page(page) => Ok(*page),
            End::Odd(cause, cost) => Err(odd(self.named(cause), cost)),
            End::Refused(meaning, words, cost) => {
                let (kind, detail, trouble) = self.sentence(meaning, status, &words);
                Err(FetchError {
                    trouble,
                    ..odd(Cause::new(kind, detail), cost)
                })
            }
        }
    }

    /// What a refusal means for the page and for the rung, and how it is told.
    fn sentence(
        &self,
        meaning: Meaning,
        status: u16,
        words: &str,
    ) -> (FailureKind, String, Option<Trouble>) {
        let name = &self.rule.name;
        let colon = if words.is_empty() { "" } else { ": " };
        let said = format!("(status {status}{colon}{words})");
        match meaning {
            Meaning::Key => {
                let text = format!(
                    "the service {name} refuses the key {said}; check the key and the account, \
                     then resume the rung"
                );
                (FailureKind::Status, text.clone(), Some(Trouble::Down(text)))
            }
            Meaning::Credit => {
                let text = format!(
                    "the service {name} is out of credit {said}; top it up or take another plan, \
                     then resume the rung"
                );
                (FailureKind::Status, text.clone(), Some(Trouble::Down(text)))
            }
            Meaning::Crowded => (
                FailureKind::Status,
                format!("the service {name} has more to do than the plan allows {said}"),
                Some(Trouble::Crowded),
            ),
            Meaning::Blocked => (
                FailureKind::Blocked,
                format!("the site kept the service {name} out {said}"),
                None,
            ),
            Meaning::Failed | Meaning::Page => (
                FailureKind::Status,
                format!("the service {name} could not get the page {said}"),
                None,
            ),
        }
    }

    /// A request that got no whole answer. That the service cannot be reached is
    /// not the page's fault; after a few times it is the operator's business.
    fn unanswered(&self, error: FetchError) -> FetchError {
        let unreachable = matches!(
            error.kind,
            FailureKind::Dns | FailureKind::Connect | FailureKind::Tls
        );
        let cause = self.named(Cause::new(error.kind, error.detail));
        let head = error.head.map(|head| Box::new((head.0, HeaderMap::new())));
        let trouble = unreachable.then(|| {
            let missed = self.missed.fetch_add(1, Ordering::Relaxed) + 1;
            if missed < UNREACHABLE {
                return Trouble::Crowded;
            }
            Trouble::Down(format!(
                "the service {} cannot be reached; check its url and the network, then resume \
                 the rung ({})",
                self.rule.name, cause.detail
            ))
        });
        FetchError {
            trouble,
            head,
            ..cause.after(error.elapsed)
        }
    }

    fn named(&self, cause: Cause) -> Cause {
        Cause::new(
            cause.kind,
            format!("the service {}: {}", self.rule.name, cause.detail),
        )
    }
}

impl Fetcher for Service {
    fn rung(&self) -> Rung {
        Rung::Service
    }

    fn price(&self) -> Option<u64> {
        // What its answers tell is known when they have come.
        let told = self.rule.result.cost.is_some() && self.rule.credit > 0;
        (!told).then_some(self.rule.cost)
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        Box::pin(self.attempt(visitor, url, want))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.rule.name)
            .finish_non_exhaustive()
    }
}
