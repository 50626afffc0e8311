//! Who asks: what the requests of one site have in common.

use super::clearance::{Clearance, Clearances};
use super::cookies::Jar;
use super::{Call, Want};
use crate::config::{Site, Timeouts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HeaderMap,
    HeaderName, HeaderValue, SET_COOKIE, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use reqwest::{Method, Request};
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};

/// What is asked for where pages are wanted.
const ACCEPT_PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.5";
/// The codings that [`super::body::decode`] undoes.
const ACCEPT_CODINGS: &str = "gzip, br, zstd, deflate";

/// A site's visitor: its headers, cookies, time limits and guard. One serves
/// all workers of its site.
pub struct Visitor {
    /// Limits on the phases of a request.
    pub timeouts: Timeouts,
    /// Largest body of a page on the wire, bytes.
    pub max_body: u64,
    /// Whether private addresses are refused.
    pub guarded: bool,
    /// Sent to every host.
    common: HeaderMap,
    /// Sent to the site's own hosts: `common` and what the operator added,
    /// which may be secrets.
    own: HeaderMap,
    hosts: Vec<HostRule>,
    cookies: Arc<Jar>,
    /// What a solver has won for its hosts.
    clearances: Arc<Clearances>,
    /// What its requests have besides their address.
    call: Option<Arc<Call>>,
}

impl Visitor {
    /// The visitor of a site. Headers that cannot be sent, or that belong to
    /// the connection, are left out with a warning in the log.
    pub fn new(site: &Site) -> Self {
        let fetch = &site.fetch;
        let mut common = HeaderMap::new();
        common.insert(USER_AGENT, printable(&fetch.user_agent));
        common.insert(ACCEPT, HeaderValue::from_static(ACCEPT_PAGE));
        common.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_CODINGS));
        Self {
            timeouts: fetch.timeouts,
            max_body: fetch.max_body,
            guarded: !fetch.allow_private,
            own: with_added(&common, &fetch.headers, &site.name),
            common,
            hosts: site
                .scope
                .hosts
                .iter()
                .map(|text| HostRule::new(text))
                .chain(site.start.iter().filter_map(HostRule::of))
                .collect(),
            cookies: Arc::default(),
            clearances: Arc::default(),
            call: None,
        }
    }

    /// A visitor with the same cookies whose requests are this call.
    pub fn calling(&self, call: Call) -> Self {
        Self {
            timeouts: self.timeouts,
            max_body: self.max_body,
            guarded: self.guarded,
            common: self.common.clone(),
            own: self.own.clone(),
            hosts: self.hosts.clone(),
            cookies: self.cookies.clone(),
            clearances: self.clearances.clone(),
            call: Some(Arc::new(call)),
        }
    }

    /// A visitor by the site's document as it is now, with the same cookies.
    pub fn renewed(&self, site: &Site) -> Self {
        Self {
            cookies: self.cookies.clone(),
            clearances: self.clearances.clone(),
            ..Self::new(site)
        }
    }

    /// Takes what a solver has won at `url`: cookies as its answer would have
    /// set them, and with which name it was. Plain HTTP goes on with both.
    pub(super) fn win(&self, url: &Url, cookies: &[(String, String)], won: Clearance) {
        for (_, text) in cookies {
            self.cookies.put(text, url);
        }
        self.clearances.put(url, won);
    }

    /// Whether what a solver has won for a URL's host still holds.
    pub fn is_cleared(&self, url: &Url) -> bool {
        self.clearances.agent(url).is_some()
    }

    /// Forgets what a solver has won for a URL's host, since it was blocked
    /// all the same. Answers whether there was anything.
    pub fn lapse(&self, url: &Url) -> bool {
        let dropped = self.clearances.forget(url);
        if let Some(names) = &dropped {
            self.cookies.forget(names, url);
        }
        dropped.is_some()
    }

    /// Whether its requests are more than a GET of a page.
    pub(super) fn is_call(&self) -> bool {
        self.call.is_some()
    }

    /// The headers of requests to every host, which hold no secret.
    pub fn common_headers(&self) -> &HeaderMap {
        &self.common
    }

    /// The request for `url`.
    pub(super) fn request(&self, url: &Url, want: Want) -> Request {
        let own = self.hosts.iter().any(|rule| rule.takes(url));
        let mut headers = if own { &self.own } else { &self.common }.clone();
        if let Want::File(_) = want {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        if let Some(agent) = self.clearances.agent(url) {
            headers.insert(USER_AGENT, agent);
        }
        if let Some(cookies) = self.cookies.header(url) {
            let cookies = match headers.get(COOKIE) {
                Some(operators) => joined(operators, &cookies),
                None => cookies,
            };
            headers.insert(COOKIE, cookies);
        }
        let mut request = Request::new(Method::GET, url.clone());
        if let Some(call) = &self.call {
            for (name, value) in &call.headers {
                headers.insert(name, value.clone());
            }
            if let Some(body) = &call.body {
                *request.method_mut() = Method::POST;
                *request.body_mut() = Some(body.clone().into());
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            authorize(&mut request, &mut headers);
        }
        *request.headers_mut() = headers;
        request
    }

    /// Takes the cookies of an answer from `url`.
    pub(super) fn hear(&self, url: &Url, headers: &HeaderMap) {
        if headers.contains_key(SET_COOKIE) {
            self.cookies.take(headers, url);
        }
    }
}

impl fmt::Debug for Visitor {
    /// Neither header values nor cookies: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("timeouts", &self.timeouts)
            .field("max_body", &self.max_body)
            .field("guarded", &self.guarded)
            .field("hosts", &self.hosts)
            .field("headers", &self.own.len())
            .field("cookies", &self.cookies.len())
            .finish()
    }
}

/// Takes the user name and password out of the URL and, unless the operator
/// has set one, into a Basic `Authorization` header (RFC 7617).
fn authorize(request: &mut Request, headers: &mut HeaderMap) {
    let url = request.url_mut();
    let decode = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let mut pair = decode(url.username());
    pair.push(b':');
    pair.extend(decode(url.password().unwrap_or_default()));
    // Cannot fail: an http URL with a user name has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair))) {
        value.set_sensitive(true);
        headers.entry(AUTHORIZATION).or_insert(value);
    }
}

fn joined(operators: &HeaderValue, cookies: &HeaderValue) -> HeaderValue {
    let bytes = [operators.as_bytes(), b"; ", cookies.as_bytes()].concat();
    let mut value = HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| operators.clone());
    value.set_sensitive(true);
    value
}

/// A header value of any text: what may not stand in one becomes a space.
fn printable(text: &str) -> HeaderValue {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    HeaderValue::from_bytes(clean.trim().as_bytes())
        .unwrap_or_else(|_| HeaderValue::from_static("crawldeck"))
}

fn with_added(common: &HeaderMap, added: &[(String, String)], site: &str) -> HeaderMap {
    let mut own = common.clone();
    let mut set = Vec::new();
    for (name, value) in added {
        let (Ok(header), Ok(mut value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) else {
            tracing::warn!(site, header = name, "a request header cannot be sent");
            continue;
        };
        if [CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE].contains(&header)
            || matches!(header.as_str(), "keep-alive" | "proxy-connection")
        {
            tracing::warn!(
                site,
                header = name,
                "this request header is the connection's own"
            );
            continue;
        }
        value.set_sensitive(true);
        // The operator's first one replaces ours, further ones are added.
        if set.contains(&header) {
            own.append(header, value);
        } else {
            own.insert(header.clone(), value);
            set.push(header);
        }
    }
    own
}

/// One of a site's hosts as [`crate::config::Scope::hosts`] writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HostRule {
    host: String,
    subdomains: bool,
    port: Option<u16>,
}

impl HostRule {
    fn new(text: &str) -> Self {
        let (subdomains, text) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // The colons of an IPv6 address stand in brackets.
        let split = text
            .rsplit_once(':')
            .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) = match split.map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, Some(port)),
            _ => (text, None),
        };
        Self {
            host: host.to_ascii_lowercase(),
            subdomains,
            port,
        }
    }

    fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host_str()?.to_owned(),
            subdomains: false,
            port: None,
        })
    }

    fn takes(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        if self.port.is_some() && self.port != url.port_or_known_default() {
            return false;
        }
        host == self.host
            || (self.subdomains
                && matches!(url.host(), Some(Host::Domain(_)))
                && host
                    .strip_suffix(&self.host)
                    .is_some_and(|rest| rest.ends_with('.')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::tests::support::site;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn visitor(headers: &[(&str, &str)], hosts: &[&str]) -> Visitor {
        let mut site = site("http://a.test/");
        site.fetch.headers = headers
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        site.scope.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Visitor::new(&site)
    }

    fn sent(visitor: &Visitor, to: &str, name: &str) -> Vec<String> {
        let request = visitor.request(&url(to), Want::Page);
        let values = request.headers().get_all(name);
        values
            .iter()
            .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
            .collect()
    }

    #[test]
    fn the_operators_headers_go_to_the_sites_hosts_alone() {
        let visitor = visitor(
            &[
                ("X-Key", "one"),
                ("x-key", "two"),
                ("accept", "text/html"),
                ("Connection", "close"),
                ("bad name", "x"),
                ("bad-value", "a\nb"),
            ],
            &["shop.test", "*.cdn.test", "[::1]:81", "ports.test:8080"],
        );
        let cases = [
            ("http://a.test/", true),
            ("http://a.test:81/", true),
            ("http://shop.test/", true),
            ("http://x.shop.test/", false),
            ("http://xshop.test/", false),
            ("http://x.cdn.test/", true),
            ("http://cdn.test/", true),
            ("http://xcdn.test/", false),
            ("http://[::1]:81/", true),
            ("http://[::1]/", false),
            ("http://ports.test:8080/", true),
            ("http://ports.test/", false),
            ("http://elsewhere.test/", false),
        ];
        for (to, own) in cases {
            let expected: &[&str] = if own { &["one", "two"] } else { &[] };
            assert_eq!(sent(&visitor, to, "x-key"), expected, "{to}");
            let accept = if own { "text/html" } else { ACCEPT_PAGE };
            assert_eq!(sent(&visitor, to, "accept"), [accept], "{to}");
            assert!(sent(&visitor, to, "connection").is_empty());
            assert!(sent(&visitor, to, "bad-value").is_empty());
            assert_eq!(sent(&visitor, to, "user-agent"), ["crawldeck-test/1.0"]);
        }
    }

    #[test]
    fn a_user_agent_with_odd_characters_is_sent_without_them() {
        let mut site = site("http://a.test/");
        for (text, expected) in [
            (" bot/1 ", "bot/1"),
            ("b\u{1}o\nt", "b o t"),
            ("böt", "böt"),
            ("", ""),
        ] {
            site.fetch.user_agent = text.to_owned();
            let visitor = Visitor::new(&site);
            assert_eq!(sent(&visitor, "http://a.test/", "user-agent"), [expected]);
        }
    }

    #[test]
    fn user_and_password_of_a_url_become_a_header() {
        let visitor = visitor(&[], &[]);
        let cases = [
            (
                "http://Aladdin:open%20sesame@a.test/x?y",
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("http://u@a.test/", "Basic dTo="),
            ("http://us:p@a.test/", "Basic dXM6cA=="),
            ("http://u:%FF%FE@a.test/", "Basic dTr//g=="),
        ];
        for (to, expected) in cases {
            let request = visitor.request(&url(to), Want::Page);
            assert_eq!(request.headers()["authorization"], expected, "{to}");
            assert!(request.headers()["authorization"].is_sensitive());
            assert_eq!(request.url().host_str(), Some("a.test"));
            assert_eq!(
                (request.url().username(), request.url().password()),
                ("", None)
            );
        }
    }

    #[test]
    fn cookies_join_those_of_the_operator() {
        let visitor = visitor(&[("Cookie", "mine=1")], &[]);
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_static("theirs=2"));
        visitor.hear(&url("http://a.test/"), &headers);
        assert_eq!(
            sent(&visitor, "http://a.test/", "cookie"),
            ["mine=1; theirs=2"]
        );
        assert!(sent(&visitor, "http://b.test/", "cookie").is_empty());
    }

    #[test]
    fn its_debug_form_keeps_secrets() {
        let visitor = visitor(
            &[("Authorization", "Bearer s3cret"), ("X-Key", "s3cret")],
            &[],
        );
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, HeaderValue::from_static("session=s3cret"));
        visitor.hear(&url("http://a.test/"), &headers);
        let text = format!("{visitor:?} {visitor:#?}");
        assert!(!text.contains("s3cret"), "{text}");
        let request = visitor.request(&url("http://a.test/"), Want::Page);
        assert!(!format!("{:?}", request.headers()).contains("s3cret"));
    }
}
