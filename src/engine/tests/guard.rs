//! A public site does not lead plain HTTP to private addresses by redirects.

use super::*;
use crate::fetch::Http;
use crate::monitor::SiteView;
use reqwest::header::LOCATION;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Plain HTTP, in front of which stands a public host that redirects to where
/// its paths say: `/to/localhost:80/x`.
struct Public(Http);

impl Fetcher for Public {
    fn rung(&self) -> Rung {
        Rung::Http
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        if url.host_str() != Some("public.test") {
            return self.0.fetch(visitor, url, want);
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        let (status, body) = match url.path().strip_prefix("/to/") {
            Some(target) => {
                let target = format!("http://{target}").parse().unwrap();
                headers.insert(LOCATION, target);
                (302, String::new())
            }
            None => linking(&url.query().map_or(Vec::new(), |paths| {
                paths.split(',').map(str::to_owned).collect()
            })),
        };
        let answer = Fetched::whole(status, headers, body.into(), Duration::from_millis(1));
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A server on loopback; its port, and how often it was connected to.
async fn private() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::<AtomicUsize>::default();
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\
                content-length: 6\r\nconnection: close\r\n\r\nsecret";
            let _ = stream.write_all(answer).await;
        }
    });
    (port, connections)
}

/// Crawls the public host, which redirects pages and a sitemap to a server on
/// loopback. Answers the redirects' ends, and how often it was connected to.
async fn crawl(fetch: &str) -> (Vec<(PageState, String)>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let (port, connections) = private().await;
    // Literals however written, and a name that leads there.
    let hosts = ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "localhost"];
    let targets: Vec<String> = hosts.map(|host| format!("{host}:{port}")).into();
    let paths = targets.iter().map(|to| format!("/to/{to}/page"));
    let text = format!(
        "site: s\nstart: http://public.test/?{}\nscope: {{ hosts: [public.test, \
         '127.0.0.1:{port}', '[::ffff:7f00:1]:{port}', 'localhost:{port}'] }}\ndiscover: {{ \
         sitemap: ['http://public.test/to/127.0.0.1:{port}/sitemap.xml'] }}\nfetch: {{ robots: \
         ignore, retries: 0{fetch} }}\n",
        paths.collect::<Vec<_>>().join(",")
    );
    let public: Arc<dyn Fetcher> = Arc::new(Public(Http::new().unwrap()));
    let none = |_: &str| (404, String::new());
    let mut run = Run::on(dir.path(), &text, none, None, Duration::ZERO, vec![public]).await;
    run.until("over", |site: &SiteView| site.state.is_over())
        .await;
    let mut ends = Vec::new();
    for state in [PageState::Done, PageState::Failed] {
        let pages = run.pages(state).await.into_iter();
        let led = pages.filter(|page| page.url.starts_with("http://public.test/to/"));
        ends.extend(led.map(|page| (state, page.reason)));
    }
    run.stop().await;
    (ends, connections.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    let (ends, connections) = crawl("").await;
    let refused = (PageState::Failed, "private".to_owned());
    assert_eq!(ends, vec![refused; 4]);
    assert_eq!(connections, 0);
}

#[tokio::test]
async fn where_the_document_allows_them_they_are_followed() {
    let (ends, connections) = crawl(", allow_private: on").await;
    let done = ends.iter().filter(|(state, _)| *state == PageState::Done);
    assert_eq!(done.count(), 4, "{ends:?}");
    assert!(connections > 1, "pages and the sitemap");
}
