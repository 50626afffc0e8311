//! The DevTools protocol over a pair of pipes: requests with numbers, their
//! answers, and events.
//!
//! Spoken here and not by a library: those at hand reach the browser over a
//! WebSocket, and of a pipe alone the browser notices by itself that the engine
//! is gone, however it went. They also bring types for the whole protocol
//! (minutes of compiling), of which two dozen messages are wanted.

use bytes::{Buf, BytesMut};
use serde::Deserialize;
use serde_json::{Value, json};
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
    /// It refused, in its words.
    #[error("the browser says: {0}")]
    Refused(String),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) method: String,
    pub(super) params: Value,
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
    /// Where there is no answer, or a refusal.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, CallError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.0.lock().answers.insert(id, answer);
        // Taken out again whatever becomes of this future.
        let _forget = Forget(&self.0, id);
        self.send(id, session, method, params).await?;
        tokio::select! {
            answer = answered => answer.unwrap_or(Err(CallError::Lost)),
            () = self.0.gone.cancelled() => Err(CallError::Lost),
        }
    }

    /// Asks, and wants no answer.
    pub(super) async fn tell(&self, session: Option<&str>, method: &str, params: Value) {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        // Whoever waits for what this brings about learns that the browser is gone.
        let _ = self.send(id, session, method, params).await;
    }

    async fn send(
        &self,
        id: u64,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<(), CallError> {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        tokio::select! {
            biased;
            () = self.0.gone.cancelled() => Err(CallError::Lost),
            sent = self.0.out.send(message.to_string().into_bytes()) => {
                sent.map_err(|_| CallError::Lost)
            }
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
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, WriteHalf, split};

    /// A link, and the browser's end of it.
    fn pair() -> (
        Link,
        BufReader<tokio::io::ReadHalf<DuplexStream>>,
        WriteHalf<DuplexStream>,
    ) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (reader, writer) = split(ours);
        let link = Link::open(reader, writer);
        let (reader, writer) = split(theirs);
        (link, BufReader::new(reader), writer)
    }

    fn deaf() -> Observer {
        Box::new(|_| {})
    }

    #[tokio::test]
    async fn what_came_before_an_answer_has_been_observed_when_that_is_there() {
        let (link, mut reader, mut writer) = pair();
        let seen = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&seen);
        let observer = Box::new(move |_: &Event| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        // Nobody reads them.
        let _events = link.listen("t", observer);
        let browser = async {
            let asked = heard(&mut reader).await;
            for _ in 0..10 {
                say(&mut writer, json!({ "method": "T.a", "sessionId": "t" })).await;
            }
            say(&mut writer, json!({ "id": asked["id"], "result": {} })).await;
        };
        let (answer, ()) = tokio::join!(link.call(None, "A.one", json!({})), browser);
        assert_eq!((answer, seen.load(Ordering::SeqCst)), (Ok(json!({})), 10));
    }

    async fn heard(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Value {
        let mut bytes = Vec::new();
        reader.read_until(0, &mut bytes).await.unwrap();
        bytes.pop();
        serde_json::from_slice(&bytes).unwrap()
    }

    async fn say(writer: &mut (impl AsyncWrite + Unpin), message: Value) {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        writer.write_all(&bytes).await.unwrap();
    }

    #[tokio::test]
    async fn answers_find_their_questions_in_any_order() {
        let (link, mut reader, mut writer) = pair();
        let first = link.call(None, "A.one", json!({}));
        let second = link.call(Some("s"), "B.two", json!({ "x": 1 }));
        let browser = async {
            let one = heard(&mut reader).await;
            let two = heard(&mut reader).await;
            assert_eq!(one["method"], "A.one");
            assert!(one.get("sessionId").is_none());
            assert_eq!(
                (&two["sessionId"], &two["params"]["x"]),
                (&json!("s"), &json!(1))
            );
            say(&mut writer, json!({ "id": 999, "result": {} })).await;
            writer.write_all(b"rubbish\0{}\0").await.unwrap();
            say(
                &mut writer,
                json!({ "id": two["id"], "result": { "n": 2 } }),
            )
            .await;
            let refusal = json!({ "id": one["id"], "error": { "code": -1, "message": "no" } });
            say(&mut writer, refusal).await;
        };
        let (one, two, ()) = tokio::join!(first, second, browser);
        assert_eq!(one, Err(CallError::Refused("no".to_owned())));
        assert_eq!(two, Ok(json!({ "n": 2 })));
        assert!(link.0.lock().answers.is_empty());
    }

    #[tokio::test]
    async fn events_go_to_their_session_until_it_is_forgotten() {
        let (link, _reader, mut writer) = pair();
        let (mut browser, mut tab) = (link.listen("", deaf()), link.listen("t", deaf()));
        // One that is longer than what is parsed at once.
        let long = "x".repeat(2 * LONG);
        say(
            &mut writer,
            json!({ "method": "T.a", "params": { "long": long }, "sessionId": "t" }),
        )
        .await;
        say(
            &mut writer,
            json!({ "method": "T.nobody", "sessionId": "u" }),
        )
        .await;
        say(&mut writer, json!({ "method": "B.b" })).await;
        let event = tab.recv().await.unwrap();
        assert_eq!(event.params["long"].as_str().map(str::len), Some(2 * LONG));
        assert_eq!(browser.recv().await.unwrap().method, "B.b");
        link.forget("t");
        assert_eq!(tab.recv().await, None);
    }

    #[tokio::test]
    async fn a_session_that_does_not_listen_is_cut_off_and_holds_nobody_up() {
        let (link, _reader, mut writer) = pair();
        let (mut slow, mut other) = (link.listen("slow", deaf()), link.listen("other", deaf()));
        for _ in 0..=EVENTS {
            say(&mut writer, json!({ "method": "T.a", "sessionId": "slow" })).await;
        }
        say(
            &mut writer,
            json!({ "method": "T.b", "sessionId": "other" }),
        )
        .await;
        assert_eq!(other.recv().await.unwrap().method, "T.b");
        let mut heard = 0;
        while slow.recv().await.is_some() {
            heard += 1;
        }
        assert_eq!(heard, EVENTS);
    }

    #[tokio::test]
    async fn everybody_learns_that_the_browser_is_gone() {
        let (link, reader, writer) = pair();
        let mut tab = link.listen("t", deaf());
        let call = link.call(None, "A.one", json!({}));
        let gone = async move { drop((reader, writer)) };
        let (answer, ()) = tokio::join!(call, gone);
        assert_eq!(answer, Err(CallError::Lost));
        assert_eq!(tab.recv().await, None);
        link.0.gone.cancelled().await;
        assert!(link.is_gone());
        assert_eq!(
            link.call(None, "A.two", json!({})).await,
            Err(CallError::Lost)
        );
        assert_eq!(link.listen("u", deaf()).recv().await, None);
    }

    #[tokio::test]
    async fn the_last_link_dropped_closes_the_pipe() {
        let (link, mut reader, _writer) = pair();
        drop(link);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }
}
