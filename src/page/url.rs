//! The one normal form that decides which URLs are the same page.

use ::url::Url;

/// How a site's URLs are brought into normal form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NormalForm {
    /// Sort the query's parameters by name, keeping the order of equal names.
    pub sort_query: bool,
    /// Names of query parameters to drop; a trailing `*` matches any ending.
    pub drop_params: Vec<String>,
}

/// Why a URL cannot be a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Neither `http` nor `https`.
    #[error("not an http or https address")]
    Scheme,
    /// Not a URL by the WHATWG rules.
    #[error("not a valid URL")]
    Malformed,
    /// Longer than [`NormalForm::MAX_LEN`] bytes.
    #[error("longer than 4096 bytes")]
    TooLong,
}

impl NormalForm {
    /// Longest URL taken, in bytes.
    pub const MAX_LEN: usize = 4096;

    /// Brings `url` into normal form in place.
    pub fn apply(&self, url: &mut Url) -> Result<(), UrlRefusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlRefusal::Scheme);
        }
        url.set_fragment(None);
        Ok(())
    }
}
