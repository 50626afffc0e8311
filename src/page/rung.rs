//! The rungs of the fetch ladder.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A way of fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rung {
    /// Plain HTTP.
    Http,
    /// HTTP through proxies.
    Proxy,
    /// A headless browser.
    Browser,
    /// A scraping API.
    Service,
    /// A local challenge solver.
    Solver,
}

impl Rung {
    /// Every rung, cheapest first.
    pub const ALL: [Self; 5] = [
        Self::Http,
        Self::Proxy,
        Self::Browser,
        Self::Service,
        Self::Solver,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The rung's name in the sites file and on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Proxy => "proxy",
            Self::Browser => "browser",
            Self::Service => "service",
            Self::Solver => "solver",
        }
    }

    /// Its place in [`Rung::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether a page's scripts may run where it is fetched so.
    pub fn runs_scripts(self) -> bool {
        !matches!(self, Self::Http | Self::Proxy)
    }
}

impl FromStr for Rung {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|rung| rung.as_str() == text).ok_or(())
    }
}
