//! A request that is more than a GET of a page.

use bytes::Bytes;
use reqwest::header::{HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use std::fmt;

/// What a request of an API has besides its address.
#[derive(Clone, Default)]
pub struct Call {
    /// What is posted; `None` is a GET.
    pub body: Option<Bytes>,
    /// Headers beside the site's own; values may be secrets.
    pub headers: HeaderMap,
}

impl Call {
    /// Whether it is a GET with nothing but validators: a page that is asked again,
    /// which a rung that cannot send them may ask for whole.
    pub(super) fn is_page(&self) -> bool {
        let validators = [IF_NONE_MATCH, IF_MODIFIED_SINCE];
        self.body.is_none() && self.headers.keys().all(|name| validators.contains(name))
    }
}

impl fmt::Debug for Call {
    /// Neither header values nor the body: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("post", &self.body.is_some())
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}
