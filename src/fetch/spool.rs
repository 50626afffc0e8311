//! A file into which a long body goes, so that it does not fill the memory.

use super::error::Cause;
use crate::page::FailureKind;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

/// Bytes written at a time.
const BUFFER: usize = 256 << 10;

/// Where the bodies of good answers go that a visitor wants as files
/// ([`super::Want::File`]), over the rungs that speak HTTP themselves. The
/// bodies of others are in memory as ever.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    /// Bytes taken at most.
    most: u64,
    taken: AtomicU64,
}

impl Spool {
    /// A file of at most `most` bytes, made anew for each body.
    pub fn new(path: PathBuf, most: u64) -> Self {
        Self {
            path,
            most,
            taken: AtomicU64::new(0),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in it; 0 where no body went there.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// Begins a body.
    pub(super) async fn begin(&self) -> Result<Filling<'_>, Cause> {
        self.taken.store(0, Ordering::Release);
        if let Some(folder) = self.path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|error| self.failed(&error))?;
        }
        let file = File::create(&self.path).await;
        let file = file.map_err(|error| self.failed(&error))?;
        Ok(Filling {
            spool: self,
            file: BufWriter::with_capacity(BUFFER, file),
            taken: 0,
        })
    }

    fn failed(&self, error: &io::Error) -> Cause {
        let why = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full: ",
            _ => "",
        };
        let detail = format!("{} cannot be written: {why}{error}", self.path.display());
        Cause::new(FailureKind::Internal, detail)
    }
}

/// A body on its way into the file.
pub(super) struct Filling<'a> {
    spool: &'a Spool,
    file: BufWriter<File>,
    taken: u64,
}

impl Filling<'_> {
    /// Takes the next piece; answers whether there is room for more.
    pub(super) async fn push(&mut self, piece: &[u8]) -> Result<bool, Cause> {
        let room = self.spool.most - self.taken;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let part = &piece[..piece.len().min(room)];
        let written = self.file.write_all(part).await;
        written.map_err(|error| self.spool.failed(&error))?;
        self.taken += part.len() as u64;
        Ok(part.len() == piece.len())
    }

    /// The body is there; answers its bytes.
    pub(super) async fn finish(mut self) -> Result<u64, Cause> {
        let flushed = self.file.flush().await;
        flushed.map_err(|error| self.spool.failed(&error))?;
        self.spool.taken.store(self.taken, Ordering::Release);
        Ok(self.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_taken_up_to_the_cap_and_a_later_one_in_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("a/b"), 10);
        for (pieces, kept, room) in [
            (["12345", "6789"], "123456789", true),
            (["123456", "789ab"], "123456789a", false),
            (["1", ""], "1", true),
        ] {
            let mut filling = spool.begin().await.unwrap();
            assert_eq!(spool.taken(), 0);
            assert!(filling.push(pieces[0].as_bytes()).await.unwrap());
            assert_eq!(filling.push(pieces[1].as_bytes()).await.unwrap(), room);
            assert_eq!(filling.finish().await.unwrap(), kept.len() as u64);
            assert_eq!(spool.taken(), kept.len() as u64);
            assert_eq!(std::fs::read_to_string(spool.path()).unwrap(), kept);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_called_that() {
        let spool = Spool::new("/dev/full".into(), 1 << 30);
        let mut filling = spool.begin().await.unwrap();
        filling.push(b"a list").await.unwrap();
        let cause = filling.finish().await.unwrap_err();
        assert!(cause.detail.contains("the disk is full: "), "{cause:?}");
        assert_eq!(spool.taken(), 0);
    }
}
