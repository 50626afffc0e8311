//! Small proxies on loopback, and rungs that go by them.

use super::super::Proxy;
use super::super::tls::Roots;
use crate::config::{ProxyAddress, ProxyFrom, ProxyRule, Rotate};
use crate::fetch::dns::{Looking, Lookup, NoAddress};
use crate::fetch::tests::support::{Server, page, request, site};
use crate::fetch::{FetchError, Fetched, Fetcher, Http, Visitor, Want};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// The password of every proxy here: it must not be seen anywhere else.
pub(super) const PASSWORD: &str = "s3cret";

/// `public.test` is public, `mixed.test` both, `private.test` private, other
/// `*.test` loopback, and nothing else exists.
pub(in crate::fetch) struct Names;

impl Lookup for Names {
    fn lookup<'a>(&'a self, name: &'a str) -> Looking<'a> {
        let found: &[&str] = match name.trim_end_matches('.') {
            "public.test" => &["8.8.8.8"],
            "mixed.test" => &["8.8.8.8", "10.0.0.1"],
            "private.test" => &["10.1.2.3"],
            name if name.ends_with(".test") => &["127.0.0.1"],
            _ => &[],
        };
        let found: Vec<IpAddr> = found.iter().map(|ip| ip.parse().unwrap()).collect();
        let answer = match found.is_empty() {
            true => Err(NoAddress::Unresolved(format!("{name}: no such host name"))),
            false => Ok(found),
        };
        Box::pin(std::future::ready(answer))
    }
}

/// What a proxy heard: heads of requests, or what SOCKS was asked for.
pub(super) type Heard = Arc<Mutex<Vec<String>>>;

/// A proxy, and what it heard.
pub(in crate::fetch) struct FakeProxy {
    pub(super) server: Server,
    pub(super) heard: Heard,
}

impl FakeProxy {
    /// An HTTP proxy that takes any login, and leads whatever host is asked
    /// for to loopback.
    pub(in crate::fetch) async fn http() -> Self {
        let heard = Heard::default();
        let told = heard.clone();
        let server = Server::new(move |mut stream, _| {
            let told = told.clone();
            async move {
                while let Some(head) = request(&mut stream).await {
                    told.lock().unwrap().push(head.clone());
                    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                    if head.starts_with("CONNECT ") {
                        let Ok(far) = there(port(&target)).await else {
                            let _ = stream.write_all(b"HTTP/1.1 502 No\r\n\r\n").await;
                            return;
                        };
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                        join(stream, far).await;
                        return;
                    }
                    let Ok(url) = Url::parse(&target) else {
                        let _ = stream.write_all(b"HTTP/1.1 400 No\r\n\r\n").await;
                        return;
                    };
                    if forward(&mut stream, &url, &head).await.is_none() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { server, heard }
    }

    /// A SOCKS5 proxy that wants this login where one is given.
    pub(super) async fn socks(login: Option<(&'static str, &'static str)>) -> Self {
        let heard = Heard::default();
        let told = heard.clone();
        let server = Server::new(move |stream, _| {
            let told = told.clone();
            async move {
                let _ = serve_socks(stream, login, told).await;
            }
        })
        .await;
        Self { server, heard }
    }

    /// Its address, with the password of all.
    pub(in crate::fetch) fn address(&self, scheme: &str) -> ProxyAddress {
        let port = self.server.port;
        address(&format!("{scheme}://us3r:{PASSWORD}@127.0.0.1:{port}"))
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn requests(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
}

async fn there(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).await
}

fn port(authority: &str) -> u16 {
    let (_, port) = authority.rsplit_once(':').unwrap();
    port.parse().unwrap()
}

async fn join(mut near: TcpStream, mut far: TcpStream) {
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}

/// Sends a request on, and its answer of a known length back.
async fn forward(stream: &mut TcpStream, url: &Url, head: &str) -> Option<()> {
    let mut far = there(url.port_or_known_default()?).await.ok()?;
    let rest = head.split_once("\r\n")?.1;
    let rest: String = rest
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"))
        .collect();
    let path = &url[url::Position::BeforePath..];
    let sent = format!("GET {path} HTTP/1.1\r\n{rest}");
    far.write_all(sent.as_bytes()).await.ok()?;
    let answer = request(&mut far).await?;
    let length = answer
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    far.read_exact(&mut body).await.ok()?;
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()
}

async fn serve_socks(
    mut stream: TcpStream,
    login: Option<(&str, &str)>,
    told: Heard,
) -> std::io::Result<()> {
    let methods = usize::from({
        stream.read_u8().await?;
        stream.read_u8().await?
    });
    let mut offered = vec![0; methods];
    stream.read_exact(&mut offered).await?;
    if let Some((user, password)) = login {
        if !offered.contains(&2) {
            return stream.write_all(&[5, 0xFF]).await;
        }
        stream.write_all(&[5, 2]).await?;
        stream.read_u8().await?;
        let given = (string(&mut stream).await?, string(&mut stream).await?);
        let right = given == (user.to_owned(), password.to_owned());
        stream.write_all(&[1, u8::from(!right)]).await?;
        if !right {
            return Ok(());
        }
    } else {
        stream.write_all(&[5, 0]).await?;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let host = match head[3] {
        1 => {
            let mut ip = [0; 4];
            stream.read_exact(&mut ip).await?;
            IpAddr::from(ip).to_string()
        }
        4 => {
            let mut ip = [0; 16];
            stream.read_exact(&mut ip).await?;
            IpAddr::from(ip).to_string()
        }
        _ => string(&mut stream).await?,
    };
    let port = stream.read_u16().await?;
    told.lock().unwrap().push(format!("{host}:{port}"));
    match there(port).await {
        Ok(far) => {
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await?;
            join(stream, far).await;
            Ok(())
        }
        Err(_) => stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await,
    }
}

async fn string(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn address(text: &str) -> ProxyAddress {
    ProxyAddress::parse(text).unwrap()
}

/// A rule that takes another exit with every request.
pub(super) fn rule(from: ProxyFrom) -> ProxyRule {
    ProxyRule {
        from,
        refresh: None,
        rotate: Rotate::Request,
        pages: None,
        lasts: None,
        user_agents: Vec::new(),
        remote_names: false,
        direct: false,
    }
}

pub(in crate::fetch) fn list(addresses: impl IntoIterator<Item = ProxyAddress>) -> ProxyRule {
    rule(ProxyFrom::List(addresses.into_iter().collect()))
}

pub(in crate::fetch) fn rung(rule: ProxyRule) -> Proxy {
    rung_trusting(rule, Roots::Only(Vec::new()))
}

pub(super) fn rung_trusting(rule: ProxyRule, roots: Roots) -> Proxy {
    let direct = Arc::new(Http::for_tests(Arc::new(Names), Vec::new()));
    Proxy::assemble(Arc::new(rule), direct, roots)
}

/// A site on loopback that tells in a header which connection it was asked on,
/// and keeps the heads of all requests.
pub(super) struct Origin {
    pub(super) server: Server,
    pub(super) heard: Heard,
}

impl Origin {
    pub(super) async fn new() -> Self {
        let heard = Heard::default();
        let told = heard.clone();
        let server = Server::new(move |mut stream, number| {
            let told = told.clone();
            async move {
                while let Some(head) = request(&mut stream).await {
                    told.lock().unwrap().push(head);
                    let cookie = format!("Content-Type: text/html\r\nSet-Cookie: n={number}\r\n");
                    let answer = crate::fetch::tests::support::answer("200 OK", &cookie, b"<p>");
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { server, heard }
    }

    pub(super) fn url(&self, host: &str, path: &str) -> Url {
        Url::parse(&format!("http://{host}:{}{path}", self.server.port)).unwrap()
    }

    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The value of a header in each request, empty where it has none.
    pub(super) fn header(&self, name: &str) -> Vec<String> {
        let start = format!("{name}: ");
        let value = |head: &String| {
            let mut lines = head.lines();
            lines
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix(&start)?
                        .to_owned()
                        .into()
                })
                .unwrap_or_default()
        };
        self.heard().iter().map(value).collect()
    }
}

/// An unguarded visitor of a site of that name.
pub(super) fn visitor(name: &str) -> Visitor {
    let mut site = site("http://a.test/");
    site.name = name.to_owned();
    Visitor::new(&site)
}

pub(super) async fn get(proxy: &Proxy, url: &Url) -> Result<Fetched, FetchError> {
    let visitor = visitor("test");
    proxy.fetch(&visitor, url, Want::Page).await
}

/// A server that answers everything with a page.
pub(super) async fn pages() -> Server {
    Server::answering(page(b"<p>hello")).await
}

/// Fails where anything that can be shown of the rung or an error has the password.
pub(super) fn assert_kept(proxy: &Proxy, result: &Result<Fetched, FetchError>) {
    let mut shown = format!("{proxy:?} {proxy:#?} {:?}", proxy.exits());
    match result {
        Ok(fetched) => shown += &format!("{fetched:?} {:?}", fetched.through),
        Err(error) => shown += &format!("{error} {error:?} {:?}", error.trouble),
    }
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("us3r"),
        "{shown}"
    );
}
