//! The sites that are crawled: documentation as Debian packages it.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package and where its site begins.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Name of the Debian package.
    pub name: &'static str,
    /// End of the path of a file that the package has once.
    mark: &'static str,
    /// The part of `mark` that is the start page's path on the server.
    start: &'static str,
    /// The path that is asked for first.
    pub first: &'static str,
}

/// About 10,100 pages.
pub const OPENJDK: Package = Package {
    name: "openjdk-17-doc",
    mark: "/api/index.html",
    start: "/index.html",
    first: "/",
};

/// About 21,600 pages that can be reached.
pub const RUST: Package = Package {
    name: "rust-doc",
    mark: "/rust-doc/html/index.html",
    start: "/index.html",
    first: "/index.html",
};

/// About 4,400 pages.
pub const CPPREFERENCE: Package = Package {
    name: "cppreference-doc-en-html",
    mark: "/doc/html/en/index.html",
    start: "/en/index.html",
    first: "/en/index.html",
};

impl Package {
    /// The folder that holds the site, as `dpkg` knows it.
    pub fn root(&self) -> Result<PathBuf> {
        let listing = Command::new("dpkg")
            .args(["-L", self.name])
            .output()
            .context("dpkg does not run; the corpora are Debian packages")?;
        if !listing.status.success() {
            bail!("{0} is not installed: apt-get install {0}", self.name);
        }
        let listing = String::from_utf8_lossy(&listing.stdout);
        let file = listing
            .lines()
            .find(|line| line.ends_with(self.mark))
            .with_context(|| format!("{} has no file …{}", self.name, self.mark))?;
        let root = Path::new(file.strip_suffix(self.start).unwrap_or(file));
        if !Path::new(file).is_file() {
            bail!("{file} is gone: apt-get install --reinstall {}", self.name);
        }
        Ok(root.to_owned())
    }
}
