//! A session at an endpoint: a browser of its own, by which way it goes out, and
//! what it has of whose cookies.

use super::turn::Order;
use super::wire::{self, Solution};
use crate::config::SolverProxy;
use crate::fetch::proxy::{Held, Road};
use std::collections::HashMap;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

/// Hosts of one session whose cookies are known; with more it serves no new one.
const HOSTS: usize = 1024;
/// Cookies of one host that are known.
const COOKIES: usize = 300;

/// By which way a session's browser goes out.
#[derive(Clone)]
pub(super) struct Way {
    proxy: Option<SolverProxy>,
    /// The proxies' session whose it is. Kept, so that no other has its key.
    by: Option<((usize, u64), Road)>,
}

impl Way {
    /// Its own, by one proxy where one is named.
    pub(super) fn own(proxy: Option<&SolverProxy>) -> Self {
        Self {
            proxy: proxy.cloned(),
            by: None,
        }
    }

    /// By a session of the proxies; `None` where its browser cannot log in there.
    pub(super) fn by(held: &Held) -> Option<Self> {
        let proxy = held.for_solver()?;
        Some(Self {
            proxy: Some(proxy),
            by: Some((held.key(), held.road())),
        })
    }

    /// The proxy that a browser is told of.
    pub(super) fn proxy(&self) -> Option<&SolverProxy> {
        self.proxy.as_ref()
    }

    /// Whether its session of the proxies serves nobody any more.
    pub(super) fn is_over(&self) -> bool {
        self.by.as_ref().is_some_and(|(_, road)| road.is_over())
    }

    /// What a solver said, without the proxy's login.
    pub(super) fn cleaned(&self, words: String) -> String {
        let user = self.proxy.as_ref().and_then(|proxy| proxy.user.as_ref());
        let secrets = user
            .into_iter()
            .flat_map(|(user, password)| [password, user]);
        secrets
            .filter(|secret| secret.len() > 1)
            .fold(words, |words, secret| words.replace(secret, "***"))
    }

    fn is(&self, other: &Self) -> bool {
        let key = |way: &Self| way.by.as_ref().map(|(key, _)| *key);
        self.proxy == other.proxy && key(self) == key(other)
    }
}

/// A browser over there.
pub(super) struct Session {
    pub(super) name: String,
    pub(super) way: Way,
    hosts: HashMap<String, Host>,
}

/// What a session has of one host.
struct Host {
    /// The visitor whose it is.
    visitor: u64,
    cookies: HashMap<String, Known>,
}

/// A cookie's values, as digests; 0 is none.
#[derive(Default)]
struct Known {
    /// What was put in last.
    put: u64,
    /// What the browser last told.
    told: u64,
}

impl Session {
    pub(super) fn new(name: String, way: Way) -> Self {
        Self {
            name,
            way,
            hosts: HashMap::new(),
        }
    }

    /// Whether it may get this page: it goes the page's way, and has no cookies
    /// of another visitor for the page's host.
    pub(super) fn fits(&self, order: &Order<'_>) -> bool {
        let host = self.hosts.get(host(order.url));
        let own = match host {
            Some(host) => host.visitor == order.visitor,
            None => self.hosts.len() < HOSTS,
        };
        own && self.way.is(&order.way)
    }

    /// The visitor's cookies that its browser has not got. What the browser has
    /// changed since is not put back.
    pub(super) fn lacking(&self, order: &Order<'_>) -> Vec<(String, String)> {
        let known = self.hosts.get(host(order.url)).map(|host| &host.cookies);
        let lacks = |(name, value): &&(String, String)| {
            let known = known.and_then(|cookies| cookies.get(name));
            let value = digest(value);
            known.is_none_or(|known| known.put != value && known.told != value)
        };
        order.cookies.iter().filter(lacks).cloned().collect()
    }

    /// Notes what its browser was given for a page and has now.
    pub(super) fn learn(&mut self, order: &Order<'_>, solution: &Solution) {
        let asked = self.host(host(order.url), order.visitor);
        for (name, value) in &order.cookies {
            note(asked, name, |known| known.put = digest(value));
        }
        let Ok(landed) = Url::parse(&solution.url) else {
            return;
        };
        let landed = self.host(host(&landed), order.visitor);
        for (name, value) in solution.cookies.iter().filter_map(wire::pair) {
            note(landed, name, |known| known.told = digest(value));
        }
    }

    fn host(&mut self, name: &str, visitor: u64) -> &mut HashMap<String, Known> {
        let host = self.hosts.entry(name.to_owned());
        let host = host.or_insert_with(|| Host {
            visitor,
            cookies: HashMap::new(),
        });
        &mut host.cookies
    }
}

fn note(cookies: &mut HashMap<String, Known>, name: &str, change: impl FnOnce(&mut Known)) {
    if let Some(known) = cookies.get_mut(name) {
        change(known);
    } else if cookies.len() < COOKIES {
        change(cookies.entry(name.to_owned()).or_default());
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn digest(value: &str) -> u64 {
    xxh3_64(value.as_bytes()).max(1)
}
