//! The terminal: taken, given back, and written to by a thread of its own, so
//! that a terminal that has stopped reading stops nothing else.

use super::escape::{self, BEGIN, END};
use crossterm::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

/// How long leaving waits for a terminal that does not read.
const LEAVE: Duration = Duration::from_millis(500);

/// Chains a panic hook that gives the terminal back before the message, once.
fn hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back from whatever thread, unless that was done; does not
/// wait for long for one that does not read.
fn give_back() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let _ = write(escape::leaving().as_bytes(), Some(LEAVE));
        restore();
    }
}

/// Ends raw mode. What came too late to be read is nobody's.
fn restore() {
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
    let _ = terminal::disable_raw_mode();
}

/// Writes past the standard library, whose lock a stuck thread would hold.
/// With a `limit` it waits no longer for room than that.
fn write(mut bytes: &[u8], limit: Option<Duration>) -> rustix::io::Result<()> {
    let out = io::stdout();
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    while !bytes.is_empty() {
        if limit.is_some() {
            wait_for_room(&out, limit.as_ref())?;
        }
        match rustix::io::write(out.as_fd(), bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            // Somebody has made the terminal non-blocking for all who share it.
            Err(Errno::AGAIN) => wait_for_room(&out, limit.as_ref())?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wait_for_room(out: &io::Stdout, limit: Option<&Timespec>) -> rustix::io::Result<()> {
    match poll(&mut [PollFd::new(out, PollFlags::OUT)], limit) {
        Ok(0) => Err(Errno::TIMEDOUT),
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The terminal's columns and rows; zeros while it has none.
pub fn size() -> (u16, u16) {
    rustix::termios::tcgetwinsize(io::stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row))
}

/// Whether an error says that the terminal has gone away: its other end was
/// closed (`EIO`), or the session has none any more (`ENXIO`).
pub fn is_gone(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::NXIO))
}

/// What the terminal says of its speed, baud; 0 for nothing.
pub fn speed() -> u32 {
    rustix::termios::tcgetattr(io::stdout()).map_or(0, |modes| modes.output_speed())
}

/// What became of something written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Its bytes.
    pub bytes: usize,
    /// How long the terminal took to take it.
    pub took: Duration,
    fine: bool,
}

/// The way to the terminal: one write at a time is under way, and the next frame
/// is only drawn when it is over.
#[derive(Debug)]
pub struct Screen {
    frames: SyncSender<Vec<u8>>,
    written: Receiver<Written>,
    under_way: bool,
    gone: bool,
    /// What goes out with the next write: clipboard, bell, modes.
    beside: Vec<u8>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal. `wake` is called, on another thread, when something
    /// has been written.
    ///
    /// # Errors
    /// Where raw mode or a thread cannot be had.
    pub fn take(mouse: bool, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        hook();
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let (tell, written) = mpsc::channel();
        thread::Builder::new()
            .name("deck-writer".to_owned())
            .spawn(move || {
                for frame in queue {
                    let began = Instant::now();
                    let fine = write(&frame, None).is_ok();
                    let told = tell.send(Written {
                        bytes: frame.len(),
                        took: began.elapsed(),
                        fine,
                    });
                    if told.is_err() {
                        return;
                    }
                    wake();
                }
            })?;
        let mut screen = Self {
            frames,
            written,
            under_way: false,
            gone: false,
            beside: Vec::new(),
            mouse,
        };
        screen.enter()?;
        Ok(screen)
    }

    /// Takes the terminal (again).
    ///
    /// # Errors
    /// Where raw mode cannot be had.
    pub fn enter(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::Release);
        self.beside(&escape::entering(self.mouse));
        Ok(())
    }

    /// What has been written since the last call.
    pub fn written(&mut self) -> Option<Written> {
        let written = self.written.try_recv().ok()?;
        self.under_way = false;
        self.gone |= !written.fine;
        self.flush();
        Some(written)
    }

    /// Whether a frame may be drawn: nothing is under way.
    pub fn is_ready(&self) -> bool {
        !self.under_way
    }

    /// Whether the terminal has refused a write.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Hands a frame over, wrapped as one update; asks with it whether it was
    /// shown. Answers how many bytes that is.
    pub fn frame(&mut self, bytes: &[u8], ask: bool) -> usize {
        let before = self.beside.len();
        self.beside.extend_from_slice(BEGIN.as_bytes());
        self.beside.extend_from_slice(bytes);
        self.beside.extend_from_slice(END.as_bytes());
        if ask {
            self.beside.extend_from_slice(escape::ASK.as_bytes());
        }
        let length = self.beside.len() - before;
        self.flush();
        length
    }

    /// Writes what is no part of a frame, as soon as nothing is under way.
    pub fn beside(&mut self, text: &str) {
        self.add(text);
        self.flush();
    }

    /// Keeps something for the next write.
    pub fn add(&mut self, text: &str) {
        self.beside.extend_from_slice(text.as_bytes());
    }

    /// Catches the mouse, or leaves it to the terminal.
    pub fn catch_mouse(&mut self, caught: bool) {
        self.mouse = caught;
        self.beside(escape::mouse(caught));
    }

    fn flush(&mut self) {
        if self.under_way || self.beside.is_empty() {
            return;
        }
        // There is room: the writer is waiting for just this.
        self.under_way = self
            .frames
            .try_send(std::mem::take(&mut self.beside))
            .is_ok();
    }

    /// Waits a while for what is under way; `false` if the terminal does not read.
    fn settled(&mut self) -> bool {
        while self.under_way {
            if self.written.recv_timeout(LEAVE).is_err() {
                return false;
            }
            self.under_way = false;
            self.flush();
        }
        true
    }

    /// Gives the terminal back; does not wait for long for one that does not read.
    pub fn leave(&mut self) {
        if !self.settled() {
            // It is not reading: only the modes can be put right.
            self.beside.clear();
            if TAKEN.swap(false, Ordering::AcqRel) {
                restore();
            }
        } else if TAKEN.swap(false, Ordering::AcqRel) {
            self.beside(&escape::leaving());
            self.settled();
            restore();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}
