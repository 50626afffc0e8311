//! One container: its health, its session, and whose turn it is.

use super::wire::{self, Refusal, Reply};
use crate::config::{SolverProxy, Timeouts};
use crate::fetch::{FetchError, Http};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long one that did not work is left alone, while others do.
const REST: Duration = Duration::from_secs(30);
/// Limit of a question about its health, and of ending a session.
const SHORT: Duration = Duration::from_secs(5);
/// Limit of opening a session: a browser is started.
const OPENING: Duration = Duration::from_secs(60);
/// Largest answer to anything but a page, bytes.
const SMALL: u64 = 64 * 1024;

/// A solver that listens somewhere.
pub struct Endpoint {
    base: Url,
    proxy: Option<SolverProxy>,
    /// As it may be shown.
    pub(super) shown: Arc<str>,
    /// Requests that have it or wait for it.
    load: AtomicUsize,
    health: Mutex<Health>,
    /// Its browser opens one page at a time; whoever has this has its session.
    turn: tokio::sync::Mutex<Option<String>>,
    /// Sessions that were opened and not ended, the one at work among them.
    opened: Mutex<Vec<String>>,
}

/// Whether it works.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Health {
    /// Nobody has asked.
    Unknown,
    /// It did, the last time.
    Up,
    /// It did not, for this reason; it is asked again after this moment.
    Down(Instant, String),
}

/// Keeps count of a request for as long as it is there.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Endpoint {
    /// The solver at `base`, whose browser goes by `proxy`.
    pub fn new(base: Url, proxy: Option<SolverProxy>) -> Self {
        Self {
            shown: base.as_str().trim_end_matches('/').into(),
            base,
            proxy,
            load: AtomicUsize::new(0),
            health: Mutex::new(Health::Unknown),
            turn: tokio::sync::Mutex::new(None),
            opened: Mutex::default(),
        }
    }

    /// How many have it or wait for it.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Acquire)
    }

    /// Counts one more.
    pub(super) fn count(&self) -> Counted<'_> {
        self.load.fetch_add(1, Ordering::AcqRel);
        Counted(&self.load)
    }

    /// Whether it is left alone for now.
    pub(super) fn is_resting(&self) -> bool {
        matches!(&*lock(&self.health), Health::Down(until, _) if *until > Instant::now())
    }

    /// Whether it works, asking it where that is not known.
    ///
    /// # Errors
    /// Why not.
    pub(super) async fn check(&self, http: &Http) -> Result<(), String> {
        if *lock(&self.health) == Health::Up {
            return Ok(());
        }
        let found = match self.look(http, "health").await {
            // Older ones have no such page.
            Ok(answer) if answer["status"] == "ok" => Ok(()),
            _ => match self.look(http, "").await {
                Ok(answer) if answer["msg"].is_string() => Ok(()),
                Ok(_) => Err("answers as no FlareSolverr does".to_owned()),
                Err(why) => Err(why),
            },
        };
        match &found {
            Ok(()) => *lock(&self.health) = Health::Up,
            Err(why) => self.fell(why),
        }
        found
    }

    /// Notes that it does not work.
    pub(super) fn fell(&self, why: &str) {
        *lock(&self.health) = Health::Down(Instant::now() + REST, why.to_owned());
    }

    async fn look(&self, http: &Http, page: &str) -> Result<Value, String> {
        let url = self.base.join(page).map_err(|error| error.to_string())?;
        let request = || Request::new(Method::GET, url.clone());
        let limits = Timeouts::whole(SHORT, SHORT);
        let answer = http.ask(&url, &request, SMALL, &limits).await;
        let answer = answer.map_err(|error| error.detail)?;
        serde_json::from_slice(&answer.body).map_err(|_| {
            format!(
                "answers with status {} and no JSON: this is no FlareSolverr",
                answer.status
            )
        })
    }

    /// Gets a page once it is this request's turn; `limit` is what then is left
    /// of its time. The answer is at most `cap` bytes.
    pub(super) async fn get(
        &self,
        http: &Http,
        order: &Order<'_>,
    ) -> Result<(Bytes, u16), Unsolved> {
        let wait = tokio::time::timeout_at(order.until - order.least(), self.turn.lock());
        let Ok(mut turn) = wait.await else {
            return Err(Unsolved::Busy);
        };
        self.check(http).await.map_err(Unsolved::Down)?;
        // Taken out for as long as it is at work: where this request is given
        // up, nobody else gets a browser that is still busy with it.
        let session = match turn.take() {
            Some(session) => session,
            None => self.open(http).await?,
        };
        let left = order.until.saturating_duration_since(Instant::now());
        let limit = left.saturating_sub(order.margin());
        if limit < order.least() {
            *turn = Some(session);
            return Err(Unsolved::Busy);
        }
        let body = wire::get(&session, order.url, limit, order.media);
        match self.post(http, &body, order.cap, left).await {
            Ok(answer) => {
                *turn = Some(session);
                Ok(answer)
            }
            Err(error) => {
                self.end(http, &session).await;
                Err(Unsolved::Failed(error))
            }
        }
    }

    /// Gives up the session, whose browser is gone.
    pub(super) async fn renew(&self, http: &Http) {
        if let Some(session) = self.turn.lock().await.take() {
            self.end(http, &session).await;
        }
    }

    /// Opens a session, and ends those that were left behind.
    async fn open(&self, http: &Http) -> Result<String, Unsolved> {
        let left: Vec<String> = lock(&self.opened).clone();
        for session in left {
            self.end(http, &session).await;
        }
        let session = format!(
            "crawldeck-{}-{:016x}",
            std::process::id(),
            fastrand::u64(..)
        );
        lock(&self.opened).push(session.clone());
        let body = wire::create(&session, self.proxy.as_ref());
        let answered = self.post(http, &body, SMALL, OPENING).await;
        let (answer, status) = answered.map_err(|error| Unsolved::Down(error.detail))?;
        match Reply::read(status, &answer).and_then(Reply::done) {
            Ok(_) => Ok(session),
            Err(Refusal::NoSolver(why) | Refusal::Session(why)) => Err(Unsolved::Down(why)),
            Err(Refusal::Page(cause)) => Err(Unsolved::Down(format!(
                "cannot open a session: {}",
                cause.detail
            ))),
        }
    }

    /// Ends every session, each within a few seconds; what fails stays open
    /// over there.
    pub(in crate::fetch) async fn close(&self, http: &Http) {
        let opened = std::mem::take(&mut *lock(&self.opened));
        for session in opened {
            self.end(http, &session).await;
        }
    }

    async fn end(&self, http: &Http, session: &str) {
        lock(&self.opened).retain(|known| known != session);
        if let Err(error) = self.post(http, &wire::destroy(session), SMALL, SHORT).await {
            tracing::debug!(solver = %self.shown, "a session was not ended: {error}");
        }
    }

    async fn post(
        &self,
        http: &Http,
        body: &Value,
        cap: u64,
        limit: Duration,
    ) -> Result<(Bytes, u16), FetchError> {
        // Cannot fail: the base is an http URL.
        let url = self.base.join("v1").unwrap_or_else(|_| self.base.clone());
        let text = Bytes::from(body.to_string());
        let request = || {
            let mut request = Request::new(Method::POST, url.clone());
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json.clone());
            request.headers_mut().insert(ACCEPT, json);
            *request.body_mut() = Some(text.clone().into());
            request
        };
        let limits = Timeouts::whole(SHORT, limit);
        let answer = http.ask(&url, &request, cap, &limits).await?;
        Ok((answer.body, answer.status))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A page to be got.
pub(super) struct Order<'a> {
    pub(super) url: &'a Url,
    /// When it must be there.
    pub(super) until: Instant,
    /// The whole of its time.
    pub(super) timeout: Duration,
    pub(super) media: bool,
    /// Largest answer, bytes.
    pub(super) cap: u64,
}

impl Order<'_> {
    /// What is left for the solver's own words on its failure to come in time.
    fn margin(&self) -> Duration {
        (self.timeout / 10).min(Duration::from_secs(5))
    }

    /// Less time than this is not worth a solver's while.
    fn least(&self) -> Duration {
        (self.timeout / 4).min(Duration::from_secs(15))
    }
}

/// Why an endpoint did not get a page.
#[derive(Debug)]
pub(super) enum Unsolved {
    /// Others had it for too long.
    Busy,
    /// It does not work.
    Down(String),
    /// The request to it failed on the way.
    Failed(FetchError),
}
