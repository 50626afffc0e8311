//! `crawldeck keys`: the key map in force, in the form of the settings file.

use super::look::LookArgs;
use super::print;
use clap::Args;
use std::process::ExitCode;

/// Arguments of `crawldeck keys`.
#[derive(Debug, Args)]
#[command(
    after_help = "The settings are read from $XDG_CONFIG_HOME/crawldeck/config.toml \
    (else ~/.config/crawldeck/config.toml): theme, ascii, mouse, fps, bell, and a table [keys] of \
    which this command prints the whole."
)]
pub struct KeysArgs {
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
pub fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    print(args.look.settings()?.keys_toml().as_bytes())
}
