//! The one list of ways in which a page can fail.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why an attempt or a page failed. Drives retries, grouping on
        /// screen, metrics and exports alike.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        pub enum FailureKind { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl FailureKind {
            /// Every kind, in the order in which they are shown.
            pub const ALL: &'static [FailureKind] = &[$(FailureKind::$name,)*];

            /// The kind's name in exports, filters and the store.
            pub fn as_str(self) -> &'static str {
                match self { $(FailureKind::$name => $text,)* }
            }
        }

        impl FromStr for FailureKind {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(FailureKind::$name),)* _ => Err(()) }
            }
        }
    };
}

kinds! {
    /// The host name could not be resolved.
    Dns = "dns",
    /// No connection could be made.
    Connect = "connect",
    /// The TLS handshake or a certificate failed.
    Tls = "tls",
    /// A phase took longer than its limit.
    Timeout = "timeout",
    /// The connection broke while it was in use.
    Reset = "reset",
    /// The answer was malformed HTTP.
    Protocol = "protocol",
    /// The server answered with an error status (4xx, 5xx).
    Status = "status",
    /// The answer was a challenge or a refusal in disguise.
    Blocked = "blocked",
    /// robots.txt forbids the page.
    Robots = "robots",
    /// Headers, body or decompressed body over their cap.
    TooLarge = "too_large",
    /// The body's compression is broken or unknown.
    Decode = "decode",
    /// The content could not be understood.
    Parse = "parse",
    /// A redirect loop, a chain of more than ten hops, or a redirect without
    /// a usable target.
    Redirect = "redirect",
    /// The page leads out of its site's scope.
    Scope = "scope",
    /// The address is private and the site is public.
    Private = "private",
    /// crawldeck itself failed; the log says how.
    Internal = "internal",
}

impl FailureKind {
    /// Whether another attempt can be expected to end otherwise, for kinds
    /// where that does not depend on the status code.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Dns | Self::Connect | Self::Timeout | Self::Reset | Self::Protocol
        )
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_name() {
        for kind in FailureKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }
}
