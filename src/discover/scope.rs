//! Which URLs belong to a site, and which rule says so.

use crate::config::Site;
use regex::Regex;
use std::fmt;
use std::net::IpAddr;
use url::{Host, Position, Url};

/// The rule that refused a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is no URL that can be a page.
    Url(crate::page::UrlRefusal),
    /// Its host is not among `scope.hosts`.
    Host(String),
    /// This pattern of `scope.exclude` matches.
    Excluded(String),
    /// No pattern of `scope.include` matches.
    NotIncluded,
    /// It is farther from the start than `limits.depth`.
    Depth(u32),
    /// A private address, on a site that may not go there.
    Private {
        /// The address.
        host: String,
    },
    /// The link or its page asks not to be followed.
    Nofollow,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(refusal) => refusal.fmt(f),
            Self::Host(host) => write!(f, "host {host} is not in scope.hosts"),
            Self::Excluded(pattern) => write!(f, "scope.exclude '{pattern}' matches"),
            Self::NotIncluded => f.write_str("no pattern of scope.include matches"),
            Self::Depth(most) => write!(f, "farther than limits.depth {most}"),
            Self::Private { host } => {
                write!(
                    f,
                    "{host} is a private address; fetch.allow_private lifts that"
                )
            }
            Self::Nofollow => f.write_str("nofollow; discover.nofollow: ignore lifts that"),
        }
    }
}

/// A host of `scope.hosts`.
#[derive(Debug, Clone)]
struct HostRule {
    /// Lower case, without `*.`.
    name: String,
    subdomains: bool,
    port: Option<u16>,
}

/// A site's scope, ready to judge.
#[derive(Debug, Clone)]
pub struct ScopeRules {
    hosts: Vec<HostRule>,
    /// Ports that a host without one may have besides its scheme's default.
    ports: Vec<u16>,
    include: Vec<Regex>,
    exclude: Vec<Regex>,
    depth: Option<u32>,
    private: bool,
}

impl ScopeRules {
    /// The rules of `site`.
    pub fn new(site: &Site) -> Self {
        let regexes = |patterns: &[crate::config::Pattern]| {
            patterns.iter().map(|pattern| pattern.0.clone()).collect()
        };
        Self {
            hosts: site
                .scope
                .hosts
                .iter()
                .map(|text| host_rule(text))
                .collect(),
            ports: site.start.iter().filter_map(Url::port).collect(),
            include: regexes(&site.scope.include),
            exclude: regexes(&site.scope.exclude),
            depth: site.limits.depth,
            private: site.fetch.allow_private,
        }
    }

    /// Judges a URL in normal form, found `depth` links from the start.
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn judge(&self, url: &Url, depth: u32) -> Result<(), Refusal> {
        self.judge_host(url)?;
        self.judge_path(&url[Position::BeforePath..Position::AfterQuery], depth)
    }

    /// Judges a URL by its host alone.
    ///
    /// # Errors
    /// Where the host is out of scope, or private on a site that may not go there.
    pub fn judge_host(&self, url: &Url) -> Result<(), Refusal> {
        let host = url.host_str().unwrap_or_default();
        if !self.private && is_private(url) {
            return Err(Refusal::Private {
                host: host.to_owned(),
            });
        }
        if self.hosts.iter().any(|rule| self.matches(rule, url, host)) {
            return Ok(());
        }
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Err(Refusal::Host(format!("{host}{port}")))
    }

    /// Judges a path and query on a host that is in scope.
    ///
    /// # Errors
    /// The first rule that refuses it.
    pub fn judge_path(&self, path: &str, depth: u32) -> Result<(), Refusal> {
        if let Some(most) = self.depth
            && depth > most
        {
            return Err(Refusal::Depth(most));
        }
        if let Some(pattern) = self.exclude.iter().find(|pattern| pattern.is_match(path)) {
            return Err(Refusal::Excluded(pattern.as_str().to_owned()));
        }
        if !self.include.is_empty() && !self.include.iter().any(|p| p.is_match(path)) {
            return Err(Refusal::NotIncluded);
        }
        Ok(())
    }

    /// Whether every path is taken at this depth, so that none need be judged.
    pub fn takes_all_paths(&self, depth: u32) -> bool {
        self.include.is_empty()
            && self.exclude.is_empty()
            && self.depth.is_none_or(|most| depth <= most)
    }

    fn matches(&self, rule: &HostRule, url: &Url, host: &str) -> bool {
        let name = rule.name.as_str();
        let named = if rule.subdomains {
            host.strip_suffix(name)
                .is_some_and(|start| start.len() > 1 && start.ends_with('.'))
        } else {
            host == name
        };
        named
            && match (rule.port, url.port()) {
                (Some(wanted), _) => url.port_or_known_default() == Some(wanted),
                (None, None) => true,
                (None, Some(port)) => self.ports.contains(&port),
            }
    }
}

fn host_rule(text: &str) -> HostRule {
    let (subdomains, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (name, port) = match rest.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && !rest.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (rest, None),
        },
        _ => (rest, None),
    };
    HostRule {
        name: name.to_ascii_lowercase(),
        subdomains,
        port,
    }
}

/// Whether a URL's host is itself a private address. Names are looked at again
/// when they are resolved.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => crate::page::net::is_private(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => crate::page::net::is_private(IpAddr::V6(ip)),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::site;

    /// What is said of each URL at depth 2; empty where it is taken.
    fn said(yaml: &str, urls: &[(&str, &str)]) {
        let rules = ScopeRules::new(&site(yaml));
        for (text, expected) in urls {
            let url = Url::parse(text).unwrap();
            let said = rules
                .judge(&url, 2)
                .map_or_else(|r| r.to_string(), |()| String::new());
            assert_eq!(said, *expected, "{text}");
        }
    }

    #[test]
    fn hosts_are_those_of_the_start_unless_others_are_named() {
        said(
            "{site: a, start: ['https://e.org/x', 'https://f.org:8443/']}",
            &[
                ("https://e.org/", ""),
                ("http://e.org/", ""),
                ("https://e.org:8443/", ""),
                ("https://f.org:8443/", ""),
                ("https://f.org/", "host f.org is not in scope.hosts"),
                ("https://www.e.org/", "host www.e.org is not in scope.hosts"),
                ("https://e.org:444/", "host e.org:444 is not in scope.hosts"),
                ("https://e.org./", "host e.org. is not in scope.hosts"),
                (
                    "https://e.org.evil.com/",
                    "host e.org.evil.com is not in scope.hosts",
                ),
                (
                    "https://[2606:4700::1111]/",
                    "host [2606:4700::1111] is not in scope.hosts",
                ),
            ],
        );
    }

    #[test]
    fn a_star_takes_subdomains_and_a_port_is_that_port() {
        said(
            "{site: a, start: 'https://e.org/', scope: {hosts: ['*.e.org', 'f.org:444', \
             'Bücher.example', '[2606:4700::1111]:81']}}",
            &[
                ("https://a.e.org/", ""),
                ("https://a.b.e.org/", ""),
                ("https://e.org/", "host e.org is not in scope.hosts"),
                ("https://note.org/", "host note.org is not in scope.hosts"),
                ("https://f.org:444/", ""),
                ("http://f.org:444/", ""),
                ("https://f.org/", "host f.org is not in scope.hosts"),
                ("https://bücher.example/", ""),
                ("http://[2606:4700::1111]:81/", ""),
                (
                    "http://[2606:4700::1111]/",
                    "host [2606:4700::1111] is not in scope.hosts",
                ),
            ],
        );
    }

    #[test]
    fn patterns_see_path_and_query() {
        said(
            "{site: a, start: 'https://e.org/', scope: {include: ['^/book/', '^/list'], \
             exclude: ['[?&]sort=', '\\.pdf$']}}",
            &[
                ("https://e.org/book/1", ""),
                ("https://e.org/list?page=2", ""),
                (
                    "https://e.org/book/1?sort=a",
                    "scope.exclude '[?&]sort=' matches",
                ),
                (
                    "https://e.org/book/1.pdf",
                    "scope.exclude '\\.pdf$' matches",
                ),
                ("https://e.org/", "no pattern of scope.include matches"),
                (
                    "https://e.org/a?x=/book/",
                    "no pattern of scope.include matches",
                ),
            ],
        );
    }

    #[test]
    fn depth_is_counted_from_the_start() {
        let rules = ScopeRules::new(&site(
            "{site: a, start: 'https://e.org/', limits: {depth: 2}}",
        ));
        let url = Url::parse("https://e.org/a").unwrap();
        assert_eq!(rules.judge(&url, 2), Ok(()));
        let refusal = rules.judge(&url, 3).unwrap_err();
        assert_eq!(refusal, Refusal::Depth(2));
        assert_eq!(refusal.to_string(), "farther than limits.depth 2");
        assert!(rules.takes_all_paths(2) && !rules.takes_all_paths(3));
    }

    #[test]
    fn a_public_site_does_not_lead_to_private_addresses() {
        let private =
            |host: &str| format!("{host} is a private address; fetch.allow_private lifts that");
        let hosts =
            "[e.org, 127.0.0.1, 10.0.0.1, '[::1]', '[::ffff:10.0.0.1]', localhost, a.localhost]";
        let at = [
            ("http://127.0.0.1/", "127.0.0.1"),
            ("http://0x7f000001/", "127.0.0.1"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://10.0.0.1/", "10.0.0.1"),
            ("http://[::1]/", "[::1]"),
            ("http://[::ffff:a00:1]/", "[::ffff:a00:1]"),
            ("http://localhost/", "localhost"),
            ("http://a.localhost/", "a.localhost"),
        ];
        let yaml = format!("{{site: a, start: 'https://e.org/', scope: {{hosts: {hosts}}}}}");
        for (url, host) in at {
            said(&yaml, &[(url, &private(host))]);
        }
        let lifted = format!(
            "{{site: a, start: 'https://e.org/', scope: {{hosts: {hosts}}}, \
            fetch: {{allow_private: true}}}}"
        );
        for (url, _) in at {
            said(&lifted, &[(url, "")]);
        }
        said(
            "{site: a, start: 'http://127.0.0.1:8080/'}",
            &[("http://127.0.0.1:8080/x", "")],
        );
    }
}
