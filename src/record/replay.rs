//! Reads a recording and finds the picture of any moment.

use super::decode::Decoder;
use super::file::{self, Head};
use super::salvage::left_over;
use super::wire::Bytes;
use super::{BLOCKS, TAIL};
use crate::monitor::Snapshot;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Largest file that is read, bytes; a recording is kept below a quarter of it.
const MOST: u64 = 256 << 20;
/// Between the last picture of a run and the first of the next.
const BETWEEN_RUNS: Duration = Duration::from_secs(1);

/// Why there is nothing to play.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The folder holds no recording.
    #[error("{}: nothing is recorded there", .0.display())]
    Nothing(PathBuf),
    /// It is no recording of this program, or nothing of it is whole.
    #[error("{}: not a recording that this version can read", .0.display())]
    Unreadable(PathBuf),
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Where a block's frames are.
#[derive(Debug)]
enum Place {
    /// In the blocks' file.
    Sealed(Range<usize>),
    /// The open block's, joined.
    Open(Vec<u8>),
}

#[derive(Debug)]
struct Block {
    head: Head,
    place: Place,
    /// Its first frame's and last frame's place in the whole recording.
    from: Duration,
    to: Duration,
}

/// Where the last picture was found.
#[derive(Debug)]
struct Cursor {
    block: usize,
    frames: Vec<u8>,
    /// Where the next frame begins.
    next: usize,
    decoder: Decoder,
    /// Whether a frame was applied.
    begun: bool,
    picture: Option<Arc<Snapshot>>,
}

/// A recording. Its time is that of its runs, one behind the other; the time
/// between them is left out.
#[derive(Debug)]
pub struct Replay {
    bytes: Vec<u8>,
    blocks: Vec<Block>,
    cursor: Option<Cursor>,
}

impl Replay {
    /// Opens the recording in a job's folder. It may still be growing; what is
    /// recorded later is not seen.
    ///
    /// # Errors
    /// Where there is none, or none that can be read.
    pub fn open(dir: &Path) -> Result<Self, ReplayError> {
        // The tail first: what is sealed in between is then in both, not in neither.
        let tail = read(&dir.join(TAIL))?;
        let path = dir.join(BLOCKS);
        let bytes = read(&path)?;
        if bytes.is_empty() && tail.is_empty() {
            return Err(ReplayError::Nothing(dir.to_owned()));
        }
        let replay = Self::of(bytes, &tail);
        if replay.blocks.is_empty() {
            return Err(ReplayError::Unreadable(path));
        }
        Ok(replay)
    }

    pub(super) fn of(bytes: Vec<u8>, tail: &[u8]) -> Self {
        let mut found: Vec<(Head, Place)> = file::scan(&bytes)
            .into_iter()
            .map(|(head, payload)| {
                let at = payload.as_ptr().addr() - bytes.as_ptr().addr();
                (head, Place::Sealed(at..at + payload.len()))
            })
            .collect();
        if let Some((head, frames)) = left_over(tail, found.last().map(|(head, _)| head)) {
            let known = found
                .iter()
                .any(|(known, _)| (known.run, known.from) == (head.run, head.from));
            if !known {
                found.push((head, Place::Open(frames)));
            }
        }
        let mut blocks: Vec<Block> = Vec::with_capacity(found.len());
        // Where the run that is being placed would have begun.
        let mut origin = (None, Duration::ZERO, Duration::ZERO);
        for (head, place) in found {
            let (first, last) = (ms(head.from), ms(head.to.max(head.from)));
            if origin.0 != Some(head.run) {
                let start = blocks
                    .last()
                    .map_or(Duration::ZERO, |b| b.to + BETWEEN_RUNS);
                origin = (Some(head.run), start, first);
            }
            let placed = |time: Duration| origin.1.saturating_add(time.saturating_sub(origin.2));
            blocks.push(Block {
                from: placed(first),
                to: placed(last),
                head,
                place,
            });
        }
        Self {
            bytes,
            blocks,
            cursor: None,
        }
    }

    /// How long the recording is.
    pub fn len(&self) -> Duration {
        self.blocks.last().map_or(Duration::ZERO, |block| block.to)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Pictures in it.
    pub fn frames(&self) -> u64 {
        self.blocks.iter().map(|b| u64::from(b.head.frames)).sum()
    }

    /// The last picture at or before a moment, the first for one before it; the
    /// same `Arc` as long as it is the same picture. `None` where nothing can
    /// be read there.
    pub fn at(&mut self, position: Duration) -> Option<Arc<Snapshot>> {
        let after = self.blocks.partition_point(|block| block.from <= position);
        let n = after.saturating_sub(1);
        let block = self.blocks.get(n)?;
        let wanted = ms(block.head.from).saturating_add(position.saturating_sub(block.from));
        let reached = self.cursor.as_ref().is_some_and(|cursor| {
            cursor.block == n && (!cursor.begun || cursor.decoder.elapsed() <= wanted)
        });
        if !reached {
            let decoder = match self.cursor.take() {
                Some(cursor)
                    if cursor.block + 1 == n
                        && self.blocks[cursor.block].head.run == block.head.run =>
                {
                    cursor.decoder.next_block()
                }
                _ => Decoder::default(),
            };
            let frames = match &block.place {
                Place::Open(frames) => frames.clone(),
                Place::Sealed(range) => {
                    let payload = self.bytes.get(range.clone())?;
                    file::frames(&block.head, payload).ok()?
                }
            };
            self.cursor = Some(Cursor {
                block: n,
                frames,
                next: 0,
                decoder,
                begun: false,
                picture: None,
            });
        }
        self.cursor.as_mut()?.advance(wanted)
    }
}

impl Cursor {
    /// Applies the frames up to a time of the run.
    fn advance(&mut self, wanted: Duration) -> Option<Arc<Snapshot>> {
        loop {
            let mut rest = Bytes(self.frames.get(self.next..)?);
            if rest.0.is_empty() {
                break;
            }
            let Ok(frame) = rest.take_bytes() else { break };
            let Ok(elapsed) = Decoder::elapsed_of(frame) else {
                break;
            };
            if self.begun && elapsed > wanted {
                break;
            }
            if self.decoder.frame(frame).is_err() {
                // Checked bytes that do not decode: nothing behind them will.
                self.next = self.frames.len();
                return self.picture.clone();
            }
            self.begun = true;
            self.picture = None;
            self.next = self.frames.len() - rest.0.len();
        }
        if self.begun && self.picture.is_none() {
            self.picture = Some(Arc::new(self.decoder.picture(Instant::now())));
        }
        self.picture.clone()
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn read(path: &Path) -> Result<Vec<u8>, ReplayError> {
    let wrong = |error| ReplayError::Io {
        path: path.to_owned(),
        error,
    };
    match fs::metadata(path) {
        Ok(about) if about.len() > MOST => {
            Err(wrong(io::Error::other("larger than any recording")))
        }
        Ok(_) => fs::read(path).map_err(wrong),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(wrong(error)),
    }
}
