//! What the rungs that speak HTTP themselves have in common: the caps on an
//! answer's head, and how an answer is received.

use super::error::Cause;
use super::read::{self, Clock};
use super::{FetchError, Fetched, Spool, Visitor, Want};
use crate::page::FailureKind;
use crate::page::net::is_private;
use reqwest::Response;
use reqwest::header::HeaderMap;
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// Most that the names and values of an answer's headers may come to, bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Where HTTP/2 gives up reading headers, bytes; it then reports a protocol
/// error like any other, so what lies between is left to the check by
/// [`MAX_HEAD`]. HTTP/1 gives up at about 400 KiB, which is hyper's own.
pub(super) const MAX_HEAD_READ: u32 = 256 * 1024;
/// Most headers of an answer.
pub(super) const MAX_HEADERS: usize = 256;
/// How long an unused connection is kept. Shorter than most servers keep
/// theirs, so that it is seldom they who close first.
pub(super) const IDLE: Duration = Duration::from_secs(30);

/// Receives an answer whose head has come, and reads of its body what is wanted:
/// at most so many bytes of a page, and of a file into the spool where there is one.
pub(super) async fn receive(
    mut response: Response,
    want: Want,
    (max_body, spool): (u64, Option<&Spool>),
    clock: &Clock<'_>,
) -> Result<Fetched, FetchError> {
    let headers_after = clock.start.elapsed();
    let status = response.status().as_u16();
    if size(response.headers()) > MAX_HEAD {
        let detail = format!(
            "the answer's headers are larger than {} KiB",
            MAX_HEAD / 1024
        );
        // Too large to be kept.
        let head = Some(Box::new((status, HeaderMap::new())));
        return Err(FetchError {
            head,
            ..Cause::new(FailureKind::TooLarge, detail).after(headers_after)
        });
    }
    let length = response.content_length();
    let body = match read::body(&mut response, want, (max_body, spool), clock).await {
        Ok(body) => body,
        Err(cause) => {
            let headers = std::mem::take(response.headers_mut());
            return Err(FetchError {
                head: Some(Box::new((status, headers))),
                ..cause.after(clock.start.elapsed())
            });
        }
    };
    // The connection goes back to the pool in a task of its own. Asked
    // before that has run, the next request would open another one: a
    // busy worker would keep two.
    tokio::task::yield_now().await;
    Ok(Fetched {
        status,
        headers: std::mem::take(response.headers_mut()),
        bytes: if body.read {
            body.size
        } else {
            length.unwrap_or(0)
        },
        read: body.read,
        cut: body.cut,
        headers_after,
        elapsed: if body.read {
            clock.start.elapsed()
        } else {
            headers_after
        },
        body: body.bytes,
        landed: None,
        cost: 0,
        through: None,
        picture: None,
    })
}

/// Refuses a private address that a guarded visitor's URL names without a name.
pub(super) fn check_literal(visitor: &Visitor, url: &Url) -> Result<(), Cause> {
    match literal(url) {
        Some(ip) if visitor.guarded && is_private(ip) => Err(Cause::new(
            FailureKind::Private,
            format!("{ip} is a private address"),
        )),
        _ => Ok(()),
    }
}

/// The address that a URL names without a name.
fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// What headers come to on the wire of HTTP/1.
fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}
