//! Simple selectors: what they say, and whether an element's attributes are
//! what they ask for.

use super::names;
use crate::extract::tokens::Attributes;
use std::borrow::Cow;

/// `a.b[c=d]`, without combinators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Compound {
    /// Its element, lower case; `None` takes any.
    pub(super) tag: Option<String>,
    pub(super) tests: Vec<Test>,
    /// Whether only a child of what the compound before it matches will do.
    pub(super) child: bool,
}

/// Something that an attribute must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Id(String),
    Class(String),
    Attribute {
        name: String,
        operator: Operator,
        value: String,
        any_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Present,
    Equals,
    Word,
    Prefix,
    Suffix,
    Substring,
}

/// The selectors of a list, each as its compounds from the outermost to the
/// element itself; `None` where a part of it is not simple.
pub(super) fn parse(css: &str) -> Option<Vec<Vec<Compound>>> {
    let mut reader = Reader {
        rest: css.trim_matches(space),
    };
    let mut list = Vec::new();
    loop {
        list.push(reader.complex()?);
        reader.skip();
        match reader.rest.chars().next() {
            None => return Some(list),
            Some(',') => reader.take(1),
            Some(_) => return None,
        }
    }
}

fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// `length` is of ASCII that was looked at.
    fn take(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches(space);
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A plain name: ASCII without escapes.
    fn name(&mut self) -> Option<&'a str> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        let letters = name.strip_prefix('-').unwrap_or(name);
        let fits = letters.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // What follows must not be of the name in CSS and not here.
        let whole = !self.rest[end..].starts_with(|c: char| !c.is_ascii() || c == '\\');
        self.take(end);
        (fits && whole).then_some(name)
    }

    /// A plain name without capitals.
    fn small(&mut self) -> Option<&'a str> {
        self.name()
            .filter(|name| !name.contains(|c: char| c.is_ascii_uppercase()))
    }

    fn complex(&mut self) -> Option<Vec<Compound>> {
        self.skip();
        let mut compounds = vec![self.compound()?];
        loop {
            let before = self.rest.len();
            self.skip();
            let gap = self.rest.len() < before;
            match self.rest.chars().next() {
                None | Some(',') => return Some(compounds),
                Some('>') => {
                    self.take(1);
                    self.skip();
                    let compound = self.compound()?;
                    compounds.push(Compound {
                        child: true,
                        ..compound
                    });
                }
                Some(_) if gap => compounds.push(self.compound()?),
                Some(_) => return None,
            }
        }
    }

    fn compound(&mut self) -> Option<Compound> {
        let mut compound = Compound::default();
        let before = self.rest.len();
        if !self.eat("*") && self.rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let tag = self.small()?;
            if names::has(names::ADJUSTED, tag) || tag.starts_with("fe") {
                return None;
            }
            compound.tag = Some(tag.to_owned());
        }
        if self.rest.starts_with('|') {
            return None;
        }
        loop {
            let test = if self.eat("#") {
                Test::Id(self.name()?.to_owned())
            } else if self.eat(".") {
                Test::Class(self.name()?.to_owned())
            } else if self.eat("[") {
                self.attribute()?
            } else {
                break;
            };
            compound.tests.push(test);
        }
        (self.rest.len() < before).then_some(compound)
    }

    /// Behind the `[`.
    fn attribute(&mut self) -> Option<Test> {
        self.skip();
        let name = self.small()?.to_owned();
        self.skip();
        if names::has(names::ADJUSTED_ATTRIBUTES, &name) {
            return None;
        }
        let any_case = names::has(names::ANY_CASE, &name);
        if self.eat("]") {
            return Some(Test::Attribute {
                name,
                operator: Operator::Present,
                value: String::new(),
                any_case,
            });
        }
        let operator = [
            ("=", Operator::Equals),
            ("~=", Operator::Word),
            ("^=", Operator::Prefix),
            ("$=", Operator::Suffix),
            ("*=", Operator::Substring),
        ]
        .into_iter()
        .find(|(text, _)| self.eat(text))?
        .1;
        self.skip();
        let value = match self.rest.chars().next()? {
            quote @ ('"' | '\'') => {
                self.take(1);
                let end = self.rest.find(quote)?;
                let value = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                value
            }
            _ => self.name()?,
        };
        if value.contains(['\\', '\n', '\r', '\x0c', '\0']) {
            return None;
        }
        // Where nothing can match, the standard's small print decides.
        let odd = value.is_empty() || (operator == Operator::Word && value.contains(space));
        if odd && operator != Operator::Equals {
            return None;
        }
        self.skip();
        self.eat("]").then(|| Test::Attribute {
            name,
            operator,
            value: value.to_owned(),
            any_case,
        })
    }
}

/// The value of an attribute as it was written, character references decoded.
pub(super) fn attribute_value<'a>(attributes: &Attributes<'a>, name: &str) -> Option<Cow<'a, str>> {
    attributes
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| decoded(value))
}

fn decoded(value: &str) -> Cow<'_, str> {
    let value = if memchr::memchr(b'\r', value.as_bytes()).is_some() {
        Cow::Owned(value.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(value)
    };
    if memchr::memchr(b'&', value.as_bytes()).is_none() {
        return value;
    }
    match value {
        Cow::Borrowed(value) => htmlize::unescape_attribute(value),
        Cow::Owned(value) => Cow::Owned(htmlize::unescape_attribute(value).into_owned()),
    }
}

impl Test {
    /// Whether it holds of these attributes.
    pub(super) fn holds(&self, attributes: &Attributes<'_>) -> bool {
        let value = |name| attribute_value(attributes, name);
        match self {
            Self::Id(id) => value("id").is_some_and(|value| value == id.as_str()),
            Self::Class(class) => value("class")
                .is_some_and(|value| value.split_ascii_whitespace().any(|word| word == class)),
            Self::Attribute {
                name,
                operator,
                value: expected,
                any_case,
            } => value(name).is_some_and(|value| compare(&value, *operator, expected, *any_case)),
        }
    }

    /// Whether it holds of SVG's elements as it does of HTML's.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self, Self::Attribute { any_case: true, .. })
    }
}

fn compare(value: &str, operator: Operator, expected: &str, any_case: bool) -> bool {
    let same = |a: &[u8]| match any_case {
        true => a.eq_ignore_ascii_case(expected.as_bytes()),
        false => a == expected.as_bytes(),
    };
    let (bytes, length) = (value.as_bytes(), expected.len());
    match operator {
        Operator::Present => true,
        Operator::Equals => same(bytes),
        Operator::Word => value.split(space).any(|word| same(word.as_bytes())),
        Operator::Prefix => bytes.get(..length).is_some_and(same),
        Operator::Suffix => bytes.len() >= length && same(&bytes[bytes.len() - length..]),
        Operator::Substring => bytes.windows(length).any(same),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_selectors_are_simple() {
        for css in [
            "h1",
            "*",
            "a b",
            " a > b.c#d ",
            "a,b , c",
            "[x]",
            "a[href^='/x']",
            "my-element",
            "a[rel=\"next\"]",
            "[ data-x ~= y ]",
            ".a.b",
            "a>b",
            "#a",
            ".-x",
            "a[href$=\"]\"]",
        ] {
            assert!(scraper::Selector::parse(css).is_ok(), "{css}");
            assert!(parse(css).is_some(), "{css}");
        }
        for css in [
            "",
            "a:not(b)",
            "a + b",
            "a ~ b",
            "A",
            "a:first-child",
            "a::before",
            "a||b",
            "svg|a",
            "a\\:b",
            "é",
            ".é",
            "[HREF]",
            "a[b|=c]",
            "a[b=c i]",
            "[a='\\n']",
            "[a^='']",
            "a,",
            ">a",
            "a >",
            "lineargradient",
            "fegauss",
            "a/**/b",
            "*|a",
            "aé",
            ".1",
            "[a=1]",
        ] {
            assert_eq!(parse(css), None, "{css}");
        }
    }
}
