//! The one normal form that decides which URLs are the same page.
//!
//! After parsing by the WHATWG URL standard (which lower-cases scheme and host,
//! drops default ports and resolves dot segments):
//!
//! 1. the fragment is dropped, and so are user name and password;
//! 2. percent-encoding is normalised as RFC 3986, 6.2.2 allows: hexadecimal
//!    digits upper case, unreserved characters decoded;
//! 3. an empty query (`/a?`) is dropped;
//! 4. parameters named in `url.drop_params` are dropped, and with
//!    `url.sort_query` the rest is sorted by name; else the query keeps its order.

use ::url::Url;
use std::borrow::Cow;

/// How a site's URLs are brought into normal form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NormalForm {
    /// Sort the query's parameters by name, keeping the order of equal names.
    pub sort_query: bool,
    /// Names of query parameters to drop; a trailing `*` matches any ending.
    pub drop_params: Vec<String>,
}

/// Why a URL cannot be a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Neither `http` nor `https`.
    #[error("not an http or https address")]
    Scheme,
    /// Not a URL by the WHATWG rules.
    #[error("not a valid URL")]
    Malformed,
    /// Longer than [`NormalForm::MAX_LEN`] bytes.
    #[error("longer than 4096 bytes")]
    TooLong,
}

impl NormalForm {
    /// Longest URL taken, in bytes.
    pub const MAX_LEN: usize = 4096;

    /// Parses `text`, against `base` where it is relative, into normal form.
    ///
    /// # Errors
    /// Where it is no URL, or none that can be a page.
    pub fn parse(&self, text: &str, base: Option<&Url>) -> Result<Url, UrlRefusal> {
        // Twice the limit leaves room for what normalising takes away.
        if text.len() > 2 * Self::MAX_LEN {
            return Err(UrlRefusal::TooLong);
        }
        let mut url = Url::options()
            .base_url(base)
            .parse(text)
            .map_err(|_| UrlRefusal::Malformed)?;
        self.apply(&mut url)?;
        Ok(url)
    }

    /// Brings `url` into normal form in place.
    ///
    /// # Errors
    /// Where it cannot be a page.
    pub fn apply(&self, url: &mut Url) -> Result<(), UrlRefusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlRefusal::Scheme);
        }
        if url.fragment().is_some() {
            url.set_fragment(None);
        }
        if !url.username().is_empty() || url.password().is_some() {
            // Fail only for URLs without a host, which http URLs have.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        // What is decoded here makes no dot segment: the parser has resolved those
        // that are escaped as it has those that are not.
        if url.path().contains('%')
            && let Cow::Owned(path) = percent(url.path())
        {
            url.set_path(&path);
        }
        if let Some(query) = url.query() {
            let query = self.query(query);
            match query {
                Some(Cow::Borrowed(_)) => {}
                Some(Cow::Owned(query)) => url.set_query(Some(&query)),
                None => url.set_query(None),
            }
        }
        if url.as_str().len() > Self::MAX_LEN {
            return Err(UrlRefusal::TooLong);
        }
        Ok(())
    }

    /// Whether a query is left alone unless its percent-encoding needs work.
    pub fn keeps_queries(&self) -> bool {
        !self.sort_query && self.drop_params.is_empty()
    }

    /// The query in normal form; `None` where nothing is left of it.
    fn query<'a>(&self, query: &'a str) -> Option<Cow<'a, str>> {
        if query.is_empty() {
            return None;
        }
        let query = percent(query);
        if self.keeps_queries() {
            return Some(query);
        }
        let mut params: Vec<&str> = query
            .split('&')
            .filter(|param| !param.is_empty() && !self.drops(name(param)))
            .collect();
        if self.sort_query {
            params.sort_by(|a, b| name(a).cmp(name(b)));
        }
        let joined = params.join("&");
        (!joined.is_empty()).then_some(Cow::Owned(joined))
    }

    fn drops(&self, name: &str) -> bool {
        self.drop_params
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == pattern,
            })
    }
}

/// A parameter's name.
fn name(param: &str) -> &str {
    param.split('=').next().unwrap_or(param)
}

/// Percent-encoding by RFC 3986, 6.2.2: borrowed where nothing changes.
///
/// Nothing is decoded that would make a new escape of a stray `%`: `%%36`
/// stays, as `%65` would be another address.
fn percent(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    // Digits that a stray `%` before here still lacks to be an escape.
    let mut lacking = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'%' {
            lacking = if byte.is_ascii_hexdigit() && lacking > 0 {
                lacking - 1
            } else {
                0
            };
            at += 1;
            continue;
        }
        let digit = |n: usize| bytes.get(at + n).and_then(|digit| hex(*digit));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            lacking = 2;
            at += 1;
            continue;
        };
        let value = high * 16 + low;
        let unreserved = value.is_ascii_alphanumeric() || b"-._~".contains(&value);
        if unreserved && !(lacking > 0 && value.is_ascii_hexdigit()) {
            out.push_str(&text[copied..at]);
            out.push(char::from(value));
            copied = at + 3;
        } else if bytes[at + 1].is_ascii_lowercase() || bytes[at + 2].is_ascii_lowercase() {
            out.push_str(&text[copied..at]);
            out.push_str(&text[at..at + 3].to_ascii_uppercase());
            copied = at + 3;
        }
        lacking = 0;
        at += 3;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(form: &NormalForm, text: &str) -> String {
        form.parse(text, None)
            .map_or_else(|e| e.to_string(), String::from)
    }

    #[test]
    fn what_is_the_same_page() {
        let form = NormalForm::default();
        for (given, expected) in [
            ("HTTP://Example.ORG:80/a/./b/../c", "http://example.org/a/c"),
            ("https://e.org:443", "https://e.org/"),
            ("https://e.org/a#part", "https://e.org/a"),
            ("https://e.org/a?", "https://e.org/a"),
            ("https://u:p@e.org/", "https://e.org/"),
            ("https://e.org/%7euser/%41%2f", "https://e.org/~user/A%2F"),
            ("https://e.org/a?b=%2e%7E&a=1", "https://e.org/a?b=.~&a=1"),
            ("https://e.org/a%2ehtml", "https://e.org/a.html"),
            ("https://e.org/a/%2e%2E/b/.%2e/c", "https://e.org/c"),
            ("https://e.org/%2e%2e%2e/a", "https://e.org/.../a"),
            (
                "https://e.org/%%36%35/%4%31/%%/%41",
                "https://e.org/%%365/%4%31/%%/A",
            ),
            ("https://e.org/%%32%65/a", "https://e.org/%%32e/a"),
            ("https://e.org/%25%36%35", "https://e.org/%2565"),
            (
                "https://e.org/a?b c='ü'",
                "https://e.org/a?b%20c=%27%C3%BC%27",
            ),
            (
                "https://e.org/a?b=1&a=%3d&&b",
                "https://e.org/a?b=1&a=%3D&&b",
            ),
            ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("https://e.org/a\tb\n", "https://e.org/ab"),
            ("https:\\\\e.org\\a", "https://e.org/a"),
            ("https://e.org/%zz%4", "https://e.org/%zz%4"),
            ("ftp://e.org/", "not an http or https address"),
            ("https://", "not a valid URL"),
        ] {
            assert_eq!(normal(&form, given), expected, "{given}");
        }
    }

    #[test]
    fn parameters_are_dropped_and_sorted_only_when_asked() {
        let form = NormalForm {
            sort_query: true,
            drop_params: vec!["utm_*".into(), "sid".into()],
        };
        for (given, expected) in [
            ("http://e/?b=2&a=1&b=1", "http://e/?a=1&b=2&b=1"),
            ("http://e/?utm_source=x&sid=1", "http://e/"),
            ("http://e/?sidx=1&utm=2", "http://e/?sidx=1&utm=2"),
        ] {
            assert_eq!(normal(&form, given), expected, "{given}");
        }
    }

    #[test]
    fn the_longest_url_taken_has_4096_bytes() {
        let form = NormalForm::default();
        let of = |length: usize| format!("http://e/{}", "a".repeat(length - 9));
        assert!(form.parse(&of(NormalForm::MAX_LEN), None).is_ok());
        for length in [4097, 8192, 8193, 1_000_000] {
            assert_eq!(form.parse(&of(length), None), Err(UrlRefusal::TooLong));
        }
        // A fragment does not count.
        let long = format!("http://e/#{}", "a".repeat(4096));
        assert!(form.parse(&long, None).is_ok());
    }

    /// Pieces that percent-encoding and dot segments are made of.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "%", "%2", "%2e", "%2E", ".", "/", "%36", "%35", "%25", "%41", "%C3%bc", "%2f", "5",
            "e", "E", "g", "~", "ü", "?", "&", "=", "a=b", ";", "\\", "//", "@", ":", "'", " ",
            "|",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn normalising_twice_changes_nothing(tail in pieces(), sort: bool, drop: bool) {
            let form = NormalForm {
                sort_query: sort,
                drop_params: if drop { vec!["a*".into()] } else { Vec::new() },
            };
            if let Ok(once) = form.parse(&format!("http://e.org/{tail}"), None) {
                let twice = form.parse(once.as_str(), None);
                prop_assert_eq!(Ok(&once), twice.as_ref());
                // What the URL type says of itself still holds.
                prop_assert_eq!(&Url::parse(once.as_str()).unwrap(), &once);
                prop_assert_eq!(once.fragment(), None);
                prop_assert!(once.username().is_empty() && once.password().is_none());
            }
        }

        #[test]
        fn the_same_octets_stay_the_same_octets(tail in "[a-zA-Z0-9%~._-]{0,30}") {
            use percent_encoding::percent_decode_str;
            let given = Url::parse(&format!("http://e.org/a{tail}z")).unwrap();
            let form = NormalForm::default();
            let normal = form.parse(given.as_str(), None).unwrap();
            let octets = |url: &Url| percent_decode_str(url.path()).collect::<Vec<u8>>();
            prop_assert_eq!(octets(&given), octets(&normal));
        }

        #[test]
        fn nothing_breaks_it(text in "\\PC{0,60}", base in pieces()) {
            let form = NormalForm { sort_query: true, drop_params: vec!["a*".into()] };
            let base = Url::parse("http://e.org").unwrap().join(&base);
            if let (Ok(base), Ok(url)) = (&base, form.parse(&text, base.as_ref().ok())) {
                prop_assert!(url.as_str().len() <= NormalForm::MAX_LEN, "{base}");
            }
        }
    }
}
