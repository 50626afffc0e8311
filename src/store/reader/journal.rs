//! The commands that were given.

use crate::bus::JournalRow;
use crate::store::sqlite::code::count;
use crate::store::sqlite::schema::format;
use rusqlite::{Connection, Result, Row};

/// In format 1 only answers were kept.
const OLD: &str = "SELECT id, at, origin, command, '', '', answer, 0 FROM journal \
     WHERE id > ?1 AND ?2 IS NULL ORDER BY id";
const NEW: &str = "SELECT id, at, origin, command, before, after, answer, refused FROM journal \
     WHERE id > ?1 AND ?2 IS NULL ORDER BY id";

/// The statement for this database's format.
pub(super) fn sql(conn: &Connection) -> Result<&'static str> {
    Ok(if format(conn)? < 2 { OLD } else { NEW })
}

/// The command and about how many bytes it takes.
pub(super) fn read(row: &Row<'_>) -> Result<(JournalRow, usize)> {
    let entry = JournalRow {
        id: count(row.get(0)?),
        at: count(row.get(1)?),
        origin: row.get(2)?,
        command: row.get(3)?,
        before: row.get(4)?,
        after: row.get(5)?,
        answer: row.get(6)?,
        refused: row.get(7)?,
    };
    let size = entry.command.len() + entry.answer.len() + 200;
    Ok((entry, size))
}
