//! What is read out of a page: links, bases, hints for robots, characters.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use serde_json::json;
use std::time::Duration;

/// Crawls a start page of this HTML on a server with `/1` … `/4`; answers the
/// paths that were fetched besides the start page.
fn crawl(html: &str, more: &str) -> (Server, Job, Vec<String>) {
    let server = Server::fan(4);
    server.on("/", Answer::html(html));
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);
    let mut done = job.pages().done(&server.url(""));
    done.retain(|path| path != "/");
    (server, job, done)
}

#[test]
fn links_are_taken_where_a_browser_would() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "unquoted",
            "<a href=/1>x</a><A HREF='/2'>y</A>",
            &["/1", "/2"],
        ),
        (
            "entities",
            "<a href='/q?a=1&amp;b=2'>x</a>",
            &["/q?a=1&b=2"],
        ),
        ("space", "<a href=' /1\n'>x</a>", &["/1"]),
        ("area", "<map><area href=/1></map>", &["/1"]),
        (
            "comment",
            "<!-- <a href=/1>x</a> --><a href=/2>y</a>",
            &["/2"],
        ),
        (
            "script",
            "<script>'<a href=/1>'</script><a href=/2>y</a>",
            &["/2"],
        ),
        ("broken", "<p><a href=/1><b>x<a href=/2", &["/1"]),
        (
            "base",
            "<head><base href=/deep/down/></head><a href=1>x</a>",
            &["/deep/down/1"],
        ),
        (
            "nofollow",
            "<a rel='noopener NoFollow' href=/1>x</a><a href=/2>y</a>",
            &["/2"],
        ),
        (
            "meta",
            "<meta name=robots content='noindex, nofollow'><a href=/1>x</a>",
            &[],
        ),
        (
            "meta-none",
            "<meta name=ROBOTS content=none><a href=/1>x</a>",
            &[],
        ),
        (
            "refresh",
            "<meta http-equiv=refresh content='5; url=/3'>",
            &["/3"],
        ),
    ];
    for (name, html, want) in cases {
        let server = Server::fan(4);
        server.page("/q?a=1&b=2", &[]);
        server.page("/deep/down/1", &[]);
        server.on("/", Answer::html(html));
        let job = Job::site(&server.url("/"), "");
        job.finish(&[]);
        let mut done = job.pages().done(&server.url(""));
        done.retain(|path| path != "/");
        assert_eq!(done, *want, "{name}");
    }
}

#[test]
fn nofollow_can_be_ignored() {
    let html = "<meta name=robots content=nofollow><a rel=nofollow href=/1>x</a>";
    let (_, _, done) = crawl(html, "discover: { nofollow: ignore }");
    assert_eq!(done, ["/1"]);
}

#[test]
fn a_canonical_is_recorded() {
    let (server, job, _) = crawl("<link rel=canonical href='/real?x=1'><p>x", "");
    let page = job.pages().at(&server.url("/")).clone();
    assert_eq!(page["canonical"], server.url("/real?x=1"));
}

#[test]
fn characters_are_read_as_the_page_says() {
    let utf16: Vec<u8> = "\u{feff}<h1>Grüße</h1>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let pages: &[(&str, Answer, &str)] = &[
        (
            "/header",
            Answer::typed("text/html; charset=ISO-8859-1", b"<h1>Caf\xe9 \x80</h1>"),
            // By the WHATWG rules that label means windows-1252.
            "Café €",
        ),
        (
            "/meta",
            Answer::typed("text/html", b"<meta charset=koi8-r><h1>\xed\xc9\xd2</h1>"),
            "Мир",
        ),
        (
            "/bom",
            Answer::typed("text/html; charset=utf-8", &utf16),
            "Grüße",
        ),
        (
            "/sjis",
            Answer::typed("text/html; charset=Shift_JIS", b"<h1>\x93\xfa\x96{</h1>"),
            "日本",
        ),
        (
            "/utf8",
            Answer::typed("text/html; charset=utf-8", "<h1>naïve</h1>".as_bytes()),
            "naïve",
        ),
        (
            "/bad",
            Answer::typed("text/html; charset=utf-8", b"<h1>a\xffb</h1>"),
            "a\u{fffd}b",
        ),
    ];
    let server = Server::start();
    server.page(
        "/",
        &pages.iter().map(|(path, ..)| *path).collect::<Vec<_>>(),
    );
    for (path, answer, _) in pages {
        server.on(path, answer.clone());
    }
    let job = Job::site(
        &server.url("/"),
        "extract:\n  - record: title\n    when: ^/.\n    fields: { h1: h1 }",
    );
    job.finish(&[]);
    let records = job.records();
    for (path, _, want) in pages {
        let url = json!(server.url(path));
        let record = records.iter().find(|r| r["url"] == url).expect(path);
        assert_eq!(record["fields"]["h1"], *want, "{path}");
    }
}

#[test]
fn links_of_another_charset_lead_where_a_browser_goes() {
    let server = Server::start();
    server.on(
        "/",
        Answer::typed("text/html; charset=iso-8859-1", b"<a href='/caf\xe9'>x</a>"),
    );
    server.page("/caf%C3%A9", &[]);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/caf%C3%A9"]);
}

#[test]
fn only_html_is_read_whole() {
    let server = Server::start();
    server.page("/", &["/film", "/data.json", "/untyped", "/text"]);
    let flood = Answer::endless(&"\0".repeat(30_000), Duration::ZERO);
    server.on("/film", flood.header("content-type", "Video/MP4; codecs=x"));
    server.on(
        "/data.json",
        Answer::typed("application/json", b"{\"a\":\"<a href=/1>\"}"),
    );
    server.on(
        "/untyped",
        Answer::html("<!doctype html><a href=/found>x</a>").untyped(),
    );
    server.on("/text", Answer::text("<a href=/1>x</a>"));
    server.page("/found", &[]);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    let want = ["/", "/data.json", "/film", "/found", "/text", "/untyped"];
    assert_eq!(pages.done(&server.url("")), want);
    assert_eq!(server.count("/1"), 0);
    let film = pages.at(&server.url("/film"));
    assert_eq!(
        (&film["content_type"], &film["status"]),
        (&json!("video/mp4"), &json!(200))
    );
    // The server is let go while it still pours.
    server.wait("the film to be left", |s| s.open() == 0);
}

#[test]
fn every_coding_that_is_asked_for_is_understood() {
    let server = Server::start();
    server.page("/", &["/gzip", "/br", "/zstd", "/deflate"]);
    let html = b"<a href=/1>x</a><h1>packed</h1>";
    let gzip = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        std::io::Write::write_all(&mut packer, html).unwrap();
        packer.finish().unwrap()
    };
    let deflate = {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
        std::io::Write::write_all(&mut packer, html).unwrap();
        packer.finish().unwrap()
    };
    let mut br = Vec::new();
    brotli::BrotliCompress(&mut &html[..], &mut br, &Default::default()).unwrap();
    let zstd = zstd::encode_all(&html[..], 0).unwrap();
    for (name, body) in [
        ("gzip", gzip),
        ("br", br),
        ("zstd", zstd),
        ("deflate", deflate),
    ] {
        let answer = Answer::typed("text/html", &body).header("content-encoding", name);
        server.on(&format!("/{name}"), answer);
    }
    let job = Job::site(
        &server.url("/"),
        "extract:\n  - record: title\n    when: ^/[a-z]\n    fields: { h1: h1 }",
    );
    job.finish(&[]);
    let records = job.records();
    assert_eq!(records.len(), 4, "{records:#?}");
    assert!(
        records.iter().all(|r| r["fields"]["h1"] == "packed"),
        "{records:#?}"
    );
    let accepted = server.hits("/")[0].header("accept-encoding").to_owned();
    for coding in ["gzip", "br", "zstd", "deflate"] {
        assert!(
            accepted.contains(coding),
            "{coding} is not asked for: {accepted}"
        );
    }
}

#[test]
fn a_challenge_with_a_good_status_is_a_failure_and_an_article_about_one_is_not() {
    let challenge = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
        a.src='/cdn-cgi/challenge-platform/h/g/orchestrate'</script>";
    let article = format!(
        "<title>On challenges</title><p>{}</p>",
        "They set _cf_chl_opt and load /cdn-cgi/challenge-platform/ first. ".repeat(60)
    );
    let server = Server::start();
    server.on("/", Answer::links(&["/challenge", "/article", "/waf"]));
    server.on("/challenge", Answer::html(challenge));
    server.on("/article", Answer::html(&article));
    let waf = Answer::status(405).header("x-amzn-waf-action", "captcha");
    server.on("/waf", waf);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    for (path, outcome, reason) in [
        ("/challenge", "failed", "blocked"),
        ("/waf", "failed", "blocked"),
        ("/article", "done", ""),
    ] {
        let page = pages.at(&server.url(path));
        assert_eq!(page["outcome"], outcome, "{page}");
        assert_eq!(
            page["reason"].as_str().unwrap_or_default(),
            reason,
            "{page}"
        );
    }
}
