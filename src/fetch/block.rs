//! Challenges and refusals, whatever status they come with.
//!
//! A rule holds where all of its parts do. What a page says of itself in its
//! body counts only where the page says little else: a challenge is a short
//! page with next to no links, an article about challenges is not.

use reqwest::header::HeaderMap;
use serde::Deserialize;
use std::sync::LazyLock;

/// Links of a page above which its body is not looked at.
pub const FEW_LINKS: usize = 10;
/// Bytes of a body that are looked at.
const LOOK: usize = 64 * 1024;
/// Words of text in a page above which it is none of ours, unless its rule
/// says otherwise.
const WORDS: usize = 250;

/// One way in which a page can be a block.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// What is told.
    name: String,
    /// Where the mark is documented.
    #[allow(
        dead_code,
        reason = "read by people, and by the test that asks for one"
    )]
    source: String,
    /// A header and its value, in lower case.
    header: Option<(String, String)>,
    /// Any of these statuses.
    #[serde(default)]
    status: Vec<u16>,
    /// The title holds this, in lower case.
    title: Option<String>,
    /// The body holds all of these.
    #[serde(default)]
    body: Vec<String>,
    /// Words of text that such a page has at most.
    words: Option<usize>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    serde_json::from_str(include_str!("../../assets/blocks.json")).unwrap_or_default()
});

/// Whose block an answer is by its status and headers alone.
pub fn by_headers(status: u16, headers: &HeaderMap) -> Option<&'static str> {
    RULES
        .iter()
        .filter(|rule| rule.title.is_none() && rule.body.is_empty())
        .find(|rule| rule.fits_head(status, headers))
        .map(|rule| rule.name.as_str())
}

/// Whose block a page with few links is.
pub fn by_body(status: u16, headers: &HeaderMap, html: &str) -> Option<&'static str> {
    let mut end = html.len().min(LOOK);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let html = &html[..end];
    let mut words = None;
    RULES
        .iter()
        .filter(|rule| rule.title.is_some() || !rule.body.is_empty())
        .filter(|rule| rule.fits_head(status, headers))
        .filter(|rule| rule.body.iter().all(|mark| html.contains(mark.as_str())))
        .filter(|rule| {
            rule.title
                .as_ref()
                .is_none_or(|mark| title(html).contains(mark.as_str()))
        })
        .find(|rule| {
            let words = *words.get_or_insert_with(|| count_words(html));
            words <= rule.words.unwrap_or(WORDS)
        })
        .map(|rule| rule.name.as_str())
}

impl Rule {
    fn fits_head(&self, status: u16, headers: &HeaderMap) -> bool {
        let status = self.status.is_empty() || self.status.contains(&status);
        status
            && self.header.as_ref().is_none_or(|(name, value)| {
                headers
                    .get_all(name.as_str())
                    .iter()
                    .any(|found| found.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
            })
    }
}

/// The text of `<title>`, in lower case.
fn title(html: &str) -> String {
    let lower = |text: &str| text.trim().to_lowercase();
    let Some(start) = find_tag(html, "<title") else {
        return String::new();
    };
    let rest = &html[start..];
    let text = rest.split_once('>').map_or("", |(_, text)| text);
    lower(text.split('<').next().unwrap_or_default())
}

/// Words outside tags, scripts and styles.
pub(super) fn count_words(html: &str) -> usize {
    let mut words = 0;
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        words += text.split_whitespace().count();
        let end = ["script", "style", "noscript"]
            .into_iter()
            .find(|name| starts_with(tag, name))
            .and_then(|name| find_tag(tag, &format!("</{name}")));
        let tag = &tag[end.unwrap_or(0)..];
        rest = tag.split_once('>').map_or("", |(_, rest)| rest);
    }
    words + rest.split_whitespace().count()
}

fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Where a tag begins, without regard to case.
pub(super) fn find_tag(html: &str, tag: &str) -> Option<usize> {
    html.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| starts_with(&html[*at..], tag))
}

#[cfg(test)]
mod tests {
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
        assert!(RULES.len() >= 16);
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
}
