//! The first rung: plain HTTP/1.1 and 2 over reqwest.

use super::dial::{self, DialLayer};
use super::dns::{GuardedNames, Lookup, SystemNames, usable};
use super::error::{Cause, Phase, classify, is_stale};
use super::read::{self, Clock};
use super::{FetchError, Fetched, Fetcher, Fetching, Visitor, Want};
use crate::config::{self, Rung, Timeouts};
use crate::page::FailureKind;
use crate::page::net::is_private;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Client, Request, Response};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

/// Most that the names and values of an answer's headers may come to, bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Where HTTP/2 gives up reading headers, bytes; it then reports a protocol
/// error like any other, so what lies between is left to the check by
/// [`MAX_HEAD`]. HTTP/1 gives up at about 400 KiB, which is hyper's own.
const MAX_HEAD_READ: u32 = 256 * 1024;
/// Most headers of an answer.
const MAX_HEADERS: usize = 256;
/// How long an unused connection is kept. Shorter than most servers keep
/// theirs, so that it is seldom they who close first.
const IDLE: Duration = Duration::from_secs(30);

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
                failed(cause, Duration::ZERO, None)
            })
        };
        Ok(Self {
            plain: [plain(false)?, plain(true)?],
            secure: [OnceCell::new(), OnceCell::new()],
            names,
            roots,
        })
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
        let exchange = Exchange {
            url,
            want,
            guarded: visitor.guarded,
            timeouts: &visitor.timeouts,
            max_body: visitor.max_body,
        };
        let hear = |headers: &HeaderMap| visitor.hear(url, headers);
        self.exchange(&exchange, &|| visitor.request(url, want), &hear)
            .await
    }

    /// One request and its answer, within the exchange's limits. `request` makes
    /// it anew for each connection that it is tried on; `hear` gets the answer's
    /// headers as soon as they are there.
    pub(super) async fn exchange(
        &self,
        exchange: &Exchange<'_>,
        request: &(dyn Fn() -> Request + Sync),
        hear: &(dyn Fn(&HeaderMap) + Sync),
    ) -> Result<Fetched, FetchError> {
        let clock = Clock::start(exchange.timeouts);
        let mut response = self
            .send(exchange, request, &clock)
            .await
            .map_err(|cause| failed(cause, clock.start.elapsed(), None))?;
        let headers_after = clock.start.elapsed();
        hear(response.headers());
        let status = response.status().as_u16();
        let fail = |cause, headers: &mut HeaderMap, elapsed| {
            failed(cause, elapsed, Some((status, std::mem::take(headers))))
        };
        if size(response.headers()) > MAX_HEAD {
            let cause = Cause::new(
                FailureKind::TooLarge,
                format!(
                    "the answer's headers are larger than {} KiB",
                    MAX_HEAD / 1024
                ),
            );
            // Too large to be kept.
            return Err(failed(
                cause,
                headers_after,
                Some((status, HeaderMap::new())),
            ));
        }
        let length = response.content_length();
        let read = read::body(&mut response, exchange.want, exchange.max_body, &clock);
        let body = match read.await {
            Ok(body) => body,
            Err(cause) => {
                return Err(fail(cause, response.headers_mut(), clock.start.elapsed()));
            }
        };
        // The connection goes back to the pool in a task of its own. Asked
        // before that has run, the next request would open another one: a
        // busy worker would keep two.
        tokio::task::yield_now().await;
        Ok(Fetched {
            status,
            headers: std::mem::take(response.headers_mut()),
            bytes: if body.read {
                body.bytes.len() as u64
            } else {
                length.unwrap_or(0)
            },
            read: body.read,
            cut: body.cut,
            headers_after,
            elapsed: if body.read {
                clock.start.elapsed()
            } else {
                headers_after
            },
            body: body.bytes,
            landed: None,
            cost: 0,
            through: None,
        })
    }

    /// Sends the request and waits for the headers.
    async fn send(
        &self,
        exchange: &Exchange<'_>,
        request: &(dyn Fn() -> Request + Sync),
        clock: &Clock<'_>,
    ) -> Result<Response, Cause> {
        let url = exchange.url;
        if exchange.guarded
            && let Some(ip) = literal(url)
            && is_private(ip)
        {
            return Err(private(ip));
        }
        let client = self.client(url, exchange.guarded).await?;
        let until: Instant = clock.headers_until();
        // A server may close a kept connection just as a request goes out on
        // it. Asked once more only: RFC 9112, section 9.3.1.
        let mut may_repeat = true;
        loop {
            let sending = client.execute(request());
            match timeout_at(until, sending).await {
                Err(_) => return Err(clock.headers_late()),
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) if may_repeat && is_stale(&error) && !dial::connected_anew() => {
                    may_repeat = false;
                }
                Ok(Err(error)) => return Err(classify(&error, Phase::Head)),
            }
        }
    }

    /// Whether a public site may be led to `url`, by its address: for rungs
    /// that have it fetched by somebody else.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Private`] where it leads to private addresses alone,
    /// [`FailureKind::Dns`] where that cannot be known.
    pub(super) async fn judge(&self, url: &Url) -> Result<(), Cause> {
        let private_alone = match url.host() {
            Some(Host::Domain(name)) => {
                let found = self.names.lookup(name).await;
                let found = found.and_then(|found| usable(name, found, true));
                return found
                    .map(drop)
                    .map_err(|none| Cause::new(none.kind(), none.to_string()));
            }
            _ => literal(url).filter(|ip| is_private(*ip)),
        };
        private_alone.map_or(Ok(()), |ip| Err(private(ip)))
    }
}

/// Where a request goes, and its limits.
pub(super) struct Exchange<'a> {
    pub(super) url: &'a Url,
    pub(super) want: Want,
    pub(super) guarded: bool,
    pub(super) timeouts: &'a Timeouts,
    /// Largest body of a page on the wire, bytes.
    pub(super) max_body: u64,
}

fn private(ip: IpAddr) -> Cause {
    Cause::new(FailureKind::Private, format!("{ip} is a private address"))
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

/// The address that a URL names without a name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// What headers come to on the wire of HTTP/1.
fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

pub(super) fn failed(
    cause: Cause,
    elapsed: Duration,
    head: Option<(u16, HeaderMap)>,
) -> FetchError {
    FetchError {
        kind: cause.kind,
        detail: cause.detail,
        elapsed,
        head: head.map(Box::new),
        trouble: None,
    }
}
