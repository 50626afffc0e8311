//! Why a request failed: one kind and one sentence, out of the nested errors
//! of four libraries.

use super::Fetched;
use super::dial::{self, DialTimeout};
use super::dns::NoAddress;
use crate::page::FailureKind;
use hyper_util::client::legacy::{self, connect::Connected};
use reqwest::header::HeaderMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a request failed.
#[derive(Clone, thiserror::Error)]
#[error("{detail}")]
pub struct FetchError {
    /// The kind that decides what happens next.
    pub kind: FailureKind,
    /// The cause in words; may hold text from the network, but neither header
    /// values nor a URL.
    pub detail: String,
    /// How long it took to fail.
    pub elapsed: Duration,
    /// Status and headers, where they had come before it failed.
    pub head: Option<Box<(u16, HeaderMap)>>,
    /// What is wrong with the rung rather than with the page.
    pub trouble: Option<Trouble>,
    /// What it cost all the same, in millionths of the currency in which the
    /// rung is paid.
    pub cost: u64,
}

/// What a request cost, whether it had its answer or not; millionths.
pub fn cost(result: &Result<Fetched, FetchError>) -> u64 {
    match result {
        Ok(fetched) => fetched.cost,
        Err(error) => error.cost,
    }
}

/// What is wrong with a rung. The page is not to blame: its attempt counts
/// against no limit of tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot work until the operator has done something (a bad key, no
    /// credit, no browser): the rung is paused, and this said on a banner.
    Down(String),
    /// It has more to do than it takes: its concurrency shrinks.
    Crowded,
}

impl fmt::Debug for FetchError {
    /// Leaves out header values: they may hold a session's cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchError")
            .field("kind", &self.kind)
            .field("detail", &self.detail)
            .field("elapsed", &self.elapsed)
            .field("status", &self.head.as_ref().map(|head| head.0))
            .finish()
    }
}

/// A kind and its words, before they become a [`FetchError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) kind: FailureKind,
    pub(super) detail: String,
}

impl Cause {
    pub(super) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// As the failure of a request of whose answer not even the head came.
    pub(super) fn after(self, elapsed: Duration) -> FetchError {
        FetchError {
            kind: self.kind,
            detail: self.detail,
            elapsed,
            head: None,
            trouble: None,
            cost: 0,
        }
    }
}

/// The error of an HTTP client, of which there are two kinds: the outer one
/// knows where it failed, its sources why.
pub(super) trait ClientError: Error + 'static {
    /// Whether no connection could be made.
    fn is_connecting(&self) -> bool;

    /// Whether there was no request to send.
    fn is_unmade(&self) -> bool;

    /// The connection on which it happened, if it is known.
    fn connection(&self) -> Option<&Connected>;
}

impl ClientError for reqwest::Error {
    fn is_connecting(&self) -> bool {
        self.is_connect()
    }

    fn is_unmade(&self) -> bool {
        self.is_builder()
    }

    fn connection(&self) -> Option<&Connected> {
        sources(self).find_map(|source| source.downcast_ref::<legacy::Error>()?.connect_info())
    }
}

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Up to the end of the headers.
    Head,
    /// Reading the body, this many bytes of it so far.
    Body(u64),
}

/// What an error of a client means. The sources decide, the deepest words are
/// taken: the outer ones ("error sending request") say nothing, and hold the URL.
pub(super) fn classify(error: &impl ClientError, phase: Phase) -> Cause {
    let words = || in_words(error);
    let connecting = error.is_connecting();
    for source in sources(error) {
        if let Some(no_address) = source.downcast_ref::<NoAddress>() {
            return Cause::new(no_address.kind(), no_address.to_string());
        }
        if let Some(DialTimeout(limit)) = source.downcast_ref() {
            return Cause::new(FailureKind::Timeout, timed_out("no connection", *limit));
        }
        if let Some(tls) = source.downcast_ref::<rustls::Error>() {
            return Cause::new(FailureKind::Tls, tls_words(tls));
        }
        if let Some(http) = source.downcast_ref::<hyper::Error>()
            && let Some(cause) = of_hyper(http, phase, &words())
        {
            return cause;
        }
        if let Some(http2) = source.downcast_ref::<h2::Error>() {
            return of_http2(http2, phase);
        }
    }
    // The innermost says most: TLS wraps the socket's errors in its own.
    if let Some(io) = sources(error)
        .filter_map(|source| source.downcast_ref())
        .last()
    {
        return of_io(io, connecting, phase);
    }
    if connecting {
        return Cause::new(
            FailureKind::Connect,
            format!("could not connect: {}", words()),
        );
    }
    if error.is_unmade() {
        return Cause::new(
            FailureKind::Internal,
            format!("no request can be made: {}", words()),
        );
    }
    Cause::new(FailureKind::Protocol, words())
}

/// Whether a kept connection went away under this request, before its answer was
/// complete: that is the server's closing it at a bad moment, not a failure of the
/// page. To be asked once a try.
pub(super) fn is_stale(error: &impl ClientError) -> bool {
    if error.is_connecting() || error.is_unmade() || !dial::was_kept(error.connection()) {
        return false;
    }
    sources(error).any(|source| {
        if let Some(http) = source.downcast_ref::<hyper::Error>() {
            return http.is_incomplete_message() || http.is_canceled() || http.is_closed();
        }
        if let Some(http2) = source.downcast_ref::<h2::Error>() {
            return http2.is_go_away() && http2.is_remote() || http2.get_io().is_some_and(is_loss);
        }
        source.downcast_ref::<io::Error>().is_some_and(is_loss)
    })
}

fn is_loss(error: &io::Error) -> bool {
    use io::ErrorKind as Io;
    matches!(
        error.kind(),
        Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::BrokenPipe
            | Io::NotConnected
            // TLS without its closing alert.
            | Io::UnexpectedEof
    )
}

/// "… within 10s".
pub(super) fn timed_out(what: &str, limit: Duration) -> String {
    format!("{what} within {limit:?}")
}

fn of_hyper(error: &hyper::Error, phase: Phase, words: &str) -> Option<Cause> {
    if error.is_parse_too_large() {
        let detail = "the answer's headers are larger than 64 KiB or more than 256";
        return Some(Cause::new(FailureKind::TooLarge, detail));
    }
    if error.is_parse() {
        return Some(Cause::new(
            FailureKind::Protocol,
            format!("malformed HTTP: {words}"),
        ));
    }
    if error.is_incomplete_message() {
        return Some(Cause::new(FailureKind::Reset, closed(phase)));
    }
    if error.is_canceled() || error.is_closed() {
        // The connection's own error, if any, is deeper.
        return error
            .source()
            .is_none()
            .then(|| Cause::new(FailureKind::Reset, closed(phase)));
    }
    None
}

fn of_http2(error: &h2::Error, phase: Phase) -> Cause {
    if let Some(io) = error.get_io() {
        return of_io(io, false, phase);
    }
    let kind = if error.is_remote() {
        FailureKind::Reset
    } else {
        FailureKind::Protocol
    };
    Cause::new(kind, format!("HTTP/2: {error}"))
}

fn of_io(error: &io::Error, connecting: bool, phase: Phase) -> Cause {
    use io::ErrorKind as Io;
    if connecting {
        return match error.kind() {
            Io::TimedOut => Cause::new(FailureKind::Timeout, "the connection timed out"),
            // TCP alone never ends like this: it is the handshake above it. Not
            // a failure of TLS: servers that are overloaded close so.
            Io::UnexpectedEof => Cause::new(
                FailureKind::Connect,
                "could not connect: the server closed the connection during the TLS handshake",
            ),
            _ => Cause::new(FailureKind::Connect, format!("could not connect: {error}")),
        };
    }
    match error.kind() {
        Io::TimedOut => Cause::new(FailureKind::Timeout, "the connection timed out"),
        Io::UnexpectedEof => Cause::new(FailureKind::Reset, closed(phase)),
        Io::InvalidData | Io::InvalidInput => {
            Cause::new(FailureKind::Protocol, format!("malformed HTTP: {error}"))
        }
        _ => Cause::new(FailureKind::Reset, format!("{}: {error}", broke(phase))),
    }
}

fn closed(phase: Phase) -> String {
    match phase {
        Phase::Head => "the server closed the connection before its answer was complete".to_owned(),
        Phase::Body(read) => {
            format!("the server closed the connection after {read} bytes of an unfinished body")
        }
    }
}

fn broke(phase: Phase) -> String {
    match phase {
        Phase::Head => "the connection broke before the answer".to_owned(),
        Phase::Body(read) => format!("the connection broke after {read} bytes of the body"),
    }
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(_) => {
            format!("the server does not speak TLS here ({error})")
        }
        other => format!("TLS: {other}"),
    }
}

/// The words of the innermost error that has any.
fn in_words(error: &impl ClientError) -> String {
    sources(error)
        .map(ToString::to_string)
        .filter(|words| !words.is_empty())
        .last()
        .unwrap_or_else(|| "the request failed".to_owned())
}

/// The errors beneath `error`, outermost first. An `io::Error` that wraps
/// another names that one's source as its own and so hides it: it is opened.
pub(super) fn sources(error: &impl ClientError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| {
        match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
