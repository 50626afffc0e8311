//! Simple selectors as bits: what of a selector an element answers follows
//! from its parent's answer and its own tag, without a tree.

use crate::extract::tag::{TAGS, Tag};
use crate::extract::tokens::Attributes;
use std::borrow::Cow;

/// One bit for each compound of each selector.
pub(crate) type Bits = u128;

/// Most compounds in all.
pub(super) const MOST: usize = Bits::BITS as usize;

/// `a.b[c=d]`, without combinators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Compound {
    /// Its element, lower case; `None` takes any.
    pub(super) tag: Option<String>,
    tests: Vec<Test>,
    /// Whether only a child of what the compound before it matches will do.
    pub(super) child: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
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
enum Operator {
    Present,
    Equals,
    Word,
    Prefix,
    Suffix,
    Substring,
}

/// Attributes whose values HTML compares in any case.
const ANY_CASE: &[&str] = &[
    "accept",
    "accept-charset",
    "align",
    "alink",
    "axis",
    "bgcolor",
    "charset",
    "checked",
    "clear",
    "codetype",
    "color",
    "compact",
    "declare",
    "defer",
    "dir",
    "direction",
    "disabled",
    "enctype",
    "face",
    "frame",
    "hreflang",
    "http-equiv",
    "lang",
    "language",
    "link",
    "media",
    "method",
    "multiple",
    "nohref",
    "noresize",
    "noshade",
    "nowrap",
    "readonly",
    "rel",
    "rev",
    "rules",
    "scope",
    "scrolling",
    "selected",
    "shape",
    "target",
    "text",
    "type",
    "valign",
    "valuetype",
    "vlink",
];

/// Names that SVG writes with capitals; a selector in small letters does not
/// match them.
const ADJUSTED: &[&str] = &[
    "altglyph",
    "altglyphdef",
    "altglyphitem",
    "animatecolor",
    "animatemotion",
    "animatetransform",
    "clippath",
    "foreignobject",
    "glyphref",
    "lineargradient",
    "radialgradient",
    "textpath",
];

/// Attributes that SVG writes with capitals.
const ADJUSTED_ATTRIBUTES: &[&str] = &[
    "attributename",
    "attributetype",
    "basefrequency",
    "baseprofile",
    "calcmode",
    "clippathunits",
    "diffuseconstant",
    "edgemode",
    "filterunits",
    "glyphref",
    "gradienttransform",
    "gradientunits",
    "kernelmatrix",
    "kernelunitlength",
    "keypoints",
    "keysplines",
    "keytimes",
    "lengthadjust",
    "limitingconeangle",
    "markerheight",
    "markerunits",
    "markerwidth",
    "maskcontentunits",
    "maskunits",
    "numoctaves",
    "pathlength",
    "patterncontentunits",
    "patterntransform",
    "patternunits",
    "pointsatx",
    "pointsaty",
    "pointsatz",
    "preservealpha",
    "preserveaspectratio",
    "primitiveunits",
    "refx",
    "refy",
    "repeatcount",
    "repeatdur",
    "requiredextensions",
    "requiredfeatures",
    "specularconstant",
    "specularexponent",
    "spreadmethod",
    "startoffset",
    "stddeviation",
    "stitchtiles",
    "surfacescale",
    "systemlanguage",
    "tablevalues",
    "targetx",
    "targety",
    "textlength",
    "viewbox",
    "viewtarget",
    "xchannelselector",
    "ychannelselector",
    "zoomandpan",
];

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
            if ADJUSTED.contains(&tag) || tag.starts_with("fe") {
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
        if ADJUSTED_ATTRIBUTES.contains(&name.as_str()) {
            return None;
        }
        let any_case = ANY_CASE.contains(&name.as_str());
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
    fn holds(&self, attributes: &Attributes<'_>) -> bool {
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
    fn is_plain(&self) -> bool {
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

/// Compounds of all selectors side by side, and which of them can matter where.
#[derive(Debug)]
pub(super) struct Selectors {
    compounds: Vec<Compound>,
    /// First of their selector.
    first: Bits,
    /// The element itself.
    pub(super) last: Bits,
    /// The next compound takes any descendant.
    descends: Bits,
    /// The next compound takes children only.
    to_child: Bits,
    /// With attributes to test.
    tested: Bits,
    /// With tests that SVG's elements may answer otherwise.
    unplain: Bits,
    /// Of any tag.
    any: Bits,
    by_tag: Vec<Bits>,
    by_name: Vec<(String, Bits)>,
}

/// What an element answers: itself, and it or an ancestor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answer {
    pub(super) here: Bits,
    pub(super) below: Bits,
}

impl Default for Selectors {
    fn default() -> Self {
        Self {
            compounds: Vec::new(),
            first: 0,
            last: 0,
            descends: 0,
            to_child: 0,
            tested: 0,
            unplain: 0,
            any: 0,
            by_tag: vec![0; TAGS],
            by_name: Vec::new(),
        }
    }
}

impl Selectors {
    /// Adds a selector; answers the bit of its last compound. `None` where
    /// there is no room.
    pub(super) fn add(&mut self, selector: Vec<Compound>) -> Option<Bits> {
        let start = self.compounds.len();
        let end = start + selector.len();
        if end > MOST || selector.is_empty() {
            return None;
        }
        for (place, compound) in selector.into_iter().enumerate() {
            let bit: Bits = 1 << (start + place);
            match (place, compound.child) {
                (0, _) => self.first |= bit,
                (_, true) => self.to_child |= bit >> 1,
                (_, false) => self.descends |= bit >> 1,
            }
            if !compound.tests.is_empty() {
                self.tested |= bit;
            }
            if !compound.tests.iter().all(Test::is_plain) {
                self.unplain |= bit;
            }
            match compound.tag.as_deref() {
                None => self.any |= bit,
                Some(name) => match Tag::of(name.as_bytes()) {
                    Tag::Other => self.by_name.push((name.to_owned(), bit)),
                    tag => self.by_tag[tag as usize] |= bit,
                },
            }
            self.compounds.push(compound);
        }
        let last = 1 << (end - 1);
        self.last |= last;
        Some(last)
    }

    /// What an element can answer by its parent and its tag alone.
    pub(super) fn possible(&self, parent: Answer, tag: Tag, name: &str) -> Bits {
        let way =
            self.first | (parent.below & self.descends) << 1 | (parent.here & self.to_child) << 1;
        let mut fits = self.any | self.by_tag[tag as usize];
        if tag == Tag::Other && !self.by_name.is_empty() {
            for (known, bit) in &self.by_name {
                if known.eq_ignore_ascii_case(name) {
                    fits |= bit;
                }
            }
        }
        way & fits
    }

    /// Those of them for which attributes must be read.
    pub(super) fn tested(&self, possible: Bits) -> Bits {
        possible & self.tested
    }

    /// Those that cannot be told of an SVG element.
    pub(super) fn unplain(&self, possible: Bits) -> Bits {
        possible & self.unplain
    }

    /// Those of `tested` that hold.
    pub(super) fn holding(&self, tested: Bits, attributes: &Attributes<'_>) -> Bits {
        let (mut left, mut holding) = (tested, 0);
        while left != 0 {
            let place = left.trailing_zeros() as usize;
            let bit: Bits = 1 << place;
            left &= !bit;
            let tests = &self.compounds[place].tests;
            if tests.iter().all(|test| test.holds(attributes)) {
                holding |= bit;
            }
        }
        holding
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
