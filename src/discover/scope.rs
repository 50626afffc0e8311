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

    /// Why a URL that is taken is taken, in words.
    pub fn taken_by(&self, url: &Url) -> String {
        let path = &url[Position::BeforePath..Position::AfterQuery];
        match self.include.iter().find(|pattern| pattern.is_match(path)) {
            Some(pattern) => format!("scope.include '{}' takes it", pattern.as_str()),
            None => "in scope: its host is, and no pattern excludes it".to_owned(),
        }
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
        self.include.is_empty() && self.exclude.is_empty() && self.reaches(depth)
    }

    /// Whether `limits.depth` lets pages in that are so far from the start.
    pub fn reaches(&self, depth: u32) -> bool {
        self.depth.is_none_or(|most| depth <= most)
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
mod tests;
