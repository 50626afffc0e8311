//! Challenges and refusals, whatever status they come with.
//!
//! A rule holds where all of its parts do. What a page says of itself in its
//! body counts only where the page says little else: a challenge is a short
//! page with next to no links, an article about challenges is not.

mod own;
mod same;
#[cfg(test)]
mod tests;
mod wall;

pub use self::own::by_rules;
pub use self::same::Sameness;
pub use self::wall::{Wall, Walls, wall_of};

use reqwest::header::HeaderMap;
use serde::Deserialize;
use std::sync::LazyLock;

/// Links of a page above which its body is not looked at.
pub const FEW_LINKS: usize = 10;
/// Bytes of a body that are looked at.
const LOOK: usize = 64 * 1024;
/// Words of text in a page above which it is none of ours, unless its rule
/// says otherwise.
pub const WORDS: usize = 250;

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
    /// A header and its value, in lower case; `*` is any value.
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

/// The headers by which answers are blocks, in lower case.
pub fn marks() -> impl Iterator<Item = &'static str> {
    let rules = RULES.iter().filter_map(|rule| rule.header.as_ref());
    rules.map(|(name, _)| name.as_str())
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
                    .any(|found| value == "*" || matches(found.as_bytes(), value.as_bytes()))
            })
    }
}

fn matches(found: &[u8], value: &[u8]) -> bool {
    found.eq_ignore_ascii_case(value)
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
pub fn count_words(html: &str) -> usize {
    let mut words = 0;
    each_text(html, &mut |text| words += text.split_whitespace().count());
    words
}

/// Hands on each text outside tags, scripts and styles.
fn each_text<'a>(html: &'a str, take: &mut dyn FnMut(&'a str)) {
    let mut rest = html;
    while let Some((text, tag)) = rest.split_once('<') {
        take(text);
        let end = ["script", "style", "noscript"]
            .into_iter()
            .find(|name| starts_with(tag, name))
            .and_then(|name| find_tag(tag, &format!("</{name}")));
        let tag = &tag[end.unwrap_or(0)..];
        rest = tag.split_once('>').map_or("", |(_, rest)| rest);
    }
    take(rest);
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
