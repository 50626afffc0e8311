//! A program on a pseudo-terminal of its own.

use anyhow::{Context, Result};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Columns and rows of a terminal whose size does not matter.
pub const USUAL: (u16, u16) = (120, 40);

/// A program and the other end of its terminal.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    /// `None` after the hang-up.
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    /// Reads and counts what is drawn.
    reader: Option<JoinHandle<usize>>,
    /// Tells the reader to end.
    over: Arc<AtomicBool>,
}

impl Terminal {
    /// Starts a command line in `dir`, on a terminal of so many columns and rows
    /// that nobody reads yet.
    pub fn open(line: Vec<OsString>, dir: &Path, (columns, rows): (u16, u16)) -> Result<Self> {
        let pty = native_pty_system().openpty(PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::from_argv(line);
        command.cwd(dir);
        command.env("TERM", "xterm-256color");
        // Away from the operator's own settings.
        command.env("XDG_CONFIG_HOME", dir);
        let child = pty.slave.spawn_command(command)?;
        drop(pty.slave);
        Ok(Self {
            child,
            keys: Some(pty.master.take_writer()?),
            master: Some(pty.master),
            reader: None,
            over: Arc::default(),
        })
    }

    /// Hands what is drawn to `take` from now on, until there is no more.
    pub fn read(
        &mut self,
        portion: usize,
        mut take: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<()> {
        let master = self.master.as_ref().context("the terminal has gone")?;
        let mut output = master.try_clone_reader()?;
        let over = self.over.clone();
        self.reader = Some(thread::spawn(move || {
            let (mut drawn, mut block) = (0, vec![0; portion]);
            // Ends with an error when the terminal's last user has gone.
            while let Ok(read @ 1..) = output.read(&mut block) {
                drawn += read;
                take(&block[..read]);
                if over.load(Ordering::Acquire) {
                    break;
                }
            }
            drawn
        }));
        Ok(())
    }

    /// Reads all that is drawn, and only counts it.
    pub fn drain(&mut self) -> Result<()> {
        self.read(65_536, |_| ())
    }

    /// Where keys are typed; it is handed out once.
    pub fn keys(&mut self) -> Result<Box<dyn Write + Send>> {
        self.keys.take().context("the keys are with somebody else")
    }

    /// Types.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        let out = self.keys.as_mut().context("the terminal has gone")?;
        out.write_all(keys.as_bytes())?;
        Ok(out.flush()?)
    }

    /// The process.
    pub fn id(&self) -> Result<u32> {
        self.child.process_id().context("the program has ended")
    }

    /// The reader ends with the next that it reads.
    pub fn forsake(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Hangs up. A reader is woken by a key that draws something: while it waits
    /// it holds the terminal open.
    pub fn hang_up(&mut self) {
        self.forsake();
        if self.reader.is_some() {
            // The program may have ended.
            let _ = self.press("?");
            self.join();
        }
        self.keys = None;
        self.master = None;
    }

    fn join(&mut self) -> usize {
        let drawn = self.reader.take().map(|reader| reader.join().unwrap_or(0));
        drawn.unwrap_or(0)
    }

    /// Kills the program (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }

    /// Whether the program has ended.
    pub fn is_over(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for the program's end for so long; answers whether it came.
    pub fn ends_within(&mut self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if self.is_over()? {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    /// Ends it; answers the bytes it drew while it was read.
    pub fn end(mut self) -> Result<usize> {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().context("waiting for a deck")?;
        self.keys = None;
        self.master = None;
        Ok(self.join())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
