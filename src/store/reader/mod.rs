//! Reads a job's folder from any process, while a crawl runs or after it.
//!
//! Rows are read in small pieces, each a short read of its own, so that a slow
//! taker neither fills the memory nor holds the database's log back. What is
//! read while a crawl runs is therefore no picture of one instant, but every
//! row is whole.

mod change;
mod duplicate;
mod graph;
mod journal;
mod page;
mod record;
mod source;
mod status;

pub use self::change::ChangeRow;
pub use self::duplicate::DuplicateRow;
pub use self::graph::{Brief, DeadLink, Degrees, Edge, Edges, PageSet};
pub use self::page::PageRow;
pub use self::record::RecordRow;
pub use self::source::SiteSource;
pub use self::status::{PageCounts, SiteStatus, SourceCounts};

use super::StoreError;
use super::folder::DATABASE;
use super::lock::is_held;
use super::sqlite::schema::open_to_read;
use crate::bus::JournalRow;
use rusqlite::{Connection, Row, params};
use std::path::{Path, PathBuf};

/// The page cache, KiB.
const CACHE_KIB: u32 = 4096;
/// Rows read at once.
const ROWS: usize = 500;
/// Bytes after which no further row is read at once.
const BYTES: usize = 1 << 20;

/// A job's folder, open for reading.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    conn: Connection,
}

impl Reader {
    /// Opens the job in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where no crawl has begun; others as for a crawl.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !path.is_file() {
            return Err(StoreError::Absent {
                path: dir.to_owned(),
            });
        }
        Ok(Self {
            dir: dir.to_owned(),
            conn: open_to_read(&path, CACHE_KIB)?,
        })
    }

    /// Whether a process works on the job now.
    pub fn is_running(&self) -> bool {
        is_held(&self.dir)
    }

    /// The job's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every site, in the order of the sites file; those that are no longer in
    /// it last.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn status(&self) -> rusqlite::Result<Vec<SiteStatus>> {
        status::read(&self.conn, self.is_running())
    }

    /// Hands every page to `visit`, in the order of discovery; those of one
    /// site where one is named. Pages not finished yet are among them.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn pages<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(PageRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(page::PAGES, site, |row| page::read(&self.conn, row), visit)
    }

    /// Hands every failed page to `visit`, as [`Reader::pages`] does.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn failures<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(PageRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(
            page::FAILURES,
            site,
            |row| page::read(&self.conn, row),
            visit,
        )
    }

    /// Hands every record to `visit`, in the order in which their pages were
    /// discovered; those of one site where one is named.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn records<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(RecordRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(record::RECORDS, site, record::read, visit)
    }

    /// Hands every change that rounds of crawling again have found to `visit`, in
    /// the order in which they were found; those of one site where one is named.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn changes<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(ChangeRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(change::CHANGES, site, change::read, visit)
    }

    /// Hands every sitemap, list and API to `visit`, in the order in which they
    /// were first heard of; those of one site where one is named.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn sources<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(SiteSource) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(&source::sql(), site, source::read, visit)
    }

    /// Hands every command of the journal to `visit`, in the order in which they
    /// were given.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn journal<E: From<rusqlite::Error>>(
        &self,
        visit: impl FnMut(JournalRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = journal::sql(&self.conn)?;
        self.each(sql, None, journal::read, visit)
    }

    /// Hands every page whose text another page of its site has, or nearly, to
    /// `visit`, group by group.
    ///
    /// # Errors
    /// What SQLite or `visit` says.
    pub fn duplicates<E: From<rusqlite::Error>>(
        &self,
        site: Option<&str>,
        visit: impl FnMut(DuplicateRow) -> Result<(), E>,
    ) -> Result<(), E> {
        duplicate::each(&self.conn, site, visit)
    }

    /// The names of all fields that any record has, each once, in the order in
    /// which they appeared.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn fields(&self, site: Option<&str>) -> rusqlite::Result<Vec<String>> {
        record::fields(&self.conn, site)
    }

    /// The names of all kinds of records and of the fields of each, in the order
    /// in which they appeared.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn kinds(&self, site: Option<&str>) -> rusqlite::Result<Vec<(String, Vec<String>)>> {
        record::kinds(&self.conn, site)
    }

    /// Runs `sql` piece by piece. It gives rows with an id above `?1`, in the
    /// order of their id, of the site `?2` where that is not null, the id first.
    fn each<T, E: From<rusqlite::Error>>(
        &self,
        sql: &str,
        site: Option<&str>,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<(T, usize)>,
        mut visit: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut piece = Vec::with_capacity(ROWS);
        let mut after = i64::MIN;
        loop {
            let mut bytes = 0;
            {
                let mut statement = self.conn.prepare_cached(sql)?;
                let mut rows = statement.query(params![after, site])?;
                while piece.len() < ROWS && bytes < BYTES {
                    let Some(row) = rows.next()? else { break };
                    after = row.get(0)?;
                    let (item, size) = read(row)?;
                    bytes += size;
                    piece.push(item);
                }
            }
            if piece.is_empty() {
                return Ok(());
            }
            for item in piece.drain(..) {
                visit(item)?;
            }
        }
    }
}

#[cfg(test)]
mod tests;
