//! What requests have in common, and what they keep to themselves.

use super::*;
use crate::fetch::tests::support::site;
use reqwest::header::SET_COOKIE;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn visitor(headers: &[(&str, &str)], hosts: &[&str]) -> Visitor {
    let mut site = site("http://a.test/");
    site.fetch.headers = headers
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect();
    site.scope.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Visitor::new(&site)
}

fn sent(visitor: &Visitor, to: &str, name: &str) -> Vec<String> {
    let request = visitor.request(&url(to), Want::Page);
    let values = request.headers().get_all(name);
    values
        .iter()
        .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
        .collect()
}

#[test]
fn the_operators_headers_go_to_the_sites_hosts_alone() {
    let visitor = visitor(
        &[
            ("X-Key", "one"),
            ("x-key", "two"),
            ("accept", "text/html"),
            ("Connection", "close"),
            ("bad name", "x"),
            ("bad-value", "a\nb"),
        ],
        &["shop.test", "*.cdn.test", "[::1]:81", "ports.test:8080"],
    );
    let cases = [
        ("http://a.test/", true),
        ("http://a.test:81/", true),
        ("http://shop.test/", true),
        ("http://x.shop.test/", false),
        ("http://xshop.test/", false),
        ("http://x.cdn.test/", true),
        ("http://cdn.test/", true),
        ("http://xcdn.test/", false),
        ("http://[::1]:81/", true),
        ("http://[::1]/", false),
        ("http://ports.test:8080/", true),
        ("http://ports.test/", false),
        ("http://elsewhere.test/", false),
    ];
    for (to, own) in cases {
        let expected: &[&str] = if own { &["one", "two"] } else { &[] };
        assert_eq!(sent(&visitor, to, "x-key"), expected, "{to}");
        let accept = if own { "text/html" } else { ACCEPT_PAGE };
        assert_eq!(sent(&visitor, to, "accept"), [accept], "{to}");
        assert!(sent(&visitor, to, "connection").is_empty());
        assert!(sent(&visitor, to, "bad-value").is_empty());
        assert_eq!(sent(&visitor, to, "user-agent"), ["crawldeck-test/1.0"]);
    }
}

#[test]
fn a_user_agent_with_odd_characters_is_sent_without_them() {
    let mut site = site("http://a.test/");
    for (text, expected) in [
        (" bot/1 ", "bot/1"),
        ("b\u{1}o\nt", "b o t"),
        ("böt", "böt"),
        ("", ""),
    ] {
        site.fetch.user_agent = text.to_owned();
        let visitor = Visitor::new(&site);
        assert_eq!(sent(&visitor, "http://a.test/", "user-agent"), [expected]);
    }
}

#[test]
fn user_and_password_of_a_url_become_a_header() {
    let visitor = visitor(&[], &[]);
    let cases = [
        (
            "http://Aladdin:open%20sesame@a.test/x?y",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        ("http://u@a.test/", "Basic dTo="),
        ("http://us:p@a.test/", "Basic dXM6cA=="),
        ("http://u:%FF%FE@a.test/", "Basic dTr//g=="),
    ];
    for (to, expected) in cases {
        let request = visitor.request(&url(to), Want::Page);
        assert_eq!(request.headers()["authorization"], expected, "{to}");
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.url().host_str(), Some("a.test"));
        assert_eq!(
            (request.url().username(), request.url().password()),
            ("", None)
        );
    }
}

#[test]
fn cookies_join_those_of_the_operator() {
    let visitor = visitor(&[("Cookie", "mine=1")], &[]);
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, HeaderValue::from_static("theirs=2"));
    visitor.hear(&url("http://a.test/"), &headers);
    assert_eq!(
        sent(&visitor, "http://a.test/", "cookie"),
        ["mine=1; theirs=2"]
    );
    assert!(sent(&visitor, "http://b.test/", "cookie").is_empty());
}

#[test]
fn its_debug_form_keeps_secrets() {
    let visitor = visitor(
        &[("Authorization", "Bearer s3cret"), ("X-Key", "s3cret")],
        &[],
    );
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, HeaderValue::from_static("session=s3cret"));
    visitor.hear(&url("http://a.test/"), &headers);
    let text = format!("{visitor:?} {visitor:#?}");
    assert!(!text.contains("s3cret"), "{text}");
    let request = visitor.request(&url("http://a.test/"), Want::Page);
    assert!(!format!("{:?}", request.headers()).contains("s3cret"));
}
