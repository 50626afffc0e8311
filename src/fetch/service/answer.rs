//! A service's answer read by its template: a page, or why there is none.

use crate::config::{Meaning, Place, ServiceError, ServiceRule};
use crate::fetch::error::Cause;
use crate::fetch::{Fetched, Want, body};
use crate::page::{FailureKind, money};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What the wrapping of a page may add to it, bytes.
const WRAPPING: u64 = 256 * 1024;
/// Bytes of a body that an error's pattern looks at.
const LOOK: usize = 64 * 1024;
/// Characters of a service's own words that are repeated.
const WORDS: usize = 160;
/// Vendors differ on padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Largest answer, bytes: the page's own limit, and room for its wrapping.
pub(super) fn cap(rule: &ServiceRule, max_body: u64) -> u64 {
    match rule.result.body {
        None => max_body,
        // Base64 takes 4/3; quotation marks and line ends of HTML in JSON less.
        Some(_) => max_body.saturating_mul(2).saturating_add(WRAPPING),
    }
}

/// An answer that is to be read.
pub(super) struct Reading {
    pub(super) rule: Arc<ServiceRule>,
    pub(super) fetched: Fetched,
    pub(super) want: Want,
    pub(super) max_body: u64,
}

/// What came of it.
pub(super) enum End {
    /// The page.
    Page(Box<Fetched>),
    /// The service says why not, in words that are fit to be shown, and may
    /// have been paid for it, millionths.
    Refused(Meaning, String, u64),
    /// It cannot be understood; likewise.
    Odd(Cause, u64),
}

impl Reading {
    /// Reads it. Decompresses and parses: not for the event loop.
    pub(super) fn end(self) -> End {
        let status = self.fetched.status;
        let text = match self.text() {
            Ok(text) => text,
            Err(cause) => return End::Odd(cause, 0),
        };
        let answer = Answer {
            rule: &self.rule,
            headers: &self.fetched.headers,
            status,
            json: OnceCell::new(),
            body: &text,
        };
        // What is not told of a failure is none: most services charge for pages.
        let cost = self.told_cost(&answer).unwrap_or(0);
        let meaning = self
            .rule
            .errors
            .iter()
            .find(|error| answer.fits(error))
            .map(|error| error.means);
        // A page that is not there is told as such, where pages come as they are.
        let passed_on = self.rule.result.body.is_none() && matches!(status, 404 | 410);
        match meaning {
            Some(Meaning::Page) => {}
            Some(meaning) => return End::Refused(meaning, answer.words(), cost),
            None if (300..400).contains(&status) => {
                let text = format!(
                    "answers with a redirect (status {status}); its url in the sites file is another"
                );
                return End::Odd(Cause::new(FailureKind::Redirect, text), cost);
            }
            None if status >= 400 && !passed_on => {
                return End::Refused(Meaning::Failed, answer.words(), cost);
            }
            None => {}
        }
        match self.page(&answer) {
            Ok(page) => End::Page(Box::new(page)),
            Err(cause) => End::Odd(cause, cost),
        }
    }

    /// What the answer says that it cost.
    fn told_cost(&self, answer: &Answer<'_>) -> Option<u64> {
        let told = answer.value(self.rule.result.cost.as_ref()?)?;
        let credits = money::millionths(&told)?;
        Some(money::priced(credits, self.rule.credit))
    }

    /// The answer's body without its codings.
    fn text(&self) -> Result<Bytes, Cause> {
        let fetched = &self.fetched;
        let cap = cap(&self.rule, self.max_body);
        let evidence = fetched.status >= 400;
        if fetched.cut && !evidence {
            let text = format!("its answer is more than {cap} bytes");
            return Err(Cause::new(FailureKind::TooLarge, text));
        }
        let decoded = if evidence {
            body::decode_prefix(fetched, Want::EVIDENCE).map(|(text, _)| text)
        } else {
            body::decode(fetched, cap)
        };
        match decoded {
            Ok(std::borrow::Cow::Borrowed(_)) => Ok(fetched.body.clone()),
            Ok(std::borrow::Cow::Owned(text)) => Ok(text.into()),
            Err(error) => Err(Cause::new(error.kind, error.detail)),
        }
    }

    fn page(&self, answer: &Answer<'_>) -> Result<Fetched, Cause> {
        let result = &self.rule.result;
        let told = |place: &Option<Place>| place.as_ref().and_then(|place| answer.value(place));
        let mut headers = HeaderMap::new();
        let mut media_type = match &result.content_type {
            Some(_) => told(&result.content_type).and_then(|text| HeaderValue::try_from(text).ok()),
            None if result.body.is_none() => answer.headers.get(CONTENT_TYPE).cloned(),
            None => None,
        };
        let body = match &result.body {
            None => answer.body.clone(),
            Some(path) => {
                let Some(json) = answer.json() else {
                    let text = "its answer is not JSON";
                    return Err(Cause::new(FailureKind::Parse, text));
                };
                let Some(Value::String(text)) = path.path.query(json).first() else {
                    let text = format!("there is no text at {} of its answer", path.text);
                    return Err(Cause::new(FailureKind::Parse, text));
                };
                if result.base64 {
                    let compact: Vec<u8> =
                        text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                    let Ok(body) = BASE64.decode(compact) else {
                        let text = format!("what is at {} of its answer is no Base64", path.text);
                        return Err(Cause::new(FailureKind::Parse, text));
                    };
                    Bytes::from(body)
                } else {
                    // Characters by now, whatever a `meta` in them says.
                    media_type = Some(in_utf8(media_type.as_ref(), text));
                    Bytes::from(text.clone())
                }
            }
        };
        if body.len() as u64 > self.max_body {
            let text = format!(
                "the page is {} bytes, more than {}",
                body.len(),
                self.max_body
            );
            return Err(Cause::new(FailureKind::TooLarge, text));
        }
        if let Some(media_type) = media_type {
            headers.insert(CONTENT_TYPE, media_type);
        }
        let own = if result.body.is_none() || answer.status >= 400 {
            answer.status
        } else {
            200
        };
        let status = told(&result.status)
            .and_then(|text| text.parse().ok())
            .filter(|status| (100..1000).contains(status))
            .unwrap_or(own);
        let cost = self.told_cost(answer).unwrap_or(self.rule.cost);
        let landed = told(&result.final_url)
            .and_then(|text| Url::parse(text.trim()).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let page = Fetched {
            landed,
            cost,
            cut: self.fetched.cut,
            ..Fetched::whole(status, headers, body, Duration::ZERO)
        };
        Ok(page.wanted(self.want))
    }
}

/// The media type of a text that is UTF-8 now.
fn in_utf8(told: Option<&HeaderValue>, text: &str) -> HeaderValue {
    let told = told.and_then(|value| value.to_str().ok());
    let essence = told.and_then(|told| told.split(';').next()).map(str::trim);
    let json = text.trim_start().starts_with(['{', '[']);
    let essence = essence.unwrap_or(if json {
        "application/json"
    } else {
        "text/html"
    });
    HeaderValue::try_from(format!("{essence}; charset=utf-8"))
        .unwrap_or_else(|_| HeaderValue::from_static("text/html; charset=utf-8"))
}

/// An answer as its template looks at it.
struct Answer<'a> {
    rule: &'a ServiceRule,
    headers: &'a HeaderMap,
    status: u16,
    json: OnceCell<Option<Value>>,
    body: &'a Bytes,
}

impl Answer<'_> {
    fn json(&self) -> Option<&Value> {
        self.json
            .get_or_init(|| serde_json::from_slice(self.body).ok())
            .as_ref()
    }

    fn value(&self, place: &Place) -> Option<String> {
        match place {
            Place::Header(name) => {
                let value = self.headers.get(name)?;
                Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Place::Json(path) => match path.path.query(self.json()?).first()? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(yes) => Some(yes.to_string()),
                _ => None,
            },
        }
    }

    fn fits(&self, error: &ServiceError) -> bool {
        if !error.status.is_empty() && !error.status.contains(&self.status) {
            return false;
        }
        // A good answer that is the page itself: what stands in it says nothing
        // of the service.
        let is_page =
            self.rule.result.body.is_none() && self.status < 400 && error.status.is_empty();
        let found = match &error.at {
            Some(Place::Json(_)) if is_page => return false,
            None if is_page && error.matching.is_some() => return false,
            Some(place) => self.value(place),
            None => {
                let end = self.body.len().min(LOOK);
                Some(String::from_utf8_lossy(&self.body[..end]).into_owned())
            }
        };
        found.is_some_and(|found| {
            let matching = error.matching.as_ref();
            matching.is_none_or(|pattern| pattern.is_match(&found))
        })
    }

    /// What the service says, short, clean, and without its secrets.
    fn words(&self) -> String {
        let text = String::from_utf8_lossy(self.body);
        let text = text.trim();
        if text.starts_with('<') {
            return String::new();
        }
        let told = self
            .rule
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| {
                text.replace(secret.as_str(), "…")
            });
        let clean: String = told
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let words: Vec<&str> = clean.split_whitespace().collect();
        words.join(" ").chars().take(WORDS).collect()
    }
}
