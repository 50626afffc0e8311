//! The making of a connection through an exit, for one visitor's client.

use super::fault::{Fault, Whose};
use super::socks::{self, Target};
use super::tls::Tls;
use super::tunnel;
use crate::config::{ProxyAddress, ProxyScheme};
use crate::fetch::dial::{self, Mark};
use crate::fetch::dns::{Lookup, usable};
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// Makes connections through one exit.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

/// What it takes.
pub(super) struct Way {
    /// The exit, with the login of one session.
    pub(super) exit: ProxyAddress,
    /// Where names are looked up: the exit's, and the sites' for SOCKS5 with
    /// names resolved here.
    pub(super) names: Arc<dyn Lookup>,
    /// The visitor's TLS.
    pub(super) tls: Tls,
    /// Whether a site's name must not lead to a private address.
    pub(super) guarded: bool,
}

impl Connector {
    pub(super) fn new(way: Arc<Way>) -> Self {
        Self(way)
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, site: Uri) -> Self::Future {
        let (limit, made) = dial::begin();
        let way = Arc::clone(&self.0);
        // From here on it may go on without the request, for the pool.
        Box::pin(async move {
            let stream = way.connect(&site, limit).await?;
            made.stands(&stream.connected());
            Ok(stream)
        })
    }
}

impl Way {
    async fn connect(&self, site: &Uri, limit: Duration) -> Result<Stream, BoxError> {
        let until = Instant::now() + limit;
        let secure = site.scheme_str() == Some("https");
        let host = site.host().ok_or("the URL has no host")?;
        let port = site.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // An HTTP proxy takes plain requests as they are.
        let tunneled = secure || self.exit.scheme.is_socks();
        let io = match tunneled {
            true => self.tunnel(host, port, until, limit).await?,
            false => self.reached(until, limit).await?,
        };
        if !secure {
            return Ok(Stream::new(io, !tunneled, false));
        }
        let config = self.tls.to_site().await?;
        let io = timeout_at(until, encrypt(config, host, io))
            .await
            .map_err(|_| late(Whose::Either, "no TLS with the site", limit))??;
        let http2 = io.1;
        Ok(Stream::new(io.0, false, http2))
    }

    /// A connection through the exit to a host (an IPv6 address in brackets) and
    /// port, whatever is then spoken on it. `limit` is what `until` came of.
    pub(super) async fn tunnel(
        &self,
        host: &str,
        port: u16,
        until: Instant,
        limit: Duration,
    ) -> Result<Io, BoxError> {
        let mut io = self.reached(until, limit).await?;
        let led = timeout_at(until, self.lead_on(&mut io, host, port)).await;
        led.map_err(|_| late(Whose::Either, "no connection to the site", limit))??;
        Ok(io)
    }

    /// A connection to the exit itself, in time.
    async fn reached(&self, until: Instant, limit: Duration) -> Result<Io, BoxError> {
        let reached = timeout_at(until, self.reach(until)).await;
        reached.map_err(|_| late(Whose::Exit, "no connection to the proxy", limit))?
    }

    /// A connection to the exit itself.
    async fn reach(&self, until: Instant) -> Result<Io, BoxError> {
        let unreachable =
            |why: String| Fault::new(Whose::Exit, format!("the proxy cannot be reached: {why}"));
        let host = &self.exit.host;
        let found = match host.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            // The operator named it, so it may be anywhere.
            Err(_) => self
                .names
                .lookup(host)
                .await
                .and_then(|found| usable(host, found, false))
                .map_err(|error| unreachable(error.to_string()))?,
        };
        let mut last = unreachable("its name has no address".to_owned());
        let mut left = u32::try_from(found.len()).unwrap_or(1);
        for ip in found {
            // Each address gets its share of the time.
            let share = until.saturating_duration_since(Instant::now()) / left.max(1);
            left -= 1;
            let place = SocketAddr::new(ip, self.exit.port);
            match tokio::time::timeout(share, TcpStream::connect(place)).await {
                Ok(Ok(stream)) => {
                    // Without it small writes only wait a little.
                    let _ = stream.set_nodelay(true);
                    let io: Io = Box::new(stream);
                    return self.speak(io).await;
                }
                Ok(Err(error)) => last = unreachable(error.to_string()),
                Err(_) => last = unreachable(format!("no connection within {share:?}")),
            }
        }
        Err(last.into())
    }

    /// Begins TLS with the exit where it wants that.
    async fn speak(&self, io: Io) -> Result<Io, BoxError> {
        if self.exit.scheme != ProxyScheme::Https {
            return Ok(io);
        }
        let config = self.tls.to_proxy().await?;
        match encrypt(config, &self.exit.host, io).await {
            Ok((io, _)) => Ok(io),
            Err(error) => {
                let words = format!("no TLS with the proxy: {error}");
                Err(Fault::new(Whose::Exit, words).into())
            }
        }
    }

    /// Has the exit connect to the site.
    async fn lead_on(&self, io: &mut Io, host: &str, port: u16) -> Result<(), BoxError> {
        let login = self.exit.login.as_ref();
        if self.exit.scheme.is_socks() {
            let target = self.target(host).await?;
            socks::open(io, &target, port, login).await?;
        } else {
            tunnel::open(io, &format!("{host}:{port}"), login).await?;
        }
        Ok(())
    }

    /// What a SOCKS5 proxy is told of a host.
    async fn target(&self, host: &str) -> Result<Target, BoxError> {
        let bare = bare(host);
        if let Ok(ip) = bare.parse() {
            return Ok(Target::Ip(ip));
        }
        if self.exit.scheme == ProxyScheme::Socks5h {
            return Ok(Target::Name(bare.to_owned()));
        }
        let found = self.names.lookup(bare).await?;
        let found = usable(bare, found, self.guarded)?;
        let first = found.first().ok_or("the name has no address")?;
        Ok(Target::Ip(*first))
    }
}

fn late(whose: Whose, what: &str, limit: Duration) -> Fault {
    Fault::new(whose, format!("{what} within {limit:?}"))
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Begins TLS, and says whether HTTP/2 was settled on.
async fn encrypt(config: Arc<ClientConfig>, host: &str, io: Io) -> Result<(Io, bool), BoxError> {
    let name = ServerName::try_from(bare(host).to_owned())?;
    let stream = TlsConnector::from(config).connect(name, io).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Box::new(stream), http2))
}

/// A connection, of whatever layers.
pub(in crate::fetch) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}
/// Likewise.
pub(in crate::fetch) type Io = Box<dyn Bytes>;

/// A connection as the client wants it.
pub(super) struct Stream {
    io: TokioIo<Io>,
    /// Whether a proxy reads the requests, and so wants whole addresses.
    proxied: bool,
    http2: bool,
    mark: Mark,
}

impl Stream {
    fn new(io: Io, proxied: bool, http2: bool) -> Self {
        Self {
            io: TokioIo::new(io),
            proxied,
            http2,
            mark: Mark::new(),
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied).extra(self.mark);
        match self.http2 {
            true => connected.negotiated_h2(),
            false => connected,
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
