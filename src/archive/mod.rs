//! The archive: every answer of a page or an API as WARC 1.1 (ISO 28500), in
//! the folder `archive` of the job's.
//!
//! ```text
//! Answer ─ pack (any thread) ─▶ Packed ─ Archive::put ─▶ shelf, one thread ─▶ NAME-00001.warc.gz
//!                                         Receipt ◀──────── index.db (URL → file, offset)
//! ```
//!
//! An answer counts as kept once its records are in their file and the index
//! says so. What stands in a file behind the last answer of the index was
//! never confirmed to anybody, and is cut off when the folder is opened again:
//! after `kill -9` at any instant no half record stays behind. A power cut may
//! cost the last seconds; the index is then cut to what the files hold.

mod error;
mod hidden;
mod index;
mod member;
mod pack;
mod parse;
mod reader;
mod series;
mod thread;

pub use self::error::{ArchiveError, ReadError};
pub use self::member::Codec;
pub use self::pack::{Answer, Asked, Packed, Revisit, pack};
pub use self::reader::{Place, Reader, Stored, unpack};
pub use self::thread::{Archive, Receipt};

/// The archive's folder in a job's.
const FOLDER: &str = "archive";

#[cfg(test)]
mod tests;
