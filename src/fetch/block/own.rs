//! The operator's own rules of what is a block.

use super::LOOK;
use super::{find_tag, starts_with};
use crate::config::BlockRule;
use reqwest::header::HeaderMap;

/// The first of the operator's rules that an answer fits. `html` is its
/// decoded body; without it rules on title and body fit nothing.
///
/// Unlike the rules of the data file these hold for pages of any length.
pub fn by_rules<'a>(
    rules: &'a [BlockRule],
    status: u16,
    headers: &HeaderMap,
    html: Option<&str>,
) -> Option<&'a BlockRule> {
    let read = html.is_some();
    let html = html.unwrap_or_default();
    let mut end = html.len().min(LOOK);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let html = &html[..end];
    rules.iter().find(|rule| {
        let of_status = rule.status.is_empty() || rule.status.contains(&status);
        let of_text = read || (rule.title.is_none() && rule.body.is_none());
        let of_header = rule.header.as_ref().is_none_or(|(name, pattern)| {
            headers.get_all(name).iter().any(|value| {
                let value = String::from_utf8_lossy(value.as_bytes());
                pattern.as_ref().is_none_or(|p| p.0.is_match(&value))
            })
        });
        let fits = |pattern: &Option<crate::config::Pattern>, text: &str| {
            pattern.as_ref().is_none_or(|p| p.0.is_match(text))
        };
        of_status
            && of_text
            && of_header
            && fits(&rule.title, title(html))
            && fits(&rule.body, html)
    })
}

/// The text of `<title>` as it stands.
fn title(html: &str) -> &str {
    let Some(start) = find_tag(html, "<title") else {
        return "";
    };
    let text = html[start..].split_once('>').map_or("", |(_, text)| text);
    let end = text
        .match_indices('<')
        .map(|(at, _)| at)
        .find(|at| starts_with(&text[*at..], "</title"));
    text[..end.unwrap_or(text.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Blocked, Overrides, parse};
    use reqwest::header::HeaderValue;

    #[test]
    fn every_part_of_a_rule_must_hold_and_the_first_rule_counts() {
        let text = "site: a\nstart: https://a.example/\nfetch:\n  blocks:\n  \
            - { status: 404, body: 'too many', means: blocked }\n  \
            - { header: 'x-wall: ^(yes|1)$', means: blocked }\n  \
            - { header: x-queue, means: blocked }\n  \
            - { title: '^Login', body: name=\"password\", means: blocked }\n  \
            - { body: <app-root></app-root>, means: script }\n";
        let job = parse(text, "s.yaml", &|_| None, &Overrides::default()).unwrap();
        let rules = &job.sites[0].fetch.blocks;
        let mut headers = HeaderMap::new();
        let place = |status, headers: &HeaderMap, html: &str| {
            let found = by_rules(rules, status, headers, Some(html))?;
            rules.iter().position(|rule| std::ptr::eq(rule, found))
        };
        assert_eq!(place(404, &headers, "too many requests"), Some(0));
        assert_eq!(place(200, &headers, "too many requests"), None);
        assert_eq!(place(404, &headers, "not found"), None);
        assert!(by_rules(rules, 404, &headers, None).is_none());
        headers.insert("x-wall", HeaderValue::from_static("no"));
        assert_eq!(place(200, &headers, ""), None);
        headers.insert("x-wall", HeaderValue::from_static("1"));
        assert_eq!(place(200, &headers, ""), Some(1));
        headers.insert("x-queue", HeaderValue::from_static("any"));
        headers.remove("x-wall");
        assert_eq!(place(200, &headers, ""), Some(2));
        headers.clear();
        let login = "<head><title>Login please</title></head><input name=\"password\">";
        assert_eq!(place(200, &headers, login), Some(3));
        assert_eq!(
            place(200, &headers, "<title>A Login</title> name=\"password\""),
            None
        );
        assert_eq!(place(200, &headers, "<p><app-root></app-root>"), Some(4));
        assert_eq!(rules[4].means, Blocked::Script);
        let long = format!("{}<app-root></app-root>", "ü".repeat(LOOK));
        assert_eq!(place(200, &headers, &long), None, "looked at up to there");
    }
}
