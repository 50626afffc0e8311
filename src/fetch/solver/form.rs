//! What of an API's call a solver can send: a form, and nothing beside it.

use crate::fetch::Call;
use crate::fetch::error::Cause;
use crate::fetch::sniff::essence;
use crate::page::FailureKind;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use url::form_urlencoded;

/// What is written as it is (WHATWG URL, `application/x-www-form-urlencoded`).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');
/// What forms are sent as.
const FORM: &str = "application/x-www-form-urlencoded";
/// The field that the solver's own page takes for its button, and leaves out.
const LEFT_OUT: &str = "submit";

/// The form that a call posts, as the protocol wants it; `None` where it is a GET.
///
/// # Errors
/// Why no solver can make the call.
pub(super) fn of(call: Option<&Call>) -> Result<Option<String>, Cause> {
    let Some(call) = call else {
        return Ok(None);
    };
    let refused = |why: String| Err(Cause::new(FailureKind::Internal, why));
    // The browser sends its own, and asks for the page whole.
    let may_go = [ACCEPT, CONTENT_TYPE, IF_NONE_MATCH, IF_MODIFIED_SINCE];
    if let Some(name) = call.headers.keys().find(|name| !may_go.contains(name)) {
        return refused(format!(
            "a solver sends no headers, and this request of an API has {name}; put a rung that \
             does in front of it"
        ));
    }
    let Some(body) = &call.body else {
        return Ok(None);
    };
    let kind = essence(&call.headers);
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case(FORM)) {
        let text = "a solver posts forms alone, and this request of an API is none; put a rung \
                    that posts it in front";
        return refused(text.to_owned());
    }
    let mut form = String::new();
    for (name, value) in form_urlencoded::parse(body) {
        if name == LEFT_OUT {
            let text = format!("a solver leaves out a form's field of the name {LEFT_OUT}");
            return refused(text);
        }
        // A space as %20: it takes a plus as it is.
        let [name, value] = [&name, &value].map(|text| utf8_percent_encode(text, PLAIN));
        let and = if form.is_empty() { "" } else { "&" };
        form.push_str(&format!("{and}{name}={value}"));
    }
    Ok(Some(form))
}
