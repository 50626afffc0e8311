//! The deck: the terminal's face of a crawl.
//!
//! ```text
//! input thread ──┐
//! snapshots ─────┼─▶ render thread: State ─ act ─▶ view ─▶ Canvas ─▶ writer thread
//! answers ───────┘        └─ Command, Query ─▶ engine
//! ```
//!
//! The render thread owns all state. It waits on one channel, never awaits,
//! never touches the store, and draws only when something has changed and the
//! terminal has taken the frame before.

mod act;
mod action;
mod asked;
mod complete;
mod control;
mod dialog;
mod draw;
mod filter;
mod help;
mod input;
mod keys;
mod list;
mod pager;
mod place;
mod prompt;
mod render;
mod replay;
#[cfg(test)]
mod sample;
mod screen;
mod state;
mod stats;
mod submit;
mod table;
mod terminal;
mod text;
mod theme;
mod view;

#[cfg(test)]
mod tests;

use self::theme::Theme;
use crate::bus::{Controls, Transport};
use crate::monitor::Snapshot;
use std::io;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// What a deck is opened on.
pub struct Deck {
    /// The pictures.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The ways to ask for something.
    pub controls: Controls,
    /// How it is to look.
    pub options: Options,
}

/// How a deck looks.
#[derive(Debug, Clone)]
pub struct Options {
    /// The job's name.
    pub title: String,
    /// Whether colours are used.
    pub colour: bool,
    /// Whether only ASCII is used.
    pub ascii: bool,
    /// Whether the deck only looks on: it refuses every command.
    pub readonly: bool,
    /// Whether leaving the deck leaves the crawl alone, so that nothing is asked.
    pub attached: bool,
    /// The hold on the player, for a deck on a recording.
    pub replay: Option<Transport>,
}

impl Options {
    /// As the environment asks: `NO_COLOR` (any value but an empty one), a
    /// locale that is not UTF-8, and `CRAWLDECK_ASCII`.
    pub fn from_env(title: String) -> Self {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        // Without any locale most terminals are UTF-8 all the same.
        let utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8") || locale.starts_with("c.")
        });
        Self {
            title,
            colour: !set("NO_COLOR"),
            ascii: set("CRAWLDECK_ASCII") || !utf8,
            readonly: false,
            attached: false,
            replay: None,
        }
    }

    fn theme(&self) -> Theme {
        Theme::new(self.colour, self.ascii)
    }
}

/// Whether the terminal is lent to another program just now (the operator's
/// pager): an interrupt from the keyboard is meant for that one.
pub fn is_lent() -> bool {
    pager::is_lent()
}

/// How a deck was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The operator left it: the run was over, or the deck only attached.
    Quit,
    /// The operator left it and wants the crawl to go on without it.
    Detached,
    /// The terminal went away.
    TerminalGone,
}

/// An open deck. The terminal is given back when it is closed or dropped.
pub struct Handle {
    render: render::Threads,
    left: oneshot::Receiver<Left>,
}

impl Handle {
    /// Waits until the deck is left.
    pub async fn closed(&mut self) -> Left {
        // A render thread that is gone has lost its terminal.
        (&mut self.left).await.unwrap_or(Left::TerminalGone)
    }

    /// Gives the terminal back.
    pub fn close(&mut self) {
        self.render.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens the deck on the terminal.
///
/// # Errors
/// Where the terminal cannot be taken, or a thread cannot be had.
pub fn open(deck: Deck) -> io::Result<Handle> {
    let (tell, left) = oneshot::channel();
    let render = render::start(deck, tell)?;
    Ok(Handle { render, left })
}
