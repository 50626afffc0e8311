//! SIGINT, SIGTERM and SIGHUP, as commands to the engine.

use crate::bus::{Command, Origin, Reply, Request};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The exit code of the signal that stopped the run; 0 while none has.
pub type StoppedBy = Arc<AtomicU8>;

/// Turns signals into commands until the runtime ends: the first SIGINT or
/// SIGTERM stops in good order, the second at once. SIGHUP is a terminal that
/// went away, and the crawl goes on without it.
///
/// # Errors
/// The operating system's, where a handler cannot be set.
pub fn listen(commands: mpsc::Sender<Request>) -> io::Result<StoppedBy> {
    let stopped_by = StoppedBy::default();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let shared = stopped_by.clone();
    tokio::spawn(async move {
        loop {
            let code = tokio::select! {
                () = interrupted(&mut interrupt) => 130,
                _ = terminate.recv() => 143,
                _ = hangup.recv() => {
                    tracing::warn!("the terminal went away; going on without it");
                    continue;
                }
            };
            let first = shared
                .compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
            let request = Request {
                command: if first {
                    Command::Stop
                } else {
                    Command::StopNow
                },
                origin: Origin::Signal,
                reply: Reply::ignore(),
            };
            if commands.send(request).await.is_err() {
                return;
            }
        }
    });
    Ok(stopped_by)
}

/// Waits for a SIGINT that is meant for us: one from the keyboard is the pager's
/// while the deck has lent it the terminal.
pub async fn interrupted(interrupt: &mut Signal) {
    while interrupt.recv().await.is_some() && crate::tui::is_lent() {}
}
