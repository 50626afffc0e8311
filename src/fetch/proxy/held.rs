//! A session of the proxies for a rung that makes its own connections, as the
//! browser and a solver's do.

use super::connector::{BoxError, Io};
use super::fault::{Fault, Whose};
use super::guard;
use super::session::{Owner, Session};
use super::sessions::{Lease, Sessions};
use super::{Proxy, down};
use crate::config::SolverProxy;
use crate::fetch::dns::Lookup;
use crate::fetch::error::Cause;
use crate::fetch::{Trouble, Visitor, Want};
use crate::page::FailureKind;
use reqwest::Request;
use reqwest::header::HeaderMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::{Host, Url};

/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(15);

/// A session while it is somebody's. Given back when dropped.
pub(in crate::fetch) struct Held {
    lease: Lease,
    sessions: Arc<Sessions>,
    road: Road,
    since: Instant,
}

/// What connects by a session: for as long as the session's cookies are kept,
/// which may be longer than a page has it.
#[derive(Clone)]
pub(in crate::fetch) struct Road {
    session: Arc<Session>,
    sessions: Arc<Sessions>,
    names: Arc<dyn Lookup>,
    remote_names: bool,
}

/// Why nothing was connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fetch) enum Closed {
    /// A guarded site must not go there.
    Forbidden,
    /// There is no such host, as far as is known here.
    Unknown,
    /// The exit did not lead there.
    Unreachable,
}

impl Proxy {
    /// A session for the visitor, as soon as there is one.
    ///
    /// # Errors
    /// Where there is none until then, and what is the matter.
    pub(in crate::fetch) async fn hold(
        &self,
        visitor: &Visitor,
        until: Instant,
    ) -> Result<Held, (Trouble, String)> {
        self.source.ready(&self.sessions).await.map_err(down)?;
        let owner = Owner {
            site: Arc::clone(&visitor.site),
            guarded: visitor.guarded,
        };
        let lease = self.lease(&owner, until).await?;
        let road = Road {
            session: Arc::clone(&lease.session),
            sessions: Arc::clone(&self.sessions),
            names: Arc::clone(&self.names),
            remote_names: self.rule.remote_names,
        };
        Ok(Held {
            lease,
            sessions: Arc::clone(&self.sessions),
            road,
            since: Instant::now(),
        })
    }

    /// Whether its sites go without a proxy where none can be used.
    pub(in crate::fetch) fn is_optional(&self) -> bool {
        self.rule.direct
    }
}

impl Held {
    /// Tells the session from every other of the run.
    pub(in crate::fetch) fn key(&self) -> (usize, u64) {
        // No other rule's sessions are there while these are.
        let rule = Arc::as_ptr(&self.sessions).addr();
        (rule, self.session().number)
    }

    /// The exit's name and the session's number, as they are shown.
    pub(in crate::fetch) fn through(&self) -> Arc<str> {
        Arc::clone(&self.session().through)
    }

    /// What connects by it.
    pub(in crate::fetch) fn road(&self) -> Road {
        self.road.clone()
    }

    /// Whether names are left to the exits without a look at where they lead.
    pub(in crate::fetch) fn leaves_names(&self) -> bool {
        self.road.remote_names
    }

    /// The request for `url` as the session makes it.
    pub(in crate::fetch) fn request(&self, visitor: &Visitor, url: &Url, want: Want) -> Request {
        visitor.request_as(&self.session().guise, url, want)
    }

    /// Takes the cookies of an answer from `url`.
    pub(in crate::fetch) fn hear(&self, url: &Url, headers: &HeaderMap) {
        self.session().guise.hear(url, headers);
    }

    /// The exit as a solver is told of it, with the session's login; `None` where
    /// no browser can log in there.
    pub(in crate::fetch) fn for_solver(&self) -> Option<SolverProxy> {
        SolverProxy::of(&self.session().address)
    }

    /// An answer came, its head after `latency` where that tells something of the exit.
    pub(in crate::fetch) fn answered(&self, latency: Option<Duration>) {
        self.sessions
            .answered(self.session(), latency, Instant::now());
    }

    /// An answer was a block.
    pub(super) fn blocked(&self) {
        self.sessions.blocked(&self.through(), Instant::now());
    }

    /// A connection that somebody else made by the exit failed: for
    /// [`Held::failed`] to find.
    pub(in crate::fetch) fn lost(&self, fault: Fault) {
        self.road.lost(fault);
    }

    /// No answer came. Why, where a connection failed by the exit; it is then
    /// worth a try by another. Counts against the exit what may be its fault.
    pub(super) fn failed(&self, cause: &Cause) -> Option<Fault> {
        let last = self.session().fault.lock();
        let last = last.unwrap_or_else(PoisonError::into_inner).clone();
        let fault = last
            .filter(|(at, _)| *at >= self.since)
            .map(|(_, fault)| fault);
        match &fault {
            // It was counted when it happened.
            Some(fault) if fault.whose != Whose::Either => {}
            Some(fault) => self.sessions.failed(self.session(), fault, Instant::now()),
            None => super::blame(&self.sessions, self.session(), cause),
        }
        fault
    }

    /// The cause with the exit's name in front.
    pub(super) fn named(&self, cause: Cause) -> Cause {
        super::named(self.session(), cause)
    }

    fn session(&self) -> &Session {
        &self.lease.session
    }
}

impl Road {
    /// Connects to a host and port through the exit.
    ///
    /// # Errors
    /// Where that must not be, or the exit does not lead there: the fault is
    /// kept for [`Held::failed`], and counted where it is the exit's own.
    pub(in crate::fetch) async fn connect(&self, host: &Host, port: u16) -> Result<Io, Closed> {
        let session = &self.session;
        if session.owner.guarded {
            let host = match host {
                Host::Domain(name) => Host::Domain(name.as_str()),
                Host::Ipv4(ip) => Host::Ipv4(*ip),
                Host::Ipv6(ip) => Host::Ipv6(*ip),
            };
            let checked = guard::check(&*self.names, self.remote_names, host).await;
            checked.map_err(|cause| match cause.kind {
                FailureKind::Private => Closed::Forbidden,
                _ => Closed::Unknown,
            })?;
        }
        let until = Instant::now() + CONNECTING;
        let host = host.to_string();
        let tunnel = session.way.tunnel(&host, port, until, CONNECTING);
        tunnel.await.map_err(|error| {
            self.lost(fault(error));
            Closed::Unreachable
        })
    }

    /// Whether its session serves nobody any more.
    pub(in crate::fetch) fn is_over(&self) -> bool {
        !self.session.serves(Instant::now())
    }

    fn lost(&self, fault: Fault) {
        let now = Instant::now();
        if fault.whose != Whose::Either {
            self.sessions.failed(&self.session, &fault, now);
        }
        let last = self.session.fault.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some((now, fault));
    }
}

fn fault(error: BoxError) -> Fault {
    match error.downcast::<Fault>() {
        Ok(fault) => *fault,
        Err(other) => Fault::new(Whose::Either, other.to_string()),
    }
}
