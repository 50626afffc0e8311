//! A browser at work: its contexts, its tabs, and when it has had its day.

use super::link::{CallError, Link};
use super::memory;
use super::process::Process;
use super::progress::text;
use super::relay::Relay;
use super::tab::Tab;
use crate::fetch::Visitor;
use crate::fetch::dns::Lookup;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use url::Url;

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(3);
/// How long the page in a tab that waits for the next one may run on.
const REST: Duration = Duration::from_millis(300);
/// How long a tab may take to be empty again.
const EMPTYING: Duration = Duration::from_secs(2);
/// Pages after which a tab is replaced, and its process with it.
const PAGES_OF_TAB: u32 = 50;
/// Cookies of a session that outlive a browser.
const COOKIES: usize = 300;

/// When a browser is replaced by a new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime {
    /// Pages.
    pub(super) pages: u64,
    /// Memory of all its processes, bytes.
    pub(super) memory: u64,
    /// Tabs, empty ones included.
    pub(super) tabs: usize,
}

/// A session's cookies in the browser's own form, by session; they outlive the
/// browser whose they were.
pub(super) type Cookies = Mutex<HashMap<u64, Vec<Value>>>;

/// A context and what of plain HTTP's cookies it has.
struct Context {
    id: String,
    /// Hosts whose cookies of plain HTTP have been put in.
    hosts: HashSet<String>,
}

/// A browser that runs. It ends with the last page that holds it.
pub(super) struct Running {
    // Before the process: a tab that ends still says so.
    idle: Mutex<Vec<Tab>>,
    process: Process,
    relay: tokio::sync::OnceCell<Relay>,
    names: Arc<dyn Lookup>,
    /// By session, and whether it is guarded.
    contexts: tokio::sync::Mutex<HashMap<(u64, bool), Context>>,
    cookies: Arc<Cookies>,
    lifetime: Lifetime,
    pages: AtomicU64,
    tabs: AtomicU64,
    worn: AtomicBool,
}

impl Running {
    /// Starts a browser.
    ///
    /// # Errors
    /// Why it does not start, and what to do.
    pub(super) async fn start(
        program: &Path,
        names: &Arc<dyn Lookup>,
        cookies: &Arc<Cookies>,
        lifetime: Lifetime,
    ) -> Result<Arc<Self>, String> {
        let process = Process::start(program).await?;
        let running = Arc::new(Self {
            idle: Mutex::default(),
            relay: tokio::sync::OnceCell::new(),
            names: Arc::clone(names),
            contexts: tokio::sync::Mutex::default(),
            cookies: Arc::clone(cookies),
            lifetime,
            pages: AtomicU64::new(0),
            tabs: AtomicU64::new(0),
            worn: AtomicBool::new(false),
            process,
        });
        let link = running.link().clone();
        tokio::spawn(close_popups(link));
        tokio::spawn(weigh(Arc::downgrade(&running), lifetime.memory));
        Ok(running)
    }

    /// The way to it.
    pub(super) fn link(&self) -> &Link {
        self.process.link()
    }

    /// Its processes' group.
    #[cfg(test)]
    pub(super) fn group(&self) -> Option<rustix::process::Pid> {
        self.process.root()
    }

    /// Whether it takes no further page.
    pub(super) fn is_spent(&self) -> bool {
        self.link().is_gone()
            || self.worn.load(Ordering::Relaxed)
            || self.pages.load(Ordering::Relaxed) >= self.lifetime.pages
    }

    /// Keeps the cookies of all its sessions for the next browser.
    pub(super) async fn bequeath(&self) {
        let contexts = self.contexts.lock().await;
        for ((session, _), context) in contexts.iter() {
            let asked = json!({ "browserContextId": context.id });
            let Ok(mut found) = self.link().call(None, "Storage.getCookies", asked).await else {
                return;
            };
            if let Value::Array(mut cookies) = found["cookies"].take() {
                cookies.truncate(COOKIES);
                lock(&self.cookies).insert(*session, cookies);
            }
        }
    }

    /// An empty tab for a page of a session, with the session's cookies.
    ///
    /// # Errors
    /// Where the browser refuses, or is gone.
    pub(super) async fn tab(
        &self,
        visitor: &Visitor,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Tab, CallError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let context = self.context(visitor, url, headers).await?;
        let (found, spare) = {
            let mut idle = lock(&self.idle);
            let found = idle.iter().position(|tab| tab.context == context);
            let found = found.map(|place| idle.swap_remove(place));
            // Room is made by one of another session.
            let full = found.is_none() && idle.len() + 1 >= self.lifetime.tabs;
            (
                found,
                if full {
                    Some(idle.swap_remove(0))
                } else {
                    None
                },
            )
        };
        drop(spare);
        match found {
            Some(tab) => Ok(tab),
            None => {
                let number = self.tabs.fetch_add(1, Ordering::Relaxed) + 1;
                Tab::open(self.link(), &context, number).await
            }
        }
    }

    /// Takes a tab back whose page is done. The next page comes in its place;
    /// where none comes soon, it is emptied, so that the page does not run on.
    pub(super) fn take_back(self: &Arc<Self>, tab: Tab) {
        tab.end();
        if tab.pages >= PAGES_OF_TAB || self.is_spent() {
            return;
        }
        let (number, pages) = (tab.number, tab.pages);
        lock(&self.idle).push(tab);
        let running = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(REST).await;
            let Some(running) = running.upgrade() else {
                return;
            };
            let rests = |tab: &Tab| (tab.number, tab.pages) == (number, pages);
            let tab = {
                let mut idle = lock(&running.idle);
                let place = idle.iter().position(rests);
                place.map(|place| idle.swap_remove(place))
            };
            if let Some(tab) = tab
                && timeout(EMPTYING, empty(&tab))
                    .await
                    .is_ok_and(|done| done.is_ok())
            {
                lock(&running.idle).push(tab);
            }
        });
    }

    /// The context of a visitor's session.
    async fn context(
        &self,
        visitor: &Visitor,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<String, CallError> {
        let key = (visitor.session(), visitor.guarded);
        let mut contexts = self.contexts.lock().await;
        let context = match contexts.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let id = self.new_context(key).await?;
                let hosts = HashSet::new();
                place.insert(Context { id, hosts })
            }
        };
        let host = url.host_str().unwrap_or_default();
        if let Some(cookies) = headers.get(reqwest::header::COOKIE)
            && context.hosts.insert(host.to_owned())
        {
            let cookies = String::from_utf8_lossy(cookies.as_bytes());
            let cookies: Vec<Value> = cookies
                .split("; ")
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| json!({ "name": name, "value": value, "url": url.as_str() }))
                .collect();
            let put = json!({ "cookies": cookies, "browserContextId": context.id });
            self.put(put).await?;
        }
        Ok(context.id.clone())
    }

    async fn new_context(&self, (session, guarded): (u64, bool)) -> Result<String, CallError> {
        let mut wanted = json!({ "disposeOnDetach": true });
        if guarded {
            let relay = self
                .relay
                .get_or_try_init(|| Relay::start(Arc::clone(&self.names)))
                .await
                .map_err(|error| CallError::Refused(format!("no port to guard it by: {error}")))?;
            wanted["proxyServer"] = format!("socks5://{}", relay.address).into();
            // By default loopback would go past it.
            wanted["proxyBypassList"] = "<-loopback>".into();
        }
        let made = self
            .link()
            .call(None, "Target.createBrowserContext", wanted)
            .await?;
        let id = text(&made, "browserContextId")
            .unwrap_or_default()
            .to_owned();
        let deny = json!({ "behavior": "deny", "browserContextId": id });
        self.link()
            .call(None, "Browser.setDownloadBehavior", deny)
            .await?;
        let cookies = lock(&self.cookies).get(&session).cloned();
        if let Some(cookies) = cookies {
            self.put(json!({ "cookies": cookies, "browserContextId": id }))
                .await?;
        }
        Ok(id)
    }

    /// Puts cookies in; one that the browser does not take is left out with the others.
    async fn put(&self, cookies: Value) -> Result<(), CallError> {
        match self.link().call(None, "Storage.setCookies", cookies).await {
            Err(CallError::Refused(words)) => {
                tracing::debug!(words, "the browser takes no cookies");
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }
}

/// Lets a tab show nothing.
async fn empty(tab: &Tab) -> Result<(), CallError> {
    let mut progress = tab.progress();
    let blank = json!({ "url": "about:blank" });
    tab.call("Page.navigate", blank).await?;
    // Its last events come after the answer. It ends with the tab alone.
    let shown = progress.wait_for(|progress| progress.is_loaded(Instant::now()));
    let _ = shown.await;
    Ok(())
}

/// Closes what pages open beside themselves.
async fn close_popups(link: Link) {
    let mut events = link.listen("", Box::new(|_| {}));
    let pages = json!({ "discover": true, "filter": [{ "type": "page" }] });
    let asked = link.call(None, "Target.setDiscoverTargets", pages).await;
    let link = {
        // The link ends with the process, whoever listens.
        let weak = link.downgrade();
        drop(link);
        weak
    };
    if asked.is_err() {
        return;
    }
    while let Some(event) = events.recv().await {
        let target = &event.params["targetInfo"];
        if event.method == "Target.targetCreated" && target.get("openerId").is_some() {
            let Some(link) = link.upgrade() else { return };
            let closed = json!({ "targetId": target["targetId"] });
            link.tell(None, "Target.closeTarget", closed).await;
        }
    }
}

/// Looks at the memory now and then; a browser that has grown too large is worn.
async fn weigh(running: Weak<Running>, most: u64) {
    loop {
        tokio::time::sleep(LOOK).await;
        let root = match running.upgrade() {
            Some(running) if !running.link().is_gone() => running.process.root(),
            _ => return,
        };
        let Some(root) = root.and_then(|root| u32::try_from(root.as_raw_nonzero().get()).ok())
        else {
            return;
        };
        let size = tokio::task::spawn_blocking(move || memory::of_tree(root)).await;
        if let (Ok(Some(size)), Some(running)) = (size, running.upgrade())
            && size > most
            && !running.worn.swap(true, Ordering::Relaxed)
        {
            tracing::info!(
                bytes = size,
                "the browser has grown; a new one takes its place"
            );
        }
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a list that is still whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
