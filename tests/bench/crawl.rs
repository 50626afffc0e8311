//! The benchmark: crawldeck against wget2 and Scrapy on real documentation,
//! served by nginx on loopback. Run by hand:
//!
//! ```text
//! cargo bench --bench crawl -- links      # pages a second against wget2
//! cargo bench --bench crawl -- fields     # three CSS fields a page against Scrapy
//! cargo bench --bench crawl -- three      # three sites at once; the deck's cost
//! cargo bench --bench crawl -- kill       # kill -9 and resume, thirty times
//! cargo bench --bench crawl -- hup        # terminals that go away, a hundred times
//! cargo bench --bench crawl -- attached   # ten terminals, and ones that do not read
//! cargo bench --bench crawl -- many       # a thousand sites in one file
//! cargo bench --bench crawl -- frontier   # twenty million known URLs
//! cargo bench --bench crawl -- browser    # pages a second by Chromium, and its memory
//! cargo bench --bench crawl -- ladder     # what a ladder costs that is not climbed
//! cargo bench --bench crawl -- mixed      # attempts a page where some need a higher rung
//! cargo bench --bench crawl -- refresh    # an unchanged corpus, crawled again
//! cargo bench --bench crawl -- extract    # fields taken again from the archive
//! cargo bench --bench crawl -- pass       # CPU of five fields and the links of a page
//! cargo bench --bench crawl -- bulk       # a million URLs in, ten million rows out
//! cargo bench --bench crawl -- pages      # everything there is to export of ten million pages
//! cargo bench --bench crawl -- order      # requests until the wanted pages are had
//! cargo bench --bench crawl -- deck       # the deck: keys, frames, bytes, CPU
//! cargo bench --bench crawl -- replay     # a recording of ten thousand pages, opened
//! ```
//!
//! Needs, from Debian: `nginx-core wget2 time chromium openjdk-17-doc rust-doc
//! cppreference-doc-en-html`; from PyPI: `scrapy`. What is missing is named.
//! Programs to be compared take turns (A B A B …), are measured from outside,
//! and ratios are taken turn by turn, so that a machine whose speed drifts
//! does not favour one. Ends with 1 if a target is missed, 2 if it could not
//! be measured.

mod corpus;
mod endless;
mod failures;
mod mixed;
mod nginx;
mod peers;
mod process;
mod rounds;
mod scenario;
mod screen;
mod serve;
mod subject;
mod table;
mod terminal;

use clap::{Parser, ValueEnum};
use std::process::ExitCode;

/// What to measure and how often.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench crawl --")]
pub struct Options {
    /// What to measure.
    #[arg(value_enum)]
    scenario: Scenario,
    /// Turns of each program, after one that is not counted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Pages for each program at most (`fields` and `browser` only); all if not given.
    /// Then the first pages of the site, which are its largest, weigh more.
    #[arg(long)]
    max_pages: Option<u64>,
    /// Only run the peers (`links` and `fields`): figures without verdicts.
    #[arg(long)]
    peers: bool,
    /// Seed of the random instants (`kill` and `hup`).
    #[arg(long)]
    seed: Option<u64>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// openjdk-17-doc, links only, against wget2.
    Links,
    /// openjdk-17-doc with three CSS fields a page, against Scrapy.
    Fields,
    /// Three sites in one run: shares, and what the deck costs.
    Three,
    /// Terminals on a running crawl, and what they cost.
    Attached,
    /// kill -9 at thirty random instants, each followed by a resume.
    Kill,
    /// Terminals that go away at a hundred random instants, and what is left of them.
    Hup,
    /// 1,000 sites of 20 pages in one file.
    Many,
    /// 20 million URLs in the store: RAM, inserts, leases.
    Frontier,
    /// openjdk-17-doc by the headless browser, with four tabs.
    Browser,
    /// openjdk-17-doc by plain HTTP, with and without a rung above it.
    Ladder,
    /// A site of plain, script-only and guarded pages.
    Mixed,
    /// openjdk-17-doc unchanged, crawled again.
    Refresh,
    /// The deck opened on the recording of a job.
    Replay,
    /// openjdk-17-doc from its archive, against the crawl that made it.
    Extract,
    /// openjdk-17-doc: five fields and the links of a page, without the network.
    Pass,
    /// A list of a million URLs; exports of ten million records and links.
    Bulk,
    /// Exports of ten million pages.
    Pages,
    /// openjdk-17-doc and rust-doc, focused against breadth-first.
    Order,
    /// How quickly the deck answers, and what it costs.
    Deck,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.scenario {
        Scenario::Links => scenario::links::run(&options),
        Scenario::Fields => scenario::fields::run(&options),
        Scenario::Three => scenario::three::run(&options),
        Scenario::Attached => scenario::attached::run(&options),
        Scenario::Kill => scenario::kill::run(&options),
        Scenario::Hup => scenario::hup::run(&options),
        Scenario::Many => scenario::many::run(&options),
        Scenario::Frontier => scenario::frontier::run(&options),
        Scenario::Browser => scenario::browser::run(&options),
        Scenario::Ladder => scenario::ladder::run(&options),
        Scenario::Mixed => scenario::ladder::mixed(&options),
        Scenario::Refresh => scenario::refresh::run(&options),
        Scenario::Replay => scenario::replay::run(&options),
        Scenario::Extract => scenario::extract::run(&options),
        Scenario::Pass => scenario::pass::run(&options),
        Scenario::Bulk => scenario::bulk::run(&options),
        Scenario::Pages => scenario::pages::run(&options),
        Scenario::Order => scenario::order::run(&options),
        Scenario::Deck => scenario::deck::run(&options),
    };
    match outcome {
        Ok(targets) => {
            targets.print();
            ExitCode::from(u8::from(!targets.all_met()))
        }
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}
