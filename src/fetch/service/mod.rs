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
use super::http::{Exchange, failed};
use super::{FetchError, Fetched, Fetcher, Fetching, Http, Trouble, Visitor, Want, dial};
use crate::config::{Meaning, Rung, ServiceRule, Timeouts};
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
    /// The rung that asks by `rule`, over the connections of `http`.
    pub fn new(http: Arc<Http>, rule: Arc<ServiceRule>) -> Self {
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
        let early = |cause| failed(cause, Duration::ZERO, None);
        if visitor.is_call() {
            let text = "a service gets pages alone, no requests of an API";
            return Err(early(Cause::new(FailureKind::Internal, text)));
        }
        if visitor.guarded {
            self.http.judge(url).await.map_err(early)?;
        }
        let sent = request::fill(&self.rule, visitor, url).map_err(early)?;
        // It answers when the page is there: no phase of its own but the whole.
        let total = visitor.timeouts.total;
        let limits = Timeouts {
            connect: visitor.timeouts.connect,
            headers: total,
            idle: total,
            total,
        };
        let exchange = Exchange {
            url: &sent.url,
            want: Want::File(answer::cap(&self.rule, visitor.max_body)),
            // Its address is the operator's own choice.
            guarded: false,
            timeouts: &limits,
            max_body: visitor.max_body,
        };
        let nobody = |_: &HeaderMap| ();
        let answered = self
            .http
            .exchange(&exchange, &|| sent.request(), &nobody)
            .await;
        let fetched = answered.map_err(|error| self.unanswered(error))?;
        self.missed.store(0, Ordering::Relaxed);
        let (elapsed, headers_after) = (fetched.elapsed, fetched.headers_after);
        let page = self.read(fetched, want, visitor.max_body).await?;
        if visitor.guarded
            && let Some(landed) = &page.landed
        {
            let judged = self.http.judge(landed).await;
            judged.map_err(|cause| failed(cause, elapsed, None))?;
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
        let head = || Some((status, HeaderMap::new()));
        let reading = Reading {
            rule: self.rule.clone(),
            fetched,
            want,
            max_body,
        };
        let end = tokio::task::spawn_blocking(move || reading.end())
            .await
            .unwrap_or_else(|error| End::Odd(Cause::new(FailureKind::Internal, error.to_string())));
        match end {
            End::Page(page) => Ok(*page),
            End::Odd(cause) => Err(failed(self.named(cause), elapsed, head())),
            End::Refused(meaning, words) => {
                let (kind, detail, trouble) = self.sentence(meaning, status, &words);
                Err(FetchError {
                    trouble,
                    ..failed(Cause::new(kind, detail), elapsed, head())
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
        let head = error.head.map(|head| (head.0, HeaderMap::new()));
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
            ..failed(cause, error.elapsed, head)
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

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        let attempt = self.attempt(visitor, url, want);
        Box::pin(dial::with_limit(visitor.timeouts.connect, attempt))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.rule.name)
            .finish_non_exhaustive()
    }
}
