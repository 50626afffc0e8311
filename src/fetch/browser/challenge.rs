//! Challenges that let the browser through by themselves after a while: their
//! scripts work something out, or they refresh themselves.

use super::head;
use super::progress::{Document, Progress};
use crate::config::{BlockRule, Blocked};
use crate::fetch::block::{self, find_tag};
use tokio::time::Instant;

/// Whether what is shown is a challenge that can go on to the page by itself
/// until then. `html` is the document as it is now, `rules` are the operator's.
pub(super) fn goes_on(
    progress: &Progress,
    html: &str,
    rules: &[BlockRule],
    until: Instant,
) -> bool {
    let by_itself = || progress.refreshes_by(until) || find_tag(html, "<script").is_some();
    let document = progress.document.as_ref();
    document.is_some_and(|document| is_one(document, html, rules)) && by_itself()
}

fn is_one(document: &Document, html: &str, rules: &[BlockRule]) -> bool {
    let (status, headers) = (document.status, head::headers(document, true));
    let few = || html.matches("<a ").nth(block::FEW_LINKS).is_none();
    // As everywhere, the operator's own word comes first.
    if let Some(rule) = block::by_rules(rules, status, &headers, Some(html)) {
        return rule.means == Blocked::Blocked;
    }
    block::by_headers(status, &headers).is_some()
        || (few() && block::by_body(status, &headers, html).is_some())
}

/// Whether scripts have put a page in a challenge's place. What its head says
/// of itself is of no use then, so that a page must be there that says much.
pub(super) fn is_over(document: &Document, html: &str, rules: &[BlockRule]) -> bool {
    let (status, headers) = (document.status, head::headers(document, true));
    let told = rules
        .iter()
        .filter(|rule| rule.title.is_some() || rule.body.is_some());
    let own: Vec<BlockRule> = told.cloned().collect();
    let many = html.matches("<a ").nth(block::FEW_LINKS).is_some();
    (many || block::count_words(html) > block::WORDS)
        && block::by_rules(&own, status, &headers, Some(html)).is_none()
        && (many || block::by_body(status, &headers, html).is_none())
}

/// Takes the marks of a challenge from the head of a document that is none any more.
pub(super) fn acquit(document: &mut Document) {
    document.status = 200;
    if let Some(headers) = document.headers.as_object_mut() {
        headers.retain(|name, _| !block::marks().any(|mark| mark.eq_ignore_ascii_case(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_scripts_have_put_in_its_place_has_the_head_of_a_page() {
        let mut document = document(json!({ "CF-Mitigated": "challenge", "etag": "x" }));
        document.status = 403;
        let text = "word ".repeat(block::WORDS + 1);
        let wait = "<title>Just a moment...</title><form id='challenge-form'></form>";
        assert!(is_over(&document, &text, &[]));
        assert!(!is_over(&document, "<p>one moment", &[]), "too little");
        assert!(!is_over(&document, wait, &[]));
        acquit(&mut document);
        assert_eq!(document.status, 200);
        assert_eq!(document.headers, json!({ "etag": "x" }));
    }

    fn document(headers: serde_json::Value) -> Document {
        Document {
            request: "1".to_owned(),
            url: "http://a.test/".to_owned(),
            status: 200,
            kind: "text/html".to_owned(),
            headers,
            at: Instant::now(),
        }
    }

    #[test]
    fn only_a_challenge_that_can_do_something_is_waited_for() {
        let now = Instant::now();
        let mitigated = json!({ "cf-mitigated": "challenge" });
        let moment = "<title>Just a moment...</title><form id='challenge-form'></form>";
        let links = "<a href='/x'>x</a>".repeat(block::FEW_LINKS + 1);
        let script = "<script>1</script>";
        for (headers, html, expected) in [
            (mitigated.clone(), script.to_owned(), true),
            (mitigated, "<p>wait</p>".to_owned(), false),
            (json!({}), format!("{moment}{script}"), true),
            (json!({}), moment.to_owned(), false),
            (json!({}), format!("{moment}{script}{links}"), false),
            (json!({}), format!("<title>Moments</title>{script}"), false),
        ] {
            let mut progress = Progress::new("F", now);
            progress.document = Some(document(headers.clone()));
            assert_eq!(
                goes_on(&progress, &html, &[], now),
                expected,
                "{headers} {html}"
            );
        }
        assert!(!goes_on(&Progress::new("F", now), script, &[], now));
    }
}
