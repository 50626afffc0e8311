//! Lists of proxies that are files or URLs.

use super::support::{FakeProxy, Origin, PASSWORD, assert_kept, get, rule, rung};
use crate::config::ProxyFrom;
use crate::fetch::Trouble;
use crate::fetch::tests::support::{Server, answer, request};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use url::Url;

fn down(result: Result<crate::fetch::Fetched, crate::fetch::FetchError>) -> String {
    match result.unwrap_err().trouble {
        Some(Trouble::Down(text)) => text,
        other => panic!("not down: {other:?}"),
    }
}

/// A server of a list that can be exchanged.
async fn serving(text: &Arc<Mutex<String>>) -> (Server, Url) {
    let text = text.clone();
    let server = Server::new(move |mut stream, _| {
        let text = text.clone();
        async move {
            while request(&mut stream).await.is_some() {
                let body = text.lock().unwrap().clone();
                let answer = match body.as_str() {
                    "gone" => answer("404 Not Found", "", b""),
                    "moved" => answer("302 Found", "Location: /x\r\n", b""),
                    body => answer("200 OK", "Content-Type: text/plain\r\n", body.as_bytes()),
                };
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await;
    let port = server.port;
    let url = format!("http://us3r:{PASSWORD}@127.0.0.1:{port}/list?key={PASSWORD}");
    (server, Url::parse(&url).unwrap())
}

fn line(proxy: &FakeProxy) -> String {
    format!("us3r:{PASSWORD}@127.0.0.1:{}\n", proxy.server.port)
}

#[tokio::test]
async fn a_list_is_read_from_a_file_and_from_a_url() {
    let (proxy, origin) = (FakeProxy::http().await, Origin::new().await);
    let text = format!("# ours\nbad line {PASSWORD}\n{}", line(&proxy));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxies.txt");
    std::fs::write(&path, &text).unwrap();
    let (server, url) = serving(&Arc::new(Mutex::new(text))).await;
    for from in [ProxyFrom::File(path), ProxyFrom::Url(url)] {
        let rung = rung(rule(from));
        let url = origin.url("shop.test", "/");
        let all = futures_util::future::join_all((0..8).map(|_| get(&rung, &url))).await;
        for result in all {
            assert_kept(&rung, &result);
            assert_eq!(result.unwrap().status, 200);
        }
        let remark = rung.exits().remark.unwrap();
        assert!(
            remark.contains("1 bad line is left out: line 2: "),
            "{remark}"
        );
        assert!(!remark.contains(PASSWORD), "{remark}");
    }
    assert_eq!(server.connections(), 1, "read once for all");
}

#[tokio::test]
async fn a_list_that_cannot_be_used_says_what_to_do() {
    let origin = Origin::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        ProxyFrom::File(path)
    };
    let (_server, gone) = serving(&Arc::new(Mutex::new("gone".to_owned()))).await;
    let (_server, moved) = serving(&Arc::new(Mutex::new("moved".to_owned()))).await;
    let long = "x\n".repeat(3 << 20);
    let cases = [
        (
            file("empty", "\n# nothing\n"),
            "no usable proxy in",
            "write one a line",
        ),
        (
            file("bad", &format!("ftp://u:{PASSWORD}@h:1\n")),
            "1 bad line",
            "line 1: ",
        ),
        (file("long", &long), "larger than 4 MB", "cannot be read"),
        (
            ProxyFrom::File(folder.path().join("none")),
            "cannot be read",
            "No such file",
        ),
        (
            ProxyFrom::File(folder.path().to_owned()),
            "cannot be read",
            "not a file",
        ),
        (ProxyFrom::Url(gone), "cannot be read", "status 404"),
        (
            ProxyFrom::Url(moved),
            "cannot be read",
            "write the address to which",
        ),
    ];
    for (from, one, two) in cases {
        let shown = format!("{from}");
        let rung = rung(rule(from));
        for _ in 0..2 {
            let result = get(&rung, &origin.url("shop.test", "/")).await;
            assert_kept(&rung, &result);
            let text = down(result);
            assert!(text.contains(one) && text.contains(two), "{text}");
            assert!(text.contains(&shown), "{text}");
        }
    }
    assert!(origin.heard().is_empty(), "nothing went directly");
}

#[tokio::test]
async fn a_list_is_read_again_and_what_stays_keeps_its_figures() {
    let (one, two, origin) = (
        FakeProxy::http().await,
        FakeProxy::http().await,
        Origin::new().await,
    );
    let text = Arc::new(Mutex::new(line(&one)));
    let (_server, url) = serving(&text).await;
    let mut rule = rule(ProxyFrom::Url(url));
    rule.refresh = Some(Duration::from_millis(20));
    let rung = rung(rule);
    let url = origin.url("shop.test", "/");
    get(&rung, &url).await.unwrap();
    *text.lock().unwrap() = format!("{}{}", line(&two), line(&one));
    while rung.exits().rows.len() < 2 {
        get(&rung, &url).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let first = rung.exits().rows.into_iter().find(|exit| {
        let port = one.server.port;
        *exit.name == *format!("127.0.0.1:{port}")
    });
    assert!(first.unwrap().ok > 0);
    // One that has become useless does not take the place of a good one.
    *text.lock().unwrap() = "rubbish".to_owned();
    for _ in 0..20 {
        assert_eq!(get(&rung, &url).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rung.exits().rows.len(), 2);
}

#[tokio::test]
async fn a_reader_that_is_dropped_leaves_the_list_to_the_next() {
    let (proxy, origin) = (FakeProxy::http().await, Origin::new().await);
    let list = line(&proxy);
    let asked = Arc::new(tokio::sync::Notify::new());
    let heard = asked.clone();
    // The first reader gets no answer.
    let server = Server::new(move |mut stream, number| {
        let (list, heard) = (list.clone(), heard.clone());
        async move {
            while request(&mut stream).await.is_some() {
                if number == 0 {
                    heard.notify_one();
                    std::future::pending::<()>().await;
                }
                let _ = stream
                    .write_all(&answer("200 OK", "", list.as_bytes()))
                    .await;
            }
        }
    })
    .await;
    let rung = rung(rule(ProxyFrom::Url(server.url("/list"))));
    let url = origin.url("shop.test", "/");
    tokio::select! {
        result = get(&rung, &url) => panic!("answered: {result:?}"),
        () = asked.notified() => {}
    }
    assert_eq!(get(&rung, &url).await.unwrap().status, 200);
}
