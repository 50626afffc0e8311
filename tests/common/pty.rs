//! The binary on a pseudo-terminal, and what it paints there.

use super::DEADLINE;
use super::crawl::{BINARY, Signal};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, kill_process};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use vt100::{Callbacks, Parser, Screen};

/// A terminal with the binary in it. The binary is killed if the test ends first.
pub struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    painted: Arc<Painted>,
}

/// What the terminal does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Reading,
    Frozen,
    Gone,
}

#[derive(Default)]
struct Painted {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    parser: Parser<Spy>,
    raw: Vec<u8>,
    ended: bool,
    mood: Mood,
}

impl Default for State {
    fn default() -> Self {
        Self {
            parser: Parser::new_with_callbacks(size(24), size(80), 0, Spy::default()),
            raw: Vec::new(),
            ended: false,
            mood: Mood::Reading,
        }
    }
}

/// What a program did to the terminal besides painting.
#[derive(Debug, Default, Clone)]
pub struct Spy {
    /// Titles it set, clipboards it filled, bells, resets.
    pub odd: Vec<String>,
}

impl Callbacks for Spy {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.odd.push("bell".into());
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title = String::from_utf8_lossy(title);
        self.odd.push(format!("title {title:?}"));
    }

    fn copy_to_clipboard(&mut self, _: &mut Screen, _: &[u8], data: &[u8]) {
        let data = String::from_utf8_lossy(data);
        self.odd.push(format!("clipboard {data:?}"));
    }
}

impl Pty {
    /// Starts the binary in `folder` on a terminal of this size, with these
    /// environment variables besides.
    pub fn spawn(args: &[&str], folder: &Path, size: (u16, u16), env: &[(&str, &str)]) -> Self {
        Self::program(BINARY, args, folder, size, env)
    }

    /// [`Pty::spawn`] of any program.
    pub fn program(
        program: &str,
        args: &[&str],
        folder: &Path,
        (rows, cols): (u16, u16),
        env: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(pty_size(rows, cols)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        // Not the settings of whoever runs the tests.
        command.env("XDG_CONFIG_HOME", folder);
        for name in [
            "NO_COLOR",
            "COLORTERM",
            "CRAWLDECK_LOG",
            "RUST_BACKTRACE",
            "TMUX",
        ] {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", super::state_home(folder));
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        // The terminal ends when the child, its only user now, has ended.
        drop(pair.slave);
        let painted = Arc::new(Painted::default());
        painted.resize(rows, cols);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let paint = painted.clone();
        thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            while paint.may_read() {
                // A vanished child shows as end of file or as EIO.
                let n = reader.read(&mut bytes).unwrap_or(0);
                paint.take(&bytes[..n]);
                if n == 0 {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            master: Some(pair.master),
            writer: Some(writer),
            child,
            painted,
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("a terminal");
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Changes the terminal's size.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.painted.resize(rows, cols);
        let master = self.master.as_ref().expect("a terminal");
        master.resize(pty_size(rows, cols)).unwrap();
    }

    /// Changes the size that the program is told of, to none at all if need be;
    /// what it paints is read as before.
    pub fn resize_behind(&mut self, rows: u16, cols: u16) {
        let master = self.master.as_ref().expect("a terminal");
        master.resize(pty_size(rows, cols)).unwrap();
    }

    /// Stops reading, as after Ctrl-S: what the program writes soon blocks.
    pub fn freeze(&self) {
        self.painted.turn(Mood::Frozen);
    }

    /// Reads again.
    pub fn thaw(&self) {
        self.painted.turn(Mood::Reading);
    }

    /// The terminal goes away, as when a connection is lost.
    pub fn hang_up(&mut self) {
        self.painted.turn(Mood::Gone);
        self.writer = None;
        self.master = None;
    }

    /// Waits for the end of a program whose terminal has gone; answers its exit
    /// code.
    pub fn wait_without_terminal(&mut self) -> u32 {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.signal().is_none(), "ended by a signal: {status}");
                return status.exit_code();
            }
            assert!(Instant::now() < end, "the program did not end");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the screen is as `as_wanted` wants it; answers its text.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, as_wanted: impl Fn(&Screen) -> bool) -> String {
        match self.wait_until(|state| as_wanted(state.parser.screen())) {
            Ok(text) => text,
            Err(text) => panic!("waited for {what}; the screen:\n{text}"),
        }
    }

    /// Waits until `text` is on the screen, in whatever case.
    #[track_caller]
    pub fn wait_text(&mut self, text: &str) -> String {
        self.wait_for(&format!("{text:?}"), |s| shows(s, text))
    }

    /// Waits until `text` is not on the screen.
    #[track_caller]
    pub fn wait_gone(&mut self, text: &str) -> String {
        self.wait_for(&format!("{text:?} to go"), |s| !shows(s, text))
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.process_id().unwrap();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }

    /// The program's process.
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The names of the program's threads.
    pub fn threads(&self) -> Vec<String> {
        let id = self.child.process_id().unwrap();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .map(|name| name.trim().to_owned())
            .collect()
    }

    /// Whether the program has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until the program has ended and all it wrote is painted; answers
    /// its exit code.
    #[track_caller]
    pub fn wait(&mut self) -> u32 {
        if let Err(text) = self.wait_until(|state| state.ended) {
            panic!("the program did not end; the screen:\n{text}");
        }
        let status = self.child.wait().unwrap();
        assert!(status.signal().is_none(), "ended by a signal: {status}");
        status.exit_code()
    }

    /// The screen's text now.
    pub fn text(&self) -> String {
        self.painted
            .state
            .lock()
            .unwrap()
            .parser
            .screen()
            .contents()
    }

    /// Every byte that the program has written.
    pub fn raw(&self) -> Vec<u8> {
        self.painted.state.lock().unwrap().raw.clone()
    }

    /// What it did besides painting.
    pub fn spy(&self) -> Spy {
        self.painted
            .state
            .lock()
            .unwrap()
            .parser
            .callbacks()
            .clone()
    }

    /// Refuses a terminal that was not left as it was found.
    #[track_caller]
    pub fn assert_whole(&self) {
        let state = self.painted.state.lock().unwrap();
        let screen = state.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        let mouse = screen.mouse_protocol_mode();
        assert_eq!(
            mouse,
            vt100::MouseProtocolMode::None,
            "the mouse is still caught"
        );
        let (begun, ended) = (
            count(&state.raw, b"\x1b[?2026h"),
            count(&state.raw, b"\x1b[?2026l"),
        );
        assert!(begun <= ended, "{begun} frames begun, {ended} ended");
    }

    fn wait_until(&self, as_wanted: impl Fn(&State) -> bool) -> Result<String, String> {
        let end = Instant::now() + DEADLINE;
        let mut state = self.painted.state.lock().unwrap();
        loop {
            if as_wanted(&state) {
                return Ok(state.parser.screen().contents());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                let note = if state.ended {
                    "\n(the program has ended)"
                } else {
                    ""
                };
                return Err(state.parser.screen().contents() + note);
            }
            state = self.painted.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Painted {
    fn turn(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
        self.changed.notify_all();
    }

    /// Waits while the terminal is frozen; `false` once it has gone.
    fn may_read(&self) -> bool {
        let state = self.state.lock().unwrap();
        let frozen = |state: &mut State| state.mood == Mood::Frozen;
        let state = self.changed.wait_while(state, frozen).unwrap();
        state.mood == Mood::Reading
    }

    fn take(&self, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.parser.process(bytes);
        state.raw.extend_from_slice(bytes);
        state.ended |= bytes.is_empty();
        drop(state);
        self.changed.notify_all();
    }

    fn resize(&self, rows: u16, cols: u16) {
        let mut state = self.state.lock().unwrap();
        state.parser.set_size(size(rows), size(cols));
    }
}

/// Whether `text` is on the screen, in whatever case.
pub fn shows(screen: &Screen, text: &str) -> bool {
    screen
        .contents()
        .to_lowercase()
        .contains(&text.to_lowercase())
}

/// How often `needle` stands in `bytes`.
pub fn count(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).filter(|w| *w == needle).count()
}

fn size(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

fn pty_size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// What keys send.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const CTRL_C: &str = "\x03";
    pub const DOWN: &str = "\x1b[B";
}

/// How long nothing must happen for a test to believe that nothing will.
pub const STILL: Duration = Duration::from_millis(700);
