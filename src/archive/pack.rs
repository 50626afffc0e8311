//! An answer as WARC records: request, response, metadata.

use super::member::Codec;
use crate::page::time::rfc3339;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use std::io;
use std::ops::Range;
use url::Url;

/// An answer to be kept.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Of the page; a user name and password in it are not written.
    pub url: &'a Url,
    /// The page's site.
    pub site: &'a str,
    /// Links from the start page.
    pub depth: u32,
    /// When it was asked for, milliseconds since the epoch.
    pub at: u64,
    /// From then to the end of the answer, milliseconds.
    pub elapsed_ms: u64,
    /// Headers of the request that are no secret.
    pub request: &'a HeaderMap,
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: &'a HeaderMap,
    /// The body as it came over the wire, without transfer coding.
    pub body: &'a [u8],
    /// Whether there was more of the body than this.
    pub cut: bool,
    /// Of an answer of an API: what it was asked.
    pub asked: Option<Asked<'a>>,
    /// Where the body is one that was kept before: how that is known. It is not
    /// kept again.
    pub revisit: Option<Revisit>,
}

/// What an API was asked for one of its answers.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The answer's number, from 0.
    pub number: u64,
    /// What was posted; `None` is a GET.
    pub posted: Option<&'a [u8]>,
}

/// How an answer is known to be one that was kept before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revisit {
    /// The server says so (304).
    NotModified,
    /// Its body has this digest (XXH3-64), as the one kept before has.
    Same(u64),
}

/// An answer's records, compressed.
#[derive(Debug)]
pub struct Packed {
    pub(super) bytes: Vec<u8>,
    /// Where in them the response stands.
    pub(super) response: Range<usize>,
    pub(super) codec: Codec,
}

impl Packed {
    /// The response record's member.
    pub fn response(&self) -> &[u8] {
        &self.bytes[self.response.clone()]
    }
}

/// Makes an answer's records and compresses them; any thread may do so.
///
/// # Errors
/// The compressor's, which has none for data in memory.
pub fn pack(answer: &Answer<'_>, codec: Codec) -> io::Result<Packed> {
    let mut url = answer.url.clone();
    // An http URL has a host, and so can be without a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    let at = rfc3339(answer.at);
    let response_id = id();
    let mut bytes = Vec::with_capacity(answer.body.len() / 3 + 1024);

    let mut record = Head::new("request", &id(), &at);
    record.field("WARC-Target-URI", url.as_str());
    record.field("WARC-Concurrent-To", &response_id);
    record.field("Content-Type", "application/http;msgtype=request");
    codec.compress(&record.with(&request(&url, answer)), &mut bytes)?;

    let begin = bytes.len();
    let kind = match answer.revisit {
        None => "response",
        Some(_) => "revisit",
    };
    let mut record = Head::new(kind, &response_id, &at);
    record.field("WARC-Target-URI", url.as_str());
    if let Some(revisit) = answer.revisit {
        record.field("WARC-Profile", revisit.profile());
        record.field("WARC-Refers-To-Target-URI", url.as_str());
        if let Revisit::Same(digest) = revisit {
            record.field("WARC-Payload-Digest", &format!("xxh3:{digest:016x}"));
            record.field("WARC-Truncated", "length");
        }
    } else if answer.cut {
        record.field("WARC-Truncated", "length");
    }
    record.field("Content-Type", "application/http;msgtype=response");
    codec.compress(&record.with(&response(answer)), &mut bytes)?;
    let response = begin..bytes.len();

    let mut record = Head::new("metadata", &id(), &at);
    record.field("WARC-Target-URI", url.as_str());
    record.field("WARC-Concurrent-To", &response_id);
    record.field("Content-Type", "application/warc-fields");
    let whence = match answer.asked {
        None => format!("hopsFromSeed: {}", answer.depth),
        Some(asked) => format!("crawldeck-api-answer: {}", asked.number + 1),
    };
    let facts = format!(
        "crawldeck-site: {}\r\n{whence}\r\nfetchTimeMs: {}\r\n",
        answer.site, answer.elapsed_ms
    );
    codec.compress(&record.with(facts.as_bytes()), &mut bytes)?;
    Ok(Packed {
        bytes,
        response,
        codec,
    })
}

impl Revisit {
    /// Its profile's name (WARC 1.1, 6.7).
    fn profile(self) -> &'static str {
        match self {
            Self::NotModified => "http://netpreserve.org/warc/1.1/revisit/server-not-modified",
            Self::Same(_) => "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        }
    }
}

/// The record that begins a file, compressed.
pub(super) fn warcinfo(file: &str, at: u64, codec: Codec) -> io::Result<Vec<u8>> {
    let mut record = Head::new("warcinfo", &id(), &rfc3339(at));
    record.field("WARC-Filename", file);
    record.field("Content-Type", "application/warc-fields");
    let facts = concat!(
        "software: crawldeck/",
        env!("CARGO_PKG_VERSION"),
        "\r\nformat: WARC File Format 1.1\r\nconformsTo: \
         http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n"
    );
    let mut bytes = Vec::new();
    codec.compress(&record.with(facts.as_bytes()), &mut bytes)?;
    Ok(bytes)
}

/// A record's head while it is written.
struct Head(Vec<u8>);

impl Head {
    fn new(kind: &str, id: &str, at: &str) -> Self {
        let text =
            format!("WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: {id}\r\nWARC-Date: {at}\r\n");
        Self(text.into_bytes())
    }

    fn field(&mut self, name: &str, value: &str) {
        push_field(&mut self.0, name, value.as_bytes());
    }

    /// The whole record.
    fn with(mut self, block: &[u8]) -> Vec<u8> {
        self.field("Content-Length", &block.len().to_string());
        self.0.reserve(block.len() + 6);
        self.0.extend_from_slice(b"\r\n");
        self.0.extend_from_slice(block);
        self.0.extend_from_slice(b"\r\n\r\n");
        self.0
    }
}

fn push_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The request as HTTP/1.1 would have it, whatever was spoken.
fn request(url: &Url, answer: &Answer<'_>) -> Vec<u8> {
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let posted = answer.asked.and_then(|asked| asked.posted);
    let method = match posted {
        Some(_) => "POST",
        None => "GET",
    };
    let mut out = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    push_field(&mut out, "host", host.as_bytes());
    for (name, value) in answer.request {
        push_field(&mut out, name.as_str(), value.as_bytes());
    }
    if let Some(posted) = posted {
        let length = posted.len().to_string();
        push_field(&mut out, CONTENT_LENGTH.as_str(), length.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(posted.unwrap_or_default());
    out
}

/// The response. What was said of a transfer that is undone, or of more than
/// is kept, is kept under another name.
fn response(answer: &Answer<'_>) -> Vec<u8> {
    let reason = StatusCode::from_u16(answer.status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", answer.status).into_bytes();
    let body = match answer.revisit {
        None => answer.body,
        Some(_) => &[],
    };
    let length = body.len().to_string();
    for (name, value) in answer.headers {
        let changed = *name == CONTENT_LENGTH && value.as_bytes() != length.as_bytes();
        let name = match name {
            name if name == TRANSFER_ENCODING => "x-crawler-transfer-encoding",
            _ if changed => "x-crawler-content-length",
            name => name.as_str(),
        };
        push_field(&mut out, name, value.as_bytes());
        if changed {
            push_field(&mut out, "content-length", length.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// A random UUID, version 4, as a record's name.
fn id() -> String {
    let bits = fastrand::u128(..);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "<urn:uuid:{}-{}-{}-{}-{}>",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
