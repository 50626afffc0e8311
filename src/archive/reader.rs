//! Reading answers back, from any thread and beside a crawl that goes on.

use super::FOLDER;
use super::error::{ArchiveError, ReadError};
use super::index::{INDEX, Index};
use super::member::Codec;
use super::parse;
use crate::page::Fingerprint;
use bytes::Bytes;
use reqwest::header::HeaderMap;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes that a record has besides the body: heads of the record and of the
/// answer, which have limits of their own.
const HEADS: usize = 1 << 20;

/// An answer as it was kept.
#[derive(Debug, Clone)]
pub struct Stored {
    /// When it was asked for, milliseconds since the epoch, where that can be
    /// read.
    pub at: Option<u64>,
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as it came over the wire, its content coding still on it.
    pub body: Bytes,
}

/// Where an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    file: i64,
    offset: u64,
    length: u64,
}

struct Opened {
    name: String,
    codec: Codec,
    /// `None` where it has been moved away.
    file: Option<File>,
}

/// An archive, open for reading by one thread.
pub struct Reader {
    index: Index,
    files: HashMap<i64, Opened>,
}

impl Reader {
    /// Opens the archive of the job in `dir`; `None` where it has none.
    ///
    /// # Errors
    /// Where the index or a file cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>, ArchiveError> {
        let dir = dir.join(FOLDER);
        if !dir.join(INDEX).is_file() {
            return Ok(None);
        }
        let index = Index::open_to_read(&dir)?;
        let rows = index.files().map_err(|source| ArchiveError::Index {
            path: dir.join(INDEX),
            source,
        })?;
        let mut files = HashMap::new();
        for row in rows {
            let path = dir.join(&row.name);
            let Some(codec) = Codec::of_name(&row.name) else {
                continue;
            };
            let file = match File::open(&path) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => return Err(ArchiveError::File { path, source }),
            };
            let name = row.name;
            files.insert(row.id, Opened { name, codec, file });
        }
        Ok(Some(Self { index, files }))
    }

    /// Sees the archive from now on as it is now, for many lookups by somebody
    /// who does not stay.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn hold(&self) -> rusqlite::Result<()> {
        self.index.hold()
    }

    /// Where the last good answer of a URL stands, where there is one.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn find(&self, print: Fingerprint) -> rusqlite::Result<Option<Place>> {
        let entry = self.index.find(print)?;
        Ok(entry.map(|entry| Place {
            file: entry.file,
            offset: entry.offset,
            length: entry.length,
        }))
    }

    /// Reads an answer whose body is of at most `most` bytes.
    ///
    /// # Errors
    /// Where its file is gone or damaged.
    pub fn read(&self, place: Place, most: u64) -> Result<Stored, ReadError> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let Some(opened) = self.files.get(&place.file) else {
            return Err(ReadError::File {
                file: format!("file {} of the archive", place.file),
                source: gone(),
            });
        };
        let broken = |why: String| ReadError::Broken {
            file: opened.name.clone(),
            offset: place.offset,
            why,
        };
        let most = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_add(HEADS);
        // Deflate makes nothing much larger than it was.
        let length = usize::try_from(place.length).unwrap_or(usize::MAX);
        if length > most.saturating_add(HEADS) {
            return Err(broken(format!("it is of {length} bytes")));
        }
        let mut member = vec![0; length];
        let read = match &opened.file {
            Some(file) => read_at(file, &mut member, place.offset),
            None => Err(gone()),
        };
        read.map_err(|source| ReadError::File {
            file: opened.name.clone(),
            source,
        })?;
        unpack(opened.codec, &member, most).map_err(broken)
    }
}

/// The answer in one member, whose record is of at most `most` bytes.
///
/// # Errors
/// In words, where it is damaged or no response.
pub fn unpack(codec: Codec, member: &[u8], most: usize) -> Result<Stored, String> {
    let record = codec.decompress(member, most);
    let record = record.map_err(|error| error.to_string())?;
    parse::response(record).map_err(str::to_owned)
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(into)
}

/// Removes an archive's files and its index.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    let absent_is_fine = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    if dir.join(INDEX).is_file() {
        let files = Index::open_to_read(dir).map(|index| index.files());
        // An index that cannot be read names nothing that could be removed.
        for row in files.ok().and_then(Result::ok).unwrap_or_default() {
            absent_is_fine(std::fs::remove_file(dir.join(&row.name)))?;
        }
    }
    for suffix in ["", "-wal", "-shm"] {
        absent_is_fine(std::fs::remove_file(dir.join(format!("{INDEX}{suffix}"))))?;
    }
    Ok(())
}
