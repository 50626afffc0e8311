//! A browser at work: its contexts, its tabs, and when it has had its day.

use super::contexts::{Contexts, Cookies, Stay};
use super::link::{CallError, Link};
use super::memory;
use super::process::Process;
use super::progress::text;
use super::tab::Tab;
use crate::fetch::Visitor;
use crate::fetch::dns::Lookup;
use crate::fetch::proxy::Held;
use crate::page::Rung;
use chromiumoxide_cdp::cdp::browser_protocol::page::NavigateParams;
use chromiumoxide_cdp::cdp::browser_protocol::target::{
    CloseTargetParams, EventTargetCreated, FilterEntry, SetDiscoverTargetsParams, TargetFilter,
};
use reqwest::header::HeaderMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use url::Url;

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(3);
/// How long the page in a tab that waits for the next one may run on.
const REST: Duration = Duration::from_millis(300);
/// How long a tab may take to be empty again.
const EMPTYING: Duration = Duration::from_secs(2);
/// Pages after which a tab is replaced, and its process with it.
const PAGES_OF_TAB: u64 = 50;
/// So many more for every other tab: a process takes most memory when it is new,
/// and they should not all be new at once.
const PAGES_APART: u64 = 17;
/// Tabs that are replaced apart from each other.
const APART: u64 = 4;
/// How long a new tab waits for another new one to have had its first page, at most.
const BIRTH: Duration = Duration::from_secs(2);
/// Empty tabs of proxies' sessions; each is a process, and costs tens of megabytes.
const PASSING: usize = 4;

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

/// A browser that runs. It ends with the last page that holds it.
pub(super) struct Running {
    // Before the process: a tab that ends still says so.
    idle: Mutex<Vec<Tab>>,
    process: Process,
    contexts: Contexts,
    lifetime: Lifetime,
    /// For a new tab until it has had its first page: its process takes most memory
    /// then, and several should not be new at once.
    births: Arc<Semaphore>,
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
            contexts: Contexts::new(names, cookies),
            lifetime,
            births: Arc::new(Semaphore::new(1)),
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
        self.contexts.bequeath(self.link()).await;
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
        by: Option<&Held>,
    ) -> Result<(Tab, Stay), CallError> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let found = self
            .contexts
            .of(self.link(), visitor, url, headers, by)
            .await?;
        if let Some(ended) = found.ended {
            lock(&self.idle).retain(|tab| tab.context != ended);
        }
        let (context, stay) = (found.id, found.stay);
        if let Some(tab) = self.idle_tab(&context) {
            return Ok((tab, stay));
        }
        let birth = match by {
            // They come and go too often.
            Some(_) => None,
            None => self.birth(visitor).await,
        };
        // One may have become idle meanwhile.
        if let Some(tab) = birth.as_ref().and_then(|_| self.idle_tab(&context)) {
            return Ok((tab, stay));
        }
        let spare = {
            let mut idle = lock(&self.idle);
            // Room is made by one of another session.
            let full = idle.len() + 1 >= self.lifetime.tabs;
            full.then(|| idle.swap_remove(0))
        };
        drop(spare);
        let number = self.tabs.fetch_add(1, Ordering::Relaxed) + 1;
        let mut tab = Tab::open(self.link(), &context, number).await?;
        (tab.passing, tab.birth) = (by.is_some(), birth);
        Ok((tab, stay))
    }

    fn idle_tab(&self, context: &str) -> Option<Tab> {
        let mut idle = lock(&self.idle);
        let place = idle.iter().position(|tab| tab.context == context);
        place.map(|place| idle.swap_remove(place))
    }

    /// The turn to open a tab; `None` where it was not to be had for so long that
    /// the page cannot wait.
    async fn birth(&self, visitor: &Visitor) -> Option<OwnedSemaphorePermit> {
        let wait = BIRTH.min(visitor.time(Rung::Browser) / 10);
        let turn = Arc::clone(&self.births).acquire_owned();
        timeout(wait, turn).await.ok()?.ok()
    }

    /// Takes a tab back whose page is done. The next page comes in its place;
    /// where none comes soon, it is emptied, so that the page does not run on.
    pub(super) fn take_back(self: &Arc<Self>, mut tab: Tab) {
        tab.end();
        tab.birth = None;
        let most = PAGES_OF_TAB + tab.number % APART * PAGES_APART;
        if u64::from(tab.pages) >= most || self.is_spent() {
            return;
        }
        tab.sweep();
        let (number, pages) = (tab.number, tab.pages);
        let surplus = {
            let mut idle = lock(&self.idle);
            idle.push(tab);
            let passing = idle.iter().filter(|tab| tab.passing).count();
            let oldest = idle.iter().position(|tab| tab.passing);
            oldest
                .filter(|_| passing > PASSING)
                .map(|place| idle.remove(place))
        };
        drop(surplus);
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
}

/// Lets a tab show nothing.
async fn empty(tab: &Tab) -> Result<(), CallError> {
    let mut progress = tab.progress();
    tab.call(NavigateParams::new("about:blank")).await?;
    // Its last events come after the answer. It ends with the tab alone.
    let shown = progress.wait_for(|progress| progress.is_loaded(Instant::now()));
    let _ = shown.await;
    Ok(())
}

/// Closes what pages open beside themselves.
async fn close_popups(link: Link) {
    let mut events = link.listen("", Box::new(|_| {}));
    let page = FilterEntry {
        exclude: None,
        r#type: Some("page".to_owned()),
    };
    let pages = SetDiscoverTargetsParams {
        discover: true,
        filter: Some(TargetFilter::new(vec![page])),
    };
    let asked = link.ask(None, pages).await;
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
        if event.method == EventTargetCreated::IDENTIFIER
            && target.get("openerId").is_some()
            && let Some(id) = text(target, "targetId")
        {
            let Some(link) = link.upgrade() else { return };
            link.tell(None, CloseTargetParams::new(id.to_owned())).await;
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
