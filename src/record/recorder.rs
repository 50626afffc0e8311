//! Writes the recording, on a thread of its own.

use super::encode::{Encoder, millis};
use super::file::{self, Form, Head};
use super::salvage::{newest, seal_left_over};
use super::wire::put;
use super::{BLOCKS, TAIL};
use crate::bus::JobState;
use crate::monitor::Snapshot;
use crate::page::time::now_ms;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Between two frames.
const EVERY: Duration = Duration::from_secs(1);
/// Pictures that may wait for the disk; more are left out.
const INBOX: usize = 8;
/// Frames of a block: five minutes.
const FRAMES: u32 = 300;
/// Bytes of its frames at which a block is sealed before that.
const RAW: usize = 4 << 20;
/// Texts at which it is.
const WORDS: usize = 50_000;
/// Bytes of frames that are kept for a disk that is full.
const KEPT: usize = 8 << 20;
/// Between two writes of the open block.
const FLUSH: Duration = Duration::from_secs(10);
/// Size of the blocks' file at which the oldest go, bytes.
const MOST: u64 = 64 << 20;
/// What is left of it then.
const LEFT: usize = 48 << 20;

/// A recording being made. Dropping it lets the thread finish by itself.
#[derive(Debug)]
pub struct Recorder {
    inbox: SyncSender<Arc<Snapshot>>,
    done: Receiver<()>,
}

impl Recorder {
    /// Goes on with the recording in a job's folder, or with `fresh` begins anew.
    ///
    /// # Errors
    /// Where the folder cannot be read or written to, or there is no thread.
    pub fn start(dir: &Path, fresh: bool) -> io::Result<Self> {
        let writer = Writer::open(dir, fresh)?;
        let (inbox, pictures) = mpsc::sync_channel(INBOX);
        let (over, done) = mpsc::channel();
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                writer.run(&pictures);
                drop(over);
            })?;
        Ok(Self { inbox, done })
    }

    /// Records a picture, unless the disk is behind: never waits.
    pub fn take(&self, snapshot: Arc<Snapshot>) {
        let _ = self.inbox.try_send(snapshot);
    }

    /// Records a picture; waits for the disk.
    #[cfg(test)]
    pub(super) fn send(&self, snapshot: Arc<Snapshot>) {
        self.inbox.send(snapshot).unwrap();
    }

    /// Ends the recording; waits for the disk so long at most.
    pub fn finish(self, patience: Duration) {
        drop(self.inbox);
        let _ = self.done.recv_timeout(patience);
    }
}

/// Records a picture a second, and the last, until no more come.
pub async fn record(recorder: Recorder, mut snapshots: watch::Receiver<Arc<Snapshot>>) -> Recorder {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_over = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = snapshots.changed() => {
                let over = snapshots.borrow_and_update().state == JobState::Over;
                let ends = over && !was_over;
                was_over = over;
                if changed.is_err() {
                    return recorder;
                }
                if !ends {
                    continue;
                }
            }
        }
        let snapshot = snapshots.borrow().clone();
        recorder.take(snapshot);
    }
}

/// What the thread holds.
struct Writer {
    dir: PathBuf,
    blocks: File,
    blocks_size: u64,
    tail: File,
    tail_size: u64,
    run: u32,
    encoder: Encoder,
    /// The open block's frames, and how many bytes of them are in the tail.
    open: Vec<u8>,
    flushed: usize,
    flushed_frames: u32,
    frames: u32,
    from: u64,
    /// Where the piece that is to be written begins.
    piece_from: u64,
    to: u64,
    /// The last picture recorded.
    last: Option<u64>,
    /// Whether the disk's last refusal was logged.
    complained: bool,
}

impl Writer {
    fn open(dir: &Path, fresh: bool) -> io::Result<Self> {
        let (blocks_path, tail_path) = (dir.join(BLOCKS), dir.join(TAIL));
        if fresh {
            remove(&blocks_path)?;
            remove(&tail_path)?;
        }
        let last_run = seal_left_over(&blocks_path, &tail_path)?;
        let append = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let blocks = append(&blocks_path)?;
        Ok(Self {
            dir: dir.to_owned(),
            blocks_size: blocks.metadata()?.len(),
            blocks,
            tail: append(&tail_path)?,
            tail_size: 0,
            run: last_run.map_or(0, |run| run.saturating_add(1)),
            encoder: Encoder::default(),
            open: Vec::new(),
            flushed: 0,
            flushed_frames: 0,
            frames: 0,
            from: 0,
            piece_from: 0,
            to: 0,
            last: None,
            complained: false,
        })
    }

    fn run(mut self, pictures: &Receiver<Arc<Snapshot>>) {
        let mut due = Instant::now() + FLUSH;
        loop {
            match pictures.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(snapshot) => self.add(&snapshot),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let full =
                self.frames >= FRAMES || self.open.len() >= RAW || self.encoder.words() >= WORDS;
            if full || Instant::now() >= due {
                due = Instant::now() + FLUSH;
                let written = if full { self.seal() } else { self.flush() };
                self.judge(written);
            }
        }
        let sealed = self.seal();
        self.judge(sealed);
    }

    fn add(&mut self, snapshot: &Snapshot) {
        if self.last == Some(snapshot.number) {
            return;
        }
        self.last = Some(snapshot.number);
        let frame = self.encoder.frame(snapshot);
        self.to = millis(snapshot.elapsed);
        if self.frames == 0 {
            self.from = self.to;
        }
        if self.frames == self.flushed_frames {
            self.piece_from = self.to;
        }
        put(&mut self.open, frame.len() as u64);
        self.open.extend_from_slice(&frame);
        self.frames += 1;
    }

    fn head(&self, form: Form, from: u64, frames: u32) -> Head {
        Head {
            form,
            run: self.run,
            frames,
            raw: 0,
            length: 0,
            from,
            to: self.to,
            at: now_ms(),
        }
    }

    /// Appends what is new of the open block to the tail.
    fn flush(&mut self) -> io::Result<()> {
        let fresh = self.frames - self.flushed_frames;
        if fresh == 0 {
            return Ok(());
        }
        let head = self.head(Form::Piece, self.piece_from, fresh);
        let piece = file::bytes(head, &self.open[self.flushed..])?;
        append(&mut self.tail, &mut self.tail_size, &piece)?;
        self.flushed = self.open.len();
        self.flushed_frames = self.frames;
        Ok(())
    }

    /// Moves the open block to the blocks, and begins another.
    fn seal(&mut self) -> io::Result<()> {
        if self.frames > 0 {
            let head = self.head(Form::Block, self.from, self.frames);
            let block = file::bytes(head, &self.open)?;
            append(&mut self.blocks, &mut self.blocks_size, &block)?;
        }
        // Until here the tail tells the same, and a reader takes it once.
        self.restart()?;
        if self.blocks_size > MOST {
            self.trim()?;
        }
        Ok(())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.encoder = Encoder::default();
        self.open.clear();
        (self.flushed, self.flushed_frames, self.frames) = (0, 0, 0);
        self.tail_size = 0;
        self.tail.set_len(0)
    }

    /// Drops the oldest blocks.
    fn trim(&mut self) -> io::Result<()> {
        let path = self.dir.join(BLOCKS);
        let bytes = fs::read(&path)?;
        let kept = newest(&bytes, LEFT);
        let new = path.with_extension("new");
        fs::write(&new, &kept)?;
        fs::rename(&new, &path)?;
        self.blocks = OpenOptions::new().append(true).open(&path)?;
        self.blocks_size = kept.len() as u64;
        Ok(())
    }

    /// After a refusal of the disk: what is not written is kept for a while,
    /// and then given up, for memory is bounded.
    fn judge(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => self.complained = false,
            Err(error) => {
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(%error, "recording: the disk refuses");
                }
                if self.open.len() > KEPT {
                    // It can only shrink what is there, which a full disk lets it.
                    let _ = self.restart();
                }
            }
        }
    }
}

/// Appends all of it or nothing.
fn append(file: &mut File, size: &mut u64, bytes: &[u8]) -> io::Result<()> {
    let written = file.write_all(bytes);
    match written {
        Ok(()) => *size += bytes.len() as u64,
        // Where this fails too, readers pass the torn part over.
        Err(_) => drop(file.set_len(*size)),
    }
    written
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
