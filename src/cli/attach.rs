//! `crawldeck attach`: a deck on a crawl that runs already.

use super::deck::{self, Closed};
use super::look::{self, LookArgs};
use super::{BAD_INPUT, INCOMPLETE, complain, jobs};
use crate::bus::Origin;
use crate::monitor::line::clean;
use crate::tui::Left;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `crawldeck attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// The job's folder, or its sites file [default: the only crawl that runs,
    /// else the only *.crawl folder here]
    dir: Option<PathBuf>,
    /// Look only: send no command
    #[arg(long)]
    readonly: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
///
/// # Errors
/// Where no crawl can be attached to, or the terminal not be taken.
pub fn run(args: &AttachArgs) -> anyhow::Result<ExitCode> {
    if !look::has_deck() {
        complain(format_args!(
            "attach needs a terminal; `crawldeck status` and `crawldeck ctl` do not"
        ));
        return Ok(ExitCode::from(BAD_INPUT));
    }
    let settings = args.look.settings()?;
    let dir = jobs::find(args.dir.as_deref())?;
    deck::runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let link = jobs::connect(&dir, Origin::Attached).await?;
        let mut remote = link.watch(deck::PICTURES, args.readonly).await?;
        // Dropping the deck gives the terminal back.
        let closed = tokio::select! {
            closed = deck::show(&mut remote, &settings, true) => closed?,
            _ = interrupt.recv() => return Ok(ExitCode::from(130)),
            _ = terminate.recv() => return Ok(ExitCode::from(143)),
            _ = hangup.recv() => return Ok(ExitCode::from(129)),
        };
        match closed {
            Closed::Left(Left::TerminalGone) => {}
            Closed::Left(_) => deck::farewell(&remote),
            Closed::Ended(Ok(reason)) => complain(format_args!("{}", clean(&reason))),
            Closed::Ended(Err(error)) => {
                complain(format_args!("{}", clean(&error.to_string())));
                return Ok(ExitCode::from(INCOMPLETE));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
