//! Values in the places of their marks.

use crate::page::quoted;
use serde_json::Value;

/// A value as it stands between the quotes of a JSON text.
pub(super) fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Makes a URL of an item: each `{key}` stands for that value of it (`{a.b}`
/// for one further in); for an item that is a value itself, whatever the key.
pub(super) fn item(template: &str, item: &Value) -> Option<String> {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (key, after) = after.split_once('}')?;
        out.push_str(before);
        let value = match item {
            Value::Object(_) => key
                .split('.')
                .try_fold(item, |value, key| value.get(key.trim()))?,
            value => value,
        };
        out.push_str(&quoted(&plain(value)?));
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// A text or a number, as text.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
