//! The messages, and the bounds of what a client may cost.

use crate::bus::{Answer, Ask, Command, Origin, Told};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The protocol's version. A client of another one is turned away.
pub const PROTOCOL: u32 = 1;

/// What one client, and all of them, may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients at a time, the run's own deck not counted.
    pub clients: usize,
    /// Longest line from a client, bytes.
    pub line: usize,
    /// Requests of one client under way; it is not read from while it has as many.
    pub requests: usize,
    /// Rows of one answer.
    pub rows: usize,
    /// Until a client has said hello.
    pub handshake: Duration,
    /// Until a client that takes nothing is given up.
    pub stuck: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 32,
            line: 1 << 20,
            requests: 16,
            rows: 1000,
            handshake: Duration::from_secs(10),
            stuck: Duration::from_secs(60),
        }
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    Hello(Hello),
    Subscribe { per_second: u32 },
    Command { id: u64, command: Command },
    Words { id: u64, words: String },
    Ask { id: u64, ask: Ask },
    Leave {},
}

/// A client's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u32,
    /// Its name and version, for the log.
    #[serde(default)]
    pub client: String,
    pub origin: Origin,
}

/// What the engine says; snapshots, which are put together from parts, are in
/// [`super::frames`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard<F> {
    Hello(Welcome),
    Snapshot(F),
    Answer { id: u64, answer: Answer },
    Told { id: u64, told: Told },
    End { reason: String },
    Error { reason: String },
}

/// The engine's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The protocol that it speaks.
    pub protocol: u32,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// The job's name.
    pub title: String,
    /// The job's folder, whole.
    pub dir: String,
    /// The sites' names in the job's order.
    pub sites: Vec<String>,
}

/// A message as a line.
pub fn line(message: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are no text fail, and there are none.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}
