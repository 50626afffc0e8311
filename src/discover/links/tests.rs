//! What becomes of links, and that the quick way and the parser agree.

use super::*;
use crate::discover::site;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SITE: &str = "{site: a, start: 'http://e.org:81/', scope: {hosts: [e.org]}}";

fn linker(yaml: &str) -> Linker {
    Linker::new(&site(yaml))
}

/// What a page's links lead to, in their order.
fn found(linker: &Linker, page: &str, base: Option<&str>, hrefs: &[&str]) -> Vec<String> {
    let page = Url::parse(page).unwrap();
    let mut links = linker.page(&page, 1);
    hrefs.iter().for_each(|href| links.push(href));
    if let Some(base) = base {
        links.base(base);
    }
    let mut found = Vec::new();
    links.finish(&|_| false, &mut |candidate| {
        assert_eq!(candidate.print, linker.print(&candidate.url));
        found.push(candidate.url.into());
    });
    found
}

#[test]
fn what_becomes_of_a_link() {
    let linker = linker(SITE);
    for (href, expected) in [
        ("x.html", "http://e.org:81/a/x.html"),
        ("../x/./y/", "http://e.org:81/x/y/"),
        ("../../../x", "http://e.org:81/x"),
        (" x#part\n", "http://e.org:81/a/x"),
        ("/x?b=1&a=2", "http://e.org:81/x?b=1&a=2"),
        ("?q", "http://e.org:81/a/b?q"),
        ("x?", "http://e.org:81/a/x"),
        ("..", "http://e.org:81/"),
        ("//e.org:81/x", "http://e.org:81/x"),
        ("http://e.org:81/x/../y", "http://e.org:81/y"),
        ("http://e.org:81", "http://e.org:81/"),
        ("http://e.org:81?x", "http://e.org:81/?x"),
        ("HTTP://E.ORG:81/%7ex", "http://e.org:81/~x"),
        ("https://u:p@e.org/x", "https://e.org/x"),
        ("a b\u{e9}", "http://e.org:81/a/a%20b%C3%A9"),
        ("x\\y", "http://e.org:81/a/x/y"),
        ("http://e.org:811/", ""),
        ("http://e.org:81.evil.com/", ""),
        ("http://e.org:81@evil.com/", ""),
        ("//evil.com/", ""),
        ("\\\\evil.com", ""),
        ("#part", ""),
        ("", ""),
        ("javascript:void(0)", ""),
        ("java\nscript:void(0)", ""),
        ("MAILTO:a@e.org", ""),
        ("data:text/html,x", ""),
        ("x:y", ""),
        ("http://", ""),
    ] {
        let all = found(&linker, "http://e.org:81/a/b?c", None, &[href]);
        assert_eq!(all.first().map_or("", String::as_str), expected, "{href}");
    }
}

#[test]
fn a_base_counts_wherever_it_points() {
    let linker = linker(SITE);
    for (base, expected) in [
        ("/b/c", "http://e.org:81/b/x"),
        ("//e.org/b/", "http://e.org/b/x"),
        ("http://u:p@e.org:81/%7eb/", "http://e.org:81/~b/x"),
        ("?q/r", "http://e.org:81/a/x"),
        ("https://evil.com/", ""),
        ("ftp://e.org:81/b/", ""),
        // These cannot be a base, and are passed over.
        ("data:text/html,x", "http://e.org:81/a/x"),
        ("javascript:x", "http://e.org:81/a/x"),
        ("http://", "http://e.org:81/a/x"),
    ] {
        let all = found(&linker, "http://e.org:81/a/", Some(base), &["x"]);
        assert_eq!(all.first().map_or("", String::as_str), expected, "{base}");
    }
}

#[test]
fn a_page_is_offered_once_and_not_when_it_is_known() {
    let linker = linker(SITE);
    let page = Url::parse("http://e.org:81/a/").unwrap();
    let known = linker.print("http://e.org:81/known");
    let mut links = linker.page(&page, 1);
    for href in [
        "x",
        "x#1",
        "./x",
        "/a/x",
        "%78",
        "http://e.org:81/a/x",
        "/known",
        "/b",
    ] {
        links.push(href);
    }
    let mut urls = Vec::new();
    links.finish(&|print| print == known, &mut |candidate| {
        urls.push(candidate.url)
    });
    assert_eq!(
        urls,
        ["http://e.org:81/a/x".into(), "http://e.org:81/b".into()] as [Box<str>; 2]
    );
}

#[test]
fn the_sites_rules_hold_on_the_quick_way_too() {
    let linker = linker(
        "{site: a, start: 'http://e.org:81/', limits: {depth: 1}, \
         url: {sort_query: true, drop_params: [s*]}, \
         scope: {include: ['^/in'], exclude: ['no']}}",
    );
    let hrefs = [
        "/in/1",
        "/out/1",
        "/in/no",
        "/in/2?b=1&sid=2&a=3",
        "/in/2?a=3&b=1",
    ];
    let all = found(&linker, "http://e.org:81/", None, &hrefs);
    assert_eq!(
        all,
        ["http://e.org:81/in/1", "http://e.org:81/in/2?a=3&b=1"]
    );
    let page = Url::parse("http://e.org:81/").unwrap();
    let mut deep = linker.page(&page, 2);
    deep.push("/in/1");
    deep.finish(&|_| false, &mut |candidate| panic!("{candidate:?}"));
}

#[test]
fn a_page_of_endless_links_gives_so_many() {
    let linker = linker(SITE);
    let hrefs: Vec<String> = (0..LINKS + 10).map(|n| format!("/{n}")).collect();
    let hrefs: Vec<&str> = hrefs.iter().map(String::as_str).collect();
    assert_eq!(
        found(&linker, "http://e.org:81/", None, &hrefs).len(),
        LINKS
    );
    let long = "a".repeat(NormalForm::MAX_LEN);
    assert!(found(&linker, "http://e.org:81/", None, &[&long]).is_empty());
}

#[test]
fn an_explanation_names_the_url_and_the_rule() {
    let linker = linker("{site: a, start: 'http://e.org:81/', scope: {exclude: [x]}}");
    let base = Url::parse("http://e.org:81/a/").unwrap();
    let explain = |href| match linker.explain(href, &base, 1) {
        Ok(url) => format!("{url}: taken"),
        Err((Some(url), refusal)) => format!("{url}: {refusal}"),
        Err((None, refusal)) => refusal.to_string(),
    };
    for (href, expected) in [
        ("b#c", "http://e.org:81/a/b: taken"),
        ("x", "http://e.org:81/a/x: scope.exclude 'x' matches"),
        ("//f.org", "http://f.org/: host f.org is not in scope.hosts"),
        ("mailto:a@e.org", "not an http or https address"),
        ("http://", "not a valid URL"),
    ] {
        assert_eq!(explain(href), expected, "{href}");
    }
}

/// Links out of what they are made of.
fn href() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "/", "/", ".", "..", "../", "./", "?", "&", "=", "a", "B.html", "7", "-_~", ":",
            "//", "\\", "%2e", "%7E", "%41", "%", "+,;=@!$()*&", "'", "|", "[", "^", "\"", " ",
            "\t", "ü", "http://e.org:81", "http://e.org", "https://e.org/", "//e.org:81/",
            "HTTP:", "http:", "x:", "@", "E.org",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{1,3}",
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_quick_way_leads_where_the_parser_does(
        base in href(), hrefs in prop::collection::vec(href(), 1..6), sort: bool,
    ) {
        let linker = linker(&format!(
            "{{site: a, start: 'http://e.org:81/', url: {{sort_query: {sort}}}, \
             scope: {{hosts: [e.org], exclude: ['7']}}}}"
        ));
        let base = Url::parse("http://e.org:81/a/").unwrap().join(&base);
        let Ok(base) = base.map_err(|_| ()) else { return Ok(()) };
        if base.cannot_be_a_base() {
            return Ok(());
        }
        let refs: Vec<&str> = hrefs.iter().map(String::as_str).collect();
        let quick = found(&linker, base.as_str(), None, &refs);
        let quick: BTreeSet<String> = quick.into_iter().collect();
        let slow: BTreeSet<String> = refs
            .iter()
            .filter(|href| {
                // A link to a place on the page itself is none.
                let href = href.trim_matches(|c: char| c.is_ascii_whitespace());
                !href.split('#').next().unwrap_or_default().is_empty()
            })
            .filter_map(|href| linker.explain(href, &base, 1).ok())
            .map(String::from)
            .collect();
        prop_assert_eq!(quick, slow, "{} {:?}", base, refs);
    }
}
