//! The other end: what a deck or a script needs of a crawl in another process.

use super::lines::{self, NoLine};
use super::picture;
use super::protocol::{Heard, Hello, Limits, PROTOCOL, Said, Welcome, line};
use super::relay::{Forward, Receive, Waiting, too_long};
use super::wire::Frame;
use super::{RemoteError, socket};
use crate::bus::{self, Answer, Command, Controls, Origin};
use crate::monitor::Snapshot;
use std::io;
use std::os::unix::net;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longest line from an engine: a first picture of very many sites.
const LINE: usize = 1 << 30;
/// How long an engine may take to say hello.
const HELLO: Duration = Duration::from_secs(20);

/// A connection on which hello has been said.
#[derive(Debug)]
pub struct Link {
    lines: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    write: OwnedWriteHalf,
    welcome: Welcome,
}

impl Link {
    /// Connects to the crawl in the folder `dir`.
    ///
    /// # Errors
    /// Where nobody listens there, or what listens is not of our kind.
    pub async fn connect(dir: &Path, origin: Origin) -> Result<Self, RemoteError> {
        Self::over(socket::connect(dir)?, origin, HELLO).await
    }

    /// Says hello on a connection to an engine that is still being started,
    /// however long that takes.
    ///
    /// # Errors
    /// As [`Link::connect`].
    pub async fn adopt(stream: net::UnixStream, origin: Origin) -> Result<Self, RemoteError> {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(stream));
        Self::over(stream.map_err(lost)?, origin, Duration::MAX).await
    }

    async fn over(
        stream: UnixStream,
        origin: Origin,
        patience: Duration,
    ) -> Result<Self, RemoteError> {
        let (read, mut write) = stream.into_split();
        let hello = Said::Hello(Hello {
            protocol: PROTOCOL,
            client: concat!("crawldeck ", env!("CARGO_PKG_VERSION")).to_owned(),
            origin,
        });
        // One that was turned away can no longer be written to, but was told why.
        let _ = write.write_all(&line(&hello)).await;
        let (mut lines, mut line) = (BufReader::with_capacity(1 << 16, read), Vec::new());
        let heard = timeout(patience, hear(&mut lines, &mut line)).await;
        let heard = heard.map_err(|_| RemoteError::Lost("it says nothing".to_owned()))?;
        match heard? {
            Heard::Hello(welcome) if welcome.protocol == PROTOCOL => Ok(Self {
                lines,
                line,
                write,
                welcome,
            }),
            Heard::Hello(welcome) => Err(RemoteError::Version {
                theirs: welcome.protocol,
            }),
            Heard::Error { reason } | Heard::End { reason } => Err(RemoteError::Refused(reason)),
            _ => Err(RemoteError::Lost("it does not say hello".to_owned())),
        }
    }

    /// What the engine said of itself.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Gives one command and waits for its answer.
    ///
    /// # Errors
    /// Where the connection ends before the answer.
    pub async fn command(&mut self, command: Command) -> Result<Answer, RemoteError> {
        let message = line(&Said::Command { id: 0, command });
        if message.len() > Limits::default().line {
            return Ok(too_long());
        }
        self.write.write_all(&message).await.map_err(lost)?;
        loop {
            match hear(&mut self.lines, &mut self.line).await? {
                Heard::Answer { id: 0, answer } => return Ok(answer),
                Heard::Error { reason } | Heard::End { reason } => {
                    return Err(RemoteError::Refused(reason));
                }
                _ => {}
            }
        }
    }

    /// The picture of now.
    ///
    /// # Errors
    /// Where the connection ends before it.
    pub async fn picture(mut self) -> Result<Snapshot, RemoteError> {
        self.first(&mut picture::Told::default(), 1).await
    }

    /// Asks for pictures, and waits for the first.
    async fn first(
        &mut self,
        told: &mut picture::Told,
        per_second: u32,
    ) -> Result<Snapshot, RemoteError> {
        let message = line(&Said::Subscribe { per_second });
        self.write.write_all(&message).await.map_err(lost)?;
        loop {
            match hear(&mut self.lines, &mut self.line).await? {
                Heard::Snapshot(frame) => return follow(told, frame),
                Heard::Error { reason } | Heard::End { reason } => {
                    return Err(RemoteError::Refused(reason));
                }
                _ => {}
            }
        }
    }

    /// Turns it into what a deck is opened on; waits for the first picture.
    /// With `readonly` no command passes.
    ///
    /// # Errors
    /// Where the connection ends before the first picture.
    pub async fn watch(mut self, per_second: u32, readonly: bool) -> Result<Remote, RemoteError> {
        let mut told = picture::Told::default();
        let first = self.first(&mut told, per_second).await?;
        let (publish, snapshots) = watch::channel(Arc::new(first));
        let (commands, command_end) = mpsc::channel(bus::REQUESTS);
        let (queries, query_end) = mpsc::channel(bus::REQUESTS);
        let (leave, left) = oneshot::channel();
        let (end, ended) = watch::channel(None);
        let waiting = Waiting::default();
        let mut tasks = JoinSet::new();
        let forward = Forward {
            write: self.write,
            commands: command_end,
            queries: query_end,
            left,
            waiting: waiting.clone(),
            readonly,
        };
        tasks.spawn(forward.run());
        let mut reader = Receive {
            lines: self.lines,
            line: self.line,
            told,
            publish,
            waiting: waiting.clone(),
        };
        tasks.spawn(async move {
            let how = reader.run().await;
            waiting.refuse_all();
            end.send_replace(Some(how));
        });
        Ok(Remote {
            welcome: self.welcome,
            snapshots,
            controls: Controls { commands, queries },
            leave: Some(leave),
            ended,
            _tasks: tasks,
        })
    }
}

/// A crawl in another process, as a deck needs it. The connection ends when
/// this is dropped.
#[derive(Debug)]
pub struct Remote {
    /// What the engine said of itself.
    pub welcome: Welcome,
    /// The pictures.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The ways to the engine.
    pub controls: Controls,
    leave: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<Option<Ended>>,
    _tasks: JoinSet<()>,
}

/// How a connection ended.
type Ended = Result<String, String>;

impl Remote {
    /// Tells the engine that the run's own deck has been left for good.
    pub fn leave(&mut self) {
        if let Some(leave) = self.leave.take() {
            let _ = leave.send(());
        }
    }

    /// Waits for the connection's end; answers the engine's last word.
    ///
    /// # Errors
    /// Where it ended without one, or was refused.
    pub async fn ended(&mut self) -> Result<String, RemoteError> {
        let ended = match self.ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone(),
            Err(_) => None,
        };
        match ended {
            Some(Ok(reason)) => Ok(reason),
            Some(Err(why)) => Err(RemoteError::Lost(why)),
            None => Err(RemoteError::Lost("the connection was closed".to_owned())),
        }
    }
}

fn lost(error: io::Error) -> RemoteError {
    RemoteError::Lost(error.to_string())
}

/// The picture after a frame that has just come.
pub fn follow(told: &mut picture::Told, frame: Frame) -> Result<Snapshot, RemoteError> {
    told.follow(frame, Instant::now())
        .map_err(|why| RemoteError::Lost(why.to_owned()))
}

/// The engine's next message.
pub async fn hear(
    lines: &mut BufReader<OwnedReadHalf>,
    line: &mut Vec<u8>,
) -> Result<Heard<Frame>, RemoteError> {
    match lines::next(lines, line, LINE).await {
        Ok(true) => serde_json::from_slice(line)
            .map_err(|error| RemoteError::Lost(format!("not a message: {error}"))),
        Ok(false) | Err(NoLine::Cut) => Err(RemoteError::Lost("it ended".to_owned())),
        Err(error) => Err(RemoteError::Lost(error.to_string())),
    }
}
