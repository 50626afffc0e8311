//! `crawldeck pictures`: the pictures of the README, drawn by the deck itself.

use crate::tui;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `crawldeck pictures`.
#[derive(Debug, Args)]
pub struct PicturesArgs {
    /// The folder for the pictures
    dir: PathBuf,
}

/// Runs it.
pub fn run(args: &PicturesArgs) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    for (name, svg) in tui::pictures() {
        let path = dir.join(format!("{name}.svg"));
        std::fs::write(&path, svg).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
