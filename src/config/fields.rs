//! The fields of records, from what is written to what is meant.

use super::forms::{FieldForm, OneOrMany, OrderedMap};
use super::resolve::many;
use super::rule::{FieldRule, JsonPath, Pick, RecordRule, Selector, Source};
use super::scalar::{Css, JsonPathText, ShortField};
use super::site::Pattern;
use super::source::ItemRule;
use super::source::raw::ApiRecord;
use super::{Cast, raw};

/// A kind of record.
///
/// # Errors
/// What of a field does not fit where it stands.
pub(super) fn record(raw: raw::Record) -> Result<RecordRule, String> {
    let fields = fields(&raw.record.0, raw.fields, Within::Page);
    Ok(RecordRule {
        record: raw.record.0,
        when: raw.when.map(|pattern| Pattern(pattern.0)),
        fields: fields.map_err(|wrong| format!("extract: {wrong}"))?,
    })
}

/// A kind of record that an API's answers hold.
///
/// # Errors
/// As for those of pages.
pub(super) fn item(raw: ApiRecord) -> Result<ItemRule, String> {
    let fields = fields(&raw.record.0, raw.fields, Within::Json)?;
    Ok(ItemRule {
        items: raw.items.0,
        rule: RecordRule {
            record: raw.record.0,
            when: None,
            fields,
        },
    })
}

fn fields(
    outer: &str,
    forms: OrderedMap<FieldForm>,
    within: Within,
) -> Result<Vec<FieldRule>, String> {
    let forms = forms.0.into_iter();
    forms
        .map(|(name, form)| field(outer, name, form, within))
        .collect()
}

/// What a field is looked for in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Page,
    Elements,
    Json,
}

fn field(outer: &str, name: String, form: FieldForm, within: Within) -> Result<FieldRule, String> {
    let path = format!("{outer}.{name}");
    let raw = match form {
        FieldForm::Short(word) => match word.0 {
            ShortField::Css(css) => raw::Field {
                css: Some(OneOrMany::One(Css(css))),
                ..raw::Field::default()
            },
            ShortField::Json(path) => raw::Field {
                json: Some(JsonPathText(path)),
                ..raw::Field::default()
            },
        },
        FieldForm::Long(field) => *field,
    };
    let json = raw.json.map(|path| JsonPath(path.0.text));
    let source = match (raw.css, raw.jsonld, raw.meta, json) {
        (None, Some(path), _, _) => Source::JsonLd(path.0),
        (None, _, Some(name), _) => Source::Meta(name.0),
        (None, _, _, Some(json)) if within != Within::Elements && raw.attr.is_none() => {
            Source::Json(json)
        }
        (css, _, _, json) => Source::Css {
            selectors: many(css, |css| Selector(css.0)),
            pick: raw.attr.map_or(Pick::Text, |attr| Pick::Attr(attr.0)),
            json,
        },
    };
    let wrong = match (&source, within) {
        (Source::Css { selectors, .. }, Within::Page) if selectors.is_empty() => {
            Some("has no css, json, jsonld or meta")
        }
        (Source::Css { .. }, Within::Json) => {
            Some("is within JSON, where only a JSONPath finds things")
        }
        (Source::JsonLd(_) | Source::Meta(_), Within::Elements | Within::Json) => {
            Some("is within an object; jsonld and meta are of the page")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        return Err(format!("field {path} {wrong}"));
    }
    let inner = match &source {
        Source::Css { json: None, .. } => Within::Elements,
        _ => Within::Json,
    };
    Ok(FieldRule {
        fields: match raw.fields {
            Some(forms) => fields(&path, forms, inner)?,
            None => Vec::new(),
        },
        matching: raw.matching.map(|pattern| Pattern(pattern.0)),
        all: raw.all.is_some_and(|on| on.0),
        cast: match (raw.cast, inner) {
            (Some(cast), _) => cast.into(),
            (None, Within::Json) if !matches!(source, Source::Meta(_)) => Cast::Json,
            (None, _) => Cast::Text,
        },
        format: raw.format.map(|format| format.0),
        default: raw.default,
        required: raw.required.is_some_and(|on| on.0),
        name,
        source,
    })
}

impl From<raw::Cast> for Cast {
    fn from(cast: raw::Cast) -> Self {
        match cast {
            raw::Cast::Text => Self::Text,
            raw::Cast::Number => Self::Number,
            raw::Cast::Integer => Self::Integer,
            raw::Cast::Bool => Self::Bool,
            raw::Cast::Date => Self::Date,
            raw::Cast::Url => Self::Url,
            raw::Cast::Html => Self::Html,
            raw::Cast::Markdown => Self::Markdown,
            raw::Cast::Json => Self::Json,
        }
    }
}
