//! How the next part of a listing is asked for: what changes from request to
//! request, and else what is called as such things are.

use super::items::step;
use super::{Items, Seen};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

const PAGES: [&str; 10] = [
    "page",
    "p",
    "pg",
    "pagenumber",
    "page_number",
    "pageno",
    "pageindex",
    "page_no",
    "currentpage",
    "pagenum",
];
const OFFSETS: [&str; 8] = [
    "offset",
    "start",
    "from",
    "skip",
    "begin",
    "startindex",
    "start_index",
    "first_result",
];
const CURSORS: [&str; 13] = [
    "cursor",
    "after",
    "next",
    "token",
    "pagetoken",
    "page_token",
    "nexttoken",
    "next_token",
    "continuation",
    "continuationtoken",
    "endcursor",
    "next_cursor",
    "nextcursor",
];
const SIZES: [&str; 12] = [
    "limit",
    "size",
    "per_page",
    "perpage",
    "pagesize",
    "page_size",
    "count",
    "rows",
    "take",
    "first",
    "num",
    "hitsperpage",
];
/// How deep what is posted is looked through.
const DEPTH: usize = 4;
/// How deep an answer is searched for a cursor.
const ANSWER_DEPTH: usize = 6;

/// What the next part is asked by.
#[derive(Debug, Clone, PartialEq)]
pub struct Paging {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Whether requests were seen that differ in it; else it is only called so.
    pub proven: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// This parameter of the query.
    Query(String),
    /// At this JSON pointer (RFC 6901) of what is posted.
    Posted(String),
}

impl Place {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Query(name) => name,
            Self::Posted(pointer) => pointer.rsplit('/').next().unwrap_or_default(),
        }
    }
}

/// What a parameter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A page's number; the first of them.
    Page(u64),
    /// The number of the first thing; how many each answer has.
    Offset(u64),
    /// A value of the answer before, at this JSONPath.
    Cursor(String),
}

/// A parameter's values, request by request; `None` where one has it not.
type Values = Vec<Option<String>>;

/// How a group of requests of one API goes on.
pub(super) fn find(group: &[&Seen], items: &Items) -> Option<Paging> {
    let of_each: Vec<BTreeMap<Place, String>> = group.iter().map(|seen| parameters(seen)).collect();
    let mut all: BTreeMap<&Place, Values> = BTreeMap::new();
    for (request, of_it) in of_each.iter().enumerate() {
        for (place, value) in of_it {
            let values = all
                .entry(place)
                .or_insert_with(|| vec![None; of_each.len()]);
            values[request] = Some(value.clone());
        }
    }
    let size = size(&all, items.count);
    let mut proven = None;
    for (place, values) in &all {
        if let Some(kind) = changing(place.name(), values, group, size) {
            let better =
                |old: &Paging| called(place.name()).is_some() && called(old.place.name()).is_none();
            if proven.as_ref().is_none_or(better) {
                let place = (*place).clone();
                proven = Some(Paging {
                    place,
                    kind,
                    proven: true,
                });
            }
        }
    }
    proven.or_else(|| {
        all.iter().find_map(|(place, values)| {
            let kind = named(place, values.first()?.as_deref(), group[0], size)?;
            let place = (*place).clone();
            Some(Paging {
                place,
                kind,
                proven: false,
            })
        })
    })
}

/// How many things an answer has: what a parameter says, if the answer bears
/// it out, else what was counted.
fn size(all: &BTreeMap<&Place, Values>, counted: usize) -> u64 {
    let counted = counted as u64;
    let said = all
        .iter()
        .filter(|(place, _)| is_among(place.name(), &SIZES));
    let said = said.filter_map(|(_, values)| values.first()?.as_ref()?.parse::<u64>().ok());
    said.into_iter()
        .find(|said| *said >= counted && *said <= 10_000)
        .unwrap_or(counted)
}

/// What a parameter is whose value changes from request to request.
fn changing(name: &str, values: &Values, group: &[&Seen], size: u64) -> Option<Kind> {
    let pairs = || values.iter().zip(values.iter().skip(1));
    let numbers: Vec<u64> = values
        .iter()
        .flatten()
        .filter_map(|text| text.parse().ok())
        .collect();
    let all_numbers = numbers.len() == values.iter().flatten().count();
    let risen = numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .map(|(a, b)| b.checked_sub(*a));
    let least = risen.flatten().filter(|rise| *rise > 0).min();
    let absent_first = values.first()?.is_none();
    if all_numbers && (least.is_some() || (absent_first && !numbers.is_empty())) {
        let first = *numbers.first()?;
        let kind = called(name);
        let rise = least.unwrap_or(first);
        // Typed by what it is called, and else by how it rises.
        return match kind {
            Some(Kind::Page(_)) => Some(page(first, absent_first)),
            Some(Kind::Offset(_)) => Some(Kind::Offset(rise.max(1))),
            Some(Kind::Cursor(_)) => cursor_of(values, group),
            None if rise == 1 => Some(page(first, absent_first)),
            None if rise == size && size > 1 => Some(Kind::Offset(rise)),
            None => None,
        };
    }
    let changes = pairs().any(|(before, after)| after.is_some() && before != after);
    changes.then(|| cursor_of(values, group)).flatten()
}

/// Pages from `first`; a first request without a number is the page before it.
fn page(first: u64, absent_first: bool) -> Kind {
    match absent_first {
        true => Kind::Page(first.saturating_sub(1)),
        // Few begin in the middle: the page was opened there.
        false => Kind::Page(first.min(1)),
    }
}

/// A parameter whose value stood in the answer before.
fn cursor_of(values: &Values, group: &[&Seen]) -> Option<Kind> {
    values
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(request, value)| {
            let value = value.as_deref().filter(|value| !value.is_empty())?;
            path_of(&group[request - 1].answer, value, "$", 0).map(Kind::Cursor)
        })
}

/// Where in an answer a value stands, lists left out.
fn path_of(answer: &Value, wanted: &str, path: &str, depth: usize) -> Option<String> {
    match answer {
        Value::Object(map) if depth < ANSWER_DEPTH => map.iter().find_map(|(key, value)| {
            path_of(value, wanted, &format!("{path}{}", step(key)), depth + 1)
        }),
        Value::String(text) if text == wanted => Some(path.to_owned()),
        Value::Number(number) if number.to_string() == wanted => Some(path.to_owned()),
        _ => None,
    }
}

/// What a parameter is by what it is called, where one request alone was seen.
fn named(place: &Place, value: Option<&str>, seen: &Seen, size: u64) -> Option<Kind> {
    let number = value.map(str::parse::<u64>);
    match called(place.name())? {
        Kind::Page(_) => Some(Kind::Page(number?.ok()?.min(1))),
        Kind::Offset(_) => number?.ok().map(|_| Kind::Offset(size.max(1))),
        Kind::Cursor(_) => next_cursor(&seen.answer, "$", 0).map(Kind::Cursor),
    }
}

/// A value of an answer that is called as the next cursor is.
fn next_cursor(answer: &Value, path: &str, depth: usize) -> Option<String> {
    let Value::Object(map) = answer else {
        return None;
    };
    let here = map.iter().find(|(key, value)| {
        let filled = value.as_str().is_some_and(|text| !text.is_empty()) || value.is_number();
        filled && is_among(key, &CURSORS)
    });
    if let Some((key, _)) = here {
        return Some(format!("{path}{}", step(key)));
    }
    let mut inner = map.iter().filter(|_| depth < ANSWER_DEPTH);
    inner.find_map(|(key, value)| next_cursor(value, &format!("{path}{}", step(key)), depth + 1))
}

/// What is called so.
fn called(name: &str) -> Option<Kind> {
    if is_among(name, &PAGES) {
        Some(Kind::Page(1))
    } else if is_among(name, &OFFSETS) {
        Some(Kind::Offset(1))
    } else if is_among(name, &CURSORS) {
        Some(Kind::Cursor(String::new()))
    } else {
        None
    }
}

fn is_among(name: &str, names: &[&str]) -> bool {
    // `page[number]` and `filter.page` are so called too.
    let lower = name.to_ascii_lowercase();
    let last = lower.rsplit(['[', '.']).next().unwrap_or_default();
    names.contains(&lower.as_str()) || names.contains(&last.trim_end_matches(']'))
}

/// All parameters of a request, by where they stand.
fn parameters(seen: &Seen) -> BTreeMap<Place, String> {
    let query = |url: &Url| -> Vec<(Place, String)> {
        let pairs = url.query_pairs();
        pairs
            .map(|(name, value)| (Place::Query(name.into_owned()), value.into_owned()))
            .collect()
    };
    let mut all: BTreeMap<Place, String> = query(&seen.url).into_iter().collect();
    if let Some(Ok(posted)) = seen.posted.as_deref().map(serde_json::from_str::<Value>) {
        walk(&posted, String::new(), 0, &mut all);
    }
    all
}

fn walk(value: &Value, pointer: String, depth: usize, all: &mut BTreeMap<Place, String>) {
    match value {
        Value::Object(map) if depth < DEPTH => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                walk(value, format!("{pointer}/{key}"), depth + 1, all);
            }
        }
        Value::String(text) => {
            all.insert(Place::Posted(pointer), text.clone());
        }
        Value::Number(number) => {
            all.insert(Place::Posted(pointer), number.to_string());
        }
        // A cursor before the first answer.
        Value::Null => {
            all.insert(Place::Posted(pointer), String::new());
        }
        _ => {}
    }
}
