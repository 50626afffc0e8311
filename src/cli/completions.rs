//! `crawldeck completions`: what a shell needs to complete the command line.

use super::{Arguments, print};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

/// Arguments of `crawldeck completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "For example: crawldeck completions bash > ~/.local/share/bash-completion/completions/crawldeck"
)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs it.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    print(&script(args.shell))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "crawldeck", &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_learns_every_subcommand() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for command in Arguments::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "{shell}: {name}");
            }
        }
    }
}
