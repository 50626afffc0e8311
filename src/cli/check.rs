//! `crawldeck check`: validate a sites file, explain one page.

use super::explain;
use crate::config::{self, Job, Overrides, Site};
use crate::discover::scope::ScopeRules;
use anyhow::bail;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

/// Arguments of `crawldeck check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The sites file
    #[arg(value_name = "FILE")]
    sites: PathBuf,
    /// Fetch this one page and explain it
    #[arg(long)]
    url: Option<String>,
    /// Explain the page in this file by every rule; with --url, as if it had come
    /// from there
    #[arg(long, value_name = "PAGE")]
    file: Option<PathBuf>,
    /// The site whose rules hold [default: the first whose scope takes the URL]
    #[arg(long)]
    site: Option<String>,
    /// List every link, not just the first 200
    #[arg(long)]
    all: bool,
}

/// Runs it.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let job = config::load(&args.sites, &Overrides::default())?;
    for warning in &job.warnings {
        eprintln!("warning: {warning}");
    }
    if let (Some(file), None) = (&args.file, &args.url) {
        let site = choose(&job, args.site.as_deref(), None)?;
        let Some(url) = &site.home() else {
            bail!("site {} has no host", site.name);
        };
        // Without its address nobody can say which rules are for it: all are.
        let mut site = Site::clone(&site);
        for rule in &mut site.extract {
            rule.when = None;
        }
        return explain::file(&site, file, url, args.all);
    }
    let Some(url) = &args.url else {
        if args.site.is_some() || args.all {
            bail!("--site and --all go with --url or --file");
        }
        let mut out = io::stdout().lock();
        for site in &job.sites {
            let limit = site
                .limits
                .pages
                .map_or("no limit".to_owned(), |n| count(n, "page"));
            let _ = writeln!(
                out,
                "{}: {}, hosts {}, {limit}, {}",
                site.name,
                site.start.first().map_or("", Url::as_str),
                site.scope.hosts.join(" "),
                count(site.records().count() as u64, "record rule")
            );
        }
        let _ = writeln!(
            out,
            "{}: {}, fine",
            args.sites.display(),
            count(job.sites.len() as u64, "site")
        );
        return Ok(ExitCode::SUCCESS);
    };
    let Ok(parsed) = Url::parse(url) else {
        bail!("--url {url}: not a whole URL; write it with https:// (or http://) in front");
    };
    let site = choose(&job, args.site.as_deref(), Some(&parsed))?;
    match &args.file {
        Some(file) => explain::file(&site, file, &parsed, args.all),
        None => explain::page(&site, &parsed, args.all),
    }
}

/// "1 page", "2 pages".
fn count(n: u64, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}

/// The site that is named; else the first that takes the URL; else the first.
fn choose(job: &Job, name: Option<&str>, url: Option<&Url>) -> anyhow::Result<Arc<Site>> {
    if let Some(name) = name {
        let Some(site) = job.sites.iter().find(|site| site.name == name) else {
            bail!("no site {name} in the file");
        };
        return Ok(site.clone());
    }
    let takes =
        |site: &&Arc<Site>| url.is_some_and(|url| ScopeRules::new(site).judge(url, 0).is_ok());
    match job.sites.iter().find(takes).or(job.sites.first()) {
        Some(site) => Ok(site.clone()),
        None => bail!("no site in the file"),
    }
}
