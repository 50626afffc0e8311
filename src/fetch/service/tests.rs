//! Services that answer as the vendors document it, faults included.

use super::Service;
use crate::config::{Overrides, Site, parse};
use crate::fetch::tests::support::{Server, TestNames, answer, request, whole_request};
use crate::fetch::{Call, FetchError, Fetched, Fetcher, Http, Trouble, Visitor, Want};
use crate::page::FailureKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue, IF_NONE_MATCH};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use url::Url;

const KEY: &str = "k3y/s3cret+";
const PAGE: &str = "<!doctype html><title>t</title><p>Größe</p>";

/// A vendor's server: it answers each request with the same bytes.
struct Vendor {
    server: Server,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Vendor {
    async fn new(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = asked.clone();
        let server = Server::new(move |mut stream, _| {
            let (answer, heard) = (answer.clone(), heard.clone());
            async move {
                while let Some((head, body)) = whole_request(&mut stream).await {
                    let body = String::from_utf8(body).unwrap();
                    heard.lock().unwrap().push((head, body));
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { server, asked }
    }

    async fn json(status: &str, headers: &str, body: &Value) -> Self {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        Self::new(answer(status, &headers, body.to_string().as_bytes())).await
    }

    /// The path and query, headers and body of the only request.
    fn asked(&self) -> (String, String, String) {
        let asked = self.asked.lock().unwrap();
        let [(head, body)] = &asked[..] else {
            panic!("{} requests", asked.len())
        };
        let target = head.split(' ').nth(1).unwrap();
        (target.to_owned(), head.to_lowercase(), body.clone())
    }
}

fn site(service: &str, port: u16) -> Arc<Site> {
    let lines = service.replace("PORT", &port.to_string());
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "site: a\nstart: http://site.test/\nfetch:\n  max_body: 200KB\n  allow_private: on\n  \
         headers: {{ X-Site: own }}\n  via: [service]\n  service:\n{lines}"
    );
    let env = |name: &str| (name == "KEY").then(|| KEY.to_owned());
    parse(&text, "s.yaml", &env, &Overrides::default())
        .unwrap()
        .sites[0]
        .clone()
}

fn rung(site: &Site) -> Service {
    let http = Http::for_tests(Arc::new(TestNames), Vec::new());
    let service = site.fetch.rungs.service.as_ref().unwrap();
    Service::new(Arc::new(http), service)
}

async fn ask(vendor: &Vendor, service: &str, want: Want) -> Result<Fetched, FetchError> {
    let site = site(service, vendor.server.port);
    let page = Url::parse("http://site.test/a?b=c&d=e f").unwrap();
    rung(&site).fetch(&Visitor::new(&site), &page, want).await
}

const GET: &str = "url: http://127.0.0.1:PORT/v1/?api_key=${KEY}&url={url}&render=true\n\
    result: { cost: x-cost, final_url: x-final-url }";

#[tokio::test]
async fn a_get_whose_body_is_the_page() {
    let vendor = Vendor::new(answer(
        "200 OK",
        "Content-Type: text/html; charset=utf-8\r\nX-Cost: 0.0125\r\nSet-Cookie: vendor=1\r\n\
         X-Final-Url: http://site.test/landed\r\nX-Vendor: 1\r\n",
        PAGE.as_bytes(),
    ))
    .await;
    let page = ask(&vendor, GET, Want::Page).await.unwrap();
    assert_eq!((page.status, &page.body[..]), (200, PAGE.as_bytes()));
    assert_eq!(page.cost, 12_500);
    assert_eq!(page.landed.unwrap().as_str(), "http://site.test/landed");
    assert_eq!(
        page.through.as_deref(),
        Some(&*format!("127.0.0.1:{}", vendor.server.port))
    );
    assert_eq!(
        page.headers.len(),
        1,
        "the vendor's headers are not the page's"
    );
    let (target, head, _) = vendor.asked();
    assert_eq!(
        target,
        "/v1/?api_key=k3y/s3cret+&url=http%3A%2F%2Fsite.test%2Fa%3Fb%3Dc%26d%3De%2520f&render=true"
    );
    assert!(
        !head.contains("x-site"),
        "the site's headers are not the vendor's: {head}"
    );
}

#[tokio::test]
async fn a_post_whose_json_holds_the_page() {
    let body = json!({
        "url": "http://site.test/landed", "statusCode": 404,
        "httpResponseBody": BASE64.encode(PAGE),
    });
    let vendor = Vendor::json("200 OK", "Set-Cookie: vendor=1\r\n", &body).await;
    let zyte = "preset: zyte\nkey: ${KEY}\nurl: http://127.0.0.1:PORT/v1/extract\ncost: 0.001";
    let page = ask(&vendor, zyte, Want::Page).await.unwrap();
    assert_eq!((page.status, page.cost), (404, 1000));
    assert_eq!(&page.body[..], PAGE.as_bytes());
    assert!(page.headers.is_empty());
    let (target, head, sent) = vendor.asked();
    assert_eq!(target, "/v1/extract");
    assert!(head.starts_with("post ") && head.contains("content-type: application/json"));
    let basic = BASE64.encode(format!("{KEY}:")).to_lowercase();
    assert!(
        head.contains(&format!("authorization: basic {basic}\r\n")),
        "{head}"
    );
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(
        sent,
        json!({ "url": "http://site.test/a?b=c&d=e%20f", "httpResponseBody": true })
    );
}

#[tokio::test]
async fn text_in_json_is_utf8_whatever_the_page_says_of_itself() {
    let html = "<html><meta charset=iso-8859-1><p>Größe</p>";
    let body = json!({ "results": [{ "content": html, "status_code": 200, "url": "x" }] });
    let vendor = Vendor::json("200 OK", "", &body).await;
    let oxylabs = "preset: oxylabs\nuser: u\npassword: ${KEY}\nurl: http://127.0.0.1:PORT/";
    let page = ask(&vendor, oxylabs, Want::Page).await.unwrap();
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(&page.body[..], html.as_bytes());
    assert_eq!(page.landed, None, "what is no URL is none");
}

#[tokio::test]
async fn what_was_not_wanted_is_not_handed_on() {
    let pdf = answer("200 OK", "Content-Type: application/pdf\r\n", b"%PDF-1.7");
    let vendor = Vendor::new(pdf).await;
    let page = ask(&vendor, GET, Want::Page).await.unwrap();
    assert!(!page.read && page.body.is_empty());
    assert_eq!(page.bytes, 8);
    let page = ask(&vendor, GET, Want::File(4)).await.unwrap();
    assert_eq!((&page.body[..], page.cut), (&b"%PDF"[..], true));
}

/// How an answer ends: the kind, whether the rung is to blame, and words.
#[derive(Debug, PartialEq)]
enum Blame {
    Page,
    Crowded,
    Down,
}

#[tokio::test]
async fn refusals_are_told_apart() {
    const ZYTE: &str = "preset: zyte\nkey: ${KEY}\nurl: http://127.0.0.1:PORT/";
    const ZENROWS: &str =
        "preset: zenrows\nkey: ${KEY}\nurl: http://127.0.0.1:PORT/?apikey={key}&url={url}";
    const SCRAPFLY: &str =
        "preset: scrapfly\nkey: ${KEY}\nurl: http://127.0.0.1:PORT/?key={key}&url={url}";
    const BRIGHT: &str =
        "preset: brightdata\nkey: ${KEY}\nurl: http://127.0.0.1:PORT/\noptions: { zone: z }";
    const OWN: &str = "url: http://127.0.0.1:PORT/?u={url}\nerrors:\n- { status: 200, match: '^LIMIT', means: credit }\n- { at: x-oops, means: blocked }";
    let json_type = "Content-Type: application/json\r\n";
    let cases: &[(&str, &str, &str, String, FailureKind, Blame, &str)] = &[
        (
            GET,
            "401 U",
            "",
            format!("no such key {KEY}"),
            FailureKind::Status,
            Blame::Down,
            "refuses the key (status 401: no such key …)",
        ),
        (
            GET,
            "402 P",
            "",
            String::new(),
            FailureKind::Status,
            Blame::Down,
            "out of credit (status 402)",
        ),
        (
            GET,
            "429 T",
            "",
            "slow down".into(),
            FailureKind::Status,
            Blame::Crowded,
            "more to do than the plan allows (status 429: slow down)",
        ),
        (
            GET,
            "500 E",
            "Content-Type: text/html\r\n",
            "<h1>oops".into(),
            FailureKind::Status,
            Blame::Page,
            "could not get the page (status 500)",
        ),
        (
            GET,
            "302 F",
            "Location: /login\r\n",
            String::new(),
            FailureKind::Redirect,
            Blame::Page,
            "answers with a redirect (status 302)",
        ),
        (
            ZYTE,
            "401 U",
            json_type,
            json!({"title": "Auth key not found"}).to_string(),
            FailureKind::Status,
            Blame::Down,
            "refuses the key",
        ),
        (
            ZYTE,
            "503 O",
            json_type,
            "{}".into(),
            FailureKind::Status,
            Blame::Crowded,
            "than the plan allows",
        ),
        (
            ZYTE,
            "520 B",
            json_type,
            "{}".into(),
            FailureKind::Blocked,
            Blame::Page,
            "kept the service zyte out",
        ),
        (
            ZYTE,
            "200 OK",
            json_type,
            "{\"httpResponse".into(),
            FailureKind::Parse,
            Blame::Page,
            "is not JSON",
        ),
        (
            ZYTE,
            "200 OK",
            json_type,
            "<html>busy".into(),
            FailureKind::Parse,
            Blame::Page,
            "is not JSON",
        ),
        (
            ZYTE,
            "200 OK",
            json_type,
            "{\"a\": 1}".into(),
            FailureKind::Parse,
            Blame::Page,
            "no text at $.httpResponseBody",
        ),
        (
            ZYTE,
            "200 OK",
            json_type,
            "{\"httpResponseBody\": \"*\"}".into(),
            FailureKind::Parse,
            Blame::Page,
            "no Base64",
        ),
        (
            ZENROWS,
            "402 P",
            json_type,
            json!({"code": "AUTH004"}).to_string(),
            FailureKind::Status,
            Blame::Down,
            "out of credit",
        ),
        (
            ZENROWS,
            "429 T",
            json_type,
            json!({"code": "AUTH006"}).to_string(),
            FailureKind::Status,
            Blame::Crowded,
            "",
        ),
        (
            ZENROWS,
            "401 U",
            json_type,
            json!({"code": "AUTH002"}).to_string(),
            FailureKind::Status,
            Blame::Down,
            "refuses the key",
        ),
        (
            ZENROWS,
            "422 U",
            json_type,
            json!({"code": "RESP001"}).to_string(),
            FailureKind::Status,
            Blame::Page,
            "could not get the page",
        ),
        (
            SCRAPFLY,
            "429 T",
            "X-Scrapfly-Reject-Code: ERR::THROTTLE::MAX_CONCURRENT_REQUEST_EXCEEDED\r\n",
            "{}".into(),
            FailureKind::Status,
            Blame::Crowded,
            "",
        ),
        (
            SCRAPFLY,
            "422 U",
            "X-Scrapfly-Reject-Code: ERR::SCRAPE::DNS_NAME_NOT_RESOLVED\r\n",
            "{}".into(),
            FailureKind::Status,
            Blame::Page,
            "",
        ),
        (
            BRIGHT,
            "200 OK",
            "X-Brd-Error-Code: reject_block\r\nX-Brd-Error: no\r\nX-Brd-Status-Code: 502\r\n",
            String::new(),
            FailureKind::Blocked,
            Blame::Page,
            "",
        ),
        (
            BRIGHT,
            "400 B",
            "",
            "zone not found".into(),
            FailureKind::Status,
            Blame::Down,
            "zone not found",
        ),
        (
            OWN,
            "200 OK",
            "",
            "LIMIT".into(),
            FailureKind::Status,
            Blame::Down,
            "out of credit",
        ),
        (
            OWN,
            "200 OK",
            "X-Oops: 1\r\n",
            "<p>".into(),
            FailureKind::Blocked,
            Blame::Page,
            "",
        ),
    ];
    for (service, status, headers, body, kind, blame, words) in cases {
        let vendor = Vendor::new(answer(status, headers, body.as_bytes())).await;
        let error = ask(&vendor, service, Want::Page).await.unwrap_err();
        let blamed = match &error.trouble {
            None => Blame::Page,
            Some(Trouble::Crowded) => Blame::Crowded,
            Some(Trouble::Down(text)) => {
                assert_eq!(*text, error.detail);
                assert!(text.contains("then resume the rung"), "{text}");
                Blame::Down
            }
        };
        let told = format!("{status} {body}: {error:?}");
        assert_eq!((error.kind, &blamed), (*kind, blame), "{told}");
        assert!(error.detail.contains(words), "{told}");
        let shown = format!("{error} {error:?} {:?}", error.trouble);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            error.head.unwrap().1.is_empty(),
            "no header of the vendor's is kept"
        );
    }
}

#[tokio::test]
async fn what_a_page_says_is_not_taken_for_the_vendors_words() {
    let body = r#"{"code": "AUTH004"}"#.as_bytes();
    let vendor = Vendor::new(answer("200 OK", "Content-Type: application/json\r\n", body)).await;
    let zenrows = "preset: zenrows\nkey: k\nurl: http://127.0.0.1:PORT/?apikey={key}&url={url}";
    let page = ask(&vendor, zenrows, Want::PageOrJson).await.unwrap();
    assert_eq!((page.status, &page.body[..]), (200, body));
}

#[tokio::test]
async fn pages_that_are_not_there_are_the_pages_own() {
    for status in ["404 Not Found", "410 Gone"] {
        let vendor = Vendor::new(answer(status, "Content-Type: text/html\r\n", b"<p>no")).await;
        let page = ask(&vendor, GET, Want::Page).await.unwrap();
        assert_eq!(page.status, status[..3].parse::<u16>().unwrap());
    }
}

#[tokio::test]
async fn huge_answers_are_refused() {
    let huge = "x".repeat(300 << 10);
    let zyte = "preset: zyte\nkey: k\nurl: http://127.0.0.1:PORT/";
    let raw = answer("200 OK", "Content-Type: text/html\r\n", huge.as_bytes());
    let wrapped = json!({ "httpResponseBody": BASE64.encode(&huge) }).to_string();
    let wrapped = answer("200 OK", "", wrapped.as_bytes());
    let endless = format!("{{\"a\": \"{}\"", "x".repeat(1 << 20));
    let endless = answer("200 OK", "", endless.as_bytes());
    for (service, bytes) in [(GET, raw), (zyte, wrapped), (zyte, endless)] {
        let vendor = Vendor::new(bytes).await;
        let error = ask(&vendor, service, Want::Page).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::TooLarge, "{error}");
        assert_eq!(error.trouble, None);
    }
}

#[tokio::test]
async fn the_guard_stands_before_the_vendor_and_behind_it() {
    let vendor = Vendor::new(answer(
        "200 OK",
        "Content-Type: text/html\r\nX-Final-Url: http://192.168.1.1/\r\n",
        PAGE.as_bytes(),
    ))
    .await;
    let mut site = Site::clone(&site(GET, vendor.server.port));
    site.fetch.allow_private = false;
    let (service, visitor) = (rung(&site), Visitor::new(&site));
    for (page, kind) in [
        ("http://10.0.0.1/", FailureKind::Private),
        ("http://[::1]/", FailureKind::Private),
        ("http://private.test/", FailureKind::Private),
        // The vendor may pick the other address.
        ("http://mixed.test/", FailureKind::Private),
        ("http://nowhere.example/", FailureKind::Dns),
    ] {
        let page = Url::parse(page).unwrap();
        let error = service
            .fetch(&visitor, &page, Want::Page)
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.trouble), (kind, None), "{page}");
    }
    assert_eq!(vendor.server.connections(), 0, "nothing was sent");
    let page = Url::parse("http://93.184.215.14/").unwrap();
    let error = service
        .fetch(&visitor, &page, Want::Page)
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Private, "{error}");
    assert_eq!(
        vendor.server.connections(),
        1,
        "its own address may be on loopback"
    );
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_down_after_a_few_times() {
    let gone = Server::closing("").await;
    let site = site(
        "url: http://nowhere.example:PORT/?k=${KEY}&u={url}",
        gone.port,
    );
    let (service, visitor) = (rung(&site), Visitor::new(&site));
    let page = Url::parse("http://site.test/").unwrap();
    for round in 1..=super::UNREACHABLE {
        let error = service
            .fetch(&visitor, &page, Want::Page)
            .await
            .unwrap_err();
        assert_eq!(error.kind, FailureKind::Dns);
        match error.trouble {
            Some(Trouble::Crowded) => assert!(round < super::UNREACHABLE),
            Some(Trouble::Down(text)) => {
                assert_eq!(round, super::UNREACHABLE);
                assert!(text.contains("cannot be reached; check its url"), "{text}");
                assert!(!text.contains("s3cret"), "{text}");
            }
            None => panic!("the page is not to blame"),
        }
    }
}

#[tokio::test]
async fn a_slow_service_is_given_the_whole_time_and_no_more() {
    let silent = Server::new(|mut stream, _| async move {
        request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut site = Site::clone(&site(GET, silent.port));
    let service = site.fetch.rungs.service.as_mut().unwrap();
    service.limits.timeout = std::time::Duration::from_millis(50);
    let page = Url::parse("http://site.test/").unwrap();
    let service = rung(&site);
    let error = service
        .fetch(&Visitor::new(&site), &page, Want::Page)
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.trouble), (FailureKind::Timeout, None));
    assert!(!format!("{service:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_page_that_is_asked_again_is_asked_for_whole_and_an_api_is_not() {
    let html = "Content-Type: text/html\r\n";
    let vendor = Vendor::new(answer("200 OK", html, PAGE.as_bytes())).await;
    let site = site(GET, vendor.server.port);
    let service = rung(&site);
    let call = |name: HeaderName, body: Option<&'static str>| Call {
        body: body.map(Into::into),
        headers: [(name, HeaderValue::from_static("x"))]
            .into_iter()
            .collect(),
    };
    let page = Url::parse("http://site.test/").unwrap();
    for (call, goes) in [
        (call(IF_NONE_MATCH, None), true),
        (call(IF_NONE_MATCH, Some("a=1")), false),
        (call(ACCEPT, None), false),
    ] {
        let visitor = Visitor::new(&site).calling(call);
        let result = service.fetch(&visitor, &page, Want::Page).await;
        assert_eq!(result.is_ok(), goes, "{result:?}");
    }
}
