//! Tables that came after the format's number: made where they are missing, so
//! that an older store only lacks what was never written to it.

use rusqlite::{Connection, Result};

/// Names and columns.
const TABLES: [(&str, &str); 3] = [
    // Records of an answer of an API; ids are below 0, and those of the records
    // are id << 16 | number, as with pages.
    (
        "answer",
        "(id INTEGER PRIMARY KEY, site INTEGER NOT NULL, source TEXT NOT NULL, \
         name TEXT NOT NULL, url TEXT NOT NULL, at INTEGER NOT NULL, records INTEGER NOT NULL)",
    ),
    // Digests of the page's text.
    (
        "content",
        "(id INTEGER PRIMARY KEY, site INTEGER NOT NULL, exact INTEGER NOT NULL, \
         near INTEGER NOT NULL)",
    ),
    // How far an API has been read, as JSON.
    (
        "progress",
        "(site INTEGER NOT NULL, source TEXT NOT NULL, key TEXT NOT NULL, mark TEXT NOT NULL, \
         PRIMARY KEY (site, source)) WITHOUT ROWID",
    ),
];

/// What the view has that shows records of answers too.
const RECORDS: &str = "LEFT JOIN answer";

/// Makes what is missing.
pub(super) fn make(conn: &Connection) -> Result<()> {
    for (name, columns) in missing(conn)? {
        conn.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {name} {columns}"))?;
    }
    let view: String = conn.query_row(
        "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = 'records'",
        [],
        |row| row.get(0),
    )?;
    if view.contains(RECORDS) {
        return Ok(());
    }
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; DROP VIEW records; {}; COMMIT",
        include_str!("records.sql")
    ))
}

/// Stands in for what is missing, on a connection that only reads.
pub(super) fn stand_in(conn: &Connection) -> Result<()> {
    for (name, columns) in missing(conn)? {
        conn.execute_batch(&format!("CREATE TEMP TABLE {name} {columns}"))?;
    }
    Ok(())
}

fn missing(conn: &Connection) -> Result<Vec<(&'static str, &'static str)>> {
    let mut known =
        conn.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?;
    let mut missing = Vec::new();
    for (name, columns) in TABLES {
        if !known.exists([name])? {
            missing.push((name, columns));
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use crate::store::folder::DATABASE;
    use crate::store::sqlite::schema::{open, open_to_read};

    #[test]
    fn an_older_store_is_read_and_written_as_if_it_had_them() {
        let dir = tempfile::tempdir().unwrap();
        let older = |conn: &rusqlite::Connection| {
            conn.execute_batch(
                "DROP VIEW records; DROP TABLE answer; DROP TABLE progress; \
                 CREATE VIEW records AS SELECT id FROM record",
            )
        };
        older(&open(dir.path(), 100).unwrap().0).unwrap();
        let rows = |conn: &rusqlite::Connection, sql: &str| {
            conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let read = open_to_read(&dir.path().join(DATABASE), 100).unwrap();
        assert_eq!(rows(&read, "SELECT count(*) FROM answer"), 0);
        drop(read);
        for _ in 0..2 {
            let (conn, found) = open(dir.path(), 100).unwrap();
            assert!(found);
            assert_eq!(rows(&conn, "SELECT count(url) FROM records"), 0);
            assert_eq!(rows(&conn, "SELECT count(*) FROM progress"), 0);
        }
    }
}
