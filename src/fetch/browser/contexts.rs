//! The browser's contexts: one for each session, with its cookies and its way
//! out.

use super::link::{CallError, Link};
use super::progress::text;
use super::relay::{Out, Relay};
use crate::fetch::Visitor;
use crate::fetch::cookies;
use crate::fetch::dns::Lookup;
use crate::fetch::proxy::Held;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
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
pub(super) type Cookies = Mutex<HashMap<Owner, Vec<Value>>>;

/// Held while a page is in a context.
pub(super) type Stay = Arc<()>;

/// A context and what of plain HTTP's cookies it has.
struct Context {
    id: String,
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
            let asked = json!({ "browserContextId": context.id });
            let Ok(mut found) = link.call(None, "Storage.getCookies", asked).await else {
                return;
            };
            if let Value::Array(mut cookies) = found["cookies"].take() {
                cookies.truncate(COOKIES);
                lock(&self.cookies).insert(*owner, cookies);
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
            let cookies: Vec<Value> = cookies::pairs(Some(cookies))
                .iter()
                .map(|(name, value)| json!({ "name": name, "value": value, "url": url.as_str() }))
                .collect();
            let put = json!({ "cookies": cookies, "browserContextId": context.id });
            put_in(link, put).await?;
        }
        Ok(Found {
            id: context.id.clone(),
            stay: Arc::clone(&context.stay),
            ended,
        })
    }

    async fn make(
        &self,
        link: &Link,
        (owner, guarded): (Owner, bool),
        by: Option<&Held>,
    ) -> Result<(String, Option<Relay>), CallError> {
        let mut wanted = json!({ "disposeOnDetach": true });
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
        let made = link
            .call(None, "Target.createBrowserContext", wanted)
            .await?;
        let id = text(&made, "browserContextId")
            .unwrap_or_default()
            .to_owned();
        let deny = json!({ "behavior": "deny", "browserContextId": id });
        link.call(None, "Browser.setDownloadBehavior", deny).await?;
        let cookies = lock(&self.cookies).get(&owner).cloned();
        if let Some(cookies) = cookies {
            put_in(link, json!({ "cookies": cookies, "browserContextId": id })).await?;
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
    let ended = json!({ "browserContextId": context.id });
    link.tell(None, "Target.disposeBrowserContext", ended).await;
    Some(context.id)
}

/// Puts cookies in; one that the browser does not take is left out with the others.
async fn put_in(link: &Link, cookies: Value) -> Result<(), CallError> {
    match link.call(None, "Storage.setCookies", cookies).await {
        Err(CallError::Refused(words)) => {
            tracing::debug!(words, "the browser takes no cookies");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

/// Lets a context's connections go by a relay.
fn lead_by(wanted: &mut Value, relay: &Relay) {
    wanted["proxyServer"] = format!("socks5://{}", relay.address).into();
    // By default loopback would go past it.
    wanted["proxyBypassList"] = "<-loopback>".into();
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a list that is still whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
