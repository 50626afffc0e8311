//! `crawldeck extract`: the fields of the sites file over the archive, without
//! the network.

use super::{INCOMPLETE, complain};
use crate::config::{self, Overrides};
use crate::monitor::line::clean;
use crate::rework::{self, KindTally, Options, SiteTally};
use crate::store::folder;
use clap::Args;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two updates of the progress line.
const EVERY: Duration = Duration::from_millis(200);

/// Arguments of `crawldeck extract`.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// The sites file with the fields as they shall be
    file: PathBuf,
    /// The job's folder [default: ./<file stem>.crawl]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only show what would change
    #[arg(long)]
    preview: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// Runs it.
pub fn run(args: &ExtractArgs) -> anyhow::Result<ExitCode> {
    let job = config::load(&args.file, &Overrides::default())?;
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => folder::find(Some(&args.file))?,
    };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let begin = Instant::now();
    let shown = io::stderr().is_terminal();
    let mut next = begin + EVERY;
    let tallies = rework::run(
        &dir,
        &job.sites,
        Options {
            threads: args.threads.map_or(cores, usize::from),
            preview: args.preview,
            progress: &mut |passed, last| {
                if shown && Instant::now() >= next {
                    next = Instant::now() + EVERY;
                    // A terminal that is gone sees nothing.
                    let _ = write!(io::stderr(), "\r{passed} of {last} pages");
                }
            },
        },
    )?;
    if shown {
        let _ = write!(io::stderr(), "\r{:40}\r", "");
    }
    let mut text = String::new();
    for tally in &tallies {
        site(&mut text, tally);
    }
    let pages: u64 = tallies.iter().map(|tally| tally.pages).sum();
    let took = begin.elapsed().as_secs_f64();
    let rate = pages as f64 / took.max(1e-3);
    let done = if args.preview {
        "would change"
    } else {
        "changed"
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{pages} pages in {took:.1} s, {rate:.0} a second; {} records {done}",
        changed(&tallies)
    );
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let broken: u64 = tallies.iter().map(|tally| tally.broken).sum();
    if broken > 0 {
        complain(format_args!(
            "{broken} answers could not be read from the archive and keep their records"
        ));
        return Ok(ExitCode::from(INCOMPLETE));
    }
    Ok(ExitCode::SUCCESS)
}

fn changed(tallies: &[SiteTally]) -> u64 {
    let kinds = tallies.iter().flat_map(|tally| &tally.kinds);
    kinds.map(|k| k.added + k.removed + k.changed).sum()
}

fn site(text: &mut String, tally: &SiteTally) {
    let _ = write!(text, "{}: {} pages", tally.site, tally.pages);
    if tally.absent > 0 {
        let _ = write!(text, ", {} not in the archive", tally.absent);
    }
    if tally.answers > 0 {
        let _ = write!(text, ", {} answers of APIs", tally.answers);
    }
    if tally.answers_absent > 0 {
        let absent = tally.answers_absent;
        let _ = write!(text, ", {absent} answers of APIs not in the archive");
    }
    if tally.broken > 0 {
        let _ = write!(text, ", {} not readable", tally.broken);
    }
    text.push('\n');
    for (url, why) in &tally.named {
        let _ = writeln!(text, "  {}: {}", clean(url), clean(why));
    }
    for kind in &tally.kinds {
        record(text, kind);
    }
}

fn record(text: &mut String, kind: &KindTally) {
    let _ = writeln!(
        text,
        "  {}: {} → {} records, {} added, {} removed, {} changed",
        kind.name, kind.before, kind.after, kind.added, kind.removed, kind.changed
    );
    let width = kind.fields.iter().map(|(name, _)| name.chars().count());
    let width = width.max().unwrap_or(0);
    for (name, fill) in &kind.fields {
        let _ = writeln!(
            text,
            "    {name:width$}  filled {} → {}",
            share(fill.before, kind.before),
            share(fill.after, kind.after)
        );
    }
}

/// A count and its share of the whole.
fn share(part: u64, whole: u64) -> String {
    match (part * 100).checked_div(whole) {
        Some(percent) => format!("{part} ({percent} %)"),
        None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rework::Fill;

    #[test]
    fn changes_are_told_in_lines() {
        let tally = SiteTally {
            site: "books".to_owned(),
            pages: 10,
            absent: 1,
            answers: 0,
            answers_absent: 0,
            broken: 1,
            named: vec![("http://e.org/\u{1b}[31m".to_owned(), "cut".to_owned())],
            kinds: vec![KindTally {
                name: "book".to_owned(),
                before: 0,
                after: 8,
                added: 8,
                removed: 0,
                changed: 0,
                fields: vec![(
                    "title".to_owned(),
                    Fill {
                        before: 0,
                        after: 6,
                    },
                )],
            }],
        };
        let mut text = String::new();
        site(&mut text, &tally);
        assert!(!text.contains('\u{1b}'));
        assert!(text.starts_with("books: 10 pages, 1 not in the archive, 1 not readable\n"));
        assert!(text.contains("  book: 0 → 8 records, 8 added, 0 removed, 0 changed\n"));
        assert!(
            text.ends_with("    title  filled none → 6 (75 %)\n"),
            "{text}"
        );
        assert_eq!(changed(&[tally]), 8);
    }
}
