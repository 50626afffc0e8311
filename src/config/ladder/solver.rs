//! A local challenge solver: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use crate::config::forms::OneOrMany;
use crate::config::resolve::many;
use crate::config::scalar::{Span, Switch, Text, WebUrl, switch};
use crate::config::{ProxyAddress, ProxyScheme};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long what was won is good for where its cookies do not say.
const KEEP: Duration = Duration::from_secs(30 * 60);

rung_form! {
    /// A local challenge solver, which speaks FlareSolverr's protocol.
    SolverForm {
        /// Where the solvers listen, such as http://127.0.0.1:8191; one container each.
        endpoints: OneOrMany<WebUrl>,
        /// `on` goes by the exits of `fetch.proxy`; or one proxy for the solvers' browsers,
        /// such as http://user:password@host:port. By default `off`.
        proxy: Text,
        /// Whether images, style sheets and fonts are loaded; by default they are not.
        media: Switch,
        /// How long plain HTTP goes on with the cookies that were won, at most. By default 30m.
        keep: Span,
    }
}

impl SolverForm {
    /// Whether it goes by the exits of `fetch.proxy`.
    pub(super) fn goes_by_proxies(&self) -> bool {
        let switch = self.proxy.as_ref().map(|text| switch(&text.0));
        switch == Some(Ok(true))
    }
}

/// A local challenge solver, resolved.
#[derive(Debug, Clone)]
pub struct Solver {
    /// Its limits.
    pub limits: RungLimits,
    /// How it is asked.
    pub rule: Arc<SolverRule>,
    /// Whether it goes by the exits of `fetch.proxy`.
    pub by_proxies: bool,
}

/// How solvers are asked.
#[derive(Clone, PartialEq, Eq)]
pub struct SolverRule {
    /// Where they listen; at least one, none twice.
    pub endpoints: Vec<Url>,
    /// The one proxy of their browsers, where they have one.
    pub proxy: Option<SolverProxy>,
    /// Whether images, style sheets and fonts are loaded.
    pub media: bool,
    /// How long what was won is good for, at most.
    pub keep: Duration,
}

/// A proxy as the protocol wants it.
#[derive(Clone, PartialEq, Eq)]
pub struct SolverProxy {
    /// Scheme, host and port.
    pub url: String,
    /// User name and password, where it wants them.
    pub user: Option<(String, String)>,
}

impl SolverProxy {
    /// Why a solver's browser cannot go by some proxies.
    pub const NO_LOGIN: &str = "a solver's browser cannot log in at a SOCKS5 proxy; take HTTP \
                                proxies, or ones that want no login";

    /// The proxy at an address; `None` where no browser can log in there.
    pub fn of(address: &ProxyAddress) -> Option<Self> {
        let scheme = match address.scheme {
            ProxyScheme::Http => "http",
            ProxyScheme::Https => "https",
            // Chromium leaves names to it, as it does with all SOCKS5 proxies.
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => "socks5",
        };
        let login = address.login.as_ref();
        Self::suits(address).then(|| Self {
            url: format!("{scheme}://{address}"),
            user: login.map(|login| (login.user.clone(), login.password.clone())),
        })
    }

    /// Whether a browser can go by the proxy at an address.
    pub fn suits(address: &ProxyAddress) -> bool {
        address.login.is_none() || !address.scheme.is_socks()
    }
}

impl fmt::Debug for SolverProxy {
    /// Neither the user nor the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.url, f)
    }
}

impl fmt::Debug for SolverRule {
    /// Neither the proxy's user nor its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<&str> = self.endpoints.iter().map(Url::as_str).collect();
        f.debug_struct("SolverRule")
            .field("endpoints", &endpoints)
            .field("proxy", &self.proxy)
            .field("media", &self.media)
            .field("keep", &self.keep)
            .finish()
    }
}

impl Solver {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<SolverForm>, delay: Duration) -> Result<Self, String> {
        let missing = "fetch.via names solver, which needs fetch.solver with endpoints: \
                       [http://127.0.0.1:8191]";
        let form = form.unwrap_or_default();
        let mut endpoints: Vec<Url> = Vec::new();
        for url in many(form.endpoints.clone(), |url| url.0) {
            let base = base(url);
            if !endpoints.contains(&base) {
                endpoints.push(base);
            }
        }
        if endpoints.is_empty() {
            return Err(missing.to_owned());
        }
        // A container has one browser for us, which opens one page at a time.
        let concurrency = u32::try_from(endpoints.len()).unwrap_or(u32::MAX).min(1024);
        let limits = SolverForm::limits(Some(&form), Rung::Solver, concurrency, TIMEOUT, delay)?;
        let by_proxies = form.goes_by_proxies();
        let proxy = match form.proxy.as_ref().map(|text| text.0.as_str()) {
            Some(text) if switch(text).is_err() => Some(proxy(text)?),
            _ => None,
        };
        Ok(Self {
            limits,
            by_proxies,
            rule: Arc::new(SolverRule {
                endpoints,
                proxy,
                media: form.media.is_some_and(|on| on.0),
                keep: form.keep.map_or(KEEP, |span| span.0),
            }),
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self {
            limits: _,
            rule,
            by_proxies,
        } = self;
        let user = rule.proxy.as_ref().map(|proxy| &proxy.user);
        // As it was before there was a choice.
        let by_proxies = if *by_proxies { " by proxies" } else { "" };
        xxh3_64(format!("{rule:?}{user:?}{by_proxies}").as_bytes())
    }
}

/// An endpoint without `/v1`, which operators copy from the solver's manual.
fn base(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
    url.set_path(&format!("{path}/"));
    url.set_query(None);
    url
}

fn proxy(text: &str) -> Result<SolverProxy, String> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https" | "socks4" | "socks5") && url.host_str().is_some()
    });
    // It may hold a password.
    let Some(mut url) = url else {
        return Err(
            "fetch.solver.proxy is no proxy; write it like http://user:password@host:8080 or \
             socks5://host:1080, or on for the exits of fetch.proxy"
                .to_owned(),
        );
    };
    if url.scheme().starts_with("socks") && !url.username().is_empty() {
        return Err(format!("fetch.solver.proxy: {}", SolverProxy::NO_LOGIN));
    }
    let text = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = (!url.username().is_empty()).then(|| {
        let password = text(url.password().unwrap_or_default());
        (text(url.username()), password)
    });
    // Cannot fail: it has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(SolverProxy {
        url: url.as_str().trim_end_matches('/').to_owned(),
        user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, parse};

    fn solver(text: &str) -> Result<Solver, String> {
        beside("", text)
    }

    /// With another line in `fetch`.
    fn beside(line: &str, text: &str) -> Result<Solver, String> {
        let text = format!(
            "site: a\nstart: https://a.example/\nfetch:\n  via: [http, solver]\n  solver: \
             {text}\n{line}"
        );
        let env = |_: &str| Some("s3cret".to_owned());
        let job = parse(&text, "s.yaml", &env, &Overrides::default());
        let job = job.map_err(|error| error.to_string())?;
        Ok(job.sites[0].fetch.rungs.solver.clone().unwrap())
    }

    #[test]
    fn endpoints_are_told_apart_by_where_they_listen() {
        let solver = solver(
            "{ endpoints: ['http://127.0.0.1:8191/v1', 'http://127.0.0.1:8191', \
             'http://box:9000/solver/v1/'], proxy: 'http://me:${P}@p.example:3128', keep: 5m }",
        )
        .unwrap();
        let urls: Vec<&str> = solver.rule.endpoints.iter().map(Url::as_str).collect();
        assert_eq!(urls, ["http://127.0.0.1:8191/", "http://box:9000/solver/"]);
        assert_eq!(solver.limits.concurrency, 2, "one for each container");
        assert_eq!(solver.limits.timeout, TIMEOUT);
        assert_eq!(solver.rule.keep, Duration::from_secs(300));
        let proxy = solver.rule.proxy.as_ref().unwrap();
        assert_eq!(proxy.url, "http://p.example:3128");
        assert_eq!(proxy.user, Some(("me".to_owned(), "s3cret".to_owned())));
        assert!(!format!("{solver:?}").contains("s3cret"));
    }

    #[test]
    fn it_goes_by_one_proxy_or_by_the_exits_or_by_none() {
        let list =
            "  proxy: { list: ['http://me:${P}@p.example:3128', 'socks5h://q.example:1'] }\n";
        let with = |proxy: &str| {
            let text = format!("{{ endpoints: 'http://a:1', proxy: {proxy} }}");
            let solver = beside(list, &text).unwrap();
            let fixed = solver.rule.proxy.as_ref().map(|proxy| proxy.url.clone());
            (solver.by_proxies, fixed, solver.key())
        };
        let one = Some("socks5://host:1080".to_owned());
        for (proxy, by_proxies, fixed) in [
            ("on", true, None),
            ("off", false, None),
            ("true", true, None),
            ("socks5://host:1080", false, one),
        ] {
            let read = with(proxy);
            assert_eq!((read.0, read.1), (by_proxies, fixed), "{proxy}");
        }
        assert_ne!(with("on").2, with("off").2);

        let address = |text: &str| ProxyAddress::parse(text).unwrap();
        for (text, expected) in [
            ("http://u:p@h:1", Some("http://h:1")),
            ("https://[::1]:1", Some("https://[::1]:1")),
            ("socks5h://h:1", Some("socks5://h:1")),
            ("socks5://u:p@h:1", None),
        ] {
            let proxy = SolverProxy::of(&address(text));
            assert_eq!(proxy.as_ref().map(|proxy| proxy.url.as_str()), expected);
            let user = proxy.and_then(|proxy| proxy.user);
            assert_eq!(user.is_some(), text == "http://u:p@h:1", "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, expected) in [
            (
                "{}",
                "needs fetch.solver with endpoints: [http://127.0.0.1:8191]",
            ),
            ("{ endpoints: [] }", "needs fetch.solver with endpoints"),
            ("{ endpoints: '127.0.0.1:8191' }", "s.yaml:5:24: "),
            (
                "{ endpoints: 'http://a:1', proxy: 'ftp://${P}' }",
                "fetch.solver.proxy is no proxy; write it like http://user:password@host:8080",
            ),
            (
                "{ endpoints: 'http://a:1', proxy: 'socks5://me:${P}@p:1' }",
                "fetch.solver.proxy: a solver's browser cannot log in at a SOCKS5 proxy",
            ),
            (
                "{ endpoints: 'http://a:1', proxy: on }",
                "fetch.solver.proxy is on, which needs fetch.proxy with the proxies to go by",
            ),
            ("{ endpoint: 'http://a:1' }", "did you mean \"endpoints\"?"),
        ] {
            let message = solver(text).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
        let socks = "  proxy: { list: ['http://p:1', 'socks5h://me:${P}@p:1'] }\n";
        let on = "{ endpoints: 'http://a:1', proxy: on }";
        let message = beside(socks, on).unwrap_err();
        let expected = "fetch.solver.proxy is on: a solver's browser cannot log in at a SOCKS5";
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}
