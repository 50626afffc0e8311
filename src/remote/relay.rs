//! A deck's channels on the one side, the socket on the other.

use super::RemoteError;
use super::client::{follow, hear};
use super::picture;
use super::protocol::{Heard, Limits, Said, line};
use crate::bus::{Answer, Query, Reply, Request, Told};
use crate::monitor::Snapshot;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};

const GONE: &str = "the connection to the crawl is lost";

/// Why a request cannot be sent.
pub fn too_long() -> Answer {
    Answer::Refused("too much at once: it is more than one message can hold".to_owned())
}

/// Replies that wait for their answer, by the number of the request; `None`
/// once nothing more will come.
#[derive(Clone)]
pub struct Waiting(Arc<Mutex<Option<HashMap<u64, Pending>>>>);

pub enum Pending {
    Answer(Reply<Answer>),
    Told(Reply<Told>),
}

impl Pending {
    fn refuse(self, why: &str) {
        match self {
            Self::Answer(reply) => reply.send(Answer::Refused(why.to_owned())),
            Self::Told(reply) => reply.send(Told::Refused(why.to_owned())),
        }
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(HashMap::new()))))
    }
}

impl Waiting {
    fn add(&self, id: u64, pending: Pending) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(waiting) => {
                waiting.insert(id, pending);
            }
            None => {
                drop(waiting);
                pending.refuse(GONE);
            }
        }
    }

    fn take(&self, id: u64) -> Option<Pending> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_mut()?.remove(&id)
    }

    /// Refuses all that wait, and all that will.
    pub fn refuse_all(&self) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        for pending in all.into_iter().flat_map(HashMap::into_values) {
            pending.refuse(GONE);
        }
    }
}

/// From the deck to the engine.
pub struct Forward {
    pub write: OwnedWriteHalf,
    pub commands: mpsc::Receiver<Request>,
    pub queries: mpsc::Receiver<Query>,
    pub left: oneshot::Receiver<()>,
    pub waiting: Waiting,
    pub readonly: bool,
}

impl Forward {
    /// Sends what the deck asks for until either side has gone.
    pub async fn run(mut self) {
        let mut may_leave = true;
        let mut id = 0;
        loop {
            id += 1;
            let (message, pending) = tokio::select! {
                leave = &mut self.left, if may_leave => {
                    may_leave = false;
                    match leave {
                        Ok(()) => (Said::Leave {}, None),
                        Err(_) => continue,
                    }
                }
                request = self.commands.recv() => match request {
                    Some(Request { reply, .. }) if self.readonly => {
                        reply.send(Answer::Refused("this deck only looks".to_owned()));
                        continue;
                    }
                    Some(Request { command, reply, .. }) => {
                        (Said::Command { id, command }, Some(Pending::Answer(reply)))
                    }
                    None => return,
                },
                query = self.queries.recv() => match query {
                    Some(Query { ask, reply }) => {
                        (Said::Ask { id, ask }, Some(Pending::Told(reply)))
                    }
                    None => return,
                },
            };
            let message = line(&message);
            if let Some(pending) = pending {
                if message.len() > Limits::default().line {
                    pending.refuse(too_long().text());
                    continue;
                }
                self.waiting.add(id, pending);
            }
            if self.write.write_all(&message).await.is_err() {
                // The other half notices as well, and says why.
                return;
            }
        }
    }
}

/// From the engine to the deck.
pub struct Receive {
    pub lines: BufReader<OwnedReadHalf>,
    pub line: Vec<u8>,
    pub told: picture::Told,
    pub publish: watch::Sender<Arc<Snapshot>>,
    pub waiting: Waiting,
}

impl Receive {
    /// Hears the engine to its last word; an error where there was none.
    pub async fn run(&mut self) -> Result<String, String> {
        loop {
            let heard = hear(&mut self.lines, &mut self.line).await;
            match heard.map_err(|error| why(&error))? {
                Heard::Snapshot(frame) => {
                    let snapshot = follow(&mut self.told, frame).map_err(|error| why(&error))?;
                    self.publish.send_replace(Arc::new(snapshot));
                }
                Heard::Answer { id, answer } => {
                    if let Some(Pending::Answer(reply)) = self.waiting.take(id) {
                        reply.send(answer);
                    }
                }
                Heard::Told { id, told } => {
                    if let Some(Pending::Told(reply)) = self.waiting.take(id) {
                        reply.send(told);
                    }
                }
                Heard::End { reason } => return Ok(reason),
                Heard::Error { reason } => return Err(reason),
                Heard::Hello(_) => {}
            }
        }
    }
}

fn why(error: &RemoteError) -> String {
    match error {
        RemoteError::Lost(why) => why.clone(),
        error => error.to_string(),
    }
}
