//! `${NAME}` in the sites file: read from the environment, kept out of sight.
//!
//! The parser calls back for each value without room for a context, so the
//! environment of the file being read stands in a thread's own variable.

use std::borrow::Cow;
use std::cell::RefCell;

thread_local! {
    static READING: RefCell<Reading> = RefCell::default();
}

#[derive(Default)]
struct Reading {
    known: Vec<(String, Option<String>)>,
    used: Vec<String>,
}

/// Runs `read` with the values of the names that occur in `text`; answers what
/// it answers and the values that were used.
pub fn with<T>(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    read: impl FnOnce() -> T,
) -> (T, Vec<String>) {
    let known = names(text)
        .map(|(_, name)| (name.to_owned(), lookup(name)))
        .collect();
    READING.set(Reading {
        known,
        used: Vec::new(),
    });
    let result = read();
    (result, READING.take().used)
}

/// `text` with each `${NAME}` replaced.
///
/// # Errors
/// A sentence naming the variable that is not set.
pub fn expand(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::new();
    let mut from = 0;
    for (at, name) in names(text) {
        let value = READING.with_borrow_mut(|reading| {
            let value = reading
                .known
                .iter()
                .find(|(known, _)| known == name)
                .and_then(|(_, value)| value.clone());
            if let Some(value) = &value {
                reading.used.push(value.clone());
            }
            value
        });
        let Some(value) = value else {
            return Err(format!("the environment variable {name} is not set"));
        };
        out.push_str(&text[from..at]);
        out.push_str(&value);
        from = at + name.len() + 3;
    }
    out.push_str(&text[from..]);
    Ok(Cow::Owned(out))
}

/// Each `${NAME}` in a text: where it begins, and the name.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("${").filter_map(|(at, _)| {
        let rest = &text[at + 2..];
        let name = &rest[..rest.find('}')?];
        let fits = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.as_bytes()[0].is_ascii_digit();
        fits.then_some((at, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_their_values_remembered() {
        let lookup = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        let text = "Bearer ${TOKEN}, $5, ${9}, ${}";
        let (expanded, used) = with(text, &lookup, || expand(text).map(Cow::into_owned));
        assert_eq!(expanded.as_deref(), Ok("Bearer s3cret, $5, ${9}, ${}"));
        assert_eq!(used, ["s3cret"]);
        let text = "${GONE}";
        let (expanded, _) = with(text, &lookup, || expand(text).map(Cow::into_owned));
        assert_eq!(
            expanded,
            Err("the environment variable GONE is not set".to_owned())
        );
    }
}
