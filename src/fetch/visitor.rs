//! Who asks: what the requests of one site have in common.

use super::clearance::{Clearance, Clearances};
use super::cookies::Jar;
use super::{Call, Spool, Want};
use crate::config::browsing::Browsing;
use crate::config::{BlockRule, Site, Timeouts};
use crate::page::Rung;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HeaderMap,
    HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use reqwest::{Method, Request};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use url::{Host, Url};

/// What is asked for where pages are wanted.
const ACCEPT_PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.5";
/// Numbers of sessions.
static SESSIONS: AtomicU64 = AtomicU64::new(0);
/// The codings that [`super::body::decode`] undoes.
const ACCEPT_CODINGS: &str = "gzip, br, zstd, deflate";

/// A site's visitor: its headers, cookies, time limits and guard. One serves
/// all workers of its site.
#[derive(Clone)]
pub struct Visitor {
    /// Which session this is: the same for all visitors with the same cookies.
    session: u64,
    /// The site's name.
    pub site: Arc<str>,
    /// Limits on the phases of a request.
    pub timeouts: Timeouts,
    /// Largest body of a page on the wire, bytes.
    pub max_body: u64,
    /// Whether private addresses are refused.
    pub guarded: bool,
    /// Limit of one request by each rung above plain HTTP, by [`Rung::index`].
    times: [Duration; Rung::COUNT],
    /// How a browser opens its pages.
    pub browsing: Arc<Browsing>,
    /// What the operator calls a block, beside what is known as one.
    pub blocks: Arc<[BlockRule]>,
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
    /// Where files go that it fetches; memory, if nowhere.
    spool: Option<Arc<Spool>>,
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
            session: SESSIONS.fetch_add(1, Ordering::Relaxed),
            site: site.name.as_str().into(),
            timeouts: fetch.timeouts,
            max_body: fetch.max_body,
            guarded: !fetch.allow_private,
            times: Rung::ALL.map(|rung| fetch.limits(rung).timeout),
            browsing: fetch
                .rungs
                .browser
                .as_ref()
                .map(|browser| Arc::new(browser.browsing.clone()))
                .unwrap_or_default(),
            blocks: fetch.blocks.clone(),
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
            spool: None,
        }
    }

    /// A visitor that belongs to no site, for what the operator named himself:
    /// unguarded, with the program's own user agent.
    pub(super) fn alone(timeouts: Timeouts) -> Self {
        let mut common = HeaderMap::new();
        let agent = concat!("crawldeck/", env!("CARGO_PKG_VERSION"));
        common.insert(USER_AGENT, HeaderValue::from_static(agent));
        common.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_CODINGS));
        Self {
            session: SESSIONS.fetch_add(1, Ordering::Relaxed),
            site: "".into(),
            timeouts,
            max_body: 0,
            guarded: false,
            times: [timeouts.total; Rung::COUNT],
            browsing: Arc::default(),
            blocks: Arc::default(),
            own: common.clone(),
            common,
            hosts: Vec::new(),
            cookies: Arc::default(),
            clearances: Arc::default(),
            call: None,
            spool: None,
        }
    }

    /// A visitor with the same cookies whose requests are this call.
    pub fn calling(&self, call: Call) -> Self {
        Self {
            call: Some(Arc::new(call)),
            ..self.clone()
        }
    }

    /// A visitor with the same cookies whose files go there.
    pub fn spooling(&self, spool: Arc<Spool>) -> Self {
        Self {
            spool: Some(spool),
            ..self.clone()
        }
    }

    /// Limit of one request by a rung above plain HTTP.
    pub fn time(&self, rung: Rung) -> Duration {
        self.times[rung.index()]
    }

    /// A visitor with the same cookies whose requests by a rung have this limit.
    pub fn within(&self, rung: Rung, limit: Duration) -> Self {
        let mut times = self.times;
        times[rung.index()] = limit;
        Self {
            times,
            ..self.clone()
        }
    }

    /// A visitor by the site's document as it is now, with the same cookies.
    pub fn renewed(&self, site: &Site) -> Self {
        Self {
            session: self.session,
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

    /// The headers of requests to every host, which hold no secret.
    pub fn common_headers(&self) -> &HeaderMap {
        &self.common
    }

    /// Which session this is.
    pub(super) fn session(&self) -> u64 {
        self.session
    }

    /// The `User-Agent` header.
    pub(super) fn user_agent(&self) -> &str {
        let value = self.own.get(USER_AGENT).map(HeaderValue::to_str);
        value.and_then(Result::ok).unwrap_or_default()
    }

    /// What the operator wants added to a request for `url`: nothing of a
    /// foreign host. Cookies, codings and the user agent are not among it.
    pub(super) fn added(&self, url: &Url) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let own = self.hosts.iter().any(|rule| rule.takes(url));
        let added = own.then(|| self.own.iter()).into_iter().flatten();
        added.filter(|(name, value)| {
            ![USER_AGENT, ACCEPT_ENCODING, COOKIE].contains(name)
                && self.common.get(*name) != Some(value)
        })
    }

    /// Where files go that it fetches.
    pub(super) fn spool(&self) -> Option<&Spool> {
        self.spool.as_deref()
    }

    /// The call that its requests are, if they are more than a GET.
    pub(super) fn call(&self) -> Option<&Call> {
        self.call.as_deref()
    }

    /// The request for `url`.
    pub(super) fn request(&self, url: &Url, want: Want) -> Request {
        let won = self.clearances.agent(url);
        self.request_with(&self.cookies, won.as_ref(), url, want)
    }

    /// The request for `url` in another guise than the site's own.
    pub(super) fn request_as(&self, guise: &Guise, url: &Url, want: Want) -> Request {
        self.request_with(&guise.cookies, guise.user_agent.as_ref(), url, want)
    }

    fn request_with(
        &self,
        cookies: &Jar,
        user_agent: Option<&HeaderValue>,
        url: &Url,
        want: Want,
    ) -> Request {
        let own = self.hosts.iter().any(|rule| rule.takes(url));
        let mut headers = if own { &self.own } else { &self.common }.clone();
        if let Want::File(_) = want {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        if let Some(agent) = user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        if let Some(cookies) = cookies.header(url) {
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
        self.cookies.take(headers, url);
    }
}

/// What a session wears in the place of its site's own: cookies, and perhaps
/// another user agent.
pub(super) struct Guise {
    cookies: Jar,
    user_agent: Option<HeaderValue>,
}

impl Guise {
    /// A new one, without cookies.
    pub(super) fn new(user_agent: Option<&str>) -> Self {
        Self {
            cookies: Jar::default(),
            user_agent: user_agent.map(printable),
        }
    }

    /// Takes the cookies of an answer from `url`.
    pub(super) fn hear(&self, url: &Url, headers: &HeaderMap) {
        self.cookies.take(headers, url);
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
mod tests;
