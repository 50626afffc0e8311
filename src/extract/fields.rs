//! Records: the fields that a site's rules take of a page.
//!
//! A page is read once, for its links and its fields alike. Where a rule, or
//! the page itself, is beyond that pass, a DOM is built for the fields.

use super::content::{Beside, Content};
use super::dom::{self, Dom, Within};
use super::gather::{Gather, Picked, Place};
use super::links::{PageHead, RawLink};
use super::pass::{self, Told};
use super::rule::{self, Field, Part, Take};
use super::stream::{Found, Hit, Program, Streaming};
use super::value::is_nothing;
use crate::config::{Pattern, RecordRule};
use serde_json::{Map, Value};
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

/// What was taken of a page.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Taken {
    /// Its records.
    pub records: Vec<Record>,
    /// What of the page was left out, in words.
    pub note: Option<String>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) when: Option<Pattern>,
    pub(super) fields: Vec<Field>,
    /// Its group in the streaming pass; `None` where it needs a DOM.
    group: Option<usize>,
    /// Whether it takes of pages that are JSON.
    pub(super) json: bool,
}

/// A site's rules.
#[derive(Debug)]
pub struct Plan {
    pub(super) rules: Vec<Rule>,
    program: Program,
}

/// A page between its links and its records.
pub struct Pass<'a> {
    plan: &'a Plan,
    html: &'a str,
    rules: Vec<usize>,
    found: Option<Found>,
}

impl Plan {
    /// The plan for a site's rules.
    pub fn compile(rules: &[RecordRule]) -> Self {
        let mut program = Program::default();
        let rules = rules
            .iter()
            .map(|rule| {
                let (fields, group) = rule::compile(&rule.fields, &mut program);
                Rule {
                    name: rule.record.as_str().into(),
                    when: rule.when.clone(),
                    json: fields
                        .iter()
                        .any(|field| matches!(field.take, Take::Json(_))),
                    fields,
                    group,
                }
            })
            .collect();
        Self { rules, program }
    }

    /// Whether any rule takes something of a page with this path and query.
    pub fn wants(&self, path: &str) -> bool {
        self.rules.iter().any(|rule| rule.takes(path))
    }

    /// Whether any rule takes of pages that are JSON.
    pub fn wants_json(&self) -> bool {
        self.rules.iter().any(|rule| rule.json)
    }

    /// Which rules take of a page, from 0.
    pub(super) fn taking(&self, path: &str, json: bool) -> Vec<usize> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter(|(_, rule)| rule.json == json && rule.takes(path))
            .map(|(number, _)| number)
            .collect()
    }

    /// Reads an HTML page once: gives its links to `sink`, and keeps what its
    /// records are made of until the page's base is known.
    pub fn pass<'a>(
        &'a self,
        html: &'a str,
        path: &str,
        sink: &mut dyn FnMut(RawLink<'_>),
    ) -> (PageHead, Pass<'a>) {
        self.pass_with(html, path, None, sink)
    }

    /// [`Plan::pass`], which takes in the page's text for its digests too.
    pub fn pass_with<'a>(
        &'a self,
        html: &'a str,
        path: &str,
        content: Option<&mut Content>,
        sink: &mut dyn FnMut(RawLink<'_>),
    ) -> (PageHead, Pass<'a>) {
        self.read(html, path, Told::Links, content, sink)
    }

    /// [`Plan::pass`] for the records alone, read up to where they are found.
    /// Of the head its base is told, and with `whole` all that it says.
    pub fn reread<'a>(&'a self, html: &'a str, path: &str, whole: bool) -> (PageHead, Pass<'a>) {
        let told = match whole {
            true => Told::Head,
            false => Told::Base,
        };
        self.read(html, path, told, None, &mut |_| {})
    }

    fn read<'a>(
        &'a self,
        html: &'a str,
        path: &str,
        told: Told,
        content: Option<&mut Content>,
        sink: &mut dyn FnMut(RawLink<'_>),
    ) -> (PageHead, Pass<'a>) {
        let rules = self.taking(path, false);
        let groups: Option<Vec<usize>> = rules.iter().map(|rule| self.rules[*rule].group).collect();
        let mut pass = Pass {
            plan: self,
            html,
            rules,
            found: None,
        };
        let head = match groups {
            Some(groups) if !groups.is_empty() => {
                let mut tree = Streaming::new(&self.program, &groups, html);
                let head = scan(html, &mut tree, told, content, sink);
                pass.found = tree.finish();
                head
            }
            _ => scan(html, &mut pass::NoTree, told, content, sink),
        };
        (head, pass)
    }

    /// The records of an HTML page, without its links.
    pub fn records(&self, html: &str, path: &str, base: &Url) -> Vec<Record> {
        let (_, pass) = self.reread(html, path, false);
        pass.finish(base).records
    }

    /// The records of a page that is JSON; a text that is none has none.
    pub fn json(&self, text: &str, path: &str, base: &Url) -> Taken {
        let rules = self.taking(path, true);
        if rules.is_empty() {
            return Taken::default();
        }
        let json: Value = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(json) => json,
            Err(error) => {
                return Taken {
                    records: Vec::new(),
                    note: Some(format!("not JSON: {error}")),
                };
            }
        };
        self.take(rules, None, &mut Gather::new(base), |gather, _, fields| {
            gather.json_record(fields, &json)
        })
    }

    /// The record that a rule, by its place, takes of an item of JSON.
    pub fn item(&self, rule: usize, item: &Value, base: &Url) -> Taken {
        let mut gather = Gather::new(base);
        self.take(vec![rule], None, &mut gather, |gather, _, fields| {
            gather.json_record(fields, item)
        })
    }

    fn take(
        &self,
        rules: Vec<usize>,
        cut: Option<&str>,
        gather: &mut Gather<'_>,
        mut read: impl FnMut(&mut Gather<'_>, usize, &[Field]) -> Vec<Value>,
    ) -> Taken {
        let mut records = Vec::new();
        for (place, number) in rules.into_iter().enumerate() {
            let rule = &self.rules[number];
            let values = read(gather, place, &rule.fields);
            // A site's file has far fewer rules and fields than that.
            let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
            if let Ok(missing) = rule.judge(&values) {
                records.push(Record {
                    rule: small(number),
                    missing: missing.into_iter().map(small).collect(),
                    name: rule.name.clone(),
                    fields: rule.named(values),
                });
            }
        }
        let cut = cut.or(gather
            .cut
            .then_some("the record is longer than is kept, and was cut"));
        Taken {
            records,
            note: cut.map(str::to_owned),
        }
    }
}

impl Rule {
    fn takes(&self, path: &str) -> bool {
        self.when.as_ref().is_none_or(|when| when.0.is_match(path))
    }

    /// The fields that came out empty.
    ///
    /// # Errors
    /// The first of them that is required.
    pub(super) fn judge(&self, values: &[Value]) -> Result<Vec<usize>, usize> {
        let fields = self.fields.iter().zip(values).enumerate();
        let empty = fields.filter(|(_, (_, value))| is_nothing(value));
        let missing: Vec<usize> = empty.map(|(number, _)| number).collect();
        match missing.iter().find(|number| self.fields[**number].required) {
            Some(number) => Err(*number),
            None => Ok(missing),
        }
    }

    fn named(&self, values: Vec<Value>) -> Map<String, Value> {
        let names = self.fields.iter().map(|field| field.name.clone());
        names.zip(values).collect()
    }
}

impl Pass<'_> {
    /// Whether the page's fields were taken in the pass, without a DOM.
    pub fn is_streamed(&self) -> bool {
        self.found.is_some()
    }

    /// The page's records; relative addresses are of `base`.
    pub fn finish(self, base: &Url) -> Taken {
        if self.rules.is_empty() {
            return Taken::default();
        }
        let mut gather = Gather::new(base);
        if let Some(found) = &self.found {
            let cut = found
                .cut
                .then_some("the page has more finds than are taken");
            return self
                .plan
                .take(self.rules, cut, &mut gather, |gather, place, fields| {
                    let object = place;
                    gather.record(fields, &Streamed { found, object })
                });
        }
        let dom = Dom::parse(self.html);
        let within = Within {
            dom: &dom,
            element: None,
        };
        let mut taken = self
            .plan
            .take(self.rules, None, &mut gather, |gather, _, fields| {
                gather.record(fields, &within)
            });
        if let Some(cut) = dom.cut() {
            taken.note = Some(cut.to_owned());
        }
        taken
    }
}

/// Scans a page for what is told of it and for a tree, and takes in its text
/// beside them.
fn scan<'a, T: pass::Tree<'a>>(
    html: &'a str,
    tree: &mut T,
    told: Told,
    content: Option<&mut Content>,
    sink: &mut dyn FnMut(RawLink<'_>),
) -> PageHead {
    let mut head = PageHead::default();
    match content {
        Some(content) => pass::run(html, &mut Beside { tree, content }, told, &mut head, sink),
        None => pass::run(html, tree, told, &mut head, sink),
    }
    head
}

/// A record or an object of a streaming pass.
#[derive(Clone, Copy)]
struct Streamed<'f> {
    found: &'f Found,
    object: usize,
}

impl Place for Streamed<'_> {
    fn find(
        &self,
        field: &Field,
        number: usize,
        _: &Part,
        see: &mut dyn FnMut(Picked<Self>) -> bool,
    ) {
        let Some(css) = dom::css(field, number) else {
            return;
        };
        for hit in &self.found.objects[self.object].found[css.slot] {
            let picked = match hit {
                Hit::Text(text) => Picked::Text(self.found.text(*text).to_owned()),
                Hit::Attribute(value) => Picked::Attribute(value.clone()),
                Hit::Object(object) => Picked::Object(Self {
                    found: self.found,
                    object: *object,
                }),
            };
            if !see(picked) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
