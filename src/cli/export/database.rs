//! Tables in a fresh SQLite database: one for pages, one a kind of record.

use super::ExportError;
use super::rows::{Columns, Selection, Source, Times};
use super::sink::Draft;
use crate::store::reader::Reader;
use anyhow::{Context, bail};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, ToSql};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Columns that SQLite gives one table at most.
const MOST_COLUMNS: usize = 2000;

/// A table to be written.
struct Plan<'a> {
    name: String,
    source: Source<'a>,
    columns: Columns,
}

/// Writes these sources into a new database at `path`.
pub(super) fn write(
    reader: &Reader,
    sources: &[Source<'_>],
    chosen: Option<&[String]>,
    selection: Selection<'_>,
    path: &Path,
    seen: &mut dyn FnMut(),
) -> anyhow::Result<()> {
    let kinds = reader.kinds(selection.site)?;
    let plans = plans(sources, &kinds, chosen)?;
    let (file, draft) = Draft::create(path)?;
    drop(file);
    let Some(draft) = draft else {
        bail!("{} is no file, which a database must be", path.display());
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(draft.path(), flags)
        .with_context(|| format!("cannot write {}", path.display()))?;
    fill(&mut conn, reader, &plans, selection, seen)?;
    conn.close().map_err(|(_, error)| error)?;
    draft.finish()?;
    Ok(())
}

fn plans<'a>(
    sources: &[Source<'a>],
    kinds: &'a [(String, Vec<String>)],
    chosen: Option<&[String]>,
) -> anyhow::Result<Vec<Plan<'a>>> {
    let mut plans: Vec<Plan<'a>> = Vec::new();
    let mut plan = |name: &str, source: Source<'a>, fields: &[String]| {
        let taken = |name: &str| plans.iter().any(|p| p.name.eq_ignore_ascii_case(name));
        let mut name = name.to_owned();
        while taken(&name) || name.to_ascii_lowercase().starts_with("sqlite_") {
            name = format!("record_{name}");
        }
        let mut columns = Columns::all(source, fields);
        if let Some(chosen) = chosen {
            columns = columns.choose(chosen).map_err(anyhow::Error::msg)?;
        }
        if columns.names().len() > MOST_COLUMNS {
            bail!(
                "{name} has more columns than SQLite takes ({MOST_COLUMNS}); choose some with --columns"
            );
        }
        plans.push(Plan {
            name,
            source,
            columns,
        });
        Ok(())
    };
    for source in sources {
        match source {
            Source::Pages => plan("pages", *source, &[])?,
            Source::Failures => plan("failures", *source, &[])?,
            Source::Journal => plan("journal", *source, &[])?,
            Source::Sources => plan("sources", *source, &[])?,
            Source::Changes => plan("changes", *source, &[])?,
            Source::Links => plan("links", *source, &[])?,
            Source::Degrees => plan("degrees", *source, &[])?,
            Source::Orphans => plan("orphans", *source, &[])?,
            Source::DeadLinks => plan("dead_links", *source, &[])?,
            Source::Duplicates => plan("duplicates", *source, &[])?,
            Source::Records(_) => {
                for (kind, fields) in kinds {
                    plan(kind, Source::Records(Some(kind)), fields)?;
                }
            }
        }
    }
    Ok(plans)
}

fn fill(
    conn: &mut Connection,
    reader: &Reader,
    plans: &[Plan<'_>],
    selection: Selection<'_>,
    seen: &mut dyn FnMut(),
) -> Result<(), ExportError> {
    // Nobody sees the file before it is whole: nothing is to be rolled back.
    conn.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "OFF")?;
    let tx = conn.transaction()?;
    for plan in plans {
        tx.execute_batch(&create(plan))?;
    }
    let mut tables: HashMap<&str, (Statement<'_>, &Columns)> = HashMap::new();
    for plan in plans {
        match plan.source {
            Source::Records(Some(kind)) => {
                tables.insert(kind, (tx.prepare(&insert(plan))?, &plan.columns));
            }
            source => {
                let mut statement = tx.prepare(&insert(plan))?;
                let selection = Selection {
                    source,
                    ..selection
                };
                selection.each(reader, seen, |row| {
                    put(&mut statement, &plan.columns.cells(row))
                })?;
            }
        }
    }
    if !tables.is_empty() {
        let selection = Selection {
            source: Source::Records(None),
            times: Times::Text,
            ..selection
        };
        selection.each(reader, seen, |row| {
            // The second of the first columns is the record's name. A kind that
            // has appeared just now has no table.
            let kind = row.head.get(1).and_then(Value::as_str).unwrap_or_default();
            match tables.get_mut(kind) {
                Some((statement, columns)) => put(statement, &columns.cells(row)),
                None => Ok(()),
            }
        })?;
    }
    drop(tables);
    tx.commit()?;
    Ok(())
}

fn put(statement: &mut Statement<'_>, cells: &[Value]) -> Result<(), ExportError> {
    statement.execute(rusqlite::params_from_iter(cells.iter().map(Cell)))?;
    Ok(())
}

struct Cell<'a>(&'a Value);

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(value) => ToSqlOutput::from(*value),
            Value::String(text) => ToSqlOutput::from(text.as_str()),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => ToSqlOutput::from(whole),
                (None, Some(float)) if !number.is_u64() => ToSqlOutput::from(float),
                _ => ToSqlOutput::from(number.to_string()),
            },
            other => ToSqlOutput::from(other.to_string()),
        })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

/// Names of columns that differ in more than the case of their letters, which
/// is all that SQLite sees.
fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let mut name = name.replace('\0', "");
        while distinct
            .iter()
            .any(|other| other.eq_ignore_ascii_case(&name))
        {
            name.push('_');
        }
        distinct.push(name);
    }
    distinct
}

fn create(plan: &Plan<'_>) -> String {
    let names = distinct(plan.columns.names());
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("CREATE TABLE {} ({})", quoted(&plan.name), names.join(", "))
}

fn insert(plan: &Plan<'_>) -> String {
    let marks = vec!["?"; plan.columns.names().len()];
    format!(
        "INSERT INTO {} VALUES ({})",
        quoted(&plan.name),
        marks.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_a_name() {
        let kinds = [
            (
                "pages".to_owned(),
                vec!["Title".to_owned(), "title".to_owned()],
            ),
            (
                "sqlite_x".to_owned(),
                vec!["a\"b".to_owned(), "select".to_owned()],
            ),
        ];
        let sources = [Source::Pages, Source::Records(None)];
        let plans = plans(&sources, &kinds, None).unwrap();
        let names: Vec<_> = plans.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["pages", "record_pages", "record_sqlite_x"]);
        let conn = Connection::open_in_memory().unwrap();
        for plan in &plans {
            conn.execute_batch(&create(plan)).unwrap();
            conn.prepare(&insert(plan)).unwrap();
        }
    }
}
