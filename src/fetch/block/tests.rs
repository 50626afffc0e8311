//! The rules of the data file, and the labelled set.

use super::*;
use reqwest::header::{HeaderName, HeaderValue};

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

#[test]
fn the_file_is_read_and_every_rule_has_a_source() {
    let text = include_str!("../../../assets/blocks.json");
    let read: Vec<Rule> = serde_json::from_str(text).unwrap();
    assert_eq!(read.len(), RULES.len());
    assert!(RULES.len() >= 30);
    for rule in RULES.iter() {
        assert!(rule.source.starts_with("https://"), "{}", rule.name);
        let marks = usize::from(rule.header.is_some())
            + usize::from(rule.title.is_some())
            + rule.body.len();
        assert!(marks > 0, "{}: nothing marks it", rule.name);
        for text in rule.title.iter().chain(rule.header.iter().map(|(_, v)| v)) {
            assert_eq!(*text, text.to_lowercase(), "{}", rule.name);
        }
    }
}

#[test]
fn headers_tell_whatever_the_status() {
    for (status, pairs, want) in [
        (
            403,
            vec![("cf-mitigated", "challenge")],
            Some("Cloudflare challenge"),
        ),
        (
            200,
            vec![("cf-mitigated", "Challenge")],
            Some("Cloudflare challenge"),
        ),
        (
            202,
            vec![("x-amzn-waf-action", "challenge")],
            Some("AWS WAF challenge"),
        ),
        (
            405,
            vec![("x-amzn-waf-action", "captcha")],
            Some("AWS WAF CAPTCHA"),
        ),
        (403, vec![("server", "cloudflare"), ("cf-ray", "8")], None),
        (
            200,
            vec![(
                "content-security-policy",
                "script-src https://www.google.com/recaptcha/",
            )],
            None,
        ),
    ] {
        assert_eq!(by_headers(status, &headers(&pairs)), want, "{pairs:?}");
    }
}

#[test]
fn a_challenge_is_a_short_page_with_the_marks_of_one() {
    let cloudflare = "<html><head><title>Just a moment...</title><script>\
        window._cf_chl_opt={};a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>\
        </head><body><noscript>Enable JavaScript and cookies to continue</noscript></body>";
    let datadome = "<html><head><title>shop</title></head><body><p>Please enable JS and \
        disable any ad blocker</p><script>var dd={'rt':'c','host':'geo.captcha-delivery.com/'}\
        </script></body></html>";
    let akamai = "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY><H1>Access Denied</H1>\
        You don't have permission. Reference&#32;&#35;18&#46;dead</BODY></HTML>";
    let none = HeaderMap::new();
    assert_eq!(
        by_body(200, &none, cloudflare),
        Some("Cloudflare challenge")
    );
    assert_eq!(by_body(200, &none, datadome), Some("DataDome"));
    assert_eq!(by_body(403, &none, akamai), Some("Akamai"));
    assert_eq!(by_body(200, &none, akamai), None, "a page of that title");

    let article = format!(
        "<title>How _cf_chl_opt works</title><p>{} /cdn-cgi/challenge-platform/</p>",
        "A long article that quotes the script of a challenge. ".repeat(40)
    );
    assert_eq!(by_body(200, &none, &article), None);
    let form = format!(
        "<form><div class=\"g-recaptcha\"></div></form><script src='recaptcha/api.js'></script>\
         <p>{}</p>",
        "Write to us and we answer soon. ".repeat(20)
    );
    assert_eq!(by_body(200, &none, &form), None, "a contact form");
    assert_eq!(by_body(200, &none, ""), None);
}

#[test]
fn words_are_those_that_a_reader_sees() {
    for (html, want) in [
        ("", 0),
        ("one two", 2),
        ("<p>one</p><script>a b c</script>two", 2),
        ("<SCRIPT>a b</SCRIPT>x", 1),
        ("<style>p { a: b }</style", 0),
        ("<b>a</b> <i>b</i", 2),
    ] {
        assert_eq!(count_words(html), want, "{html}");
    }
}

/// A page of the labelled set.
struct Labelled {
    blocked: bool,
    name: &'static str,
    source: &'static str,
    status: u16,
    headers: HeaderMap,
    html: &'static str,
}

fn labelled() -> Vec<Labelled> {
    let pages = include_str!("labelled.txt").split("\n=== ").skip(1);
    pages
        .map(|text| {
            let (label, text) = text.split_once("\nHTTP ").unwrap();
            let mut parts = label.split(" | ");
            let want = parts.next().unwrap();
            assert!(["blocked", "page"].contains(&want), "{label}");
            let (name, source) = label[want.len() + 3..].rsplit_once(" | ").unwrap();
            let (head, html) = text.split_once("\n\n").unwrap();
            let mut lines = head.lines();
            let status = lines.next().unwrap().parse().unwrap();
            let mut headers = HeaderMap::new();
            for line in lines {
                let (name, value) = line.split_once(": ").unwrap();
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_str(value).unwrap(),
                );
            }
            Labelled {
                blocked: want == "blocked",
                name,
                source,
                status,
                headers,
                html: html.trim_end(),
            }
        })
        .collect()
}

/// What an answer is taken for, by the rules as the engine applies them.
fn verdict(status: u16, headers: &HeaderMap, html: &str) -> Option<&'static str> {
    let links = html.matches("<a ").count();
    let refused = status >= 400 && status != 404;
    by_headers(status, headers).or_else(|| {
        let looked_at = refused || (status < 400 && links <= FEW_LINKS);
        looked_at.then(|| by_body(status, headers, html)).flatten()
    })
}

#[test]
fn the_labelled_set_has_no_false_alarm_and_next_to_no_miss() {
    let all = labelled();
    assert!(all.len() >= 60, "{} pages", all.len());
    let mut missed = Vec::new();
    let (mut blocks, mut pages) = (0, 0);
    for page in &all {
        let found = verdict(page.status, &page.headers, page.html);
        if page.blocked {
            blocks += 1;
            assert!(page.source.starts_with("https://"), "{}", page.name);
            if found.is_none() {
                missed.push(page.name);
            }
        } else {
            pages += 1;
            assert!(page.source.starts_with("written here"), "{}", page.name);
            assert_eq!(found, None, "{}", page.name);
        }
    }
    assert!(blocks >= 30 && pages >= 30, "{blocks} and {pages}");
    // Recall of 95 % at least.
    assert!(missed.len() * 20 <= blocks, "{missed:?}");
}

/// Documentation that Debian packages: thousands of ordinary pages.
#[test]
#[ignore = "reads the documentation of openjdk-17-doc, rust-doc and others where it is installed"]
fn documentation_raises_no_alarm() {
    let mut folders = vec![std::path::PathBuf::from("/usr/share/doc")];
    folders.push("/usr/share/cppreference".into());
    let (mut read, mut alarms) = (0u32, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            // Links to folders are not followed: they may lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "html") {
                let bytes = std::fs::read(&path).unwrap_or_default();
                let html = String::from_utf8_lossy(&bytes);
                read += 1;
                // Even of pages with many links.
                if let Some(whose) = by_body(200, &HeaderMap::new(), &html) {
                    alarms.push(format!("{}: {whose}", path.display()));
                }
            }
        }
    }
    println!("{read} pages");
    assert!(alarms.is_empty(), "{alarms:#?}");
    assert!(read > 1000, "{read} pages are no corpus");
}
