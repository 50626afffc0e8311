//! Single values of a service's keys.

use super::{Meaning as Means, Place as PlaceOf, preset};
use crate::config::env;
use crate::config::error::suggestion;
use crate::config::scalar::{Reader, Scalar, json_path, scalars, whole};
use reqwest::header::HeaderName;
use serde::de;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::marker::PhantomData;

scalars! {
    /// A preset's name.
    PresetName(String), "the name of a preset", |text| preset_name(text);
    /// Where in an answer a value is.
    Place(PlaceOf), "a JSONPath such as $.url, or the name of a response header",
        |text| place(text);
    /// A status.
    Status(u16), "a status from 100 to 999",
        |text| whole(text, 100, 999).map(|status| u16::try_from(status).unwrap_or(999));
    /// What an answer means.
    MeaningName(Means), "key, credit, crowded, blocked, failed or page", |text| match text {
        "key" => Ok(Means::Key),
        "credit" => Ok(Means::Credit),
        "crowded" => Ok(Means::Crowded),
        "blocked" => Ok(Means::Blocked),
        "failed" => Ok(Means::Failed),
        "page" => Ok(Means::Page),
        _ => Err("not known; write key, credit, crowded, blocked, failed or page".to_owned()),
    };
}

fn preset_name(text: &str) -> Result<String, String> {
    let known = preset::names();
    match known.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("no preset; {}", suggestion(text, &known))),
    }
}

/// A JSONPath begins with `$`, and no header's name does that anybody uses.
fn place(text: &str) -> Result<PlaceOf, String> {
    if text.starts_with('$') {
        return json_path(text).map(PlaceOf::Json);
    }
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(name) if !text.contains('.') => Ok(PlaceOf::Header(name)),
        _ => Err(
            "neither a JSONPath nor a header's name; write it like $.url or x-final-url".to_owned(),
        ),
    }
}

/// Any value of YAML; `${NAME}` is replaced in its texts.
#[derive(Debug, Clone)]
pub struct Loose(pub Value);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(source)?;
        texts(&mut value, &mut |text| {
            *text = env::expand(text)?.into_owned();
            Ok(())
        })
        .map_err(de::Error::custom)?;
        Ok(Self(value))
    }
}

/// Runs `change` on every text of a value.
pub fn texts(
    value: &mut Value,
    change: &mut dyn FnMut(&mut String) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().try_for_each(|item| texts(item, change)),
        Value::Object(map) => map
            .iter_mut()
            .try_for_each(|(_, value)| texts(value, change)),
        _ => Ok(()),
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Loose {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyValue".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "any value" })
    }
}
