//! The job's folder: what lies in it and where it is found.

use std::io;
use std::path::{Path, PathBuf};

/// The database in a job's folder.
pub const DATABASE: &str = "crawl.db";
/// The lock file in a job's folder; stays there between runs.
pub(super) const LOCK: &str = "lock";
/// How a job's folder is called: `<stem of the sites file>.crawl`.
pub const EXTENSION: &str = "crawl";

/// Why no job's folder could be named.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The argument leads nowhere.
    #[error("{}: no such folder", .0.display())]
    Missing(PathBuf),
    /// The argument is a file without a folder beside it.
    #[error("{} has not been crawled: there is no folder {}", file.display(), folder.display())]
    NotCrawled {
        /// The file.
        file: PathBuf,
        /// Where its folder would be.
        folder: PathBuf,
    },
    /// Nothing was named and nothing is there.
    #[error("no *.crawl folder here; name the job's folder, or the sites file it belongs to")]
    NoneHere,
    /// Nothing was named and there is more than one.
    #[error("more than one *.crawl folder here; name one of {}", list(.0))]
    ManyHere(Vec<PathBuf>),
    /// The current folder cannot be read.
    #[error("cannot read the current folder: {0}")]
    Unreadable(io::Error),
}

/// The folder of the job that a sites file describes, in the current folder:
/// `sites.yaml` has `sites.crawl`.
pub fn of_file(file: &Path) -> PathBuf {
    let mut name = file.file_stem().unwrap_or_default().to_owned();
    name.push(".");
    name.push(EXTENSION);
    PathBuf::from(name)
}

/// The job's folder that the operator means: the one named, or the one of the
/// sites file named, or the only `*.crawl` folder in the current one.
///
/// # Errors
/// When there is none, or more than one.
pub fn find(named: Option<&Path>) -> Result<PathBuf, FolderError> {
    find_in(Path::new("."), named)
}

fn find_in(here: &Path, named: Option<&Path>) -> Result<PathBuf, FolderError> {
    let Some(named) = named else {
        return only_one(here);
    };
    let path = here.join(named);
    if path.is_dir() {
        return Ok(tidy(&path));
    }
    // The folder lies where `run` was started: here, or beside the file.
    let beside = path.with_file_name(of_file(named));
    let folders = [here.join(of_file(named)), beside];
    if let Some(folder) = folders.iter().find(|f| f.is_dir()) {
        return Ok(tidy(folder));
    }
    if path.is_file() {
        let [folder, _] = folders;
        return Err(FolderError::NotCrawled {
            file: named.to_owned(),
            folder: tidy(&folder),
        });
    }
    Err(FolderError::Missing(named.to_owned()))
}

fn only_one(here: &Path) -> Result<PathBuf, FolderError> {
    let mut found = Vec::new();
    for entry in here.read_dir().map_err(FolderError::Unreadable)? {
        let path = entry.map_err(FolderError::Unreadable)?.path();
        if path.extension().is_some_and(|e| e == EXTENSION) && path.is_dir() {
            found.push(tidy(&path));
        }
    }
    found.sort();
    match found.len() {
        0 => Err(FolderError::NoneHere),
        1 => Ok(found.remove(0)),
        _ => Err(FolderError::ManyHere(found)),
    }
}

/// Without a leading `./`.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_folder_is_found_as_the_operator_means_it() {
        let dir = tempfile::tempdir().unwrap();
        let here = dir.path();
        let find = |named: Option<&str>| find_in(here, named.map(Path::new));
        assert!(matches!(find(None), Err(FolderError::NoneHere)));
        fs::create_dir(here.join("books.crawl")).unwrap();
        fs::write(here.join("books.yaml"), "").unwrap();
        fs::write(here.join("films.yaml"), "").unwrap();
        fs::write(here.join("file.crawl"), "").unwrap();
        let books = here.join("books.crawl");
        assert_eq!(find(None).unwrap(), books);
        assert_eq!(find(Some("books.crawl")).unwrap(), books);
        assert_eq!(find(Some("books.yaml")).unwrap(), books);
        let error = find(Some("films.yaml")).unwrap_err();
        assert!(error.to_string().contains("not been crawled"), "{error}");
        assert!(matches!(find(Some("gone")), Err(FolderError::Missing(_))));
        fs::create_dir(here.join("films.crawl")).unwrap();
        let error = find(None).unwrap_err().to_string();
        assert!(
            error.contains("books.crawl") && error.contains("films.crawl"),
            "{error}"
        );
    }

    #[test]
    fn a_sites_file_names_its_folder() {
        assert_eq!(
            of_file(Path::new("a/b/sites.yaml")),
            Path::new("sites.crawl")
        );
    }
}
