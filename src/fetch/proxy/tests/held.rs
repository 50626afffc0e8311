//! Sessions for a rung that makes its own connections.

use super::support::{FakeProxy, PASSWORD, address, list, rung, visitor};
use crate::bus::ExitState;
use crate::fetch::error::Cause;
use crate::fetch::proxy::{Closed, Held, Proxy};
use crate::fetch::tests::support::site;
use crate::fetch::{Trouble, Visitor};
use crate::page::FailureKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use url::Host;

async fn hold(rung: &Proxy, visitor: &Visitor) -> Result<Held, (Trouble, String)> {
    rung.hold(visitor, Instant::now() + Duration::from_secs(30))
        .await
}

fn guarded() -> Visitor {
    let mut site = site("http://public.test/");
    site.fetch.allow_private = false;
    Visitor::new(&site)
}

fn named(name: &str) -> Host {
    Host::Domain(name.to_owned())
}

fn refused() -> Cause {
    Cause::new(FailureKind::Connect, "could not connect")
}

/// A server that answers each connection with one byte.
async fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"!").await;
        }
    });
    port
}

#[tokio::test]
async fn connections_of_all_schemes_go_by_the_exit_with_its_login() {
    let port = greeter().await;
    let http = FakeProxy::http().await;
    let socks = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
    for (proxy, scheme, heard) in [
        (&http, "http", format!("CONNECT shop.test:{port} HTTP/1.1")),
        (&socks, "socks5h", format!("shop.test:{port}")),
        (&socks, "socks5", format!("127.0.0.1:{port}")),
    ] {
        let rung = rung(list([proxy.address(scheme)]));
        let held = hold(&rung, &visitor("a")).await.unwrap();
        let mut io = held
            .road()
            .connect(&named("shop.test"), port)
            .await
            .unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'!', "{scheme}");
        let last = proxy.heard().pop().unwrap();
        assert!(last.starts_with(&heard), "{scheme}: {last}");
        held.answered(Some(Duration::from_millis(3)));
        let exit = rung.exits().rows.remove(0);
        assert_eq!((exit.ok, exit.failed, exit.state), (1, 0, ExitState::Well));
        assert!(!format!("{exit:?}{}", held.through()).contains(PASSWORD));
    }
    let login = http.heard().pop().unwrap();
    assert!(login.contains("Proxy-Authorization: Basic "), "{login}");
}

#[tokio::test]
async fn a_guarded_site_is_led_to_nothing_private_by_an_exit() {
    let port = greeter().await;
    let proxy = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
    let ip = |text: &str| Host::parse(text).unwrap();
    for remote in [false, true] {
        let mut rule = list([proxy.address("socks5h")]);
        rule.remote_names = remote;
        let rung = rung(rule);
        let held = hold(&rung, &guarded()).await.unwrap();
        let looked_up = if remote {
            Ok(())
        } else {
            Err(Closed::Forbidden)
        };
        let unknown = if remote { Ok(()) } else { Err(Closed::Unknown) };
        let before = proxy.requests();
        let mut let_through = 0;
        for (host, expected) in [
            (named("public.test"), Ok(())),
            (named("private.test"), looked_up),
            (named("mixed.test"), looked_up),
            (named("unknown.example"), unknown),
            (named("localhost"), Err(Closed::Forbidden)),
            (named("a.localhost."), Err(Closed::Forbidden)),
            (ip("127.0.0.1"), Err(Closed::Forbidden)),
            (ip("169.254.169.254"), Err(Closed::Forbidden)),
            (ip("[::1]"), Err(Closed::Forbidden)),
            (ip("[::ffff:10.0.0.1]"), Err(Closed::Forbidden)),
        ] {
            let went = held.road().connect(&host, port).await.map(|_| ());
            assert_eq!(went, expected, "{host} {remote}");
            let_through += usize::from(went.is_ok());
        }
        assert_eq!(
            proxy.requests() - before,
            let_through,
            "it heard of no other"
        );
    }
}

#[tokio::test]
async fn what_an_exit_does_wrong_is_told_and_counted_once() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://127.0.0.1:{}", dead.local_addr().unwrap().port());
    drop(dead);
    let socks = FakeProxy::socks(Some(("us3r", "another"))).await;
    let http = FakeProxy::http().await;
    // Nobody listens there.
    let nowhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nowhere.local_addr().unwrap().port();
    drop(nowhere);
    for (exit, words, state) in [
        (
            address(&gone),
            "the proxy cannot be reached",
            ExitState::Resting,
        ),
        (socks.address("socks5h"), "", ExitState::Refused),
        (
            http.address("http"),
            "the proxy answered 502",
            ExitState::Ailing,
        ),
    ] {
        let rung = rung(list([exit]));
        let held = hold(&rung, &visitor("a")).await.unwrap();
        let went = held.road().connect(&named("shop.test"), port).await;
        assert_eq!(went.err(), Some(Closed::Unreachable), "{words}");
        let fault = held.failed(&refused()).unwrap();
        assert!(fault.words.contains(words), "{fault}");
        let exit = rung.exits().rows.remove(0);
        assert_eq!((exit.failed, exit.state), (1, state), "{exit:?}");
    }
}

#[tokio::test]
async fn a_failure_without_a_fault_of_a_connection_may_be_the_exits() {
    let http = FakeProxy::http().await;
    let rung = rung(list([http.address("http")]));
    for (kind, failed) in [
        (FailureKind::Timeout, 1),
        (FailureKind::TooLarge, 1),
        (FailureKind::Reset, 2),
    ] {
        let held = hold(&rung, &visitor("a")).await.unwrap();
        assert!(held.failed(&Cause::new(kind, "words")).is_none());
        assert_eq!(rung.exits().rows[0].failed, failed, "{kind}");
    }
}

#[tokio::test]
async fn where_no_exit_works_nothing_is_held() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://127.0.0.1:{}", dead.local_addr().unwrap().port());
    drop(dead);
    let rung = rung(list([address(&gone)]));
    let held = hold(&rung, &visitor("a")).await.unwrap();
    assert!(held.road().connect(&named("shop.test"), 80).await.is_err());
    // It rests for seconds; nobody waits that long here.
    let soon = rung.hold(&visitor("a"), Instant::now()).await;
    let Err((Trouble::Crowded, words)) = soon else {
        panic!("held")
    };
    assert!(words.contains("every proxy rests"), "{words}");
}
