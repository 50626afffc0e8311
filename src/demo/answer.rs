//! What a page of the demo answers, as data.

use bytes::Bytes;
use std::time::Duration;

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers besides the framing; values are bytes, for hostile ones.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// Time before the head is sent.
    pub wait: Duration,
    /// The body.
    pub body: Payload,
}

/// How an answer's body comes.
#[derive(Debug, Clone)]
pub(super) enum Payload {
    /// At once, with its length.
    Whole(Bytes),
    /// The same piece again and again, without a length; endless where `times`
    /// is `None`.
    Pieces {
        /// The piece.
        piece: Bytes,
        /// Time before each.
        every: Duration,
        /// How many.
        times: Option<u32>,
    },
    /// No answer: the connection is reset.
    Reset,
}

impl Answer {
    /// A status and a body of a media type.
    pub fn new(status: u16, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", media_type.into())],
            wait: Duration::ZERO,
            body: Payload::Whole(body.into()),
        }
    }

    /// A page that is there.
    pub fn html(title: &str, body: &str) -> Self {
        Self::page(200, title, body)
    }

    /// A page with a status.
    pub fn page(status: u16, title: &str, body: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", document(title, body))
    }

    /// Plain text, as robots.txt is.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(200, "text/plain; charset=utf-8", body)
    }

    /// A page that is not there.
    pub fn not_found() -> Self {
        Self::page(404, "Not here", "<p>Nothing lives at this address.</p>")
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        Self::page(302, "Elsewhere", "<p>It moved.</p>").header("location", to)
    }

    /// A connection that breaks instead of answering.
    pub fn reset() -> Self {
        Self {
            body: Payload::Reset,
            ..Self::not_found()
        }
    }

    /// The same answer with one more header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// The same answer after a wait.
    pub fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

/// An HTML document. `title` and `body` are taken as they are.
fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )
}
