//! A deck on a crawl in another process.

use super::background::Engine;
use super::{complain, signals};
use crate::bus::{JobState, Origin};
use crate::remote::{Link, Remote, RemoteError};
use crate::tui;
use anyhow::Context;
use rustix::process::Signal;
use std::io::{Write, stderr};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Pictures a second that a deck asks for.
pub const PICTURES: u32 = 10;

/// How a deck ended.
#[derive(Debug)]
pub enum Closed {
    /// The operator left it, or the terminal did.
    Left(tui::Left),
    /// The connection ended first: the engine's last word.
    Ended(Result<String, RemoteError>),
}

/// Shows a deck until it is left or the connection ends; the terminal has been
/// given back then.
///
/// # Errors
/// Where the terminal cannot be taken.
pub async fn show(
    remote: &mut Remote,
    settings: &tui::Settings,
    attached: bool,
    readonly: bool,
) -> anyhow::Result<Closed> {
    let options = tui::Options::new(remote.welcome.title.clone(), settings.clone());
    let opened = tui::open(tui::Deck {
        snapshots: remote.snapshots.clone(),
        controls: remote.controls.clone(),
        options: tui::Options {
            attached,
            readonly,
            ..options
        },
    });
    let mut deck = match opened {
        // It went before it could be taken, and is missed as it would be later.
        Err(error) if tui::is_gone(&error) => return Ok(Closed::Left(tui::Left::TerminalGone)),
        opened => opened.context("opening the deck")?,
    };
    let closed = tokio::select! {
        left = deck.closed() => Closed::Left(left),
        ended = remote.ended() => Closed::Ended(ended),
    };
    deck.close();
    Ok(closed)
}

/// The event loop of a process that only shows a deck, or sends a command.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the event loop")
}

/// Starts this command as an engine and is its deck; answers the engine's exit
/// code.
///
/// # Errors
/// Where the engine cannot be started or the terminal not be taken.
pub fn run(settings: &tui::Settings) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // A terminal that goes away is noticed by the deck.
        let _hangup = signal(SignalKind::hangup())?;
        let (mut engine, stream) = Engine::start()?;
        let mut operator = std::pin::pin!(operate(stream, settings));
        let mut left = None;
        let (code, said) = loop {
            tokio::select! {
                () = signals::interrupted(&mut interrupt) => engine.signal(Signal::INT),
                _ = terminate.recv() => engine.signal(Signal::TERM),
                closed = &mut operator, if left.is_none() => {
                    match &closed {
                        Ok(Done::Detached) => return Ok(ExitCode::SUCCESS),
                        // Without a deck there is nobody to end it.
                        Err(_) => engine.signal(Signal::TERM),
                        Ok(_) => {}
                    }
                    left = Some(closed);
                }
                over = engine.over() => break over,
            }
        };
        let closed = match left {
            Some(closed) => closed,
            // The deck hears of it in a moment, and gives the terminal back.
            None => operator.await,
        };
        // A terminal that has gone away is no reason to break down.
        let _ = stderr().write_all(said.as_bytes());
        closed.map(|_| code)
    })
}

/// What is left to do when the deck is gone.
enum Done {
    /// Wait for the engine. The connection is held where it must be.
    Wait(#[expect(dead_code, reason = "held open")] Option<Remote>),
    /// Nothing: the crawl goes on by itself.
    Detached,
}

/// The deck, from the engine's hello to the operator's leaving.
async fn operate(
    stream: std::os::unix::net::UnixStream,
    settings: &tui::Settings,
) -> anyhow::Result<Done> {
    let link = match Link::adopt(stream, Origin::Deck).await {
        Ok(link) => link,
        // The engine could not start, and says why itself.
        Err(_) => return Ok(Done::Wait(None)),
    };
    let Ok(mut remote) = link.watch(PICTURES, false).await else {
        return Ok(Done::Wait(None));
    };
    match show(&mut remote, settings, false, false).await? {
        Closed::Left(tui::Left::Quit) => {
            remote.leave();
            Ok(Done::Wait(Some(remote)))
        }
        Closed::Left(tui::Left::Detached) => {
            farewell(&remote);
            Ok(Done::Detached)
        }
        // The engine goes on; its end is waited for, as without a deck.
        Closed::Left(tui::Left::TerminalGone) => Ok(Done::Wait(None)),
        Closed::Ended(_) => Ok(Done::Wait(None)),
    }
}

/// Says how to come back to a crawl that goes on.
pub fn farewell(remote: &Remote) {
    if remote.snapshots.borrow().state == JobState::Over {
        return;
    }
    let welcome = &remote.welcome;
    let dir = crate::monitor::line::clean(&welcome.dir);
    complain(format_args!(
        "the crawl goes on (process {}); `crawldeck attach {dir}` comes back to it",
        welcome.pid
    ));
}
