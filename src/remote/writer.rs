//! What one client is written: answers at once, pictures when it has taken the
//! one before.

use super::frames::{Picture, Sent};
use super::protocol::{Heard, line};
use super::server::Shared;
use std::future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout};

/// What is written to a client, in this order; pictures come between.
pub enum Out {
    Line(Vec<u8>, Option<OwnedSemaphorePermit>),
    /// So many pictures a second from now on.
    Pictures(u32, Option<OwnedSemaphorePermit>),
    /// The last line, and the end.
    Last(Vec<u8>),
}

/// The writing half of a client's connection.
pub struct Writer {
    pub stream: OwnedWriteHalf,
    pub shared: Arc<Shared>,
    /// Until a client that takes nothing is given up; `None` for never.
    pub stuck: Option<Duration>,
}

impl Writer {
    /// Writes what is to be written until the last line, or the run's end.
    pub async fn run(&mut self, mut queue: mpsc::Receiver<Out>) -> io::Result<()> {
        let mut pictures = self.shared.pictures.clone();
        let over = self.shared.over.clone();
        let mut every = None;
        let mut due = Instant::now();
        let mut sent: Option<Sent> = None;
        loop {
            let picture = async {
                if every.is_none() {
                    return future::pending().await;
                }
                tokio::time::sleep_until(due).await;
                let fresh = pictures.changed().await;
                let picture = pictures.borrow_and_update().clone();
                match (fresh, picture) {
                    (Ok(()), picture) => picture,
                    // No painter, no pictures.
                    (Err(_), _) => future::pending().await,
                }
            };
            tokio::select! {
                biased;
                out = queue.recv() => match out {
                    Some(Out::Line(line, _permit)) => self.write(&line).await?,
                    Some(Out::Pictures(per_second, _permit)) => {
                        // The first one is there already, where others watch too.
                        pictures.mark_changed();
                        every = Some(Duration::from_secs(1) / per_second);
                    }
                    Some(Out::Last(line)) => {
                        self.write(&line).await?;
                        return self.stream.shutdown().await;
                    }
                    None => return self.farewell(every.is_some(), sent).await,
                },
                () = over.cancelled() => return self.farewell(every.is_some(), sent).await,
                picture = picture => {
                    if let Some(picture) = picture {
                        // A whole picture of many sites takes a while.
                        let framed = tokio::task::spawn_blocking(move || picture.frame(sent));
                        let (frame, now) = framed.await.map_err(io::Error::other)?;
                        self.write(&frame).await?;
                        sent = Some(now);
                    }
                    due = Instant::now() + every.unwrap_or_default();
                }
            }
        }
    }

    /// The last picture, and that it is the last.
    async fn farewell(&mut self, pictures: bool, sent: Option<Sent>) -> io::Result<()> {
        if pictures {
            let snapshot = self.shared.snapshots.borrow().clone();
            let last = self.shared.pictures.borrow().clone();
            let picture = Picture::after(last.as_deref(), snapshot);
            let picture = picture.map(Arc::new).or(last);
            if let Some(picture) = picture {
                let (frame, _) = picture.frame(sent);
                self.write(&frame).await?;
            }
        }
        let reason = self.shared.why.borrow().clone();
        self.write(&line(&Heard::<()>::End { reason })).await?;
        self.stream.shutdown().await
    }

    async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let writing = self.stream.write(bytes);
            let written = match self.stuck {
                Some(stuck) => timeout(stuck, writing).await.map_err(|_| {
                    io::Error::new(io::ErrorKind::TimedOut, "it takes nothing any more")
                })?,
                None => writing.await,
            }?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}
