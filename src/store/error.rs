//! Why a job's folder cannot be opened.

use std::io;
use std::path::PathBuf;

/// Why a job's folder cannot be opened, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or written to.
    #[error(
        "cannot write in the job's folder {}: {source}; name another with --dir",
        path.display()
    )]
    Folder {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the job.
    #[error(
        "another crawldeck works on {}: {}; stop it first, or name another folder with --dir",
        path.display(),
        super::lock::describe(*pid, host, *since)
    )]
    Held {
        /// The job's folder.
        path: PathBuf,
        /// The other's process id, where it could be read.
        pid: Option<u32>,
        /// The other's host name; empty where it could not be read.
        host: String,
        /// When it began, milliseconds since the epoch; 0 where it could not be read.
        since: u64,
    },
    /// The database is not one of crawldeck's.
    #[error(
        "{} is not a crawldeck database; name another folder with --dir, or move the file away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The folder was written by a newer crawldeck.
    #[error(
        "{} was written by a newer crawldeck (format {found}; this one knows up to {known}); \
         use the newer one, or name another folder with --dir",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// There is no crawl in the folder.
    #[error("no crawl in {}", path.display())]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// SQLite cannot work on the database.
    #[error("cannot open {}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No thread could be started.
    #[error("cannot start the store's thread: {0}")]
    Thread(io::Error),
}
