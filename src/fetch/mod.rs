//! Getting pages: the ladder's interface and its rungs.
//!
//! ```text
//! Visitor (a site's headers, cookies, limits, guard)
//!    │
//! Fetcher::fetch ─▶ Http ─▶ reqwest ─▶ dial (connect limit) ─▶ dns (cache, guard)
//!    │                        └─ read (what of the body, and how long)
//!    │
//!    │     Proxy ─▶ an exit's session ─▶ CONNECT or SOCKS5 ─▶ read, as above
//!    ▼
//! Fetched (body as on the wire) ─▶ body::decode, on a thread that may compute
//! ```
//!
//! Beside `Http` stands [`browser::Browser`], whose bodies are unpacked already
//! and whose requests the site's guard judges one by one.
//!
//! A rung makes one request and reports; redirects, retries and politeness are
//! the engine's. Rungs are shared by all sites, so that a thousand sites cost
//! plain HTTP four connection pools and one name cache; sites with the same
//! proxies share those.

mod answer;
pub mod block;
pub mod body;
pub mod browser;
mod call;
mod clearance;
mod cookies;
mod dial;
mod dns;
mod error;
mod exchange;
mod http;
mod proxy;
mod read;
mod retry_after;
mod rungs;
mod service;
pub mod shell;
mod sniff;
mod solver;
mod solvers;
mod spool;
mod visitor;

#[cfg(test)]
mod tests;

pub use self::answer::{Fetched, Want, is_html, is_json, media_type};
pub use self::call::Call;
pub use self::error::{FetchError, Trouble, cost};
pub use self::http::Http;
pub use self::proxy::Proxy;
pub use self::retry_after::retry_after;
pub use self::rungs::{NoRung, Rungs, Step};
pub use self::service::Service;
pub use self::solver::Solver;
pub use self::spool::Spool;
pub use self::visitor::Visitor;

use crate::config::Rung;
use std::future::Future;
use std::pin::Pin;
use url::Url;

/// The future of [`Fetcher::fetch`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

/// One way of fetching. A rung is shared by all sites; what belongs to a site
/// (cookies, headers, the guard) is in its [`Visitor`].
pub trait Fetcher: Send + Sync {
    /// Which rung this is.
    fn rung(&self) -> Rung;

    /// The most that one request can cost, in millionths of the currency of
    /// the rung's budget; `None` where nobody knows before it is answered.
    fn price(&self) -> Option<u64> {
        Some(0)
    }

    /// Makes one request; follows no redirect and retries nothing.
    ///
    /// # Errors
    ///
    /// Whatever kept the answer from coming whole. An answer with an error
    /// status is an answer.
    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a>;

    /// The proxies by which it goes, where it does by any.
    fn proxies(&self) -> Option<&Proxy> {
        None
    }
}
