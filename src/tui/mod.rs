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
mod alarm;
mod asked;
mod canvas;
mod complete;
mod control;
mod dialog;
mod draw;
mod encode;
mod escape;
mod filter;
mod help;
mod input;
mod keymap;
mod keys;
mod list;
pub mod measure;
mod mouse;
mod pace;
mod pager;
mod palette;
mod pictures;
mod place;
mod prompt;
mod render;
mod replay;
mod rest;
#[cfg(test)]
mod sample;
mod screen;
mod settings;
mod state;
mod stats;
mod submit;
mod suspend;
mod table;
mod terminal;
mod text;
mod theme;
mod view;

#[cfg(test)]
mod tests;

pub use self::pictures::pictures;
pub use self::settings::{Settings, SettingsError, Wishes};
pub use self::terminal::is_gone;

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

/// How a deck looks and what it listens to.
#[derive(Debug, Clone)]
pub struct Options {
    /// The job's name.
    pub title: String,
    /// What the operator wants of it.
    pub settings: Settings,
    /// Whether the deck only looks on: it refuses every command.
    pub readonly: bool,
    /// Whether leaving the deck leaves the crawl alone, so that nothing is asked.
    pub attached: bool,
    /// The hold on the player, for a deck on a recording.
    pub replay: Option<Transport>,
}

impl Options {
    /// With the operator's settings.
    pub fn new(title: String, settings: Settings) -> Self {
        Self {
            title,
            settings,
            readonly: false,
            attached: false,
            replay: None,
        }
    }

    /// As the environment asks; see [`Settings::from_env`].
    pub fn from_env(title: String) -> Self {
        Self::new(title, Settings::from_env())
    }

    fn theme(&self) -> Theme {
        Theme::of(self.settings.theme, self.settings.ascii)
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
