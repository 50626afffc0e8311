//! Records: the fields that a site's rules take of a page, by CSS.

use crate::config::{Cast, FieldRule, Pattern, Pick, RecordRule};
use scraper::{ElementRef, Html, Selector};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// A record: the fields as one JSON object, in the order of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which rule, from 0.
    pub rule: u16,
    /// Its fields that came out empty, from 0.
    pub missing: Box<[u16]>,
    /// The rule's name.
    pub name: Arc<str>,
    /// The fields.
    pub fields: Map<String, Value>,
}

/// What a rule made of a page, for an operator who asks why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The rule's name.
    pub record: Arc<str>,
    /// Each field: its name, its selector, how many elements match, what was taken.
    pub fields: Vec<(String, String, usize, Value)>,
    /// The required field that is missing, so that there is no record.
    pub missing: Option<String>,
}

#[derive(Debug)]
struct Rule {
    name: Arc<str>,
    when: Option<Pattern>,
    fields: Vec<FieldRule>,
}

/// A site's rules.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<Rule>,
}

thread_local! {
    /// Compiled selectors; they cannot leave their thread.
    static SELECTORS: RefCell<HashMap<String, Arc<Selector>>> = RefCell::default();
}

/// Compiled selectors kept by a thread.
const SELECTORS_KEPT: usize = 4096;

fn selector(css: &str) -> Option<Arc<Selector>> {
    SELECTORS.with_borrow_mut(|known| {
        if let Some(selector) = known.get(css) {
            return Some(selector.clone());
        }
        let selector = Arc::new(Selector::parse(css).ok()?);
        if known.len() >= SELECTORS_KEPT {
            known.clear();
        }
        known.insert(css.to_owned(), selector.clone());
        Some(selector)
    })
}

impl Plan {
    /// The plan for a site's rules.
    pub fn compile(rules: &[RecordRule]) -> Self {
        let rules = rules
            .iter()
            .map(|rule| Rule {
                name: rule.record.as_str().into(),
                when: rule.when.clone(),
                fields: rule.fields.clone(),
            })
            .collect();
        Self { rules }
    }

    /// Whether any rule takes something of a page with this path and query.
    pub fn wants(&self, path: &str) -> bool {
        self.rules.iter().any(|rule| rule.takes(path))
    }

    /// The records of a page. The document is built once, and only if a rule
    /// takes something of the page.
    pub fn records(&self, html: &str, path: &str, base: &Url) -> Vec<Record> {
        let numbers = (0u16..)
            .zip(&self.rules)
            .filter(|(_, rule)| rule.takes(path));
        let rules: Vec<u16> = numbers.map(|(n, _)| n).collect();
        rules
            .into_iter()
            .zip(self.explain(html, path, base))
            .filter(|(_, explained)| explained.missing.is_none())
            .map(|(rule, explained)| Record {
                rule,
                missing: (0u16..)
                    .zip(&explained.fields)
                    .filter(|(_, (_, _, _, value))| is_nothing(value))
                    .map(|(n, _)| n)
                    .collect(),
                name: explained.record,
                fields: explained
                    .fields
                    .into_iter()
                    .map(|(name, _, _, value)| (name, value))
                    .collect(),
            })
            .collect()
    }

    /// What every rule that takes something of the page makes of it.
    pub fn explain(&self, html: &str, path: &str, base: &Url) -> Vec<Explained> {
        if !self.wants(path) {
            return Vec::new();
        }
        let document = Html::parse_document(html);
        self.rules
            .iter()
            .filter(|rule| rule.takes(path))
            .map(|rule| rule.apply(&document, base))
            .collect()
    }
}

impl Rule {
    fn takes(&self, path: &str) -> bool {
        self.when.as_ref().is_none_or(|when| when.0.is_match(path))
    }

    fn apply(&self, document: &Html, base: &Url) -> Explained {
        let mut explained = Explained {
            record: self.name.clone(),
            fields: Vec::with_capacity(self.fields.len()),
            missing: None,
        };
        for field in &self.fields {
            let (matched, value) = take(field, document, base);
            if field.required && is_nothing(&value) && explained.missing.is_none() {
                explained.missing = Some(field.name.clone());
            }
            explained
                .fields
                .push((field.name.clone(), field.css.0.clone(), matched, value));
        }
        explained
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

/// How many elements a field matches, and its value.
fn take(field: &FieldRule, document: &Html, base: &Url) -> (usize, Value) {
    let default = || field.default.clone().unwrap_or(Value::Null);
    // The sites file is refused where a selector does not parse.
    let Some(selector) = selector(&field.css.0) else {
        return (0, default());
    };
    let mut elements = document.select(&selector);
    if field.all {
        let elements: Vec<ElementRef> = elements.collect();
        let values: Vec<Value> = elements
            .iter()
            .filter_map(|element| value(field, *element, base))
            .collect();
        let value = match field.default.clone() {
            Some(default) if values.is_empty() => default,
            _ => Value::Array(values),
        };
        return (elements.len(), value);
    }
    match elements.next() {
        None => (0, default()),
        Some(first) => {
            let value = value(field, first, base).unwrap_or_else(default);
            (1 + elements.count(), value)
        }
    }
}

/// What one element yields; `None` where it has no such attribute, or its text
/// is not what the field is to be.
fn value(field: &FieldRule, element: ElementRef, base: &Url) -> Option<Value> {
    if field.cast == Cast::Html && field.pick == Pick::Text {
        return Some(Value::String(element.inner_html()));
    }
    let text = match &field.pick {
        Pick::Text => folded(element.text()),
        Pick::Attr(name) => element.attr(name)?.trim().to_owned(),
    };
    match field.cast {
        Cast::Text | Cast::Html => Some(Value::String(text)),
        Cast::Number => number(&text).map(Value::Number),
        Cast::Url => {
            let url = base.join(&text).ok().filter(|_| !text.is_empty())?;
            Some(Value::String(url.into()))
        }
        Cast::Json => serde_json::from_str(&text).ok(),
    }
}

/// Text with its white space folded: runs become one space, ends are trimmed.
fn folded<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    let mut gap = false;
    for part in parts {
        for word in part.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end_matches(char::is_whitespace);
            if !bare.is_empty() {
                if gap && !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(bare);
                gap = false;
            }
            gap |= bare.len() != word.len();
        }
    }
    out
}

/// The first number in a text, currency and words around it left out.
///
/// Of `.` and `,` the last one to appear is the decimal mark and the other
/// groups digits; a lone mark groups if it appears more than once or exactly
/// three digits follow a comma (`1,234`), else it is the decimal mark. Spaces
/// and apostrophes between digits group. Whole numbers stay whole.
fn number(text: &str) -> Option<Number> {
    let begin = text.find(|c: char| c.is_ascii_digit())?;
    let before = text[..begin]
        .trim_end_matches(|c: char| !(c == '-' || c == '−' || c == '.' || c.is_ascii()));
    let negative = before.trim_end().ends_with(['-', '−'])
        && !before
            .trim_end()
            .trim_end_matches(['-', '−'])
            .ends_with(char::is_alphanumeric);
    let leading_dot = text[..begin].ends_with('.');
    let mut digits = String::new();
    let mut marks: Vec<(usize, char)> = Vec::new();
    let mut rest = text[begin..].chars().peekable();
    while let Some(c) = rest.next() {
        let digit_next = rest.peek().is_some_and(char::is_ascii_digit);
        match c {
            '0'..='9' => digits.push(c),
            '.' | ',' if digit_next => marks.push((digits.len(), c)),
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' if digit_next => {
                // Only groups of three are grouped; else a new number begins.
                let group: String = rest.clone().take_while(char::is_ascii_digit).collect();
                if group.len() != 3 {
                    break;
                }
            }
            _ => break,
        }
    }
    let decimal = match marks.last().copied() {
        _ if leading_dot && marks.is_empty() => Some(0),
        None => None,
        Some((at, mark)) => {
            let alone = marks.iter().all(|(_, other)| *other == mark);
            let groups = alone && (marks.len() > 1 || (mark == ',' && digits.len() - at == 3));
            (!groups).then_some(at)
        }
    };
    let sign = if negative { "-" } else { "" };
    match decimal {
        None => {
            let whole = format!("{sign}{digits}");
            whole
                .parse::<i64>()
                .map(Number::from)
                .ok()
                .or_else(|| Number::from_f64(whole.parse().ok()?))
        }
        Some(at) => {
            let (whole, part) = digits.split_at(at);
            Number::from_f64(format!("{sign}0{whole}.{part}").parse().ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Selector as Css;
    use serde_json::json;

    fn field(name: &str, css: &str) -> FieldRule {
        FieldRule {
            name: name.to_owned(),
            css: Css(css.to_owned()),
            pick: Pick::Text,
            all: false,
            cast: Cast::Text,
            default: None,
            required: false,
        }
    }

    fn records(fields: Vec<FieldRule>, html: &str) -> Vec<Value> {
        let rule = RecordRule {
            record: "r".to_owned(),
            when: Some(Pattern(regex::Regex::new("^/book/").unwrap())),
            fields,
        };
        let plan = Plan::compile(&[rule]);
        let base = Url::parse("http://e.org/book/1").unwrap();
        assert!(plan.records(html, "/list", &base).is_empty());
        plan.records(html, "/book/1", &base)
            .into_iter()
            .map(|record| Value::Object(record.fields))
            .collect()
    }

    #[test]
    fn a_record() {
        let html = "<h1> The\n <b>Book</b>s </h1><p class=price>£ 1,234.50</p><i>a</i><i> b </i>\
            <img src='/c.jpg'><script type=x>{\"k\": [1]}</script>";
        let fields = vec![
            field("title", "h1"),
            FieldRule {
                cast: Cast::Number,
                ..field("price", ".price")
            },
            FieldRule {
                all: true,
                ..field("tags", "i")
            },
            FieldRule {
                cast: Cast::Url,
                pick: Pick::Attr("src".into()),
                ..field("cover", "img")
            },
            FieldRule {
                cast: Cast::Json,
                ..field("data", "script")
            },
            FieldRule {
                cast: Cast::Html,
                ..field("inner", "h1 b")
            },
            FieldRule {
                default: Some(json!("none")),
                ..field("gone", ".gone")
            },
            field("null", ".gone"),
        ];
        assert_eq!(
            records(fields, html),
            [
                json!({"title": "The Books", "price": 1234.5, "tags": ["a", "b"],
                "cover": "http://e.org/c.jpg", "data": {"k": [1]}, "inner": "Book",
                "gone": "none", "null": null})
            ]
        );
    }

    #[test]
    fn without_a_required_field_there_is_no_record() {
        let fields = vec![FieldRule {
            required: true,
            ..field("a", "h1")
        }];
        assert!(records(fields.clone(), "<p>x").is_empty());
        assert_eq!(records(fields, "<h1>x").len(), 1);
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("£51.77", json!(51.77)),
            ("1.234,56 €", json!(1234.56)),
            ("1,234.56", json!(1234.56)),
            ("1,234", json!(1234)),
            ("1.234.567", json!(1234567)),
            ("12,5", json!(12.5)),
            ("1 234 567", json!(1234567)),
            ("1'000.5", json!(1000.5)),
            ("-3", json!(-3)),
            ("In stock (22 available)", json!(22)),
            ("2 3", json!(2)),
            (".5", json!(0.5)),
            ("9223372036854775808", json!(9223372036854775808.0)),
        ] {
            assert_eq!(number(text).map(Value::Number), Some(expected), "{text}");
        }
        assert_eq!(number("none"), None);
    }

    #[test]
    fn deep_nesting_breaks_nothing() {
        let html = "<div>".repeat(50_000) + "<h1>x</h1>";
        assert_eq!(records(vec![field("t", "h1")], &html), [json!({"t": "x"})]);
    }
}
