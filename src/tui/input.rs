//! Keys and sizes from the terminal, and whether it is still there.
//!
//! crossterm never comes back from a terminal that has hung up, so the
//! descriptor is looked at first and crossterm only asked when it has something
//! to give.

use crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Between two looks whether the deck is being closed, or the size has changed.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// What comes from the terminal.
#[derive(Debug)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The size has changed, or the screen must be painted anew.
    Resize,
    /// The terminal has gone away.
    Gone,
}

/// Reads until `closing` is set or the terminal goes away. While `resting` is
/// set it leaves the keys to others.
///
/// # Errors
/// The operating system's, where it gives no thread.
pub fn start(
    closing: Arc<AtomicBool>,
    resting: Arc<AtomicBool>,
    send: impl Fn(Input) + Send + 'static,
) -> io::Result<()> {
    let read = move || {
        while !closing.load(Ordering::Acquire) {
            if resting.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let stdin = io::stdin();
            let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut fds, Some(&LOOK)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return send(Input::Gone),
            }
            let found = fds[0].revents();
            if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                return send(Input::Gone);
            }
            if resting.load(Ordering::Acquire) {
                continue;
            }
            // With nothing to read this still notices a change of size.
            loop {
                match event::poll(Duration::ZERO) {
                    Ok(true) => match event::read() {
                        Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                            send(Input::Key(key));
                        }
                        Ok(Event::Resize(..)) => send(Input::Resize),
                        Ok(_) => {}
                        Err(_) => return send(Input::Gone),
                    },
                    Ok(false) => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
                    Err(_) => return send(Input::Gone),
                }
            }
        }
    };
    thread::Builder::new()
        .name("deck-input".to_owned())
        .spawn(read)
        .map(drop)
}
