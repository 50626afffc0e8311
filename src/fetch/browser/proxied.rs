//! The browser by way of proxies: a context for each of their sessions, whose
//! connections all go by that session's exit.

use super::Browser;
use crate::config::Rung;
use crate::fetch::error::{Cause, timed_out};
use crate::fetch::proxy::{Next, Tries};
use crate::fetch::{FetchError, Fetched, Fetcher, Fetching, Proxy, Visitor, Want};
use crate::page::FailureKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// By how much all of it is shorter than the rung's time, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// The browser as a rung of sites with the same proxies.
pub struct ByProxies {
    browser: Arc<Browser>,
    proxy: Arc<Proxy>,
}

impl ByProxies {
    /// The browser, by these proxies alone.
    pub fn new(browser: Arc<Browser>, proxy: Arc<Proxy>) -> Self {
        Self { browser, proxy }
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
    ) -> Result<Fetched, FetchError> {
        let start = Instant::now();
        let fail = |cause: Cause| cause.after(start.elapsed());
        self.proxy.check(visitor, url).await.map_err(fail)?;
        // Whoever drops the request when the rung's time is over would leave its
        // exit without the blame.
        let limit = visitor.time(Rung::Browser);
        let limit = limit - (limit / 20).min(MARGIN);
        let until = start + limit;
        let mut tries = Tries::default();
        loop {
            let held = match self.proxy.hold(visitor, until).await {
                Ok(held) => held,
                Err(_) if self.proxy.is_optional() => {
                    let fetched = self.browser.attempt(visitor, url, want, None, None).await?;
                    return Ok(Fetched {
                        through: Some("direct".into()),
                        ..fetched
                    });
                }
                Err((trouble, detail)) => {
                    return Err(FetchError {
                        trouble: Some(trouble),
                        ..fail(Cause::new(FailureKind::Connect, detail))
                    });
                }
            };
            let done = self.browser.attempt(visitor, url, want, None, Some(&held));
            let done = timeout_at(until, done).await;
            let late = || timed_out("the page is not done", limit);
            let done = done.unwrap_or_else(|_| Err(fail(Cause::new(FailureKind::Timeout, late()))));
            let error = match done {
                Ok(fetched) => {
                    held.answered(fetched.headers_after);
                    return Ok(fetched);
                }
                // There is no browser.
                Err(error) if error.trouble.is_some() => return Err(error),
                Err(error) => error,
            };
            let cause = Cause::new(error.kind, error.detail.clone());
            let fault = match error.head {
                // The exit did what it should.
                Some(_) => {
                    held.answered(error.elapsed);
                    None
                }
                None => held.failed(&cause),
            };
            let Some(fault) = fault else {
                let detail = held.named(cause).detail;
                return Err(FetchError { detail, ..error });
            };
            let cause = held.named(Cause::new(FailureKind::Connect, fault.words.clone()));
            match tries.after(&fault) {
                Next::Another => {}
                Next::GiveUp(trouble) => {
                    return Err(FetchError {
                        trouble,
                        ..fail(cause)
                    });
                }
            }
        }
    }
}

impl Fetcher for ByProxies {
    fn rung(&self) -> Rung {
        Rung::Browser
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        match want {
            // No browser is needed for what is no page; the proxies are.
            Want::File(_) => self.proxy.fetch(visitor, url, want),
            Want::Page | Want::PageOrJson => Box::pin(self.attempt(visitor, url, want)),
        }
    }

    fn proxies(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }
}
