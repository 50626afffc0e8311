//! Lists of URLs made by other tools: plain lines, tables, lines of JSON,
//! sitemaps; gzipped or not; read row by row, however long they are.

mod json;
mod lines;
mod table;

use super::sitemap;
use super::source::{Source, beginning};
use crate::config::{ListFormat, ListRule};
use std::io::{self, BufRead};
use url::Url;

/// Bytes of a list after decompression.
const BYTES: u64 = 16 << 30;
/// Longest value taken for a URL, bytes.
const URL: usize = 2 * crate::page::NormalForm::MAX_LEN;

/// What is found in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A page, with a sitemap's `lastmod`.
    Page(Url, Option<String>),
    /// A further sitemap, with its `lastmod`.
    Sitemap(Url, Option<String>),
    /// A row without a URL.
    Bad {
        /// Its line, from 1; 0 where the format has no lines.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
        /// How it begins; as hostile as it came.
        text: String,
    },
}

/// How reading went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows read that are not empty, nor a table's head.
    pub rows: u64,
    /// Rows without a URL.
    pub bad: u64,
    /// Why it was not read to its end, or is no list at all.
    pub problem: Option<String>,
    /// What stands where it broke, or how it begins; as hostile as it came.
    pub excerpt: String,
}

/// Reads a list and gives what is in it, row by row; the sink answers whether
/// to go on. `name` is the list's file name, `base` what relative locations of
/// a list are relative to.
pub fn read(
    bytes: impl BufRead,
    rule: &ListRule,
    name: &str,
    base: &Url,
    sink: &mut dyn FnMut(Found) -> bool,
) -> Summary {
    let mut taken = Taken {
        base,
        summary: Summary::default(),
        sink,
    };
    let end = contents(bytes, rule, name, &mut taken);
    let mut summary = taken.summary;
    summary.problem = match end {
        Err(Stop::Problem(problem)) => Some(problem),
        Ok(()) if summary.rows == 0 => Some("there is nothing in it".to_owned()),
        Ok(()) if summary.bad == summary.rows => Some("no row of it has a URL".to_owned()),
        Ok(()) | Err(Stop::Told) => None,
    };
    summary
}

/// Why reading ends before its end.
enum Stop {
    /// The sink wants no more.
    Told,
    /// This is wrong.
    Problem(String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Problem(match error.kind() {
            // Of this room's own making, in whole words.
            io::ErrorKind::Other => error.to_string(),
            _ => format!("it cannot be read on: {error}"),
        })
    }
}

/// Where rows go.
struct Taken<'a> {
    base: &'a Url,
    summary: Summary,
    sink: &'a mut dyn FnMut(Found) -> bool,
}

impl Taken<'_> {
    /// Takes a row whose URL is `text`.
    fn row(&mut self, line: u64, text: &str) -> Result<(), Stop> {
        match self.url(text) {
            Ok(url) => self.page(url),
            Err(why) => self.bad(line, why, text),
        }
    }

    fn page(&mut self, url: Url) -> Result<(), Stop> {
        self.summary.rows += 1;
        self.give(Found::Page(url, None))
    }

    fn bad(&mut self, line: u64, why: &'static str, text: &str) -> Result<(), Stop> {
        self.summary.rows += 1;
        self.summary.bad += 1;
        let text = beginning(text).to_owned();
        self.give(Found::Bad { line, why, text })
    }

    fn give(&mut self, found: Found) -> Result<(), Stop> {
        match (self.sink)(found) {
            true => Ok(()),
            false => Err(Stop::Told),
        }
    }

    /// A whole URL, or a path from the site's root.
    fn url(&self, text: &str) -> Result<Url, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("no URL");
        }
        if text.len() > URL {
            return Err("too long for a URL");
        }
        let url = match text.starts_with('/') {
            true => self.base.join(text),
            false => Url::parse(text),
        };
        match url {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
            Ok(_) => Err("not http or https"),
            Err(_) => Err("not a URL"),
        }
    }
}

fn contents(
    bytes: impl BufRead,
    rule: &ListRule,
    name: &str,
    taken: &mut Taken,
) -> Result<(), Stop> {
    let mut source = Source::new(bytes, BYTES)?;
    // Looked at only: lines are counted, and a table may begin with a tab.
    let text = source.fill_buf()?;
    if text.is_empty() {
        return Err(Stop::Problem("it is empty".to_owned()));
    }
    let first = text.trim_ascii_start().first().copied().unwrap_or(b' ');
    let read = match format(rule, name, first) {
        ListFormat::Lines => lines::read(&mut source, taken),
        ListFormat::Table => table::read(&mut source, rule.column.as_ref(), taken),
        ListFormat::JsonLines => json::read(&mut source, rule.path.as_ref(), taken),
        ListFormat::Sitemap => read_sitemap(&mut source, taken),
    };
    if matches!(read, Err(Stop::Problem(_))) && taken.summary.excerpt.is_empty() {
        taken.summary.excerpt = source.around();
    }
    read
}

/// As the operator says, else by what the rule asks for, the name, or the
/// first byte.
fn format(rule: &ListRule, name: &str, first: u8) -> ListFormat {
    if let Some(format) = rule.format {
        return format;
    }
    if rule.column.is_some() {
        return ListFormat::Table;
    }
    if rule.path.is_some() {
        return ListFormat::JsonLines;
    }
    // Whatever it is called.
    if first == b'<' {
        return ListFormat::Sitemap;
    }
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("csv" | "tsv") => ListFormat::Table,
        Some("jsonl" | "ndjson") => ListFormat::JsonLines,
        Some("txt") => ListFormat::Lines,
        _ if matches!(first, b'{' | b'[' | b'"') => ListFormat::JsonLines,
        _ => ListFormat::Lines,
    }
}

fn read_sitemap(source: &mut Source, taken: &mut Taken) -> Result<(), Stop> {
    let caps = sitemap::Caps {
        entries: usize::MAX,
        bytes: BYTES,
    };
    let base = taken.base;
    let mut stopped = false;
    let read = sitemap::read(source, base, &caps, &mut |entry| {
        if stopped {
            return;
        }
        let found = match entry {
            sitemap::Entry::Page { loc, lastmod } => Found::Page(loc, lastmod),
            sitemap::Entry::Sitemap { loc, lastmod } => Found::Sitemap(loc, lastmod),
            sitemap::Entry::Bad(text) => {
                stopped = taken.bad(0, "not a URL", &text).is_err();
                return;
            }
        };
        taken.summary.rows += 1;
        stopped = taken.give(found).is_err();
    });
    taken.summary.excerpt = read.excerpt;
    match read.problem {
        _ if stopped => Err(Stop::Told),
        Some(problem) => Err(Stop::Problem(problem)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
