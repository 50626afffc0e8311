//! The making of a connection: its time limit, and which one was made.
//!
//! Clients are shared by all sites, limits are a site's: the limit comes with
//! the request, in a task-local that the connector reads when it is asked to
//! connect (which happens inside the request's own future).
//!
//! A client asked for a connection makes one, and takes another that becomes free
//! before it stands: only the connection itself says whether it is a new one.

use hyper::http::Extensions;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpInfo};
use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tower_layer::Layer;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;

/// Limit where no request stands behind a connection.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

tokio::task_local! {
    static DIAL: Dial;
}

/// Kept connections that may be lost under one request (curl allows five): a server
/// may close one just as the request goes out on it (RFC 9112, section 9.3.1), and
/// some close every one and do not say so.
pub(super) const KEPT: u32 = 3;

/// What a request tells the connector, and hears of it.
struct Dial {
    limit: Duration,
    /// Of the connection that was asked for last.
    made: RefCell<Option<Arc<Made>>>,
}

/// A connection that was asked for; which one it is, as soon as it stands.
#[derive(Default)]
pub(super) struct Made(OnceLock<Id>);

impl Made {
    /// It stands.
    pub(super) fn stands(&self, connected: &Connected) {
        if let Some(id) = Id::of(connected) {
            // It is asked for once, so it stands once.
            let _ = self.0.set(id);
        }
    }
}

/// What tells a connection from all others that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Id {
    Ends(SocketAddr, SocketAddr),
    Mark(Mark),
}

impl Id {
    fn of(connected: &Connected) -> Option<Self> {
        let mut told = Extensions::new();
        connected.get_extras(&mut told);
        let mark = told.get().copied().map(Self::Mark);
        let ends = |told: &HttpInfo| Self::Ends(told.local_addr(), told.remote_addr());
        mark.or_else(|| told.get().map(ends))
    }
}

/// What a connector of ours puts on each connection, among its extras.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    /// One that no other connection has.
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// Runs a request whose connection must stand within `limit`.
pub(super) fn with_limit<F: Future>(
    limit: Duration,
    request: F,
) -> impl Future<Output = F::Output> {
    let dial = Dial {
        limit,
        made: RefCell::new(None),
    };
    DIAL.scope(dial, request)
}

/// Whether the connection on which this request was lost was there before it, and
/// not made for it. To be asked once a try: the next begins anew.
pub(super) fn was_kept(lost: Option<&Connected>) -> bool {
    let made = DIAL.try_with(|dial| dial.made.take()).ok().flatten();
    let made = made.and_then(|made| made.0.get().copied());
    lost.and_then(Id::of).is_some_and(|lost| made != Some(lost))
}

/// What a connector asks when a connection is wanted of it: within which time,
/// and where it tells that the connection stands.
pub(super) fn begin() -> (Duration, Arc<Made>) {
    let made = Arc::<Made>::default();
    let limit = DIAL
        .try_with(|dial| {
            dial.made.replace(Some(Arc::clone(&made)));
            dial.limit
        })
        .unwrap_or(DEFAULT_LIMIT);
    (limit, made)
}

/// A connection did not stand in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct DialTimeout(pub(super) Duration);

/// Puts a [`Dialer`] around a client's connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct DialLayer;

impl<S> Layer<S> for DialLayer {
    type Service = Dialer<S>;

    fn layer(&self, inner: S) -> Dialer<S> {
        Dialer(inner)
    }
}

/// A connector under the limit of the request that wants the connection.
#[derive(Debug, Clone)]
pub(super) struct Dialer<S>(S);

impl<S, R> Service<R> for Dialer<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Connection,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let (limit, made) = begin();
        let connecting = self.0.call(destination);
        // From here on it may go on without the request, for the pool.
        Box::pin(async move {
            let connection = tokio::time::timeout(limit, connecting)
                .await
                .map_err(|_| DialTimeout(limit))??;
            made.stands(&connection.connected());
            Ok(connection)
        })
    }
}
