//! Hosts, ports, patterns, depth and private addresses.

use super::*;
use crate::discover::site;

/// What is said of each URL at depth 2; empty where it is taken.
fn said(yaml: &str, urls: &[(&str, &str)]) {
    let rules = ScopeRules::new(&site(yaml));
    for (text, expected) in urls {
        let url = Url::parse(text).unwrap();
        let said = rules
            .judge(&url, 2)
            .map_or_else(|r| r.to_string(), |()| String::new());
        assert_eq!(said, *expected, "{text}");
    }
}

#[test]
fn hosts_are_those_of_the_start_unless_others_are_named() {
    said(
        "{site: a, start: ['https://e.org/x', 'https://f.org:8443/']}",
        &[
            ("https://e.org/", ""),
            ("http://e.org/", ""),
            ("https://e.org:8443/", ""),
            ("https://f.org:8443/", ""),
            ("https://f.org/", "host f.org is not in scope.hosts"),
            ("https://www.e.org/", "host www.e.org is not in scope.hosts"),
            ("https://e.org:444/", "host e.org:444 is not in scope.hosts"),
            ("https://e.org./", "host e.org. is not in scope.hosts"),
            (
                "https://e.org.evil.com/",
                "host e.org.evil.com is not in scope.hosts",
            ),
            (
                "https://[2606:4700::1111]/",
                "host [2606:4700::1111] is not in scope.hosts",
            ),
        ],
    );
}

#[test]
fn a_star_takes_subdomains_and_a_port_is_that_port() {
    said(
        "{site: a, start: 'https://e.org/', scope: {hosts: ['*.e.org', 'f.org:444', \
         'Bücher.example', '[2606:4700::1111]:81']}}",
        &[
            ("https://a.e.org/", ""),
            ("https://a.b.e.org/", ""),
            ("https://e.org/", "host e.org is not in scope.hosts"),
            ("https://note.org/", "host note.org is not in scope.hosts"),
            ("https://f.org:444/", ""),
            ("http://f.org:444/", ""),
            ("https://f.org/", "host f.org is not in scope.hosts"),
            ("https://bücher.example/", ""),
            ("http://[2606:4700::1111]:81/", ""),
            (
                "http://[2606:4700::1111]/",
                "host [2606:4700::1111] is not in scope.hosts",
            ),
        ],
    );
}

#[test]
fn patterns_see_path_and_query() {
    said(
        "{site: a, start: 'https://e.org/', scope: {include: ['^/book/', '^/list'], \
         exclude: ['[?&]sort=', '\\.pdf$']}}",
        &[
            ("https://e.org/book/1", ""),
            ("https://e.org/list?page=2", ""),
            (
                "https://e.org/book/1?sort=a",
                "scope.exclude '[?&]sort=' matches",
            ),
            (
                "https://e.org/book/1.pdf",
                "scope.exclude '\\.pdf$' matches",
            ),
            ("https://e.org/", "no pattern of scope.include matches"),
            (
                "https://e.org/a?x=/book/",
                "no pattern of scope.include matches",
            ),
        ],
    );
}

#[test]
fn depth_is_counted_from_the_start() {
    let rules = ScopeRules::new(&site(
        "{site: a, start: 'https://e.org/', limits: {depth: 2}}",
    ));
    let url = Url::parse("https://e.org/a").unwrap();
    assert_eq!(rules.judge(&url, 2), Ok(()));
    let refusal = rules.judge(&url, 3).unwrap_err();
    assert_eq!(refusal, Refusal::Depth(2));
    assert_eq!(refusal.to_string(), "farther than limits.depth 2");
    assert!(rules.takes_all_paths(2) && !rules.takes_all_paths(3));
}

#[test]
fn a_public_site_does_not_lead_to_private_addresses() {
    let private =
        |host: &str| format!("{host} is a private address; fetch.allow_private lifts that");
    let hosts =
        "[e.org, 127.0.0.1, 10.0.0.1, '[::1]', '[::ffff:10.0.0.1]', localhost, a.localhost]";
    let at = [
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://0x7f000001/", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://10.0.0.1/", "10.0.0.1"),
        ("http://[::1]/", "[::1]"),
        ("http://[::ffff:a00:1]/", "[::ffff:a00:1]"),
        ("http://localhost/", "localhost"),
        ("http://a.localhost/", "a.localhost"),
    ];
    let yaml = format!("{{site: a, start: 'https://e.org/', scope: {{hosts: {hosts}}}}}");
    for (url, host) in at {
        said(&yaml, &[(url, &private(host))]);
    }
    let lifted = format!(
        "{{site: a, start: 'https://e.org/', scope: {{hosts: {hosts}}}, \
        fetch: {{allow_private: true}}}}"
    );
    for (url, _) in at {
        said(&lifted, &[(url, "")]);
    }
    said(
        "{site: a, start: 'http://127.0.0.1:8080/'}",
        &[("http://127.0.0.1:8080/x", "")],
    );
}
