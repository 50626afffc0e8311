//! The archive's index: which answers stand where. A small SQLite file of its
//! own, so that the crawl's database knows nothing of it.

use super::error::ArchiveError;
use crate::page::Fingerprint;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Result, params};
use std::path::Path;
use std::time::Duration;

/// The index in the archive's folder.
pub(super) const INDEX: &str = "index.db";
/// The format written here.
const FORMAT: i64 = 1;
const BUSY: Duration = Duration::from_secs(5);

/// `size` is the end of the last record that was confirmed; what stands in the
/// file behind it is nobody's.
const SCHEMA: &str = "
CREATE TABLE file (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL
);
-- print: the fingerprint of the page's URL, as in the crawl's database.
CREATE TABLE answer (
  print  INTEGER PRIMARY KEY,
  file   INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL
);
";

/// Where a page's last good answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) file: i64,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) size: u64,
}

pub(super) struct Index {
    conn: Connection,
}

impl Index {
    /// Opens the index for writing, making it where it is missing.
    pub(super) fn open(dir: &Path) -> std::result::Result<Self, ArchiveError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::open_with(dir, flags).and_then(|conn| {
            let prepared = prepare(&conn);
            prepared.map_err(|source| failure(dir, source))?;
            Ok(Self { conn })
        })
    }

    /// Opens it for reading, beside a writer or not.
    pub(super) fn open_to_read(dir: &Path) -> std::result::Result<Self, ArchiveError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::open_with(dir, flags).map(|conn| Self { conn })
    }

    fn open_with(dir: &Path, flags: OpenFlags) -> std::result::Result<Connection, ArchiveError> {
        let open = || {
            let conn = Connection::open_with_flags(dir.join(INDEX), flags)?;
            conn.busy_timeout(BUSY)?;
            Ok(conn)
        };
        open().map_err(|source| failure(dir, source))
    }

    /// Sees from now on what it holds now, which spares each lookup its lock.
    pub(super) fn hold(&self) -> Result<()> {
        self.conn.execute_batch("BEGIN")
    }

    /// Every file, in the order in which they were begun.
    pub(super) fn files(&self) -> Result<Vec<FileRow>> {
        self.conn
            .prepare_cached("SELECT id, name, size FROM file ORDER BY id")?
            .query_map([], |row| {
                Ok(FileRow {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    size: size(row.get(2)?),
                })
            })?
            .collect()
    }

    /// Begins a file; answers its number.
    pub(super) fn begin(&self, name: &str, size: u64) -> Result<i64> {
        self.conn
            .prepare_cached("INSERT INTO file (name, size) VALUES (?1, ?2)")?
            .execute(params![name, int(size)])?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Confirms answers and the ends of files: all or nothing.
    pub(super) fn confirm(
        &mut self,
        answers: &[(Fingerprint, Entry)],
        ends: &[(i64, u64)],
    ) -> Result<()> {
        let tx = self.conn.transaction()?;
        for (print, entry) in answers {
            tx.prepare_cached(
                "INSERT OR REPLACE INTO answer (print, file, offset, length) \
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                print.0 as i64,
                entry.file,
                int(entry.offset),
                int(entry.length)
            ])?;
        }
        for (file, end) in ends {
            tx.prepare_cached("UPDATE file SET size = ?2 WHERE id = ?1")?
                .execute(params![file, int(*end)])?;
        }
        tx.commit()
    }

    /// A file turns out to hold `length` bytes only: forgets what stood behind
    /// them. Answers where the last answer in it ends.
    pub(super) fn cut(&mut self, file: i64, length: u64) -> Result<u64> {
        let tx = self.conn.transaction()?;
        tx.execute(
            "DELETE FROM answer WHERE file = ?1 AND offset + length > ?2",
            params![file, int(length)],
        )?;
        let end = tx.query_row(
            "SELECT max(offset + length) FROM answer WHERE file = ?1",
            [file],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        let end = size(end.unwrap_or(0));
        tx.execute(
            "UPDATE file SET size = ?2 WHERE id = ?1",
            params![file, int(end)],
        )?;
        tx.commit()?;
        Ok(end)
    }

    /// Where the answer of this URL stands.
    pub(super) fn find(&self, print: Fingerprint) -> Result<Option<Entry>> {
        self.conn
            .prepare_cached("SELECT file, offset, length FROM answer WHERE print = ?1")?
            .query_row([print.0 as i64], |row| {
                Ok(Entry {
                    file: row.get(0)?,
                    offset: size(row.get(1)?),
                    length: size(row.get(2)?),
                })
            })
            .optional()
    }
}

/// As for the crawl's database: a killed process loses nothing.
fn prepare(conn: &Connection) -> Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    let format: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if format == 0 {
        conn.execute_batch(&format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;"
        ))?;
    }
    Ok(())
}

fn failure(dir: &Path, source: rusqlite::Error) -> ArchiveError {
    ArchiveError::Index {
        path: dir.join(INDEX),
        source,
    }
}

/// SQLite's integers are signed; no file comes near their end.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn size(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
