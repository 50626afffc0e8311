//! `crawldeck man`: the manual, a page for the program and one a subcommand.

use super::{Arguments, print};
use anyhow::Context;
use clap::{Args, CommandFactory};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `crawldeck man`.
#[derive(Debug, Args)]
#[command(after_help = "For example: crawldeck man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// Write every page into this folder; without it the first page is printed
    dir: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let pages = pages()?;
    let Some(dir) = &args.dir else {
        return print(pages.first().map_or(&[], |(_, page)| page.as_slice()));
    };
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    for (name, page) in pages {
        let path = dir.join(name);
        std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The pages with their file names, that of the program itself first.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut whole = Arguments::command().disable_help_subcommand(true);
    // Gives subcommands their full names.
    whole.build();
    let mut pages = vec![page(whole.clone())?];
    for command in whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        pages.push(page(command.clone())?);
    }
    Ok(pages)
}

fn page(command: clap::Command) -> std::io::Result<(String, Vec<u8>)> {
    let man = clap_mangen::Man::new(command);
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_is_in_the_first_page_and_has_one_of_its_own() {
        let pages = pages().unwrap();
        let (name, first) = &pages[0];
        let first = String::from_utf8_lossy(first);
        assert_eq!(name, "crawldeck.1");
        for command in Arguments::command().get_subcommands() {
            if command.is_hide_set() {
                continue;
            }
            let file = format!("crawldeck-{}.1", command.get_name());
            assert!(
                first.contains(&file.replace('-', "\\-").replace(".1", "(1)")),
                "{file}: {first}"
            );
            let (_, page) = pages.iter().find(|(name, _)| *name == file).unwrap();
            assert!(
                String::from_utf8_lossy(page).contains(".SH SYNOPSIS"),
                "{file}"
            );
        }
    }
}
