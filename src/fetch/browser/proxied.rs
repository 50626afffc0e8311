//! The browser by way of proxies: a context for each of their sessions, whose
//! connections all go by that session's exit.

use super::Browser;
use crate::config::Rung;
use crate::fetch::proxy::{Borrower, Held};
use crate::fetch::{Fetcher, Fetching, Proxy, Visitor, Want};
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

/// The browser as a rung of sites with the same proxies.
pub struct ByProxies {
    browser: Arc<Browser>,
    proxy: Arc<Proxy>,
}

impl ByProxies {
    /// The browser, by these proxies alone.
    pub fn new(browser: Arc<Browser>, proxy: Arc<Proxy>) -> Self {
        Self { browser, proxy }
    }
}

/// A page to be opened.
struct Opening<'a> {
    browser: &'a Browser,
    visitor: &'a Visitor,
    url: &'a Url,
    want: Want,
}

impl Borrower for Opening<'_> {
    fn by<'a>(&'a self, held: Option<&'a Held>, _: Instant) -> Fetching<'a> {
        let (visitor, url) = (self.visitor, self.url);
        Box::pin(self.browser.attempt(visitor, url, self.want, None, held))
    }
}

impl Fetcher for ByProxies {
    fn rung(&self) -> Rung {
        Rung::Browser
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        // No browser is needed for what is no page; the proxies are.
        if let Want::File(_) = want {
            return self.proxy.fetch(visitor, url, want);
        }
        Box::pin(async move {
            let opening = Opening {
                browser: &self.browser,
                visitor,
                url,
                want,
            };
            let limit = visitor.time(Rung::Browser);
            self.proxy.lend(visitor, url, limit, &opening).await
        })
    }

    fn proxies(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }
}
