//! The engine's end: who is let in, and pictures for all of them.

use super::decks::Decks;
use super::frames::Picture;
use super::protocol::{Heard, Limits, PROTOCOL, Welcome, line};
use super::session;
use super::socket::Bound;
use crate::bus::Controls;
use crate::monitor::Snapshot;
use std::io;
use std::os::unix::net;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most pictures a second.
pub const FASTEST: u32 = 10;
/// Encoding takes at most one part in so many of one core.
const SHARE: u32 = 20;
/// How long the end waits for clients to hear of it.
const FAREWELL: Duration = Duration::from_millis(1500);

/// What a server is made of.
pub struct Setup {
    /// The job's folder, whose lock this process holds.
    pub dir: PathBuf,
    /// A connection that is there already: that of the process that started
    /// this one.
    pub parent: Option<net::UnixStream>,
    /// Whether it is that of the run's own deck.
    pub deck: bool,
    /// The job's name.
    pub title: String,
    /// The ways to the engine.
    pub controls: Controls,
    /// The pictures.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What clients may cost.
    pub limits: Limits,
}

/// A server; it goes when it is dropped.
#[derive(Debug)]
pub struct Server {
    tasks: Vec<JoinHandle<()>>,
    sessions: TaskTracker,
    shared: Arc<Shared>,
}

/// What every connection shares.
#[derive(Debug)]
pub struct Shared {
    pub limits: Limits,
    pub controls: Controls,
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    pub pictures: watch::Receiver<Option<Arc<Picture>>>,
    /// Clients that want pictures.
    pub subscribers: watch::Sender<usize>,
    pub decks: Decks,
    /// Cancelled when the run has ended; `why` says how.
    pub over: CancellationToken,
    pub why: watch::Sender<String>,
    title: String,
    dir: String,
}

impl Shared {
    pub fn welcome(&self) -> Vec<u8> {
        let sites = self.snapshots.borrow().sites.clone();
        line(&Heard::<()>::Hello(Welcome {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            title: self.title.clone(),
            dir: self.dir.clone(),
            sites: sites.iter().map(|site| site.name.to_string()).collect(),
        }))
    }
}

impl Server {
    /// Starts it inside a tokio runtime. Where the folder takes no socket, the
    /// deck's own connection works all the same; the error says why.
    pub fn start(setup: Setup) -> (Self, Option<io::Error>) {
        let (publish, pictures) = watch::channel(None);
        let dir = std::path::absolute(&setup.dir).unwrap_or_else(|_| setup.dir.clone());
        let shared = Arc::new(Shared {
            limits: setup.limits,
            controls: setup.controls,
            snapshots: setup.snapshots,
            pictures,
            subscribers: watch::Sender::new(0),
            decks: Decks::new(setup.deck && setup.parent.is_some()),
            over: CancellationToken::new(),
            why: watch::Sender::default(),
            title: setup.title,
            dir: dir.to_string_lossy().into_owned(),
        });
        let sessions = TaskTracker::new();
        let mut tasks = vec![tokio::spawn(paint(shared.clone(), publish))];
        if let Some(parent) = setup.parent {
            let adopted = parent
                .set_nonblocking(true)
                .and_then(|()| UnixStream::from_std(parent));
            match adopted {
                Ok(stream) => {
                    sessions.spawn(session::run(stream, shared.clone(), None, setup.deck));
                }
                Err(error) => {
                    tracing::error!("the deck's connection: {error}");
                    shared.decks.owner_left(false);
                }
            }
        }
        let failed = match Bound::new(&setup.dir) {
            Ok(bound) => {
                let listening = listen(bound, shared.clone(), sessions.clone());
                tasks.push(tokio::spawn(listening));
                None
            }
            Err(error) => Some(error),
        };
        let server = Self {
            tasks,
            sessions,
            shared,
        };
        (server, failed)
    }

    /// Whether there is a deck on the crawl.
    pub fn watched(&self) -> watch::Receiver<bool> {
        self.shared.decks.watched()
    }

    /// Tells every client the last picture and that it was the last, and ends.
    /// Takes no longer than a moment, whatever the clients do.
    pub async fn close(self, why: &str) {
        self.shared.why.send_replace(why.to_owned());
        self.shared.over.cancel();
        self.sessions.close();
        let _ = tokio::time::timeout(FAREWELL, self.sessions.wait()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.cancel();
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Lets clients in until the end.
async fn listen(bound: Bound, shared: Arc<Shared>, sessions: TaskTracker) {
    let seats = Arc::new(Semaphore::new(shared.limits.clients));
    loop {
        let accepted = tokio::select! {
            () = shared.over.cancelled() => return,
            accepted = bound.listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("cannot let a client in: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        match admit(&stream, &seats) {
            Ok(seat) => {
                sessions.spawn(session::run(stream, shared.clone(), Some(seat), false));
            }
            Err(reason) => {
                // A new connection has room for a line; one without is no loss.
                let _ = stream.try_write(&line(&Heard::<()>::Error { reason }));
            }
        }
    }
}

fn admit(stream: &UnixStream, seats: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, String> {
    let peer = stream.peer_cred().map_err(|error| error.to_string())?;
    let us = rustix::process::geteuid().as_raw();
    if peer.uid() != us && peer.uid() != 0 {
        tracing::warn!(uid = peer.uid(), "another user's client was turned away");
        return Err("the crawl belongs to another user".to_owned());
    }
    let seat = seats.clone().try_acquire_owned();
    seat.map_err(|_| "too many clients are on this crawl".to_owned())
}

/// Makes pictures while somebody wants them.
async fn paint(shared: Arc<Shared>, publish: watch::Sender<Option<Arc<Picture>>>) {
    let mut snapshots = shared.snapshots.clone();
    let mut subscribers = shared.subscribers.subscribe();
    loop {
        if subscribers.wait_for(|n| *n > 0).await.is_err() {
            return;
        }
        let begun = Instant::now();
        let last = publish.borrow().clone();
        let snapshot = snapshots.borrow_and_update().clone();
        // Thousands of sites take a while: not on the event loop.
        let painted = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let picture = Picture::after(last.as_deref(), snapshot);
            (picture.map(Arc::new), started.elapsed())
        });
        let Ok((picture, cost)) = painted.await else {
            return;
        };
        if let Some(picture) = picture {
            publish.send_replace(Some(picture));
        }
        let pause = (Duration::from_secs(1) / FASTEST).max(cost * SHARE);
        tokio::select! {
            () = shared.over.cancelled() => return,
            () = tokio::time::sleep(pause.saturating_sub(begun.elapsed())) => {}
        }
        tokio::select! {
            () = shared.over.cancelled() => return,
            changed = snapshots.changed() => {
                if changed.is_err() {
                    // The monitor has gone; nothing will change any more.
                    return shared.over.cancelled().await;
                }
            }
            () = none(&mut subscribers) => {
                // Whoever comes next begins with a new picture.
                publish.send_replace(None);
            }
        }
    }
}

/// Waits until nobody wants pictures any more.
async fn none(subscribers: &mut watch::Receiver<usize>) {
    let _ = subscribers.wait_for(|n| *n == 0).await;
}
