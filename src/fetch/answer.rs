//! What is asked for and what came back.

use super::{body, sniff};
use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What is read of an answer.
///
/// Of an error status (400 and above) the first [`Want::EVIDENCE`] bytes are
/// read whatever was wanted, and of a redirect nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A page: the body is read where it is HTML (by `Content-Type`, or by its
    /// first bytes where there is none); of anything else only the head.
    Page,
    /// As [`Want::Page`], and JSON too where `Content-Type` says that it is.
    PageOrJson,
    /// A file of any type (robots.txt, a sitemap), up to this many bytes on
    /// the wire. A longer one is cut there and marked, not failed.
    File(u64),
}

impl Want {
    /// Bytes read of the body of an error status.
    pub const EVIDENCE: u64 = 16 * 1024;
}

/// An answer, its body still as it came over the wire.
#[derive(Clone)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as it came, compressed where `Content-Encoding` says so; empty
    /// where it was not read.
    pub body: Bytes,
    /// Whether the body was read.
    pub read: bool,
    /// Whether the body ends before its end: at the cap of [`Want::File`] or
    /// of [`Want::EVIDENCE`], or where an error status' connection broke.
    pub cut: bool,
    /// Size of the body on the wire, bytes; of an unread one what
    /// `Content-Length` says, else 0.
    pub bytes: u64,
    /// From the request's start to the end of the headers.
    pub headers_after: Duration,
    /// From the request's start to the end of what was read.
    pub elapsed: Duration,
    /// Where the page was in the end, of a rung that follows redirects by
    /// itself; `None` of one that follows none.
    pub landed: Option<Url>,
    /// What the request cost, in millionths of the currency in which the
    /// rung's budget is written.
    pub cost: u64,
    /// By which exit, endpoint or tab it came, as it may be shown: without
    /// credentials.
    pub through: Option<Arc<str>>,
    /// A picture of it that was kept: folder and file, in the job's folder.
    pub picture: Option<Arc<str>>,
}

impl Fetched {
    /// Whether it sends the client elsewhere (RFC 9110, 15.4).
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// An answer whose whole body is at hand.
    pub fn whole(status: u16, headers: HeaderMap, body: Bytes, elapsed: Duration) -> Self {
        Self {
            status,
            headers,
            bytes: body.len() as u64,
            body,
            read: true,
            cut: false,
            headers_after: elapsed,
            elapsed,
            landed: None,
            cost: 0,
            through: None,
            picture: None,
        }
    }

    /// A whole answer, as if only what is wanted had been read of it: of what
    /// is no such page the head alone, of a file its first bytes.
    pub(super) fn wanted(self, want: Want) -> Self {
        let fits = self.status >= 400
            || match want {
                Want::Page => is_html(&self),
                Want::PageOrJson => is_html(&self) || is_json(&self),
                Want::File(_) => true,
            };
        match (fits, want) {
            (false, _) => Self {
                body: Bytes::new(),
                read: false,
                ..self
            },
            (true, Want::File(most)) if self.body.len() as u64 > most => Self {
                // Cannot be cut short: it is less than a length.
                body: self.body.slice(..most as usize),
                cut: true,
                ..self
            },
            (true, _) => self,
        }
    }
}

impl fmt::Debug for Fetched {
    /// Leaves out header values: they may hold a session's cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("bytes", &self.bytes)
            .field("read", &self.read)
            .field("cut", &self.cut)
            .field("headers_after", &self.headers_after)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// Whether the answer is an HTML page: by its `Content-Type`, or where it has
/// none by the first bytes of its body (WHATWG MIME Sniffing, section 7.1).
pub fn is_html(fetched: &Fetched) -> bool {
    match sniff::declared(&fetched.headers) {
        sniff::Declared::Html => true,
        sniff::Declared::Json | sniff::Declared::Other => false,
        sniff::Declared::Unknown => begins_like_html(&fetched.headers, &fetched.body),
    }
}

/// Whether the answer is JSON, by its `Content-Type`.
pub fn is_json(fetched: &Fetched) -> bool {
    sniff::declared(&fetched.headers) == sniff::Declared::Json
}

/// Media type of the answer, lower case, without parameters; `None` where it
/// has none that can be read.
pub fn media_type(fetched: &Fetched) -> Option<Box<str>> {
    sniff::essence(&fetched.headers).map(|text| text.to_ascii_lowercase().into())
}

/// Sniffs the beginning of a body that may be compressed.
pub(super) fn begins_like_html(headers: &HeaderMap, body: &[u8]) -> bool {
    if !headers.contains_key(CONTENT_ENCODING) {
        return sniff::begins_like_html(body);
    }
    body::beginning(headers, body, sniff::LOOK)
        .is_ok_and(|(beginning, _)| sniff::begins_like_html(&beginning))
}
