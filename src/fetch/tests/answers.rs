//! What is read of an answer, and what is not.

use super::support::{Server, answer, get, http, page, request, site};
use crate::fetch::{Fetched, Fetcher, Visitor, Want, body, is_html, media_type};
use crate::page::FailureKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

async fn fetch(answer: Vec<u8>, want: Want) -> Fetched {
    let server = Server::closing(answer).await;
    get(&http(), &server.url("/"), want).await.unwrap()
}

#[tokio::test]
async fn html_is_read_and_other_types_are_not() {
    let html = b"<!doctype html><p>text";
    // Headers, body, read, HTML, media type.
    let cases: &[(&str, &[u8], bool, Option<&str>)] = &[
        ("Content-Type: text/html\r\n", html, true, Some("text/html")),
        (
            "Content-Type: Text/HTML; charset=utf-8\r\n",
            b"",
            true,
            Some("text/html"),
        ),
        (
            "Content-Type: application/xhtml+xml\r\n",
            b"<x",
            true,
            Some("application/xhtml+xml"),
        ),
        (
            "Content-Type: image/PNG\r\n",
            html,
            false,
            Some("image/png"),
        ),
        (
            "Content-Type: text/plain\r\n",
            html,
            false,
            Some("text/plain"),
        ),
        ("", html, true, None),
        ("", b" \n<html>", true, None),
        ("", b"%PDF-1.7", false, None),
        ("", b"", false, None),
        ("Content-Type: nonsense\r\n", html, true, None),
    ];
    for (headers, body, read, media) in cases {
        let page = fetch(answer("200 OK", headers, body), Want::Page).await;
        assert_eq!(page.status, 200);
        assert_eq!(
            (page.read, is_html(&page)),
            (*read, *read),
            "{headers:?} {body:?}"
        );
        let expected: &[u8] = if *read { body } else { b"" };
        assert_eq!(page.body, expected, "{headers:?}");
        assert_eq!(page.bytes, body.len() as u64);
        assert_eq!(media_type(&page).as_deref(), *media);
        assert!(!page.cut && page.headers_after <= page.elapsed);
    }
}

#[tokio::test]
async fn unlabelled_bodies_are_looked_into_also_when_compressed_or_long() {
    for (text, html) in [
        ("<!doctype html><title>long</title>", true),
        ("just words", false),
    ] {
        let long = format!("{text}{}", "x".repeat(50_000)).into_bytes();
        let packed = zstd::encode_all(&long[..], 1).unwrap();
        for (headers, wire) in [("", long.clone()), ("Content-Encoding: zstd\r\n", packed)] {
            let page = fetch(answer("200 OK", headers, &wire), Want::Page).await;
            assert_eq!(
                (page.read, is_html(&page)),
                (html, html),
                "{text} {headers}"
            );
            if html {
                assert_eq!(body::decode(&page, 1 << 20).unwrap(), long);
            }
        }
    }
}

#[tokio::test]
async fn every_framing_of_a_body() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let chunked =
        "Transfer-Encoding: chunked\r\n\r\n3\r\n<p>\r\n4;x=y\r\ntext\r\n0\r\nT: x\r\n\r\n";
    for answer in [
        format!("{head}Content-Length: 7\r\n\r\n<p>text"),
        format!("{head}{chunked}"),
        format!("{head}\r\n<p>text"),
        "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>text".to_owned(),
        format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{head}Content-Length: 7\r\n\r\n<p>text"
        ),
    ] {
        let page = fetch(answer.clone().into_bytes(), Want::Page).await;
        assert_eq!(
            (&page.body[..], page.bytes),
            (&b"<p>text"[..], 7),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn answers_without_a_body() {
    for status in ["204 No Content", "304 Not Modified"] {
        let text = format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n");
        let server = Server::answering(text).await;
        let http = http();
        for _ in 0..2 {
            let page = get(&http, &server.url("/"), Want::Page).await.unwrap();
            assert!(page.body.is_empty() && page.bytes == 0, "{status}");
        }
        assert_eq!(server.connections(), 1, "{status}");
    }
}

#[tokio::test]
async fn error_statuses_leave_evidence_of_16_kib_whatever_their_type_and_end() {
    let long = vec![b'x'; 100_000];
    for want in [Want::Page, Want::File(500 << 10)] {
        let page = fetch(
            answer("404 Not Found", "Content-Type: image/png\r\n", &long),
            want,
        )
        .await;
        assert_eq!((page.status, page.read, page.cut), (404, true, true));
        assert_eq!(page.body.len() as u64, Want::EVIDENCE);
        assert_eq!(page.headers["content-type"], "image/png");

        let page = fetch(answer("500 Oops", "", b"short"), want).await;
        assert_eq!(
            (page.status, &page.body[..], page.cut),
            (500, &b"short"[..], false)
        );
    }
    // A status counts even if its body never comes whole.
    let broken = b"HTTP/1.1 503 Later\r\nContent-Length: 99\r\n\r\npart".to_vec();
    let page = fetch(broken, Want::Page).await;
    assert_eq!(
        (page.status, &page.body[..], page.cut),
        (503, &b"part"[..], true)
    );
}

#[tokio::test]
async fn redirects_are_not_followed_nor_read() {
    let headers = "Location: /elsewhere\r\nContent-Type: text/html\r\n";
    for want in [Want::Page, Want::File(1000)] {
        let page = fetch(answer("301 Moved", headers, b"<p>moved"), want).await;
        assert_eq!((page.status, page.read, page.bytes), (301, false, 8));
        assert_eq!(page.headers["location"], "/elsewhere");
    }
}

#[tokio::test]
async fn files_of_any_type_are_cut_at_their_cap() {
    let text = b"User-agent: *\nDisallow: /\n";
    for (cap, expected, cut) in [
        (1000, &text[..], false),
        (26, text, false),
        (25, &text[..25], true),
        (0, b"", true),
    ] {
        let file = fetch(
            answer("200 OK", "Content-Type: image/png\r\n", text),
            Want::File(cap),
        )
        .await;
        assert_eq!(
            (&file.body[..], file.read, file.cut),
            (expected, true, cut),
            "cap {cap}"
        );
    }
    let packed = zstd::encode_all(&vec![b'x'; 1 << 20][..], 1).unwrap();
    let file = fetch(
        answer("200 OK", "Content-Encoding: zstd\r\n", &packed),
        Want::File(1 << 20),
    )
    .await;
    let (part, more) = body::decode_prefix(&file, 500 << 10).unwrap();
    assert_eq!((part.len(), more), (500 << 10, true));
}

#[tokio::test]
async fn an_endless_file_is_cut() {
    let server = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    })
    .await;
    let file = get(&http(), &server.url("/robots.txt"), Want::File(100_000))
        .await
        .unwrap();
    assert_eq!(
        (file.body.len(), file.bytes, file.cut),
        (100_000, 100_000, true)
    );
}

#[tokio::test]
async fn a_page_at_its_cap_passes_and_one_byte_more_does_not() {
    let http = http();
    let mut site = site("http://a.test/");
    site.fetch.max_body = 5000;
    let visitor = Visitor::new(&site);
    let chunked = |length: usize| {
        let body = "x".repeat(length);
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n\
             {length:x}\r\n{body}\r\n0\r\n\r\n"
        )
        .into_bytes()
    };
    for (answer, passes) in [
        (page(&[b'x'; 5000]), true),
        (page(&[b'x'; 5001]), false),
        (chunked(5000), true),
        (chunked(5001), false),
    ] {
        let server = Server::closing(answer).await;
        let result = http.fetch(&visitor, &server.url("/"), Want::Page).await;
        match result {
            Ok(page) => assert!(passes && page.body.len() == 5000),
            Err(error) => {
                assert!(!passes, "{error}");
                assert_eq!(error.kind, FailureKind::TooLarge);
                assert_eq!(error.head.unwrap().0, 200);
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_is_fetched_and_stops_where_it_is_undone() {
    let bomb = zstd::encode_all(&vec![0; 64 << 20][..], 1).unwrap();
    let headers = "Content-Type: text/html\r\nContent-Encoding: zstd\r\n";
    let page = fetch(answer("200 OK", headers, &bomb), Want::Page).await;
    let error = body::decode(&page, 1 << 20).unwrap_err();
    assert_eq!(error.kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn what_a_server_hears() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    let server = Server::new(move |mut stream, _| {
        let notes = Arc::clone(&notes);
        async move {
            while let Some(head) = request(&mut stream).await {
                notes.lock().unwrap().push(head);
                let answer = answer("200 OK", "Set-Cookie: seen=yes\r\n", b"<p>");
                stream.write_all(&answer).await.unwrap();
            }
        }
    })
    .await;
    let mut site = site(server.url("/").as_str());
    site.fetch.headers = vec![("X-Key".to_owned(), "k3y".to_owned())];
    let visitor = Visitor::new(&site);
    let http = http();
    let mut url = server.url("/a%20b?q=%C3%A9#part");
    http.fetch(&visitor, &url, Want::Page).await.unwrap();
    url.set_username("user").unwrap();
    url.set_password(Some("pass")).unwrap();
    http.fetch(&visitor, &url, Want::File(10)).await.unwrap();

    let heard = heard.lock().unwrap();
    let (first, second) = (heard[0].to_lowercase(), heard[1].to_lowercase());
    assert!(
        first.starts_with("get /a%20b?q=%c3%a9 http/1.1\r\n"),
        "{first}"
    );
    for line in [
        format!("\r\nhost: 127.0.0.1:{}\r\n", server.port),
        "\r\nuser-agent: crawldeck-test/1.0\r\n".to_owned(),
        "\r\naccept: text/html,application/xhtml+xml,*/*;q=0.5\r\n".to_owned(),
        "\r\naccept-encoding: gzip, br, zstd, deflate\r\n".to_owned(),
        "\r\nx-key: k3y\r\n".to_owned(),
    ] {
        assert!(first.contains(&line), "{line} is not in {first}");
    }
    assert!(!first.contains("cookie") && !first.contains("referer"));
    for line in [
        "\r\naccept: */*\r\n",
        "\r\ncookie: seen=yes\r\n",
        "\r\nauthorization: basic ",
    ] {
        assert!(second.contains(line), "{line} is not in {second}");
    }
    assert!(!second.contains("user:pass"));
}

#[tokio::test]
async fn times_are_told_apart() {
    let pause = Duration::from_millis(60);
    let server = Server::new(move |mut stream, _| async move {
        request(&mut stream).await;
        tokio::time::sleep(pause).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nx";
        stream.write_all(head).await.unwrap();
        tokio::time::sleep(pause).await;
        stream.write_all(b"x").await.unwrap();
    })
    .await;
    let page = get(&http(), &server.url("/"), Want::Page).await.unwrap();
    assert!(
        page.headers_after >= pause && page.elapsed >= 2 * pause,
        "{page:?}"
    );
}
