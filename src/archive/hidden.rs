//! Secrets kept out of what is told of a request.

use crate::page::quoted;
use serde_json::Value;
use std::borrow::Cow;

/// Values shorter than this are no secrets, and would blot out half a request.
const SHORTEST: usize = 3;
/// What stands in their place; it may stand in a URL.
const BLOT: &str = "***";

/// How these values may stand in a request.
pub(super) fn forms(secrets: &[String]) -> Vec<String> {
    let forms = |secret: &String| {
        let json = Value::from(secret.as_str()).to_string();
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        [
            secret.clone(),
            quoted(secret),
            form,
            json[1..json.len() - 1].to_owned(),
        ]
    };
    let long = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
    let mut all: Vec<String> = long.flat_map(forms).collect();
    // The longest first: one may be a part of another.
    all.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    all.dedup();
    all
}

/// The text without them.
pub(super) fn blot<'t>(text: &'t str, forms: &[String]) -> Cow<'t, str> {
    forms.iter().fold(Cow::Borrowed(text), |text, form| {
        match text.contains(form.as_str()) {
            true => Cow::Owned(text.replace(form.as_str(), BLOT)),
            false => text,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        let forms = forms(&["a \"b".to_owned(), "a \"b+c".to_owned(), "x".to_owned()]);
        for (text, told) in [
            ("k=a%20%22b&x=1", "k=***&x=1"),
            ("k=a+%22b%2Bc", "k=***"),
            (r#"{"k":"a \"b"}"#, r#"{"k":"***"}"#),
            ("nothing", "nothing"),
        ] {
            assert_eq!(blot(text, &forms), told);
        }
    }
}
