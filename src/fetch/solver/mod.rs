//! A rung: challenge solvers that listen nearby, each with one browser.
//!
//! ```text
//! page's URL ─ guard ─▶ the healthy endpoint with the least to do ─▶ its session ─▶ page
//!                                                                        │
//!                       Visitor: cookies and user agent, for plain HTTP ◀┘
//! ```
//!
//! Starting the containers is the operator's business.

mod endpoint;
mod plain;
#[cfg(test)]
mod tests;
mod wire;

pub use self::endpoint::Endpoint;

use self::endpoint::{Order, Unsolved};
use self::wire::{Refusal, Reply, Solution};
use super::clearance::Clearance;
use super::error::Cause;
use super::{FetchError, Fetched, Fetcher, Fetching, Http, Trouble, Visitor, Want};
use crate::config::{Rung, SolverRule, ladder};
use crate::page::FailureKind;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use url::Url;

/// What JSON may add to a page, bytes.
const WRAPPING: u64 = 256 * 1024;

/// Challenge solvers, as one site uses them; it shares them with others.
pub struct Solver {
    http: Arc<Http>,
    rule: Arc<SolverRule>,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Solver {
    /// The rung of a site's options; `endpoint` answers the endpoint that all
    /// sites share.
    pub fn new(
        http: Arc<Http>,
        options: &ladder::Solver,
        endpoint: impl Fn(&Url) -> Arc<Endpoint>,
    ) -> Self {
        let rule = options.rule.clone();
        Self {
            http,
            endpoints: rule.endpoints.iter().map(endpoint).collect(),
            rule,
        }
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
    ) -> Result<Fetched, FetchError> {
        let start = Instant::now();
        let early = |cause: Cause| cause.after(start.elapsed());
        if visitor.call().is_some() {
            let text = "a solver gets pages alone, no requests of an API";
            return Err(early(Cause::new(FailureKind::Internal, text)));
        }
        self.http.judge(visitor, url).await.map_err(early)?;
        let timeout = visitor.time(Rung::Solver);
        let order = Order {
            url,
            until: start + timeout,
            timeout,
            media: self.rule.media,
            cap: visitor.max_body.saturating_mul(2).saturating_add(WRAPPING),
        };
        let (endpoint, solution) = self.solve(&order, start).await?;
        let landed = landed(&solution).map_err(early)?;
        self.http.judge(visitor, &landed).await.map_err(early)?;
        self.hand_down(visitor, &landed, &solution);
        let page = page(solution, want, visitor.max_body).map_err(early)?;
        let elapsed = start.elapsed();
        Ok(Fetched {
            landed: Some(landed),
            through: Some(endpoint.shown.clone()),
            elapsed,
            headers_after: elapsed,
            ..page
        })
    }

    /// Has a page got by the endpoint with the least to do, and by another
    /// where that one turns out not to work. Those that did not work of late
    /// are asked only where no other is left.
    async fn solve(
        &self,
        order: &Order<'_>,
        start: Instant,
    ) -> Result<(&Arc<Endpoint>, Solution), FetchError> {
        let mut left: Vec<&Arc<Endpoint>> = self.endpoints.iter().collect();
        let mut wrong: Vec<String> = Vec::new();
        let mut busy = false;
        loop {
            left.sort_by_key(|endpoint| (endpoint.is_resting(), endpoint.load()));
            if left.is_empty() {
                break;
            }
            let endpoint = left.remove(0);
            let counted = endpoint.count();
            let solved = self.by(endpoint, order).await;
            drop(counted);
            match solved {
                Ok(solution) => return Ok((endpoint, solution)),
                Err(Unsolved::Busy) => busy = true,
                Err(Unsolved::Down(why)) => {
                    endpoint.fell(&why);
                    tracing::warn!(solver = %endpoint.shown, "does not work: {why}");
                    wrong.push(format!("{} {why}", endpoint.shown));
                }
                Err(Unsolved::Failed(error)) => {
                    return Err(FetchError {
                        elapsed: start.elapsed(),
                        head: None,
                        ..error
                    });
                }
            }
        }
        let (detail, trouble) = if busy {
            let text = "every solver is at work and none is free in time".to_owned();
            (text, Trouble::Crowded)
        } else {
            let text = format!(
                "no solver works ({}); start one: docker run -d -p 8191:8191 \
                 ghcr.io/flaresolverr/flaresolverr:latest, name its address in \
                 fetch.solver.endpoints, then resume the rung",
                wrong.join("; ")
            );
            (text.clone(), Trouble::Down(text))
        };
        Err(FetchError {
            trouble: Some(trouble),
            ..Cause::new(FailureKind::Connect, detail).after(start.elapsed())
        })
    }

    async fn by(&self, endpoint: &Endpoint, order: &Order<'_>) -> Result<Solution, Unsolved> {
        let (body, status) = match endpoint.get(&self.http, order).await {
            // On the way to the endpoint, not to the page.
            Err(Unsolved::Failed(error)) if error.kind != FailureKind::Timeout => {
                return Err(Unsolved::Down(error.detail));
            }
            answered => answered?,
        };
        if body.len() as u64 >= order.cap {
            let text = format!("the solver's answer is more than {} bytes", order.cap);
            let cause = Cause::new(FailureKind::TooLarge, text);
            return Err(Unsolved::Failed(cause.after(Duration::ZERO)));
        }
        // Megabytes of JSON: not for the event loop.
        let read = move || Reply::read(status, &body).and_then(Reply::done);
        let read = tokio::task::spawn_blocking(read).await;
        let told = |cause: Cause| {
            let text = format!("the solver {}: {}", endpoint.shown, cause.detail);
            Unsolved::Failed(Cause::new(cause.kind, text).after(Duration::ZERO))
        };
        match read {
            Ok(Ok(Some(solution))) => Ok(solution),
            Ok(Ok(None)) => Err(Unsolved::Down("answers without a solution".to_owned())),
            Ok(Err(Refusal::NoSolver(why))) => Err(Unsolved::Down(why)),
            Ok(Err(Refusal::Session(why))) => {
                endpoint.renew(&self.http).await;
                Err(told(Cause::new(FailureKind::Reset, why)))
            }
            Ok(Err(Refusal::Page(cause))) => Err(told(cause)),
            Err(error) => Err(told(Cause::new(FailureKind::Internal, error.to_string()))),
        }
    }

    /// Hands cookies and user agent to the site's visitor, for plain HTTP to go
    /// on with. What was won at a proxy's address is worth nothing at ours.
    fn hand_down(&self, visitor: &Visitor, url: &Url, solution: &Solution) {
        let agent = HeaderValue::from_str(solution.user_agent.trim());
        let (None, Ok(agent), Some(host)) = (&self.rule.proxy, agent, url.host_str()) else {
            return;
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        let mut good = Duration::ZERO;
        let mut cookies = Vec::new();
        for value in &solution.cookies {
            let Some((name, text, end)) = wire::cookie(value, host) else {
                continue;
            };
            let left = end.map_or(self.rule.keep, |end| {
                Duration::try_from_secs_f64((end - now).max(0.0)).unwrap_or(self.rule.keep)
            });
            let left = left.min(self.rule.keep);
            good = good.max(left);
            cookies.push((name, format!("{text}; Max-Age={}", left.as_secs())));
        }
        if agent.is_empty() || good.is_zero() {
            return;
        }
        let won = Clearance {
            agent,
            cookies: cookies.iter().map(|(name, _)| name.clone()).collect(),
            until: Instant::now() + good,
        };
        visitor.win(url, &cookies, won);
    }
}

/// Where the solver's browser was in the end.
fn landed(solution: &Solution) -> Result<Url, Cause> {
    Url::parse(&solution.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| {
            // `chrome-error://chromewebdata/`, say.
            let text = "the solver's browser could not open the page";
            Cause::new(FailureKind::Protocol, text)
        })
}

/// The page as it is handed on. Its status is not known: what is told is
/// always 200, and an error or a block is seen by what the page says.
fn page(solution: Solution, want: Want, max_body: u64) -> Result<Fetched, Cause> {
    let (text, media_type) = match plain::text(&solution.response) {
        Some(text) if text.trim_start().starts_with(['{', '[']) => {
            (text, "application/json; charset=utf-8")
        }
        Some(text) => (text, "text/plain; charset=utf-8"),
        None => (solution.response, "text/html; charset=utf-8"),
    };
    let body = Bytes::from(text);
    if body.len() as u64 > max_body {
        let text = format!("the page is {} bytes, more than {max_body}", body.len());
        return Err(Cause::new(FailureKind::TooLarge, text));
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let page = Fetched::whole(200, headers, body, Duration::ZERO);
    Ok(page.wanted(want))
}

impl Fetcher for Solver {
    fn rung(&self) -> Rung {
        Rung::Solver
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        Box::pin(self.attempt(visitor, url, want))
    }
}

impl fmt::Debug for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<&str> = self.endpoints.iter().map(|e| &*e.shown).collect();
        f.debug_struct("Solver")
            .field("endpoints", &endpoints)
            .finish_non_exhaustive()
    }
}
