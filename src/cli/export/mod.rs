//! `crawldeck export`: pages, failures, records and the journal as lines or as
//! a table.

mod sink;
mod table;

use self::sink::Sink;
use self::table::{Table, record_columns};
use crate::bus::JournalRow;
use crate::page::time::rfc3339;
use crate::store::reader::{PageRow, Reader, RecordRow};
use anyhow::Context;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of bad input, nothing done.
const BAD_INPUT: u8 = 2;

/// What of a crawl is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// The records taken from pages.
    Records,
    /// Every known page and what became of it.
    Pages,
    /// The failed pages with their last error.
    Failures,
    /// Every command that was given: at, origin, command, before, after,
    /// answer, refused.
    Journal,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// A table with a header line.
    Csv,
}

/// Write what a crawl has found, while it runs or after.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// The job's folder, or its sites file [default: the only *.crawl folder here]
    pub dir: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum)]
    pub what: What,
    /// How to write it
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: Format,
    /// Write to this file, which appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this site
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read or the output not be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let reader = match super::status::open(args.dir.as_deref()) {
        Ok(reader) => reader,
        Err(message) => return Ok(refuse(&message)),
    };
    let site = args.site.as_deref();
    if let Some(name) = site {
        let sites = reader.status().context("reading the store")?;
        if !sites.iter().any(|s| s.site == name) {
            let names: Vec<_> = sites.iter().map(|s| s.site.as_str()).collect();
            let message = format!("no site is called {name}; there is {}", names.join(", "));
            return Ok(refuse(&message));
        }
    }
    if site.is_some() && args.what == What::Journal {
        return Ok(refuse("the journal is one for all sites; leave out --site"));
    }
    let mut sink = Sink::open(args.output.as_deref())?;
    let written = write(&reader, args.what, args.format, site, &mut sink)
        .and_then(|()| sink.finish().map_err(ExportError::Write));
    match written {
        // The reader of a pipe has seen enough.
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        written => {
            written?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("crawldeck: {message}");
    ExitCode::from(BAD_INPUT)
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("cannot read the store: {0}")]
    Read(#[from] rusqlite::Error),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

fn write(
    reader: &Reader,
    what: What,
    format: Format,
    site: Option<&str>,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    match (what, format) {
        (What::Pages, Format::Jsonl) => {
            reader.pages(site, |page| line(out, &Value::Object(page_object(page))))
        }
        (What::Failures, Format::Jsonl) => {
            reader.failures(site, |page| line(out, &Value::Object(failure_object(page))))
        }
        (What::Records, Format::Jsonl) => {
            reader.records(site, |record| line(out, &record_object(record)))
        }
        (What::Pages, Format::Csv) => {
            let mut table = Table::new(out, &PAGE_COLUMNS)?;
            reader.pages(site, |page| table_row(&mut table, page_object(page)))?;
            Ok(table.finish()?)
        }
        (What::Failures, Format::Csv) => {
            let columns = [&PAGE_COLUMNS[..], &["error"]].concat();
            let mut table = Table::new(out, &columns)?;
            reader.failures(site, |page| table_row(&mut table, failure_object(page)))?;
            Ok(table.finish()?)
        }
        (What::Records, Format::Csv) => {
            // Fields that appear while this is being written find no column.
            let fields = reader.fields(site)?;
            let mut table = Table::new(out, &record_columns(&fields))?;
            let absent = Value::Null;
            reader.records(site, |mut record| {
                let own = std::mem::take(&mut record.fields);
                let head = record_head(record);
                let fields = fields.iter().map(|f| own.get(f).unwrap_or(&absent));
                table.row(head.values().chain(fields))?;
                Ok::<(), ExportError>(())
            })?;
            Ok(table.finish()?)
        }
        (What::Journal, Format::Jsonl) => {
            reader.journal(|row| line(out, &Value::Object(journal_object(row))))
        }
        (What::Journal, Format::Csv) => {
            let mut table = Table::new(out, &JOURNAL_COLUMNS)?;
            reader.journal(|row| table_row(&mut table, journal_object(row)))?;
            Ok(table.finish()?)
        }
    }
}

fn line(out: &mut dyn Write, value: &Value) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

fn table_row(table: &mut Table<'_>, object: Map<String, Value>) -> Result<(), ExportError> {
    Ok(table.row(object.values())?)
}

/// The keys of [`page_object`].
const PAGE_COLUMNS: [&str; 13] = [
    "site",
    "url",
    "final_url",
    "outcome",
    "reason",
    "status",
    "depth",
    "from",
    "attempts",
    "bytes",
    "content_type",
    "fetched_at",
    "canonical",
];

fn page_object(page: PageRow) -> Map<String, Value> {
    let values: [Value; 13] = [
        page.site.into(),
        page.url.into(),
        page.final_url.into(),
        page.outcome.into(),
        page.reason.into(),
        page.status.into(),
        page.depth.into(),
        page.from.into(),
        page.attempts.into(),
        page.bytes.into(),
        page.content_type.into(),
        page.fetched_at.map(rfc3339).into(),
        page.canonical.into(),
    ];
    PAGE_COLUMNS
        .iter()
        .map(|c| (*c).to_owned())
        .zip(values)
        .collect()
}

fn failure_object(mut page: PageRow) -> Map<String, Value> {
    let error = page.error.take();
    let mut object = page_object(page);
    object.insert("error".to_owned(), error.into());
    object
}

/// The keys of [`record_head`].
const RECORD_COLUMNS: [&str; 4] = ["site", "record", "url", "fetched_at"];

fn record_head(record: RecordRow) -> Map<String, Value> {
    let values: [Value; 4] = [
        record.site.into(),
        record.record.into(),
        record.url.into(),
        record.fetched_at.map(rfc3339).into(),
    ];
    RECORD_COLUMNS
        .iter()
        .map(|c| (*c).to_owned())
        .zip(values)
        .collect()
}

fn record_object(mut record: RecordRow) -> Value {
    let fields = std::mem::take(&mut record.fields);
    let mut object = record_head(record);
    object.insert("fields".to_owned(), json!(fields));
    Value::Object(object)
}

/// The keys of [`journal_object`].
const JOURNAL_COLUMNS: [&str; 7] = [
    "at", "origin", "command", "before", "after", "answer", "refused",
];

fn journal_object(row: JournalRow) -> Map<String, Value> {
    let values: [Value; 7] = [
        rfc3339(row.at).into(),
        row.origin.into(),
        row.command.into(),
        row.before.into(),
        row.after.into(),
        row.answer.into(),
        row.refused.into(),
    ];
    JOURNAL_COLUMNS
        .iter()
        .map(|c| (*c).to_owned())
        .zip(values)
        .collect()
}

#[cfg(test)]
mod tests;
