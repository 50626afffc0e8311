//! The second rung: HTTP through proxies.
//!
//! ```text
//! Source ─▶ Pool of Exits (turns, health, rests)
//!              │
//! Visitor ─▶ Sessions ─▶ Session (cookies, user agent, client) ─▶ Connector
//!                                                  (CONNECT, SOCKS5, TLS)
//! ```
//!
//! A request that could not be made because of its exit goes by the next one;
//! one that was made is never made again. Where no exit can be used the request
//! waits for the first, or the rung says that it is down: nothing goes directly
//! unless the sites file says so.

mod connector;
mod excuse;
mod exit;
mod fault;
mod figures;
mod guard;
mod held;
mod lent;
mod pace;
mod pool;
mod session;
mod sessions;
mod socks;
mod source;
mod tls;
mod tries;
mod tunnel;

#[cfg(test)]
pub(in crate::fetch) mod tests;

pub(super) use self::fault::{Fault, Whose};
pub(super) use self::guard::check;
pub(super) use self::held::{Closed, Held, Road};
pub(super) use self::lent::Borrower;

use self::excuse::{excuse, refusal};
use self::pool::NoExit;
use self::session::{Maker, Owner, Session, Term};
use self::sessions::{Lease, Sessions};
use self::source::Source;
use self::tls::{Roots, Trust};
use self::tries::{Next, Tries};
use super::dial;
use super::dns::Lookup;
use super::error::{Cause, ClientError, Phase, classify, is_stale, sources};
use super::exchange;
use super::read::Clock;
use super::{FetchError, Fetched, Fetcher, Fetching, Http, Trouble, Visitor, Want};
use crate::bus::Exits;
use crate::config::{ProxyRule, Rung, Timeouts};
use crate::page::FailureKind;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::connect::Connected;
use reqwest::Response;
use reqwest::header::PROXY_AUTHORIZATION;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

/// By how much a request's limit is shorter than the rung's, at most.
const MARGIN: Duration = Duration::from_millis(500);

/// HTTP through the proxies of one rule, shared by the sites that have it.
pub struct Proxy {
    rule: Arc<ProxyRule>,
    sessions: Arc<Sessions>,
    source: Arc<Source>,
    names: Arc<dyn Lookup>,
    direct: Arc<Http>,
}

/// Why a request through one exit has no answer.
enum Failed {
    /// It was not made.
    Unmade(Fault),
    /// It may have been made.
    Made(Cause),
}

impl Proxy {
    /// The rung for `rule`. `direct` fetches the list of proxies, and pages
    /// where the rule says so.
    pub fn new(rule: Arc<ProxyRule>, direct: Arc<Http>) -> Self {
        Self::assemble(rule, direct, Roots::System)
    }

    fn assemble(rule: Arc<ProxyRule>, direct: Arc<Http>, roots: Roots) -> Self {
        let names = direct.names();
        let maker = Maker {
            names: Arc::clone(&names),
            trust: Arc::new(Trust::new(roots)),
            term: Term::default(),
        };
        let sessions = Arc::new(Sessions::new(Arc::clone(&rule), maker));
        let source = Source::new(Arc::clone(&rule), Arc::clone(&direct), &sessions);
        Self {
            rule,
            sessions,
            source: Arc::new(source),
            names,
            direct,
        }
    }

    /// Hears that an answer was a block, which the body alone may tell; `through`
    /// is the answer's own.
    pub fn blocked(&self, through: &str) {
        self.sessions.blocked(through, Instant::now());
    }

    /// Its exits and how they have done. Takes no time to speak of.
    pub fn exits(&self) -> Exits {
        let (exits, retired) = self.sessions.exits();
        Exits {
            remark: self.source.remark().map(Into::into),
            ..figures::of(&exits, retired, Instant::now())
        }
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
    ) -> Result<Fetched, FetchError> {
        let limits = self.limits(visitor);
        let clock = Clock::start(&limits);
        let fail = |cause: Cause| cause.after(clock.start.elapsed());
        self.check(visitor, url).await.map_err(fail)?;
        if let Err(wrong) = self.source.ready(&self.sessions).await {
            return self.without(visitor, url, want, &clock, down(wrong)).await;
        }
        let owner = Owner {
            site: Arc::clone(&visitor.site),
            guarded: visitor.guarded,
        };
        let mut tries = Tries::default();
        loop {
            let lease = match self.lease(&owner, clock.headers_until()).await {
                Ok(lease) => lease,
                Err(none) => return self.without(visitor, url, want, &clock, none).await,
            };
            let session = &lease.session;
            let sending = self.send(session, visitor, url, want, &clock);
            let fault = match dial::with_limit(limits.connect, sending).await {
                Ok(response) => {
                    return self
                        .receive(&lease, visitor, url, want, response, &clock)
                        .await;
                }
                Err(Failed::Made(cause)) => {
                    blame(&self.sessions, session, &cause);
                    return Err(fail(named(session, cause)));
                }
                Err(Failed::Unmade(fault)) => fault,
            };
            self.sessions.failed(session, &fault, Instant::now());
            let next = tries.after(&fault);
            let cause = named(session, Cause::new(FailureKind::Connect, fault.words));
            match next {
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

    /// A session, as soon as there is one; not after `latest`.
    async fn lease(&self, owner: &Owner, latest: Instant) -> Result<Lease, (Trouble, String)> {
        loop {
            let now = Instant::now();
            match self.sessions.lease(owner, now) {
                Ok(lease) => return Ok(lease),
                Err(NoExit::Dead(text)) => return Err(down(text)),
                Err(NoExit::Resting(until)) => {
                    if self.rule.direct || until >= latest {
                        let text =
                            format!("every proxy rests, the first for {:.0?} more", until - now);
                        return Err((Trouble::Crowded, text));
                    }
                    sleep_until(until).await;
                }
            }
        }
    }

    /// What becomes of a request for which there is no exit.
    async fn without(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
        clock: &Clock<'_>,
        (trouble, detail): (Trouble, String),
    ) -> Result<Fetched, FetchError> {
        if self.rule.direct {
            let fetched = self.direct.fetch(visitor, url, want).await?;
            return Ok(Fetched {
                through: Some("direct".into()),
                ..fetched
            });
        }
        Err(FetchError {
            trouble: Some(trouble),
            ..Cause::new(FailureKind::Connect, detail).after(clock.start.elapsed())
        })
    }

    /// Sends the request by one session and waits for the headers.
    async fn send(
        &self,
        session: &Session,
        visitor: &Visitor,
        url: &Url,
        want: Want,
        clock: &Clock<'_>,
    ) -> Result<Response, Failed> {
        let mut left = dial::KEPT;
        loop {
            let request = request(session, visitor, url, want).map_err(Failed::Made)?;
            let sending = session.client.request(request);
            match timeout_at(clock.headers_until(), sending).await {
                Err(_) => return Err(Failed::Made(clock.headers_late())),
                Ok(Ok(response)) => {
                    let response = Response::from(response.map(reqwest::Body::wrap));
                    return match refusal(session, url, &response) {
                        Some(fault) => Err(Failed::Unmade(fault)),
                        None => Ok(response),
                    };
                }
                Ok(Err(error)) if is_stale(&error) && left > 0 => left -= 1,
                Ok(Err(error)) => {
                    let fault = sources(&error).find_map(|source| source.downcast_ref::<Fault>());
                    return Err(match fault {
                        Some(fault) => Failed::Unmade(fault.clone()),
                        None => Failed::Made(classify(&error, Phase::Head)),
                    });
                }
            }
        }
    }

    async fn receive(
        &self,
        lease: &Lease,
        visitor: &Visitor,
        url: &Url,
        want: Want,
        response: Response,
        clock: &Clock<'_>,
    ) -> Result<Fetched, FetchError> {
        let session = &lease.session;
        session.guise.hear(url, response.headers());
        let into = (visitor.max_body, visitor.spool());
        match exchange::receive(response, want, into, clock).await {
            Ok(fetched) => {
                let now = Instant::now();
                match excuse(session, url, &fetched) {
                    Some(fault) => self.sessions.doubted(session, &fault, now),
                    None => {
                        let latency = Some(fetched.headers_after);
                        self.sessions.answered(session, latency, now);
                    }
                }
                Ok(Fetched {
                    through: Some(Arc::clone(&session.through)),
                    ..fetched
                })
            }
            Err(error) => {
                let cause = Cause::new(error.kind, error.detail);
                blame(&self.sessions, session, &cause);
                let detail = named(session, cause).detail;
                Err(FetchError { detail, ..error })
            }
        }
    }

    /// The limits of one request: the rung's for the whole of it, and a little
    /// less. Whoever drops the request when the rung's time is over would leave
    /// its exit without the blame.
    fn limits(&self, visitor: &Visitor) -> Timeouts {
        let own = &visitor.timeouts;
        let total = visitor.time(Rung::Proxy);
        let total = total - (total / 20).min(MARGIN);
        Timeouts {
            connect: own.connect.min(total),
            headers: total,
            idle: own.idle.min(total),
            total,
        }
    }
}

impl Fetcher for Proxy {
    fn rung(&self) -> Rung {
        Rung::Proxy
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        Box::pin(self.attempt(visitor, url, want))
    }

    fn proxies(&self) -> Option<&Proxy> {
        Some(self)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

impl ClientError for hyper_util::client::legacy::Error {
    fn is_connecting(&self) -> bool {
        self.is_connect()
    }

    fn is_unmade(&self) -> bool {
        false
    }

    fn connection(&self) -> Option<&Connected> {
        self.connect_info()
    }
}

/// Counts a request without an answer against its exit, where it may be the
/// exit's fault.
fn blame(sessions: &Sessions, session: &Session, cause: &Cause) {
    let may_be = cause.kind.is_transient() && cause.kind != FailureKind::Dns
        || cause.kind == FailureKind::Tls;
    if may_be {
        let fault = Fault::new(Whose::Either, cause.detail.as_str());
        sessions.failed(session, &fault, Instant::now());
    }
}

fn down(text: String) -> (Trouble, String) {
    (Trouble::Down(text.clone()), text)
}

/// The cause with its exit's name in front.
fn named(session: &Session, cause: Cause) -> Cause {
    Cause {
        detail: format!("by {}: {}", session.exit.name, cause.detail),
        ..cause
    }
}

/// The request as a session makes it.
fn request(
    session: &Session,
    visitor: &Visitor,
    url: &Url,
    want: Want,
) -> Result<Request<Full<Bytes>>, Cause> {
    let made = visitor.request_as(&session.guise, url, want);
    let body = made.body().and_then(reqwest::Body::as_bytes);
    let mut request = Request::new(Full::new(body.map_or(Bytes::new(), Bytes::copy_from_slice)));
    *request.method_mut() = made.method().clone();
    let unmade = |_| {
        let detail = "no request can be made of this URL";
        Cause::new(FailureKind::Internal, detail)
    };
    *request.uri_mut() = made.url().as_str().parse().map_err(unmade)?;
    *request.headers_mut() = made.headers().clone();
    let address = &session.address;
    if url.scheme() == "http"
        && !address.scheme.is_socks()
        && let Some(value) = address.login.as_ref().and_then(tunnel::authorization)
    {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    Ok(request)
}
