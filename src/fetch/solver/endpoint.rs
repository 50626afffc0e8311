//! One container: its health, and how it is spoken to.

use super::turn::Kept;
use crate::config::Timeouts;
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
pub(super) const SHORT: Duration = Duration::from_secs(5);
/// Largest answer to anything but a page, bytes.
pub(super) const SMALL: u64 = 64 * 1024;

/// A solver that listens somewhere.
pub struct Endpoint {
    base: Url,
    /// As it may be shown.
    pub(super) shown: Arc<str>,
    /// Requests that have it or wait for it.
    load: AtomicUsize,
    health: Mutex<Health>,
    /// It opens one page at a time; whoever has this has its sessions.
    pub(super) turn: tokio::sync::Mutex<Kept>,
    /// Sessions that were opened and not ended, the one at work among them.
    pub(super) opened: Mutex<Vec<String>>,
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
    /// The solver at `base`.
    pub fn new(base: Url) -> Self {
        Self {
            shown: base.as_str().trim_end_matches('/').into(),
            base,
            load: AtomicUsize::new(0),
            health: Mutex::new(Health::Unknown),
            turn: tokio::sync::Mutex::default(),
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

    pub(super) async fn post(
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it leaves a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
