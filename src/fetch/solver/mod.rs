//! A rung: challenge solvers that listen nearby, each with one browser.
//!
//! ```text
//! page's URL ─ guard ─▶ the healthy endpoint with the least to do ─▶ a session ─▶ page
//!                                                                       │
//!                      Visitor: cookies and user agent, for plain HTTP ◀┘
//! ```
//!
//! A session goes out by the exit of one of the proxies' sessions where the
//! rung goes by proxies.
//!
//! Starting the containers is the operator's business.

mod endpoint;
mod form;
mod name;
mod plain;
mod session;
#[cfg(test)]
mod tests;
mod turn;
mod wire;

pub use self::endpoint::Endpoint;

use self::session::Way;
use self::turn::{Order, Unsolved};
use self::wire::Solution;
use super::clearance::Clearance;
use super::cookies;
use super::error::Cause;
use super::proxy::{Borrower, Fault, Held, Proxy};
use super::{FetchError, Fetched, Fetcher, Fetching, Http, Trouble, Visitor, Want};
use crate::config::{Rung, SolverProxy, SolverRule, ladder};
use crate::page::FailureKind;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
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
    /// By whose exits its browsers go, where they go by any.
    proxies: Option<Arc<Proxy>>,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Solver {
    /// The rung of a site's options, by the exits of `proxies` where it is given
    /// them; `endpoint` answers the endpoint that all sites share.
    pub fn new(
        http: Arc<Http>,
        options: &ladder::Solver,
        proxies: Option<Arc<Proxy>>,
        endpoint: impl Fn(&Url) -> Arc<Endpoint>,
    ) -> Self {
        let rule = options.rule.clone();
        Self {
            http,
            endpoints: rule.endpoints.iter().map(endpoint).collect(),
            proxies,
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
        let asking = Asking {
            solver: self,
            visitor,
            url,
            want,
            form: form::of(visitor.call()).map_err(early)?,
        };
        let limit = visitor.time(Rung::Solver);
        if let Some(proxies) = &self.proxies {
            return proxies.lend(visitor, url, limit, &asking).await;
        }
        self.http.judge(visitor, url).await.map_err(early)?;
        let until = start
            .checked_add(limit)
            .unwrap_or(start + Duration::from_secs(1 << 30));
        asking.ask(None, until).await
    }

    /// Has a page got by the endpoint with the least to do, and by another
    /// where that one turns out not to work. Those that did not work of late
    /// are asked only where no other is left.
    async fn solve(
        &self,
        order: &Order<'_>,
        held: Option<&Held>,
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
            let solved = endpoint.get(&self.http, order).await;
            drop(counted);
            match solved {
                Ok(solution) => return Ok((endpoint, solution)),
                Err(Unsolved::Busy) => busy = true,
                Err(Unsolved::Exit(whose, why)) => {
                    let cause = Cause::new(FailureKind::Connect, why.as_str());
                    let error = cause.after(start.elapsed());
                    if let Some(held) = held {
                        held.lost(Fault::new(whose, why));
                    }
                    return Err(error);
                }
                Err(Unsolved::Down(why)) => {
                    endpoint.fell(&why);
                    tracing::warn!(solver = %endpoint.shown, "does not work: {why}");
                    wrong.push(format!("{} {why}", endpoint.shown));
                }
                Err(Unsolved::Page(error)) => {
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

    /// What was won at a page, as an answer would have set it, and how long the
    /// longest of it is good.
    fn won(&self, host: &str, solution: &Solution) -> (Vec<(String, String)>, Duration) {
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
        (cookies, good)
    }

    /// Hands cookies and user agent to the site's visitor, for plain HTTP to go
    /// on with. What was won at a proxy's address is worth nothing at ours: of an
    /// exit's session it stays with that session.
    fn hand_down(&self, visitor: &Visitor, held: Option<&Held>, url: &Url, solution: &Solution) {
        let Some(host) = url.host_str() else {
            return;
        };
        let (cookies, good) = self.won(host, solution);
        if let Some(held) = held {
            let mut headers = HeaderMap::new();
            for (_, text) in &cookies {
                if let Ok(value) = HeaderValue::from_str(text) {
                    headers.append(SET_COOKIE, value);
                }
            }
            held.hear(url, &headers);
            return;
        }
        let agent = HeaderValue::from_str(solution.user_agent.trim());
        let (None, Ok(agent)) = (&self.rule.proxy, agent) else {
            return;
        };
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

/// One request of a site.
struct Asking<'a> {
    solver: &'a Solver,
    visitor: &'a Visitor,
    url: &'a Url,
    want: Want,
    form: Option<String>,
}

impl Asking<'_> {
    async fn ask(&self, held: Option<&Held>, until: Instant) -> Result<Fetched, FetchError> {
        let start = Instant::now();
        let early = |cause: Cause| cause.after(start.elapsed());
        let (solver, visitor) = (self.solver, self.visitor);
        let request = match held {
            Some(held) => held.request(visitor, self.url, self.want),
            None => visitor.request(self.url, self.want),
        };
        let way = match held {
            Some(held) => Way::by(held).ok_or_else(|| unsuited(held))?,
            None => Way::own(solver.rule.proxy.as_ref()),
        };
        let order = Order {
            url: self.url,
            form: self.form.as_deref(),
            visitor: visitor.session(),
            cookies: cookies::pairs(request.headers().get(COOKIE)),
            way,
            until,
            timeout: visitor.time(Rung::Solver),
            media: solver.rule.media,
            cap: visitor.max_body.saturating_mul(2).saturating_add(WRAPPING),
        };
        let (endpoint, solution) = solver.solve(&order, held, start).await?;
        let landed = landed(&solution).map_err(early)?;
        match (&solver.proxies, held) {
            (Some(proxies), Some(_)) => proxies.check(visitor, &landed).await,
            _ => solver.http.judge(visitor, &landed).await,
        }
        .map_err(early)?;
        solver.hand_down(visitor, held, &landed, &solution);
        let page = page(solution, self.want, visitor.max_body).map_err(early)?;
        let elapsed = start.elapsed();
        let through = match held {
            Some(held) => format!("{} by {}", endpoint.shown, held.through()).into(),
            None => endpoint.shown.clone(),
        };
        Ok(Fetched {
            landed: Some(landed),
            through: Some(through),
            elapsed,
            headers_after: elapsed,
            ..page
        })
    }
}

impl Borrower for Asking<'_> {
    fn by<'a>(&'a self, held: Option<&'a Held>, until: Instant) -> Fetching<'a> {
        Box::pin(self.ask(held, until))
    }

    /// Most of its time is the solver's, and the challenge's.
    fn latency(&self, _: &Fetched) -> Option<Duration> {
        None
    }
}

/// The rung cannot go by this exit.
fn unsuited(held: &Held) -> FetchError {
    let exit = held.through();
    let exit = exit.split(" #").next().unwrap_or_default();
    let why = format!(
        "fetch.solver.proxy is on, but {exit} of fetch.proxy does not do: {}; then resume the rung",
        SolverProxy::NO_LOGIN
    );
    FetchError {
        trouble: Some(Trouble::Down(why.clone())),
        ..Cause::new(FailureKind::Connect, why).after(Duration::ZERO)
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

    fn proxies(&self) -> Option<&Proxy> {
        self.proxies.as_deref()
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
