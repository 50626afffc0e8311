//! Lists and APIs as they are written in the sites file.

use crate::config::forms::{FieldForm, Forms, Headers, Never, OrderedMap};
use crate::config::scalar::{
    Column, FormatName, JsonPathText, Method, Name, NextPage, Number, Positive, Text,
};
use serde::de::{Deserialize, Deserializer};
use std::marker::PhantomData;

/// A list's file or URL alone, or with its options.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum ListForm {
    /// A file, by its path from the sites file, or a URL.
    Short(Text),
    /// With options.
    Long(Box<ListSource>),
}

/// A list of URLs made by another tool.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListSource {
    /// A file, by its path from the sites file, or a URL.
    pub from: Text,
    /// `txt`, `csv`, `jsonl` or `sitemap`; by default told by its name or its first bytes.
    pub format: Option<FormatName>,
    /// The column of a csv that holds the URLs: its name, or its number from 1.
    pub column: Option<Column>,
    /// JSONPath to the URL in a line of jsonl.
    pub path: Option<JsonPathText>,
}

impl<'de> Deserialize<'de> for ListForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, Text, Never, ListSource> {
            what: "a file, a URL, or a map with from",
            word: Some(Self::Short),
            list: None,
            map: Some(|list| Self::Long(Box::new(list))),
            marker: PhantomData,
        })
    }
}

/// An API whose answers list URLs, or hold records.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiSource {
    /// Its address; `{page}`, `{offset}` or `{cursor}` stands for what changes.
    pub url: Text,
    /// `GET` or `POST`; by default GET, and POST where there is a body.
    pub method: Option<Method>,
    /// Further request headers.
    pub headers: Option<Headers>,
    /// What is posted; the same marks may stand in it.
    pub body: Option<Text>,
    /// JSONPath to the URLs of an answer, or to the items that hold them.
    pub urls: Option<JsonPathText>,
    /// Records that stand in the answers.
    pub records: Option<Vec<ApiRecord>>,
    /// Makes a URL of each: `https://example.org/item/{id}`, `{id}` being a key of the item.
    pub item: Option<Text>,
    /// Numbers of pages, in the place of `{page}`.
    pub page: Option<Count>,
    /// Numbers of items, in the place of `{offset}`.
    pub offset: Option<Count>,
    /// JSONPath to the value of an answer that the next request has in the place of `{cursor}`.
    pub cursor: Option<CursorForm>,
    /// `link` (the header `Link: rel=next`), or JSONPath to the next answer's address.
    pub next: Option<NextPage>,
    /// Answers at most; 10,000 where it is left out.
    pub limit: Option<Positive>,
}

/// A kind of record that stands in an API's answers.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiRecord {
    /// The record's name.
    pub record: Name,
    /// JSONPath to the items of an answer; each is a record.
    pub items: JsonPathText,
    /// Its fields: a JSONPath from the item each, or a map.
    pub fields: OrderedMap<FieldForm>,
}

/// Numbers that are counted through.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The first; by default 1 for pages and 0 for offsets.
    pub from: Option<Number>,
    /// The last; by default an empty answer ends it.
    pub to: Option<Number>,
    /// What is added each time; 1 for pages where it is left out.
    pub step: Option<Positive>,
}

/// Where the cursor is, alone or with its first value.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(untagged))]
pub enum CursorForm {
    /// Its place; the first request has none.
    Short(JsonPathText),
    /// With its first value.
    Long(CursorSource),
}

/// A cursor with its first value.
#[derive(Debug, Clone, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CursorSource {
    /// JSONPath to it in the last answer.
    pub at: JsonPathText,
    /// What the first request has in its place.
    pub first: Option<Text>,
}

impl<'de> Deserialize<'de> for CursorForm {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Forms::<Self, JsonPathText, Never, CursorSource> {
            what: "a JSONPath such as $.next, or a map of at and first",
            word: Some(Self::Short),
            list: None,
            map: Some(Self::Long),
            marker: PhantomData,
        })
    }
}
