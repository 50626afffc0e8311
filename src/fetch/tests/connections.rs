//! When a connection is used again, when it is dropped, and what happens when
//! the server drops it.

use super::support::{Server, TestNames, answer, get, http, page, request, reset, site};
use crate::fetch::dns::{Looking, Lookup};
use crate::fetch::{Fetcher, Http, Visitor, Want};
use crate::page::FailureKind;
use futures_util::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Barrier, Notify};
use url::Url;

/// Connections used by several fetches, one after another, of this answer.
async fn connections_for(answer: Vec<u8>, want: Want) -> usize {
    let server = Server::answering(answer).await;
    let http = http();
    for _ in 0..4 {
        get(&http, &server.url("/"), want).await.unwrap();
        // The connection goes back to the pool in a task of its own.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    server.connections()
}

#[tokio::test]
async fn connections_are_used_again_unless_much_is_left_on_them() {
    let little = vec![b'x'; 16 * 1024];
    // More than hyper reads away by itself.
    let much = vec![b'x'; 4 << 20];
    let png = "Content-Type: image/png\r\n";
    let moved = "Location: /\r\n";
    let cases = [
        ("a page", page(&[b'x'; 1 << 20]), Want::Page, 1),
        ("an empty page", page(b""), Want::Page, 1),
        (
            "a small picture",
            answer("200 OK", png, &little),
            Want::Page,
            1,
        ),
        ("a picture", answer("200 OK", png, &much), Want::Page, 4),
        (
            "a redirect",
            answer("302 Found", moved, &little),
            Want::Page,
            1,
        ),
        (
            "a long redirect",
            answer("302 Found", moved, &much),
            Want::Page,
            4,
        ),
        (
            "a redirect in chunks",
            b"HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n"
                .to_vec(),
            Want::Page,
            1,
        ),
        (
            "an error",
            answer("404 Not Found", "", &little),
            Want::Page,
            1,
        ),
        (
            "a longer error",
            answer("404 Not Found", "", &[&little[..], &little].concat()),
            Want::Page,
            1,
        ),
        (
            "a long error",
            answer("404 Not Found", "", &much),
            Want::Page,
            4,
        ),
        (
            "a file",
            answer("200 OK", png, &much),
            Want::File(1 << 22),
            1,
        ),
        ("words", answer("200 OK", "", b"just words"), Want::Page, 1),
        ("many words", answer("200 OK", "", &much), Want::Page, 4),
    ];
    for (name, answer, want, expected) in cases {
        assert_eq!(connections_for(answer, want).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_request_is_replaced_once() {
    for by_reset in [false, true] {
        // The first connection answers once and dies on its second request.
        let server = Server::new(move |mut stream, number| async move {
            let mut answered = 0;
            while request(&mut stream).await.is_some() {
                if number == 0 && answered == 1 {
                    if by_reset {
                        reset(stream);
                    }
                    return;
                }
                answered += 1;
                stream.write_all(&page(b"<p>")).await.unwrap();
            }
        })
        .await;
        let http = http();
        for _ in 0..3 {
            let page = get(&http, &server.url("/"), Want::Page).await.unwrap();
            assert_eq!(page.status, 200);
        }
        assert_eq!(server.connections(), 2, "reset: {by_reset}");
    }
}

#[tokio::test]
async fn a_new_connection_that_dies_is_a_failure_at_once() {
    let server = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
    })
    .await;
    let error = get(&http(), &server.url("/"), Want::Page)
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Reset);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_server_that_closes_every_kept_connection_fails_after_one_repetition() {
    // Every connection answers the visitor's first request only: the repetition
    // goes to a new connection, where the server hangs up as well.
    let server = Server::new(|mut stream, number| async move {
        if request(&mut stream).await.is_some() && number == 0 {
            stream.write_all(&page(b"<p>")).await.unwrap();
            request(&mut stream).await;
        }
    })
    .await;
    let http = http();
    get(&http, &server.url("/"), Want::Page).await.unwrap();
    let error = get(&http, &server.url("/"), Want::Page).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Reset, "{error}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn kept_connections_that_died_are_replaced_but_not_without_end() {
    for (kept, comes) in [(1, true), (3, true), (4, false)] {
        // So many connections answer once, all of them together, and die on their
        // second request.
        let together = Arc::new(Barrier::new(kept));
        let server = Server::new(move |mut stream, number| {
            let together = Arc::clone(&together);
            async move {
                let mut asked = 0;
                while request(&mut stream).await.is_some() {
                    asked += 1;
                    match (number < kept, asked) {
                        (true, 1) => _ = together.wait().await,
                        (true, _) => return,
                        (false, _) => {}
                    }
                    stream.write_all(&page(b"<p>")).await.unwrap();
                }
            }
        })
        .await;
        let (http, url) = (http(), server.url("/"));
        let all = (0..kept).map(|_| get(&http, &url, Want::Page));
        for got in join_all(all).await {
            got.unwrap();
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let next = get(&http, &url, Want::Page).await;
        match comes {
            true => assert_eq!(next.unwrap().status, 200),
            false => assert_eq!(next.unwrap_err().kind, FailureKind::Reset),
        }
        assert_eq!(server.connections(), kept + usize::from(comes));
    }
}

/// Names of which the second to be asked for comes when it is let go.
struct Slow {
    asked: AtomicUsize,
    second: Gate,
}

/// Where two wait for each other.
#[derive(Clone, Default)]
struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

impl Gate {
    async fn pass(&self) {
        self.reached.notify_one();
        self.open.notified().await;
    }
}

impl Lookup for Slow {
    fn lookup<'a>(&'a self, name: &'a str) -> Looking<'a> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if number == 1 {
                self.second.pass().await;
            }
            TestNames.lookup(name).await
        })
    }
}

#[tokio::test]
async fn a_kept_connection_is_known_even_where_a_new_one_was_made_meanwhile() {
    let (answer, die, second) = (Gate::default(), Gate::default(), Gate::default());
    let gates = (answer.clone(), die.clone());
    let server = Server::new(move |mut stream, number| {
        let (answer, die) = gates.clone();
        async move {
            let mut asked = 0;
            while request(&mut stream).await.is_some() {
                match (number, asked) {
                    (0, 0) => answer.pass().await,
                    (0, _) => return die.pass().await,
                    _ => {}
                }
                asked += 1;
                stream.write_all(&page(b"<p>")).await.unwrap();
            }
        }
    })
    .await;
    let names = Slow {
        asked: AtomicUsize::new(0),
        second: second.clone(),
    };
    let http = Http::for_tests(Arc::new(names), Vec::new());
    let url = Url::parse(&format!("http://shop.test:{}/", server.port)).unwrap();
    let get = || get(&http, &url, Want::Page);
    // The second request asks for a connection of its own, takes the first one's,
    // which is free before, and loses it when its own stands.
    let in_turn = async {
        answer.reached.notified().await;
        let events = async {
            second.reached.notified().await;
            answer.open.notify_one();
            die.reached.notified().await;
            second.open.notify_one();
            while server.connections() < 2 {
                tokio::task::yield_now().await;
            }
            die.open.notify_one();
        };
        tokio::join!(get(), events).0
    };
    let (first, next) = tokio::join!(get(), in_turn);
    assert_eq!((first.unwrap().status, next.unwrap().status), (200, 200));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn many_at_once_share_a_client() {
    const MANY: usize = 64;
    // Nobody is answered before all have come: so many connections at once.
    let arrived = Arc::new(Notify::new());
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::new(move |mut stream, _| {
        let (arrived, count) = (Arc::clone(&arrived), Arc::clone(&count));
        async move {
            while request(&mut stream).await.is_some() {
                let all = arrived.notified();
                tokio::pin!(all);
                all.as_mut().enable();
                if count.fetch_add(1, Ordering::SeqCst) + 1 == MANY {
                    arrived.notify_waiters();
                } else {
                    all.await;
                }
                stream.write_all(&page(b"<p>")).await.unwrap();
            }
        }
    })
    .await;
    let http = Arc::new(http());
    let visitor = Arc::new(Visitor::new(&site("http://a.test/")));
    let url = server.url("/");
    let fetches = (0..MANY).map(|_| {
        let (http, visitor, url) = (Arc::clone(&http), Arc::clone(&visitor), url.clone());
        tokio::spawn(async move { http.fetch(&visitor, &url, Want::Page).await })
    });
    for fetch in fetches.collect::<Vec<_>>() {
        assert_eq!(fetch.await.unwrap().unwrap().body, "<p>");
    }
    assert_eq!(server.connections(), MANY);
}

#[tokio::test]
async fn an_unwanted_rest_that_comes_late_is_waited_for_if_it_is_little() {
    let png = "Content-Type: image/png\r\nContent-Length: 4\r\n\r\n";
    let chunks = "Location: /\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (status, head, rest) in [
        ("200 OK", png, "late"),
        ("302 Found", chunks, "4\r\nlate\r\n0\r\n\r\n"),
    ] {
        let server = Server::new(move |mut stream, _| async move {
            while request(&mut stream).await.is_some() {
                let head = format!("HTTP/1.1 {status}\r\n{head}");
                stream.write_all(head.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                if stream.write_all(rest.as_bytes()).await.is_err() {
                    return;
                }
            }
        })
        .await;
        let http = http();
        for _ in 0..3 {
            let page = get(&http, &server.url("/"), Want::Page).await.unwrap();
            assert!(!page.read);
        }
        assert_eq!(server.connections(), 1, "{status}");
    }
}
