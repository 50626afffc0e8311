//! Proxies that fail, and what is made of it.

use super::support::visitor;
use super::support::{FakeProxy, Origin, PASSWORD, address, assert_kept, get, list, pages, rung};
use crate::bus::ExitState;
use crate::config::{ProxyAddress, Rotate};
use crate::fetch::tests::support::{Server, request};
use crate::fetch::{Fetcher, Trouble, Want};
use crate::page::{FailureKind, Rung};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

/// A proxy that says `answer` to any request, by HTTP or SOCKS5, and closes.
async fn saying(answer: &'static [u8]) -> Server {
    Server::new(move |mut stream, _| async move {
        // Nothing that SOCKS5 sends ends like the head of a request.
        if stream.read_u8().await.is_ok_and(|first| first != 5) {
            request(&mut stream).await;
        }
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
        // Closed with something unread, the answer might be lost.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

/// The address of a port where nobody listens.
async fn nobody() -> ProxyAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    address(&format!("http://us3r:{PASSWORD}@127.0.0.1:{port}"))
}

fn by(server: &Server, scheme: &str) -> ProxyAddress {
    let port = server.port;
    address(&format!("{scheme}://us3r:{PASSWORD}@127.0.0.1:{port}"))
}

#[tokio::test]
async fn what_is_not_the_pages_fault_is_tried_by_the_next_exit() {
    let origin = Origin::new().await;
    let good = FakeProxy::http().await;
    let bad = [
        ("nobody there", nobody().await),
        ("closes", by(&saying(b"").await, "socks5")),
        ("rubbish", by(&saying(b"\x00\x01SSH-2.0").await, "socks5")),
        (
            "no socks",
            by(&saying(b"HTTP/1.1 400 No\r\n\r\n").await, "socks5"),
        ),
        (
            "wants another login",
            by(&saying(&[5, 2, 1, 1]).await, "socks5"),
        ),
        ("takes none", by(&saying(&[5, 0xFF]).await, "socks5h")),
        (
            "wants another login",
            by(&saying(b"HTTP/1.1 407 No\r\n\r\n").await, "http"),
        ),
        (
            "has no credit",
            by(&saying(b"HTTP/1.1 402 Pay\r\n\r\n").await, "http"),
        ),
    ];
    for (what, bad) in bad {
        let rung = rung(list([bad, good.address("http")]));
        let before = origin.heard().len();
        let result = get(&rung, &origin.url("shop.test", "/")).await;
        assert_kept(&rung, &result);
        assert_eq!(result.unwrap().status, 200, "{what}");
        assert_eq!(origin.heard().len(), before + 1, "{what}: asked once");
        let exits = rung.exits().rows;
        let failed = exits.iter().find(|exit| exit.failed > 0).unwrap();
        assert!(
            matches!(failed.state, ExitState::Resting | ExitState::Refused),
            "{what}: {failed:?}"
        );
        assert!(failed.until.is_some() && failed.why.is_some(), "{what}");
    }
}

#[tokio::test]
async fn what_may_be_the_sites_fault_is_the_pages_failure() {
    // Through CONNECT and SOCKS5, each twice: by two exits.
    let cases: &[(&str, &'static [u8], &str)] = &[
        ("http", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502"),
        ("http", b"HTTP/1.1 403 Filtered\r\n\r\n", "answered 403"),
        ("socks5h", &[5, 0, 5, 5, 0, 1], "connection was refused"),
        ("socks5h", &[5, 0, 5, 4, 0, 1], "host is unreachable"),
    ];
    for (scheme, answer, words) in cases {
        let (one, two) = (saying(answer).await, saying(answer).await);
        let rung = rung(list([by(&one, scheme), by(&two, scheme)]));
        let url = Url::parse("https://shop.test/").unwrap();
        let result = get(&rung, &url).await;
        assert_kept(&rung, &result);
        let error = result.unwrap_err();
        assert_eq!(error.kind, FailureKind::Connect, "{error}");
        assert!(error.detail.contains(words), "{error}");
        assert!(error.trouble.is_none(), "{error:?}");
        assert_eq!((one.connections(), two.connections()), (1, 1));
        // A site that is down for everybody makes no exit rest.
        assert!(rung.exits().rows.iter().all(|exit| exit.until.is_none()));
    }
}

#[tokio::test]
async fn answers_of_a_proxy_that_are_no_pages() {
    let cases: &[(&'static [u8], FailureKind)] = &[
        (b"\x16\x03\x01 rubbish\r\n\r\n", FailureKind::Protocol),
        (b"", FailureKind::Reset),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FailureKind::Reset),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<p>",
            FailureKind::Reset,
        ),
    ];
    for (answer, kind) in cases {
        let server = saying(answer).await;
        let rung = rung(list([by(&server, "http")]));
        let result = get(&rung, &Url::parse("http://shop.test/").unwrap()).await;
        assert_kept(&rung, &result);
        let error = result.unwrap_err();
        assert_eq!(error.kind, *kind, "{error}");
        let name = format!("by 127.0.0.1:{}: ", server.port);
        assert!(error.detail.starts_with(&name), "{error}");
        assert_eq!(rung.exits().rows[0].failed, 1);
    }
}

#[tokio::test]
async fn a_proxy_that_never_answers_is_given_up() {
    let silent =
        Server::new(|mut stream, _| async move { while request(&mut stream).await.is_some() {} })
            .await;
    let mut visitor = visitor("test");
    visitor.timeouts.connect = Duration::from_secs(2);
    let (long, short) = (Duration::from_secs(60), Duration::from_secs(3));
    // By HTTP and SOCKS5 it takes the connection, by TLS not even that: then it
    // rests, for longer than the request may take.
    for (scheme, url, timeout, words) in [
        (
            "http",
            "https://shop.test/",
            long,
            "no connection to the site within",
        ),
        (
            "socks5",
            "http://shop.test/",
            long,
            "no connection to the site within",
        ),
        (
            "https",
            "http://shop.test/",
            short,
            "no connection to the proxy within",
        ),
    ] {
        let rung = rung(list([by(&silent, scheme)]));
        let url = Url::parse(url).unwrap();
        let visitor = visitor.within(Rung::Proxy, timeout);
        let error = rung.fetch(&visitor, &url, Want::Page).await.unwrap_err();
        let last = rung.exits().rows[0].why.clone().unwrap_or_default();
        assert!(last.contains(words), "{scheme}: {last}; {error}");
    }
}

#[tokio::test]
async fn credentials_that_nobody_takes_stop_the_rung_at_once() {
    let answer = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    let (one, two) = (saying(answer).await, saying(answer).await);
    for url in ["https://shop.test/", "http://shop.test/"] {
        let rung = rung(list([by(&one, "http"), by(&two, "http")]));
        let url = Url::parse(url).unwrap();
        let result = get(&rung, &url).await;
        assert_kept(&rung, &result);
        let Some(Trouble::Down(text)) = result.unwrap_err().trouble else {
            panic!("{url}: not down");
        };
        assert!(text.contains("all 2 proxies refused us"), "{text}");
        assert!(text.contains("answered 407"), "{text}");
        assert!(!text.contains(PASSWORD));
        assert!(
            rung.exits()
                .rows
                .iter()
                .all(|e| e.state == ExitState::Refused)
        );
    }
}

#[tokio::test]
async fn a_site_that_pretends_to_be_a_proxy_does_not_stop_the_rung() {
    let origin = Server::new(|mut stream, number| async move {
        let mut ok = number == 0;
        while request(&mut stream).await.is_some() {
            let answer: &[u8] = match ok {
                true => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                false => b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
            };
            ok = false;
            let _ = stream.write_all(answer).await;
        }
    })
    .await;
    let rung = rung(list([by(&origin, "http")]));
    let url = Url::parse("http://shop.test/").unwrap();
    for n in 0..6 {
        let result = get(&rung, &url).await;
        assert_eq!(result.is_ok(), n == 0, "{n}");
        assert!(result.err().is_none_or(|error| error.trouble.is_none()));
    }
    assert!(rung.exits().rows[0].until.is_none());
}

#[tokio::test]
async fn a_dead_list_is_told_and_nothing_goes_directly() {
    let origin = pages().await;
    let rung = rung(list([nobody().await, nobody().await]));
    // The first rests are waited for; then it is over.
    let result = get(&rung, &origin.url("/")).await;
    assert_kept(&rung, &result);
    let error = result.unwrap_err();
    assert_eq!(error.kind, FailureKind::Connect);
    let Some(Trouble::Down(text)) = &error.trouble else {
        panic!("not down: {error:?}");
    };
    assert!(text.starts_with("all 2 proxies failed"), "{text}");
    assert!(text.contains("cannot be reached"), "{text}");
    assert_eq!(origin.connections(), 0, "nothing went directly");
}

#[tokio::test]
async fn proxies_with_too_much_to_do_shrink_the_rung_and_do_not_stop_it() {
    let busy = saying(b"HTTP/1.1 429 Too Many\r\n\r\n").await;
    let rung = rung(list([by(&busy, "http")]));
    let visitor = visitor("test").within(Rung::Proxy, Duration::from_millis(500));
    let url = Url::parse("https://shop.test/").unwrap();
    for _ in 0..4 {
        let error = rung.fetch(&visitor, &url, Want::Page).await.unwrap_err();
        assert_eq!(error.trouble, Some(Trouble::Crowded), "{error}");
        assert!(error.detail.contains("every proxy rests"), "{error}");
    }
}

#[tokio::test]
async fn directly_only_where_the_rule_says_so() {
    let origin = pages().await;
    let mut rule = list([nobody().await]);
    rule.direct = true;
    let rung = rung(rule);
    let fetched = get(&rung, &origin.url("/")).await.unwrap();
    assert_eq!(fetched.through.as_deref(), Some("direct"));
    assert_eq!(&fetched.body[..], b"<p>hello");
}

#[tokio::test]
async fn many_dead_exits_among_good_ones_cost_a_request_nothing_but_time() {
    let (origin, good) = (Origin::new().await, FakeProxy::http().await);
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(nobody().await);
    }
    all.push(good.address("http"));
    let rung = rung(list(all));
    for _ in 0..10 {
        let url = origin.url("shop.test", "/");
        assert_eq!(get(&rung, &url).await.unwrap().status, 200);
    }
    assert_eq!(good.requests(), 10);
}

/// A proxy that answers plain requests itself.
async fn excusing(answer: &'static str) -> Server {
    Server::new(move |mut stream, _| async move {
        while request(&mut stream).await.is_some() {
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_proxys_own_excuse_is_handed_on_and_moves_a_site_that_stays() {
    let origin = Origin::new().await;
    for (answer, status) in [
        ("HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", 502),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 503),
        ("HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n", 504),
        ("HTTP/1.1 429 Busy\r\nContent-Length: 0\r\n\r\n", 429),
    ] {
        let (bad, good) = (excusing(answer).await, FakeProxy::http().await);
        let mut rule = list([by(&bad, "http"), good.address("http")]);
        rule.rotate = Rotate::Site;
        let rung = rung(rule);
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let result = get(&rung, &origin.url("shop.test", "/")).await;
            assert_kept(&rung, &result);
            statuses.push(result.unwrap().status);
        }
        assert_eq!(statuses, [status, status, status, 200, 200, 200]);
        let exits = rung.exits().rows;
        let exit = exits.iter().find(|exit| exit.failed > 0).unwrap();
        let figures = (exit.ok, exit.failed, exit.state);
        assert_eq!(figures, (0, 3, ExitState::Ailing), "{exit:?}");
        let why = exit.why.as_deref().unwrap_or_default();
        assert!(why.contains("may be the proxy's own"), "{why}");
    }
}

#[tokio::test]
async fn an_exit_that_makes_excuses_rests_only_where_another_does_better() {
    let down = excusing("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await;
    let (good, origin) = (FakeProxy::http().await, Origin::new().await);
    let url = origin.url("shop.test", "/");
    // The site is down for all of them.
    let too = excusing("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await;
    for list in [
        list([by(&down, "http")]),
        list([by(&down, "http"), by(&too, "http")]),
    ] {
        let rung = rung(list);
        for _ in 0..8 {
            assert_eq!(get(&rung, &url).await.unwrap().status, 503);
        }
        assert!(rung.exits().rows.iter().all(|row| row.until.is_none()));
    }
    // Another one is answered meanwhile.
    let both = rung(list([by(&down, "http"), good.address("http")]));
    let mut rested = false;
    for _ in 0..8 {
        let _ = get(&both, &url).await.unwrap();
        rested |= both.exits().rows.iter().any(|row| row.until.is_some());
    }
    assert!(rested);
}

#[tokio::test]
async fn through_a_tunnel_and_from_a_challenge_it_is_the_sites_own() {
    // By SOCKS5 the answer is the site's.
    let site = excusing("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await;
    let socks = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
    let tunneled = rung(list([socks.address("socks5h")]));
    let url = Url::parse(&format!("http://shop.test:{}/", site.port)).unwrap();
    assert_eq!(get(&tunneled, &url).await.unwrap().status, 503);
    let challenge = "HTTP/1.1 503 No\r\ncf-mitigated: challenge\r\nContent-Length: 0\r\n\r\n";
    let wall = excusing(challenge).await;
    let walled = rung(list([by(&wall, "http")]));
    assert_eq!(get(&walled, &url).await.unwrap().status, 503);
    for rung in [&tunneled, &walled] {
        let row = &rung.exits().rows[0];
        assert_eq!((row.ok, row.failed), (1, 0), "{row:?}");
    }
}
