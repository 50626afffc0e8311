//! The database file: made, recognised, configured.

use super::additions;
use crate::store::StoreError;
use crate::store::folder::DATABASE;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Tells crawldeck's databases from others: `crwd`.
const APPLICATION: i64 = 0x6372_7764;
/// The format written here.
pub(in crate::store) const FORMAT: i64 = 2;
/// How long another program's write transaction is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Pages of WAL after which its content moves into the database (16 MiB).
const CHECKPOINT: i64 = 4096;
/// Size to which the WAL is cut after that, bytes.
const WAL_LIMIT: i64 = 64 << 20;
/// Prepared statements kept.
const STATEMENTS: usize = 64;

/// The store's files in a job's folder.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Removes the database of an earlier crawl, and nothing else.
pub(super) fn remove(dir: &Path) -> Result<(), StoreError> {
    for suffix in FILES {
        let path = dir.join(format!("{DATABASE}{suffix}"));
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Folder { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Opens the database for writing, making it where it is missing; answers
/// whether it was there.
pub(super) fn open(dir: &Path, cache_kib: u32) -> Result<(Connection, bool), StoreError> {
    let path = dir.join(DATABASE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let wrap = |source| failure(&path, source);
    let mut conn = Connection::open_with_flags(&path, flags).map_err(wrap)?;
    conn.busy_timeout(BUSY).map_err(wrap)?;
    let found = recognise(&conn, &path)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    configure(&conn, cache_kib).map_err(wrap)?;
    if found {
        migrate(&mut conn).map_err(wrap)?;
    } else {
        create(&mut conn).map_err(wrap)?;
    }
    additions::make(&conn).map_err(wrap)?;
    Ok((conn, found))
}

/// Opens the database for reading beside a writer.
pub(in crate::store) fn open_to_read(
    path: &Path,
    cache_kib: u32,
) -> Result<Connection, StoreError> {
    let wrap = |source| failure(path, source);
    let conn = match open_read_only(path, false) {
        Err(error) if is_unwritable(&error) && nothing_in_wal(path) => {
            // WAL needs a file of shared memory beside the database. Where none
            // can be made nobody can be writing, and the database stands alone.
            open_read_only(path, true).map_err(wrap)?
        }
        other => other.map_err(wrap)?,
    };
    if !recognise(&conn, path)? {
        return Err(StoreError::Absent {
            path: path.parent().unwrap_or(path).to_owned(),
        });
    }
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "cache_size", -i64::from(cache_kib))
        .map_err(wrap)?;
    additions::stand_in(&conn).map_err(wrap)?;
    Ok(conn)
}

fn open_read_only(path: &Path, alone: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = if alone {
        let text = path.to_string_lossy();
        let escaped = text
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        let uri = format!("file:{escaped}?immutable=1");
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    conn.busy_timeout(BUSY)?;
    // Nothing is read before the first statement: ask here, where the other
    // way of opening can still be taken.
    conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(conn)
}

fn is_unwritable(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

fn nothing_in_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(true, |m| m.len() == 0)
}

/// Whether the file is a database of crawldeck's (`true`) or empty (`false`).
fn recognise(conn: &Connection, path: &Path) -> Result<bool, StoreError> {
    let ask = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let wrap = |source| failure(path, source);
    let application = ask("PRAGMA application_id").map_err(wrap)?;
    let format = ask("PRAGMA user_version").map_err(wrap)?;
    let things = ask("SELECT count(*) FROM sqlite_master").map_err(wrap)?;
    match (application, things) {
        (APPLICATION, _) if format > FORMAT => Err(StoreError::Newer {
            path: path.to_owned(),
            found: format,
            known: FORMAT,
        }),
        (APPLICATION, _) => Ok(true),
        (0, 0) if format == 0 => Ok(false),
        _ => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// With WAL and `synchronous = NORMAL` a killed process loses nothing that was
/// committed, and a power cut loses at most the last groups, never the file.
fn configure(conn: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", WAL_LIMIT, |_| Ok(()))?;
    conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "foreign_keys", false)?;
    conn.execute_batch("CREATE TEMP TABLE pick (id INTEGER PRIMARY KEY)")
}

/// All at once: a database is either empty or whole.
fn create(conn: &mut Connection) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(include_str!("schema.sql"))?;
    tx.execute_batch(include_str!("records.sql"))?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()
}

/// What an older format lacks, all at once.
fn migrate(conn: &mut Connection) -> rusqlite::Result<()> {
    if format(conn)? >= FORMAT {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(include_str!("migrate.sql"))?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    tx.commit()
}

/// The format that the database is in.
pub(in crate::store) fn format(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// What SQLite said when it was asked to open `path`.
pub(in crate::store) fn failure(path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => StoreError::Folder {
            path,
            source: std::io::Error::other(source),
        },
        _ => StoreError::Database { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_database_is_made_once_and_known_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!open(dir.path(), 100).unwrap().1);
        assert!(open(dir.path(), 100).unwrap().1);
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        remove(dir.path()).unwrap();
        assert!(dir.path().join("notes.txt").exists());
        assert!(!open(dir.path(), 100).unwrap().1);
    }

    #[test]
    fn other_files_are_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE);
        fs::write(&path, "not a database at all, but long enough to be asked").unwrap();
        let error = open(dir.path(), 100).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert!(open_to_read(&path, 100).is_err());

        fs::remove_file(&path).unwrap();
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE url (a)")
            .unwrap();
        let error = open(dir.path(), 100).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");

        remove(dir.path()).unwrap();
        let (conn, _) = open(dir.path(), 100).unwrap();
        conn.pragma_update(None, "user_version", FORMAT + 1)
            .unwrap();
        drop(conn);
        let error = open(dir.path(), 100).unwrap_err();
        assert!(matches!(error, StoreError::Newer { .. }), "{error}");
        let error = open_to_read(&path, 100).unwrap_err();
        assert!(error.to_string().contains("newer crawldeck"), "{error}");

        remove(dir.path()).unwrap();
        fs::create_dir(&path).unwrap();
        let error = open(dir.path(), 100).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
    }

    #[test]
    fn a_finished_crawl_can_be_read_where_nothing_can_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("100% #1? it's.crawl");
        fs::create_dir(&odd).unwrap();
        drop(open(&odd, 100).unwrap());
        let path = odd.join(DATABASE);
        assert!(nothing_in_wal(&path));
        let conn = open_read_only(&path, true).unwrap();
        assert!(recognise(&conn, &path).unwrap());
        // Nothing is left beside it by such a reader.
        assert_eq!(fs::read_dir(&odd).unwrap().count(), 1);
    }

    #[test]
    fn the_views_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let (conn, _) = open(dir.path(), 100).unwrap();
        for view in ["pages", "records", "attempts"] {
            conn.prepare(&format!("SELECT * FROM {view}"))
                .unwrap()
                .exists([])
                .unwrap();
        }
    }
}
