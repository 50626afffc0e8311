//! `crawldeck export`: pages, failures, records and the journal as lines, as a
//! table, as a database; good pages as a sitemap; links as a graph.

mod database;
mod filter;
mod kind;
mod links;
mod network;
mod parquet;
mod progress;
mod rows;
mod sink;
mod sitemap;
mod table;

use self::filter::Filter;
use self::progress::Progress;
use self::rows::{Columns, Selection, Source, Times};
use self::sink::{Draft, Sink};
use self::table::Table;
use crate::store::reader::{Reader, SiteStatus};
use anyhow::Context;
use serde_json::Value;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use url::Url;

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
    /// Pages that were new, had changed or were gone when the site was crawled
    /// again, with the fields that are others.
    Changes,
    /// Every sitemap, list and API, and what became of it: site, kind, name, state,
    /// read, urls, bad, problem, asked_at.
    Sources,
    /// Every command that was given: at, origin, command, before, after,
    /// answer, refused.
    Journal,
    /// Pages with the text of another, or nearly: site, group, kind, distance,
    /// url; with keep.duplicates.
    Duplicates,
    /// The good pages, as sitemap.xml.
    Sitemap,
    /// Every link from page to page, and every redirect; with `keep: { links: true }`,
    /// as what follows.
    Links,
    /// Every known page with the number of pages that link to it, and that it links to.
    Degrees,
    /// Pages of sitemaps, lists and APIs to which no page links.
    Orphans,
    /// Links to pages that failed, and the page that carries each.
    DeadLinks,
}

impl What {
    /// Whether it is made of links that were kept.
    fn needs_links(self) -> bool {
        matches!(
            self,
            Self::Links | Self::Degrees | Self::Orphans | Self::DeadLinks
        )
    }
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Jsonl,
    /// A table with a header line.
    Csv,
    /// A Parquet file with a typed column a field.
    Parquet,
    /// A fresh SQLite database: a table for pages, one a kind of record.
    Sqlite,
    /// sitemap.xml.
    Xml,
    /// The graph of pages and links as GraphML.
    Graphml,
    /// The graph of pages and links for Graphviz.
    Dot,
}

impl Format {
    /// Which graph format it is, where it is one.
    fn network(self) -> Option<network::Dialect> {
        match self {
            Self::Graphml => Some(network::Dialect::Graphml),
            Self::Dot => Some(network::Dialect::Dot),
            _ => None,
        }
    }
}

/// Write what a crawl has found, while it runs or after.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// The job's folder, or its sites file [default: the only *.crawl folder here]
    pub dir: Option<PathBuf>,
    /// What to write [default with --format sqlite: records and pages]
    #[arg(long, value_enum, required_unless_present = "format")]
    pub what: Option<What>,
    /// How to write it [default: jsonl, of a sitemap xml]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write to this file, which appears when it is complete [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only this site
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// Only these columns, in this order; records by the names of their fields
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,
    /// Only rows of which this holds, such as 'outcome=failed and status>=500';
    /// of site, record, outcome, reason, status, depth, url; of a link, those of the
    /// page that it leads to
    #[arg(long = "where", value_name = "CONDITION")]
    pub condition: Option<String>,
    /// Where the files of a split sitemap will be found [default: the root of the site]
    #[arg(long, value_name = "URL")]
    pub base: Option<Url>,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read or the output not be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let wish = match Wish::of(args) {
        Ok(wish) => wish,
        Err(message) => return Ok(refuse(&message)),
    };
    let reader = match super::status::open(args.dir.as_deref()) {
        Ok(reader) => reader,
        Err(message) => return Ok(refuse(&message)),
    };
    let sites = reader.status().context("reading the store")?;
    if let Some(name) = wish.site
        && !sites.iter().any(|s| s.site == name)
    {
        let names: Vec<_> = sites.iter().map(|s| s.site.as_str()).collect();
        let message = format!("no site is called {name}; there is {}", names.join(", "));
        return Ok(refuse(&message));
    }
    let to_terminal = wish.path.is_none() && io::IsTerminal::is_terminal(&io::stdout());
    let mut progress = Progress::new(wish.rows(&sites), to_terminal);
    match wish.grant(&reader, &mut progress) {
        // The reader of a pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => match error.downcast_ref::<Refused>() {
            Some(Refused(message)) => Ok(refuse(message)),
            None => Err(error),
        },
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("crawldeck: {message}");
    ExitCode::from(BAD_INPUT)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// What cannot be done as it was asked for, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("cannot read the store: {0}")]
    Read(#[from] rusqlite::Error),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// The arguments, checked.
struct Wish<'a> {
    what: Option<What>,
    format: Format,
    path: Option<&'a Path>,
    site: Option<&'a str>,
    columns: Option<&'a [String]>,
    filter: Option<Filter>,
    base: Option<&'a Url>,
}

impl<'a> Wish<'a> {
    fn of(args: &'a ExportArgs) -> Result<Self, String> {
        let sitemap = args.what == Some(What::Sitemap);
        let usual = if sitemap { Format::Xml } else { Format::Jsonl };
        let format = args.format.unwrap_or(usual);
        if sitemap != (format == Format::Xml) {
            return Err("--what sitemap and --format xml belong together".to_owned());
        }
        if format.network().is_some() && args.what != Some(What::Links) {
            return Err("--format graphml and dot go with --what links".to_owned());
        }
        if args.what.is_none() && format != Format::Sqlite {
            return Err(
                "--what is missing: records, pages, failures, changes, sources, journal, duplicates, sitemap, links, degrees, \
                 orphans or dead-links"
                    .to_owned(),
            );
        }
        let path = args
            .output
            .as_deref()
            .filter(|path| *path != Path::new("-"));
        if path.is_none() && matches!(format, Format::Parquet | Format::Sqlite) {
            return Err("this format needs a file: -o FILE".to_owned());
        }
        if args.what == Some(What::Duplicates) && args.condition.is_some() {
            return Err("--where judges pages and records, not groups of them".to_owned());
        }
        if args.what == Some(What::Sources) && args.condition.is_some() {
            return Err("--where judges pages and records, not sources".to_owned());
        }
        if args.what == Some(What::Journal) {
            if args.site.is_some() {
                return Err("the journal is one for all sites; leave out --site".to_owned());
            }
            if args.condition.is_some() {
                return Err("--where judges pages and records, not the journal".to_owned());
            }
        }
        if args.columns.is_some() && (sitemap || args.what.is_none() || format.network().is_some())
        {
            return Err(
                "--columns goes with one table, and not with a sitemap or a graph".to_owned(),
            );
        }
        let filter = args.condition.as_deref().map(Filter::parse).transpose();
        Ok(Self {
            what: args.what,
            format,
            path,
            site: args.site.as_deref(),
            columns: args.columns.as_deref(),
            filter: filter.map_err(|error| error.to_string())?,
            base: args.base.as_ref(),
        })
    }

    /// About how many rows are read.
    fn rows(&self, sites: &[SiteStatus]) -> u64 {
        let own = |site: &&SiteStatus| self.site.is_none_or(|name| name == site.site);
        let count = |site: &SiteStatus| {
            let pages = site.pages;
            let known = pages.done + pages.failed + pages.skipped + pages.queued + pages.in_flight;
            match self.what {
                // How many links there are is known when they have been read.
                Some(
                    What::Journal
                    | What::Duplicates
                    | What::Sources
                    | What::Changes
                    | What::Links
                    | What::Orphans
                    | What::DeadLinks,
                ) => 0,
                Some(What::Records) => site.records,
                Some(What::Failures) => pages.failed,
                Some(What::Pages | What::Sitemap | What::Degrees) => known,
                None => known + site.records,
            }
        };
        sites.iter().filter(own).map(count).sum()
    }

    fn selection(&self) -> Selection<'_> {
        Selection {
            source: match self.what {
                Some(What::Pages | What::Sitemap) | None => Source::Pages,
                Some(What::Failures) => Source::Failures,
                Some(What::Records) => Source::Records(None),
                Some(What::Changes) => Source::Changes,
                Some(What::Journal) => Source::Journal,
                Some(What::Sources) => Source::Sources,
                Some(What::Links) => Source::Links,
                Some(What::Degrees) => Source::Degrees,
                Some(What::Orphans) => Source::Orphans,
                Some(What::DeadLinks) => Source::DeadLinks,
                Some(What::Duplicates) => Source::Duplicates,
            },
            site: self.site,
            filter: self.filter.as_ref(),
            times: match self.format {
                Format::Parquet => Times::Millis,
                _ => Times::Text,
            },
        }
    }

    /// The columns of the one table; fields that appear while it is being
    /// written find none.
    fn columns(&self, reader: &Reader) -> anyhow::Result<Columns> {
        let source = self.selection().source;
        let fields = match source {
            Source::Records(_) => reader.fields(self.site)?,
            _ => Vec::new(),
        };
        let all = Columns::all(source, &fields);
        Ok(match self.columns {
            None => all,
            Some(chosen) => all.choose(chosen).map_err(Refused)?,
        })
    }

    fn grant(&self, reader: &Reader, progress: &mut Progress) -> anyhow::Result<()> {
        let selection = self.selection();
        if self.what.is_some_and(What::needs_links) && !reader.keeps_links(self.site)? {
            let message = "no links are kept; with keep: { links: true } in the sites file a crawl \
                           keeps those of the pages that it fetches from then on";
            return Err(Refused(message.to_owned()).into());
        }
        if let Some(dialect) = self.format.network() {
            let mut sink = Sink::open(self.path)?;
            let seen = &mut || progress.row();
            network::write(reader, selection, dialect, &mut sink, seen)?;
            return Ok(sink.finish().map_err(ExportError::Write)?);
        }
        match (self.format, self.path) {
            (Format::Xml, path) => {
                let limits = sitemap::Limits::default();
                let seen = &mut || progress.row();
                sitemap::write(reader, selection, path, self.base, limits, seen)
            }
            (Format::Sqlite, Some(path)) => {
                let sources = match self.what {
                    None => &[Source::Pages, Source::Records(None)][..],
                    Some(_) => &[selection.source],
                };
                let seen = &mut || progress.row();
                database::write(reader, sources, self.columns, selection, path, seen)
            }
            (Format::Parquet, Some(path)) => self.parquet(reader, path, progress),
            _ => {
                let mut sink = Sink::open(self.path)?;
                self.text(reader, &mut sink, progress)?;
                Ok(sink.finish().map_err(ExportError::Write)?)
            }
        }
    }

    /// Lines or a table.
    fn text(
        &self,
        reader: &Reader,
        out: &mut dyn Write,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let selection = self.selection();
        let seen = &mut || progress.row();
        if self.format == Format::Csv {
            let columns = self.columns(reader)?;
            let mut table = Table::new(out, columns.names())?;
            selection.each(
                reader,
                seen,
                |row| Ok(table.row(columns.cells(row).iter())?),
            )?;
            return Ok(table.finish()?);
        }
        if self.columns.is_some() {
            let columns = self.columns(reader)?;
            selection.each(reader, seen, |row| {
                let names = columns.names().iter().cloned();
                let object = names.zip(columns.cells(row)).collect();
                line(out, &Value::Object(object))
            })?;
            return Ok(());
        }
        let names = selection.source.head();
        let is_record = matches!(selection.source, Source::Records(_));
        selection.each(reader, seen, |row| {
            line(out, &Value::Object(row.into_object(names, is_record)))
        })?;
        Ok(())
    }

    /// Most often in one pass; in another where a column's type turns out to
    /// be wider than its first values told.
    fn parquet(&self, reader: &Reader, path: &Path, progress: &mut Progress) -> anyhow::Result<()> {
        let mut kinds = Vec::new();
        loop {
            progress.again();
            let (file, draft) = Draft::create(path)?;
            let columns = self.columns(reader)?;
            // Fields that have appeared since the last pass stand at the end.
            let mut table = parquet::Table::new(file, columns.clone(), kinds);
            self.selection()
                .each(reader, &mut || progress.row(), |row| {
                    table.row(columns.cells(row))
                })?;
            match table.finish()? {
                // Types only widen: this ends.
                parquet::Done::Again(wider) if draft.is_some() => kinds = wider,
                parquet::Done::Again(_) => {
                    return Err(Refused("this format needs a file: -o FILE".to_owned()).into());
                }
                parquet::Done::Whole => {
                    draft.map_or(Ok(()), Draft::finish)?;
                    return Ok(());
                }
            }
        }
    }
}

fn line(out: &mut dyn Write, value: &Value) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

#[cfg(test)]
mod tests;
