//! `--where`: which rows are written, as `outcome=failed and status>=500`.
//!
//! ```text
//! any     = all { "or" all }
//! all     = one { "and" one }
//! one     = "not" one | "(" any ")" | NAME COMPARISON VALUE
//! ```

use regex::Regex;
use std::cmp::Ordering;

/// Parentheses and `not`s within each other at most.
const NESTING: usize = 64;

/// What a row is judged by. `None` fits no comparison but `!=` and `!~`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    pub(super) site: &'a str,
    /// The record's name; `None` for pages.
    pub(super) record: Option<&'a str>,
    pub(super) outcome: &'a str,
    pub(super) reason: Option<&'a str>,
    pub(super) status: Option<u16>,
    pub(super) depth: u32,
    pub(super) url: &'a str,
}

/// A condition, parsed.
#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Number(Name, Comparison, i64),
    Text(Name, Comparison, String),
    Matches(Name, Regex),
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Site,
    Record,
    Outcome,
    Reason,
    Status,
    Depth,
    Url,
}

const NAMES: [(&str, Name); 7] = [
    ("site", Name::Site),
    ("record", Name::Record),
    ("outcome", Name::Outcome),
    ("reason", Name::Reason),
    ("status", Name::Status),
    ("depth", Name::Depth),
    ("url", Name::Url),
];

/// What `outcome` can be.
const OUTCOMES: [&str; 4] = ["done", "failed", "skipped", "queued"];

/// How it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    Matches,
    MatchesNot,
}

/// Longest first, so that `>=` is not read as `>`.
const COMPARISONS: [(&str, Comparison); 9] = [
    ("!=", Comparison::IsNot),
    ("!~", Comparison::MatchesNot),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Is),
    ("=", Comparison::Is),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("~", Comparison::Matches),
];

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Is => order.is_eq(),
            Self::IsNot => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            // Not made for these: they have a pattern.
            Self::Matches | Self::MatchesNot => false,
        }
    }
}

/// What is wrong with a condition, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--where, character {at}: {message}")]
pub(super) struct FilterError {
    /// Counted from 1.
    pub(super) at: usize,
    pub(super) message: String,
}

impl Filter {
    /// Reads a condition.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser {
            text,
            at: 0,
            deep: 0,
        };
        let filter = parser.any()?;
        parser.gap();
        match parser.rest().chars().next() {
            None => Ok(filter),
            Some(')') => Err(parser.wrong("this ) closes nothing")),
            Some(_) => Err(parser.wrong("and or or is missing here")),
        }
    }

    /// Whether a row is written.
    pub(super) fn takes(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.takes(facts)),
            Self::All(parts) => parts.iter().all(|part| part.takes(facts)),
            Self::Not(part) => !part.takes(facts),
            Self::Number(name, how, value) => {
                let own = match name {
                    Name::Status => facts.status.map(i64::from),
                    _ => Some(i64::from(facts.depth)),
                };
                own.map_or(*how == Comparison::IsNot, |own| how.holds(own.cmp(value)))
            }
            Self::Text(name, how, value) => text_of(*name, facts)
                .map_or(*how == Comparison::IsNot, |own| {
                    how.holds(own.cmp(value.as_str()))
                }),
            Self::Matches(name, pattern) => {
                text_of(*name, facts).is_some_and(|own| pattern.is_match(own))
            }
        }
    }
}

fn text_of<'a>(name: Name, facts: &Facts<'a>) -> Option<&'a str> {
    match name {
        Name::Site => Some(facts.site),
        Name::Record => facts.record,
        Name::Outcome => Some(facts.outcome),
        Name::Reason => facts.reason,
        Name::Url => Some(facts.url),
        // Compared as numbers.
        Name::Status | Name::Depth => None,
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Bytes read.
    at: usize,
    deep: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn one(&mut self) -> Result<Filter, FilterError> {
        self.gap();
        if self.deep == NESTING {
            return Err(self.wrong("nested too deeply"));
        }
        self.deep += 1;
        let filter = if self.word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.rest().starts_with('(') {
            let open = self.at;
            self.at += 1;
            let inner = self.any()?;
            self.gap();
            if !self.rest().starts_with(')') {
                self.at = open;
                return Err(self.wrong("this ( is not closed"));
            }
            self.at += 1;
            inner
        } else {
            self.comparison()?
        };
        self.deep -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, FilterError> {
        let begin = self.at;
        let word = self.bare(|c| c.is_alphanumeric() || c == '_');
        let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == word) else {
            self.at = begin;
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            let what = match word {
                "" => "a comparison belongs here".to_owned(),
                word => format!("nothing is called {word}"),
            };
            return Err(self.wrong(&format!("{what}; there is {}", names.join(", "))));
        };
        self.gap();
        let mark = self.at;
        let rest = self.rest();
        let Some((sign, how)) = COMPARISONS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            return Err(self.wrong("one of = != < <= > >= ~ !~ belongs here"));
        };
        self.at += sign.len();
        let (at, value) = self.value()?;
        let wrong = |at, message| FilterError {
            at: self.text[..at].chars().count() + 1,
            message,
        };
        let is_number = matches!(name, Name::Status | Name::Depth);
        match how {
            Comparison::Matches | Comparison::MatchesNot => {
                if is_number {
                    let message = "a number is compared with = != < <= > >=".to_owned();
                    return Err(wrong(mark, message));
                }
                let pattern = Regex::new(&value).map_err(|error| {
                    let error = error.to_string();
                    let reason = error.lines().last().unwrap_or_default();
                    let reason = reason.trim().trim_start_matches("error: ");
                    wrong(at, format!("not a regular expression: {reason}"))
                })?;
                let filter = Filter::Matches(*name, pattern);
                Ok(match how {
                    Comparison::MatchesNot => Filter::Not(Box::new(filter)),
                    _ => filter,
                })
            }
            how if is_number => match value.parse() {
                Ok(number) => Ok(Filter::Number(*name, *how, number)),
                Err(_) => Err(wrong(at, format!("{word} is a number, {value} is none"))),
            },
            _ if *name == Name::Outcome && !OUTCOMES.contains(&value.as_str()) => {
                let known = OUTCOMES.join(", ");
                Err(wrong(
                    at,
                    format!("no outcome is called {value}; there is {known}"),
                ))
            }
            how => Ok(Filter::Text(*name, *how, value)),
        }
    }

    /// A value and where it begins: quoted, or up to white space or a `)`.
    fn value(&mut self) -> Result<(usize, String), FilterError> {
        self.gap();
        let at = self.at;
        let Some(quote) = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
        else {
            let word = self.bare(|c| !c.is_whitespace() && !matches!(c, '(' | ')'));
            return match word {
                "" => Err(self.wrong("a value belongs here")),
                word => Ok((at, word.to_owned())),
            };
        };
        let inner = &self.rest()[1..];
        match inner.find(quote) {
            None => Err(self.wrong("this quotation mark is not closed")),
            Some(end) => {
                self.at += end + 2;
                Ok((at, inner[..end].to_owned()))
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn gap(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn bare(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find(|c| !fits(c)).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Takes this word, where it stands next.
    fn word(&mut self, word: &str) -> bool {
        self.gap();
        let begin = self.at;
        if self.bare(char::is_alphanumeric).eq_ignore_ascii_case(word) {
            return true;
        }
        self.at = begin;
        false
    }

    fn wrong(&self, message: &str) -> FilterError {
        FilterError {
            at: self.text[..self.at].chars().count() + 1,
            message: message.to_owned(),
        }
    }
}

fn one_or(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests;
