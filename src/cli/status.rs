//! `crawldeck status`: where each site of a crawl stands.

mod rungs;

use crate::monitor::Snapshot;
use crate::store::folder;
use crate::store::reader::{Reader, SiteStatus};
use anyhow::Context;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// Exit code of bad input, nothing done.
const BAD_INPUT: u8 = 2;

/// Say where each site of a crawl stands, while it runs or after.
#[derive(Debug, Clone, clap::Args)]
pub struct StatusArgs {
    /// The job's folder, or its sites file [default: the only *.crawl folder here]
    pub dir: Option<PathBuf>,
    /// One JSON object, for scripts
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read or the output not be written.
pub fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let reader = match open(args.dir.as_deref()) {
        Ok(reader) => reader,
        Err(message) => {
            eprintln!("crawldeck: {message}");
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let sites = reader.status().context("reading the store")?;
    let text = if args.json {
        let picture = reader.is_running().then(|| rungs::picture(reader.dir()));
        let live = picture.flatten();
        format!("{}\n", object(reader.is_running(), &sites, live.as_ref()))
    } else {
        table(&sites)
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader of a pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => {
            written.context("writing the status")?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The answer for scripts; its keys are a promise.
fn object(running: bool, sites: &[SiteStatus], live: Option<&Snapshot>) -> Value {
    let sites = sites.iter().map(|site| {
        let mut object = json!(site);
        object["rungs"] = rungs::table(site, live);
        object
    });
    json!({ "running": running, "sites": sites.collect::<Vec<Value>>() })
}

/// The job that the operator means, open; else what is wrong, in words.
pub(super) fn open(named: Option<&Path>) -> Result<Reader, String> {
    let dir = folder::find(named).map_err(|e| e.to_string())?;
    Reader::open(&dir).map_err(|e| e.to_string())
}

const HEAD: [&str; 11] = [
    "SITE", "STATE", "DONE", "FAILED", "SKIPPED", "QUEUED", "FLIGHT", "RECORDS", "MB", "WORKERS",
    "DELAY",
];
/// The columns up to here are text, flush left; the others numbers.
const TEXT_COLUMNS: usize = 2;

/// A row a site, below a header; why a site stands where it does comes last.
/// Below them, what sites that were crawled again were found to be, and the
/// sources that failed.
fn table(sites: &[SiteStatus]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(sites.iter().map(row));
    let width = |i: usize| rows.iter().map(|r| r[i].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let whys = std::iter::once(String::new()).chain(sites.iter().map(why));
    let mut text = String::new();
    for (row, why) in rows.iter().zip(whys) {
        let mut line = String::new();
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - cell.width());
            if i < TEXT_COLUMNS {
                line.push_str(&format!("{cell}{gap}  "));
            } else {
                line.push_str(&format!("{gap}{cell}  "));
            }
        }
        line.push_str(&why);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for site in sites {
        if let Some(round) = &site.round {
            text.push_str(&format!("{}: {}\n", site.site, round.found));
        }
        for source in &site.sources.failures {
            let (kind, name) = (source.kind.as_str(), &source.name);
            let line = format!("{}: {kind} {name}: {}", site.site, source.problem);
            text.push_str(&clean(line));
            text.push('\n');
        }
        let told = site.sources.failures.len() as u64;
        if site.sources.failed > told {
            let more = site.sources.failed - told;
            text.push_str(&format!("{}: and {more} more sources failed\n", site.site));
        }
    }
    text
}

fn row(site: &SiteStatus) -> [String; HEAD.len()] {
    let pages = site.pages;
    [
        site.site.clone(),
        site.state.to_owned(),
        pages.done.to_string(),
        pages.failed.to_string(),
        pages.skipped.to_string(),
        pages.queued.to_string(),
        pages.in_flight.to_string(),
        site.records.to_string(),
        format!("{:.1}", site.bytes as f64 / 1e6),
        site.concurrency.to_string(),
        format!("{}ms", site.delay_ms),
    ]
}

/// Cleaned of what would steer a terminal.
fn why(site: &SiteStatus) -> String {
    let mut text = clean(site.why.clone().unwrap_or_default());
    if site.removed {
        text = format!("(no longer in the sites file) {text}");
    }
    text
}

fn clean(mut text: String) -> String {
    text.retain(|c| {
        !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::reader::{PageCounts, SourceCounts};

    fn site(name: &str, why: Option<&str>, removed: bool) -> SiteStatus {
        SiteStatus {
            site: name.to_owned(),
            state: "running",
            why: why.map(str::to_owned),
            pages: PageCounts {
                done: 12_345,
                failed: 1,
                ..PageCounts::default()
            },
            records: 7,
            bytes: 1_234_567,
            concurrency: 8,
            delay_ms: 250,
            removed,
            rungs: Vec::new(),
            spent: Default::default(),
            figures: Vec::new(),
            fill: Vec::new(),
            round: None,
            sources: SourceCounts::default(),
        }
    }

    #[test]
    fn scripts_find_the_promised_keys() {
        let expected = json!({
            "running": true,
            "sites": [{
                "site": "books", "state": "running", "why": null,
                "pages": {
                    "done": 12345, "failed": 1, "skipped": 0, "queued": 0, "in_flight": 0,
                },
                "records": 7, "bytes": 1234567, "concurrency": 8, "delay_ms": 250,
                "removed": false, "fill": [], "round": null, "rungs": [],
                "sources": {
                    "done": 0, "failed": 0, "waiting": 0, "reading": 0, "failures": [],
                },
            }],
        });
        assert_eq!(object(true, &[site("books", None, false)], None), expected);
    }

    #[test]
    fn a_folder_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let args = |dir: &Path| StatusArgs {
            dir: Some(dir.to_owned()),
            json: true,
        };
        for dir in [dir.path().to_owned(), dir.path().join("gone")] {
            let code = run(&args(&dir)).unwrap();
            assert_eq!(
                format!("{code:?}"),
                format!("{:?}", ExitCode::from(BAD_INPUT))
            );
        }
    }

    #[test]
    fn the_table_is_aligned_and_clean() {
        let sites = [
            site("books", None, false),
            site("a-longer-name", Some("robots \u{1b}[31mforbid"), true),
        ];
        let text = table(&sites);
        assert!(!text.contains('\u{1b}'));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        let ends: Vec<_> = lines
            .iter()
            .map(|l| l.find("250ms").or(l.find("DELAY")))
            .collect();
        assert!(ends.iter().all(|e| *e == ends[0] && e.is_some()), "{text}");
        assert!(
            lines[2].ends_with("(no longer in the sites file) robots [31mforbid"),
            "{text}"
        );
    }
}
