//! The browser's contexts: one for each session, with its cookies and its way
//! out.

use super::link::{CallError, Link};
use super::relay::{Out, Relay};
use crate::fetch::Visitor;
use crate::fetch::cookies;
use crate::fetch::dns::Lookup;
use crate::fetch::proxy::Held;
use chromiumoxide_cdp::cdp::browser_protocol::browser::{
    BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::network::CookieParam;
use chromiumoxide_cdp::cdp::browser_protocol::storage::{GetCookiesParams, SetCookiesParams};
use chromiumoxide_cdp::cdp::browser_protocol::target::{
    CreateBrowserContextParams, DisposeBrowserContextParams,
};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use url::Url;

/// Contexts of the proxies' sessions; each has a relay, caches and perhaps a tab.
const BY_PROXIES: usize = 16;
/// Cookies of a session that outlive a browser.
const COOKIES: usize = 300;

/// Whose a context is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A visitor's own session.
    Own(u64),
    /// A session of the proxies.
    By((usize, u64)),
}

/// A session's cookies in the browser's own form, by session; they outlive the
/// browser whose they were.
pub(super) type Cookies = Mutex<HashMap<Owner, Vec<CookieParam>>>;

/// Held while a page is in a context.
pub(super) type Stay = Arc<()>;

/// A context and what of plain HTTP's cookies it has.
struct Context {
    id: BrowserContextId,
    /// Hosts whose cookies of plain HTTP have been put in.
    hosts: HashSet<String>,
    /// Where it goes by an exit.
    _relay: Option<Relay>,
    /// Which of all stays in contexts was its last.
    last: u64,
    stay: Stay,
}

/// The contexts of one browser.
pub(super) struct Contexts {
    /// By session, and whether it is guarded.
    known: tokio::sync::Mutex<HashMap<(Owner, bool), Context>>,
    /// The way out of all guarded ones that go by no exit.
    relay: tokio::sync::OnceCell<Relay>,
    names: Arc<dyn Lookup>,
    cookies: Arc<Cookies>,
    stays: AtomicU64,
}

/// A context for one page.
pub(super) struct Found {
    /// Its name.
    pub(super) id: String,
    /// To be held as long as the page is in it.
    pub(super) stay: Stay,
    /// The context that has ended for it, with its tabs.
    pub(super) ended: Option<String>,
}

impl Contexts {
    /// None yet; sessions get what they have in `cookies`.
    pub(super) fn new(names: &Arc<dyn Lookup>, cookies: &Arc<Cookies>) -> Self {
        Self {
            known: tokio::sync::Mutex::default(),
            relay: tokio::sync::OnceCell::new(),
            names: Arc::clone(names),
            cookies: Arc::clone(cookies),
            stays: AtomicU64::new(0),
        }
    }

    /// Keeps the cookies of all its sessions for the next browser.
    pub(super) async fn bequeath(&self, link: &Link) {
        let known = self.known.lock().await;
        // Sessions of proxies come and go.
        lock(&self.cookies).retain(|owner, _| matches!(owner, Owner::Own(_)));
        for ((owner, _), context) in known.iter() {
            let asked = GetCookiesParams {
                browser_context_id: Some(context.id.clone()),
            };
            let Ok(mut found) = link.ask(None, asked).await else {
                return;
            };
            if let Value::Array(cookies) = found["cookies"].take() {
                let cookies = cookies.into_iter().take(COOKIES).filter_map(cookie);
                lock(&self.cookies).insert(*owner, cookies.collect());
            }
        }
    }

    /// The context of a visitor's session, or of the proxies' by which it goes.
    ///
    /// # Errors
    /// Where the browser refuses, or is gone.
    pub(super) async fn of(
        &self,
        link: &Link,
        visitor: &Visitor,
        url: &Url,
        headers: &HeaderMap,
        by: Option<&Held>,
    ) -> Result<Found, CallError> {
        let owner = match by {
            Some(held) => Owner::By(held.key()),
            None => Owner::Own(visitor.session()),
        };
        let key = (owner, visitor.guarded);
        let mut known = self.known.lock().await;
        let mut ended = None;
        if by.is_some() && !known.contains_key(&key) {
            ended = make_room(link, &mut known).await;
        }
        let context = match known.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let (id, relay) = self.make(link, key, by).await?;
                place.insert(Context {
                    id,
                    hosts: HashSet::new(),
                    _relay: relay,
                    last: 0,
                    stay: Stay::default(),
                })
            }
        };
        context.last = self.stays.fetch_add(1, Ordering::Relaxed);
        let host = url.host_str().unwrap_or_default();
        if let Some(cookies) = headers.get(reqwest::header::COOKIE)
            && context.hosts.insert(host.to_owned())
        {
            let cookies: Vec<CookieParam> = cookies::pairs(Some(cookies))
                .iter()
                .map(|(name, value)| CookieParam {
                    url: Some(url.to_string()),
                    ..CookieParam::new(name.as_str(), value.as_str())
                })
                .collect();
            put_in(link, cookies, &context.id).await?;
        }
        Ok(Found {
            id: context.id.clone().into(),
            stay: Arc::clone(&context.stay),
            ended,
        })
    }

    async fn make(
        &self,
        link: &Link,
        (owner, guarded): (Owner, bool),
        by: Option<&Held>,
    ) -> Result<(BrowserContextId, Option<Relay>), CallError> {
        let mut wanted = CreateBrowserContextParams {
            dispose_on_detach: Some(true),
            ..CreateBrowserContextParams::default()
        };
        let no_port = |error| CallError::Refused(format!("no port to guard it by: {error}"));
        let mut relay = None;
        if let Some(held) = by {
            let own = Relay::start(Out::By(held.road())).await.map_err(no_port)?;
            lead_by(&mut wanted, &own);
            relay = Some(own);
        } else if guarded {
            let relay = self
                .relay
                .get_or_try_init(|| Relay::start(Out::Public(Arc::clone(&self.names))))
                .await
                .map_err(no_port)?;
            lead_by(&mut wanted, relay);
        }
        let id = link.call(None, wanted).await?.browser_context_id;
        let deny = SetDownloadBehaviorParams {
            browser_context_id: Some(id.clone()),
            ..SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny)
        };
        link.ask(None, deny).await?;
        let cookies = lock(&self.cookies).get(&owner).cloned();
        if let Some(cookies) = cookies {
            put_in(link, cookies, &id).await?;
        }
        Ok((id, relay))
    }
}

/// Ends the context of a session of the proxies that was used longest ago,
/// where there are many; answers which.
async fn make_room(link: &Link, known: &mut HashMap<(Owner, bool), Context>) -> Option<String> {
    let of_proxies = |owner: &Owner| matches!(owner, Owner::By(_));
    let many = known.keys().filter(|(owner, _)| of_proxies(owner)).count();
    if many < BY_PROXIES {
        return None;
    }
    let free = known.iter().filter(|((owner, _), context)| {
        // A page that is in it has another.
        of_proxies(owner) && Arc::strong_count(&context.stay) == 1
    });
    let oldest = free.min_by_key(|(_, context)| context.last);
    let key = oldest.map(|(key, _)| *key)?;
    let context = known.remove(&key)?;
    let ended = DisposeBrowserContextParams::new(context.id.clone());
    link.tell(None, ended).await;
    Some(context.id.into())
}

/// Puts cookies in; one that the browser does not take is left out with the others.
async fn put_in(
    link: &Link,
    cookies: Vec<CookieParam>,
    context: &BrowserContextId,
) -> Result<(), CallError> {
    if cookies.is_empty() {
        return Ok(());
    }
    let put = SetCookiesParams {
        cookies,
        browser_context_id: Some(context.clone()),
    };
    match link.ask(None, put).await {
        Err(CallError::Refused(words)) => {
            tracing::debug!(words, "the browser takes no cookies");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// A cookie as the browser has it, as it takes it. The crate's type of the former
/// wants fields that browsers add and drop; of the latter, words that it does not
/// know are left out.
fn cookie(mut found: Value) -> Option<CookieParam> {
    let whole = CookieParam::deserialize(&found).ok();
    whole.or_else(|| {
        let fields = found.as_object_mut()?;
        fields.retain(|name, _| !["sameSite", "priority", "sourceScheme"].contains(&name.as_str()));
        serde_json::from_value(found).ok()
    })
}

/// Lets a context's connections go by a relay.
fn lead_by(wanted: &mut CreateBrowserContextParams, relay: &Relay) {
    wanted.proxy_server = Some(format!("socks5://{}", relay.address));
    // By default loopback would go past it.
    wanted.proxy_bypass_list = Some("<-loopback>".to_owned());
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a list that is still whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cookie_outlives_words_and_fields_that_no_list_has() {
        let now = json!({
            "name": "a", "value": "1", "domain": "a.test", "path": "/", "expires": -1.0, "size": 2,
            "httpOnly": true, "secure": false, "session": true, "sameSite": "Lax",
            "priority": "Medium", "sourceScheme": "NonSecure", "sourcePort": 80,
        });
        let same = cookie(now.clone()).unwrap();
        let back = serde_json::to_value(&same).unwrap();
        for (name, value) in back.as_object().unwrap() {
            assert_eq!(now[name], *value, "{name}");
        }
        assert_eq!(back["sameSite"], "Lax");
        let mut later = now;
        later["priority"] = json!("Utmost");
        later["sourceScheme"] = json!(3);
        let later = cookie(later).unwrap();
        let names = (later.name.as_str(), later.domain.as_deref());
        assert_eq!(
            (names, later.http_only),
            (("a", Some("a.test")), Some(true))
        );
        assert_eq!(cookie(json!({ "value": "1" })), None);
    }
}
