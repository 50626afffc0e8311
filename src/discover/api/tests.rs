//! Answers of APIs as they are, and as an enemy writes them.

use super::*;
use crate::config::{self, Overrides};
use proptest::prelude::*;
use std::sync::Arc;

fn rule(yaml: &str) -> Arc<ApiRule> {
    let text = format!("site: a\nstart: https://e.org/\ndiscover:\n  api: [ {{ {yaml} }} ]\n");
    let over = Overrides::default();
    let job = config::parse(&text, "s.yaml", &|_| None, &over);
    let job = job.unwrap_or_else(|error| panic!("{error}"));
    job.sites[0].discover.api[0].clone()
}

/// Asks until there is no more; answers the requests and the URLs.
fn all(
    rule: &ApiRule,
    answer: impl Fn(&Request) -> (String, String),
) -> (Vec<String>, Vec<String>, String) {
    let (mut asked, mut urls) = (Vec::new(), Vec::new());
    let mut turn = Turn::first(rule);
    loop {
        // It outlives a restart.
        let kept = serde_json::to_value(&turn).unwrap();
        turn = serde_json::from_value(kept).unwrap();
        let request = turn.request(rule).unwrap();
        let body = request.body.as_ref().map(|body| format!(" {body}"));
        asked.push(format!("{}{}", request.url, body.unwrap_or_default()));
        assert!(asked.len() < 100, "{asked:?}");
        let (text, link) = answer(&request);
        let read = read(rule, &turn, &request.url, text.as_bytes(), &[&link]).unwrap();
        urls.extend(read.urls.iter().map(Url::to_string));
        match read.next {
            Some(next) => turn = next,
            None => return (asked, urls, read.end),
        }
    }
}

fn plain(text: &str) -> (String, String) {
    (text.to_owned(), String::new())
}

#[test]
fn numbers_are_counted_until_an_answer_is_empty() {
    let counted = rule("url: 'https://e.org/l?p={page}', page: {}, urls: '$.u[*]'");
    let (asked, urls, end) = all(&counted, |request| match request.url.query() {
        Some("p=1") => plain(r#"{"u":["/a","b"]}"#),
        Some("p=2") => plain(r#"{"u":["https://e.org/c", 7, "mailto:x@y"]}"#),
        _ => plain(r#"{"u":[]}"#),
    });
    assert_eq!(asked.len(), 3);
    assert_eq!(
        urls,
        ["https://e.org/a", "https://e.org/b", "https://e.org/c"]
    );
    assert_eq!(end, "an answer without items");

    let to = rule(
        "url: 'https://e.org/{offset}', offset: { from: 5, step: 10, to: 25 }, urls: '$[*].id', item: '/i/{id}'",
    );
    let (asked, urls, end) = all(&to, |request| {
        plain(&format!("[{{\"id\":\"{}\"}}]", request.url.path()))
    });
    assert_eq!(
        asked,
        ["https://e.org/5", "https://e.org/15", "https://e.org/25"]
    );
    assert_eq!(urls[0], "https://e.org/i/%2F5");
    assert_eq!(end, "the last number");
}

#[test]
fn a_repeated_answer_and_a_limit_end_it() {
    let same = rule("url: 'https://e.org/{page}', page: {}, urls: '$[*]'");
    let (asked, urls, end) = all(&same, |_| plain(r#"["/a"]"#));
    assert_eq!((asked.len(), urls.len()), (2, 1));
    assert_eq!(end, "an answer that repeats an earlier one");

    let round = |request: &Request| plain(&format!("[\"/{}\"]", request.url.path().len() % 7));
    let (asked, ..) = all(&same, round);
    assert!(asked.len() <= 11);

    let most = rule("url: 'https://e.org/{page}', page: {}, urls: '$[*]', limit: 3");
    let (asked, _, end) = all(&most, |request| {
        plain(&format!("[{:?}]", request.url.path()))
    });
    assert_eq!((asked.len(), end.as_str()), (3, "limit 3 reached"));
}

#[test]
fn cursors_are_quoted_where_they_stand() {
    let answer = |request: &Request| {
        let body = request.body.clone().unwrap_or_default() + request.url.as_str();
        match body {
            body if body.contains("a%20") || body.contains("a \\\"") => {
                plain(r#"{"u":["/2"],"n":7}"#)
            }
            body if body.contains('7') => plain(r#"{"u":["/3"],"n":null}"#),
            _ => plain(r#"{"u":["/1"],"n":"a \"&{cursor}"}"#),
        }
    };
    let get = rule("url: 'https://e.org/?c={cursor}', cursor: $.n, urls: '$.u[*]'");
    let (asked, urls, end) = all(&get, answer);
    assert_eq!(asked[1], "https://e.org/?c=a%20%22%26%7Bcursor%7D");
    assert_eq!((urls.len(), end.as_str()), (3, "no further cursor"));

    let post = rule(
        "url: 'https://e.org/', body: '{\"after\":\"{cursor}\"}', cursor: { at: $.n, first: '*' }, urls: '$.u[*]'",
    );
    let (asked, ..) = all(&post, answer);
    assert_eq!(
        asked,
        [
            r#"https://e.org/ {"after":"*"}"#,
            r#"https://e.org/ {"after":"a \"&{cursor}"}"#,
            r#"https://e.org/ {"after":"7"}"#,
        ]
    );
    let form = rule("url: 'https://e.org/', body: 'after={cursor}', cursor: $.n, urls: '$.u[*]'");
    assert_eq!(
        all(&form, answer).0[1],
        "https://e.org/ after=a%20%22%26%7Bcursor%7D"
    );
}

#[test]
fn further_addresses_stay_on_the_host() {
    let link = rule("url: 'https://e.org/l', next: link, urls: '$[*]'");
    for (header, asked, end) in [
        (
            "<https://e.org/2>; rel=\"next\"",
            2,
            "a further address that is this one",
        ),
        (
            "</1>; title=\"a, <b>\"; rel=prev, </2?a,b>; rel=\"last NEXT\"",
            2,
            "a further address that is this one",
        ),
        ("</1>; rel=prev", 1, "no further Link"),
        ("", 1, "no further Link"),
        ("<<<>;;;\"", 1, "no further Link"),
        (
            "<https://evil.example/2>; rel=next",
            1,
            "a further address on another host",
        ),
        (
            "<//evil.example/2>; rel=next",
            1,
            "a further address on another host",
        ),
        (
            "<http://e.org/2>; rel=next",
            1,
            "a further address on another host",
        ),
        (
            "<https://e.org:8443/2>; rel=next",
            1,
            "a further address on another host",
        ),
        (
            "<file:///etc/passwd>; rel=next",
            1,
            "a further address on another host",
        ),
    ] {
        let (seen, _, why) = all(&link, |request| {
            (format!("[{:?}]", request.url.path()), header.to_owned())
        });
        assert_eq!((seen.len(), why.as_str()), (asked, end), "{header}");
    }
    let told = rule("url: 'https://e.org/l', next: '$.next', urls: '$.u[*]'");
    let (asked, ..) = all(&told, |request| match request.url.query() {
        None => plain(r#"{"u":[1],"next":"?p=2"}"#),
        _ => plain(r#"{"u":[2],"next":""}"#),
    });
    assert_eq!(asked, ["https://e.org/l", "https://e.org/l?p=2"]);
}

#[test]
fn items_become_urls() {
    for (template, item, want) in [
        ("/i/{id}", r#"{"id":7}"#, Some("https://e.org/i/7")),
        (
            "/i/{id}",
            r#"{"id":"a/b?c"}"#,
            Some("https://e.org/i/a%2Fb%3Fc"),
        ),
        (
            "/{a.b}/{c}",
            r#"{"a":{"b":"x"},"c":"y"}"#,
            Some("https://e.org/x/y"),
        ),
        ("/i/{id}", "7", Some("https://e.org/i/7")),
        ("/i/{id}", r#"{"id":null}"#, None),
        ("/i/{id}", r#"{"no":1}"#, None),
        ("/i/{id}", r#"{"id":[1]}"#, None),
        ("/i/{id", r#"{"id":1}"#, None),
    ] {
        let yaml = format!("url: 'https://e.org/', urls: '$[*]', item: '{template}'");
        let rule = rule(&yaml);
        let turn = Turn::first(&rule);
        let url = turn.request(&rule).unwrap().url;
        let answer = read(&rule, &turn, &url, format!("[{item}]").as_bytes(), &[]).unwrap();
        let got = answer.urls.first().map(Url::as_str);
        assert_eq!(got, want, "{template} {item}");
        assert_eq!(answer.bad, u64::from(want.is_none()));
    }
}

#[test]
fn a_broken_answer_is_told_with_its_beginning() {
    let rule = rule("url: 'https://e.org/', urls: '$[*]'");
    let turn = Turn::first(&rule);
    let url = turn.request(&rule).unwrap().url;
    let deep = "[".repeat(100_000);
    for (text, why) in [
        ("", "it is empty"),
        ("<html>Sign in", "it is not JSON: expected value"),
        ("[\"/a\"", "it is not JSON: EOF"),
        (&deep, "it is not JSON: recursion limit"),
    ] {
        let problem = read(&rule, &turn, &url, text.as_bytes(), &[]).unwrap_err();
        assert!(problem.why.starts_with(why), "{}", problem.why);
        assert!(text.starts_with(&problem.excerpt) && problem.excerpt.len() <= 120);
    }
    let boms = b"\xef\xbb\xbf[\"/a\"]";
    assert_eq!(read(&rule, &turn, &url, boms, &[]).unwrap().urls.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_header_is_read_to_an_end(header in "[<>;,=\" a-z]{0,60}") {
        let rule = rule("url: 'https://e.org/', next: link, urls: '$[*]'");
        let turn = Turn::first(&rule);
        let url = turn.request(&rule).unwrap().url;
        let answer = read(&rule, &turn, &url, b"[1]", &[&header]).unwrap();
        prop_assert_eq!(answer.next.is_some(), answer.end.is_empty());
    }
}

#[test]
fn items_of_records_count_as_what_an_answer_holds() {
    let yaml = "url: 'https://e.org/l?p={page}', page: {}, \
                records: [ { record: r, items: '$.r[*]', fields: { x: $.x } }, \
                { record: s, items: '$.s[*]', fields: { y: $.y } } ]";
    let rule = rule(yaml);
    let first = Turn::first(&rule);
    let read = |turn: &Turn, text: &str| {
        let request = turn.request(&rule).unwrap();
        read(&rule, turn, &request.url, text.as_bytes(), &[]).unwrap()
    };
    let one = read(&first, r#"{"r":[{"x":1}],"s":[{"y":2},3]}"#);
    assert_eq!(one.items.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    let again = read(&one.next.unwrap(), r#"{"r":[{"x":1}],"s":[{"y":2},3]}"#);
    assert_eq!(again.end, "an answer that repeats an earlier one");
    assert!(again.items.iter().all(Vec::is_empty));
    assert_eq!(read(&first, "{}").end, "an answer without items");
}
