//! `crawldeck list`: the jobs on this machine, and whether they run.

use super::jobs::{self, Known};
use crate::monitor::line::clean;
use crate::page::time::rfc3339;
use crate::store::reader::Reader;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Arguments of `crawldeck list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// One JSON object, for scripts
    #[arg(long)]
    json: bool,
}

/// One job and how far it is.
struct Row {
    known: Known,
    running: bool,
    /// Pages done and known; `None` where the store cannot be read.
    pages: Option<(u64, u64)>,
}

/// Runs it.
pub fn run(args: &ListArgs) -> ExitCode {
    let rows: Vec<Row> = jobs::all().into_iter().map(row).collect();
    let text = if args.json {
        format!("{}\n", object(&rows))
    } else if rows.is_empty() {
        "no jobs are known here\n".to_owned()
    } else {
        table(&rows)
    };
    // A reader that has seen enough and gone is no fault.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn row(known: Known) -> Row {
    let sites = Reader::open(&known.dir)
        .ok()
        .and_then(|reader| reader.status().ok());
    let pages = sites.map(|sites| {
        sites.iter().fold((0, 0), |(done, all), site| {
            let pages = site.pages;
            let over = pages.done + pages.failed + pages.skipped;
            (
                done + pages.done,
                all + over + pages.queued + pages.in_flight,
            )
        })
    });
    Row {
        running: known.is_running(),
        known,
        pages,
    }
}

/// The answer for scripts; its keys are a promise.
fn object(rows: &[Row]) -> Value {
    let job = |row: &Row| {
        json!({
            "dir": row.known.dir,
            "title": row.known.title,
            "running": row.running,
            "pid": row.running.then_some(row.known.pid),
            "started": rfc3339(row.known.started),
            "done": row.pages.map(|(done, _)| done),
            "known": row.pages.map(|(_, known)| known),
        })
    };
    json!({ "jobs": rows.iter().map(job).collect::<Vec<_>>() })
}

const HEAD: [&str; 6] = ["TITLE", "STATE", "PROCESS", "PAGES", "STARTED", "FOLDER"];

fn table(rows: &[Row]) -> String {
    let mut cells = vec![HEAD.map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        [
            clean(&row.known.title),
            if row.running { "running" } else { "over" }.to_owned(),
            if row.running {
                row.known.pid.to_string()
            } else {
                String::new()
            },
            row.pages
                .map_or_else(String::new, |(done, known)| format!("{done}/{known}")),
            rfc3339(row.known.started),
            clean(&row.known.dir.to_string_lossy()),
        ]
    }));
    let width = |i: usize| cells.iter().map(|row| row[i].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |title: &str, running| Row {
            known: Known {
                dir: format!("/srv/{title}.crawl").into(),
                title: title.to_owned(),
                pid: 42,
                started: 1_700_000_000_000,
            },
            running,
            pages: running.then_some((7, 12)),
        };
        vec![row("books", true), row("a longer name \u{1b}[2J", false)]
    }

    #[test]
    fn scripts_find_the_promised_keys() {
        let object = object(&rows());
        assert_eq!(
            object["jobs"][0],
            json!({
                "dir": "/srv/books.crawl", "title": "books", "running": true, "pid": 42,
                "started": "2023-11-14T22:13:20.000Z", "done": 7, "known": 12,
            })
        );
        assert_eq!(object["jobs"][1]["pid"], Value::Null);
    }

    #[test]
    fn the_table_is_aligned_and_clean() {
        let text = table(&rows());
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let at: Vec<usize> = text
            .lines()
            .map(|line| line.find("/srv/").or(line.find("FOLDER")).unwrap())
            .zip(text.lines())
            .map(|(at, line)| line[..at].chars().count())
            .collect();
        assert!(at.len() == 3 && at.iter().all(|n| *n == at[0]), "{text}");
        assert!(text.contains("7/12"), "{text}");
    }
}
