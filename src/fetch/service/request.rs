//! The template filled with a page's address.

use crate::config::{ServiceRule, URL_MARK};
use crate::fetch::Visitor;
use crate::fetch::error::Cause;
use crate::page::{FailureKind, quoted};
use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use reqwest::{Method, Request};
use serde_json::Value;
use url::Url;

/// A request to a service.
pub(super) struct Sent {
    pub(super) url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Sent {
    /// As it goes on the wire.
    pub(super) fn request(&self) -> Request {
        let mut request = Request::new(Method::GET, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        if let Some(body) = &self.body {
            *request.method_mut() = Method::POST;
            *request.body_mut() = Some(body.clone().into());
        }
        request
    }
}

/// The request for a page. Nothing of the site's own goes with it: neither the
/// operator's headers nor cookies.
///
/// # Errors
///
/// [`FailureKind::Internal`] where the template makes no request.
pub(super) fn fill(rule: &ServiceRule, visitor: &Visitor, page: &Url) -> Result<Sent, Cause> {
    let odd = |what: &str| {
        let text = format!("the template of the service {} {what}", rule.name);
        Cause::new(FailureKind::Internal, text)
    };
    let url = rule.url.replace(URL_MARK, &quoted(page.as_str()));
    let url = Url::parse(&url).map_err(|_| odd("makes no URL"))?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for name in [USER_AGENT, ACCEPT_ENCODING] {
        if let Some(value) = visitor.common_headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in &rule.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        let (Ok(name), Ok(mut value)) = (name, value) else {
            return Err(odd("has a header that cannot be sent"));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let body = match &rule.body {
        None => None,
        Some(template) => {
            let json = HeaderValue::from_static("application/json");
            headers.entry(CONTENT_TYPE).or_insert(json);
            let filled = filled(template, page.as_str());
            let body = serde_json::to_vec(&filled).map_err(|_| odd("makes no JSON"))?;
            Some(Bytes::from(body))
        }
    };
    Ok(Sent { url, headers, body })
}

fn filled(template: &Value, page: &str) -> Value {
    match template {
        Value::String(text) => Value::String(text.replace(URL_MARK, page)),
        Value::Array(items) => items.iter().map(|item| filled(item, page)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, page)))
            .collect(),
        other => other.clone(),
    }
}
