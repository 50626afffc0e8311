//! The archive's thread, and the handle by which others speak to it.

use super::FOLDER;
use super::error::ArchiveError;
use super::hidden;
use super::pack::Packed;
use super::series::Series;
use crate::bus::Event;
use crate::page::Fingerprint;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Answers that may wait to be written; each comes from a thread of the CPU
/// pool that waits for it, so this is no limit in practice.
const WAITING: usize = 64;
/// Answers confirmed together at most.
const BATCH: usize = 64;
/// An archive that cannot write tries again this often.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often it looks, meanwhile, whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What the thread is asked.
struct Job {
    packed: Packed,
    print: Option<Fingerprint>,
    rotate: u64,
    kept: oneshot::Sender<()>,
}

/// Answers whether an answer is kept.
#[derive(Debug)]
pub struct Receipt(Option<oneshot::Receiver<()>>);

impl Receipt {
    /// Waits until the answer is in its file and in the index; `false` where
    /// the archive was closed before that. Not for the event loop.
    pub fn wait(self) -> bool {
        self.0.is_some_and(|kept| kept.blocking_recv().is_ok())
    }
}

/// A job's archive, open for writing. Its clones are one archive.
#[derive(Debug, Clone)]
pub struct Archive {
    shared: Arc<Shared>,
    /// Texts that are blotted out of what was asked.
    secrets: Arc<[String]>,
}

#[derive(Debug)]
struct Shared {
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    closing: Arc<AtomicBool>,
    stalled: Arc<AtomicBool>,
}

impl Archive {
    /// Opens the archive of the job in `dir`, whose lock is held, and starts
    /// its thread. New files are called after `name`. While nothing can be
    /// written (disk full) it says so on the bus and tries again.
    ///
    /// # Errors
    /// Where the folder or its index cannot be written.
    pub fn open(dir: &Path, name: &str, events: mpsc::Sender<Event>) -> Result<Self, ArchiveError> {
        let series = Series::open(&dir.join(FOLDER), name)?;
        let (jobs, queue) = bounded(WAITING);
        let closing = Arc::new(AtomicBool::new(false));
        let stalled = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            series,
            queue,
            events,
            closing: closing.clone(),
            stalled: stalled.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || worker.run())
            .map_err(ArchiveError::Thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                jobs: Mutex::new(Some(jobs)),
                thread: Mutex::new(Some(thread)),
                closing,
                stalled,
            }),
            secrets: Arc::default(),
        })
    }

    /// The same archive, which is not told these values: they are blotted out
    /// of what was asked, as they are and as they stand in URLs and in JSON.
    pub fn hiding(self, secrets: &[String]) -> Self {
        Self {
            secrets: hidden::forms(secrets).into(),
            ..self
        }
    }

    /// A text of a request as it may be kept.
    pub fn told<'t>(&self, text: &'t str) -> Cow<'t, str> {
        hidden::blot(text, &self.secrets)
    }

    /// Removes the archive of the job in `dir`, whose lock is held, where there
    /// is one: the files of its index and the index, nothing else.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(dir: &Path) -> io::Result<()> {
        super::reader::remove(&dir.join(FOLDER))
    }

    /// Hands over an answer's records; blocks for room. `print` is the page's
    /// fingerprint where the answer is one to extract from. A file of `rotate`
    /// bytes or more is followed by another.
    pub fn put(&self, packed: Packed, print: Option<Fingerprint>, rotate: u64) -> Receipt {
        let (kept, receipt) = oneshot::channel();
        let jobs = lock(&self.shared.jobs).clone();
        let job = Job {
            packed,
            print,
            rotate,
            kept,
        };
        let sent = jobs.is_some_and(|jobs| jobs.send(job).is_ok());
        Receipt(sent.then_some(receipt))
    }

    /// Whether nothing can be written just now.
    pub fn is_stalled(&self) -> bool {
        self.shared.stalled.load(Ordering::Acquire)
    }

    /// Writes what was handed over, and ends. What cannot be written is not
    /// kept, and its receipts say so.
    pub fn close(&self) {
        *lock(&self.shared.jobs) = None;
        self.shared.closing.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.shared.thread).take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says so if the thread ends by a panic, as the store's does.
struct Alarm(mpsc::Sender<Event>, Arc<AtomicBool>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.1.store(true, Ordering::Release);
            let why = "the archive's thread has failed; the log says how";
            let _ = self.0.try_send(Event::Stalled(Some(why.into())));
        }
    }
}

/// The thread's side.
struct Worker {
    series: Series,
    queue: Receiver<Job>,
    events: mpsc::Sender<Event>,
    closing: Arc<AtomicBool>,
    stalled: Arc<AtomicBool>,
}

impl Worker {
    fn run(mut self) {
        let _alarm = Alarm(self.events.clone(), self.stalled.clone());
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            match self.queue.recv_timeout(LOOK) {
                Ok(job) => waiting.push(job),
                Err(RecvTimeoutError::Disconnected) => break,
                // A clone of the sender may be held by somebody who waits.
                Err(RecvTimeoutError::Timeout) if self.is_closing() => break,
                Err(RecvTimeoutError::Timeout) => continue,
            }
            waiting.extend(self.queue.try_iter().take(BATCH - 1));
            for job in &waiting {
                if !self.insist(|series| series.write(&job.packed, job.print, job.rotate)) {
                    return;
                }
            }
            if !self.insist(Series::confirm) {
                return;
            }
            for job in waiting.drain(..) {
                // Who has left does not ask.
                let _ = job.kept.send(());
            }
        }
        self.series.close();
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Tries until it works; `false` where the archive is closed before that.
    fn insist(&mut self, mut work: impl FnMut(&mut Series) -> io::Result<()>) -> bool {
        loop {
            let Err(error) = work(&mut self.series) else {
                if self.stalled.swap(false, Ordering::AcqRel) {
                    self.tell(None);
                }
                return true;
            };
            if !self.stalled.swap(true, Ordering::AcqRel) {
                tracing::error!("the archive cannot be written: {error}");
                self.tell(Some(
                    format!("the archive cannot be written: {error}").into(),
                ));
            }
            let mut waited = Duration::ZERO;
            while waited < TRY_AGAIN {
                if self.is_closing() {
                    return false;
                }
                std::thread::sleep(LOOK);
                waited += LOOK;
            }
        }
    }

    fn tell(&self, why: Option<Arc<str>>) {
        // A bus that is gone has nobody who looks.
        let _ = self.events.blocking_send(Event::Stalled(why));
    }
}
