//! Tables that came after the format's number: made where they are missing, so
//! that an older store only lacks what was never written to it.

use rusqlite::{Connection, Result};

/// Every one of them.
const TABLES: &str = include_str!("additions.sql");
/// What stands before the name of each.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS ";

/// What the view has that shows records of answers too.
const RECORDS: &str = "LEFT JOIN answer";

/// Makes what is missing.
pub(super) fn make(conn: &Connection) -> Result<()> {
    conn.execute_batch(TABLES)?;
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
    let mut known =
        conn.prepare("SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = ?1")?;
    for table in TABLES.split(CREATE).skip(1) {
        let name = table.split_whitespace().next();
        if !known.exists([name])? {
            conn.execute_batch(&format!("CREATE TEMP TABLE {table}"))?;
        }
    }
    Ok(())
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
                "DROP VIEW records; DROP TABLE answer; DROP TABLE progress; DROP TABLE link; DROP TABLE round; \
                 DROP TABLE trap; DROP TABLE left_out; DROP TABLE learned; \
                 DROP TABLE figures; \
                 CREATE VIEW records AS SELECT id FROM record",
            )
        };
        older(&open(dir.path(), 100).unwrap().0).unwrap();
        let rows = |conn: &rusqlite::Connection, sql: &str| {
            conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let read = open_to_read(&dir.path().join(DATABASE), 100).unwrap();
        for table in ["answer", "progress", "link", "round", "seen", "trap"] {
            let sql = format!("SELECT count(*) FROM {table}");
            assert_eq!(rows(&read, &sql), 0);
        }
        drop(read);
        for _ in 0..2 {
            let (conn, found) = open(dir.path(), 100).unwrap();
            assert!(found);
            assert_eq!(rows(&conn, "SELECT count(url) FROM records"), 0);
            assert_eq!(rows(&conn, "SELECT count(*) FROM progress"), 0);
        }
    }
}
