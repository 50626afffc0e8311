//! Servers that misbehave, and what is said of them.

use super::support::{Server, get, http, page, request, reset, site};
use crate::config::Timeouts;
use crate::fetch::{FetchError, Fetcher, Visitor, Want};
use crate::page::FailureKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

async fn failure(server: &Server) -> FetchError {
    get(&http(), &server.url("/secret-path"), Want::Page)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn answers_that_are_broken() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let huge_header = format!(
        "{head}X: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(70_000)
    );
    let huge_head = format!(
        "{head}{}\r\n",
        format!("X: {}\r\n", "x".repeat(4000)).repeat(200)
    );
    let many_headers = format!("{head}{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(300));
    let cases: &[(&str, String, FailureKind, &str)] = &[
        (
            "nothing",
            String::new(),
            FailureKind::Reset,
            "closed the connection before its answer",
        ),
        (
            "part of a head",
            "HTTP/1.1 200 OK\r\nCont".into(),
            FailureKind::Reset,
            "before its answer",
        ),
        (
            "garbage",
            "!!garbage!!\r\n\r\n".into(),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "another protocol",
            "SSH-2.0-OpenSSH_9.2\r\n".into(),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "a bad status",
            "HTTP/1.1 banana OK\r\n\r\n".into(),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "a bad header",
            format!("{head}no colon\r\n\r\n"),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "two lengths",
            format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "a short body",
            format!("{head}Content-Length: 50\r\n\r\n<p>short"),
            FailureKind::Reset,
            "after 8 bytes of an unfinished body",
        ),
        (
            "chunks without an end",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\n<p>\r\n"),
            FailureKind::Reset,
            "after 3 bytes of an unfinished body",
        ),
        (
            "chunks of garbage",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n3\r\n<p>\r\nzebra\r\n"),
            FailureKind::Protocol,
            "malformed HTTP",
        ),
        (
            "a huge header",
            huge_header,
            FailureKind::TooLarge,
            "headers are larger than 64 KiB",
        ),
        (
            "a huge head",
            huge_head,
            FailureKind::TooLarge,
            "headers are larger than 64 KiB",
        ),
        (
            "many headers",
            many_headers,
            FailureKind::TooLarge,
            "more than 256",
        ),
        (
            "a huge body",
            format!("{head}Content-Length: 99999999999\r\n\r\n<p>"),
            FailureKind::TooLarge,
            "the body is 99999999999 bytes, more than 1048576",
        ),
    ];
    for (name, answer, kind, words) in cases {
        let server = Server::closing(answer.as_bytes()).await;
        let error = failure(&server).await;
        assert_eq!(error.kind, *kind, "{name}: {error}");
        assert!(error.detail.contains(words), "{name}: {error}");
        assert!(!error.detail.contains("secret-path"), "{name}: {error}");
        let body_began = answer.contains("\r\n\r\n") && error.detail.contains("body");
        assert!(
            error.head.is_some() >= body_began,
            "{name}: the head is lost"
        );
    }
}

#[tokio::test]
async fn a_head_within_the_caps_passes() {
    let headers = format!("X: {}\r\n", "x".repeat(200)).repeat(200);
    let text =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}Content-Length: 0\r\n\r\n");
    let server = Server::closing(text).await;
    let page = get(&http(), &server.url("/"), Want::Page).await.unwrap();
    assert_eq!(page.headers.get_all("x").iter().count(), 200);
}

#[tokio::test]
async fn endless_headers_are_too_large() {
    let server = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream
            .write_all(b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let error = failure(&server).await;
    assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
}

#[tokio::test]
async fn an_endless_body_is_too_large() {
    let server = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
            .await;
        while stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
    })
    .await;
    let error = failure(&server).await;
    assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
    assert_eq!(error.head.unwrap().0, 200);
}

#[tokio::test]
async fn connections_that_are_reset_before_the_answer() {
    for sent in ["", "HTTP/1.1 200 OK\r\nCont"] {
        let server = Server::new(move |mut stream, _| async move {
            request(&mut stream).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            reset(stream);
        })
        .await;
        let error = failure(&server).await;
        assert_eq!(error.kind, FailureKind::Reset, "{sent:?}: {error}");
        assert!(error.detail.contains("before"), "{sent:?}: {error}");
        assert!(error.head.is_none());
    }
}

#[tokio::test]
async fn connections_that_are_reset_within_the_body() {
    let seen = Arc::new(Notify::new());
    let go = Arc::clone(&seen);
    let server = Server::new(move |mut stream, _| {
        let go = Arc::clone(&go);
        async move {
            request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
                        Set-Cookie: a=b\r\nContent-Length: 99\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            // Not before the head was heard: a reset throws away what is under way.
            go.notified().await;
            reset(stream);
        }
    })
    .await;
    let visitor = Visitor::new(&site("http://a.test/"));
    let (http, url) = (http(), server.url("/"));
    let watch = async {
        while !format!("{visitor:?}").contains("cookies: 1") {
            tokio::task::yield_now().await;
        }
        seen.notify_one();
    };
    let (result, ()) = tokio::join!(http.fetch(&visitor, &url, Want::Page), watch);
    let error = result.unwrap_err();
    assert_eq!(error.kind, FailureKind::Reset, "{error}");
    assert!(
        error.detail.contains("broke after 0 bytes of the body"),
        "{error}"
    );
    assert_eq!(error.head.unwrap().0, 200);
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for host in ["127.0.0.1", "refused.test"] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = get(&http(), &url, Want::Page).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Connect, "{error}");
        assert!(error.detail.contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    let url = Url::parse("http://user:pa55@nowhere.invalid/").unwrap();
    let error = get(&http(), &url, Want::Page).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Dns);
    assert_eq!(error.detail, "nowhere.invalid: no such host name");
    assert!(!format!("{error:?}").contains("pa55"));
}

#[tokio::test]
async fn a_scheme_that_is_not_http() {
    let url = Url::parse("ftp://a.test/").unwrap();
    let error = get(&http(), &url, Want::Page).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Internal, "{error}");
}

/// A visitor whose limits are long but for those that `set` shortens.
fn hurried(set: impl Fn(&mut Timeouts)) -> Visitor {
    let mut site = site("http://a.test/");
    set(&mut site.fetch.timeouts);
    Visitor::new(&site)
}

/// Long enough for a head to come on a busy machine.
const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn every_phase_has_its_limit() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9999\r\n\r\n<p>";
    let no_head = "HTTP/1.1 200 OK\r\nContent-Type: te";
    type Set = fn(&mut Timeouts);
    let (headers, idle, total): (Set, Set, Set) = (
        |t| t.headers = SHORT,
        |t| t.idle = SHORT,
        |t| t.total = SHORT,
    );
    // Sent before the server falls silent, the limit, what is said.
    let cases: &[(&str, Set, &str)] = &[
        ("", headers, "no complete headers within 1s"),
        (no_head, headers, "no complete headers within 1s"),
        (no_head, total, "no complete answer within 1s"),
        (
            head,
            idle,
            "nothing more of the body within 1s, after 3 bytes",
        ),
        (head, total, "no end of the body within 1s, after 3 bytes"),
    ];
    let silences = cases.iter().map(|(sent, set, words)| async move {
        let sent = *sent;
        let server = Server::new(move |mut stream, _| async move {
            request(&mut stream).await;
            stream.write_all(sent.as_bytes()).await.unwrap();
            // Silent until the client has gone.
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let visitor = hurried(set);
        let error = http()
            .fetch(&visitor, &server.url("/"), Want::Page)
            .await
            .unwrap_err();
        assert_eq!(error.kind, FailureKind::Timeout, "{error}");
        assert_eq!(error.detail, *words);
        assert!(error.elapsed >= SHORT);
        assert_eq!(error.head.is_some(), sent == head);
    });
    futures_util::future::join_all(silences).await;
}

#[tokio::test]
async fn a_body_that_drips_forever_meets_the_total_limit() {
    let server = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
            .await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let visitor = hurried(|t| (t.idle, t.total) = (Duration::from_secs(60), SHORT));
    let error = http()
        .fetch(&visitor, &server.url("/"), Want::Page)
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Timeout, "{error}");
    assert!(
        error.detail.starts_with("no end of the body within 1s"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_does_not_stand_in_time() {
    // TCP is made by the kernel; the TLS above it never is.
    let server = Server::new(|mut stream, _| async move {
        let mut sink = [0; 1024];
        while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    })
    .await;
    let url = Url::parse(&format!("https://127.0.0.1:{}/", server.port)).unwrap();
    let visitor = hurried(|t| t.connect = SHORT);
    let error = http().fetch(&visitor, &url, Want::Page).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Timeout, "{error}");
    assert_eq!(error.detail, "no connection within 1s");

    // Its own limit, not that of the sites that share the client.
    let answering = Server::answering(page(b"<p>")).await;
    let http = http();
    let patient = hurried(|t| t.connect = Duration::MAX);
    assert!(
        http.fetch(&patient, &answering.url("/"), Want::Page)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn limits_too_long_for_the_clock_are_no_limits() {
    let server = Server::answering(page(b"<p>")).await;
    let visitor = hurried(|t| {
        *t = Timeouts {
            connect: Duration::MAX,
            headers: Duration::MAX,
            idle: Duration::MAX,
            total: Duration::MAX,
        }
    });
    assert!(
        http()
            .fetch(&visitor, &server.url("/"), Want::Page)
            .await
            .is_ok()
    );
}
