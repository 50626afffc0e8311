//! Documentation as Debian packages it, for tests over all of its pages.

use std::path::PathBuf;
use std::process::Command;

/// The packages, about 36,000 pages.
pub(super) const PACKAGES: [&str; 3] = ["openjdk-17-doc", "rust-doc", "cppreference-doc-en-html"];

/// Runs `look` over the HTML files of a package, on two threads; answers of how
/// many it was true, and how many there are.
pub(super) fn count(
    package: &str,
    look: impl Fn(&std::path::Path, &str) -> bool + Sync,
) -> (usize, usize) {
    let files = files(package);
    assert!(files.len() > 1000, "{package}: {} files", files.len());
    let some = |files: &[PathBuf]| {
        let seen = files.iter().filter(|file| {
            let html = std::fs::read(file).unwrap();
            look(file, &String::from_utf8_lossy(&html))
        });
        seen.count()
    };
    let (first, second) = files.split_at(files.len() / 2);
    let seen = std::thread::scope(|scope| {
        let other = scope.spawn(|| some(second));
        some(first) + other.join().unwrap()
    });
    (seen, files.len())
}

/// The HTML files of a package.
fn files(package: &str) -> Vec<PathBuf> {
    let listing = Command::new("dpkg").args(["-L", package]).output().unwrap();
    assert!(listing.status.success(), "{package} is not installed");
    let listing = String::from_utf8(listing.stdout).unwrap();
    let files = listing.lines().filter(|line| line.ends_with(".html"));
    let files = files.map(PathBuf::from);
    files.filter(|file| file.is_file()).collect()
}
