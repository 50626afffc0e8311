//! FlareSolverr's protocol, version 1: what is posted to `/v1` and what comes
//! back (<https://github.com/FlareSolverr/FlareSolverr>, README and
//! `src/flaresolverr_service.py`).
//!
//! A failure is an HTTP 500 whose JSON says why. `solution.status` is always
//! 200 and `solution.headers` always empty, whatever the page's were: neither
//! is read.

use crate::config::SolverProxy;
use crate::fetch::error::Cause;
use crate::fetch::proxy::Whose;
use crate::page::FailureKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;
use url::Url;

/// Longest message of a solver's that is repeated, characters.
const WORDS: usize = 200;

/// Opens a session: a browser of its own.
pub(super) fn create(session: &str, proxy: Option<&SolverProxy>) -> Value {
    let mut body = json!({ "cmd": "sessions.create", "session": session });
    if let Some(proxy) = proxy {
        let mut written = Map::new();
        written.insert("url".to_owned(), proxy.url.clone().into());
        if let Some((user, password)) = &proxy.user {
            written.insert("username".to_owned(), user.clone().into());
            written.insert("password".to_owned(), password.clone().into());
        }
        body["proxy"] = Value::Object(written);
    }
    body
}

/// Ends a session.
pub(super) fn destroy(session: &str) -> Value {
    json!({ "cmd": "sessions.destroy", "session": session })
}

/// Asks for the names of all sessions.
pub(super) fn list() -> Value {
    json!({ "cmd": "sessions.list" })
}

/// A page that a session gets.
pub(super) struct Page<'a> {
    pub(super) session: &'a str,
    pub(super) url: &'a Url,
    /// The form that is posted; without one it is a GET.
    pub(super) form: Option<&'a str>,
    pub(super) limit: Duration,
    /// Whether images, style sheets and fonts are loaded.
    pub(super) media: bool,
    /// Cookies that the browser is to have, by name and value. For them it loads
    /// the page twice.
    pub(super) cookies: &'a [(String, String)],
}

/// Gets a page in a session.
pub(super) fn request(page: &Page<'_>) -> Value {
    let mut body = json!({
        "cmd": "request.get",
        "url": page.url.as_str(),
        "session": page.session,
        // Milliseconds; a day is as good as no limit.
        "maxTimeout": u64::try_from(page.limit.as_millis()).unwrap_or(86_400_000),
        "disableMedia": !page.media,
    });
    if let Some(form) = page.form {
        body["cmd"] = "request.post".into();
        body["postData"] = form.into();
    }
    if !page.cookies.is_empty() {
        let cookie = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        body["cookies"] = page.cookies.iter().map(cookie).collect();
    }
    body
}

/// What a solver answers.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    status: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    solution: Option<Solution>,
    #[serde(default)]
    sessions: Option<Vec<String>>,
}

/// The page in an answer.
#[derive(Deserialize)]
pub(super) struct Solution {
    /// Where it was in the end.
    #[serde(default)]
    pub(super) url: String,
    /// Its source, as the browser has it.
    #[serde(default)]
    pub(super) response: String,
    /// The browser's cookies for it.
    #[serde(default)]
    pub(super) cookies: Vec<Value>,
    /// The browser's name.
    #[serde(default, rename = "userAgent")]
    pub(super) user_agent: String,
}

impl std::fmt::Debug for Solution {
    /// No cookies: they are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Solution")
            .field("url", &self.url)
            .field("response", &self.response.len())
            .field("cookies", &self.cookies.len())
            .finish_non_exhaustive()
    }
}

/// A cookie as Selenium tells it.
#[derive(Deserialize)]
struct Cookie {
    name: String,
    value: String,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    path: Option<String>,
    /// Seconds since 1970; version 1 called it otherwise.
    #[serde(default, alias = "expires")]
    expiry: Option<f64>,
    #[serde(default)]
    secure: Option<bool>,
}

/// What of an answer is an error.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Whoever answers is no solver, or a broken one.
    NoSolver(String),
    /// The session's browser is gone.
    Session(String),
    /// Its browser did not come through its proxy.
    Exit(Whose, String),
    /// It could not get the page.
    Page(Cause),
}

impl Reply {
    /// Reads an answer, whatever its HTTP status.
    ///
    /// # Errors
    ///
    /// That it is none of the protocol's, in words.
    pub(super) fn read(status: u16, body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice::<Self>(body).map_err(|_| {
            let html = body.trim_ascii_start().first() == Some(&b'<');
            let what = if html { "HTML" } else { "something else" };
            Refusal::NoSolver(format!(
                "answers with {what} (status {status}), not with FlareSolverr's JSON"
            ))
        })
    }

    /// That it did what was asked.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn done(self) -> Result<Option<Solution>, Refusal> {
        if self.status == "ok" {
            return Ok(self.solution);
        }
        Err(refusal(self.message.as_deref().unwrap_or_default()))
    }

    /// The names of all sessions, where it tells them.
    pub(super) fn sessions(self) -> Vec<String> {
        match self.status == "ok" {
            true => self.sessions.unwrap_or_default(),
            false => Vec::new(),
        }
    }
}

/// Chromium's words for what goes wrong with a proxy (`net_error_list.h`), and
/// whose fault it is.
const PROXY_ERRORS: [(&str, Whose); 10] = [
    ("ERR_PROXY_CONNECTION_FAILED", Whose::Exit),
    ("ERR_PROXY_CERTIFICATE_INVALID", Whose::Exit),
    ("ERR_NO_SUPPORTED_PROXIES", Whose::Exit),
    ("ERR_MANDATORY_PROXY_CONFIGURATION_FAILED", Whose::Exit),
    ("ERR_PROXY_AUTH", Whose::Login),
    ("ERR_UNEXPECTED_PROXY_AUTH", Whose::Login),
    ("ERR_TUNNEL_CONNECTION_FAILED", Whose::Either),
    ("ERR_PROXY_UNABLE_TO_CONNECT", Whose::Either),
    ("ERR_SOCKS_CONNECTION_HOST_UNREACHABLE", Whose::Either),
    ("ERR_SOCKS_CONNECTION_FAILED", Whose::Either),
];

/// What a message of a failure means.
fn refusal(message: &str) -> Refusal {
    let clean: String = message
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let told = clean.trim_start_matches("Error: ");
    let told = told.trim_start_matches("Error solving the challenge. ");
    let words: Vec<&str> = told.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(WORDS).collect();
    let lower = words.to_lowercase();
    let has = |marks: &[&str]| marks.iter().any(|mark| lower.contains(mark));
    // Selenium's own words for a browser that is not there any more.
    if has(&[
        "invalid session id",
        "chrome not reachable",
        "disconnected",
        "session deleted",
        "tab crashed",
        "no such window",
        "session doesn't exist",
        "cannot connect to chrome",
    ]) {
        return Refusal::Session(words);
    }
    let proxys = PROXY_ERRORS.iter().find(|(code, _)| words.contains(code));
    if let Some((code, whose)) = proxys {
        // No word of theirs, which might repeat the login.
        return Refusal::Exit(*whose, format!("the solver's browser says {code}"));
    }
    let kind = if has(&["timeout after", "err_timed_out"]) {
        FailureKind::Timeout
    } else if has(&["has blocked this request", "captcha"]) {
        FailureKind::Blocked
    } else if has(&["err_name_not_resolved"]) {
        FailureKind::Dns
    } else if has(&["err_connection", "err_address"]) {
        FailureKind::Connect
    } else if has(&["err_cert", "err_ssl"]) {
        FailureKind::Tls
    } else {
        FailureKind::Protocol
    };
    let words = if words.is_empty() {
        "it does not say why".to_owned()
    } else {
        words
    };
    Refusal::Page(Cause::new(kind, words))
}

/// A cookie's name and value.
pub(super) fn pair(value: &Value) -> Option<(&str, &str)> {
    Some((value["name"].as_str()?, value["value"].as_str()?))
}

/// A cookie as an answer would have set it: its name, the text of `Set-Cookie`,
/// and when it ends, seconds since 1970.
pub(super) fn cookie(value: &Value, host: &str) -> Option<(String, String, Option<f64>)> {
    let cookie = Cookie::deserialize(value).ok()?;
    let fits = |text: &str| !text.contains([';', '\r', '\n', '\0']);
    let parts = [Some(&cookie.name), Some(&cookie.value)];
    let rest = [cookie.domain.as_ref(), cookie.path.as_ref()];
    if cookie.name.is_empty() || !parts.iter().chain(&rest).flatten().all(|text| fits(text)) {
        return None;
    }
    let mut text = format!("{}={}", cookie.name, cookie.value);
    // Without a dot in front it is the host's own.
    if let Some(domain) = cookie.domain.as_deref()
        && domain != host
    {
        text.push_str(&format!("; Domain={}", domain.trim_start_matches('.')));
    }
    text.push_str(&format!("; Path={}", cookie.path.as_deref().unwrap_or("/")));
    if cookie.secure == Some(true) {
        text.push_str("; Secure");
    }
    Some((cookie.name, text, cookie.expiry.filter(|at| at.is_finite())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_failures_are_told_apart() {
        for (message, want) in [
            (
                "Error: Error solving the challenge. Timeout after 60.0 seconds.",
                Some(FailureKind::Timeout),
            ),
            (
                "Error: Error solving the challenge. Cloudflare has blocked this request. Probably \
                 your IP is banned for this site, check in your web browser.",
                Some(FailureKind::Blocked),
            ),
            (
                "Error: Error solving the challenge. Message: unknown error: \
                 net::ERR_NAME_NOT_RESOLVED\\n  (Session info: chrome=120)",
                Some(FailureKind::Dns),
            ),
            (
                "Error: Error solving the challenge. Message: net::ERR_CONNECTION_REFUSED",
                Some(FailureKind::Connect),
            ),
            ("Error: something", Some(FailureKind::Protocol)),
            ("", Some(FailureKind::Protocol)),
            ("Error: The session doesn't exist.", None),
            (
                "Error: Error solving the challenge. invalid session id",
                None,
            ),
        ] {
            let kind = match refusal(message) {
                Refusal::Page(cause) => Some(cause.kind),
                Refusal::Session(_) => None,
                Refusal::NoSolver(words) | Refusal::Exit(_, words) => panic!("{words}"),
            };
            assert_eq!(kind, want, "{message}");
        }
    }

    #[test]
    fn what_is_the_proxys_fault_is_told_in_words_of_ours() {
        for (code, want) in [
            ("ERR_PROXY_CONNECTION_FAILED", Whose::Exit),
            ("ERR_PROXY_AUTH_UNSUPPORTED", Whose::Login),
            ("ERR_TUNNEL_CONNECTION_FAILED", Whose::Either),
            ("ERR_SOCKS_CONNECTION_FAILED", Whose::Either),
        ] {
            let message = format!(
                "Error: Error solving the challenge. Message: unknown error: net::{code} \
                 http://me:s3cret@p.test"
            );
            let Refusal::Exit(whose, words) = refusal(&message) else {
                panic!("{code}")
            };
            assert_eq!(whose, want, "{code}");
            assert!(!words.contains("s3cret"), "{words}");
        }
    }

    #[test]
    fn a_page_is_asked_for_as_the_protocol_has_it() {
        let url = Url::parse("https://a.test/?q=1").unwrap();
        let page = |form, cookies| {
            request(&Page {
                session: "s",
                url: &url,
                form,
                limit: Duration::from_secs(60),
                media: false,
                cookies,
            })
        };
        let get = json!({"cmd": "request.get", "url": "https://a.test/?q=1", "session": "s",
                         "maxTimeout": 60_000, "disableMedia": true});
        assert_eq!(page(None, &[]), get);
        let cookies = [("k".to_owned(), "v".to_owned())];
        let mut post = get;
        post["cmd"] = "request.post".into();
        post["postData"] = "a=b".into();
        post["cookies"] = json!([{"name": "k", "value": "v"}]);
        assert_eq!(page(Some("a=b"), &cookies), post);
    }

    #[test]
    fn cookies_are_written_as_servers_write_them() {
        let host = "www.a.test";
        for (value, want) in [
            (
                json!({"name": "cf", "value": "x", "domain": ".a.test", "path": "/", "secure": true,
                       "expiry": 1_900_000_000, "httpOnly": true, "sameSite": "None"}),
                Some(("cf=x; Domain=a.test; Path=/; Secure", Some(1.9e9))),
            ),
            (
                json!({"name": "own", "value": "", "domain": "www.a.test", "expires": 1.5}),
                Some(("own=; Path=/", Some(1.5))),
            ),
            (json!({"name": "a", "value": "b; Domain=evil.test"}), None),
            (json!({"name": "", "value": "b"}), None),
            (json!({"value": "b"}), None),
            (json!("a=b"), None),
        ] {
            let told = cookie(&value, host);
            let told = told.as_ref().map(|(_, text, end)| (text.as_str(), *end));
            assert_eq!(told, want, "{value}");
        }
    }
}
