//! What the operator types: one file per subcommand, wiring only.

mod check;
mod demo;
mod explain;
pub mod export;
mod extract;
mod headless;
mod log;
mod run;
mod session;
mod signals;
pub mod status;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// Bad input; nothing was started.
pub const BAD_INPUT: u8 = 2;
/// A site could not run to its end.
pub const INCOMPLETE: u8 = 3;

#[derive(Debug, Parser)]
#[command(name = "crawldeck", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 every site ran to its end; 2 bad input, nothing started; \
    3 a site could not run to its end; 130 and 143 stopped (by Ctrl-C or the deck, by SIGTERM), \
    everything saved."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Crawl the sites of a file, or one site by its URL; resumes what was begun
    Run(run::RunArgs),
    /// Validate a sites file; with --url, fetch one page and explain it
    Check(check::CheckArgs),
    /// Show how far a crawl is, running or not
    Status(status::StatusArgs),
    /// Write out records, pages or failures, while the crawl runs or after
    Export(export::ExportArgs),
    /// Take the fields of a changed sites file from the archive, without the network
    Extract(extract::ExtractArgs),
    /// Serve small sites with faults on loopback and crawl them under the deck
    Demo(demo::DemoArgs),
}

/// Runs the program and answers its exit code.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Demo(args) => demo::run(args),
    };
    result.unwrap_or_else(|error| {
        // `{:#}` puts the causes on the same line.
        complain(format_args!("{error:#}"));
        ExitCode::from(BAD_INPUT)
    })
}

/// Says on standard error what is wrong. A reader that has gone away is no
/// reason to break down.
fn complain(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "crawldeck: {words}");
}
