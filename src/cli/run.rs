//! `crawldeck run`: a crawl under the deck, or headless.

use super::look::{self, LookArgs};
use super::session::{self, Face, Session};
use crate::config::{self, Overrides};
use anyhow::{Context, bail};
use clap::Args;
use std::io::{Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use url::Url;

/// Arguments of `crawldeck run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A sites file, or the URL of one site
    source: String,
    /// The job's folder [default: ./<file stem or host>.crawl]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Run without the deck: progress lines on standard output
    #[arg(long)]
    headless: bool,
    /// Start over: forget what the job's folder holds
    #[arg(long)]
    fresh: bool,
    /// Fetch at most this many pages of each site
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pages: Option<u64>,
    /// Workers of each site
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    concurrency: Option<u32>,
    /// Headless, with one JSON object a line on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let settings = args.look.settings()?;
    let over = Overrides {
        max_pages: args.max_pages,
        concurrency: args.concurrency,
    };
    let (job, name) = if is_url(&args.source) {
        let job = config::for_url(&args.source, &over)?;
        let name = job
            .sites
            .first()
            .map_or_else(String::new, |site| site.name.clone());
        (job, name)
    } else {
        let path = Path::new(&args.source);
        let job = config::load(path, &over)?;
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        (job, stem.to_string_lossy().into_owned())
    };
    let dir = args
        .dir
        .unwrap_or_else(|| PathBuf::from(format!("{name}.crawl")));
    let deck = look::has_deck();
    let face = if args.json {
        Face::Json
    } else if args.headless || !deck {
        Face::Lines
    } else {
        Face::Deck
    };
    if args.fresh && !args.headless && !args.json && deck && !confirm_fresh(&dir)? {
        bail!("nothing was changed");
    }
    session::run(Session {
        job,
        dir,
        fresh: args.fresh,
        face,
        title: name,
        settings,
    })
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Asks before a job's folder is started over.
fn confirm_fresh(dir: &Path) -> anyhow::Result<bool> {
    if !dir.exists() {
        return Ok(true);
    }
    print!("Start over and lose what {} holds? [y/N] ", dir.display());
    stdout().flush()?;
    let mut line = String::new();
    stdin()
        .read_line(&mut line)
        .context("reading your answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
