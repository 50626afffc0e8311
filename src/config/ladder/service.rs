//! A scraping API: how it is asked, and what its answers mean.

mod form;
mod preset;
mod resolve;
#[cfg(test)]
mod tests;
mod value;

pub use self::form::fitting;

use self::form::{Auth, ErrorForm, ResultForm};
use self::value::{Loose, PresetName};
use super::RungLimits;
use super::limits::rung_form;
use crate::config::forms::{Headers, OrderedMap};
use crate::config::scalar::{Method, Money, Text};
use crate::config::{JsonQuery, Rung};
use reqwest::header::HeaderName;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 5;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(90);

rung_form! {
    /// A scraping API.
    ServiceForm {
        /// A service that is known: the other keys then change what is known of it.
        preset: PresetName,
        /// What stands in the place of `{key}`: `${NAME}` keeps it out of the file.
        key: Text,
        /// What stands in the place of `{user}`.
        user: Text,
        /// What stands in the place of `{password}`.
        password: Text,
        /// Where it is asked; `{url}` stands for the page's address, percent-encoded.
        url: Text,
        /// `GET` or `POST`; by default GET, and POST where there is a body.
        method: Method,
        /// Request headers.
        headers: Headers,
        /// How it knows who asks.
        auth: Auth,
        /// What is posted, as a map; `{url}` in it stands for the page's address.
        body: OrderedMap<Loose>,
        /// What is added to the query, or to what is posted.
        options: OrderedMap<Loose>,
        /// What of an answer is what.
        result: ResultForm,
        /// Price of one credit: what an answer tells is multiplied by it.
        credit: Money,
        /// What its errors mean; the first that fits counts.
        errors: Vec<ErrorForm>,
    }
}

/// A scraping API, resolved.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its limits.
    pub limits: RungLimits,
    /// How it is asked.
    pub rule: Arc<ServiceRule>,
}

impl Service {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<ServiceForm>, delay: Duration) -> Result<Self, String> {
        let limits =
            ServiceForm::limits(form.as_ref(), Rung::Service, CONCURRENCY, TIMEOUT, delay)?;
        let rule = resolve::rule(form.unwrap_or_default())?;
        let told = rule.result.cost.is_some() && rule.credit > 0;
        if limits.budget.money.is_some() && rule.cost == 0 && !told {
            let name = match rule.result.cost {
                Some(_) => "credit, the price of one of its credits",
                None => "cost, the price of a page",
            };
            return Err(format!(
                "fetch.service.budget.money: what a page costs is not known; write {name}, too, \
                 such as 0.0005"
            ));
        }
        Ok(Self {
            limits,
            rule: Arc::new(rule),
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self { limits: _, rule } = self;
        rule.key()
    }
}

/// The mark in whose place the page's address is put.
pub const URL_MARK: &str = "{url}";

/// How a service is asked, ready for use: of its marks only [`URL_MARK`] is left.
#[derive(Clone)]
pub struct ServiceRule {
    /// The preset's name, or the host of `url`: for screens and messages.
    pub name: String,
    /// Where it is asked; may hold secrets.
    pub url: String,
    /// What is posted, as JSON; `None` is a GET. May hold secrets.
    pub body: Option<Value>,
    /// Request headers, `Authorization` among them; values may be secrets.
    pub headers: Vec<(String, String)>,
    /// What of an answer is what.
    pub result: ServiceResult,
    /// Price of an answer that tells none, in millionths of the budget's currency.
    pub cost: u64,
    /// Price of one credit, in millionths: what an answer tells is multiplied by it.
    pub credit: u64,
    /// What its errors mean; the first that fits counts.
    pub errors: Vec<ServiceError>,
    /// Texts that must not be repeated in messages.
    pub secrets: Vec<String>,
}

/// What of an answer is what.
#[derive(Debug, Clone, Default)]
pub struct ServiceResult {
    /// The page in a JSON answer; `None` where the answer's body is the page.
    pub body: Option<JsonQuery>,
    /// Whether that is Base64.
    pub base64: bool,
    /// The page's status; without it an answer with a good status is a page of status 200.
    pub status: Option<Place>,
    /// Where the page was in the end.
    pub final_url: Option<Place>,
    /// The page's media type.
    pub content_type: Option<Place>,
    /// What the answer cost, in credits.
    pub cost: Option<Place>,
}

/// A value of an answer.
#[derive(Debug, Clone)]
pub enum Place {
    /// In its JSON.
    Json(JsonQuery),
    /// In a header.
    Header(HeaderName),
}

/// One way in which a service fails.
#[derive(Debug, Clone)]
pub struct ServiceError {
    /// Any of these statuses; empty takes all.
    pub status: Vec<u16>,
    /// A value that must be there.
    pub at: Option<Place>,
    /// What it must match, or without it the answer's body.
    pub matching: Option<regex::Regex>,
    /// What it means.
    pub means: Meaning,
}

/// What an answer of a service means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The key is refused.
    Key,
    /// The credit is used up.
    Credit,
    /// More requests at once, or in a time, than the plan allows.
    Crowded,
    /// The site kept the service out.
    Blocked,
    /// The page could not be had.
    Failed,
    /// It is the page, whatever the status.
    Page,
}

impl ServiceRule {
    /// Tells one rule from another, secrets included.
    fn key(&self) -> u64 {
        let (url, body, headers) = (&self.url, &self.body, &self.headers);
        xxh3_64(format!("{self:?}{url}{body:?}{headers:?}").as_bytes())
    }
}

impl fmt::Debug for ServiceRule {
    /// Neither address, body nor headers: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceRule")
            .field("name", &self.name)
            .field("post", &self.body.is_some())
            .field("result", &self.result)
            .field("cost", &self.cost)
            .field("credit", &self.credit)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}
