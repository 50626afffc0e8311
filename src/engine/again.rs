//! Asking again: with what a page is asked that was had before, and what its
//! answer is known by.

use super::rules::Rules;
use crate::fetch::{self, Call, FetchError, Fetched, Visitor};
use crate::store::{Leased, Seen};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED,
};
use std::borrow::Cow;
use xxhash_rust::xxh3::Xxh3Default;

/// Longest validator that is kept, bytes.
const VALIDATOR: usize = 256;

/// What the page is known by, where its links and fields were taken by the
/// rules as they are now.
pub fn known<'a>(rules: &Rules, leased: &'a Leased) -> Option<&'a Seen> {
    let seen = leased.seen.as_deref()?;
    (seen.rules == rules.digest).then_some(seen)
}

/// Who asks for the page, where it is asked for only in case it has changed.
pub fn visitor(rules: &Rules, leased: &Leased) -> Option<Visitor> {
    let seen = known(rules, leased)?;
    let mut headers = HeaderMap::new();
    for (name, text) in [
        (IF_NONE_MATCH, &seen.etag),
        (IF_MODIFIED_SINCE, &seen.modified),
    ] {
        if let Some(value) = text.as_deref().and_then(|text| text.parse().ok()) {
            headers.insert(name, value);
        }
    }
    let call = Call {
        body: None,
        headers,
    };
    (!call.headers.is_empty()).then(|| rules.visitor.calling(call))
}

/// What an answer is known by whose body has this digest.
pub fn seen(rules: &Rules, fetched: &Fetched, digest: u64) -> Seen {
    let validator = |name: HeaderName| {
        let value: &HeaderValue = fetched.headers.get(name)?;
        let text = value.to_str().ok().filter(|text| text.len() <= VALIDATOR)?;
        Some(text.into())
    };
    Seen {
        etag: validator(ETAG),
        modified: validator(LAST_MODIFIED),
        digest,
        rules: rules.digest,
    }
}

/// What a page is known by after an answer that it has not changed: the
/// answer's validators, where it has any.
pub fn confirmed(rules: &Rules, fetched: &Fetched, before: &Seen) -> Seen {
    let now = seen(rules, fetched, before.digest);
    Seen {
        etag: now.etag.or_else(|| before.etag.clone()),
        modified: now.modified.or_else(|| before.modified.clone()),
        ..now
    }
}

/// Of a decoded body, and of what its type says of how to read it.
fn body_digest(fetched: &Fetched, body: &[u8]) -> u64 {
    let mut hash = Xxh3Default::new();
    hash_header(&mut hash, fetched, &CONTENT_TYPE);
    hash.update(body);
    hash.digest()
}

/// Of an answer whose body is not read: of what its head says of it.
pub fn head_digest(fetched: &Fetched) -> u64 {
    let mut hash = Xxh3Default::new();
    for name in [&CONTENT_TYPE, &CONTENT_LENGTH, &ETAG, &LAST_MODIFIED] {
        hash_header(&mut hash, fetched, name);
    }
    hash.digest()
}

fn hash_header(hash: &mut Xxh3Default, fetched: &Fetched, name: &HeaderName) {
    let value = fetched.headers.get(name).map(HeaderValue::as_bytes);
    hash.update(value.unwrap_or_default());
    hash.update(&[0]);
}

/// The body of an answer, decoded, and what it is known by.
pub struct Body<'f> {
    /// Its bytes.
    pub text: Cow<'f, [u8]>,
    /// What the answer is known by.
    pub seen: Seen,
    /// Whether it is the very body that the page had when it was last had.
    pub same: bool,
}

/// Decodes the body of an answer.
///
/// # Errors
/// As [`fetch::body::decode`].
pub fn read<'f>(
    rules: &Rules,
    leased: &Leased,
    fetched: &'f Fetched,
) -> Result<Body<'f>, FetchError> {
    let text = fetch::body::decode(fetched, rules.config.fetch.max_body)?;
    let seen = seen(rules, fetched, body_digest(fetched, &text));
    let same = known(rules, leased).is_some_and(|before| before.digest == seen.digest);
    Ok(Body { text, seen, same })
}
