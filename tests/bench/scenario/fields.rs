//! Three CSS fields on every page, against Scrapy taking the same.

use super::{job, start, turn};
use crate::nginx::{Host, Nginx};
use crate::rounds::{Player, play};
use crate::subject::target;
use crate::table::{self, Targets};
use crate::{Options, corpus, peers};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tempfile::TempDir;

/// Fields by path and query.
type Records = HashMap<String, BTreeMap<String, Value>>;

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    let limit = options.max_pages.map(|pages| pages.to_string());
    let mut flags = vec!["--headless"];
    if let Some(limit) = &limit {
        flags.extend(["--max-pages", limit]);
    }
    let (mut theirs, mut ours) = (Records::new(), Records::new());
    let mut players: Vec<Player<'_>> = vec![(
        "scrapy",
        Box::new(|| {
            let dir = TempDir::with_prefix("crawl-bench-")?;
            let program = peers::scrapy(&start, dir.path(), true, options.max_pages)?;
            let taken = turn(&server, &program, || peers::scrapy_pages(dir.path()))?;
            theirs = scrapy_records(&dir.path().join("records.jsonl"))?;
            Ok(taken)
        }),
    )];
    if !options.peers {
        players.push((
            "crawldeck",
            Box::new(|| {
                let dir = TempDir::with_prefix("crawl-bench-")?;
                let job = job(dir.path(), &start, true)?;
                let taken = turn(&server, &job.run(&flags), || job.got())?;
                ours = job
                    .records()?
                    .into_iter()
                    .map(|(url, fields)| Ok((target(&url)?, present(fields))))
                    .collect::<Result<_>>()?;
                Ok(taken)
            }),
        ));
    }
    // Scrapy needs minutes a turn, which makes its start and the state of the
    // disk's cache vanish: no turn is thrown away.
    let all = play(options.rounds, 0, players)?;
    let share = match options.max_pages {
        Some(pages) => format!("the first {pages} pages only"),
        None => "every page".to_owned(),
    };
    table::print(
        &format!("openjdk-17-doc, three CSS fields, concurrency 32, {share}"),
        &all,
    );
    let mut targets = Targets::default();
    if let [scrapy, subject] = &all[..] {
        let ratio = subject.ratio(scrapy, |turn| turn.rate);
        targets.at_least("pages/s, × Scrapy", ratio, 15.0);
        let differing: Vec<String> = theirs
            .iter()
            .filter(|(page, fields)| ours.get(*page).is_some_and(|own| own != *fields))
            .map(|(page, _)| page.clone())
            .collect();
        let common = theirs.keys().filter(|page| ours.contains_key(*page));
        println!(
            "\n{} pages have records of both; {} differ {:?}",
            common.count(),
            differing.len(),
            &differing[..differing.len().min(5)]
        );
        if options.max_pages.is_none() {
            let lacking = theirs.keys().filter(|page| !ours.contains_key(*page));
            let lacking: Vec<String> = lacking.cloned().collect();
            targets.none("records of Scrapy that the store lacks", &lacking);
        }
    }
    Ok(targets)
}

fn scrapy_records(file: &Path) -> Result<Records> {
    let file = File::open(file).context("Scrapy wrote no records")?;
    BufReader::new(file)
        .lines()
        .map(|line| {
            let mut fields: BTreeMap<String, Value> = serde_json::from_str(&line?)?;
            let url = fields.remove("url").context("a record without its URL")?;
            Ok((target(url.as_str().unwrap_or_default())?, present(fields)))
        })
        .collect()
}

/// Without the fields that the page does not have, which one program writes as
/// null and another may leave out.
fn present(mut fields: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    fields.retain(|_, value| !value.is_null());
    fields
}
