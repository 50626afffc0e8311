//! A service from what is written to what is meant.

use super::form::{Auth, ErrorForm};
use super::value::texts;
use super::{Meaning, ServiceError, ServiceForm, ServiceResult, ServiceRule, URL_MARK, preset};
use crate::config::forms::OrderedMap;
use crate::config::resolve::many;
use crate::page::{money, quoted};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use url::{Position, Url};

/// Texts shorter than this are no secrets, and would blot out half of a message.
const SECRET: usize = 6;

/// A service.
///
/// # Errors
/// What is missing or does not fit together, and what to write instead.
pub fn rule(form: ServiceForm) -> Result<ServiceRule, String> {
    let (form, needs, named) = with_preset(form)?;
    let Some(url) = &form.url else {
        return Err(format!(
            "fetch.via names service, which needs fetch.service with preset: NAME ({}), \
             or with url: https://…?url={URL_MARK}",
            preset::names().join(", ")
        ));
    };
    for (key, whence) in &needs {
        let given = match key.as_str() {
            "key" => form.key.is_some(),
            "user" => form.user.is_some(),
            "password" => form.password.is_some(),
            option => form
                .options
                .iter()
                .flat_map(|options| &options.0)
                .any(|(name, _)| name == option),
        };
        if !given {
            let path = match key.as_str() {
                "key" | "user" | "password" => format!("{key}: ${{{}}}", key.to_uppercase()),
                option => format!("options: {{ {option}: … }}"),
            };
            return Err(format!(
                "fetch.service: {named} needs {whence}; write service: {{ preset: {named}, {path} }}"
            ));
        }
    }
    // What a service calls a credit has a price that only the plan knows.
    let credit = if form.preset.is_some() { 0 } else { money::ONE };
    let marks = Marks {
        key: text(&form.key),
        user: text(&form.user),
        password: text(&form.password),
    };
    let post = form
        .method
        .as_ref()
        .map_or(form.body.is_some(), |method| method.0);
    let mut url = marks.fill(&url.0, quoted)?;
    let mut body = post.then(|| Value::Object(serde_json::Map::new()));
    for (name, value) in form.body.into_iter().flat_map(|map| map.0) {
        let mut value = value.0;
        texts(&mut value, &mut |text| {
            *text = marks.fill(text, str::to_owned)?;
            Ok(())
        })?;
        put(&mut body, name, value);
    }
    for (name, value) in form.options.into_iter().flat_map(|map| map.0) {
        match &mut body {
            Some(_) => put(&mut body, name, value.0),
            None => {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{}={}", quoted(&name), quoted(&plain(&value.0))));
            }
        }
    }
    let headers = headers(form.headers, form.auth, &marks)?;
    let result = form.result.unwrap_or_default();
    let mut errors: Vec<ServiceError> = form
        .errors
        .unwrap_or_default()
        .into_iter()
        .map(error)
        .collect();
    errors.extend(usual());
    let secrets = secrets(&url, body.as_ref(), &headers, &marks);
    Ok(ServiceRule {
        name: named,
        url,
        body,
        headers,
        result: ServiceResult {
            body: result.body.map(|path| path.0),
            base64: result.base64.is_some_and(|on| on.0),
            status: result.status.map(|place| place.0),
            final_url: result.final_url.map(|place| place.0),
            content_type: result.content_type.map(|place| place.0),
            cost: result.cost.map(|place| place.0),
        },
        cost: form.cost.map_or(0, |cost| cost.0),
        credit: form.credit.map_or(credit, |price| price.0),
        errors,
        secrets,
    })
}

type Needs = Vec<(String, String)>;

/// A form with what its preset knows, what that needs, and the service's name.
fn with_preset(form: ServiceForm) -> Result<(ServiceForm, Needs, String), String> {
    let Some(name) = &form.preset else {
        let host = form.url.as_ref().and_then(|url| {
            let url = Url::parse(&url.0.replace(['{', '}'], "x")).ok()?;
            Some(url[Position::BeforeHost..Position::AfterPort].to_owned())
        });
        return Ok((form, Vec::new(), host.unwrap_or_default()));
    };
    let name = name.0.clone();
    // Checked when it was read.
    let Some(preset) = preset::preset(&name) else {
        return Err(format!("there is no preset {name}"));
    };
    let known = preset.template.clone();
    let both = |own: Option<OrderedMap<_>>, known: Option<OrderedMap<_>>| match (own, known) {
        (Some(OrderedMap(mut own)), Some(OrderedMap(known))) => {
            let more: Vec<_> = known
                .into_iter()
                .filter(|(name, _)| own.iter().all(|(other, _)| other != name))
                .collect();
            own.extend(more);
            Some(OrderedMap(own))
        }
        (own, known) => own.or(known),
    };
    let errors = [form.errors.clone(), known.errors.clone()];
    let result = match (form.result.clone(), known.result.clone()) {
        (Some(own), Some(known)) => Some(own.or(known)),
        (own, known) => own.or(known),
    };
    let form = ServiceForm {
        body: both(form.body.clone(), known.body.clone()),
        options: both(form.options.clone(), known.options.clone()),
        result,
        errors: Some(errors.into_iter().flatten().flatten().collect()),
        ..form.or(known)
    };
    Ok((form, preset.needs.clone(), name))
}

/// What stands in the places of marks other than the page's address.
struct Marks {
    key: Option<String>,
    user: Option<String>,
    password: Option<String>,
}

impl Marks {
    fn fill(&self, text: &str, quote: impl Fn(&str) -> String) -> Result<String, String> {
        let mut text = text.to_owned();
        for (mark, value) in [
            ("key", &self.key),
            ("user", &self.user),
            ("password", &self.password),
        ] {
            let marked = format!("{{{mark}}}");
            if !text.contains(&marked) {
                continue;
            }
            let Some(value) = value else {
                return Err(format!(
                    "fetch.service has {marked} in it, but no {mark}; write {mark}: ${{{}}}",
                    mark.to_uppercase()
                ));
            };
            text = text.replace(&marked, &quote(value));
        }
        Ok(text)
    }
}

fn text(value: &Option<crate::config::scalar::Text>) -> Option<String> {
    value.as_ref().map(|text| text.0.clone())
}

fn put(body: &mut Option<Value>, name: String, value: Value) {
    if let Some(Value::Object(map)) = body {
        map.insert(name, value);
    }
}

/// A value as it stands in a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn headers(
    raw: Option<crate::config::forms::Headers>,
    auth: Option<Auth>,
    marks: &Marks,
) -> Result<Vec<(String, String)>, String> {
    let whole = |text: &str| marks.fill(text, str::to_owned);
    let mut headers = Vec::new();
    for (name, value) in raw.into_iter().flat_map(|map| map.0) {
        headers.push((name, whole(&value.0)?));
    }
    if let Some(auth) = auth {
        let value = match (auth.token, auth.user) {
            (Some(token), _) => format!("Bearer {}", whole(&token.0)?),
            (None, user) => {
                let user = whole(&user.map(|text| text.0).unwrap_or_default())?;
                let password = whole(&auth.password.map(|text| text.0).unwrap_or_default())?;
                format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
            }
        };
        headers.push(("authorization".to_owned(), value));
    }
    for (name, value) in &headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err()
        {
            // The value may be a secret.
            return Err(format!(
                "fetch.service: \"{name}\" is not a header, or its value cannot be one's"
            ));
        }
    }
    Ok(headers)
}

fn error(form: ErrorForm) -> ServiceError {
    ServiceError {
        status: many(form.status, |status| status.0),
        at: form.at.map(|place| place.0),
        matching: form.matching.map(|pattern| pattern.0),
        means: form.means.0,
    }
}

/// What statuses mean where the template does not say: RFC 9110 and custom.
fn usual() -> impl Iterator<Item = ServiceError> {
    [
        (&[401, 403, 407][..], Meaning::Key),
        (&[402], Meaning::Credit),
        (&[429], Meaning::Crowded),
    ]
    .into_iter()
    .map(|(status, means)| ServiceError {
        status: status.to_vec(),
        at: None,
        matching: None,
        means,
    })
}

/// Everything in a rule that may be a secret, as it may come back in an answer.
fn secrets(
    url: &str,
    body: Option<&Value>,
    headers: &[(String, String)],
    marks: &Marks,
) -> Vec<String> {
    let mut found: Vec<String> = [&marks.key, &marks.user, &marks.password]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    for (_, value) in headers {
        found.extend(value.split(' ').map(str::to_owned));
    }
    if let Ok(url) = Url::parse(url) {
        for pair in url.query().unwrap_or_default().split('&') {
            let value = pair.split_once('=').map_or(pair, |(_, value)| value);
            let decoded = percent_encoding::percent_decode_str(value);
            found.push(decoded.decode_utf8_lossy().into_owned());
            found.push(value.to_owned());
        }
        found.extend(url.password().map(str::to_owned));
    }
    let mut body = body.cloned().unwrap_or_default();
    // Cannot fail: the closure does not.
    let _ = texts(&mut body, &mut |text| {
        found.push(text.clone());
        Ok(())
    });
    let quotes: Vec<String> = found.iter().map(|text| quoted(text)).collect();
    found.extend(quotes);
    found.retain(|text| text.len() >= SECRET && !text.contains(URL_MARK));
    // The longest first: one may be a part of another.
    found.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    found.dedup();
    found
}
