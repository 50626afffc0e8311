//! The job's folder, as far as the engine itself writes into it.

use super::probe::disk_free;
use crate::fetch::Spool;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Values shorter than this are no secrets, and would blot out half of a text.
const SHORTEST: usize = 4;
/// The folder of lists that are being read.
const SPOOL: &str = "spool";
/// Bytes of a list from a URL, as it comes.
const LIST: u64 = 16 << 30;
/// Bytes of bad rows that are written for one source.
const BAD_ROWS: u64 = 16 << 20;

/// The job's folder, and what must not be written into it.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    secrets: Vec<String>,
}

impl Folder {
    /// A folder in which these values never appear.
    pub fn new(dir: &Path, secrets: &[String]) -> Self {
        // Of a run that was killed.
        let _ = fs::remove_dir_all(dir.join(SPOOL));
        let secrets = secrets.iter().filter(|secret| secret.len() >= SHORTEST);
        Self {
            dir: dir.to_owned(),
            secrets: secrets.cloned().collect(),
        }
    }

    /// Where a list from a URL goes while it is read: no further than half of the
    /// disk's free room.
    pub fn spool(&self, site: &str, key: &str) -> Spool {
        let free = disk_free(&self.dir).unwrap_or(LIST);
        let path = self.dir.join(SPOOL).join(file_name(site, key));
        Spool::new(path, LIST.min(free / 2))
    }

    /// A text with its secrets blotted out.
    pub fn clean(&self, text: String) -> String {
        self.secrets
            .iter()
            .fold(text, |text, secret| text.replace(secret, "•••"))
    }

    /// Where the bad rows of a source are written down, from its first one on.
    pub fn bad_rows(&self, site: &str, key: &str) -> BadRows<'_> {
        let name = format!("bad-rows-{}.txt", file_name(site, key));
        let path = self.dir.join("log").join(name);
        // Of an earlier reading; mostly there is none.
        let _ = fs::remove_file(&path);
        BadRows {
            folder: self,
            path,
            file: None,
            left: BAD_ROWS,
            written: 0,
        }
    }
}

/// A site's name and a key as the name of a file.
fn file_name(site: &str, key: &str) -> String {
    let text = format!("{site} {key}");
    text.chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect()
}

/// The bad rows of one source, one a line, on their way into a file.
#[derive(Debug)]
pub struct BadRows<'a> {
    folder: &'a Folder,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    left: u64,
    written: u64,
}

impl BadRows<'_> {
    /// Writes one down, unless there are too many already.
    pub fn put(&mut self, row: &str) {
        let line = self.folder.clean(row.to_owned());
        let bytes = line.len() as u64 + 1;
        if bytes > self.left {
            self.left = 0;
            return;
        }
        self.left -= bytes;
        if let Err(error) = self.write(&line) {
            tracing::warn!("{} cannot be written: {error}", self.path.display());
            self.left = 0;
        } else {
            self.written += 1;
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        if self.file.is_none() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            self.file = Some(BufWriter::new(File::create(&self.path)?));
        }
        match &mut self.file {
            Some(file) => writeln!(file, "{line}"),
            None => Ok(()),
        }
    }

    /// Where they are, in words that follow the first of them: nothing for one
    /// row alone, which is told already.
    pub fn finish(mut self, bad: u64) -> String {
        let written = match &mut self.file {
            Some(file) => file.flush(),
            None => return String::new(),
        };
        if let Err(error) = written {
            return format!("; the others cannot be written down: {error}");
        }
        let path = self.path.display();
        match self.written {
            _ if bad < 2 => String::new(),
            all if all == bad => format!("; all are in {path}"),
            part => format!("; the first {part} are in {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_rows_are_written_without_secrets_and_up_to_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), &["s3cret".to_owned(), "ab".to_owned()]);
        let mut rows = folder.bad_rows("a/b", "list 1");
        rows.put("line 1: key=s3cret ab");
        rows.put("line 2");
        let words = rows.finish(2);
        let path = dir.path().join("log/bad-rows-a-b-list-1.txt");
        assert_eq!(words, format!("; all are in {}", path.display()));
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "line 1: key=••• ab\nline 2\n"
        );

        let mut rows = folder.bad_rows("a/b", "list 1");
        assert!(!path.exists(), "those of an earlier reading are gone");
        rows.left = 10;
        for row in ["12345678", "too long", "x"] {
            rows.put(row);
        }
        assert!(rows.finish(3).starts_with("; the first 1 are in "));
        assert_eq!(fs::read_to_string(&path).unwrap(), "12345678\n");
    }
}
