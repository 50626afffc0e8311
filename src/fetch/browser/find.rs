//! Which program is the browser.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Names the browser, in front of what is on the path.
pub(super) const VARIABLE: &str = "CRAWLDECK_CHROME";
/// Under which names Chromium and its kin are on the path, the first best.
const NAMES: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-headless-shell",
    "chrome-headless-shell",
];

/// The browser of this machine.
///
/// # Errors
/// Why there is none, and what to do.
pub(super) fn browser() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    find(env::var_os(VARIABLE).as_deref(), &path)
}

fn find(named: Option<&OsStr>, path: &OsStr) -> Result<PathBuf, String> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        let file = Path::new(named);
        // A name alone is looked for on the path, as a shell would.
        let found = match file.components().count() {
            1 => on_path(named, path),
            _ => Some(file.to_owned()).filter(|file| is_program(file)),
        };
        return found.ok_or_else(|| {
            format!(
                "{VARIABLE} names {}, which is no program; name the file of a Chromium or \
                 Chrome, or unset it",
                file.display()
            )
        });
    }
    NAMES
        .iter()
        .find_map(|name| on_path(OsStr::new(name), path))
        .ok_or_else(|| {
            format!(
                "no Chromium or Chrome is installed; install the package chromium \
                 (`apt install chromium` on Debian), or let {VARIABLE} name the program"
            )
        })
}

fn on_path(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn program(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn the_first_name_that_is_a_program_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().as_os_str();
        let missing = find(None, path).unwrap_err();
        assert!(
            missing.contains("install the package chromium"),
            "{missing}"
        );
        let chrome = program(dir.path(), "google-chrome", 0o755);
        assert_eq!(find(None, path), Ok(chrome.clone()));
        program(dir.path(), "chromium", 0o644);
        assert_eq!(find(None, path), Ok(chrome.clone()));
        let chromium = program(dir.path(), "chromium-browser", 0o755);
        assert_eq!(find(None, path), Ok(chromium.clone()));
        assert_eq!(find(Some(OsStr::new("")), path), Ok(chromium));
        // What the operator names counts more, by its name or its file.
        assert_eq!(
            find(Some(OsStr::new("google-chrome")), path),
            Ok(chrome.clone())
        );
        assert_eq!(find(Some(chrome.as_os_str()), OsStr::new("")), Ok(chrome));
    }

    #[test]
    fn a_browser_that_is_named_and_not_there_is_not_replaced_by_another() {
        let dir = tempfile::tempdir().unwrap();
        program(dir.path(), "chromium", 0o755);
        for named in ["/no/such/chrome", "no-such-chrome"] {
            let error = find(Some(OsStr::new(named)), dir.path().as_os_str()).unwrap_err();
            assert!(error.contains(VARIABLE) && error.contains(named), "{error}");
        }
    }
}
