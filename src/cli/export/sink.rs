//! Where an export goes.

use anyhow::Context;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Bytes written at once.
pub(super) const BUFFER: usize = 64 << 10;

/// A file that is being written under another name and gets its own when it is
/// complete. Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Draft {
    /// The file being written and the name that it shall have; `None` when done.
    names: Option<(PathBuf, PathBuf)>,
}

impl Draft {
    /// Begins a file. A device or a pipe is written to and never replaced:
    /// there is no draft then.
    pub(super) fn create(path: &Path) -> anyhow::Result<(File, Option<Self>)> {
        // The file behind a link is replaced, not the link.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let cannot = || format!("cannot write {}", path.display());
        if target.exists() && !target.is_file() {
            let out = File::options().write(true).open(&target);
            return Ok((out.with_context(cannot)?, None));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(name);
        let out = File::create(&part).with_context(cannot)?;
        let names = Some((part, target));
        Ok((out, Some(Self { names })))
    }

    /// The file as it is called now.
    pub(super) fn path(&self) -> &Path {
        self.names.as_ref().map_or(Path::new(""), |(part, _)| part)
    }

    /// [`Draft::finish`] under another name, in the same folder.
    pub(super) fn finish_as(mut self, path: &Path) -> io::Result<()> {
        if let Some((_, target)) = &mut self.names {
            *target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        }
        self.finish()
    }

    /// Everything is written: gives the file its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some((part, target)) = &self.names {
            File::open(part)?.sync_all()?;
            std::fs::rename(part, target)?;
            self.names = None;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((part, _)) = &self.names {
            // Half an export is of no use; where it cannot be removed its name says so.
            let _ = std::fs::remove_file(part);
        }
    }
}

/// Standard output or a file. A file that was there stays as it is until
/// [`Sink::finish`].
pub(super) struct Sink {
    out: Box<dyn Write>,
    draft: Option<Draft>,
}

impl Sink {
    /// Opens the file, or standard output for none. What goes to a terminal is
    /// cleaned of control characters.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = path {
            let (out, draft) = Draft::create(path)?;
            return Ok(Self::new(out, draft));
        }
        let stdout = io::stdout();
        Ok(if stdout.is_terminal() {
            Self::new(Cleaned::new(stdout.lock()), None)
        } else {
            Self::new(stdout.lock(), None)
        })
    }

    fn new(out: impl Write + 'static, draft: Option<Draft>) -> Self {
        let out = Box::new(BufWriter::with_capacity(BUFFER, out));
        Self { out, draft }
    }

    /// Everything is written: gives the file its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.draft.map_or(Ok(()), Draft::finish)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Leaves out of UTF-8 text what would steer a terminal: control characters
/// other than newline and tab, and marks that turn the direction of writing.
struct Cleaned<W> {
    out: W,
    /// The first bytes of a character whose rest is still to come.
    rest: Vec<u8>,
}

impl<W: Write> Cleaned<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            rest: Vec::new(),
        }
    }
}

impl<W: Write> Write for Cleaned<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // Not UTF-8 at all: shown lossily.
            Err(_) => self.rest.len(),
        };
        let text: String = String::from_utf8_lossy(&self.rest[..whole])
            .chars()
            .filter(|c| !steers(*c))
            .collect();
        self.rest.drain(..whole);
        self.out.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    #[test]
    fn a_file_appears_when_it_is_complete_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.jsonl");
        fs::write(&path, "old").unwrap();
        let mut sink = Sink::open(Some(&path)).unwrap();
        sink.write_all(b"half").unwrap();
        sink.flush().unwrap();
        drop(sink);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut sink = Sink::open(Some(&path)).unwrap();
        sink.write_all(b"whole").unwrap();
        sink.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_to_and_links_are_kept() {
        let mut sink = Sink::open(Some(Path::new("/dev/null"))).unwrap();
        sink.write_all(b"x").unwrap();
        sink.finish().unwrap();
        assert!(!Path::new("/dev/null").is_file());

        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut sink = Sink::open(Some(&link)).unwrap();
        sink.write_all(b"new").unwrap();
        sink.finish().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert!(link.is_symlink());
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let error = Sink::open(Some(Path::new("/no/such/folder/x")))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/no/such/folder/x"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_steers_the_terminal_however_it_is_cut(
            text in "(\\PC|[\u{0}-\u{20}\u{7f}-\u{9f}\u{202e}é€😀]){0,40}",
            cuts in prop::collection::vec(1usize..5, 0..40),
        ) {
            let mut cleaned = Cleaned::new(Vec::new());
            let mut bytes = text.as_bytes();
            for cut in cuts {
                let (head, tail) = bytes.split_at(cut.min(bytes.len()));
                cleaned.write_all(head).unwrap();
                bytes = tail;
            }
            cleaned.write_all(bytes).unwrap();
            let expected: String = text.chars().filter(|c| !steers(*c)).collect();
            prop_assert_eq!(String::from_utf8(cleaned.out).unwrap(), expected);
        }
    }
}
