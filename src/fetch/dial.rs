//! The making of a connection: its time limit, and whether one was made.
//!
//! Clients are shared by all sites, limits are a site's: the limit comes with
//! the request, in a task-local that the connector reads when it is asked to
//! connect (which happens inside the request's own future).

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What a request tells the connector, and hears of it.
struct Dial {
    limit: Duration,
    /// Set by the connector once the connection it was asked for stands.
    connected: RefCell<Option<Arc<AtomicBool>>>,
}

/// Runs a request whose connection must stand within `limit`.
pub(super) fn with_limit<F: Future>(
    limit: Duration,
    request: F,
) -> impl Future<Output = F::Output> {
    let dial = Dial {
        limit,
        connected: RefCell::new(None),
    };
    DIAL.scope(dial, request)
}

/// Whether a connection was made for this request. Where none was, it went out
/// on one that had been in use before.
pub(super) fn connected_anew() -> bool {
    DIAL.try_with(|dial| {
        let connected = dial.connected.borrow();
        connected
            .as_ref()
            .is_some_and(|connected| connected.load(Ordering::Acquire))
    })
    .unwrap_or(false)
}

/// What a connector asks when a connection is wanted of it: within which time,
/// and where it tells that the connection stands.
pub(super) fn begin() -> (Duration, Arc<AtomicBool>) {
    let connected = Arc::new(AtomicBool::new(false));
    let limit = DIAL
        .try_with(|dial| {
            dial.connected.replace(Some(Arc::clone(&connected)));
            dial.limit
        })
        .unwrap_or(DEFAULT_LIMIT);
    (limit, connected)
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
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let (limit, connected) = begin();
        let connecting = self.0.call(destination);
        // From here on it may go on without the request, for the pool.
        Box::pin(async move {
            let connection = tokio::time::timeout(limit, connecting)
                .await
                .map_err(|_| DialTimeout(limit))??;
            connected.store(true, Ordering::Release);
            Ok(connection)
        })
    }
}
