//! What rules make of a page, for an operator who asks why: how much each
//! selector finds, and where along its way it loses everything.

use super::dom::{self, Dom, Within};
use super::fields::{Plan, Rule};
use super::gather::Gather;
use super::json;
use super::rule::{Field, Take};
use scraper::ElementRef;
use serde_json::Value;
use serde_json_path::JsonPath;
use std::sync::Arc;
use url::Url;

/// What a rule made of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The rule's name.
    pub record: Arc<str>,
    /// Each field, those of objects behind the object's own.
    pub fields: Vec<ExplainedField>,
    /// The required field that is missing, so that there is no record.
    pub missing: Option<String>,
}

/// What became of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedField {
    /// Its name; within an object behind the object's and a dot.
    pub name: String,
    /// What was taken; `None` of a field within an object.
    pub value: Option<Value>,
    /// What each of its selectors or paths found.
    pub finds: Vec<Finds>,
}

/// What a selector or a path found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finds {
    /// As it was written.
    pub what: String,
    /// How many.
    pub count: usize,
    /// Where that is none: what is found at each step of its way, and behind
    /// the step that finds nothing by the parts of that step alone.
    pub steps: Vec<(String, usize)>,
}

impl Plan {
    /// What every rule that takes something of an HTML page makes of it; and
    /// what of the page was left out.
    pub fn explain(&self, html: &str, path: &str, base: &Url) -> (Vec<Explained>, Option<String>) {
        let rules = self.taking(path, false);
        if rules.is_empty() {
            return (Vec::new(), None);
        }
        let dom = Dom::parse(html);
        let page = Within {
            dom: &dom,
            element: None,
        };
        let mut gather = Gather::new(base);
        let explain = |number: usize| {
            let rule = &self.rules[number];
            let values = gather.record(&rule.fields, &page);
            explained(rule, values, &mut |field, out| {
                elements(field, "", &dom, &[None], out)
            })
        };
        let explained = rules.into_iter().map(explain).collect();
        (explained, dom.cut().map(str::to_owned))
    }

    /// What every rule that takes something of a page of JSON makes of it.
    ///
    /// # Errors
    /// Why the text is not JSON.
    pub fn explain_json(
        &self,
        text: &str,
        path: &str,
        base: &Url,
    ) -> Result<Vec<Explained>, String> {
        let rules = self.taking(path, true);
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        let json: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| error.to_string())?;
        let mut gather = Gather::new(base);
        let explain = |number: usize| {
            let rule = &self.rules[number];
            let values = gather.json_record(&rule.fields, &json);
            explained(rule, values, &mut |field, out| {
                nodes(field, "", &[&json], out)
            })
        };
        Ok(rules.into_iter().map(explain).collect())
    }
}

fn explained(
    rule: &Rule,
    values: Vec<Value>,
    explain: &mut dyn FnMut(&Field, &mut Vec<ExplainedField>),
) -> Explained {
    let missing = rule.judge(&values).err();
    let missing = missing.map(|number| rule.fields[number].name.clone());
    let mut fields = Vec::new();
    for (field, value) in rule.fields.iter().zip(values) {
        let at = fields.len();
        explain(field, &mut fields);
        if let Some(own) = fields.get_mut(at) {
            own.value = Some(value);
        }
    }
    Explained {
        record: rule.name.clone(),
        fields,
        missing,
    }
}

fn field_named(field: &Field, outer: &str, finds: Vec<Finds>) -> ExplainedField {
    ExplainedField {
        name: format!("{outer}{}", field.name),
        value: None,
        finds,
    }
}

/// A field that is looked for in these places of a page.
fn elements<'d>(
    field: &Field,
    outer: &str,
    dom: &'d Dom,
    places: &[Option<ElementRef<'d>>],
    out: &mut Vec<ExplainedField>,
) {
    let count = |css: &str| found(css, dom, places).len();
    let mut finds = Vec::new();
    let mut inner: Vec<Option<ElementRef<'_>>> = Vec::new();
    match &field.take {
        Take::Elements { css, json, .. } => {
            for css in css {
                let elements = found(&css.text, dom, places);
                finds.push(Finds {
                    what: match css.text.as_str() {
                        "" => "itself".to_owned(),
                        text => text.to_owned(),
                    },
                    count: elements.len(),
                    steps: match elements.is_empty() {
                        true => steps(&css.text, &count),
                        false => Vec::new(),
                    },
                });
                if inner.is_empty() {
                    inner = elements.into_iter().map(Some).collect();
                }
            }
            if let Some(path) = json {
                let texts = inner.iter().flatten();
                let documents: Vec<Value> = texts
                    .filter_map(|element| serde_json::from_str(&dom::text(*element)).ok())
                    .collect();
                let documents: Vec<&Value> = documents.iter().collect();
                finds.push(path_finds(path, &documents));
                out.push(field_named(field, outer, finds));
                let name = format!("{outer}{}.", field.name);
                let found: Vec<&Value> =
                    documents.iter().flat_map(|json| path.query(json)).collect();
                for own in &field.fields {
                    nodes(own, &name, &found, out);
                }
                return;
            }
        }
        Take::Ld { css, path } => {
            let texts = found(&css.text, dom, places);
            let blocks: Vec<Value> = texts
                .iter()
                .filter_map(|element| serde_json::from_str(&dom::text(*element)).ok())
                .collect();
            finds.push(ld_finds(texts.len(), &blocks, path));
        }
        Take::Json(path) => finds.push(path_finds(path, &[])),
        Take::Nothing => {}
    }
    out.push(field_named(field, outer, finds));
    let name = format!("{outer}{}.", field.name);
    for own in &field.fields {
        elements(own, &name, dom, &inner, out);
    }
}

/// A field that is looked for in these places of JSON.
fn nodes(field: &Field, outer: &str, places: &[&Value], out: &mut Vec<ExplainedField>) {
    let Take::Json(path) = &field.take else {
        return out.push(field_named(field, outer, Vec::new()));
    };
    out.push(field_named(field, outer, vec![path_finds(path, places)]));
    let found: Vec<&Value> = places.iter().flat_map(|json| path.query(json)).collect();
    let name = format!("{outer}{}.", field.name);
    for own in &field.fields {
        nodes(own, &name, &found, out);
    }
}

fn found<'d>(css: &str, dom: &'d Dom, places: &[Option<ElementRef<'d>>]) -> Vec<ElementRef<'d>> {
    if css.is_empty() {
        return places.iter().copied().flatten().collect();
    }
    let mut elements = Vec::new();
    for place in places {
        dom.select(css, *place, &mut |element| {
            elements.push(element);
            true
        });
    }
    elements
}

/// Each step of a selector that finds nothing, and the parts of the first that
/// does not.
fn steps(css: &str, count: &dyn Fn(&str) -> usize) -> Vec<(String, usize)> {
    let mut steps = Vec::new();
    for selector in split(css, |c| c == ',') {
        let selector = selector.trim();
        for end in compound_ends(selector) {
            let step = selector[..end].trim();
            let number = count(step);
            steps.push((step.to_owned(), number));
            if number > 0 {
                continue;
            }
            let compound = step
                .rsplit(|c: char| c.is_whitespace() || matches!(c, '>' | '+' | '~'))
                .next();
            let parts = compound.map(compound_parts).unwrap_or_default();
            if parts.len() > 1 || step.len() != compound.map_or(0, str::len) {
                let alone = parts
                    .into_iter()
                    .filter(|part| dom::selector(part).is_some());
                steps.extend(alone.map(|part| (format!("{part} alone"), count(part))));
            }
            break;
        }
    }
    steps
}

/// Cuts at characters that stand neither in brackets nor in quotes.
fn split(text: &str, at: impl Fn(char) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut depth, mut quote) = (0, 0usize, None);
    for (place, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 && at(c) => {
                pieces.push(&text[from..place]);
                from = place + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[from..]);
    pieces
}

/// The ends of a selector's compounds.
fn compound_ends(selector: &str) -> Vec<usize> {
    let start = selector.as_ptr() as usize;
    split(selector, |c| {
        c.is_whitespace() || matches!(c, '>' | '+' | '~')
    })
    .into_iter()
    .filter(|piece| !piece.is_empty())
    // A piece is a part of the selector.
    .map(|piece| piece.as_ptr() as usize - start + piece.len())
    .collect()
}

/// `a`, `.b` and `[c]` of `a.b[c]`.
fn compound_parts(compound: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut depth = 0usize;
    for (place, c) in compound.char_indices() {
        let begins = depth == 0 && place > from && matches!(c, '.' | '#' | '[' | ':');
        // The second colon of `::` belongs to the first.
        if begins && !compound[..place].ends_with(':') {
            parts.push(&compound[from..place]);
            from = place;
        }
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    parts.push(&compound[from..]);
    parts
}

fn path_finds(path: &JsonPath, places: &[&Value]) -> Finds {
    let count =
        |path: &JsonPath| -> usize { places.iter().map(|json| path.query(json).len()).sum() };
    let what = path.to_string();
    let found = count(path);
    let mut steps = Vec::new();
    if found == 0 {
        let ends = what.match_indices(['.', '[']).map(|(place, _)| place);
        for end in ends.chain([what.len()]).filter(|end| *end > 0) {
            // A cut within brackets is no path, and left out.
            let Ok(step) = JsonPath::parse(&what[..end]) else {
                continue;
            };
            let number = count(&step);
            steps.push((what[..end].to_owned(), number));
            if number == 0 {
                break;
            }
        }
    }
    Finds {
        what,
        count: found,
        steps,
    }
}

fn ld_finds(scripts: usize, blocks: &[Value], path: &[String]) -> Finds {
    let count = json::ld(blocks, path).len();
    let mut steps = Vec::new();
    if count == 0 {
        steps.push(("scripts of JSON-LD".to_owned(), scripts));
        steps.push(("that are JSON".to_owned(), blocks.len()));
        for end in 1..=path.len() {
            let step = &path[..end];
            let number = match step {
                [name] if name.starts_with(char::is_uppercase) => json::count(blocks, name),
                step => json::ld(blocks, step).len(),
            };
            steps.push((step.join("."), number));
            if number == 0 {
                break;
            }
        }
    }
    Finds {
        what: format!("jsonld {}", path.join(".")),
        count,
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_taken_apart() {
        let selector = "div.a > p[x='a > b'] ~ a:not(.b c), i";
        let [first, _] = &split(selector, |c| c == ',')[..] else {
            panic!("two selectors")
        };
        let ends: Vec<&str> = compound_ends(first)
            .iter()
            .map(|end| &first[..*end])
            .collect();
        assert_eq!(
            ends,
            [
                "div.a",
                "div.a > p[x='a > b']",
                "div.a > p[x='a > b'] ~ a:not(.b c)"
            ]
        );
        assert_eq!(
            compound_parts("a.b#c[d.e]:f::g"),
            ["a", ".b", "#c", "[d.e]", ":f", "::g"]
        );
    }
}
