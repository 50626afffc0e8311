//! Challenges that let the browser through by themselves after a while: their
//! scripts work something out, or they refresh themselves.

use super::head;
use super::progress::{Document, Progress};
use crate::fetch::block::{self, find_tag};
use tokio::time::Instant;

/// Whether what is shown is a challenge that can go on to the page by itself
/// until then. `html` is the document as it is now.
pub(super) fn goes_on(progress: &Progress, html: &str, until: Instant) -> bool {
    let by_itself = || progress.refreshes_by(until) || find_tag(html, "<script").is_some();
    let document = progress.document.as_ref();
    document.is_some_and(|document| is_one(document, html)) && by_itself()
}

fn is_one(document: &Document, html: &str) -> bool {
    let (status, headers) = (document.status, head::headers(document, true));
    let few = || html.matches("<a ").nth(block::FEW_LINKS).is_none();
    block::by_headers(status, &headers).is_some()
        || (few() && block::by_body(status, &headers, html).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            assert_eq!(goes_on(&progress, &html, now), expected, "{headers} {html}");
        }
        assert!(!goes_on(&Progress::new("F", now), script, now));
    }
}
