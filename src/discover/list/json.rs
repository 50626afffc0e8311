//! A JSON value a line.

use super::lines::Lines;
use super::{Stop, Taken};
use crate::config::JsonQuery;
use crate::discover::source::Source;
use serde_json::Value;

/// Longest line, bytes.
const LINE: usize = 8 << 20;
/// Keys under which other tools write the URL, the likeliest first.
pub(super) const KEYS: [&str; 6] = ["url", "loc", "link", "href", "address", "uri"];

pub(super) fn read(
    source: &mut Source,
    query: Option<&JsonQuery>,
    taken: &mut Taken,
) -> Result<(), Stop> {
    let mut lines = Lines::new(source, LINE);
    while let Some((number, text)) = lines.next()? {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            taken.bad(number, "not JSON", text)?;
            continue;
        };
        let urls = match query {
            Some(query) => query.path.query(&value).all(),
            None => likely(&value).into_iter().collect(),
        };
        let mut found = false;
        for url in urls {
            if let Value::String(url) = url {
                found = true;
                taken.row(number, url)?;
            }
        }
        if !found {
            taken.bad(number, "no URL", text)?;
        }
    }
    Ok(())
}

fn likely(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(map) => KEYS.iter().find_map(|key| {
            map.iter()
                .find(|(name, value)| name.eq_ignore_ascii_case(key) && value.is_string())
                .map(|(_, value)| value)
        }),
        Value::Array(values) => values
            .iter()
            .find(|value| value.as_str().is_some_and(|text| text.contains("://"))),
        value => Some(value),
    }
}
