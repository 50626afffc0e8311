//! What a page's scripts ask for, kept: its XHR and fetch traffic.

use super::link::{Event, Link};
use super::progress::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chromiumoxide_cdp::cdp::browser_protocol::network::{
    EventLoadingFailed, EventLoadingFinished, EventRequestWillBeSent, EventResponseReceived,
    GetResponseBodyParams, GetResponseBodyReturns,
};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::task::TaskTracker;
use url::Url;

/// Exchanges that are kept of a page.
const MOST: usize = 300;
/// Largest answer that is kept, bytes on the wire.
const LARGEST: f64 = 4.0 * 1024.0 * 1024.0;
/// Largest answer that is kept, bytes unpacked.
const LARGEST_UNPACKED: usize = 16 << 20;

/// A request of a page's scripts and the JSON that came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// `GET`, `POST` or another method.
    pub method: String,
    /// What was asked for.
    pub url: Url,
    /// What was posted.
    pub posted: Option<String>,
    /// HTTP status.
    pub status: u16,
    /// The answer.
    pub answer: Value,
}

/// Keeps a page's exchanges. Clones keep the same ones.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    reading: TaskTracker,
}

#[derive(Default)]
struct State {
    /// By the browser's name for the request.
    begun: HashMap<String, Exchange>,
    /// In the order in which they were begun.
    kept: Vec<(u64, Exchange)>,
    order: HashMap<String, u64>,
    next: u64,
}

impl Recorder {
    /// Takes an event of a page's session in; asks for an answer's body as soon
    /// as it is whole, since the browser does not keep it for long.
    pub(super) fn hear(&self, link: &Link, session: &str, event: &Event) {
        let params = &event.params;
        let Some(id) = text(params, "requestId") else {
            return;
        };
        match event.method.as_str() {
            EventRequestWillBeSent::IDENTIFIER => self.begin(id, params),
            EventResponseReceived::IDENTIFIER => {
                let response = &params["response"];
                let json = text(response, "mimeType").is_some_and(is_json);
                let mut state = self.lock();
                if !json {
                    state.begun.remove(id);
                } else if let Some(exchange) = state.begun.get_mut(id) {
                    let status = response["status"].as_u64();
                    exchange.status = status.and_then(|n| n.try_into().ok()).unwrap_or(0);
                }
            }
            EventLoadingFailed::IDENTIFIER => drop(self.lock().begun.remove(id)),
            EventLoadingFinished::IDENTIFIER => {
                let Some(exchange) = self.lock().begun.remove(id) else {
                    return;
                };
                let size = params["encodedDataLength"].as_f64().unwrap_or(0.0);
                if exchange.status == 0 || size > LARGEST {
                    return;
                }
                let (recorder, link) = (self.clone(), link.clone());
                let (session, id) = (session.to_owned(), id.to_owned());
                self.0.reading.spawn(async move {
                    let asked = GetResponseBodyParams::new(id.clone());
                    let body = link.call(Some(&session), asked).await;
                    if let Some(answer) = body.ok().and_then(unpacked) {
                        recorder.keep(&id, Exchange { answer, ..exchange });
                    }
                });
            }
            _ => {}
        }
    }

    fn begin(&self, id: &str, params: &Value) {
        let asked = &params["request"];
        let script = matches!(text(params, "type"), Some("XHR" | "Fetch"));
        let url = text(asked, "url").and_then(|url| Url::parse(url).ok());
        let mut state = self.lock();
        let room = state.begun.len() + state.kept.len() < MOST;
        if let (true, true, Some(url)) = (script, room, url.filter(Url::has_host)) {
            let exchange = Exchange {
                method: text(asked, "method").unwrap_or("GET").to_owned(),
                url,
                posted: text(asked, "postData").map(str::to_owned),
                status: 0,
                answer: Value::Null,
            };
            state.next += 1;
            let place = state.next;
            state.order.entry(id.to_owned()).or_insert(place);
            state.begun.insert(id.to_owned(), exchange);
        }
    }

    fn keep(&self, id: &str, exchange: Exchange) {
        let mut state = self.lock();
        let place = state.order.get(id).copied().unwrap_or(u64::MAX);
        state.kept.push((place, exchange));
    }

    /// The exchanges, in the order in which they were begun, once all answers
    /// that have come are read.
    pub(super) async fn finish(self) -> Vec<Exchange> {
        self.0.reading.close();
        self.0.reading.wait().await;
        let mut kept = std::mem::take(&mut self.lock().kept);
        kept.sort_by_key(|(place, _)| *place);
        kept.into_iter().map(|(_, exchange)| exchange).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding it leaves at worst an exchange unkept.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a media type is JSON's.
fn is_json(kind: &str) -> bool {
    kind.ends_with("/json") || kind.ends_with("+json")
}

/// The JSON in an answer's body.
fn unpacked(answer: GetResponseBodyReturns) -> Option<Value> {
    let body = answer.body;
    if body.len() > LARGEST_UNPACKED {
        return None;
    }
    if answer.base64_encoded {
        return serde_json::from_slice(&BASE64.decode(body).ok()?).ok();
    }
    serde_json::from_str(body.trim_start_matches('\u{feff}')).ok()
}

#[cfg(test)]
mod tests;
