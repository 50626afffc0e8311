//! APIs whose answers list URLs: what is asked, and what an answer says.

mod answer;
mod template;

pub use self::answer::{Answer, Headers, Problem, read};

use crate::config::{ApiRule, Paging};
use serde::{Deserialize, Serialize};
use url::Url;

/// Largest answer, on the wire and unpacked, bytes.
pub const BYTES: u64 = 16 << 20;
/// Answers remembered, by which a repeated one is known.
const REMEMBERED: usize = 32;

/// What an API is known by from one run to the next.
pub fn key(rule: &ApiRule) -> String {
    format!("api {:016x}", rule.key())
}

/// One turn of asking an API: all that the next request depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// Answers had before.
    pub asked: u64,
    /// URLs in them.
    pub found: u64,
    /// Items in them of which no URL or no record could be made.
    pub bad: u64,
    /// What was wrong with the last answer in which something was.
    pub problem: Option<String>,
    /// The number in the place of `{page}` or `{offset}`.
    number: u64,
    /// The value in the place of `{cursor}`.
    cursor: String,
    /// The address, where the last answer told it.
    address: Option<String>,
    /// Digests of the last answers' items.
    seen: Vec<u64>,
    /// Whether every answer before is in the archive.
    pub kept: bool,
}

/// How far an API has been read, as it is known from one run to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Whether it has come to its end.
    pub done: bool,
    /// Where to go on, where it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Turn>,
    /// Where its answers are in the archive, where all of them are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// An API's answers in the archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The API, as `Site::api_place` tells it.
    pub place: u64,
    /// How many there are, from the first.
    pub answers: u64,
    /// How it was asked, as `Site::api_asks` tells it.
    pub asks: u64,
}

impl Kept {
    /// What the archive knows an answer by, its number counted from 0.
    pub fn name(place: u64, number: u64) -> String {
        format!("api {place:016x} {number}")
    }
}

/// A request, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub url: Url,
    /// What is posted; `None` is a GET.
    pub body: Option<String>,
}

impl Turn {
    /// The first turn.
    pub fn first(rule: &ApiRule) -> Self {
        let mut turn = Self {
            kept: true,
            ..Self::default()
        };
        match &rule.paging {
            Paging::Count { from, .. } => turn.number = *from,
            Paging::Cursor { first, .. } => turn.cursor.clone_from(first),
            Paging::Single | Paging::Next(_) | Paging::Link => {}
        }
        turn
    }

    /// What this turn asks for.
    ///
    /// # Errors
    /// Where that is no address.
    pub fn request(&self, rule: &ApiRule) -> Result<Request, String> {
        let text = match &self.address {
            Some(address) => address.clone(),
            None => self.fill(&rule.url, rule, crate::page::quoted),
        };
        let url = Url::parse(&text).map_err(|error| format!("not an address: {error}"))?;
        let body = rule.body.as_ref().map(|body| {
            let quote = match is_json(body) {
                true => template::in_json,
                false => crate::page::quoted,
            };
            self.fill(body, rule, quote)
        });
        Ok(Request {
            url,
            body: rule.post.then(|| body.unwrap_or_default()),
        })
    }

    /// Puts this turn's value in the place of its mark.
    fn fill(&self, text: &str, rule: &ApiRule, quote: fn(&str) -> String) -> String {
        match &rule.paging {
            Paging::Count { mark, .. } => {
                text.replace(&format!("{{{mark}}}"), &self.number.to_string())
            }
            Paging::Cursor { .. } => text.replace("{cursor}", &quote(&self.cursor)),
            Paging::Single | Paging::Next(_) | Paging::Link => text.to_owned(),
        }
    }

    /// Notes an answer by its items; answers whether it was had before.
    fn is_repeated(&mut self, digest: u64) -> bool {
        if self.seen.contains(&digest) {
            return true;
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(digest);
        false
    }
}

/// Whether a body is JSON, by how it begins.
pub fn is_json(body: &str) -> bool {
    body.trim_start().starts_with(['{', '['])
}

#[cfg(test)]
mod tests;
