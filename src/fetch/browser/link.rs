//! The DevTools protocol over a pair of pipes: requests with numbers, their
//! answers, and events.
//!
//! What is said are the messages of `chromiumoxide_cdp`: every command with its
//! parameters, and every event's name. The way it is said is made here, since
//! the libraries at hand reach the browser over a WebSocket, and of a pipe alone
//! the browser notices by itself that the engine is gone, however it went.
//!
//! Heard are the crate's answers where they hold little more than what is wanted.
//! Others, and all events, are read as JSON: a list of words in them that has
//! grown since, or a field that is no more, would lose the whole message with the
//! next Chromium, or an older one.

use bytes::{Buf, BytesMut};
use chromiumoxide_types::Command;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longest message taken, bytes: a page of the largest size that the sites file
/// allows, escaped. A longer one ends the link.
const LONGEST: usize = 256 << 20;
/// A message longer than this is parsed on a thread that may compute.
const LONG: usize = 128 << 10;
/// Requests that wait for the pipe.
const OUTGOING: usize = 256;
/// Events of one session that wait to be heard. A page that makes more at once
/// than are heard loses its session.
const EVENTS: usize = 8192;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The browser is gone.
    #[error("the browser is gone")]
    Lost,
    /// It refused, in its words, or has not answered in the protocol's.
    #[error("the browser says: {0}")]
    Refused(String),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) method: String,
    pub(super) params: Value,
}

/// One message to the browser.
#[derive(Serialize)]
struct Question<'a, C> {
    id: u64,
    method: &'a str,
    params: &'a C,
    #[serde(rename = "sessionId", skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
}

/// One message of the browser.
#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    result: Option<Value>,
    error: Option<Refusal>,
    #[serde(rename = "sessionId")]
    session: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// The way to a browser. Clones are the same one; it ends with the browser.
#[derive(Clone)]
pub(super) struct Link(Arc<Shared>);

/// A link that is not held.
pub(super) struct WeakLink(Weak<Shared>);

impl WeakLink {
    /// The link, if it is still held by anybody.
    pub(super) fn upgrade(&self) -> Option<Link> {
        self.0.upgrade().map(Link)
    }
}

struct Shared {
    out: mpsc::Sender<Vec<u8>>,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
    gone: CancellationToken,
}

#[derive(Default)]
struct Waiting {
    answers: HashMap<u64, oneshot::Sender<Result<Value, CallError>>>,
    /// By session; the browser's own events have the empty name.
    listeners: HashMap<String, Listener>,
}

struct Listener {
    /// Sees an event before any later answer is handed out.
    observer: Observer,
    sender: mpsc::Sender<Event>,
}

/// Takes note of an event, at once.
pub(super) type Observer = Box<dyn Fn(&Event) + Send>;

impl Link {
    /// Speaks with the browser at the other end of two pipes until either
    /// closes.
    pub(super) fn open(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let (out, outgoing) = mpsc::channel(OUTGOING);
        let gone = CancellationToken::new();
        let link = Self(Arc::new(Shared {
            out,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            gone: gone.clone(),
        }));
        // Neither task holds the link: the writer's ends with the last of it,
        // which closes the pipe, and so the browser.
        tokio::spawn(write(writer, outgoing, gone.clone()));
        tokio::spawn(read(reader, Arc::downgrade(&link.0), gone.drop_guard()));
        link
    }

    /// Asks, and waits for the answer. A session is a tab; none is the browser.
    ///
    /// # Errors
    /// Where there is no answer, a refusal, or an answer that is not the command's.
    pub(super) async fn call<C: Command>(
        &self,
        session: Option<&str>,
        command: C,
    ) -> Result<C::Response, CallError> {
        let method = command.identifier();
        let answer = self.ask(session, command).await?;
        C::response_from_value(answer)
            .map_err(|error| CallError::Refused(format!("no answer to {method}: {error}")))
    }

    /// Asks, and waits for the answer, whatever it holds.
    ///
    /// # Errors
    /// Where there is no answer, or a refusal.
    pub(super) async fn ask<C: Command>(
        &self,
        session: Option<&str>,
        command: C,
    ) -> Result<Value, CallError> {
        let (id, message) = self.question(session, &command)?;
        self.exchange(id, message).await
    }

    /// Asks, and wants no answer.
    pub(super) async fn tell<C: Command>(&self, session: Option<&str>, command: C) {
        if let Ok((_, message)) = self.question(session, &command) {
            // Whoever waits for what this brings about learns that the browser is gone.
            let _ = self.send(message).await;
        }
    }

    /// A message that asks, and its number.
    fn question<C: Command>(
        &self,
        session: Option<&str>,
        command: &C,
    ) -> Result<(u64, Vec<u8>), CallError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let question = Question {
            id,
            method: &command.identifier(),
            params: command,
            session,
        };
        let message = serde_json::to_vec(&question);
        let message = message.map_err(|error| CallError::Refused(error.to_string()))?;
        Ok((id, message))
    }

    async fn exchange(&self, id: u64, message: Vec<u8>) -> Result<Value, CallError> {
        let (answer, answered) = oneshot::channel();
        self.0.lock().answers.insert(id, answer);
        // Taken out again whatever becomes of this future.
        let _forget = Forget(&self.0, id);
        self.send(message).await?;
        tokio::select! {
            answer = answered => answer.unwrap_or(Err(CallError::Lost)),
            () = self.0.gone.cancelled() => Err(CallError::Lost),
        }
    }

    async fn send(&self, message: Vec<u8>) -> Result<(), CallError> {
        tokio::select! {
            biased;
            () = self.0.gone.cancelled() => Err(CallError::Lost),
            sent = self.0.out.send(message) => sent.map_err(|_| CallError::Lost),
        }
    }

    /// The events of a session from now on; of the empty name, the browser's.
    /// They end with the browser, or when too many wait. `observer` has seen
    /// all that came before an answer when that is handed out.
    pub(super) fn listen(&self, session: &str, observer: Observer) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        // Asked under the lock: what is put in after the end is never taken out.
        let mut waiting = self.0.lock();
        if !self.0.gone.is_cancelled() {
            let listener = Listener { observer, sender };
            waiting.listeners.insert(session.to_owned(), listener);
        }
        receiver
    }

    /// Hears of a session no more.
    pub(super) fn forget(&self, session: &str) {
        self.0.lock().listeners.remove(session);
    }

    /// The same link, without holding it.
    pub(super) fn downgrade(&self) -> WeakLink {
        WeakLink(Arc::downgrade(&self.0))
    }

    /// Whether the browser is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.0.gone.is_cancelled()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while holding it leaves two maps that are still whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, message: Message) {
        let mut waiting = self.lock();
        if let Some(id) = message.id {
            if let Some(answer) = waiting.answers.remove(&id) {
                let _ = answer.send(match message.error {
                    Some(refusal) => Err(CallError::Refused(refusal.message)),
                    None => Ok(message.result.unwrap_or_default()),
                });
            }
            return;
        }
        let Some(method) = message.method else { return };
        let session = message.session.unwrap_or_default();
        let params = message.params;
        let event = Event { method, params };
        if let Some(listener) = waiting.listeners.get(&session) {
            (listener.observer)(&event);
            if listener.sender.try_send(event).is_err() {
                waiting.listeners.remove(&session);
            }
        }
    }
}

/// Takes a question back.
struct Forget<'a>(&'a Shared, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.lock().answers.remove(&self.1);
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
    gone: CancellationToken,
) {
    let pump = async {
        while let Some(mut message) = outgoing.recv().await {
            message.push(0);
            if writer.write_all(&message).await.is_err() || writer.flush().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = pump => gone.cancel(),
        () = gone.cancelled() => {}
    }
    let _ = writer.shutdown().await;
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    shared: Weak<Shared>,
    // However this ends, everybody learns it.
    gone: DropGuard,
) {
    let mut buffer = BytesMut::with_capacity(64 << 10);
    // What has been searched for the end of a message.
    let mut searched = 0;
    loop {
        match memchr::memchr(0, &buffer[searched..]) {
            Some(at) => {
                let message = buffer.split_to(searched + at);
                buffer.advance(1);
                searched = 0;
                let Some(message) = parse(message).await else {
                    continue;
                };
                let Some(shared) = shared.upgrade() else {
                    break;
                };
                shared.hear(message);
            }
            None => {
                searched = buffer.len();
                if searched > LONGEST {
                    tracing::warn!("the browser sends a message of more than {LONGEST} bytes");
                    break;
                }
                if !matches!(reader.read_buf(&mut buffer).await, Ok(1..)) {
                    break;
                }
            }
        }
    }
    drop(gone);
    // Receivers see the end.
    if let Some(shared) = shared.upgrade() {
        *shared.lock() = Waiting::default();
    }
}

/// A message, or nothing where it is none.
async fn parse(bytes: BytesMut) -> Option<Message> {
    let parsed = if bytes.len() > LONG {
        tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes))
            .await
            .ok()?
    } else {
        serde_json::from_slice(&bytes)
    };
    parsed
        .inspect_err(|error| tracing::warn!(%error, "the browser sends what is no message"))
        .ok()
}

#[cfg(test)]
mod tests;
