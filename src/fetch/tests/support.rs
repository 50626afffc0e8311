//! Servers on loopback that misbehave to order, and sites that ask them.

use crate::config::{Discover, Fetch, Limits, Robots, Rung, Scope, Site, Sitemap, Timeouts};
use crate::fetch::dns::{Looking, Lookup, NoAddress};
use crate::fetch::{FetchError, Fetched, Fetcher, Http, Visitor, Want};
use crate::page::NormalForm;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A site that starts at `start`, with generous limits.
pub(crate) fn site(start: &str) -> Site {
    Site {
        keep: crate::config::Keep {
            bodies: false,
            compress: crate::config::Compress::Gzip,
            rotate: 1 << 30,
            links: false,
            duplicates: false,
        },
        name: "test".to_owned(),
        start: vec![Url::parse(start).unwrap()],
        limits: Limits {
            pages: None,
            depth: None,
        },
        discover: Discover {
            sitemap: Sitemap::Off,
            links: true,
            nofollow: true,
            ..Discover::default()
        },
        scope: Scope {
            hosts: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
        },
        url: NormalForm::default(),
        fetch: Fetch {
            auto: None,
            via: vec![Rung::Http],
            rungs: Default::default(),
            concurrency: 1,
            delay: Duration::ZERO,
            timeouts: Timeouts {
                connect: Duration::from_secs(60),
                headers: Duration::from_secs(60),
                idle: Duration::from_secs(60),
                total: Duration::from_secs(60),
            },
            retries: 0,
            robots: Robots::Obey,
            user_agent: "crawldeck-test/1.0".to_owned(),
            headers: Vec::new(),
            allow_private: true,
            max_body: 1 << 20,
            blocks: Default::default(),
        },
        extract: Vec::new(),
        digest: 0,
        alerts: Default::default(),
    }
}

/// Names of a test: `localhost` and `*.test` are loopback but for
/// `private.test` and `mixed.test`, others do not exist.
pub(in crate::fetch) struct TestNames;

impl Lookup for TestNames {
    fn lookup<'a>(&'a self, name: &'a str) -> Looking<'a> {
        let found: &[&str] = match name {
            "private.test" => &["10.1.2.3", "fd00::1"],
            "mixed.test" => &["93.184.215.14", "10.1.2.3"],
            _ if name == "localhost" || name.ends_with(".test") => &["127.0.0.1"],
            _ => &[],
        };
        let found: Vec<IpAddr> = found.iter().map(|ip| ip.parse().unwrap()).collect();
        let answer = if found.is_empty() {
            Err(NoAddress::Unresolved(format!("{name}: no such host name")))
        } else {
            Ok(found)
        };
        Box::pin(std::future::ready(answer))
    }
}

/// The rung as tests use it: no name leaves the machine.
pub(crate) fn http() -> Http {
    Http::for_tests(Arc::new(TestNames), Vec::new())
}

/// A server that runs `script` for every connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn new<S, F>(script: S) -> Self
    where
        S: Fn(TcpStream, usize) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(stream, number));
            }
        });
        Self { port, connections }
    }

    /// Answers every request with these bytes; keeps the connection open.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::new(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move {
                while request(&mut stream).await.is_some() {
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Answers one request with these bytes and closes.
    pub(crate) async fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::new(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move {
                request(&mut stream).await;
                let _ = stream.write_all(&answer).await;
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request's head; `None` where the client has gone.
pub(crate) async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// The head and the body of the next request; `None` at the connection's end.
pub(crate) async fn whole_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let head = request(stream).await?;
    let lower = head.to_lowercase();
    let length = lower.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// Closes with RST instead of FIN.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// An answer with a length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An HTML page.
pub(crate) fn page(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/html\r\n", body)
}

/// One fetch by a fresh visitor with generous limits.
pub(crate) async fn get(http: &Http, url: &Url, want: Want) -> Result<Fetched, FetchError> {
    let visitor = Visitor::new(&site(url.as_str()));
    http.fetch(&visitor, url, want).await
}
