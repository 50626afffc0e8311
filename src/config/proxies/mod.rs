//! Proxies: their addresses, and by which rule requests go through them.

mod address;

pub use self::address::{Login, ProxyAddress, ProxyScheme};

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use url::{Position, Url};

/// By which proxies a site's requests go, and how.
#[derive(Debug, Clone)]
pub struct ProxyRule {
    /// Where the proxies come from.
    pub from: ProxyFrom,
    /// How often a list that is a file or a URL is read again.
    pub refresh: Option<Duration>,
    /// When another exit is taken.
    pub rotate: Rotate,
    /// Requests after which a session of [`Rotate::Session`] retires.
    pub pages: Option<u64>,
    /// Age at which such a session retires.
    pub lasts: Option<Duration>,
    /// User agents that sessions take in turn; empty is the site's own.
    pub user_agents: Vec<String>,
    /// Whether names are left for the proxy to resolve without a look at where
    /// they lead: the operator's loosening of the guard.
    pub remote_names: bool,
    /// Whether requests go directly where no proxy can be used.
    pub direct: bool,
}

impl ProxyRule {
    /// [`ProxyRule::pages`] where the sites file says nothing of sessions.
    pub const PAGES: u64 = 50;
    /// [`ProxyRule::lasts`] where the sites file says nothing of sessions.
    pub const LASTS: Duration = Duration::from_secs(600);
}

/// When another exit is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rotate {
    /// With every request.
    #[default]
    Request,
    /// When the site's own does not do any more.
    Site,
    /// With every session, which is one visitor's for so many pages or minutes.
    Session,
}

/// Where proxies come from.
#[derive(Clone)]
pub enum ProxyFrom {
    /// The sites file itself.
    List(Vec<ProxyAddress>),
    /// A file, one a line.
    File(PathBuf),
    /// To be fetched, one a line.
    Url(Url),
    /// One address behind which there are many exits.
    Gateway(Gateway),
}

/// A gateway: the user name or the password says which exit is wanted.
#[derive(Clone)]
pub struct Gateway {
    /// Its address, `{session}` and `{country}` still in the login.
    pub address: ProxyAddress,
    /// What stands for `{country}`.
    pub country: Option<String>,
}

impl Gateway {
    /// The mark that stands for a session's name.
    const SESSION: &str = "{session}";
    /// The mark that stands for a country.
    const COUNTRY: &str = "{country}";

    /// A gateway whose marks fit what else is written.
    ///
    /// # Errors
    /// What does not, without repeating the login.
    pub fn new(address: ProxyAddress, country: Option<String>) -> Result<Self, String> {
        let unknown = address.login.iter().any(|login| {
            let [user, password] = [&login.user, &login.password]
                .map(|text| text.replace(Self::SESSION, "").replace(Self::COUNTRY, ""));
            has_mark(&user) || has_mark(&password)
        });
        if unknown {
            return Err(
                "the gateway's login has a mark in braces that is neither {session} nor \
                 {country}; write a brace that is meant as %7B"
                    .to_owned(),
            );
        }
        let gateway = Self { address, country };
        match (gateway.has(Self::COUNTRY), &gateway.country) {
            (true, None) => Err("{country} stands in gateway; write country: CODE".to_owned()),
            (false, Some(_)) => {
                Err("country is given, but {country} does not stand in gateway".to_owned())
            }
            _ => Ok(gateway),
        }
    }

    /// Whether the login tells one session from another.
    pub fn has_sessions(&self) -> bool {
        self.has(Self::SESSION)
    }

    /// The address for the session of that name.
    pub fn session(&self, name: &str) -> ProxyAddress {
        let mut address = self.address.clone();
        if let Some(login) = &mut address.login {
            let country = self.country.as_deref().unwrap_or_default();
            for part in [&mut login.user, &mut login.password] {
                *part = part
                    .replace(Self::SESSION, name)
                    .replace(Self::COUNTRY, country);
            }
        }
        address
    }

    fn has(&self, mark: &str) -> bool {
        let login = self.address.login.as_ref();
        login.is_some_and(|login| login.user.contains(mark) || login.password.contains(mark))
    }
}

/// Whether a text has a word in braces.
fn has_mark(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| {
        let word = text[at + 1..].split('}').next().unwrap_or_default();
        let closed = text[at + 1..].contains('}');
        closed && !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

impl ProxyFrom {
    /// The addresses that stand in the sites file itself.
    pub fn written(&self) -> &[ProxyAddress] {
        match self {
            Self::List(list) => list,
            Self::Gateway(gateway) => std::slice::from_ref(&gateway.address),
            Self::File(_) | Self::Url(_) => &[],
        }
    }

    /// What its other forms leave out: for fingerprints alone.
    pub(super) fn secrets(&self) -> String {
        let address = |address: &ProxyAddress| {
            let login = address.login.as_ref();
            login.map_or(String::new(), |l| format!("{:?}{:?}", l.user, l.password))
        };
        match self {
            Self::List(list) => list
                .iter()
                .map(|one| format!("{one:?}{}", address(one)))
                .collect(),
            Self::File(_) => String::new(),
            Self::Url(url) => url.to_string(),
            Self::Gateway(gateway) => {
                format!("{:?}{:?}", address(&gateway.address), gateway.country)
            }
        }
    }
}

impl fmt::Display for ProxyFrom {
    /// Where they come from, without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(list) => write!(f, "a list of {}", list.len()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => {
                let host = url.host_str().unwrap_or_default();
                let path = &url[Position::BeforePath..Position::AfterPath];
                write!(f, "{}://{host}{path}", url.scheme())
            }
            Self::Gateway(gateway) => write!(f, "gateway {}", gateway.address),
        }
    }
}

impl fmt::Debug for ProxyFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("address", &self.address)
            .field("country", &self.country)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(text: &str, country: Option<&str>) -> Result<Gateway, String> {
        let address = ProxyAddress::parse(text).unwrap();
        Gateway::new(address, country.map(str::to_owned))
    }

    #[test]
    fn a_gateways_marks_are_filled_in() {
        let template = "http://user-{session}-country-{country}:p-{session}@gw.test:7777";
        let gateway = gateway(template, Some("de")).unwrap();
        assert!(gateway.has_sessions());
        let address = gateway.session("s1");
        let login = address.login.clone().unwrap();
        assert_eq!(
            (login.user.as_str(), login.password.as_str()),
            ("user-s1-country-de", "p-s1")
        );
        assert_eq!(address.to_string(), "gw.test:7777");
    }

    #[test]
    fn marks_that_do_not_fit_are_told_without_the_login() {
        for (text, country, wrong) in [
            ("http://u-{country}:s3cret@gw.test:1", None, "write country"),
            (
                "http://u-{session}:s3cret@gw.test:1",
                Some("de"),
                "does not stand",
            ),
            ("http://u-{sesion}:s3cret@gw.test:1", None, "neither"),
            ("http://u:s3cret{x}@gw.test:1", None, "neither"),
        ] {
            let error = gateway(text, country).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        for text in ["http://u:{A}{@gw.test:1", "http://gw.test:1", "u:}{@h:1"] {
            assert!(!gateway(text, None).unwrap().has_sessions(), "{text}");
        }
    }

    #[test]
    fn no_form_of_a_source_shows_a_login() {
        let address = || ProxyAddress::parse("http://us3r:s3cret@gw.test:1").unwrap();
        for from in [
            ProxyFrom::List(vec![address()]),
            ProxyFrom::Gateway(Gateway::new(address(), None).unwrap()),
            ProxyFrom::Url(Url::parse("http://us3r:s3cret@list.test/a?key=s3cret").unwrap()),
        ] {
            let text = format!("{from} {from:?} {from:#?}");
            assert!(!text.contains("us3r") && !text.contains("s3cret"), "{text}");
        }
    }
}
