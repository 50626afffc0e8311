//! The programs that crawldeck is compared with, each at its best.

use crate::process::Program;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Requests in flight, for every program alike.
pub const CONCURRENCY: u32 = 32;

/// `wget2 -r` from a start page, without a limit of depth, saving into `dir`.
pub fn wget2(start: &str, dir: &Path) -> Result<Program> {
    must_run("wget2", "apt-get install wget2")?;
    let threads = format!("--max-threads={CONCURRENCY}");
    let args = ["-r", "-l", "inf", &threads, "--no-robots", "-q", start];
    Ok(Program {
        name: "wget2".into(),
        args: args.iter().map(Into::into).collect(),
        dir: dir.to_owned(),
        // 8: some page answered with an error status.
        codes: &[0, 8],
    })
}

/// Scrapy with its LinkExtractor from a start page; with `fields` it also
/// writes the three fields of every page to `records.jsonl`.
pub fn scrapy(start: &str, dir: &Path, fields: bool, pages: Option<u64>) -> Result<Program> {
    must_run("scrapy", "pip install scrapy")?;
    let spider = dir.join("spider.py");
    fs::write(&spider, include_str!("spider.py"))?;
    let mut args: Vec<_> = ["runspider", "spider.py", "-a"].map(Into::into).into();
    args.push(format!("start={start}").into());
    args.extend([
        "-s".into(),
        format!("CONCURRENT_REQUESTS={CONCURRENCY}").into(),
    ]);
    if fields {
        args.extend(["-a", "fields=1", "-O", "records.jsonl"].map(Into::into));
    }
    if let Some(pages) = pages {
        args.extend(["-s".into(), format!("CLOSESPIDER_PAGECOUNT={pages}").into()]);
    }
    Ok(Program {
        name: "scrapy".into(),
        args,
        dir: dir.to_owned(),
        codes: &[0],
    })
}

/// Pages that Scrapy's spider says it got.
pub fn scrapy_pages(dir: &Path) -> Result<u64> {
    fs::read_to_string(dir.join("pages"))?
        .trim()
        .parse()
        .context("the spider did not write its number of pages")
}

fn must_run(program: &str, install: &str) -> Result<()> {
    let found = Command::new(program)
        .arg(if program == "scrapy" {
            "version"
        } else {
            "--version"
        })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        bail!("{program} does not run: {install}");
    }
    Ok(())
}
