//! From a text or a piece of JSON to the value of a field.

mod date;
mod number;

pub(super) use date::Shape;

pub(super) use crate::bus::is_nothing;

use crate::config::Cast;
use regex::Regex;
use serde_json::{Number, Value};
use url::Url;

/// What a field's text is turned into.
#[derive(Debug)]
pub(super) struct How {
    /// The type.
    pub(super) cast: Cast,
    /// Of the text only what this matches: its first group, or the whole.
    pub(super) matching: Option<Regex>,
    /// How a date is written, where the file says.
    pub(super) shape: Option<Shape>,
}

impl How {
    /// The value of a text; `None` where it is not of the type. `folded` says
    /// that white space is to be folded and not just trimmed.
    pub(super) fn text(&self, text: &str, folded: bool, base: &Url) -> Option<Value> {
        if self.cast == Cast::Json {
            let text = self.part(text)?;
            return match self.matching {
                None => serde_json::from_str(text.trim()).ok(),
                // What was matched need not be JSON.
                Some(_) => serde_json::from_str(text.trim())
                    .ok()
                    .or_else(|| Some(Value::String(text.trim().to_owned()))),
            };
        }
        let text = match folded {
            true => fold(text),
            false => text.trim().to_owned(),
        };
        let text = match self.matching {
            None => text,
            Some(_) => self.part(&text)?.trim().to_owned(),
        };
        match self.cast {
            Cast::Text | Cast::Html | Cast::Markdown | Cast::Json => Some(Value::String(text)),
            Cast::Number => number::number(&text).map(Value::Number),
            Cast::Integer => number::integer(&text).map(Value::Number),
            // An attribute that just stands there is true.
            Cast::Bool if text.is_empty() && !folded => Some(Value::Bool(true)),
            Cast::Bool => truth(&text).map(Value::Bool),
            Cast::Date => match &self.shape {
                Some(shape) => shape.read(&text),
                None => date::date(&text),
            }
            .map(Value::String),
            Cast::Url => {
                let url = base.join(&text).ok().filter(|_| !text.is_empty())?;
                Some(Value::String(url.into()))
            }
        }
    }

    /// The value of a piece of JSON.
    pub(super) fn json(&self, value: &Value, base: &Url) -> Option<Value> {
        match (value, self.cast) {
            (Value::Null, _) => None,
            (_, Cast::Json) if self.matching.is_none() => Some(value.clone()),
            (Value::String(text), _) => self.text(text, true, base),
            (Value::Bool(_), Cast::Bool) => Some(value.clone()),
            (Value::Number(number), Cast::Bool) => Some(Value::Bool(number.as_f64() != Some(0.0))),
            (Value::Number(_), Cast::Number) => Some(value.clone()),
            (Value::Number(number), Cast::Integer) => whole(number).map(Value::Number),
            (Value::Number(_) | Value::Bool(_), _) => self.text(&value.to_string(), true, base),
            (Value::Array(_) | Value::Object(_), _) => None,
        }
    }

    fn part<'t>(&self, text: &'t str) -> Option<&'t str> {
        let Some(regex) = &self.matching else {
            return Some(text);
        };
        let found = regex.captures(text)?;
        found.get(1).or(found.get(0)).map(|part| part.as_str())
    }
}

/// A number that has no decimals, as one that cannot have any.
fn whole(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let value = number.as_f64()?;
    // Within this range a double holds every whole number.
    let exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    exact.then(|| Number::from(value as i64))
}

fn truth(text: &str) -> Option<bool> {
    let word = text.to_lowercase();
    match word.as_str() {
        "true" | "yes" | "y" | "on" | "1" | "✓" | "✔" | "ja" | "oui" | "sí" | "si" | "sì" => {
            Some(true)
        }
        "false" | "no" | "n" | "off" | "0" | "✗" | "✘" | "nein" | "non" => Some(false),
        _ => None,
    }
}

/// Text with its white space folded: runs become one space, ends are trimmed.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(256));
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(cast: Cast, matching: Option<&str>, text: &str) -> Option<Value> {
        let how = How {
            cast,
            matching: matching.map(|regex| Regex::new(regex).unwrap()),
            shape: None,
        };
        how.text(text, true, &Url::parse("http://e.org/a/b").unwrap())
    }

    #[test]
    fn texts_become_values() {
        for (cast, matching, text, expected) in [
            (Cast::Text, None, " a\n\u{a0}b ", Some(json!("a b"))),
            (
                Cast::Text,
                Some(r"ISBN (\S+)"),
                "x ISBN  12 y",
                Some(json!("12")),
            ),
            (Cast::Text, Some(r"\d+"), "x 12 y", Some(json!("12"))),
            (Cast::Text, Some(r"\d+"), "x", None),
            (Cast::Number, Some(r"of (\d+)"), "1 of 20", Some(json!(20))),
            (Cast::Integer, None, "1.234", Some(json!(1234))),
            (Cast::Integer, None, "1.5", None),
            (Cast::Bool, None, "Yes", Some(json!(true))),
            (Cast::Bool, None, "off", Some(json!(false))),
            (Cast::Bool, None, "perhaps", None),
            (Cast::Url, None, " c?d ", Some(json!("http://e.org/a/c?d"))),
            (Cast::Url, None, " ", None),
            (
                Cast::Json,
                None,
                "{\"a\": \"b  c\"}",
                Some(json!({"a": "b  c"})),
            ),
            (Cast::Json, None, "{", None),
            (
                Cast::Json,
                Some(r"x = (\{.*\});"),
                "x = {\"a\": 1};",
                Some(json!({"a": 1})),
            ),
            (Cast::Date, None, "on 3 May 2024", Some(json!("2024-05-03"))),
        ] {
            assert_eq!(value(cast, matching, text), expected, "{text}");
        }
    }

    #[test]
    fn json_becomes_values() {
        let base = Url::parse("http://e.org/").unwrap();
        for (cast, from, expected) in [
            (Cast::Json, json!({"a": [1]}), Some(json!({"a": [1]}))),
            (Cast::Text, json!(1.5), Some(json!("1.5"))),
            (Cast::Number, json!("1,5"), Some(json!(1.5))),
            (Cast::Number, json!(2), Some(json!(2))),
            (Cast::Integer, json!(2.0), Some(json!(2))),
            (Cast::Integer, json!(2.5), None),
            (Cast::Bool, json!(0), Some(json!(false))),
            (Cast::Date, json!(0), None),
            (
                Cast::Date,
                json!(1_700_000_000),
                Some(json!("2023-11-14T22:13:20Z")),
            ),
            (Cast::Url, json!("/x"), Some(json!("http://e.org/x"))),
            (Cast::Text, json!({}), None),
            (Cast::Json, json!(null), None),
        ] {
            let how = How {
                cast,
                matching: None,
                shape: None,
            };
            assert_eq!(how.json(&from, &base), expected, "{from}");
        }
    }
}
