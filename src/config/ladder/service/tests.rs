use super::*;
use crate::config::{Overrides, Site, parse};

const KEY: &str = "k3y&s3cret/+";

/// A site whose `fetch.service` is this.
fn site(service: &str) -> Result<Arc<Site>, String> {
    let text = format!(
        "site: a\nstart: https://a.example/\nfetch:\n  via: [http, service]\n  service:\n{}",
        service
            .lines()
            .map(|line| format!("    {}\n", line.trim_end()))
            .collect::<String>()
    );
    let env = |name: &str| (name == "KEY").then(|| KEY.to_owned());
    parse(&text, "s.yaml", &env, &Overrides::default())
        .map(|job| job.sites[0].clone())
        .map_err(|error| error.to_string())
}

fn rule(service: &str) -> ServiceRule {
    let site = site(service).unwrap();
    let service = site.fetch.rungs.service.as_ref().unwrap();
    ServiceRule::clone(&service.rule)
}

fn header<'a>(rule: &'a ServiceRule, name: &str) -> &'a str {
    let found = rule.headers.iter().find(|(header, _)| header == name);
    found.map_or("", |(_, value)| value)
}

#[test]
fn a_get_with_the_target_in_the_query() {
    let rule = rule(
        "url: https://api.example/v1/?api_key=${KEY}&url={url}&render=true\n\
         options: { wait: 5, country: de, premium: true }\n\
         cost: 0.0015\n\
         result: { cost: x-cost, final_url: x-final-url }",
    );
    assert_eq!(rule.name, "api.example");
    assert_eq!(
        rule.url,
        format!(
            "https://api.example/v1/?api_key={KEY}&url={{url}}&render=true&wait=5&country=de&premium=true"
        )
    );
    assert!(rule.body.is_none() && rule.headers.is_empty());
    assert_eq!((rule.cost, rule.credit), (1500, 1_000_000));
    assert!(matches!(&rule.result.cost, Some(Place::Header(name)) if name == "x-cost"));
}

#[test]
fn a_post_of_json_with_the_result_at_a_path() {
    let rule = rule(
        "url: http://127.0.0.1:8080/v1\n\
         auth: { token: '${KEY}' }\n\
         headers: { X-Plan: gold }\n\
         body: { target: { address: '{url}' }, tags: ['${KEY}'], browser: true }\n\
         options: { zone: eu }\n\
         result: { body: $.data.html, base64: on, status: $.data.status, cost: $.credits }\n\
         credit: 0.00049\n\
         errors:\n\
         - { status: [402, 403], at: $.error, match: ^quota, means: credit }\n\
         - { match: try later, means: crowded }",
    );
    assert_eq!(rule.name, "127.0.0.1:8080");
    assert_eq!(
        rule.body.unwrap().to_string(),
        format!(
            r#"{{"target":{{"address":"{{url}}"}},"tags":["{KEY}"],"browser":true,"zone":"eu"}}"#
        )
    );
    let headers = &rule.headers;
    assert_eq!(headers[0], ("X-Plan".to_owned(), "gold".to_owned()));
    assert_eq!(
        headers[1],
        ("authorization".to_owned(), format!("Bearer {KEY}"))
    );
    assert!(rule.result.base64);
    assert_eq!(rule.credit, 490);
    assert_eq!(rule.errors[0].status, [402, 403]);
    assert_eq!(rule.errors[0].means, Meaning::Credit);
    assert_eq!(rule.errors[1].means, Meaning::Crowded);
}

#[test]
fn presets_need_little_and_can_be_changed() {
    for name in ["scraperapi", "scrapingbee", "zenrows", "scrapfly"] {
        let rule = rule(&format!("preset: {name}\nkey: ${{KEY}}"));
        assert_eq!(rule.name, name);
        let quoted = crate::page::quoted(KEY);
        assert!(
            rule.url.contains(&format!("={quoted}&url={{url}}")),
            "{name}"
        );
        assert!(rule.body.is_none());
        assert_eq!(rule.credit, 0, "the price of a credit is the plan's");
    }
    let zyte = rule(
        "preset: zyte\nkey: ${KEY}\noptions: { browserHtml: true, httpResponseBody: false }\nresult: { body: $.browserHtml, base64: off }",
    );
    let body = zyte.body.as_ref().unwrap().to_string();
    assert_eq!(
        body,
        r#"{"url":"{url}","httpResponseBody":false,"browserHtml":true}"#
    );
    assert!(header(&zyte, "authorization").starts_with("Basic "));
    assert!(!zyte.result.base64 && zyte.result.status.is_some());
    assert_eq!(zyte.result.body.unwrap().text, "$.browserHtml");

    let oxylabs = rule("preset: oxylabs\nuser: me\npassword: ${KEY}\noptions: { render: html }");
    assert!(
        oxylabs
            .body
            .unwrap()
            .to_string()
            .contains(r#""render":"html""#)
    );
    let bright = rule("preset: brightdata\nkey: ${KEY}\noptions: { zone: unlocker }");
    assert_eq!(header(&bright, "authorization"), format!("Bearer {KEY}"));
}

#[test]
fn secrets_are_neither_shown_nor_forgotten_by_the_key_of_the_rule() {
    let text = |key: &str| format!("preset: zyte\nkey: {key}");
    let (one, other) = (rule(&text("aaaaaaaaaa")), rule(&text("bbbbbbbbbb")));
    assert_ne!(one.key(), other.key());
    let site =
        site("url: https://api.example/?k=${KEY}&u={url}\nheaders: { x: '${KEY}' }").unwrap();
    assert!(!format!("{site:?}").contains("s3cret"), "{site:?}");
    let rule = rule("url: https://api.example/?k=${KEY}&u={url}\nheaders: { x: 'A ${KEY}' }");
    assert!(rule.secrets.iter().any(|secret| secret == KEY));
    assert!(rule.secrets.contains(&crate::page::quoted(KEY)));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_write() {
    for (service, expected) in [
        (
            "url: https://api.example/v1?key=1",
            "s.yaml:6:5: fetch.service: it is never told which page: {url} stands neither in url nor in \
             body; write url: https://…?url={url}",
        ),
        (
            "url: api.example/v1?url={url}",
            "s.yaml:6:5: fetch.service: its url is not a whole URL; write it with https:// (or http://) \
             in front",
        ),
        (
            "url: https://a.example/\nbody: { url: '{url}' }\nresult: { body: '$.a[' }",
            "s.yaml:8:21: fetch.service.result.body: \"$.a[\" is not a JSONPath: ",
        ),
        (
            "url: https://a.example/?u={url}\nresult: { status: a.b }",
            "s.yaml:7:23: fetch.service.result.status: \"a.b\" is neither a JSONPath nor a header's name; write it like $.url or \
             x-final-url",
        ),
        (
            "url: https://a.example/?u={url}\nmethod: GET\nbody: { a: 1 }",
            "s.yaml:6:5: fetch.service: a GET has no body; write method: POST",
        ),
        (
            "url: https://a.example/?u={url}\nauth: { user: a, token: b }",
            "s.yaml:6:5: fetch.service: auth has user and password, or token; write one",
        ),
        (
            "url: https://a.example/?u={url}\nerrors: [{ means: key }]",
            "s.yaml:6:5: fetch.service: an error has status, at or match; write how it is told",
        ),
        (
            "url: https://a.example/?u={url}\nerrors: [{ status: 42, means: key }]",
            "42 does not fit; write a whole number from 100 to 999",
        ),
        (
            "url: https://a.example/?u={url}\nerrors: [{ status: 401, means: keys }]",
            "\"keys\" is not known; write key, credit, crowded, blocked, failed or page",
        ),
        (
            "url: https://a.example/?u={url}\nresult: { base64: on }",
            "s.yaml:6:5: fetch.service: base64 is of a page in JSON; write result.body: $.path",
        ),
        (
            "preset: zite\nkey: a",
            "\"zite\" is no preset; did you mean \"zyte\"?",
        ),
        (
            "preset: zyte",
            "s.yaml:1:1: fetch.service: zyte needs an API key; write service: { preset: zyte, key: \
             ${KEY} }",
        ),
        (
            "preset: brightdata\nkey: a",
            "fetch.service: brightdata needs the name of a Web Unlocker zone; write service: { \
             preset: brightdata, options: { zone: … } }",
        ),
        (
            "url: https://a.example/?k={key}&u={url}",
            "fetch.service has {key} in it, but no key; write key: ${KEY}",
        ),
        (
            "concurrency: 3",
            "which needs fetch.service with preset: NAME (",
        ),
        (
            "preset: zyte\nkey: ${GONE}",
            "the environment variable GONE is not set",
        ),
        ("prest: zyte", "unknown key \"prest\""),
        (
            "preset: zyte\nkey: a\ncost: cheap",
            "not an amount; write it like 12.50",
        ),
    ] {
        let message = site(service).unwrap_err();
        assert!(
            message.contains(expected),
            "{service}\n{message}\n{expected}"
        );
    }
}

#[test]
fn a_site_takes_from_the_defaults_what_it_leaves_out() {
    let text = "defaults:\n  fetch:\n    via: [http, service]\n    service: { preset: zyte, concurrency: 2 }\n---\nsite: a\nstart: https://a.example/\nfetch: { service: { key: '${KEY}', cost: 0.2 } }\n";
    let env = |_: &str| Some(KEY.to_owned());
    let job = parse(text, "s.yaml", &env, &Overrides::default()).unwrap();
    let service = job.sites[0].fetch.rungs.service.as_ref().unwrap();
    assert_eq!(
        (service.rule.name.as_str(), service.rule.cost),
        ("zyte", 200_000)
    );
    assert_eq!(service.limits.concurrency, 2);
}
