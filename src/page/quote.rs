//! A value in the place of a mark.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A value as it stands in a URL's query or in a form.
pub fn quoted(text: &str) -> String {
    utf8_percent_encode(text, QUOTED).to_string()
}
