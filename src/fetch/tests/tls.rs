//! TLS: HTTP/2 and 1.1 by ALPN, and certificates that are not to be trusted.

use super::support::{Server, TestNames, get, http, page, request, site};
use crate::fetch::{FetchError, Fetched, Fetcher, Http, Visitor, Want};
use crate::page::FailureKind;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Certificate;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What a server for `secure.test` needs, and a rung that trusts it.
fn trusted() -> (ServerConfig, Http) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["secure.test".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let root = Certificate::from_der(&der).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    (config, Http::for_tests(Arc::new(TestNames), vec![root]))
}

/// A server for `secure.test` that speaks what ALPN settles, and a rung that
/// trusts it.
async fn secure(protocols: &[&str], header: (&'static str, String)) -> (Server, Http) {
    let (mut config, http) = trusted();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let header = Arc::new(header);
    let server = Server::new(move |stream, _| {
        let (acceptor, header) = (acceptor.clone(), Arc::clone(&header));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let text = format!("<p>{:?} {}", request.version(), request.uri().path());
                let (name, value) = &*header;
                let answer = Response::builder()
                    .header("content-type", "text/html")
                    .header(*name, value)
                    .body(Full::new(Bytes::from(text)));
                async move { Ok::<_, Infallible>(answer.unwrap()) }
            });
            let io = TokioIo::new(stream);
            let _ = if http2 {
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(io, service)
                    .await
            } else {
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await
            };
        }
    })
    .await;
    (server, http)
}

async fn fetch(http: &Http, host: &str, server: &Server) -> Result<Fetched, FetchError> {
    let url = Url::parse(&format!("https://{host}:{}/path", server.port)).unwrap();
    get(http, &url, Want::Page).await
}

#[tokio::test]
async fn the_protocol_is_settled_by_alpn_and_the_connection_kept() {
    for (protocols, expected) in [
        (&["h2", "http/1.1"][..], "<p>HTTP/2.0 /path"),
        (&["http/1.1"], "<p>HTTP/1.1 /path"),
        (&[], "<p>HTTP/1.1 /path"),
    ] {
        let (server, http) = secure(protocols, ("x", String::new())).await;
        for _ in 0..3 {
            let page = fetch(&http, "secure.test", &server).await.unwrap();
            assert_eq!(page.body, expected);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(server.connections(), 1, "{protocols:?}");
    }
}

#[tokio::test]
async fn headers_of_http2_have_the_same_cap() {
    let (server, http) = secure(&["h2"], ("x", "x".repeat(60_000))).await;
    assert!(fetch(&http, "secure.test", &server).await.unwrap().read);
    let (server, http) = secure(&["h2"], ("x", "x".repeat(70_000))).await;
    let error = fetch(&http, "secure.test", &server).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
}

#[tokio::test]
async fn certificates_that_are_not_to_be_trusted() {
    let (server, trusting) = secure(&["h2"], ("x", String::new())).await;
    for (name, http, host) in [
        ("of another name", &trusting, "other.test"),
        ("of an address", &trusting, "127.0.0.1"),
        ("of an unknown issuer", &http(), "secure.test"),
    ] {
        let error = fetch(http, host, &server).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Tls, "{name}: {error}");
        assert!(error.detail.starts_with("TLS: "), "{name}: {error}");
    }
}

#[tokio::test]
async fn tls_where_none_is_spoken_and_none_where_it_is() {
    let plain = Server::answering(page(b"<p>")).await;
    let plain_port = Server::new(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        request(&mut stream).await;
    })
    .await;
    let (tls, trusting) = secure(&["h2"], ("x", String::new())).await;

    let error = fetch(&trusting, "secure.test", &plain_port)
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Tls, "{error}");
    assert!(error.detail.contains("does not speak TLS"), "{error}");

    let error = get(&trusting, &tls.url("/"), Want::Page).await.unwrap_err();
    assert!(
        matches!(error.kind, FailureKind::Protocol | FailureKind::Reset),
        "{error:?}"
    );
    // The same rung goes on fetching plain pages.
    assert!(get(&trusting, &plain.url("/"), Want::Page).await.is_ok());
}

#[tokio::test]
async fn a_handshake_that_is_cut_off_is_a_connection_that_failed() {
    let server = Server::new(|stream, _| async move { drop(stream) }).await;
    let error = fetch(&http(), "secure.test", &server).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Connect, "{error}");
    assert!(error.detail.starts_with("could not connect"), "{error}");
}

#[tokio::test]
async fn guarded_and_unguarded_sites_have_secure_clients_of_their_own() {
    let (server, http) = secure(&["h2"], ("x", String::new())).await;
    assert!(fetch(&http, "secure.test", &server).await.is_ok());
    let mut guarded = site("https://secure.test/");
    guarded.fetch.allow_private = false;
    let url = Url::parse(&format!("https://secure.test:{}/", server.port)).unwrap();
    let error = http
        .fetch(&Visitor::new(&guarded), &url, Want::Page)
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Private);
}

#[tokio::test]
async fn without_usable_certificates_https_fails_with_advice_and_http_works() {
    let rubbish = Certificate::from_der(b"rubbish").unwrap();
    let http = Http::for_tests(Arc::new(TestNames), vec![rubbish]);
    let plain = Server::answering(page(b"<p>")).await;
    for _ in 0..2 {
        let error = fetch(&http, "secure.test", &plain).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Tls, "{error}");
        assert!(
            error.detail.contains("install the package ca-certificates"),
            "{error}"
        );
    }
    assert!(get(&http, &plain.url("/"), Want::Page).await.is_ok());
}

#[tokio::test]
async fn a_kept_connection_closed_without_an_alert_is_replaced() {
    let (config, http) = trusted();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    // The first connection answers once and is dropped on its second request.
    let server = Server::new(move |stream, number| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut answered = 0;
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if !head.ends_with(b"\r\n\r\n") {
                    continue;
                }
                head.clear();
                if number == 0 && answered == 1 {
                    return;
                }
                answered += 1;
                stream.write_all(&page(b"<p>")).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    })
    .await;
    for _ in 0..3 {
        let page = fetch(&http, "secure.test", &server).await.unwrap();
        assert_eq!(page.body, "<p>");
    }
    assert_eq!(server.connections(), 2);
}
