//! Getting pages: the ladder's interface and its rungs.

use crate::config::{Rung, Timeouts};
use crate::page::FailureKind;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

/// One way of fetching. A rung is shared by all sites; what belongs to a site
/// (cookies, headers, the guard) is in its [`Visitor`].
pub trait Fetcher: Send + Sync {
    /// Which rung this is.
    fn rung(&self) -> Rung;

    /// Makes one request; follows no redirect and retries nothing.
    fn fetch<'a>(
        &'a self,
        visitor: &'a Visitor,
        url: &'a Url,
        want: Want,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;
}

/// What is read of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A page: the body is read where it is HTML (by `Content-Type`, or by its
    /// first bytes where there is none) or the status is an error (first
    /// 16 KiB then); of anything else only the head.
    Page,
    /// A file of any type (robots.txt, a sitemap), up to this many bytes on
    /// the wire. A longer one is cut there and marked, not failed.
    File(u64),
}

/// A site's visitor (to be written): cookies, headers, time limits, guard.
#[derive(Debug)]
pub struct Visitor {
    /// Limits on the phases of a request.
    pub timeouts: Timeouts,
}

/// An answer, its body still as it came over the wire.
#[derive(Debug)]
pub struct Fetched {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as it came, compressed where `Content-Encoding` says so; empty
    /// where it was not read.
    pub body: Bytes,
    /// Whether the body was read.
    pub read: bool,
    /// Whether the body was cut at the cap of [`Want::File`].
    pub cut: bool,
    /// Size of the body on the wire, bytes; of an unread one what
    /// `Content-Length` says, else 0.
    pub bytes: u64,
    /// From the request's start to the end of the headers.
    pub headers_after: Duration,
    /// From the request's start to the end of the body.
    pub elapsed: Duration,
}

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct FetchError {
    /// The kind that decides what happens next.
    pub kind: FailureKind,
    /// The cause in words; may hold text from the network.
    pub detail: String,
    /// How long it took to fail.
    pub elapsed: Duration,
    /// Status and headers, where they had come before it failed.
    pub head: Option<Box<(u16, reqwest::header::HeaderMap)>>,
}
