//! What goes over the wire, by each kind of proxy.

use super::super::tls::Roots;
use super::super::tunnel;
use super::support::{FakeProxy, Origin, PASSWORD, assert_kept, get, list, pages, rung};
use super::support::{address, rung_trusting};
use crate::config::Login;
use crate::fetch::proxy::Proxy;
use crate::fetch::tests::support::{Server, page, request};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use url::Url;

fn basic() -> String {
    let login = Login {
        user: "us3r".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let value = tunnel::authorization(&login).unwrap();
    value.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn plain_pages_are_asked_for_by_their_whole_address() {
    let (proxy, origin) = (FakeProxy::http().await, Origin::new().await);
    let rung = rung(list([proxy.address("http")]));
    for n in 0..3 {
        let url = origin.url("shop.test", &format!("/p?n={n}"));
        let result = get(&rung, &url).await;
        assert_kept(&rung, &result);
        let fetched = result.unwrap();
        assert_eq!((fetched.status, &fetched.body[..]), (200, &b"<p>"[..]));
        let through = fetched.through.unwrap();
        assert_eq!(*through, *format!("127.0.0.1:{} #1", proxy.server.port));
        let head = proxy.heard().pop().unwrap();
        assert!(
            head.starts_with(&format!("GET {url} HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(head.contains(&format!("proxy-authorization: {}\r\n", basic())));
        assert!(head.contains(&format!("host: shop.test:{}\r\n", origin.server.port)));
    }
    assert_eq!(proxy.server.connections(), 1, "the connection is kept");
    for head in origin.heard() {
        assert!(!head.to_ascii_lowercase().contains("proxy-"), "{head}");
    }
}

#[tokio::test]
async fn socks_is_told_an_address_or_a_name() {
    let origin = pages().await;
    let port = origin.port;
    for (scheme, host, told) in [
        ("socks5", "shop.test", "127.0.0.1"),
        ("socks5h", "shop.test", "shop.test"),
        ("socks5h", "127.0.0.1", "127.0.0.1"),
        ("socks5", "[::1]", "::1"),
    ] {
        let proxy = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
        let rung = rung(list([proxy.address(scheme)]));
        let url = Url::parse(&format!("http://{host}:{port}/x")).unwrap();
        let result = get(&rung, &url).await;
        assert_kept(&rung, &result);
        assert_eq!(&result.unwrap().body[..], b"<p>hello", "{scheme} {host}");
        assert_eq!(proxy.heard(), [format!("{told}:{port}")]);
    }
}

#[tokio::test]
async fn socks_without_a_login() {
    let (proxy, origin) = (FakeProxy::socks(None).await, Origin::new().await);
    let port = proxy.server.port;
    let rung = rung(list([address(&format!("socks5h://127.0.0.1:{port}"))]));
    let fetched = get(&rung, &origin.url("shop.test", "/x")).await.unwrap();
    assert_eq!(fetched.status, 200);
    let head = &origin.heard()[0];
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"), "{head}");
}

/// Keys for `secure.test`, and its certificate.
fn keys(protocols: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["secure.test".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), der)
}

/// A site for `secure.test` that answers over TLS by HTTP/1.1.
async fn secure() -> (Server, CertificateDer<'static>) {
    let (acceptor, der) = keys(&["http/1.1"]);
    let server = Server::new(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut head = Vec::new();
            while let Ok(byte) = stream.read_u8().await {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") {
                    head.clear();
                    let _ = stream.write_all(&page(b"<p>safe")).await;
                    let _ = stream.flush().await;
                }
            }
        }
    })
    .await;
    (server, der)
}

fn trusting(proxy: &FakeProxy, scheme: &str, der: &CertificateDer<'static>) -> Proxy {
    let rule = list([proxy.address(scheme)]);
    rung_trusting(rule, Roots::Only(vec![der.clone()]))
}

#[tokio::test]
async fn secure_pages_come_through_a_tunnel_that_is_kept() {
    let (origin, der) = secure().await;
    let url = Url::parse(&format!("https://secure.test:{}/x", origin.port)).unwrap();
    for (scheme, proxy) in [
        ("http", FakeProxy::http().await),
        ("socks5", FakeProxy::socks(Some(("us3r", PASSWORD))).await),
        ("socks5h", FakeProxy::socks(Some(("us3r", PASSWORD))).await),
    ] {
        let rung = trusting(&proxy, scheme, &der);
        for _ in 0..3 {
            let result = get(&rung, &url).await;
            assert_kept(&rung, &result);
            assert_eq!(&result.unwrap().body[..], b"<p>safe", "{scheme}");
        }
        assert_eq!(proxy.server.connections(), 1, "{scheme}");
        let heard = proxy.heard();
        assert_eq!(heard.len(), 1, "{scheme}");
        if scheme == "http" {
            let start = format!(
                "CONNECT secure.test:{0} HTTP/1.1\r\nHost: secure.test:{0}\r\n",
                origin.port
            );
            assert!(heard[0].starts_with(&start), "{}", heard[0]);
            assert!(heard[0].contains(&basic()));
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_sites_is_refused_through_a_proxy_too() {
    let (origin, _) = secure().await;
    let (_, other) = keys(&[]);
    let proxy = FakeProxy::http().await;
    let rung = trusting(&proxy, "http", &other);
    let url = Url::parse(&format!("https://secure.test:{}/", origin.port)).unwrap();
    let error = get(&rung, &url).await.unwrap_err();
    assert_eq!(error.kind, crate::page::FailureKind::Tls, "{error}");
    assert!(error.trouble.is_none());
}

#[tokio::test]
async fn a_proxy_behind_tls() {
    let (acceptor, der) = keys(&[]);
    let origin = Origin::new().await;
    let target = origin.server.port;
    let server = Server::new(move |stream, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut near) = acceptor.accept(stream).await else {
                return;
            };
            let far = tokio::net::TcpStream::connect(("127.0.0.1", target)).await;
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far.unwrap()).await;
        }
    })
    .await;
    let proxy = address(&format!("https://u:p@secure.test:{}", server.port));
    let rung = rung_trusting(list([proxy]), Roots::Only(vec![der]));
    let url = origin.url("shop.test", "/x");
    assert_eq!(get(&rung, &url).await.unwrap().status, 200);
    let head = &origin.heard()[0];
    assert!(
        head.starts_with(&format!("GET {url} HTTP/1.1\r\n")),
        "{head}"
    );
    assert!(
        head.contains("proxy-authorization: Basic dTpw\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn a_secure_page_by_a_proxy_behind_tls() {
    let (origin, sites) = secure().await;
    let (acceptor, proxys) = keys(&[]);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    let target = origin.port;
    let server = Server::new(move |stream, _| {
        let (acceptor, told) = (acceptor.clone(), told.clone());
        async move {
            let Ok(mut near) = acceptor.accept(stream).await else {
                return;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(near.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            told.lock().unwrap().push(head);
            near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            near.flush().await.unwrap();
            let far = tokio::net::TcpStream::connect(("127.0.0.1", target)).await;
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far.unwrap()).await;
        }
    })
    .await;
    let proxy = address(&format!(
        "https://us3r:{PASSWORD}@secure.test:{}",
        server.port
    ));
    // One TLS inside the other, each with a certificate of its own.
    let rung = rung_trusting(list([proxy]), Roots::Only(vec![sites, proxys]));
    let url = Url::parse(&format!("https://secure.test:{}/x", origin.port)).unwrap();
    for _ in 0..2 {
        let result = get(&rung, &url).await;
        assert_kept(&rung, &result);
        assert_eq!(&result.unwrap().body[..], b"<p>safe");
    }
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 1, "the tunnel is kept");
    let start = format!("CONNECT secure.test:{} HTTP/1.1\r\n", origin.port);
    assert!(heard[0].starts_with(&start) && heard[0].contains(&basic()));
}

#[tokio::test]
async fn the_proxy_of_a_kept_connection_may_close_it_between_two_requests() {
    // The first connection answers once and is closed on its second request.
    let server = Server::new(|mut stream, number| async move {
        let mut answered = 0;
        while request(&mut stream).await.is_some() {
            if number == 0 && answered == 1 {
                return;
            }
            answered += 1;
            stream.write_all(&page(b"<p>")).await.unwrap();
        }
    })
    .await;
    let rung = rung(list([address(&format!("127.0.0.1:{}", server.port))]));
    let url = Url::parse("http://shop.test/").unwrap();
    for _ in 0..3 {
        assert_eq!(&get(&rung, &url).await.unwrap().body[..], b"<p>");
    }
    assert_eq!(server.connections(), 2);
}
