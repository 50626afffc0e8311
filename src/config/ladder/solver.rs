//! A local challenge solver: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use crate::config::forms::OneOrMany;
use crate::config::resolve::many;
use crate::config::scalar::{Span, Switch, Text, WebUrl};
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
        /// A proxy for the solvers' browsers, such as http://user:password@host:port.
        proxy: Text,
        /// Whether images, style sheets and fonts are loaded; by default they are not.
        media: Switch,
        /// How long plain HTTP goes on with the cookies that were won, at most. By default 30m.
        keep: Span,
    }
}

/// A local challenge solver, resolved.
#[derive(Debug, Clone)]
pub struct Solver {
    /// Its limits.
    pub limits: RungLimits,
    /// How it is asked.
    pub rule: Arc<SolverRule>,
}

/// How solvers are asked.
#[derive(Clone, PartialEq, Eq)]
pub struct SolverRule {
    /// Where they listen; at least one, none twice.
    pub endpoints: Vec<Url>,
    /// The proxy of their browsers.
    pub proxy: Option<SolverProxy>,
    /// Whether images, style sheets and fonts are loaded.
    pub media: bool,
    /// How long what was won is good for, at most.
    pub keep: Duration,
}

/// A proxy as the protocol wants it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SolverProxy {
    /// Scheme, host and port.
    pub url: String,
    /// User name and password, where it wants them.
    pub user: Option<(String, String)>,
}

impl fmt::Debug for SolverRule {
    /// Neither the proxy's user nor its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<&str> = self.endpoints.iter().map(Url::as_str).collect();
        f.debug_struct("SolverRule")
            .field("endpoints", &endpoints)
            .field("proxy", &self.proxy.as_ref().map(|proxy| &proxy.url))
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
        let proxy = form.proxy.as_ref().map(|text| proxy(&text.0)).transpose()?;
        Ok(Self {
            limits,
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
        let Self { limits: _, rule } = self;
        let user = rule.proxy.as_ref().map(|proxy| &proxy.user);
        xxh3_64(format!("{rule:?}{user:?}").as_bytes())
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
             socks5://host:1080"
                .to_owned(),
        );
    };
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
        let text = format!(
            "site: a\nstart: https://a.example/\nfetch:\n  via: [http, solver]\n  solver: {text}\n"
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
            ("{ endpoint: 'http://a:1' }", "did you mean \"endpoints\"?"),
        ] {
            let message = solver(text).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}
