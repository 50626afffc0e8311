//! What a solver has won for a site's hosts: plain HTTP goes on with it until
//! it lapses.

use reqwest::header::HeaderValue;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use url::Url;

/// Hosts of a site for which something is kept.
const HOSTS: usize = 256;

/// What was won for one host. Its cookies are in the site's jar; the server
/// wants to see them with the browser's own name.
#[derive(Debug, Clone)]
pub(super) struct Clearance {
    /// The browser's `User-Agent`.
    pub(super) agent: HeaderValue,
    /// Names of the cookies that were won.
    pub(super) cookies: Vec<String>,
    /// When it lapses.
    pub(super) until: Instant,
}

/// The clearances of one site, for all its workers.
#[derive(Debug, Default)]
pub(super) struct Clearances {
    /// Whether there is any: most sites have none, and their requests then
    /// never touch the lock.
    used: AtomicBool,
    hosts: Mutex<HashMap<String, Clearance>>,
}

impl Clearances {
    /// Keeps what was won for a URL's host.
    pub(super) fn put(&self, url: &Url, won: Clearance) {
        let Some(host) = url.host_str() else {
            return;
        };
        let mut hosts = self.lock();
        if hosts.len() >= HOSTS && !hosts.contains_key(host) {
            let now = Instant::now();
            hosts.retain(|_, known| known.until > now);
            let soonest = hosts.iter().min_by_key(|(_, known)| known.until);
            if hosts.len() >= HOSTS
                && let Some(host) = soonest.map(|(host, _)| host.clone())
            {
                hosts.remove(&host);
            }
        }
        hosts.insert(host.to_owned(), won);
        self.used.store(true, Ordering::Release);
    }

    /// Under which name a host is asked, while what was won for it is good.
    pub(super) fn agent(&self, url: &Url) -> Option<HeaderValue> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let hosts = self.lock();
        let known = hosts.get(url.host_str()?)?;
        (known.until > Instant::now()).then(|| known.agent.clone())
    }

    /// Forgets what was won for a URL's host; answers the names of its cookies
    /// where there was something.
    pub(super) fn forget(&self, url: &Url) -> Option<Vec<String>> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let known = self.lock().remove(url.host_str()?)?;
        Some(known.cookies)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Clearance>> {
        // A panic while holding it leaves a whole map.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn won(seconds: u64) -> Clearance {
        Clearance {
            agent: HeaderValue::from_static("Browser/1"),
            cookies: vec!["clear".to_owned()],
            until: Instant::now() + Duration::from_secs(seconds),
        }
    }

    #[test]
    fn it_holds_for_its_host_until_it_lapses_or_is_dropped() {
        let url = |text: &str| Url::parse(text).unwrap();
        let clearances = Clearances::default();
        let (a, b) = (url("https://a.test/x"), url("https://b.test/"));
        assert_eq!(clearances.forget(&a), None);
        clearances.put(&a, won(60));
        assert_eq!(clearances.agent(&a).unwrap(), "Browser/1");
        assert_eq!(clearances.agent(&b), None);
        clearances.put(&a, won(0));
        assert_eq!(clearances.agent(&a), None, "lapsed");
        clearances.put(&b, won(60));
        assert_eq!(clearances.forget(&b).unwrap(), ["clear"]);
        assert_eq!(clearances.agent(&b), None);
        for n in 0..2 * HOSTS as u64 {
            clearances.put(&url(&format!("https://h{n}.test/")), won(100 + n));
        }
        assert_eq!(clearances.lock().len(), HOSTS);
        assert!(clearances.agent(&url("https://h511.test/")).is_some());
    }
}
