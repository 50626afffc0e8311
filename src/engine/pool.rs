//! The CPU pool: threads that parse, so that the event loop never does.

use crossbeam_channel::Sender;
use std::io;
use std::sync::Arc;
use std::thread;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of bodies that may wait for the pool or be parsed, KiB.
const ROOM_KIB: u32 = 8 * 1024;
/// What even an empty body counts for, KiB; bounds the number of jobs.
const LEAST_KIB: u32 = 16;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed set of threads with bounded room for bodies.
#[derive(Debug, Clone)]
pub struct Pool {
    jobs: Sender<Job>,
    room: Arc<Semaphore>,
}

impl Pool {
    /// Starts `threads` threads. They end when the last handle is dropped.
    ///
    /// # Errors
    /// The operating system's, where it gives no thread.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (jobs, queue) = crossbeam_channel::unbounded::<Job>();
        for number in 0..threads.max(1) {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("parse-{number}"))
                .spawn(move || {
                    for job in queue {
                        job();
                    }
                })?;
        }
        Ok(Self {
            jobs,
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
        })
    }

    /// Waits for room for a body of `bytes`. The room is held until the permit
    /// is dropped, which the job does at its end.
    pub async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes / 1024)
            .unwrap_or(ROOM_KIB)
            .clamp(LEAST_KIB, ROOM_KIB);
        self.room.clone().acquire_many_owned(kib).await.ok()
    }

    /// Runs `job` on a thread of the pool. A panic in it is the caller's to
    /// catch.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        // The receivers live as long as the pool's threads, which end only
        // after the last sender; a failure here means that they all died.
        if self.jobs.send(Box::new(job)).is_err() {
            tracing::error!("the CPU pool is gone");
        }
    }
}
