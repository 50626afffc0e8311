//! Answers to plain requests that may be a proxy's own instead of the site's.

use super::fault::{Fault, Whose};
use super::session::Session;
use crate::fetch::{Fetched, block};
use reqwest::Response;
use url::Url;

/// Whether an answer may be the proxy's own: to a plain request of HTTP. Through a
/// tunnel it would be the site's.
fn may_be_own(session: &Session, url: &Url) -> bool {
    url.scheme() == "http" && !session.address.scheme.is_socks()
}

/// Whether the answer is the proxy's own, who wants another login or money.
pub(super) fn refusal(session: &Session, url: &Url, response: &Response) -> Option<Fault> {
    let status = response.status().as_u16();
    if !matches!(status, 402 | 407) || !may_be_own(session, url) {
        return None;
    }
    let mut fault = Fault::of_status(status);
    if session.exit.health().ok > 0 {
        // A site can answer so too, to stop a crawl.
        fault.whose = Whose::Either;
    }
    Some(fault)
}

/// What an answer says of the exit that is handed on as the page's and may be the
/// proxy's excuse, who did not reach the site or has too much to do.
pub(super) fn excuse(session: &Session, url: &Url, fetched: &Fetched) -> Option<Fault> {
    let status = fetched.status;
    let may_be = matches!(status, 429 | 502..=504) && may_be_own(session, url);
    // A challenge is the site's, and told of as a block.
    if !may_be || block::by_headers(status, &fetched.headers).is_some() {
        return None;
    }
    let words = format!("an answer {status}, which may be the proxy's own");
    Some(Fault::new(Whose::Either, words))
}
