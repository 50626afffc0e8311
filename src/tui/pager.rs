//! The operator's pager, on the terminal that the deck lends to it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks whether the pager has ended, or the deck is being closed.
const LOOK: Duration = Duration::from_millis(30);

/// How long after its end an interrupt still counts as the pager's, which may
/// have been ended by it before the signal reached us.
const AFTER: Duration = Duration::from_millis(300);

static LENT: AtomicBool = AtomicBool::new(false);
static GIVEN_BACK: Mutex<Option<Instant>> = Mutex::new(None);

/// Whether a pager has the terminal, or had it a moment ago.
pub fn is_lent() -> bool {
    let given_back = *GIVEN_BACK.lock().unwrap_or_else(PoisonError::into_inner);
    LENT.load(Ordering::Acquire) || given_back.is_some_and(|at| at.elapsed() < AFTER)
}

/// A file that nobody else can read, gone when it is dropped.
struct Paper(PathBuf);

impl Paper {
    fn write(bytes: &[u8]) -> io::Result<Self> {
        let name = format!("crawldeck-{:016x}.txt", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let paper = Self(path);
        file.write_all(bytes)?;
        Ok(paper)
    }
}

impl Drop for Paper {
    fn drop(&mut self) {
        // What cannot be removed now goes with the system's temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

/// While it lives the terminal is a pager's: an interrupt is meant for that.
pub struct Lent(());

impl Lent {
    /// To be had before the terminal is given back.
    pub fn begin() -> Self {
        LENT.store(true, Ordering::Release);
        Self(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *GIVEN_BACK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        LENT.store(false, Ordering::Release);
    }
}

/// Shows bytes in `$PAGER`, or in `less`; comes back when it has ended, or when
/// `closing` is set. The caller has given the terminal back before.
///
/// # Errors
/// Where the file cannot be written, or no pager can be started.
pub fn show(bytes: &[u8], closing: &AtomicBool) -> io::Result<()> {
    let paper = Paper::write(bytes)?;
    start(&paper.0).and_then(|child| wait(child, closing))
}

/// `$PAGER` may have arguments, quoted ones too: the shell takes it apart.
fn start(path: &Path) -> io::Result<Child> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "eval \"${PAGER:-less}\"' \"$1\"'", "sh"])
        .arg(path);
    shell.spawn()
}

fn wait(mut child: Child, closing: &AtomicBool) -> io::Result<()> {
    loop {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        if closing.load(Ordering::Acquire) {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_file_is_the_operators_alone_and_is_taken_away() {
        let paper = Paper::write(b"text").unwrap();
        let path = paper.0.clone();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read(&path).unwrap(), b"text");
        drop(paper);
        assert!(!path.exists());
    }
}
