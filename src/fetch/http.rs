//! The first rung: plain HTTP/1.1 and 2 over reqwest.

use super::dial::{self, DialLayer};
use super::dns::{GuardedNames, Lookup, SystemNames, all_public};
use super::error::{Cause, Phase, classify, is_stale};
use super::exchange::{self, IDLE, MAX_HEAD_READ, MAX_HEADERS};
use super::read::Clock;
use super::{FetchError, Fetched, Fetcher, Fetching, Visitor, Want};
use crate::config::{self, Rung, Timeouts};
use crate::page::FailureKind;
use reqwest::{Certificate, Client, Request, Response};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

/// Plain HTTP, shared by all sites: one client for each of {plain, TLS} ×
/// {guarded, unguarded}. The guarded ones share no connection with the others.
///
/// Proxies of the environment are not used: a rung of its own will.
pub struct Http {
    plain: [Client; 2],
    /// Built when first wanted: that reads the system's certificates, which
    /// takes a while and fails where there are none.
    secure: [OnceCell<Client>; 2],
    names: Arc<dyn Lookup>,
    roots: Roots,
}

/// Whom TLS trusts.
#[derive(Clone)]
enum Roots {
    /// The system's certificates, as reqwest finds them (`SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` move them).
    System,
    /// These alone.
    Only(Vec<Certificate>),
}

impl Http {
    /// The rung, with the system's name servers and certificates. It works
    /// without either, as far as it can: `https` pages then fail with
    /// [`FailureKind::Tls`], names outside the hosts file with
    /// [`FailureKind::Dns`].
    ///
    /// # Errors
    ///
    /// [`FailureKind::Internal`] where no client can be built at all.
    pub fn new() -> Result<Self, FetchError> {
        Self::assemble(Arc::new(SystemNames::new()), Roots::System)
    }

    #[cfg(test)]
    pub(super) fn for_tests(names: Arc<dyn Lookup>, roots: Vec<Certificate>) -> Self {
        Self::assemble(names, Roots::Only(roots)).unwrap()
    }

    fn assemble(names: Arc<dyn Lookup>, roots: Roots) -> Result<Self, FetchError> {
        // Fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Without TLS no certificate is needed, and none is looked for.
        let plain = |guarded| {
            client(&names, guarded, &Roots::Only(Vec::new())).map_err(|error| {
                let cause = Cause::new(
                    FailureKind::Internal,
                    format!("no HTTP client can be made: {error:?}"),
                );
                cause.after(Duration::ZERO)
            })
        };
        Ok(Self {
            plain: [plain(false)?, plain(true)?],
            secure: [OnceCell::new(), OnceCell::new()],
            names,
            roots,
        })
    }

    /// Where it looks names up.
    pub(super) fn names(&self) -> Arc<dyn Lookup> {
        Arc::clone(&self.names)
    }

    async fn client(&self, url: &Url, guarded: bool) -> Result<&Client, Cause> {
        let which = usize::from(guarded);
        match url.scheme() {
            "http" => Ok(&self.plain[which]),
            "https" => {
                self.secure[which]
                    .get_or_try_init(|| self.secure_client(guarded))
                    .await
            }
            other => Err(Cause::new(
                FailureKind::Internal,
                format!("a page cannot be fetched by `{other}`, only by http or https"),
            )),
        }
    }

    async fn secure_client(&self, guarded: bool) -> Result<Client, Cause> {
        let names = Arc::clone(&self.names);
        let roots = self.roots.clone();
        // Reads the certificates from disk.
        tokio::task::spawn_blocking(move || client(&names, guarded, &roots))
            .await
            .map_err(|error| Cause::new(FailureKind::Internal, error.to_string()))?
            .map_err(|error| {
                let why = std::error::Error::source(&error)
                    .map_or_else(|| error.to_string(), ToString::to_string);
                Cause::new(
                    FailureKind::Tls,
                    format!(
                        "https needs the certificates of the trusted authorities ({why}): \
                         install the package ca-certificates or set SSL_CERT_FILE"
                    ),
                )
            })
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
    ) -> Result<Fetched, FetchError> {
        let clock = Clock::start(&visitor.timeouts);
        let early = |cause: Cause| cause.after(clock.start.elapsed());
        exchange::check_literal(visitor, url).map_err(early)?;
        let request = || visitor.request(url, want);
        let sending = self.send(url, visitor.guarded, &request, &clock);
        let response = sending.await.map_err(early)?;
        visitor.hear(url, response.headers());
        let into = (visitor.max_body, visitor.spool());
        exchange::receive(response, want, into, &clock).await
    }

    /// Asks an endpoint of the operator's own, which may be on loopback, and
    /// reads its whole answer, at most `cap` bytes of it.
    ///
    /// # Errors
    ///
    /// As [`Fetcher::fetch`].
    pub(super) async fn ask(
        &self,
        url: &Url,
        request: &(dyn Fn() -> Request + Sync),
        cap: u64,
        limits: &Timeouts,
    ) -> Result<Fetched, FetchError> {
        let asking = async {
            let clock = Clock::start(limits);
            let response = self
                .send(url, false, request, &clock)
                .await
                .map_err(|cause| cause.after(clock.start.elapsed()))?;
            exchange::receive(response, Want::File(cap), (cap, None), &clock).await
        };
        dial::with_limit(limits.connect, asking).await
    }

    /// Sends the request and waits for the headers. `request` makes it anew for
    /// each connection that it is tried on.
    async fn send(
        &self,
        url: &Url,
        guarded: bool,
        request: &(dyn Fn() -> Request + Sync),
        clock: &Clock<'_>,
    ) -> Result<Response, Cause> {
        let client = self.client(url, guarded).await?;
        let until: Instant = clock.headers_until();
        let mut left = dial::KEPT;
        loop {
            let sending = client.execute(request());
            match timeout_at(until, sending).await {
                Err(_) => return Err(clock.headers_late()),
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) if is_stale(&error) && left > 0 => left -= 1,
                Ok(Err(error)) => return Err(classify(&error, Phase::Head)),
            }
        }
    }

    /// Whether a guarded visitor may be led to `url`, by its address: for rungs
    /// that have it fetched by somebody else.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Private`] where one of its addresses is private,
    /// [`FailureKind::Dns`] where that cannot be known.
    pub(super) async fn judge(&self, visitor: &Visitor, url: &Url) -> Result<(), Cause> {
        exchange::check_literal(visitor, url)?;
        let Some(Host::Domain(name)) = url.host().filter(|_| visitor.guarded) else {
            return Ok(());
        };
        let found = self.names.lookup(name).await;
        found
            .and_then(|found| all_public(name, &found))
            .map_err(|none| Cause::new(none.kind(), none.to_string()))
    }
}

impl Fetcher for Http {
    fn rung(&self) -> Rung {
        Rung::Http
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        let attempt = self.attempt(visitor, url, want);
        Box::pin(dial::with_limit(visitor.timeouts.connect, attempt))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

fn client(names: &Arc<dyn Lookup>, guarded: bool, roots: &Roots) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(config::Fetch::MAX_CONCURRENCY as usize)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEAD_READ)
        .connector_layer(DialLayer)
        .dns_resolver(GuardedNames {
            names: Arc::clone(names),
            guarded,
        });
    match roots {
        Roots::System => builder,
        Roots::Only(certificates) => builder.tls_certs_only(certificates.iter().cloned()),
    }
    .build()
}
