//! One tab: its session, and the task that attends to it while a page is in it.

use super::deprecated::SetVisibleSize;
use super::link::{CallError, Event, Link};
use super::orders::{Orders, Verdict, request};
use super::progress::{Broken, Progress, text};
use super::record::Recorder;
use crate::fetch::error::Cause;
use chromiumoxide_cdp::cdp::browser_protocol::{
    emulation, fetch, inspector, network, page, target,
};
use chromiumoxide_cdp::cdp::js_protocol::{heap_profiler, runtime};
use chromiumoxide_types::Command;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Requests of a page that are judged at the same time: each may wait for a
/// name server.
const JUDGED_AT_ONCE: usize = 64;

/// The window as pages see it, CSS pixels.
const WINDOW: (i64, i64) = (1280, 900);
/// The part of it that is painted, CSS pixels: nobody looks at the rest. A
/// picture of the page is painted anew.
const PAINTED: u32 = 64;

/// The heap of scripts, bytes, from which what earlier pages have left in it is
/// swept out: a new process lets it grow for a while, as for one page that stays.
const HEAP: u64 = 48 << 20;

/// What a page's requests are judged by, and what became of its document.
#[derive(Default)]
struct Desk {
    orders: Option<Arc<Orders>>,
    recorder: Option<Recorder>,
    /// Why the page's document was refused.
    refused: Option<Cause>,
}

/// A tab. It ends with this.
pub(super) struct Tab {
    link: Link,
    /// Its name as a target, which is its main frame's too.
    target: String,
    /// Its name as a session.
    session: String,
    /// The context in which it is.
    pub(super) context: String,
    /// Its number, for the operator.
    pub(super) number: u64,
    /// Pages that have been in it.
    pub(super) pages: u32,
    /// Whether its session may be long in coming again.
    pub(super) passing: bool,
    /// Until it has had its first page.
    pub(super) birth: Option<OwnedSemaphorePermit>,
    user_agent: Option<String>,
    desk: Arc<Mutex<Desk>>,
    progress: Arc<watch::Sender<Progress>>,
    attendant: JoinHandle<()>,
}

impl Tab {
    /// Opens a tab in a context.
    ///
    /// # Errors
    /// Where the browser refuses or is gone.
    pub(super) async fn open(link: &Link, context: &str, number: u64) -> Result<Self, CallError> {
        let page = target::CreateTargetParams {
            browser_context_id: Some(context.to_owned().into()),
            ..target::CreateTargetParams::new("about:blank")
        };
        let target = link.call(None, page).await?.target_id;
        let attach = target::AttachToTargetParams {
            target_id: target.clone(),
            flatten: Some(true),
        };
        let session: String = link.call(None, attach).await?.session_id.into();
        let target: String = target.into();
        let progress = Arc::new(watch::Sender::new(Progress::new(&target, Instant::now())));
        let observed = Arc::clone(&progress);
        let observer = Box::new(move |event: &Event| {
            let now = Instant::now();
            observed.send_modify(|progress| progress.hear(event, now));
        });
        let events = link.listen(&session, observer);
        let desk = Arc::new(Mutex::new(Desk::default()));
        let attendant = Attendant {
            link: link.clone(),
            session: session.clone(),
            desk: Arc::clone(&desk),
            progress: Arc::clone(&progress),
        };
        let tab = Self {
            link: link.clone(),
            target,
            session,
            context: context.to_owned(),
            number,
            pages: 0,
            passing: false,
            birth: None,
            user_agent: None,
            desk,
            progress,
            attendant: tokio::spawn(attendant.run(events)),
        };
        // What the browser keeps of bodies, in case they are asked for.
        let kept = network::EnableParams {
            max_total_buffer_size: Some(32 << 20),
            max_resource_buffer_size: Some(16 << 20),
            ..network::EnableParams::default()
        };
        let pattern = fetch::RequestPattern {
            url_pattern: Some("*".to_owned()),
            ..fetch::RequestPattern::default()
        };
        let all = fetch::EnableParams {
            patterns: Some(vec![pattern]),
            handle_auth_requests: Some(true),
        };
        let window = emulation::SetDeviceMetricsOverrideParams {
            dont_set_visible_size: Some(true),
            ..emulation::SetDeviceMetricsOverrideParams::new(WINDOW.0, WINDOW.1, 0.0, false)
        };
        let painted = SetVisibleSize {
            width: PAINTED,
            height: PAINTED,
        };
        let (.., fetch) = tokio::join!(
            tab.ask(window),
            tab.ask(painted),
            tab.ask(page::EnableParams::default()),
            tab.ask(page::SetLifecycleEventsEnabledParams::new(true)),
            tab.ask(inspector::EnableParams {}),
            tab.ask(kept),
            tab.ask(network::SetBypassServiceWorkerParams::new(true)),
            tab.ask(all),
        );
        // Without this one nothing would be guarded.
        fetch.map(|_| tab)
    }

    /// Asks the tab.
    ///
    /// # Errors
    /// Where it refuses, or answers something else, or the browser is gone.
    pub(super) async fn call<C: Command>(&self, command: C) -> Result<C::Response, CallError> {
        self.link.call(Some(&self.session), command).await
    }

    /// Asks the tab, whatever the answer holds.
    ///
    /// # Errors
    /// Where it refuses, or the browser is gone.
    pub(super) async fn ask<C: Command>(&self, command: C) -> Result<Value, CallError> {
        self.link.ask(Some(&self.session), command).await
    }

    /// Whether its browser is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.link.is_gone()
    }

    /// Its main frame.
    pub(super) fn frame(&self) -> &str {
        &self.target
    }

    /// How far its page has come, now and as it goes on.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Lets the requests of the next page be judged by `orders`, and begins to
    /// count its progress anew.
    pub(super) fn begin(&mut self, orders: Orders, recorder: Option<Recorder>) {
        self.pages += 1;
        *lock(&self.desk) = Desk {
            orders: Some(Arc::new(orders)),
            recorder,
            refused: None,
        };
        self.forget_page();
    }

    /// Lets no request pass until the next page, and counts progress anew.
    pub(super) fn end(&self) {
        *lock(&self.desk) = Desk::default();
        self.forget_page();
    }

    /// Sweeps the heap, where it is large, while other things go on.
    pub(super) fn sweep(&self) {
        let (link, session) = (self.link.downgrade(), self.session.clone());
        tokio::spawn(async move {
            let link = link.upgrade()?;
            let usage = link.ask(Some(&session), runtime::GetHeapUsageParams {});
            let heap = usage.await.ok()?["totalSize"].as_f64()?;
            if heap > HEAP as f64 {
                let sweep = heap_profiler::CollectGarbageParams {};
                link.tell(Some(&session), sweep).await;
            }
            Some(())
        });
    }

    fn forget_page(&self) {
        let anew = Progress::new(&self.target, Instant::now());
        self.progress.send_modify(|progress| {
            let broken = progress.broken;
            *progress = anew;
            progress.broken = broken;
        });
    }

    /// Why the page's document was refused, if it was.
    pub(super) fn refused(&self) -> Option<Cause> {
        lock(&self.desk).refused.clone()
    }

    /// Calls itself `user_agent` from now on.
    ///
    /// # Errors
    /// Where the tab refuses, or the browser is gone.
    pub(super) async fn introduce(&mut self, user_agent: &str) -> Result<(), CallError> {
        if self.user_agent.as_deref() != Some(user_agent) {
            let named = emulation::SetUserAgentOverrideParams::new(user_agent);
            self.ask(named).await?;
            self.user_agent = Some(user_agent.to_owned());
        }
        Ok(())
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.attendant.abort();
        self.link.forget(&self.session);
        // A page that runs on would hold its process up for ever.
        if !self.link.is_gone()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let link = self.link.clone();
            let closed = target::CloseTargetParams::new(self.target.clone());
            runtime.spawn(async move { link.tell(None, closed).await });
        }
    }
}

/// Answers what the browser wants to know while a page is in a tab.
struct Attendant {
    link: Link,
    session: String,
    desk: Arc<Mutex<Desk>>,
    progress: Arc<watch::Sender<Progress>>,
}

impl Attendant {
    async fn run(self, mut events: mpsc::Receiver<Event>) {
        let judging = Arc::new(tokio::sync::Semaphore::new(JUDGED_AT_ONCE));
        while let Some(event) = events.recv().await {
            match event.method.as_str() {
                fetch::EventRequestPaused::IDENTIFIER => self.paused(event.params, &judging).await,
                fetch::EventAuthRequired::IDENTIFIER => {
                    // The answer with its 401 is what the page is.
                    let cancel = fetch::AuthChallengeResponseResponse::CancelAuth;
                    let cancel = fetch::AuthChallengeResponse::new(cancel);
                    let id = request(&event.params);
                    self.tell(fetch::ContinueWithAuthParams::new(id, cancel))
                        .await;
                }
                page::EventJavascriptDialogOpening::IDENTIFIER => {
                    // A page that asks whether to leave it is left.
                    let leave = text(&event.params, "type") == Some("beforeunload");
                    self.tell(page::HandleJavaScriptDialogParams::new(leave))
                        .await;
                }
                _ => {
                    let recorder = lock(&self.desk).recorder.clone();
                    if let Some(recorder) = recorder {
                        recorder.hear(&self.link, &self.session, &event);
                    }
                    let now = Instant::now();
                    self.progress
                        .send_modify(|progress| progress.hear(&event, now));
                }
            }
        }
        self.progress.send_modify(|progress| {
            progress.broken.get_or_insert(Broken::Closed);
        });
    }

    async fn tell<C: Command>(&self, command: C) {
        self.link.tell(Some(&self.session), command).await;
    }

    async fn paused(&self, paused: Value, judging: &Arc<tokio::sync::Semaphore>) {
        let orders = lock(&self.desk).orders.clone();
        // Never closed.
        let Ok(permit) = Arc::clone(judging).acquire_owned().await else {
            return;
        };
        let (link, session) = (self.link.clone(), self.session.clone());
        let desk = Arc::clone(&self.desk);
        let judge = async move {
            let verdict = match &orders {
                Some(orders) => orders.judge(&paused).await,
                None => Verdict::Leave,
            };
            match verdict {
                Verdict::Go(told) => link.tell(Some(&session), told).await,
                Verdict::Leave | Verdict::Refuse(_) => {
                    if let Verdict::Refuse(cause) = verdict
                        && orders.is_some_and(|orders| orders.is_document(&paused))
                    {
                        lock(&desk).refused = Some(cause);
                    }
                    let why = network::ErrorReason::BlockedByClient;
                    let failed = fetch::FailRequestParams::new(request(&paused), why);
                    link.tell(Some(&session), failed).await;
                }
            }
            drop(permit);
        };
        tokio::spawn(judge);
    }
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    // A panic while holding it leaves at worst a recording shorter.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
