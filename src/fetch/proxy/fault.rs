//! What goes wrong between here and a site when a proxy stands between them,
//! and whose fault it is.

/// Why no connection to a site could be made through an exit. Its words hold
/// neither a login nor anything that the proxy said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(in crate::fetch) struct Fault {
    pub(super) whose: Whose,
    pub(in crate::fetch) words: String,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fetch) enum Whose {
    /// The exit's: it cannot be reached, or does not do what a proxy does.
    Exit,
    /// The operator's: the exit refuses the login, or there is no credit.
    Login,
    /// The exit's, for now: it has more to do than it takes.
    Crowded,
    /// The exit's or the site's, which cannot be told from here.
    Either,
}

impl Fault {
    pub(in crate::fetch) fn new(whose: Whose, words: impl Into<String>) -> Self {
        Self {
            whose,
            words: words.into(),
        }
    }

    /// What an answer other than success to `CONNECT` means.
    pub(super) fn of_status(status: u16) -> Self {
        let (whose, meaning) = match status {
            407 => (Whose::Login, "it wants other credentials"),
            402 => (Whose::Login, "there is no credit left"),
            429 => (Whose::Crowded, "it has too much to do"),
            403 | 405 => (Whose::Either, "it does not go to that host or port"),
            500..=599 => (Whose::Either, "it did not reach the site"),
            _ => (Whose::Either, "it refused"),
        };
        Self::new(whose, format!("the proxy answered {status}: {meaning}"))
    }

    /// What a reply other than success of SOCKS5 means (RFC 1928, section 6).
    pub(super) fn of_reply(reply: u8) -> Self {
        let meaning = match reply {
            1 => "a general failure",
            2 => "its rules forbid that host or port",
            3 => "the network is unreachable",
            4 => "the host is unreachable",
            5 => "the connection was refused",
            6 => "the connection took too many hops",
            7 => "it cannot connect",
            8 => "it does not take that kind of address",
            _ => "a reply that does not exist",
        };
        Self::new(
            Whose::Either,
            format!("the proxy answered {reply}: {meaning}"),
        )
    }
}
