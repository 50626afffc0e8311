//! Where in an answer the things are, and which of their keys is an address.

use super::Seen;
use serde_json::{Map, Value};
use std::collections::HashSet;
use url::Url;

/// How deep lists are looked for.
const DEPTH: usize = 8;
/// Lists looked at in one answer.
const LISTS: usize = 500;
/// Things of a list that are looked at.
const LOOKED_AT: usize = 50;
/// Fewest things of a list.
const FEWEST: usize = 2;
/// Keys of addresses, the likeliest first.
const ADDRESSES: [&str; 14] = [
    "url",
    "href",
    "link",
    "permalink",
    "html_url",
    "web_url",
    "weburl",
    "canonical",
    "canonical_url",
    "canonicalurl",
    "page_url",
    "path",
    "uri",
    "share_url",
];
/// Keys of ids, the likeliest first.
const IDS: [&str; 12] = [
    "slug",
    "handle",
    "id",
    "_id",
    "uuid",
    "key",
    "sku",
    "code",
    "objectid",
    "identifier",
    "guid",
    "name",
];
/// What keys of pictures and the like have in them.
const OTHERS: [&str; 14] = [
    "image", "img", "thumb", "avatar", "icon", "logo", "photo", "picture", "api", "self",
    "download", "video", "cover", "media",
];
/// How the address of a file that is no page ends.
const FILES: [&str; 9] = [
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif", ".mp4", ".pdf",
];

/// The things of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Items {
    /// JSONPath to them, such as `$.data.items[*]`.
    pub path: String,
    /// How many an answer has.
    pub count: usize,
    /// One of them.
    pub example: Value,
    /// How each is a page.
    pub address: Address,
}

/// How the things of a listing are pages.
#[derive(Debug, Clone, PartialEq)]
pub enum Address {
    /// They are addresses themselves.
    Itself,
    /// This key of each is one.
    Key(String),
    /// This key of each stands in a template, such as
    /// `https://example.org/item/{id}`, which the page's own links confirm.
    Template {
        /// The key.
        key: String,
        /// The address, the key in braces.
        template: String,
    },
    /// This key of each is an id; where its page is could not be seen.
    Unknown {
        /// The key.
        key: String,
    },
}

/// The best list of an answer.
pub(super) fn find(seen: &Seen, links: &[Url]) -> Option<Items> {
    let mut lists = Vec::new();
    walk(&seen.answer, "$", 0, &mut lists);
    lists
        .into_iter()
        .filter_map(|(path, list)| {
            let address = address(list, &seen.url, links)?;
            let items = Items {
                path: format!("{path}[*]"),
                count: list.len(),
                example: list.first()?.clone(),
                address,
            };
            Some((rank(&items.address), items))
        })
        // Of equals the first, which is the one further out.
        .rev()
        .max_by_key(|(rank, items)| (*rank, items.count))
        .map(|(_, items)| items)
}

fn rank(address: &Address) -> u8 {
    match address {
        Address::Key(_) => 3,
        Address::Template { .. } => 2,
        Address::Itself => 1,
        Address::Unknown { .. } => 0,
    }
}

fn walk<'a>(value: &'a Value, path: &str, depth: usize, lists: &mut Vec<(String, &'a [Value])>) {
    if depth > DEPTH || lists.len() >= LISTS {
        return;
    }
    match value {
        Value::Array(list) => {
            if list.len() >= FEWEST {
                lists.push((path.to_owned(), list));
            }
            // Lists in the things of a list are parts of these.
        }
        Value::Object(map) => {
            for (key, value) in map {
                walk(value, &format!("{path}{}", step(key)), depth + 1, lists);
            }
        }
        _ => {}
    }
}

/// A key as a part of a JSONPath.
pub(super) fn step(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match begins && key.chars().all(plain) {
        true => format!(".{key}"),
        // JSON's escapes are JSONPath's too.
        false => format!("[{}]", Value::from(key)),
    }
}

fn address(list: &[Value], base: &Url, links: &[Url]) -> Option<Address> {
    let looked: Vec<&Value> = list.iter().take(LOOKED_AT).collect();
    let texts: Vec<&str> = looked.iter().filter_map(|item| item.as_str()).collect();
    if texts.len() == looked.len() {
        return is_pages(&texts).then_some(Address::Itself);
    }
    let maps: Vec<&Map<String, Value>> =
        looked.iter().filter_map(|item| item.as_object()).collect();
    if maps.len() * 5 < looked.len() * 4 {
        return None;
    }
    let values =
        |key: &str| -> Vec<&Value> { maps.iter().filter_map(|map| map.get(key)).collect() };
    let mut keys: Vec<&String> = maps.first()?.keys().collect();
    let place = |key: &str, among: &[&str]| {
        let key = key.to_ascii_lowercase();
        among.iter().position(|name| *name == key)
    };
    keys.sort_by_key(|key| place(key, &ADDRESSES).unwrap_or(usize::MAX));
    let of_all = |found: usize| found * 5 >= maps.len() * 4;
    for key in &keys {
        let lower = key.to_ascii_lowercase();
        let texts: Vec<&str> = values(key).into_iter().filter_map(Value::as_str).collect();
        let other = OTHERS.iter().any(|other| lower.contains(other));
        if !other && of_all(texts.len()) && is_pages(&texts) {
            return Some(Address::Key((*key).clone()));
        }
    }
    // An id that the page's own links hold is one; else what is named like one.
    let mut ids: Vec<(&String, Vec<String>)> = Vec::new();
    for key in &keys {
        let found: Vec<String> = values(key).into_iter().filter_map(id).collect();
        let different: HashSet<&String> = found.iter().collect();
        if of_all(found.len()) && different.len() == found.len() {
            ids.push((key, found));
        }
    }
    ids.sort_by_key(|(key, _)| place(key, &IDS).unwrap_or(usize::MAX));
    for (key, found) in &ids {
        if let Some(template) = template(key, found, base, links) {
            let key = (*key).clone();
            return Some(Address::Template { key, template });
        }
    }
    ids.into_iter()
        .find(|(key, _)| place(key, &IDS).is_some() || key.to_ascii_lowercase().ends_with("id"))
        .map(|(key, _)| Address::Unknown { key: key.clone() })
}

/// Whether texts are addresses of different pages.
fn is_pages(texts: &[&str]) -> bool {
    let page = |text: &&&str| {
        let begins = text.starts_with("http://")
            || text.starts_with("https://")
            || (text.starts_with('/') && text.len() > 1);
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let path = path.to_ascii_lowercase();
        begins
            && !text.contains(char::is_whitespace)
            && !FILES.iter().any(|end| path.ends_with(end))
    };
    let pages = texts.iter().filter(page).count();
    let different: HashSet<&&str> = texts.iter().collect();
    texts.len() >= FEWEST && pages == texts.len() && different.len() * 5 >= texts.len() * 4
}

/// An id as it stands in an address.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        Value::String(text) if (1..=100).contains(&text.len()) => {
            let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            text.chars().all(fits).then(|| text.clone())
        }
        _ => None,
    }
}

/// The shape of the links that hold these ids: most of the ids must be in a
/// link of one shape.
fn template(key: &str, ids: &[String], base: &Url, links: &[Url]) -> Option<String> {
    // JSON's braces would end the key.
    if key.contains(['{', '}', '.']) {
        return None;
    }
    let known: HashSet<&str> = links.iter().map(Url::as_str).collect();
    let first = ids.first()?;
    let mut best: Option<(usize, String)> = None;
    for link in links.iter().filter(|link| link.as_str() != base.as_str()) {
        let text = link.as_str();
        let start = link[..url::Position::BeforePath].len();
        for (at, _) in text[start..].match_indices(first.as_str()) {
            let (before, after) = (&text[..start + at], &text[start + at + first.len()..]);
            let within = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            if within(before.chars().last()) || within(after.chars().next()) || before.contains('{')
            {
                continue;
            }
            let with = |id: &String| known.contains(format!("{before}{id}{after}").as_str());
            let count = ids.iter().filter(|id| with(id)).count();
            if count > best.as_ref().map_or(0, |(count, _)| *count) {
                best = Some((count, format!("{before}{{{key}}}{after}")));
            }
        }
    }
    best.filter(|(count, _)| *count >= FEWEST && count * 2 >= ids.len())
        .map(|(_, template)| template)
}
