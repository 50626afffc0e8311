//! What can be wrong with an archive.

use std::path::PathBuf;

/// Why the archive cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Its folder or a file in it.
    #[error("the archive {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Its index.
    #[error("the archive's index {}: {source}", path.display())]
    Index {
        /// Where it is.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The thread.
    #[error("the archive's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// Why an answer cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is gone or shorter than it was.
    #[error("{file}: {source}")]
    File {
        /// Its name.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The bytes are no whole member.
    #[error("{file}, byte {offset}: the member is broken: {why}")]
    Broken {
        /// The file's name.
        file: String,
        /// Where the member begins.
        offset: u64,
        /// What is wrong.
        why: String,
    },
}
