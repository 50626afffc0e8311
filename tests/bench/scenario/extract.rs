//! Fields taken again from an archive, against the crawl that made it.

use super::{start, turn};
use crate::nginx::{Host, Nginx};
use crate::peers::CONCURRENCY;
use crate::process::Program;
use crate::rounds::{Player, Turn, play};
use crate::subject::Job;
use crate::table::{self, Targets};
use crate::{Options, corpus};
use anyhow::Result;
use std::cell::Cell;
use tempfile::TempDir;

/// The five fields, of which one has the name that is given: so that every
/// record changes where the one before had another.
fn sites(start: &str, name: &str) -> String {
    format!(
        "site: site
start: {start}
fetch: {{ concurrency: {CONCURRENCY} }}
keep: {{ bodies: warc }}
extract:
  - record: page
    fields:
      title: title
      {name}: h1
      about: {{ meta: description }}
      module: {{ css: .sub-title a, attr: href, as: url }}
      text: main .block
"
    )
}

/// Runs the scenario.
pub fn run(options: &Options) -> Result<Targets> {
    let root = corpus::OPENJDK.root()?;
    let server = Nginx::start(&[Host::local(&root)], false)?;
    let start = start(&server, corpus::OPENJDK.first);
    let dir = TempDir::with_prefix("crawl-bench-")?;
    let known = Job::of(dir.path(), &sites(&start, "heading"))?;
    known.run(&["--headless"]).measure()?;
    let read = known.got()?;
    let turns = Cell::new(0);
    let extract = |changed: bool, one_core: bool| -> Result<Turn> {
        if changed {
            turns.set(turns.get() + 1);
            let name = format!("heading{}", turns.get());
            Job::of(dir.path(), &sites(&start, &name))?;
        }
        let mut program = known.extract();
        if one_core {
            program = on_one_core(program);
        }
        turn(&server, &program, || Ok(read))
    };
    let players: Vec<Player<'_>> = vec![
        (
            "the crawl",
            Box::new(|| {
                let dir = TempDir::with_prefix("crawl-bench-")?;
                let job = Job::of(dir.path(), &sites(&start, "heading"))?;
                turn(&server, &job.run(&["--headless"]), || job.got())
            }),
        ),
        (
            "extract, a field changed",
            Box::new(|| extract(true, false)),
        ),
        ("the same on one core", Box::new(|| extract(true, true))),
        (
            "extract, nothing changed",
            Box::new(|| extract(false, false)),
        ),
        ("the same on one core", Box::new(|| extract(false, true))),
    ];
    let all = play(options.rounds, 1, players)?;
    table::print(
        "openjdk-17-doc, five fields, gzip members, concurrency 32",
        &all,
    );
    let mut targets = Targets::default();
    if let [crawl, changed, one, same, same_one] = &all[..] {
        let rate = |turn: &Turn| turn.rate;
        let of = |what: &str| format!("{what}, pages/s, × the crawl");
        targets.at_least(&of("a field changed"), changed.ratio(crawl, rate), 5.0);
        targets.at_least(&of("nothing changed"), same.ratio(crawl, rate), 5.0);
        let of = |what: &str| format!("{what}, every core, × one");
        targets.at_least(&of("a field changed"), changed.ratio(one, rate), 1.8);
        targets.at_least(&of("nothing changed"), same.ratio(same_one, rate), 1.8);
    }
    Ok(targets)
}

/// The same program, held to one core.
fn on_one_core(program: Program) -> Program {
    let mut args = vec!["-c".into(), "0".into(), program.name.into_os_string()];
    args.extend(program.args);
    Program {
        name: "taskset".into(),
        args,
        ..program
    }
}
