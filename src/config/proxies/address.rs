//! The address of one proxy, as lists of them write it.

use percent_encoding::percent_decode_str;
use std::fmt;
use url::Host;

/// Longest user name and longest password, bytes: what SOCKS5 can carry
/// (RFC 1929, section 2).
const LONGEST: usize = 255;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyScheme {
    /// HTTP: whole addresses for `http` pages, `CONNECT` for `https`.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS5 (RFC 1928); names are resolved here.
    Socks5,
    /// SOCKS5; names are resolved by the proxy.
    Socks5h,
}

impl ProxyScheme {
    const ALL: [(&str, Self); 4] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("socks5", Self::Socks5),
        ("socks5h", Self::Socks5h),
    ];

    /// Whether it speaks SOCKS.
    pub fn is_socks(self) -> bool {
        matches!(self, Self::Socks5 | Self::Socks5h)
    }
}

/// User name and password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password; may be empty.
    pub password: String,
}

/// Where a proxy is and how it is spoken to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProxyAddress {
    /// What it speaks.
    pub scheme: ProxyScheme,
    /// Its name or address; IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it wants to see.
    pub login: Option<Login>,
}

impl ProxyAddress {
    /// Reads `scheme://user:password@host:port`; without a scheme it is HTTP,
    /// and `host:port:user:password`, as many vendors write it, is taken too.
    /// User and password may be percent-encoded.
    ///
    /// # Errors
    /// What is wrong; it repeats nothing of the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            None => (ProxyScheme::Http, text),
            Some((name, rest)) => {
                let name = name.to_ascii_lowercase();
                let known = ProxyScheme::ALL.iter().find(|(known, _)| *known == name);
                let Some((_, scheme)) = known else {
                    let wrong = "the proxy's scheme is unknown; write http://, https://, \
                                 socks5:// or socks5h://";
                    return Err(wrong.to_owned());
                };
                (*scheme, rest)
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // A password may hold an @ of its own.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login.to_owned()), place.to_owned()),
            None => vendors(rest),
        };
        let (host, port) = self::place(&place)?;
        let login = login.map(|text| self::login(&text)).transpose()?;
        Ok(Self {
            scheme,
            host,
            port,
            login,
        })
    }
}

/// Takes `host:port:user:password` apart.
fn vendors(text: &str) -> (Option<String>, String) {
    let bare = (None, text.to_owned());
    if text.starts_with('[') {
        return bare;
    }
    let mut parts = text.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(host), Some(port), Some(login)) if port.parse::<u16>().is_ok() => {
            (Some(login.to_owned()), format!("{host}:{port}"))
        }
        _ => bare,
    }
}

fn place(text: &str) -> Result<(String, u16), String> {
    let no_port = || Err("the proxy's port is missing; write host:port".to_owned());
    let Some((host, port)) = text.rsplit_once(':') else {
        return no_port();
    };
    if host.contains(':') && !host.starts_with('[') || host.starts_with('[') && !host.ends_with(']')
    {
        return no_port();
    }
    let host = match Host::parse(host) {
        Ok(Host::Domain(name)) if !name.is_empty() => name,
        Ok(Host::Ipv4(ip)) => ip.to_string(),
        Ok(Host::Ipv6(ip)) => ip.to_string(),
        _ => {
            return Err("the proxy's host is not a name or an address; write host:port".to_owned());
        }
    };
    match port.parse() {
        Ok(port) if port > 0 => Ok((host, port)),
        _ => Err("the proxy's port must be a number from 1 to 65535".to_owned()),
    }
}

fn login(text: &str) -> Result<Login, String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?.into_owned();
        let fits = text.len() <= LONGEST && !text.contains(char::is_control);
        fits.then_some(text)
    };
    match (decoded(user), decoded(password)) {
        // A colon would end the user name early (RFC 7617, section 2).
        (Some(user), Some(password)) if !user.is_empty() && !user.contains(':') => {
            Ok(Login { user, password })
        }
        _ => Err(
            "the proxy's login cannot be sent; write user:password@ in front of the host, \
             at most 255 bytes each, with %XX for what is not plain"
                .to_owned(),
        ),
    }
}

impl fmt::Display for ProxyAddress {
    /// Host and port, without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for ProxyAddress {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let login = if self.login.is_some() { "***@" } else { "" };
        write!(f, "{:?}://{login}{self}", self.scheme)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_as_lists_write_them() {
        use ProxyScheme::{Http, Https, Socks5, Socks5h};
        // Text, scheme, host and port, user, password.
        let cases: &[(&str, ProxyScheme, &str, &str, &str)] = &[
            ("http://10.0.0.1:3128", Http, "10.0.0.1:3128", "", ""),
            (" 10.0.0.1:3128 ", Http, "10.0.0.1:3128", "", ""),
            ("HTTP://Proxy.TEST:3128/", Http, "proxy.test:3128", "", ""),
            ("https://u:p@a.test:443", Https, "a.test:443", "u", "p"),
            (
                "socks5://u:p%40q@a.test:1080",
                Socks5,
                "a.test:1080",
                "u",
                "p@q",
            ),
            ("socks5h://u@[::1]:1080", Socks5h, "[::1]:1080", "u", ""),
            ("u:p@ss/w?#d@a.test:1", Http, "a.test:1", "u", "p@ss/w?#d"),
            ("a.test:8000:u:p:q", Http, "a.test:8000", "u", "p:q"),
            ("a.test:8000:user", Http, "a.test:8000", "user", ""),
        ];
        for (text, scheme, place, user, password) in cases {
            let address = ProxyAddress::parse(text).unwrap();
            assert_eq!(address.scheme, *scheme, "{text}");
            assert_eq!(address.to_string(), *place, "{text}");
            let login = address
                .login
                .map_or((String::new(), String::new()), |l| (l.user, l.password));
            assert_eq!((login.0.as_str(), login.1.as_str()), (*user, *password));
        }
    }

    #[test]
    fn bad_addresses_say_what_is_wrong() {
        let long = format!("{}:p@a.test:1", "u".repeat(256));
        for (text, wrong) in [
            ("", "port is missing"),
            ("a.test", "port is missing"),
            ("socks4://a.test:1", "scheme is unknown"),
            ("ftp://u:s3cret@a.test:1", "scheme is unknown"),
            ("http://u:s3cret@a.test", "port is missing"),
            ("http://a.test:0", "from 1 to 65535"),
            ("http://a.test:65536", "from 1 to 65535"),
            ("http://a.test:1/path", "from 1 to 65535"),
            ("http://:8080", "not a name or an address"),
            ("http://a b:8080", "not a name or an address"),
            ("http://::1:8080", "port is missing"),
            ("http://[::1:8080", "port is missing"),
            ("http://:s3cret@a.test:1", "login cannot be sent"),
            ("http://u%0A:s3cret@a.test:1", "login cannot be sent"),
            ("http://u%3A:s3cret@a.test:1", "login cannot be sent"),
            ("http://u%FF:s3cret@a.test:1", "login cannot be sent"),
            (&long, "login cannot be sent"),
        ] {
            let error = ProxyAddress::parse(text).unwrap_err();
            assert!(error.contains(wrong), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_or_show_a_login(text in ".{0,60}") {
            if let Ok(address) = ProxyAddress::parse(&text) {
                prop_assert!(address.port > 0 && !address.host.is_empty());
            }
            let with_login = format!("http://us3r:s3cret@{text}");
            let shown = match ProxyAddress::parse(&with_login) {
                Ok(address) => format!("{address} {address:?}"),
                Err(error) => error,
            };
            prop_assert!(text.contains("3") || !shown.contains("us3r"));
            prop_assert!(text.contains("3") || !shown.contains("s3cret"));
        }
    }
}
