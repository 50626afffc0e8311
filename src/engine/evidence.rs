//! What is kept of a failed page's last answer.

use crate::store::Evidence;
use reqwest::header::HeaderMap;

/// Bytes of the body that are kept.
pub const BODY_KEPT: usize = 4096;

/// The headers as text, and the beginning of the decoded body.
pub fn evidence(headers: &HeaderMap, body: &[u8]) -> Evidence {
    Evidence {
        headers: headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect(),
        body: body[..body.len().min(BODY_KEPT)].to_vec(),
    }
}
