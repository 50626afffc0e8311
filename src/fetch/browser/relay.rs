//! The only way out of a guarded site's tabs, and of those that go by a proxy: a
//! SOCKS5 server (RFC 1928) on loopback that connects to public addresses alone,
//! or by an exit, whose scheme and login the browser need not know.
//!
//! What the browser lets through to be judged is not all that it sends: it
//! connects ahead of time, opens WebSockets, fetches for workers, and resolves
//! names a second time. All of that comes through here, as a name, and the
//! address that was checked is the one that is connected to.

use super::peer;
use crate::fetch::dns::{Lookup, NoAddress, usable};
use crate::fetch::proxy::{Closed, Road};
use crate::page::net::is_private;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Connections at a time.
const MOST: usize = 1024;
/// How long the browser may take to say where to.
const ASKING: Duration = Duration::from_secs(10);
/// How long connecting to one address may take.
const CONNECTING: Duration = Duration::from_secs(10);

// RFC 1928.
const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const DONE: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const HOST_UNREACHABLE: u8 = 4;
const REFUSED: u8 = 5;
const NOT_SUPPORTED: u8 = 7;

/// Where a relay's connections go.
#[derive(Clone)]
pub(super) enum Out {
    /// To public addresses, by these names.
    Public(Arc<dyn Lookup>),
    /// By the exit of one session.
    By(Road),
}

/// The relay. It ends with this.
pub(super) struct Relay {
    /// Where it listens.
    pub(super) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Relay {
    /// Begins to listen on a port of loopback.
    ///
    /// # Errors
    /// Where none can be had.
    pub(super) async fn start(out: Out) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let room = Arc::new(Semaphore::new(MOST));
        let server = tokio::spawn(async move {
            // Never closed.
            while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
                let Ok((client, _)) = listener.accept().await else {
                    // Out of descriptors: some will be free again.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let out = out.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(client, &out).await {
                        tracing::debug!(%error, "a connection of the browser");
                    }
                    drop(permit);
                });
            }
        });
        Ok(Self { address, server })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(mut client: TcpStream, out: &Out) -> io::Result<()> {
    if !peer::is_ours(&client).await {
        let refused = "a process of another user";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, refused));
    }
    client.set_nodelay(true)?;
    let asked = timeout(ASKING, asked(&mut client)).await??;
    let Some((host, port)) = asked else {
        return answer(&mut client, NOT_SUPPORTED).await;
    };
    match out {
        Out::Public(names) => join(client, connect(&host, port, &**names).await).await,
        Out::By(road) => {
            let server = match host.of_url() {
                Some(host) => road.connect(&host, port).await,
                None => Err(Closed::Unknown),
            };
            let server = server.map_err(|closed| match closed {
                Closed::Forbidden => NOT_ALLOWED,
                Closed::Unknown => HOST_UNREACHABLE,
                Closed::Unreachable => REFUSED,
            });
            join(client, server).await
        }
    }
}

/// Says how connecting went, and lets both ends talk.
async fn join<S>(mut client: TcpStream, server: Result<S, u8>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match server {
        Ok(mut server) => {
            answer(&mut client, DONE).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            Ok(())
        }
        Err(code) => answer(&mut client, code).await,
    }
}

/// Where the browser wants to go; `None` where that is not to connect.
async fn asked(client: &mut TcpStream) -> io::Result<Option<(Host, u16)>> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "this is not SOCKS5");
    if client.read_u8().await? != VERSION {
        return Err(odd());
    }
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    client.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    let host = match head[3] {
        IPV4 => Host::Ip(Ipv4Addr::from(client.read_u32().await?).into()),
        IPV6 => Host::Ip(Ipv6Addr::from(client.read_u128().await?).into()),
        NAME => {
            let mut name = vec![0; client.read_u8().await?.into()];
            client.read_exact(&mut name).await?;
            Host::Name(String::from_utf8(name).map_err(|_| odd())?)
        }
        _ => return Err(odd()),
    };
    let port = client.read_u16().await?;
    Ok((head[1] == CONNECT).then_some((host, port)))
}

enum Host {
    Ip(IpAddr),
    Name(String),
}

impl Host {
    /// As a URL has it: Chromium sends addresses as names.
    fn of_url(self) -> Option<url::Host> {
        let ip = match self {
            Self::Ip(ip) => ip,
            Self::Name(name) => match name.parse() {
                Ok(ip) => ip,
                Err(_) => return url::Host::parse(&name).ok(),
            },
        };
        Some(match ip {
            IpAddr::V4(ip) => url::Host::Ipv4(ip),
            IpAddr::V6(ip) => url::Host::Ipv6(ip),
        })
    }
}

/// Connects to the first public address that answers.
async fn connect(host: &Host, port: u16, names: &dyn Lookup) -> Result<TcpStream, u8> {
    let addresses = match host {
        Host::Ip(ip) if is_private(*ip) => return Err(NOT_ALLOWED),
        Host::Ip(ip) => vec![*ip],
        Host::Name(name) => {
            let found = names.lookup(name).await;
            found
                .and_then(|found| usable(name, found, true))
                .map_err(|none| match none {
                    NoAddress::Private { .. } => NOT_ALLOWED,
                    NoAddress::Unresolved(_) => HOST_UNREACHABLE,
                })?
        }
    };
    for ip in addresses {
        let connecting = TcpStream::connect(SocketAddr::new(ip, port));
        if let Ok(Ok(server)) = timeout(CONNECTING, connecting).await {
            // Worth a delay at most.
            let _ = server.set_nodelay(true);
            return Ok(server);
        }
    }
    Err(REFUSED)
}

async fn answer(client: &mut TcpStream, code: u8) -> io::Result<()> {
    // The address from which was connected, which nobody needs to know.
    client
        .write_all(&[VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0])
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::tests::support::TestNames;

    /// Asks a relay for a host, and answers its code.
    async fn ask(relay: &Relay, host: &[u8], port: u16) -> u8 {
        let mut client = TcpStream::connect(relay.address).await.unwrap();
        client.write_all(&[VERSION, 1, 0]).await.unwrap();
        let mut chosen = [0; 2];
        client.read_exact(&mut chosen).await.unwrap();
        assert_eq!(chosen, [VERSION, NO_AUTHENTICATION]);
        client.write_all(&[VERSION, CONNECT, 0]).await.unwrap();
        client.write_all(host).await.unwrap();
        client.write_all(&port.to_be_bytes()).await.unwrap();
        let mut answer = [0; 10];
        client.read_exact(&mut answer).await.unwrap();
        answer[1]
    }

    fn name(name: &str) -> Vec<u8> {
        [&[NAME, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
    }

    #[tokio::test]
    async fn nothing_private_is_connected_to_however_it_is_named() {
        // Something does listen there.
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let relay = Relay::start(Out::Public(Arc::new(TestNames)))
            .await
            .unwrap();
        let refused = [
            vec![IPV4, 127, 0, 0, 1],
            vec![IPV4, 169, 254, 169, 254],
            [&[IPV6][..], &Ipv6Addr::LOCALHOST.octets()].concat(),
            [&[IPV6][..], &Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets()].concat(),
            name("private.test"),
            name("rebound.test"),
        ];
        for host in refused {
            assert_eq!(ask(&relay, &host, port).await, NOT_ALLOWED, "{host:?}");
        }
        assert_eq!(
            ask(&relay, &name("missing.example"), port).await,
            HOST_UNREACHABLE
        );
        let came = timeout(Duration::from_millis(1), server.accept()).await;
        assert!(came.is_err(), "it has connected");
    }

    #[tokio::test]
    async fn what_is_not_socks_is_hung_up_on() {
        let relay = Relay::start(Out::Public(Arc::new(TestNames)))
            .await
            .unwrap();
        for said in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[5, 1, 0, 5, 1, 0, 9]] {
            let mut client = TcpStream::connect(relay.address).await.unwrap();
            client.write_all(said).await.unwrap();
            let mut rest = Vec::new();
            // A reset is as good as an end.
            let _ = client.read_to_end(&mut rest).await;
            assert!(
                rest.is_empty() || rest == [VERSION, NO_AUTHENTICATION],
                "{rest:?}"
            );
        }
    }
}
