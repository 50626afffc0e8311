//! One process at a time works on a job.

use super::StoreError;
use super::folder::LOCK;
use crate::page::time::{now_ms, rfc3339};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

/// A reader's glance at the lock ([`is_held`]) can stand in the way for an
/// instant: this often a busy lock is tried again before it counts as held.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The hold of this process on a job's folder; ends when it is dropped, and
/// with the process however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the folder `dir`, which must exist.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it, [`StoreError::Folder`]
    /// when the lock file cannot be written.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(LOCK);
        let folder = |source| StoreError::Folder {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(folder)?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(held(dir, &mut file)),
                Err(TryLockError::Error(source)) => return Err(folder(source)),
            }
        }
        let words = format!("{} {} {}\n", std::process::id(), now_ms(), host());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(words.as_bytes()))
            .map_err(folder)?;
        Ok(Self { _file: file })
    }
}

/// Whether some process works on the job in `dir` now. Needs no right to write.
pub fn is_held(dir: &Path) -> bool {
    File::open(dir.join(LOCK))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn held(dir: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    // What cannot be read is left out of the message.
    let _ = file.take(512).read_to_string(&mut text);
    let mut words = text.split_whitespace();
    StoreError::Held {
        path: dir.to_owned(),
        pid: words.next().and_then(|w| w.parse().ok()),
        since: words.next().and_then(|w| w.parse().ok()).unwrap_or(0),
        host: words.next().unwrap_or_default().to_owned(),
    }
}

/// Who holds a lock, in words.
pub(super) fn describe(pid: Option<u32>, host: &str, since: u64) -> String {
    let mut text = match pid {
        Some(pid) => format!("process {pid}"),
        None => "a process".to_owned(),
    };
    if !host.is_empty() {
        text = format!("{text} on {host}");
    }
    if since > 0 {
        text = format!("{text}, since {}", rfc3339(since));
    }
    text
}

/// This machine's name; empty where the system gives none.
fn host() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_held(dir.path()));
        let first = Lock::take(dir.path()).unwrap();
        assert!(is_held(dir.path()));
        let error = Lock::take(dir.path()).unwrap_err();
        let StoreError::Held { pid, since, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(*since > 0);
        let text = error.to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())),
            "{text}"
        );
        drop(first);
        assert!(!is_held(dir.path()));
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_folder_that_is_none_is_an_error_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let error = Lock::take(&dir.path().join("gone")).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
    }
}
