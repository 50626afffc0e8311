//! From fields and a place to look in to a record, whatever the place is: a
//! streaming pass, a DOM, JSON.

use super::json;
use super::limits;
use super::rule::{Field, Part, Take};
use serde_json::{Map, Value};
use serde_json_path::JsonPath;
use url::Url;

/// What was picked of one element.
pub(super) enum Picked<P> {
    /// Its text, or what stands for it.
    Text(String),
    /// An attribute's value; `None` where there is none of that name.
    Attribute(Option<String>),
    /// Markup, to be left as it is.
    Markup(String),
    /// The element itself, as a place of its own.
    Object(P),
}

/// Where fields are looked for.
pub(super) trait Place: Sized {
    /// Gives what the field's selector of this number finds, in the order of
    /// the page, until `see` answers `false`.
    fn find(
        &self,
        field: &Field,
        number: usize,
        part: &Part,
        see: &mut dyn FnMut(Picked<Self>) -> bool,
    );
}

/// The making of a page's records.
pub(super) struct Gather<'u> {
    base: &'u Url,
    /// Bytes that the record may still hold.
    left: usize,
    /// Bytes of the page that may still be read for it.
    unread: usize,
    /// Whether something did not fit.
    pub(super) cut: bool,
    /// The page's JSON-LD, once somebody has asked.
    ld: Option<Vec<Value>>,
}

impl<'u> Gather<'u> {
    pub(super) fn new(base: &'u Url) -> Self {
        Self {
            base,
            left: limits::RECORD,
            unread: limits::READ,
            cut: false,
            ld: None,
        }
    }

    /// Each field's value, for a new record.
    pub(super) fn record<P: Place>(&mut self, fields: &[Field], place: &P) -> Vec<Value> {
        (self.left, self.unread) = (limits::RECORD, limits::READ);
        fields
            .iter()
            .map(|field| self.value(field, place))
            .collect()
    }

    fn value<P: Place>(&mut self, field: &Field, place: &P) -> Value {
        let mut values = Vec::new();
        match &field.take {
            Take::Elements { css, part, json } => {
                for number in 0..css.len() {
                    place.find(field, number, part, &mut |picked| {
                        self.picked(field, json.as_ref(), picked, &mut values);
                        field.all && self.left > 0
                    });
                    if !values.is_empty() {
                        break;
                    }
                }
            }
            Take::Ld { path, .. } => self.ld(field, path, place, &mut values),
            // JSON is no place of elements.
            Take::Json(_) | Take::Nothing => {}
        }
        finished(field, values)
    }

    fn picked<P: Place>(
        &mut self,
        field: &Field,
        path: Option<&JsonPath>,
        picked: Picked<P>,
        values: &mut Vec<Value>,
    ) {
        let text = match picked {
            Picked::Object(place) => {
                let mut object = Map::new();
                for inner in &field.fields {
                    let value = self.value(inner, &place);
                    if inner.required && super::value::is_nothing(&value) {
                        return;
                    }
                    object.insert(inner.name.clone(), value);
                }
                return values.push(Value::Object(object));
            }
            Picked::Markup(text) => {
                let text = self.fitting(text);
                return values.push(Value::String(text));
            }
            Picked::Text(text) => Some((text, true)),
            Picked::Attribute(value) => value.map(|value| (value, false)),
        };
        let Some((text, folded)) = text else {
            return;
        };
        if text.len() > self.unread {
            self.cut = true;
            self.left = 0;
            return;
        }
        self.unread -= text.len();
        match path {
            None => {
                let value = field.how.text(&text, folded, self.base);
                values.extend(value.map(|value| self.charged(value)));
            }
            Some(path) => {
                if let Ok(value) = serde_json::from_str(&text) {
                    self.json_values(field, path, &value, values);
                }
            }
        }
    }

    fn ld<P: Place>(&mut self, field: &Field, path: &[String], place: &P, values: &mut Vec<Value>) {
        if self.ld.is_none() {
            let mut blocks = Vec::new();
            place.find(field, 0, &Part::Text, &mut |picked| {
                if let Picked::Text(text) = picked {
                    // A block that does not parse spoils no other.
                    blocks.extend(serde_json::from_str::<Value>(text.trim()));
                }
                true
            });
            self.ld = Some(blocks);
        }
        let blocks = self.ld.take().unwrap_or_default();
        for found in json::ld(&blocks, path) {
            self.json_value(field, found, values);
            if self.left == 0 || (!field.all && !values.is_empty()) {
                break;
            }
        }
        self.ld = Some(blocks);
    }

    /// Each field's value in JSON, for a new record.
    pub(super) fn json_record(&mut self, fields: &[Field], json: &Value) -> Vec<Value> {
        (self.left, self.unread) = (limits::RECORD, limits::READ);
        fields
            .iter()
            .map(|field| self.json_field(field, json))
            .collect()
    }

    fn json_field(&mut self, field: &Field, json: &Value) -> Value {
        let mut values = Vec::new();
        if let Take::Json(path) = &field.take {
            self.json_values(field, path, json, &mut values);
        }
        finished(field, values)
    }

    fn json_values(
        &mut self,
        field: &Field,
        path: &JsonPath,
        json: &Value,
        values: &mut Vec<Value>,
    ) {
        for found in path.query(json) {
            self.json_value(field, found, values);
            if self.left == 0 || (!field.all && !values.is_empty()) {
                return;
            }
        }
    }

    fn json_value(&mut self, field: &Field, found: &Value, values: &mut Vec<Value>) {
        if field.fields.is_empty() {
            // What does not fit is not copied.
            if self.too_large(found) {
                self.cut = true;
                return;
            }
            let value = field.how.json(found, self.base);
            return values.extend(value.map(|value| self.charged(value)));
        }
        let mut object = Map::new();
        for inner in &field.fields {
            let value = self.json_field(inner, found);
            if inner.required && super::value::is_nothing(&value) {
                return;
            }
            object.insert(inner.name.clone(), value);
        }
        values.push(Value::Object(object));
    }

    fn too_large(&self, value: &Value) -> bool {
        matches!(value, Value::Array(_) | Value::Object(_)) && size(value) > self.left
    }

    /// The value, cut to what the record may still hold.
    fn charged(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fitting(text)),
            value => {
                let size = size(&value);
                if size > self.left {
                    self.cut = true;
                    self.left = 0;
                    return Value::Null;
                }
                self.left -= size;
                value
            }
        }
    }

    fn fitting(&mut self, mut text: String) -> String {
        if text.len() > self.left {
            self.cut = true;
            let mut end = self.left;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            text.shrink_to_fit();
            self.left = 0;
        }
        // An empty text costs too: a list of them must end somewhere.
        self.left = self.left.saturating_sub(text.len() + 1);
        text
    }
}

/// The field's value by what was found.
fn finished(field: &Field, mut values: Vec<Value>) -> Value {
    let default = || field.default.clone();
    match field.all {
        true if values.is_empty() => default().unwrap_or(Value::Array(values)),
        true => Value::Array(values),
        false if values.is_empty() => default().unwrap_or(Value::Null),
        false => values.swap_remove(0),
    }
}

/// About how many bytes a value takes when it is written. JSON is at most 128
/// deep, by its parser.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(values) => 2 + values.iter().map(size).sum::<usize>(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| name.len() + 4 + size(value);
            2 + fields.iter().map(field).sum::<usize>()
        }
    }
}
