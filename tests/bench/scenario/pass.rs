//! What fields cost in the pass that finds a page's links, in CPU time of one
//! thread, without the network: against the same fields by a DOM.

use crate::table::Targets;
use crate::{Options, corpus};
use anyhow::{Result, ensure};
use crawldeck::config::{self, Overrides};
use crawldeck::extract::content::Content;
use crawldeck::extract::fields::Plan;
use crawldeck::extract::{charset, links};
use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;
use url::Url;

/// Five fields as an operator would write them for documentation.
const FIVE: &str = "title: h1, package: .sub-title a, summary: { meta: description }, \
    block: div.block, since: { css: dl.notes dd, all: true }";
/// Five that are all over a page.
const LISTS: &str = "title: { css: h1, all: true }, block: { css: .block, all: true }, \
    links: { css: a, attr: href, all: true }, code: { css: pre code, all: true }, dd: { css: dl > dd, all: true }";
/// A field of a record of its own, which makes the page a DOM's.
const BEYOND: &str =
    "  - { record: dom, fields: { root: 'html:root > head > title:first-child' } }\n";
/// What five fields and the links of a page may take, milliseconds.
const AIM: f64 = 0.20;

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let mut pages = Vec::new();
    read(&corpus::OPENJDK.root()?, &mut pages)?;
    ensure!(pages.len() > 9000, "{} pages", pages.len());
    let bytes: usize = pages.iter().map(String::len).sum();
    println!(
        "openjdk-17-doc: {} pages of {} bytes; ms of CPU a page, the best of {} turns\n",
        pages.len(),
        bytes / pages.len(),
        options.rounds
    );
    let base = Url::parse("http://127.0.0.1/api/index.html")?;
    let (five, lists, dom) = (plan(FIVE, "")?, plan(LISTS, "")?, plan(FIVE, BEYOND)?);
    let taken = |plan: &Plan, page: &str| {
        let mut found = 0;
        let (_, pass) = plan.pass(page, "/", &mut |_| found += 1);
        found + pass.finish(&base).records.len()
    };
    let streamed = |plan: &Plan, page: &str| plan.pass(page, "/", &mut |_| {}).1.is_streamed();
    ensure!(
        pages.iter().all(|page| streamed(&five, page)),
        "a page needs a DOM"
    );
    ensure!(
        !pages.iter().any(|page| streamed(&dom, page)),
        "a page needs no DOM"
    );
    type Work<'a> = (&'a str, Box<dyn Fn(&str) -> usize + 'a>);
    let works: [Work<'_>; 5] = [
        (
            "links alone",
            Box::new(|page| {
                let mut found = 0;
                links::scan(page, &mut |_| found += 1);
                found
            }),
        ),
        (
            "links and digests of the text",
            Box::new(|page| {
                let (mut content, mut found) = (Content::default(), 0);
                let none = Plan::compile(&[]);
                none.pass_with(page, "/", Some(&mut content), &mut |_| found += 1);
                found + usize::from(content.print().is_some())
            }),
        ),
        ("five fields and links", Box::new(|page| taken(&five, page))),
        ("five lists and links", Box::new(|page| taken(&lists, page))),
        (
            "five fields and links by a DOM",
            Box::new(|page| taken(&dom, page)),
        ),
    ];
    let mut best = [f64::INFINITY; 5];
    // In turns, so that a machine whose speed drifts favours none.
    for _ in 0..options.rounds {
        for ((_, work), best) in works.iter().zip(&mut best) {
            let before = cpu();
            let made: usize = pages.iter().map(|page| work(page)).sum();
            let took = cpu() - before;
            ensure!(made > 0, "nothing was found");
            *best = best.min(took.as_secs_f64() * 1000.0 / pages.len() as f64);
        }
    }
    for ((name, _), best) in works.iter().zip(best) {
        println!("{name}: {best:.3}");
    }
    let mut targets = Targets::default();
    let [_, _, five, _, dom] = best;
    targets.at_most("five fields and links, ms of CPU a page", five, AIM);
    targets.at_least("the same by a DOM, ×", dom / five, 2.0);
    Ok(targets)
}

fn plan(fields: &str, more: &str) -> Result<Plan> {
    let text = format!(
        "site: s\nstart: http://127.0.0.1/\nextract:\n  - {{ record: r, fields: {{ {fields} }} }}\n{more}"
    );
    let job = config::parse(&text, "s.yaml", &|_| None, &Overrides::default())?;
    Ok(Plan::compile(&job.sites[0].extract))
}

/// The HTML pages below a folder.
fn read(folder: &Path, pages: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, pages)?;
        } else if path.extension().is_some_and(|end| end == "html") {
            let bytes = std::fs::read(&path)?;
            pages.push(
                charset::decode(&bytes, Some("text/html; charset=utf-8"))
                    .0
                    .into_owned(),
            );
        }
    }
    Ok(())
}

/// What this thread has computed so far.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
