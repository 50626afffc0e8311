//! The jobs of this user on this machine: a small file for each in
//! `$XDG_STATE_HOME/crawldeck/jobs`, else `~/.local/state/crawldeck/jobs`.

use crate::bus::Origin;
use crate::page::time::now_ms;
use crate::remote::{Link, RemoteError};
use crate::store::{folder, lock};
use anyhow::bail;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// A job that was run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its folder, whole.
    pub dir: PathBuf,
    /// Its name on screen.
    pub title: String,
    /// The process that ran it last.
    pub pid: u32,
    /// When that began, milliseconds since the epoch.
    pub started: u64,
}

impl Known {
    /// Whether it runs now.
    pub fn is_running(&self) -> bool {
        lock::is_held(&self.dir)
    }
}

/// Where the files are; `None` for a user without a home.
fn shelf() -> Option<PathBuf> {
    let whole = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    whole("XDG_STATE_HOME")
        .or_else(|| whole("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("crawldeck/jobs"))
}

/// Notes that this process runs the job in `dir`. A shelf that cannot be
/// written to costs nothing but the note.
pub fn note(dir: &Path, title: &str) {
    let Some(shelf) = shelf() else { return };
    if let Err(error) = note_in(&shelf, dir, title) {
        tracing::info!("the job cannot be noted in {}: {error}", shelf.display());
    }
}

fn note_in(shelf: &Path, dir: &Path, title: &str) -> io::Result<()> {
    let known = Known {
        dir: dir.canonicalize()?,
        title: title.to_owned(),
        pid: std::process::id(),
        started: now_ms(),
    };
    // Fails for a path that is no UTF-8.
    let text = serde_json::to_vec(&known)?;
    fs::create_dir_all(shelf)?;
    let name = xxh3_64(known.dir.as_os_str().as_encoded_bytes());
    let young = shelf.join(format!("{name:016x}.{}", known.pid));
    fs::write(&young, text)?;
    fs::rename(&young, shelf.join(format!("{name:016x}.json")))
}

/// Every job whose folder is still there, the latest first. Notes of others
/// are thrown away.
pub fn all() -> Vec<Known> {
    shelf().map_or_else(Vec::new, |shelf| all_in(&shelf))
}

fn all_in(shelf: &Path) -> Vec<Known> {
    let Ok(entries) = shelf.read_dir() else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let known = fs::read(&path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Known>(&text).ok());
        match known {
            Some(known) if known.dir.join(folder::DATABASE).is_file() => all.push(known),
            _ => {
                let _ = fs::remove_file(path);
            }
        }
    }
    all.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| a.dir.cmp(&b.dir)));
    all
}

/// Connects to the crawl in `dir`.
///
/// # Errors
/// Where it does not run, or cannot be reached.
pub async fn connect(dir: &Path, origin: Origin) -> anyhow::Result<Link> {
    match Link::connect(dir, origin).await {
        Err(RemoteError::NotRunning(_)) if lock::is_held(dir) => bail!(
            "the crawl in {} runs but cannot be reached: it is being started, or its folder \
             takes no socket (its log says)",
            dir.display()
        ),
        linked => Ok(linked?),
    }
}

/// The job that the operator means: the one named, else the only one that
/// runs, else the only one here.
///
/// # Errors
/// Where there is none, or more than one.
pub fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if named.is_some() {
        return Ok(folder::find(named)?);
    }
    choose(
        all().into_iter().filter(Known::is_running).collect(),
        || folder::find(None),
    )
}

fn choose(
    running: Vec<Known>,
    here: impl FnOnce() -> Result<PathBuf, folder::FolderError>,
) -> anyhow::Result<PathBuf> {
    if let [only] = &running[..] {
        return Ok(only.dir.clone());
    }
    match here() {
        Ok(dir) => Ok(dir),
        Err(_) if !running.is_empty() => {
            let dirs: Vec<String> = running
                .iter()
                .map(|known| known.dir.display().to_string())
                .collect();
            bail!(
                "{} crawls are running; name one of {}",
                running.len(),
                dirs.join(", ")
            )
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::folder::FolderError;

    fn job(root: &Path, name: &str) -> PathBuf {
        let dir = root.join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(folder::DATABASE), "").unwrap();
        dir.canonicalize().unwrap()
    }

    #[test]
    fn jobs_are_noted_once_and_forgotten_with_their_folder() {
        let root = tempfile::tempdir().unwrap();
        let shelf = root.path().join("state/jobs");
        assert!(all_in(&shelf).is_empty());
        let (one, two) = (job(root.path(), "one"), job(root.path(), "two"));
        for (dir, title) in [(&one, "old"), (&one, "new"), (&two, "two")] {
            note_in(&shelf, dir, title).unwrap();
        }
        fs::write(shelf.join("x.json"), "{").unwrap();
        let mut titles: Vec<String> = all_in(&shelf).into_iter().map(|k| k.title).collect();
        titles.sort();
        assert_eq!(titles, ["new", "two"]);
        assert!(!all_in(&shelf)[0].is_running());
        fs::remove_dir_all(&one).unwrap();
        assert_eq!(all_in(&shelf).len(), 1);
        assert_eq!(fs::read_dir(&shelf).unwrap().count(), 1);
    }

    #[test]
    fn the_operators_job() {
        let known = |dir: &str| Known {
            dir: dir.into(),
            title: String::new(),
            pid: 1,
            started: 1,
        };
        let here = || Ok(PathBuf::from("here.crawl"));
        let none = || Err(FolderError::NoneHere);
        let one = vec![known("/a")];
        let two = vec![known("/a"), known("/b")];
        assert_eq!(choose(one.clone(), here).unwrap(), Path::new("/a"));
        assert_eq!(choose(two.clone(), here).unwrap(), Path::new("here.crawl"));
        assert_eq!(choose(vec![], here).unwrap(), Path::new("here.crawl"));
        let error = choose(two, none).unwrap_err().to_string();
        assert!(error.contains("/a, /b"), "{error}");
        let error = choose(vec![], none).unwrap_err().to_string();
        assert!(error.contains("no *.crawl folder"), "{error}");
    }
}
