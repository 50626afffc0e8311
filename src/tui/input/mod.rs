//! Keys, mouse and sizes from the terminal, and whether it is still there.
//!
//! The terminal is opened once more under its own name, so that reading never
//! blocks and nobody else's descriptor is changed for it. The thread sleeps in
//! `poll` until there is something to read, the size has changed, or the deck
//! wakes it; a terminal that has hung up is noticed at once, and ends the thread.

mod decode;
mod sequence;

use self::decode::Decoder;
use crossterm::event::{KeyEvent, MouseEvent};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

/// What comes from the terminal.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was pressed, let go or turned.
    Mouse(MouseEvent),
    /// Text was pasted; as it came, line ends and control characters too.
    Paste(String),
    /// The terminal has shown all that was written before it was asked.
    CaughtUp,
    /// The size has changed.
    Resize,
    /// The terminal has gone away.
    Gone,
}

const READING: u8 = 0;
const RESTING: u8 = 1;
const CLOSED: u8 = 2;

/// The reading thread's leash. Dropping it ends the thread.
#[derive(Debug)]
pub struct Reader {
    mode: Arc<AtomicU8>,
    wake: UnixStream,
    winch: signal_hook::SigId,
}

impl Reader {
    /// Begins to read; `send` is called on the reading thread.
    ///
    /// # Errors
    /// The operating system's, where it gives no thread or no descriptor.
    pub fn start(send: impl Fn(Input) + Send + 'static) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let winch = signal_hook::low_level::pipe::register(
            Signal::WINCH.as_raw(),
            OwnedFd::from(wake.try_clone()?),
        )?;
        let mode = Arc::new(AtomicU8::new(READING));
        let shared = mode.clone();
        thread::Builder::new()
            .name("deck-input".to_owned())
            .spawn(move || {
                let terminal = terminal();
                match &terminal {
                    Some(own) => read(own.as_fd(), &woken, &shared, &send),
                    None => read(io::stdin().as_fd(), &woken, &shared, &send),
                }
            })?;
        Ok(Self { mode, wake, winch })
    }

    /// Leaves what is typed to others, or reads again.
    pub fn rest(&self, resting: bool) {
        self.turn(if resting { RESTING } else { READING });
    }

    fn turn(&self, mode: u8) {
        self.mode.store(mode, Ordering::Release);
        // A full pipe has woken it already.
        let _ = (&self.wake).write(&[0]);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.turn(CLOSED);
        signal_hook::low_level::unregister(self.winch);
    }
}

/// The terminal of standard input, opened anew so that it can be read without
/// blocking; `None` where that is not allowed.
fn terminal() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let name = rustix::termios::ttyname(io::stdin(), Vec::new()).ok()?;
    open(name, flags, Mode::empty()).ok()
}

/// Reads until the deck is closed or the terminal goes away.
fn read(terminal: BorrowedFd<'_>, mut woken: &UnixStream, mode: &AtomicU8, send: &impl Fn(Input)) {
    let mut decoder = Decoder::default();
    let mut bytes = [0; 4096];
    loop {
        let reading = match mode.load(Ordering::Acquire) {
            CLOSED => return,
            mode => mode == READING,
        };
        let patience = decoder.patience().filter(|_| reading);
        let patience = patience.and_then(|time| Timespec::try_from(time).ok());
        let mut fds = [
            PollFd::new(woken, PollFlags::IN),
            PollFd::from_borrowed_fd(terminal, PollFlags::IN),
        ];
        let watched = if reading { 2 } else { 1 };
        match poll(&mut fds[..watched], patience.as_ref()) {
            Ok(0) => {
                decoder.silence(&mut |input| send(input));
                continue;
            }
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return send(Input::Gone),
        }
        if !fds[0].revents().is_empty() {
            // Woken by the deck, or by a change of size: a look at both is cheap.
            while woken.read(&mut bytes).is_ok_and(|n| n == bytes.len()) {}
            send(Input::Resize);
            continue;
        }
        let found = fds[1].revents();
        if found.contains(PollFlags::IN) {
            match rustix::io::read(terminal, &mut bytes) {
                Ok(0) => return send(Input::Gone),
                Ok(n) => decoder.feed(&bytes[..n], &mut |input| send(input)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return send(Input::Gone),
            }
        } else if found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return send(Input::Gone);
        }
    }
}
