//! The terminal: taken, given back, and written to by a thread of its own, so
//! that a terminal that has stopped reading stops nothing else.

use crossterm::{Command, cursor, event, style, terminal};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// How long leaving waits for a terminal that does not read.
const LEAVE: Duration = Duration::from_millis(500);

/// Begin and end of a synchronized update (DEC private mode 2026); terminals
/// that lack it pass over it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// What takes the terminal.
fn entering() -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = terminal::EnterAlternateScreen.write_ansi(&mut out);
    let _ = cursor::Hide.write_ansi(&mut out);
    let _ = terminal::Clear(terminal::ClearType::All).write_ansi(&mut out);
    out
}

/// What gives it back, whatever state it is in.
fn leaving() -> String {
    let mut out = END.to_owned();
    let _ = event::DisableMouseCapture.write_ansi(&mut out);
    let _ = event::DisableBracketedPaste.write_ansi(&mut out);
    let _ = style::ResetColor.write_ansi(&mut out);
    let _ = terminal::LeaveAlternateScreen.write_ansi(&mut out);
    let _ = cursor::Show.write_ansi(&mut out);
    out
}

/// Chains a panic hook that gives the terminal back before the message, once.
fn hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if TAKEN.load(std::sync::atomic::Ordering::Acquire) {
                give_back();
            }
            before(info);
        }));
    });
}

static TAKEN: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

fn give_back() {
    if TAKEN.swap(false, std::sync::atomic::Ordering::AcqRel) {
        let mut out = io::stdout();
        let _ = out.write_all(leaving().as_bytes());
        let _ = out.flush();
        let _ = terminal::disable_raw_mode();
    }
}

/// The way to the terminal: one frame at a time is under way, and the next is
/// only drawn when it has been written.
#[derive(Debug)]
pub struct Screen {
    frames: SyncSender<Vec<u8>>,
    written: Receiver<bool>,
    under_way: bool,
    gone: bool,
}

impl Screen {
    /// Takes the terminal. `wake` is called, on another thread, when a frame
    /// has been written.
    ///
    /// # Errors
    /// Where raw mode or a thread cannot be had.
    pub fn take(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        hook();
        let (frames, queue) = mpsc::sync_channel::<Vec<u8>>(1);
        let (tell, written) = mpsc::channel();
        thread::Builder::new()
            .name("deck-writer".to_owned())
            .spawn(move || {
                let mut out = io::stdout();
                for frame in queue {
                    let fine = out.write_all(&frame).and_then(|()| out.flush()).is_ok();
                    if tell.send(fine).is_err() {
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
        TAKEN.store(true, std::sync::atomic::Ordering::Release);
        self.write(entering().into_bytes());
        Ok(())
    }

    /// Whether a frame may be drawn: none is under way.
    pub fn is_ready(&mut self) -> bool {
        while let Ok(fine) = self.written.try_recv() {
            self.under_way = false;
            self.gone |= !fine;
        }
        !self.under_way
    }

    /// Whether the terminal has refused a frame.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Hands a frame over, wrapped as one update.
    pub fn frame(&mut self, bytes: &[u8]) {
        let mut frame = Vec::with_capacity(bytes.len() + BEGIN.len() + END.len());
        frame.extend_from_slice(BEGIN.as_bytes());
        frame.extend_from_slice(bytes);
        frame.extend_from_slice(END.as_bytes());
        self.write(frame);
    }

    /// Puts `text` on the terminal's clipboard (OSC 52), through tmux too.
    pub fn copy(&mut self, text: &str) {
        let mut out = String::new();
        let _ = write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()));
        if std::env::var_os("TMUX").is_some() {
            out = format!("\x1bPtmux;{}\x1b\\", out.replace('\x1b', "\x1b\x1b"));
        }
        self.write(out.into_bytes());
    }

    fn write(&mut self, bytes: Vec<u8>) {
        // There is room unless the terminal does not read; then nothing is lost
        // that a reader would miss.
        if self.frames.try_send(bytes).is_ok() {
            self.under_way = true;
        }
    }

    /// Gives the terminal back; does not wait for long for one that does not read.
    pub fn leave(&mut self) {
        let waited = |written: &Receiver<bool>| match written.recv_timeout(LEAVE) {
            Ok(_) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        };
        if self.under_way && !waited(&self.written) {
            // The reader is not reading: only the modes can be put right.
            TAKEN.store(false, std::sync::atomic::Ordering::Release);
            let _ = terminal::disable_raw_mode();
            return;
        }
        if TAKEN.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.write(leaving().into_bytes());
            waited(&self.written);
            self.under_way = false;
            let _ = terminal::disable_raw_mode();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Memory that a terminal is drawn into.
#[derive(Debug, Clone, Default)]
pub struct Canvas(Arc<Mutex<Vec<u8>>>);

impl Canvas {
    /// What was drawn since the last call.
    pub fn taken(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Canvas {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
