//! What the black-box tests share: a scripted web server, the binary on a job
//! of its own, and the binary on a pseudo-terminal.
//!
//! Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod archive;
pub mod crawl;
pub mod proxy;
pub mod pty;
pub mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a test waits for what must happen. Long, because a loaded machine
/// is slow; no test that passes waits for it.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Where a binary that runs in `folder` keeps its notes of jobs, away from the
/// user's own.
pub fn state_home(folder: &Path) -> PathBuf {
    folder.join("state")
}
