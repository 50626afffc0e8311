//! What an answer of an API says.

use super::{Turn, template};
use crate::config::{ApiRule, JsonQuery, Paging};
use crate::discover::source::beginning;
use serde_json::Value;
use url::{Position, Url};
use xxhash_rust::xxh3::Xxh3;

/// Items taken of one answer, by one path.
const ITEMS: usize = 100_000;
/// Bytes of a broken answer that are told.
const EXCERPT: usize = 120;
/// Longest cursor that is sent back, bytes.
const CURSOR: usize = 4096;

/// What of an answer's headers matters.
pub type Headers<'a> = &'a [&'a str];

/// A good answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// URLs in it.
    pub urls: Vec<Url>,
    /// Items of which no URL can be made.
    pub bad: u64,
    /// How the first of those begins; as hostile as it came.
    pub first_bad: String,
    /// The items of each kind of record, in the order of the rules.
    pub items: Vec<Vec<Value>>,
    /// Items beyond those that are taken of one answer.
    pub cut: u64,
    /// What is asked next.
    pub next: Option<Turn>,
    /// Why nothing is asked next; empty where something is.
    pub end: String,
}

/// A broken answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong with it.
    pub why: String,
    /// How it begins; as hostile as it came.
    pub excerpt: String,
}

/// Reads the answer to `turn`, which was had from `url`; `links` are its
/// `Link` headers.
///
/// # Errors
/// Where it is not JSON.
pub fn read(
    rule: &ApiRule,
    turn: &Turn,
    url: &Url,
    bytes: &[u8],
    links: Headers,
) -> Result<Answer, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Problem {
        why: match bytes.trim_ascii().is_empty() {
            true => "it is empty".to_owned(),
            false => format!("it is not JSON: {error}"),
        },
        excerpt: String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]).into_owned(),
    })?;
    let mut turn = turn.clone();
    turn.asked += 1;
    let mut seen = Seen::default();
    let (mut urls, mut bad, mut first_bad) = (Vec::new(), 0, String::new());
    for item in rule.urls.iter().flat_map(|at| seen.take(at, &value)) {
        match location(rule, item, url) {
            Some(url) => urls.push(url),
            None => {
                if bad == 0 {
                    first_bad = beginning(&item.to_string()).to_owned();
                }
                bad += 1;
            }
        }
    }
    let kinds = rule.records.iter();
    let mut items: Vec<Vec<Value>> = kinds
        .map(|kind| {
            seen.take(&kind.items, &value)
                .into_iter()
                .cloned()
                .collect()
        })
        .collect();
    turn.found += urls.len() as u64;
    let repeated = turn.is_repeated(seen.digest.digest());
    if repeated {
        // Of a repeated answer all is known.
        urls.clear();
        items.iter_mut().for_each(Vec::clear);
    }
    let end = if seen.items == 0 {
        Err("an answer without items".to_owned())
    } else if repeated {
        Err("an answer that repeats an earlier one".to_owned())
    } else if turn.asked >= rule.limit {
        Err(format!("limit {} reached", rule.limit))
    } else {
        advance(rule, &mut turn, url, &value, links)
    };
    Ok(Answer {
        urls,
        bad,
        first_bad,
        items,
        cut: seen.cut,
        end: end.as_ref().err().cloned().unwrap_or_default(),
        next: end.is_ok().then_some(turn),
    })
}

/// The items of an answer, as they are met.
#[derive(Default)]
struct Seen {
    items: u64,
    cut: u64,
    digest: Xxh3,
}

impl Seen {
    /// The items at a path, up to the most that are taken.
    fn take<'v>(&mut self, at: &JsonQuery, value: &'v Value) -> Vec<&'v Value> {
        let mut found = at.path.query(value).all();
        self.items += found.len() as u64;
        self.cut += found.len().saturating_sub(ITEMS) as u64;
        found.truncate(ITEMS);
        for item in &found {
            self.digest.update(item.to_string().as_bytes());
            self.digest.update(b"\n");
        }
        found
    }
}

/// The URL of an item.
fn location(rule: &ApiRule, item: &Value, base: &Url) -> Option<Url> {
    let text = match &rule.item {
        Some(template) => template::item(template, item)?,
        None => item.as_str()?.trim().to_owned(),
    };
    let url = (!text.is_empty())
        .then(|| base.join(&text).ok())
        .flatten()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Makes `turn` the next one.
///
/// # Errors
/// Why there is none.
fn advance(
    rule: &ApiRule,
    turn: &mut Turn,
    url: &Url,
    value: &Value,
    links: Headers,
) -> Result<(), String> {
    match &rule.paging {
        Paging::Single => Err("the only answer".to_owned()),
        Paging::Count { step, to, .. } => {
            let next = turn.number.saturating_add(*step);
            if next == turn.number || to.is_some_and(|to| next > to) {
                return Err("the last number".to_owned());
            }
            turn.number = next;
            Ok(())
        }
        Paging::Cursor { at, .. } => {
            let cursor = told(at, value).ok_or("no further cursor")?;
            if cursor == turn.cursor {
                return Err("a cursor that stands still".to_owned());
            }
            if cursor.len() > CURSOR {
                return Err(format!("a cursor of more than {CURSOR} bytes"));
            }
            turn.cursor = cursor;
            Ok(())
        }
        Paging::Next(at) => {
            let text = told(at, value).ok_or("no further address")?;
            follow(rule, turn, url, &text)
        }
        Paging::Link => {
            let text = links.iter().find_map(|header| next_link(header));
            follow(rule, turn, url, &text.ok_or("no further Link")?)
        }
    }
}

/// The value at a place of the answer, where there is one.
fn told(at: &JsonQuery, value: &Value) -> Option<String> {
    let found = at.path.query(value).all();
    found.first().and_then(|value| template::plain(value))
}

/// Takes up an address that the answer told. It may not leave the API's host:
/// the request's headers go with it.
fn follow(rule: &ApiRule, turn: &mut Turn, url: &Url, text: &str) -> Result<(), String> {
    let next = match url.join(text.trim()) {
        Ok(next) if text.len() <= CURSOR => next,
        _ => return Err("a further address that is none".to_owned()),
    };
    let own = Url::parse(&rule.url).map(|own| own[..Position::BeforePath].to_owned());
    if own.as_deref() != Ok(&next[..Position::BeforePath]) {
        return Err("a further address on another host".to_owned());
    }
    if next == *url {
        return Err("a further address that is this one".to_owned());
    }
    turn.address = Some(next.into());
    Ok(())
}

/// The address of `rel=next` in a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        // Up to the next link; a comma within quotes parts nothing.
        let mut quoted = false;
        let end = after.find(|c| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        let (parameters, more) = after.split_at(end.unwrap_or(after.len()));
        let next = parameters.split(';').any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split_ascii_whitespace()
                        .any(|rel| rel.eq_ignore_ascii_case("next"))
            })
        });
        if next {
            return Some(target.trim().to_owned());
        }
        rest = more;
    }
}
