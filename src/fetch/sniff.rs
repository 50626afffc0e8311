//! Whether an answer is HTML, or JSON.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

/// Bytes of a body that are looked at.
pub(super) const LOOK: u64 = 1024;

/// What `Content-Type` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    /// HTML or XHTML.
    Html,
    /// JSON, alone or as the syntax of something.
    Json,
    /// Something else.
    Other,
    /// Nothing, or nothing that can be read.
    Unknown,
}

/// What the headers declare the body to be.
pub(super) fn declared(headers: &HeaderMap) -> Declared {
    match essence(headers) {
        None => Declared::Unknown,
        Some(text) => {
            let is = |name: &str| text.eq_ignore_ascii_case(name);
            if is("text/html") || is("application/xhtml+xml") {
                Declared::Html
            } else if is("application/json") || is("text/json") || ends_in_json(text) {
                Declared::Json
            } else if is("unknown/unknown") || is("application/unknown") {
                // WHATWG MIME Sniffing, section 7: as good as none.
                Declared::Unknown
            } else {
                Declared::Other
            }
        }
    }
}

/// RFC 6839's suffix, as in `application/ld+json`.
fn ends_in_json(text: &str) -> bool {
    let end = text.len().saturating_sub("+json".len());
    text.get(end..)
        .is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

/// The media type without its parameters, as it is written. Of several
/// `Content-Type` headers the last readable one counts, as in the Fetch
/// standard's "extract a MIME type".
pub(super) fn essence(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(CONTENT_TYPE)
        .iter()
        .rev()
        .find_map(|value| {
            // Only the type has to be ASCII; parameters may be anything.
            let bytes = value.as_bytes();
            let end = bytes.iter().position(|&b| b == b';').unwrap_or(bytes.len());
            let text = std::str::from_utf8(&bytes[..end]).ok()?.trim();
            let (kind, subtype) = text.split_once('/')?;
            (text.len() <= 127 && is_token(kind) && is_token(subtype)).then_some(text)
        })
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Tags that make an unlabelled body HTML, each followed by a space or `>`.
const TAGS: &[&[u8]] = &[
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<script",
    b"<iframe",
    b"<h1",
    b"<div",
    b"<font",
    b"<table",
    b"<a",
    b"<style",
    b"<title",
    b"<b",
    b"<body",
    b"<br",
    b"<p",
];

/// WHATWG MIME Sniffing, section 7.1, the part about HTML; beyond it a
/// byte-order mark is passed over, since browsers' pages come with one.
pub(super) fn begins_like_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let start = body
        .iter()
        .position(|b| !matches!(b, b'\t' | b'\n' | b'\x0C' | b'\r' | b' '))
        .unwrap_or(body.len());
    let body = &body[start..];
    body.starts_with(b"<!--")
        || TAGS.iter().any(|tag| {
            body.len() > tag.len()
                && body[..tag.len()].eq_ignore_ascii_case(tag)
                && matches!(body[tag.len()], b' ' | b'>')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn content_type_decides() {
        let cases: &[(&[&[u8]], Declared)] = &[
            (&[b"text/html"], Declared::Html),
            (&[b"TEXT/HTML; charset=utf-8"], Declared::Html),
            (&[b" text/html ;charset=\xFF"], Declared::Html),
            (&[b"application/xhtml+xml"], Declared::Html),
            (&[b"text/plain"], Declared::Other),
            (&[b"application/JSON; charset=utf-8"], Declared::Json),
            (&[b"application/vnd.api+json"], Declared::Json),
            (&[b"application/jsonx"], Declared::Other),
            (&[b"text/htmlx"], Declared::Other),
            (&[b"application/unknown"], Declared::Unknown),
            (&[b""], Declared::Unknown),
            (&[b"html"], Declared::Unknown),
            (&[b"text/"], Declared::Unknown),
            (&[b"text/ht ml"], Declared::Unknown),
            (&[], Declared::Unknown),
            (&[b"text/plain", b"text/html"], Declared::Html),
            (&[b"text/html", b"nonsense"], Declared::Html),
        ];
        for (values, expected) in cases {
            let mut headers = HeaderMap::new();
            for value in *values {
                headers.append(CONTENT_TYPE, HeaderValue::from_bytes(value).unwrap());
            }
            assert_eq!(declared(&headers), *expected, "{values:?}");
        }
    }

    #[test]
    fn first_bytes_decide_where_no_type_is_given() {
        let cases: &[(&[u8], bool)] = &[
            (b"<!DOCTYPE html><p>", true),
            (b"<!doctype HTML PUBLIC", true),
            (b"\xEF\xBB\xBF\r\n\t <html>", true),
            (b"<!-- a comment", true),
            (b"<p>", true),
            (b"<p ", true),
            (b"<p", false),
            (b"<pre>", false),
            (b"<?xml version", false),
            (b"<urlset>", false),
            (b"%PDF-1.4", false),
            (b"   ", false),
            (b"", false),
        ];
        for (body, expected) in cases {
            assert_eq!(begins_like_html(body), *expected, "{body:?}");
        }
    }
}
