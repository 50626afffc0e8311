//! One client's connection, on the engine's side.

use super::lines;
use super::protocol::{Heard, Hello, PROTOCOL, Said, line};
use super::server::{FASTEST, Shared};
use super::writer::{Out, Writer};
use crate::bus::{Answer, Ask, Command, Origin, Query, Reply, Request, Told, verb};
use std::sync::Arc;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

/// What one client holds of the rest; given back when it goes.
struct Holding {
    shared: Arc<Shared>,
    /// Whether it is the run's own connection.
    owner: bool,
    attached: bool,
    subscribed: bool,
}

impl Drop for Holding {
    fn drop(&mut self) {
        if self.owner {
            self.shared.decks.owner_left(false);
        }
        if self.attached {
            self.shared.decks.detach();
        }
        if self.subscribed {
            self.shared.subscribers.send_modify(|n| *n -= 1);
        }
    }
}

/// Serves one client to its end, in its seat; `owner` where it is the run's own
/// deck.
pub async fn run(
    stream: UnixStream,
    shared: Arc<Shared>,
    _seat: Option<OwnedSemaphorePermit>,
    owner: bool,
) {
    let holding = Holding {
        shared: shared.clone(),
        owner,
        attached: false,
        subscribed: false,
    };
    let (read, write) = stream.into_split();
    let (out, queue) = mpsc::channel(shared.limits.requests + 4);
    let mut writer = Writer {
        stream: write,
        shared: shared.clone(),
        // The deck of the run may be stopped (Ctrl-Z) for as long as it likes.
        stuck: (!owner).then_some(shared.limits.stuck),
    };
    let reader = Reader {
        lines: BufReader::new(read),
        line: Vec::new(),
        out,
        requests: Arc::new(Semaphore::new(shared.limits.requests)),
        holding,
        origin: Origin::Ctl,
    };
    // The writer ends last: it has the last word to say.
    let mut reading = std::pin::pin!(reader.run());
    let mut writing = std::pin::pin!(writer.run(queue));
    let ended = tokio::select! {
        ended = &mut writing => ended,
        () = &mut reading => writing.await,
    };
    if let Err(error) = ended {
        tracing::debug!("a client has gone: {error}");
    }
}

struct Reader {
    lines: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    out: mpsc::Sender<Out>,
    requests: Arc<Semaphore>,
    holding: Holding,
    origin: Origin,
}

impl Reader {
    /// Hears the client until it has nothing more to say.
    async fn run(mut self) {
        let last = match self.hear().await {
            Ok(()) => {
                // What it has asked for is still answered, and pictures go on
                // as long as it reads them.
                if self.holding.subscribed {
                    return self.until_gone().await;
                }
                let all = u32::try_from(self.holding.shared.limits.requests).unwrap_or(u32::MAX);
                let _ = self.requests.acquire_many(all).await;
                Vec::new()
            }
            Err(reason) => {
                tracing::debug!("a client was turned away: {reason}");
                line(&Heard::<()>::Error { reason })
            }
        };
        let _ = self.out.send(Out::Last(last)).await;
    }

    /// Waits until a client that says nothing more does not listen either.
    async fn until_gone(self) {
        self.out.closed().await;
    }

    /// `Ok` where the client has closed its side.
    async fn hear(&mut self) -> Result<(), String> {
        let patience = self.holding.shared.limits.handshake;
        let hello = match timeout(patience, self.next()).await {
            Err(_) => return Err("no hello".to_owned()),
            Ok(said) => said?,
        };
        match hello {
            None => return Ok(()),
            Some(Said::Hello(hello)) => self.greet(&hello).await?,
            Some(_) => return Err("the first message must be hello".to_owned()),
        }
        while let Some(said) = self.next().await? {
            self.obey(said).await?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Said>, String> {
        let most = self.holding.shared.limits.line;
        match lines::next(&mut self.lines, &mut self.line, most).await {
            Ok(true) => match serde_json::from_slice(&self.line) {
                Ok(said) => Ok(Some(said)),
                Err(error) => Err(format!("not a message: {error}")),
            },
            Ok(false) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn greet(&mut self, hello: &Hello) -> Result<(), String> {
        if hello.protocol != PROTOCOL {
            return Err(format!(
                "this crawl speaks protocol {PROTOCOL}, not {}",
                hello.protocol
            ));
        }
        tracing::debug!(client = ?hello.client, "hello");
        self.origin = match hello.origin {
            origin @ (Origin::Deck | Origin::Attached | Origin::Ctl) => origin,
            origin => return Err(format!("nobody is {} but the engine", origin.as_str())),
        };
        if self.holding.owner && self.origin != Origin::Deck {
            self.holding.owner = false;
            self.holding.shared.decks.owner_left(false);
        }
        if !self.holding.owner && self.origin != Origin::Ctl {
            self.holding.attached = true;
            self.holding.shared.decks.attach();
        }
        let welcome = self.holding.shared.welcome();
        self.send(Out::Line(welcome, None)).await;
        Ok(())
    }

    async fn obey(&mut self, said: Said) -> Result<(), String> {
        match said {
            Said::Hello(_) => Err("hello was said already".to_owned()),
            Said::Subscribe { per_second } => {
                if !self.holding.subscribed {
                    self.holding.subscribed = true;
                    self.holding.shared.subscribers.send_modify(|n| *n += 1);
                }
                let rate = per_second.clamp(1, FASTEST);
                let permit = self.permit().await;
                self.send(Out::Pictures(rate, permit)).await;
                Ok(())
            }
            Said::Command { id, command } => self.command(id, command).await,
            Said::Words { id, words } => {
                let command = {
                    let sites = self.holding.shared.snapshots.borrow().sites.clone();
                    let names: Vec<&str> = sites.iter().map(|site| &*site.name).collect();
                    verb::split(&words).and_then(|words| verb::read(&words, &names))
                };
                match command {
                    Ok(command) => self.command(id, command).await,
                    Err(error) => {
                        let answer = Answer::Refused(error.to_string());
                        let answer = line(&Heard::<()>::Answer { id, answer });
                        let permit = self.permit().await;
                        self.send(Out::Line(answer, permit)).await;
                        Ok(())
                    }
                }
            }
            Said::Ask { id, ask } => self.ask(id, ask).await,
            Said::Leave {} => {
                if self.holding.owner {
                    self.holding.owner = false;
                    self.holding.shared.decks.owner_left(true);
                }
                Ok(())
            }
        }
    }

    async fn command(&mut self, id: u64, command: Command) -> Result<(), String> {
        let wrong = self.wrong(&command);
        let lost = Answer::Refused("the crawl has ended".to_owned());
        let reply = self
            .reply(lost, move |answer| {
                line(&Heard::<()>::Answer { id, answer })
            })
            .await;
        if let Some(why) = wrong {
            reply.send(Answer::Refused(why));
            return Ok(());
        }
        let origin = self.origin;
        let request = Request {
            command,
            origin,
            reply,
        };
        // Where nobody hears it any more, dropping the reply answers it.
        let _ = self.holding.shared.controls.commands.send(request).await;
        Ok(())
    }

    /// Why a command cannot be meant. What can be said in words is within
    /// bounds, so that is what is looked at.
    fn wrong(&self, command: &Command) -> Option<String> {
        let sites = self.holding.shared.snapshots.borrow().sites.clone();
        let names: Vec<&str> = sites.iter().map(|site| &*site.name).collect();
        verb::split(&verb::words(command, &names))
            .and_then(|words| verb::read(&words, &names))
            .err()
            .map(|error| error.to_string())
    }

    async fn ask(&mut self, id: u64, mut ask: Ask) -> Result<(), String> {
        if let Ask::Pages { limit, .. }
        | Ask::Records { limit, .. }
        | Ask::Linked { limit, .. }
        | Ask::Journal { limit, .. }
        | Ask::Log { limit, .. } = &mut ask
        {
            *limit = (*limit).min(self.holding.shared.limits.rows);
        }
        let lost = Told::Refused("the crawl has ended".to_owned());
        let reply = self
            .reply(lost, move |told| line(&Heard::<()>::Told { id, told }))
            .await;
        let query = Query { ask, reply };
        let _ = self.holding.shared.controls.queries.send(query).await;
        Ok(())
    }

    /// A reply that goes to the client as a line; `lost` where it is dropped
    /// without an answer. Waits while too many are under way.
    async fn reply<T: Send + 'static>(
        &self,
        lost: T,
        encode: impl FnOnce(T) -> Vec<u8> + Send + 'static,
    ) -> Reply<T> {
        let permit = self.permit().await;
        let mut way = Way {
            out: self.out.clone(),
            permit,
            lost: Some((lost, encode)),
        };
        Reply::call(move |answer| way.send(answer))
    }

    /// One of the places for requests; the writer gives it back.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.requests.clone().acquire_owned().await.ok()
    }

    async fn send(&self, out: Out) {
        // A writer that has gone ends the session by itself.
        let _ = self.out.send(out).await;
    }
}

/// The way back for one answer.
struct Way<T, E: FnOnce(T) -> Vec<u8>> {
    out: mpsc::Sender<Out>,
    permit: Option<OwnedSemaphorePermit>,
    lost: Option<(T, E)>,
}

impl<T, E: FnOnce(T) -> Vec<u8>> Way<T, E> {
    fn send(&mut self, answer: T) {
        if let Some((_, encode)) = self.lost.take() {
            self.line(encode(answer));
        }
    }

    fn line(&mut self, line: Vec<u8>) {
        // There is room for as many as there are permits.
        let _ = self.out.try_send(Out::Line(line, self.permit.take()));
    }
}

impl<T, E: FnOnce(T) -> Vec<u8>> Drop for Way<T, E> {
    fn drop(&mut self) {
        if let Some((lost, encode)) = self.lost.take() {
            self.line(encode(lost));
        }
    }
}
