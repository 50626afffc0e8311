//! Parts of a service as they are written in the sites file.

use super::value::{MeaningName, Place, Status, texts};
use super::{ServiceForm, URL_MARK};
use crate::config::forms::{Forms, Never, OneOrMany};
use crate::config::scalar::{Expression, JsonPathText, Switch, Text};
use serde::de;
use serde::{Deserialize, Deserializer};
use std::marker::PhantomData;

/// How a service knows who asks: a user and a password, or a token.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Basic authentication (RFC 7617).
    pub user: Option<Text>,
    /// Its password; empty where it is left out.
    pub password: Option<Text>,
    /// A bearer token (RFC 6750).
    pub token: Option<Text>,
}

/// What of an answer is what.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResultForm {
    /// JSONPath to the page; without it the answer is the page.
    pub body: Option<JsonPathText>,
    /// Whether that is Base64.
    pub base64: Option<Switch>,
    /// The page's status: a JSONPath, or the name of a response header.
    pub status: Option<Place>,
    /// Where the page was in the end: a JSONPath, or the name of a response header.
    pub final_url: Option<Place>,
    /// The page's media type: a JSONPath, or the name of a response header.
    pub content_type: Option<Place>,
    /// What it cost, in credits: a JSONPath, or the name of a response header.
    pub cost: Option<Place>,
}

impl ResultForm {
    /// This, with what it leaves out taken from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            body: self.body.or(other.body),
            base64: self.base64.or(other.base64),
            status: self.status.or(other.status),
            final_url: self.final_url.or(other.final_url),
            content_type: self.content_type.or(other.content_type),
            cost: self.cost.or(other.cost),
        }
    }
}

/// One way in which a service fails.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ErrorForm {
    /// A status, or a list of them.
    pub status: Option<OneOrMany<Status>>,
    /// A value that must be there: a JSONPath, or the name of a response header.
    pub at: Option<Place>,
    /// What it must match; without `at`, the answer's body.
    #[serde(rename = "match")]
    pub matching: Option<Expression>,
    /// `key`, `credit`, `crowded`, `blocked`, `failed` or `page`.
    pub means: MeaningName,
}

/// What of a service's keys cannot be right whatever is added to them, and
/// what to write instead.
pub fn clash(form: &ServiceForm) -> Option<String> {
    let whole_template = form.preset.is_none() && form.url.is_some();
    if whole_template && !has_mark(form) {
        return Some(format!(
            "it is never told which page: {URL_MARK} stands neither in url nor in body; \
             write url: https://…?url={URL_MARK}"
        ));
    }
    if let Some(url) = &form.url {
        let sample = url.0.replace(['{', '}'], "x");
        let fits = url::Url::parse(&sample)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        if !fits {
            // It may hold a secret of the environment.
            return Some(
                "its url is not a whole URL; write it with https:// (or http://) in front"
                    .to_owned(),
            );
        }
    }
    if form.body.is_some() && form.method.as_ref().is_some_and(|method| !method.0) {
        return Some("a GET has no body; write method: POST".to_owned());
    }
    if let Some(auth) = &form.auth {
        let basic = auth.user.is_some() || auth.password.is_some();
        if basic && auth.token.is_some() {
            return Some("auth has user and password, or token; write one".to_owned());
        }
        if auth.user.is_none() && auth.token.is_none() {
            return Some("auth is empty; write user and password, or token".to_owned());
        }
    }
    if form.result.as_ref().is_some_and(|result| {
        form.preset.is_none()
            && result.body.is_none()
            && result.base64.as_ref().is_some_and(|on| on.0)
    }) {
        return Some("base64 is of a page in JSON; write result.body: $.path".to_owned());
    }
    let empty =
        |rule: &&ErrorForm| rule.status.is_none() && rule.at.is_none() && rule.matching.is_none();
    if form.errors.iter().flatten().find(empty).is_some() {
        return Some("an error has status, at or match; write how it is told".to_owned());
    }
    None
}

/// Whether the page's address has a place in it.
fn has_mark(form: &ServiceForm) -> bool {
    let mut found = form
        .url
        .as_ref()
        .is_some_and(|url| url.0.contains(URL_MARK));
    for (_, value) in form.body.iter().flat_map(|body| &body.0) {
        // Cannot fail: the closure does not.
        let _ = texts(&mut value.0.clone(), &mut |text| {
            found |= text.contains(URL_MARK);
            Ok(())
        });
    }
    found
}

/// A service whose keys go together.
#[derive(Debug, Clone)]
struct Fitting(ServiceForm);

impl<'de> Deserialize<'de> for Fitting {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let form = ServiceForm::deserialize(source)?;
        match clash(&form) {
            Some(wrong) => Err(de::Error::custom(wrong)),
            None => Ok(Self(form)),
        }
    }
}

/// Reads a service whose keys go together: for `deserialize_with`.
///
/// # Errors
/// What of it does not, with its place.
pub fn fitting<'de, D: Deserializer<'de>>(source: D) -> Result<Option<ServiceForm>, D::Error> {
    source.deserialize_any(Forms::<Option<ServiceForm>, Never, Never, Fitting> {
        what: "a map with preset, or with url",
        word: None,
        list: None,
        map: Some(|form| Some(form.0)),
        marker: PhantomData,
    })
}
