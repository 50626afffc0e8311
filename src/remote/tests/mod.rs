//! Server and client on real sockets, over an engine of a few lines.

mod clients;
mod hostile;
mod pictures;

use super::{Limits, Server, Setup};
use crate::bus::{Answer, Controls, Event, Level, PageList, SiteDelta, SiteInfo, Told, verb};
use crate::monitor::{Monitor, Snapshot};
use crate::page::SiteId;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};

const NAMES: [&str; 2] = ["books", "docs"];
/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(120);

fn monitor(now: Instant) -> Monitor {
    let infos = NAMES.map(|name| SiteInfo {
        alerts: Default::default(),
        name: name.into(),
        start: "http://e.org/".into(),
        rules: Arc::default(),
    });
    Monitor::new(infos.to_vec(), &[], now)
}

/// An engine that answers every command with its own words.
struct Engine {
    dir: TempDir,
    server: Option<Server>,
    monitor: Monitor,
    publish: watch::Sender<Arc<Snapshot>>,
    heard: Arc<AtomicUsize>,
}

impl Engine {
    fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut monitor = monitor(Instant::now());
        let (publish, snapshots) = watch::channel(monitor.snapshot(Instant::now(), 0));
        let (commands, mut command_end) = mpsc::channel::<crate::bus::Request>(8);
        let (queries, mut query_end) = mpsc::channel::<crate::bus::Query>(8);
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(request) = command_end.recv() => {
                        count.fetch_add(1, Ordering::Relaxed);
                        let origin = request.origin.as_str();
                        let words = verb::words(&request.command, &NAMES);
                        request.reply.send(Answer::Done(format!("{origin}: {words}")));
                    }
                    Some(query) = query_end.recv() => {
                        count.fetch_add(1, Ordering::Relaxed);
                        let total = match query.ask {
                            crate::bus::Ask::Pages { limit, .. } => limit as u64,
                            _ => 0,
                        };
                        query.reply.send(Told::Pages(PageList { total, ..PageList::default() }));
                    }
                    else => return,
                }
            }
        });
        let (server, failed) = Server::start(Setup {
            dir: dir.path().to_owned(),
            parent: None,
            deck: false,
            title: "tests".to_owned(),
            controls: Controls { commands, queries },
            snapshots,
            limits,
        });
        assert!(failed.is_none(), "{failed:?}");
        Self {
            dir,
            server: Some(server),
            monitor,
            publish,
            heard,
        }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// So many pages are done, and everybody is shown.
    fn done(&mut self, pages: i64) {
        let delta = SiteDelta {
            done: pages,
            ..SiteDelta::default()
        };
        let event = Event::Committed(vec![(SiteId(0), delta)]);
        self.monitor.fold(event, Instant::now());
        let notice = Event::notice(Level::Info, None, format!("{pages} more"));
        self.monitor.fold(notice, Instant::now());
        self.show();
    }

    fn show(&mut self) {
        let snapshot = self.monitor.snapshot(Instant::now(), 0);
        self.publish.send_replace(snapshot);
    }
}

/// A client by hand.
struct Raw {
    lines: BufReader<tokio::net::unix::OwnedReadHalf>,
    write: Option<tokio::net::unix::OwnedWriteHalf>,
}

const HELLO: &str = r#"{"hello":{"protocol":1,"client":"by hand","origin":"ctl"}}"#;

impl Raw {
    async fn connect(dir: &Path) -> Self {
        let stream = UnixStream::connect(dir.join(super::SOCKET)).await.unwrap();
        let (read, write) = stream.into_split();
        Self {
            lines: BufReader::new(read),
            write: Some(write),
        }
    }

    /// One that has said hello and been welcomed.
    async fn welcome(dir: &Path) -> Self {
        let mut raw = Self::connect(dir).await;
        raw.say(HELLO).await;
        assert!(raw.hear().await.starts_with(r#"{"hello":{"protocol":1"#));
        raw
    }

    async fn say(&mut self, line: &str) {
        self.bytes(format!("{line}\n").as_bytes()).await;
    }

    /// Writes what the server takes; one that has closed takes nothing.
    async fn bytes(&mut self, bytes: &[u8]) {
        let writing = self.write.as_mut().unwrap().write_all(bytes);
        let _ = tokio::time::timeout(DEADLINE, writing).await.unwrap();
    }

    /// Says nothing more, and reads on.
    fn hush(&mut self) {
        self.write = None;
    }

    /// The next line; empty at the end.
    async fn hear(&mut self) -> String {
        let mut line = Vec::new();
        let reading = self.lines.read_until(b'\n', &mut line);
        match tokio::time::timeout(DEADLINE, reading)
            .await
            .expect("an answer")
        {
            Ok(_) => String::from_utf8(line).unwrap(),
            // Closed with something of ours unread.
            Err(_) => String::new(),
        }
    }

    /// Every line to the end.
    async fn rest(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let line = self.hear().await;
            if line.is_empty() {
                return all;
            }
            all.push(line);
        }
    }
}
