//! A session: one visitor, as the sites see it. It has an exit, cookies, a
//! user agent and connections of its own, and they retire together.

use super::connector::{Connector, Way};
use super::exit::Exit;
use super::fault::Fault;
use super::tls::{Tls, Trust};
use crate::config::{Fetch, ProxyAddress};
use crate::fetch::dns::Lookup;
use crate::fetch::exchange::{IDLE, MAX_HEAD_READ, MAX_HEADERS};
use crate::fetch::visitor::Guise;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// For whom a session is: sites share exits, never visitors, and a guarded
/// site shares nothing with its own unguarded past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) site: Arc<str>,
    pub(super) guarded: bool,
}

/// How long a session serves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Term {
    pub(super) pages: Option<u64>,
    pub(super) lasts: Option<Duration>,
}

/// One visitor.
pub(super) struct Session {
    pub(super) owner: Owner,
    pub(super) exit: Arc<Exit>,
    /// Tells it from every other session of its rule.
    pub(super) number: u64,
    /// The exit's name and the session's number, as they are shown.
    pub(super) through: Arc<str>,
    /// The exit's address with this session's login.
    pub(super) address: ProxyAddress,
    pub(super) guise: Guise,
    pub(super) client: Client<Connector, Full<Bytes>>,
    /// How its connections are made.
    pub(super) way: Arc<Way>,
    /// Why the last connection that another rung made by it failed, and when.
    pub(super) fault: Mutex<Option<(Instant, Fault)>>,
    began: Instant,
    taken: AtomicU64,
    retired: AtomicBool,
    term: Term,
}

/// What every session is made with.
pub(super) struct Maker {
    pub(super) names: Arc<dyn Lookup>,
    pub(super) trust: Arc<Trust>,
    pub(super) term: Term,
}

impl Maker {
    /// A session by `exit`, whose login is `address`'s.
    pub(super) fn make(
        &self,
        number: u64,
        owner: Owner,
        exit: Arc<Exit>,
        address: ProxyAddress,
        guise: Guise,
        now: Instant,
    ) -> Session {
        let way = Arc::new(Way {
            exit: address.clone(),
            names: Arc::clone(&self.names),
            tls: Tls::new(Arc::clone(&self.trust)),
            guarded: owner.guarded,
        });
        exit.sessions.fetch_add(1, Ordering::Relaxed);
        Session {
            owner,
            number,
            through: format!("{} #{number}", exit.name).into(),
            exit,
            address,
            guise,
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(Fetch::MAX_CONCURRENCY as usize)
                .http1_max_headers(MAX_HEADERS)
                .http2_max_header_list_size(MAX_HEAD_READ)
                .build(Connector::new(Arc::clone(&way))),
            way,
            fault: Mutex::default(),
            began: now,
            taken: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            term: self.term,
        }
    }
}

impl Session {
    /// Counts a request of it.
    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// It is not to serve again.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether it may serve another request.
    pub(super) fn serves(&self, now: Instant) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        !self.retired.load(Ordering::Relaxed)
            && self.term.pages.is_none_or(|pages| taken < pages)
            && self.term.lasts.is_none_or(|lasts| now - self.began < lasts)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.exit.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
