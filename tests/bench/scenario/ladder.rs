//! The fetch ladder: what it costs where plain HTTP gets everything, and how
//! soon it finds the right rung where it does not.

use super::{start, turn};
use crate::nginx::{Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::rounds::{Player, play};
use crate::subject::Job;
use crate::table::{self, Targets};
use crate::{Options, corpus, mixed};
use anyhow::{Result, bail};
use tempfile::TempDir;

/// Pages from which on the right rung is to be known.
const LEARNED: usize = 200;

/// Turns a round: one takes a second, too little to tell two hundredths from noise.
const TURNS: u32 = 4;

/// What a ladder costs that is never climbed.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    // Nobody is there: a page that climbed would fail, and be missed.
    let service = "service: { url: 'http://127.0.0.1:9/v1?url={url}' }";
    let ladder = |via: &'static str| {
        let (server, start) = (&server, &start);
        move || {
            let dir = TempDir::with_prefix("crawl-bench-")?;
            let text = format!(
                "site: site\nstart: {start}\nfetch: {{ concurrency: {CONCURRENCY}, {via} }}\n"
            );
            let job = Job::of(dir.path(), &text)?;
            turn(server, &job.run(&["--headless"]), || job.got())
        }
    };
    let both: &'static str = Box::leak(format!("via: [http, service], {service}").into());
    let players: Vec<Player<'_>> = vec![
        ("http alone", Box::new(ladder("via: [http]"))),
        ("http, service", Box::new(ladder(both))),
    ];
    let all = play(options.rounds.saturating_mul(TURNS), 1, players)?;
    table::print("openjdk-17-doc, a ladder that is not climbed", &all);
    let mut targets = Targets::default();
    if let [alone, ladder] = &all[..] {
        let pages = |turns: &crate::rounds::Series| turns.ratio(alone, |turn| turn.pages as f64);
        if (pages(ladder) - 1.0).abs() > f64::EPSILON {
            bail!("the ladder got other pages than plain HTTP alone");
        }
        let cost = (1.0 - ladder.ratio(alone, |turn| turn.rate)) * 100.0;
        targets.at_most("throughput that the ladder costs, %", cost, 2.0);
    }
    Ok(targets)
}

/// How many attempts a page of a mixed site needs.
pub fn mixed(_: &Options) -> Result<Targets> {
    let port = mixed::serve()?;
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let text = format!(
        "site: site\nstart: http://127.0.0.1:{port}/\nfetch:\n  concurrency: {CONCURRENCY}\n  \
         robots: ignore\n  via: [http, proxy, service]\n  proxy: {{ list: ['http://127.0.0.1:{port}'] }}\n  \
         service:\n    concurrency: 8\n    url: 'http://127.0.0.1:{port}/v1?url={{url}}'\n"
    );
    let job = Job::of(dir.path(), &text)?;
    let usage = job.run(&["--headless"]).measure()?;
    let mut pages = job.pages()?;
    let lacking: Vec<String> = pages
        .iter()
        .filter(|page| &*page.outcome != "done")
        .map(|page| page.url.to_string())
        .collect();
    pages.sort_by(|a, b| {
        a.fetched
            .unwrap_or(0.0)
            .total_cmp(&b.fetched.unwrap_or(0.0))
    });
    let attempts = |of: &[crate::subject::Page]| {
        let sum: u64 = of.iter().map(|page| page.attempts).sum();
        sum as f64 / of.len() as f64
    };
    let (first, later) = pages.split_at(LEARNED.min(pages.len()));
    println!(
        "{} pages in {:.2} s: {:.3} attempts a page among the first {LEARNED}, {:.3} after them",
        pages.len(),
        usage.wall.as_secs_f64(),
        attempts(first),
        attempts(later)
    );
    let mut targets = Targets::default();
    targets.none("pages that were not had", &lacking);
    let missing = mixed::PAGES + 1 - pages.len() as u64;
    targets.at_most("pages that were not found", missing as f64, 0.0);
    let needed = attempts(later);
    targets.at_most("attempts a page after the first 200", needed, 1.15);
    // Scripts want the API, challenges the proxy alone.
    let dearer = mixed::dearer() as f64 * 100.0 / mixed::PAGES as f64;
    targets.at_most("pages had by a dearer rung than they need, %", dearer, 1.0);
    Ok(targets)
}
