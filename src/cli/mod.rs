//! What the operator types: one file per subcommand, wiring only.

mod alerts;
mod attach;
mod attend;
mod background;
mod check;
mod completions;
mod ctl;
mod deck;
mod demo;
mod discover;
mod explain;
pub mod export;
mod extract;
mod figures;
mod headless;
mod jobs;
mod keys;
mod list;
mod log;
mod look;
mod man;
mod pictures;
mod replay;
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
    /// Open a page in a browser and print the listings among its API traffic
    Discover(discover::DiscoverArgs),
    /// Open the deck on a crawl that runs already
    Attach(attach::AttachArgs),
    /// Send a command to a running crawl and print the answer
    Ctl(ctl::CtlArgs),
    /// List the crawls on this machine and whether they run
    List(list::ListArgs),
    /// Open the deck on a job's recording: pause, seek, faster, slower
    ///
    /// Figures, the log and charts are those of the moment shown. Lists (failures, pages, queue,
    /// records, journal) and `crawldeck export` come from the store and are as it is now.
    Replay(replay::ReplayArgs),
    /// Serve small sites with faults on loopback and crawl them under the deck
    Demo(demo::DemoArgs),
    /// Print the keys of the deck, as a part of its settings file
    Keys(keys::KeysArgs),
    /// Print what a shell needs to complete these commands
    Completions(completions::CompletionsArgs),
    /// Print the manual, or write its pages into a folder
    Man(man::ManArgs),
    /// Draw the pictures of the README with the deck's own code, as SVG
    #[command(hide = true)]
    Pictures(pictures::PicturesArgs),
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
        Command::Discover(args) => discover::run(&args),
        Command::Attach(args) => attach::run(&args),
        Command::Ctl(args) => ctl::run(&args),
        Command::List(args) => Ok(list::run(&args)),
        Command::Replay(args) => replay::run(&args),
        Command::Demo(args) => demo::run(args),
        Command::Keys(args) => keys::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Pictures(args) => pictures::run(&args),
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

/// Writes to standard output. A reader that has seen enough is no failure.
fn print(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
