//! crawldeck itself, as an operator and a script see it: the sites file, the
//! command line, `status --json` and `export`.

use crate::process::Program;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use url::Url;

/// The binary of the same build.
const CRAWLDECK: &str = env!("CARGO_BIN_EXE_crawldeck");

/// The three fields, the same that the Scrapy spider takes.
const FIELDS: &str = "extract:
  - record: page
    fields:
      title: title
      heading: h1
      about: { css: 'meta[name=description]', attr: content }
";

/// A site to be written into a sites file.
#[derive(Debug)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Its start page.
    pub start: String,
    /// Workers.
    pub concurrency: u32,
    /// Whether the three fields are taken from every page.
    pub fields: bool,
}

/// A sites file and the job's folder beside it, in a folder of their own.
#[derive(Debug)]
pub struct Job {
    dir: PathBuf,
}

impl Job {
    /// Writes the sites file into `dir`, which must be there and empty.
    pub fn new(dir: &Path, sites: &[Site]) -> Result<Self> {
        let mut text = String::new();
        for (index, site) in sites.iter().enumerate() {
            if index > 0 {
                text.push_str("---\n");
            }
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "site: {}\nstart: {}\nlimits: {{ pages: 100000000 }}\nfetch: {{ concurrency: {} }}\n{}",
                site.name,
                site.start,
                site.concurrency,
                if site.fields { FIELDS } else { "" }
            );
        }
        Self::of(dir, &text)
    }

    /// Writes this as the sites file into `dir`, which must be there and empty.
    pub fn of(dir: &Path, text: &str) -> Result<Self> {
        fs::write(dir.join("sites.yaml"), text)?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Where the sites file is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `crawldeck ctl`; a job that has ended is told nothing.
    pub fn ctl(&self, words: &[&str]) -> Result<()> {
        Command::new(CRAWLDECK)
            .arg("ctl")
            .arg(self.folder())
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.dir.join("job")
    }

    /// `crawldeck run`, with further flags.
    pub fn run(&self, flags: &[&str]) -> Program {
        let mut args: Vec<OsString> = vec!["run".into(), "sites.yaml".into()];
        args.extend(["--dir".into(), "job".into()]);
        args.extend(flags.iter().map(Into::into));
        Program {
            name: CRAWLDECK.into(),
            args,
            dir: self.dir.clone(),
            codes: &[0],
        }
    }

    /// `crawldeck extract`.
    pub fn extract(&self) -> Program {
        let args = ["extract", "sites.yaml", "--dir", "job"];
        Program {
            name: CRAWLDECK.into(),
            args: args.iter().map(Into::into).collect(),
            dir: self.dir.clone(),
            codes: &[0],
        }
    }

    /// `crawldeck export` into the file `out`.
    pub fn export_as(&self, what: &str, format: &str, more: &[&str]) -> Program {
        let args = [
            "export", "job", "--what", what, "--format", format, "-o", "out",
        ];
        Program {
            name: CRAWLDECK.into(),
            args: args.iter().chain(more).map(Into::into).collect(),
            dir: self.dir.clone(),
            codes: &[0],
        }
    }

    /// `crawldeck status --json`; `None` while there is no job to be read yet.
    pub fn status(&self) -> Result<Option<Vec<SiteStatus>>> {
        let output = Command::new(CRAWLDECK)
            .arg("status")
            .arg(self.folder())
            .arg("--json")
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            return Ok(None);
        }
        let answer: Value = serde_json::from_slice(&output.stdout)
            .context("status --json printed something that is not JSON")?;
        let sites = answer["sites"].as_array().context("no `sites` in status")?;
        sites
            .iter()
            .map(SiteStatus::read)
            .collect::<Result<_>>()
            .map(Some)
    }

    /// HTML pages that were got.
    pub fn got(&self) -> Result<u64> {
        Ok(self.pages()?.iter().filter(|page| page.is_page()).count() as u64)
    }

    /// `crawldeck export --what pages`.
    pub fn pages(&self) -> Result<Vec<Page>> {
        self.export("pages", |row| {
            Ok(Page {
                url: text(&row, "url")?.into(),
                outcome: text(&row, "outcome")?.into(),
                reason: row["reason"].as_str().unwrap_or("").into(),
                status: row["status"].as_u64(),
                html: row["content_type"]
                    .as_str()
                    .is_some_and(|kind| kind.starts_with("text/html")),
                fetched: instant(&row["fetched_at"]),
                attempts: row["attempts"].as_u64().unwrap_or(0),
            })
        })
    }

    /// `crawldeck export --what records`: URL and fields.
    pub fn records(&self) -> Result<Vec<(String, BTreeMap<String, Value>)>> {
        self.export("records", |row| {
            let fields = row["fields"]
                .as_object()
                .context("no `fields` in a record")?;
            let fields = fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            Ok((text(&row, "url")?.to_owned(), fields))
        })
    }

    fn export<T>(&self, what: &str, read: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
        let mut child = Command::new(CRAWLDECK)
            .arg("export")
            .arg(self.folder())
            .args(["--what", what, "--format", "jsonl"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("no pipe to export")?;
        let rows = BufReader::new(output)
            .lines()
            .map(|line| read(serde_json::from_str(&line?)?))
            .collect::<Result<Vec<T>>>();
        let status = child.wait()?;
        if !status.success() {
            bail!("export --what {what} ended with {status}");
        }
        rows
    }
}

/// A site in `status --json`.
#[derive(Debug)]
pub struct SiteStatus {
    /// Its name.
    pub name: String,
    /// `running`, `paused`, `finished`, `failed` or `stopped`.
    pub state: String,
    /// Pages that are over.
    pub over: u64,
    /// Pages that wait or are in flight.
    pub waiting: u64,
}

impl SiteStatus {
    fn read(site: &Value) -> Result<Self> {
        let count = |name: &str| {
            site["pages"][name]
                .as_u64()
                .with_context(|| format!("no `pages.{name}` in status"))
        };
        Ok(Self {
            name: text(site, "site")?.to_owned(),
            state: text(site, "state")?.to_owned(),
            over: count("done")? + count("failed")? + count("skipped")?,
            waiting: count("queued")? + count("in_flight")?,
        })
    }
}

/// A line of `export --what pages`.
#[derive(Debug)]
pub struct Page {
    /// In normal form.
    pub url: Box<str>,
    /// `done`, `failed`, `skipped` or `queued`.
    pub outcome: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// HTTP status.
    pub status: Option<u64>,
    /// Whether the answer was HTML.
    pub html: bool,
    /// When, seconds since the Unix epoch.
    pub fetched: Option<f64>,
    /// Attempts made.
    pub attempts: u64,
}

impl Page {
    /// Whether it is an HTML page that was got.
    pub fn is_page(&self) -> bool {
        self.html && &*self.outcome == "done" && self.status == Some(200)
    }
}

/// Path and query of a URL, as the server's log has them.
pub fn target(url: &str) -> Result<String> {
    let url = Url::parse(url).with_context(|| format!("not a URL: {url}"))?;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    Ok(crate::nginx::decoded(target))
}

fn text<'a>(row: &'a Value, key: &str) -> Result<&'a str> {
    row[key]
        .as_str()
        .with_context(|| format!("no text `{key}` in {row}"))
}

/// Reads `2026-01-31T23:59:59.123Z` or milliseconds since the Unix epoch as
/// seconds since the Unix epoch.
fn instant(value: &Value) -> Option<f64> {
    if let Some(millis) = value.as_f64() {
        return Some(millis / 1000.0);
    }
    let (date, time) = value.as_str()?.strip_suffix('Z')?.split_once('T')?;
    let date: Vec<i64> = date
        .split('-')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let time: Vec<f64> = time
        .split(':')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let ([year, month, day], [hours, minutes, seconds]) =
        (date[..].try_into().ok()?, time[..].try_into().ok()?);
    let days = days_since_epoch(year, month, day) as f64;
    Some(days * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds)
}

/// Days of the Gregorian calendar; the year is taken to begin in March, so
/// that the leap day is its last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}
