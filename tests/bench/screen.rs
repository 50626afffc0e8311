//! The deck on a pseudo-terminal that looks at what it is shown, and when.

use crate::terminal::Terminal;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long is waited for what must come.
const DEADLINE: Duration = Duration::from_secs(60);
/// The question that a terminal answers, and the answer.
const ASKED: &[u8] = b"\x1b[5n";
const ANSWER: &[u8] = b"\x1b[0n";

/// A deck on a terminal.
pub struct Deck {
    terminal: Terminal,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

struct Shown {
    parser: vt100::Parser,
    bytes: u64,
    /// When the last bytes came.
    at: Instant,
    over: bool,
}

impl Deck {
    /// Starts a program on a terminal of so many columns and rows; a line with a
    /// `rate` (bytes a second) lets no more through.
    pub fn start(
        line: Vec<std::ffi::OsString>,
        dir: &Path,
        (columns, rows): (u16, u16),
        rate: Option<u32>,
    ) -> Result<Self> {
        let mut terminal = Terminal::open(line, dir, (columns, rows))?;
        let whole = |n| NonZeroU16::new(n).context("a terminal of no size");
        let shown = Arc::new((
            Mutex::new(Shown {
                parser: vt100::Parser::new(whole(rows)?, whole(columns)?, 0),
                bytes: 0,
                at: Instant::now(),
                over: false,
            }),
            Condvar::new(),
        ));
        let keys = Arc::new(Mutex::new(terminal.keys()?));
        let mut look = Look {
            shown: shown.clone(),
            answers: keys.clone(),
            rate,
            tail: Vec::new(),
        };
        // A tenth of a second's worth at a time.
        let portion = rate.map_or(65_536, |rate| rate as usize / 10);
        terminal.read(portion, move |bytes| look.take(bytes))?;
        Ok(Self {
            terminal,
            keys,
            shown,
        })
    }

    /// The process.
    pub fn id(&self) -> Result<u32> {
        self.terminal.id()
    }

    /// Types.
    pub fn press(&self, keys: &str) -> Result<()> {
        let mut out = self.keys.lock().unwrap_or_else(|e| e.into_inner());
        out.write_all(keys.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Waits until a text is on the screen, or is not; answers when the bytes
    /// came that did it.
    pub fn wait(&self, text: &str, there: bool) -> Result<Instant> {
        let (shown, changed) = &*self.shown;
        let mut shown = shown.lock().unwrap_or_else(|e| e.into_inner());
        let end = Instant::now() + DEADLINE;
        loop {
            let contents = shown.parser.screen().contents();
            if contents.contains(text) == there {
                return Ok(shown.at);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || shown.over {
                bail!("waited for {text:?} ({there}); the screen:\n{contents}");
            }
            let waited = changed.wait_timeout(shown, left);
            shown = waited.unwrap_or_else(|e| e.into_inner()).0;
        }
    }

    /// The screen's first line.
    pub fn header(&self) -> String {
        let shown = self.shown.0.lock().unwrap_or_else(|e| e.into_inner());
        let contents = shown.parser.screen().contents();
        contents.lines().next().unwrap_or_default().to_owned()
    }

    /// Bytes shown so far.
    pub fn bytes(&self) -> u64 {
        self.shown.0.lock().unwrap_or_else(|e| e.into_inner()).bytes
    }

    /// CPU time of the deck's threads, and of the whole process.
    pub fn cpu(&self) -> Result<(Duration, Duration)> {
        cpu(self.id()?)
    }

    /// Hangs up; answers the terminal, whose program may go on.
    pub fn hang_up(self) -> Result<Terminal> {
        let Self {
            mut terminal, keys, ..
        } = self;
        terminal.forsake();
        // What it draws wakes the reader, which holds the terminal open.
        let mut out = keys.lock().unwrap_or_else(|e| e.into_inner());
        out.write_all(b"?")?;
        out.flush()?;
        drop(out);
        drop(keys);
        terminal.hang_up();
        Ok(terminal)
    }

    /// Quits at once.
    pub fn quit(mut self) -> Result<()> {
        self.press("q!")?;
        if !self.terminal.ends_within(DEADLINE)? {
            self.terminal.kill()?;
            bail!("the deck did not quit");
        }
        Ok(())
    }
}

/// CPU time of the deck's threads of a process, and of the whole process.
pub fn cpu(process: u32) -> Result<(Duration, Duration)> {
    let (mut deck, mut whole) = (0, 0);
    for task in fs::read_dir(format!("/proc/{}/task", process))? {
        // A thread may have ended meanwhile.
        let Ok(text) = fs::read_to_string(task?.path().join("stat")) else {
            continue;
        };
        let (name, rest) = text.rsplit_once(')').context("not a stat file")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |n: usize| fields.get(n).and_then(|text| text.parse::<u64>().ok());
        let spent = ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0);
        whole += spent;
        if name.contains("(deck") {
            deck += spent;
        }
    }
    // Linux counts these in hundredths of a second.
    Ok((
        Duration::from_millis(deck * 10),
        Duration::from_millis(whole * 10),
    ))
}

/// Takes what is drawn, and answers what a terminal answers.
struct Look {
    shown: Arc<(Mutex<Shown>, Condvar)>,
    answers: Arc<Mutex<Box<dyn Write + Send>>>,
    rate: Option<u32>,
    tail: Vec<u8>,
}

impl Look {
    fn take(&mut self, bytes: &[u8]) {
        let mut into = self.shown.0.lock().unwrap_or_else(|e| e.into_inner());
        into.at = Instant::now();
        into.bytes += bytes.len() as u64;
        into.parser.process(bytes);
        drop(into);
        self.shown.1.notify_all();
        let tail = &mut self.tail;
        tail.extend_from_slice(bytes);
        while let Some(at) = tail.windows(ASKED.len()).position(|w| w == ASKED) {
            tail.drain(..at + ASKED.len());
            let mut out = self.answers.lock().unwrap_or_else(|e| e.into_inner());
            let _ = out.write_all(ANSWER).and_then(|()| out.flush());
        }
        let keep = tail.len().saturating_sub(ASKED.len());
        tail.drain(..keep);
        if let Some(rate) = self.rate {
            thread::sleep(Duration::from_secs_f64(
                bytes.len() as f64 / f64::from(rate),
            ));
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let mut into = self.shown.0.lock().unwrap_or_else(|e| e.into_inner());
        into.over = true;
        drop(into);
        self.shown.1.notify_all();
    }
}
