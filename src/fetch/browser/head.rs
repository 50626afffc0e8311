//! The head of a document, from the protocol's form into HTTP's.

use super::progress::Document;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chromiumoxide_cdp::cdp::browser_protocol::network::GetResponseBodyReturns;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE,
    TRANSFER_ENCODING,
};

/// Most headers taken of an answer.
const MOST: usize = 256;
/// Most that they may come to, bytes; the rest is left out.
const LARGEST: usize = 64 * 1024;

/// What a document is, as the browser sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A page.
    Html,
    /// JSON.
    Json,
    /// Anything else.
    Other,
}

/// What a document is.
pub(super) fn kind(document: &Document) -> Kind {
    match document.kind.as_str() {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        kind if kind.ends_with("/json") || kind.ends_with("+json") => Kind::Json,
        _ => Kind::Other,
    }
}

/// A document's headers. Those that tell how its body was packed are left out;
/// where the body was read from a page, it is in UTF-8, and they say so.
pub(super) fn headers(document: &Document, read: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut size = 0;
    for (name, values) in document.headers.as_object().into_iter().flatten() {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        for value in values.as_str().unwrap_or_default().split('\n') {
            size += name.as_str().len() + value.len();
            if let Ok(value) = HeaderValue::from_str(value)
                && size <= LARGEST
                && headers.len() < MOST
            {
                headers.append(&name, value);
            }
        }
    }
    if read {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
        headers.remove(TRANSFER_ENCODING);
        if kind(document) == Kind::Html
            && let Ok(value) = HeaderValue::try_from(format!("{}; charset=utf-8", document.kind))
        {
            headers.insert(CONTENT_TYPE, value);
        }
    }
    headers
}

/// `Set-Cookie` headers of the protocol's form: one a line.
pub(super) fn cookies(lines: Option<&str>) -> HeaderMap {
    let lines = lines.unwrap_or_default().split('\n').take(MOST);
    lines
        .filter(|line| !line.is_empty() && line.len() <= LARGEST)
        .filter_map(|line| HeaderValue::from_str(line).ok())
        .map(|value| (SET_COOKIE, value))
        .collect()
}

/// The body in an answer.
pub(super) fn body(answer: GetResponseBodyReturns) -> Option<Bytes> {
    match answer.base64_encoded {
        true => BASE64.decode(answer.body).ok().map(Bytes::from),
        false => Some(answer.body.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tokio::time::Instant;

    fn document(kind: &str, headers: Value) -> Document {
        Document {
            request: "1".to_owned(),
            url: "http://a.test/".to_owned(),
            status: 200,
            kind: kind.to_owned(),
            headers,
            at: Instant::now(),
        }
    }

    #[test]
    fn headers_of_a_page_that_was_read_are_those_of_the_text_that_is_handed_on() {
        let packed = json!({
            "Content-Encoding": "br", "content-length": "17", "X-Two": "a\nb",
            "Content-Type": "text/html; charset=koi8-r", "bad name": "x", "Bad": "a\u{1}b",
        });
        let page = document("text/html", packed.clone());
        let read = headers(&page, true);
        assert_eq!(read["content-type"], "text/html; charset=utf-8");
        assert!(!read.contains_key("content-encoding") && !read.contains_key("content-length"));
        assert_eq!(read.get_all("x-two").iter().count(), 2);
        assert!(!read.contains_key("bad"));
        let unread = headers(&page, false);
        assert_eq!(unread["content-length"], "17");
        assert_eq!(unread["content-type"], "text/html; charset=koi8-r");
    }

    #[test]
    fn endless_headers_are_cut() {
        let many: serde_json::Map<String, Value> =
            (0..500).map(|n| (format!("x-{n}"), json!("v"))).collect();
        assert_eq!(
            headers(&document("text/html", many.into()), false).len(),
            MOST
        );
        let long = json!({ "a": "x".repeat(LARGEST), "b": "y" });
        assert!(headers(&document("text/html", long), false).is_empty());
    }

    #[test]
    fn kinds_cookies_and_bodies() {
        for (text, expected) in [
            ("text/html", Kind::Html),
            ("application/xhtml+xml", Kind::Html),
            ("application/json", Kind::Json),
            ("application/ld+json", Kind::Json),
            ("application/pdf", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(kind(&document(text, json!({}))), expected, "{text}");
        }
        assert_eq!(
            cookies(Some("a=1; Path=/\nb=2"))
                .get_all("set-cookie")
                .iter()
                .count(),
            2
        );
        assert!(cookies(None).is_empty());
        for (text, packed, expected) in [
            ("x", false, Some("x")),
            ("eHk=", true, Some("xy")),
            ("?", true, None),
        ] {
            let body = body(GetResponseBodyReturns::new(text, packed));
            assert_eq!(body.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
