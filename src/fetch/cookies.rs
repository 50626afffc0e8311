//! A site's cookies (RFC 6265), bounded.

use cookie_store::{CookieStore, RawCookie, StoreAction};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// Cookies kept for one site.
const MOST: usize = 300;
/// Longest name and value together, bytes (RFC 6265, section 6.1).
const LONGEST: usize = 4096;
/// Longest `Set-Cookie` header looked at, bytes.
const LONGEST_HEADER: usize = LONGEST + 2048;
/// `Set-Cookie` headers taken of one answer.
const MOST_OF_ANSWER: usize = 50;
/// Longest `Cookie` header sent, bytes; servers refuse larger heads.
const LONGEST_SENT: usize = 8 * 1024;

/// The cookies of one site, for all its workers. They live as long as the run.
#[derive(Default)]
pub(super) struct Jar {
    /// Whether there has ever been a cookie: most sites set none, and their
    /// requests then never touch the lock.
    used: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    store: CookieStore,
    /// Cookies in the store, expired ones included.
    count: usize,
}

impl Jar {
    /// The cookies for a request, `name=value; …`, those of the longest paths
    /// first; `None` where there are none.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let kept = self.lock();
        let mut cookies = kept.store.matches(url);
        // The name breaks ties, so that a request does not depend on hashing.
        cookies.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.name().to_owned()));
        let mut text = String::new();
        for cookie in cookies {
            let (name, value) = cookie.name_value();
            if text.len() + name.len() + value.len() + 3 > LONGEST_SENT {
                break;
            }
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        if text.is_empty() {
            return None;
        }
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Takes the cookies that an answer from `url` sets.
    pub(super) fn take(&self, headers: &HeaderMap, url: &Url) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let mut kept = self.lock();
        for value in headers.get_all(SET_COOKIE).iter().take(MOST_OF_ANSWER) {
            if value.len() <= LONGEST_HEADER
                && let Ok(text) = std::str::from_utf8(value.as_bytes())
            {
                kept.insert(text, url);
            }
        }
        if kept.count > 0 {
            self.used.store(true, Ordering::Release);
        }
    }

    /// Takes one cookie, written as an answer from `url` would set it.
    pub(super) fn put(&self, text: &str, url: &Url) {
        let mut kept = self.lock();
        kept.insert(text, url);
        if kept.count > 0 {
            self.used.store(true, Ordering::Release);
        }
    }

    /// Drops the cookies of these names that a request for `url` would have.
    pub(super) fn forget(&self, names: &[String], url: &Url) {
        let mut kept = self.lock();
        let found: Vec<_> = kept
            .store
            .matches(url)
            .into_iter()
            .filter(|cookie| names.iter().any(|name| name == cookie.name()))
            .map(key)
            .collect();
        for (domain, path, name) in found {
            if kept.store.remove(&domain, &path, &name).is_some() {
                kept.count = kept.count.saturating_sub(1);
            }
        }
    }

    /// Cookies kept.
    pub(super) fn len(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic while holding it leaves at worst a cookie uncounted.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn insert(&mut self, text: &str, url: &Url) {
        let Ok(mut raw) = RawCookie::parse(text) else {
            return;
        };
        if raw.name().len() + raw.value().len() > LONGEST
            || raw.name_value().0.is_empty()
            || text.bytes().any(|b| b.is_ascii_control() && b != b'\t')
        {
            return;
        }
        // A cookie for a whole top-level domain is refused; for a host of one
        // label (`localhost`) it is that host's own (RFC 6265, 5.3, step 5).
        if let Some(domain) = raw.domain() {
            let domain = domain.trim_matches('.').to_ascii_lowercase();
            if !domain.is_empty() && !domain.contains(['.', ':']) {
                if url.host_str() != Some(&domain) {
                    return;
                }
                raw.unset_domain();
            }
        }
        let Ok(cookie) = cookie_store::Cookie::try_from_raw_cookie(&raw, url) else {
            return;
        };
        let cookie = cookie.into_owned();
        let key = key(&cookie);
        if self.store.insert(cookie, url) == Ok(StoreAction::Inserted) {
            self.count += 1;
        }
        if self.count > MOST {
            self.drop_expired();
        }
        if self.count > MOST && self.store.remove(&key.0, &key.1, &key.2).is_some() {
            self.count -= 1;
        }
    }

    fn drop_expired(&mut self) {
        let expired: Vec<_> = self
            .store
            .iter_any()
            .filter(|cookie| cookie.is_expired())
            .map(key)
            .collect();
        for (domain, path, name) in expired {
            self.store.remove(&domain, &path, &name);
        }
        self.count = self.store.iter_any().count();
    }
}

/// The names and values in a `Cookie` header.
pub(super) fn pairs(header: Option<&HeaderValue>) -> Vec<(String, String)> {
    let text = header.map(|header| String::from_utf8_lossy(header.as_bytes()));
    let pairs = text.iter().flat_map(|text| text.split("; "));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn key(cookie: &cookie_store::Cookie<'_>) -> (String, String, String) {
    (
        String::from(&cookie.domain),
        String::from(&cookie.path),
        cookie.name().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &Jar, from: &str, cookies: &[&str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(
                SET_COOKIE,
                HeaderValue::from_bytes(cookie.as_bytes()).unwrap(),
            );
        }
        jar.take(&headers, &url(from));
    }

    fn sent(jar: &Jar, to: &str) -> String {
        jar.header(&url(to)).map_or(String::new(), |header| {
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        })
    }

    #[test]
    fn cookies_go_where_they_belong() {
        // Set by, Set-Cookie, asked, sent.
        let cases = [
            ("http://a.test/", "k=v", "http://a.test/x", "k=v"),
            ("http://a.test/", "k=v", "http://b.a.test/", ""),
            (
                "http://a.test/",
                "k=v; Domain=a.test",
                "http://b.a.test/",
                "k=v",
            ),
            (
                "http://b.a.test/",
                "k=v; Domain=.a.test",
                "http://a.test/",
                "k=v",
            ),
            (
                "http://b.a.test/",
                "k=v; Domain=a.test",
                "http://xa.test/",
                "",
            ),
            ("http://a.test/", "k=v; Domain=b.test", "http://b.test/", ""),
            (
                "http://a.test/",
                "k=v; Domain=b.a.test",
                "http://b.a.test/",
                "",
            ),
            ("http://a.test/", "k=v; Domain=test", "http://b.test/", ""),
            ("http://a.test/", "k=v; Domain=test", "http://a.test/", ""),
            ("http://a.test/", "k=v; Domain=.TEST.", "http://a.test/", ""),
            (
                "http://localhost/",
                "k=v; Domain=localhost",
                "http://localhost/",
                "k=v",
            ),
            (
                "http://localhost/",
                "k=v; Domain=localhost",
                "http://a.localhost/",
                "",
            ),
            ("http://localhost/", "k=v", "http://localhost:81/", "k=v"),
            ("http://127.0.0.1/", "k=v", "http://127.0.0.1/", "k=v"),
            (
                "http://127.0.0.1/",
                "k=v; Domain=0.0.1",
                "http://127.0.0.1/",
                "",
            ),
            ("http://a.test/d/e", "k=v", "http://a.test/d/f", "k=v"),
            ("http://a.test/d/e", "k=v", "http://a.test/", ""),
            ("http://a.test/", "k=v; Path=/d", "http://a.test/d/f", "k=v"),
            ("http://a.test/", "k=v; Path=/d", "http://a.test/dd", ""),
            ("https://a.test/", "k=v; Secure", "http://a.test/", ""),
            ("https://a.test/", "k=v; Secure", "https://a.test/", "k=v"),
            ("http://a.test/", "k=v; Max-Age=0", "http://a.test/", ""),
            (
                "http://a.test/",
                "k=v; Max-Age=1000; HttpOnly",
                "http://a.test/",
                "k=v",
            ),
            (
                "http://a.test/",
                "k=v; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
                "http://a.test/",
                "",
            ),
            ("http://a.test/", "no equals sign", "http://a.test/", ""),
            ("http://a.test/", "k=v\u{1}", "http://a.test/", ""),
        ];
        for (from, cookie, to, expected) in cases {
            if cookie.contains('\u{1}') {
                let jar = Jar::default();
                jar.lock().insert(cookie, &url(from));
                assert_eq!(jar.len(), 0);
                continue;
            }
            let jar = Jar::default();
            set(&jar, from, &[cookie]);
            assert_eq!(sent(&jar, to), expected, "{cookie} of {from} to {to}");
        }
    }

    #[test]
    fn cookies_change_and_end() {
        let jar = Jar::default();
        assert!(jar.header(&url("http://a.test/")).is_none());
        set(&jar, "http://a.test/", &["b=1", "a=2; Path=/deep", "c=3"]);
        assert_eq!(sent(&jar, "http://a.test/deep/x"), "a=2; b=1; c=3");
        set(&jar, "http://a.test/", &["b=9", "c=; Max-Age=0"]);
        assert_eq!(sent(&jar, "http://a.test/"), "b=9");
    }

    #[test]
    fn the_jar_is_bounded_and_the_known_cookies_still_change() {
        let jar = Jar::default();
        set(&jar, "http://a.test/", &["session=1"]);
        for n in 0..2 * MOST {
            set(&jar, "http://a.test/", &[&format!("n{n}=x; Path=/n")]);
        }
        assert_eq!(jar.len(), MOST);
        set(&jar, "http://a.test/", &["session=2"]);
        assert_eq!(sent(&jar, "http://a.test/"), "session=2");
        // Room is made by what has ended.
        set(&jar, "http://a.test/", &["n0=; Max-Age=0; Path=/n"]);
        set(&jar, "http://a.test/", &["fresh=1"]);
        assert_eq!(sent(&jar, "http://a.test/"), "fresh=1; session=2");
        assert_eq!(jar.len(), MOST);

        let long = format!("long={}", "x".repeat(LONGEST));
        set(&jar, "http://a.test/", &["n1=; Max-Age=0; Path=/n", &long]);
        assert!(!sent(&jar, "http://a.test/").contains("long"));
    }

    #[test]
    fn what_is_sent_is_bounded() {
        let jar = Jar::default();
        for n in 0..10 {
            let cookie = format!("n{n}={}", "x".repeat(2000));
            set(&jar, "http://a.test/", &[&cookie]);
        }
        let sent = sent(&jar, "http://a.test/");
        assert!(sent.len() <= LONGEST_SENT && sent.len() > LONGEST_SENT / 2);
    }
}
