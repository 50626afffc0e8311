//! What is taken of pages and of APIs' answers.

use super::site::Pattern;
use serde_json::Value;
use std::fmt;

/// A kind of record and the pages that carry it.
#[derive(Debug, Clone)]
pub struct RecordRule {
    /// The record's name.
    pub record: String,
    /// Path-and-query pattern of its pages; `None` takes every page.
    pub when: Option<Pattern>,
    /// Its fields, in the order of the file; at least one.
    pub fields: Vec<FieldRule>,
}

/// One field of a record, or of an object in it.
#[derive(Debug, Clone)]
pub struct FieldRule {
    /// The field's name.
    pub name: String,
    /// Where it is found.
    pub source: Source,
    /// Of its text only what this matches: the first group, or the whole.
    pub matching: Option<Pattern>,
    /// Fields of its own, which make it an object; empty where it is a value.
    pub fields: Vec<FieldRule>,
    /// Every match as a list, instead of the first.
    pub all: bool,
    /// What the text is turned into.
    pub cast: Cast,
    /// How a date is written, by `strptime`'s letters; by default as is common.
    pub format: Option<String>,
    /// Taken where nothing matches or the cast fails.
    pub default: Option<Value>,
    /// Without it (and without a default) the page yields no record.
    pub required: bool,
}

/// Where a field is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In elements.
    Css {
        /// The first of these that finds a value counts. None at all, within
        /// an object, is the object's own element.
        selectors: Vec<Selector>,
        /// What is taken of an element.
        pick: Pick,
        /// Where in the JSON that was picked.
        json: Option<JsonPath>,
    },
    /// In a page that is JSON, or in an object of one.
    Json(JsonPath),
    /// In the page's JSON-LD: a type, and names of properties behind it,
    /// separated by dots.
    JsonLd(String),
    /// The content of a `meta` element of this name, property or itemprop.
    Meta(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Css {
                selectors,
                pick,
                json,
            } => {
                for (place, selector) in selectors.iter().enumerate() {
                    let or = if place == 0 { "" } else { " or " };
                    write!(f, "{or}{}", selector.0)?;
                }
                if selectors.is_empty() {
                    f.write_str("itself")?;
                }
                if let Pick::Attr(name) = pick {
                    write!(f, " @{name}")?;
                }
                match json {
                    Some(path) => write!(f, " {}", path.0),
                    None => Ok(()),
                }
            }
            Self::Json(path) => f.write_str(&path.0),
            Self::JsonLd(path) => write!(f, "jsonld {path}"),
            Self::Meta(name) => write!(f, "meta {name}"),
        }
    }
}

/// A CSS selector, checked when the file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(pub String);

/// A JSONPath (RFC 9535), checked when the file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath(pub String);

/// What is taken of a matched element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Its text, white space folded.
    Text,
    /// The value of an attribute.
    Attr(String),
}

/// What a field's text is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// As it is, white space folded.
    Text,
    /// A JSON number; thousands separators and a currency around it are dropped.
    Number,
    /// A number without decimals.
    Integer,
    /// `true` or `false`, of words that say so.
    Bool,
    /// A date by ISO 8601, with its time where it has one.
    Date,
    /// An absolute URL, resolved against the page's base.
    Url,
    /// The element's inner HTML.
    Html,
    /// The element's content as Markdown.
    Markdown,
    /// Parsed as JSON; what is JSON already, as it is.
    Json,
}
