//! The operator's own rules of what is a block.

use super::forms::OneOrMany;
use super::resolve::many;
use super::scalar::{Expression, Reader, Scalar, scalars, whole};
use super::site::Pattern;
use reqwest::header::HeaderName;
use serde::{Deserialize, Deserializer};
use std::marker::PhantomData;

/// One way in which a site's answers are blocks. All its parts must hold.
#[derive(Debug, Clone)]
pub struct BlockRule {
    /// Any of these statuses; empty takes all.
    pub status: Vec<u16>,
    /// A header that is there, and what it matches.
    pub header: Option<(HeaderName, Option<Pattern>)>,
    /// What the title matches.
    pub title: Option<Pattern>,
    /// What the body matches.
    pub body: Option<Pattern>,
    /// What it means.
    pub means: Blocked,
}

/// What an answer that fits a rule lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// It is a challenge or a refusal.
    Blocked,
    /// It is an empty shell for scripts.
    Script,
}

impl BlockRule {
    /// How it is told at an attempt.
    pub fn told(&self) -> &'static str {
        match self.means {
            Blocked::Blocked => "a rule of fetch.blocks",
            Blocked::Script => "needs scripts, by a rule of fetch.blocks",
        }
    }
}

/// A header's name, and the pattern of its value where one was written.
#[derive(Debug, Clone)]
pub struct HeaderPattern {
    name: HeaderName,
    pattern: Option<Pattern>,
}

scalars! {
    /// A status.
    BlockStatus(u16), "a status from 100 to 999",
        |text| whole(text, 100, 999).map(|status| u16::try_from(status).unwrap_or(999));
    /// A header, and what it must match.
    BlockHeader(HeaderPattern), "a header such as x-blocked, or x-blocked: PATTERN",
        |text| header(text);
    /// What it means.
    BlockMeaning(Blocked), "blocked or script", |text| match text {
        "blocked" => Ok(Blocked::Blocked),
        "script" => Ok(Blocked::Script),
        _ => Err("not known; write blocked or script".to_owned()),
    };
}

fn header(text: &str) -> Result<HeaderPattern, String> {
    let (name, pattern) = match text.split_once(':') {
        Some((name, pattern)) => (name.trim(), Some(pattern.trim())),
        None => (text.trim(), None),
    };
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        "not a header; write its name, or its name and a pattern like 'x-blocked: ^yes$'".to_owned()
    })?;
    let pattern = pattern.filter(|text| !text.is_empty());
    let pattern = pattern.map(Expression::read).transpose()?;
    Ok(HeaderPattern {
        name,
        pattern: pattern.map(|pattern| Pattern(pattern.0)),
    })
}

/// A rule as it is written.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BlockForm {
    /// A status, or a list of them.
    pub status: Option<OneOrMany<BlockStatus>>,
    /// A header that is there, such as `x-blocked`, or `x-blocked: PATTERN`.
    pub header: Option<BlockHeader>,
    /// Pattern of the title.
    pub title: Option<Expression>,
    /// Pattern of the body.
    pub body: Option<Expression>,
    /// `blocked` (a challenge or a refusal) or `script` (an empty shell). By default blocked.
    pub means: Option<BlockMeaning>,
}

/// The rules of a site.
///
/// # Errors
/// A rule that every answer fits.
pub(super) fn rules(forms: Option<Vec<BlockForm>>) -> Result<Vec<BlockRule>, String> {
    let rule = |(n, form): (usize, BlockForm)| {
        let header = form.header.map(|header| header.0);
        let rule = BlockRule {
            status: many(form.status, |status| status.0),
            header: header.map(|header| (header.name, header.pattern)),
            title: form.title.map(|pattern| Pattern(pattern.0)),
            body: form.body.map(|pattern| Pattern(pattern.0)),
            means: form.means.map_or(Blocked::Blocked, |means| means.0),
        };
        let of_all = rule.status.is_empty()
            && rule.header.is_none()
            && rule.title.is_none()
            && rule.body.is_none();
        match of_all {
            true => Err(format!(
                "fetch.blocks: rule {} says of no answer what it is; write status, header, title \
                 or body",
                n + 1
            )),
            false => Ok(rule),
        }
    };
    (0..).zip(forms.unwrap_or_default()).map(rule).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Overrides, parse};

    #[test]
    fn what_is_wrong_is_told() {
        for (rule, expected) in [
            (
                "{ means: blocked }",
                "fetch.blocks: rule 1 says of no answer what it is; write status, header, title or \
                 body",
            ),
            (
                "{ status: 20 }",
                "20 does not fit; write a whole number from 100 to 999",
            ),
            (
                "{ title: '(' }",
                "s.yaml:4:21: fetch.blocks[0].title: \"(\" is not a regular expression",
            ),
            (
                "{ header: 'a b: c' }",
                "is not a header; write its name, or its name and a pattern",
            ),
            ("{ header: 'a: (' }", "not a regular expression"),
            (
                "{ body: x, means: block }",
                "\"block\" is not known; write blocked or script",
            ),
            ("{ text: x }", "unknown key \"text\""),
        ] {
            let text = format!("site: a\nstart: https://a.example/\nfetch:\n  blocks: [{rule}]\n");
            let error = parse(&text, "s.yaml", &|_| None, &Overrides::default());
            let message = error.unwrap_err().to_string();
            assert!(message.contains(expected), "{rule}: {message}");
        }
    }
}
