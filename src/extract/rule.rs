//! The fields of a rule, made ready: their slots in the streaming pass, their
//! paths parsed, their types at hand.

use super::stream::{NotSimple, Program, Want};
use super::value::{How, Shape};
use crate::config::{Cast, FieldRule, Pick, Source};
use serde_json::Value;
use serde_json_path::JsonPath;

/// Elements that hold JSON-LD.
const LD: &str = "script[type=\"application/ld+json\"]";

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) take: Take,
    pub(super) how: How,
    pub(super) all: bool,
    pub(super) default: Option<Value>,
    pub(super) required: bool,
    /// Its own fields, where it is an object.
    pub(super) fields: Vec<Field>,
}

/// Where a field is found.
#[derive(Debug)]
pub(super) enum Take {
    /// In elements.
    Elements {
        /// Selectors, of which the first that finds a value counts.
        css: Vec<Css>,
        /// What is taken of an element.
        part: Part,
        /// Where in the JSON that was taken.
        json: Option<JsonPath>,
    },
    /// In JSON.
    Json(JsonPath),
    /// In the page's JSON-LD.
    Ld {
        /// The elements that hold it.
        css: Css,
        /// A type, and properties behind it.
        path: Vec<String>,
    },
    /// Nowhere.
    Nothing,
}

/// A selector.
#[derive(Debug)]
pub(super) struct Css {
    /// As it was written; empty for the object's own element.
    pub(super) text: String,
    /// Its slot in the streaming pass, where it has one.
    pub(super) slot: usize,
}

/// What is taken of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Attribute(String),
    Html,
    Markdown,
    /// An object, by the field's own fields.
    Object,
}

/// The fields of a rule, and the group of its record in `program`; no group
/// where the rule needs a DOM.
pub(super) fn compile(rules: &[FieldRule], program: &mut Program) -> (Vec<Field>, Option<usize>) {
    let group = program.group();
    let mut simple = true;
    let fields = fields(rules, group, program, &mut simple);
    program.seal(group);
    (fields, simple.then_some(group))
}

fn fields(
    rules: &[FieldRule],
    group: usize,
    program: &mut Program,
    simple: &mut bool,
) -> Vec<Field> {
    let mut list = Vec::with_capacity(rules.len());
    for rule in rules {
        list.push(field(rule, group, program, simple));
    }
    list
}

fn field(rule: &FieldRule, group: usize, program: &mut Program, simple: &mut bool) -> Field {
    let (part, within) = part(rule, program);
    // Within JSON there are no elements.
    let inner = fields(&rule.fields, within.unwrap_or(group), program, simple);
    let want = match &part {
        Part::Text => Ok(Want::Text),
        Part::Attribute(name) => Ok(Want::Attribute(name.clone())),
        Part::Object => within.map(Want::Object).ok_or(NotSimple),
        Part::Html | Part::Markdown => Err(NotSimple),
    };
    let mut css = |text: String, all: bool| {
        let selector = (!text.is_empty()).then_some(text.as_str());
        let slot = want
            .clone()
            .and_then(|want| program.slot(group, selector, want, all));
        *simple &= slot.is_ok();
        let slot = slot.unwrap_or_default();
        Css { text, slot }
    };
    let take = match &rule.source {
        Source::Css {
            selectors, json, ..
        } => Take::Elements {
            css: match selectors.is_empty() {
                true => vec![css(String::new(), rule.all)],
                false => selectors
                    .iter()
                    .map(|selector| css(selector.0.clone(), rule.all))
                    .collect(),
            },
            part,
            json: json.as_ref().and_then(|path| path_of(&path.0)),
        },
        Source::Meta(name) => Take::Elements {
            css: vec![css(meta(name), rule.all)],
            part,
            json: None,
        },
        Source::JsonLd(path) => Take::Ld {
            css: css(LD.to_owned(), true),
            path: path.split('.').map(str::to_owned).collect(),
        },
        Source::Json(path) => match path_of(&path.0) {
            Some(path) => Take::Json(path),
            // The sites file is refused where a path does not parse.
            None => Take::Nothing,
        },
    };
    Field {
        name: rule.name.clone(),
        take,
        how: How {
            cast: rule.cast,
            matching: rule.matching.as_ref().map(|pattern| pattern.0.clone()),
            shape: rule.format.as_deref().and_then(Shape::new),
        },
        all: rule.all,
        default: rule.default.clone(),
        required: rule.required,
        fields: inner,
    }
}

/// What is taken of elements, and for an object the group of its fields.
fn part(rule: &FieldRule, program: &mut Program) -> (Part, Option<usize>) {
    let part = match &rule.source {
        Source::Css {
            pick: Pick::Attr(name),
            ..
        } => Part::Attribute(name.clone()),
        Source::Meta(_) => Part::Attribute("content".to_owned()),
        Source::Css { json: None, .. } if !rule.fields.is_empty() => Part::Object,
        Source::Css { .. } if rule.cast == Cast::Html => Part::Html,
        Source::Css { .. } if rule.cast == Cast::Markdown => Part::Markdown,
        _ => Part::Text,
    };
    let within = (part == Part::Object).then(|| program.group());
    (part, within)
}

fn path_of(path: &str) -> Option<JsonPath> {
    JsonPath::parse(path).ok()
}

/// The selector of a `meta` element by its name.
fn meta(name: &str) -> String {
    format!("meta[property=\"{name}\"], meta[name=\"{name}\"], meta[itemprop=\"{name}\"]")
}
