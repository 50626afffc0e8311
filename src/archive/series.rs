//! The files of an archive: one is written at a time for each codec, up to a
//! size, then the next begins.

use super::error::ArchiveError;
use super::index::{Entry, FileRow, Index};
use super::member::Codec;
use super::pack::{Packed, warcinfo};
use crate::page::Fingerprint;
use crate::page::time::now_ms;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that is being written.
struct Open {
    id: i64,
    codec: Codec,
    file: File,
    /// Where the next record goes.
    end: u64,
    /// Whether `end` is confirmed.
    settled: bool,
}

/// The archive's folder, open for writing by one thread.
pub(super) struct Series {
    dir: PathBuf,
    name: String,
    index: Index,
    open: Vec<Open>,
    /// Number of the last file.
    last: u32,
    /// Answers written and not yet confirmed.
    written: Vec<(Fingerprint, Entry)>,
}

impl Series {
    /// Opens the folder, making it where it is missing, and cuts off what no
    /// answer was confirmed for. New files are called after `name`.
    pub(super) fn open(dir: &Path, name: &str) -> Result<Self, ArchiveError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| ArchiveError::File { path, source }
        };
        std::fs::create_dir_all(dir).map_err(at(dir))?;
        let mut index = Index::open(dir)?;
        let failed = |source| ArchiveError::Index {
            path: dir.join(super::index::INDEX),
            source,
        };
        let mut open: Vec<Open> = Vec::new();
        for row in index.files().map_err(failed)? {
            let path = dir.join(&row.name);
            let Some(codec) = Codec::of_name(&row.name) else {
                continue;
            };
            // The last file of each codec is gone on with.
            open.retain(|other| other.codec != codec);
            match OpenOptions::new().write(true).open(&path) {
                Ok(file) => {
                    let length = file.metadata().map_err(at(&path))?.len();
                    let end = settle(&mut index, &row, length).map_err(failed)?;
                    if length > end {
                        file.set_len(end).map_err(at(&path))?;
                    }
                    open.push(Open {
                        id: row.id,
                        codec,
                        file,
                        end,
                        settled: true,
                    });
                }
                // Moved away by the operator: what was in it is not here.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(at(&path)(error)),
            }
        }
        let last = last_number(dir, name).map_err(at(dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            name: name.to_owned(),
            index,
            open,
            last,
            written: Vec::new(),
        })
    }

    /// Writes an answer's records behind the others. After an error nothing of
    /// them counts, and the same can be tried again.
    pub(super) fn write(
        &mut self,
        packed: &Packed,
        print: Option<Fingerprint>,
        rotate: u64,
    ) -> io::Result<()> {
        let codec = packed.codec;
        let place = self.open.iter().position(|open| open.codec == codec);
        let place = match place {
            Some(place) if self.open[place].end < rotate => place,
            place => {
                if let Some(place) = place {
                    self.confirm()?;
                    self.open[place].file.sync_data()?;
                    self.open.remove(place);
                }
                let open = self.begin(codec)?;
                self.open.push(open);
                self.open.len() - 1
            }
        };
        let open = &mut self.open[place];
        // Half of a record may stand there from a write that failed.
        open.file.seek(SeekFrom::Start(open.end))?;
        open.file.write_all(&packed.bytes)?;
        if let Some(print) = print {
            let entry = Entry {
                file: open.id,
                offset: open.end + packed.response.start as u64,
                length: packed.response.len() as u64,
            };
            self.written.push((print, entry));
        }
        open.end += packed.bytes.len() as u64;
        open.settled = false;
        Ok(())
    }

    /// Confirms all that was written. After an error the same can be tried again.
    pub(super) fn confirm(&mut self) -> io::Result<()> {
        let news = self.open.iter().filter(|open| !open.settled);
        let ends: Vec<(i64, u64)> = news.map(|open| (open.id, open.end)).collect();
        if ends.is_empty() {
            return Ok(());
        }
        let confirmed = self.index.confirm(&self.written, &ends);
        confirmed.map_err(io::Error::other)?;
        self.written.clear();
        self.open.iter_mut().for_each(|open| open.settled = true);
        Ok(())
    }

    /// Hands everything to the disk, where it can.
    pub(super) fn close(mut self) {
        let synced = self.confirm().and_then(|()| {
            let mut files = self.open.iter();
            files.try_for_each(|open| open.file.sync_data())
        });
        if let Err(error) = synced {
            tracing::warn!("closing the archive: {error}");
        }
    }

    fn begin(&mut self, codec: Codec) -> io::Result<Open> {
        let name = format!("{}-{:05}.{}", self.name, self.last + 1, codec.extension());
        let path = self.dir.join(&name);
        let head = warcinfo(&name, now_ms(), codec)?;
        // One that is there is the rest of an attempt of ours that failed: the
        // number is above all others.
        let mut file = File::create(&path)?;
        file.write_all(&head)?;
        let end = head.len() as u64;
        let id = self.index.begin(&name, end).map_err(io::Error::other)?;
        self.last += 1;
        Ok(Open {
            id,
            codec,
            file,
            end,
            settled: true,
        })
    }
}

/// Where a file of this length ends as far as answers are confirmed.
fn settle(index: &mut Index, row: &FileRow, length: u64) -> rusqlite::Result<u64> {
    if length >= row.size {
        return Ok(row.size);
    }
    tracing::warn!(
        file = row.name,
        "the archive's file is shorter than it was; what it lacks is lost"
    );
    index.cut(row.id, length)
}

/// The highest number that a file of the series has, in the index or not.
fn last_number(dir: &Path, name: &str) -> io::Result<u32> {
    let mut last = 0;
    for entry in dir.read_dir()? {
        let file = entry?.file_name();
        let file = file.to_string_lossy();
        let number = file
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.split('.').next()?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}
