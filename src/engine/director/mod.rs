//! The director: starts the sites, hears the operator, and ends the run.

mod controls;
mod lift;
mod obey;
mod pages;
mod reload;
mod rungs;
mod seat;
mod sources;
mod undo;

use self::seat::Shared;
use self::undo::Undo;
use super::folder::Folder;
use super::pool::Pool;
use super::site::{Control, Message, SiteContext};
use super::{answer, exits, probe};
use crate::archive::Archive;
use crate::bus::{
    Answer, Command, Event, JobState, Level, Logbook, Origin, Query, Request, SiteState, verb,
};
use crate::config::Job;
use crate::fetch::Rungs;
use crate::page::SiteId;
use crate::store::sqlite::OpenedSite;
use crate::store::{JournalEntry, Store};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Changes of one control that follow each other within this time are one.
const ONE_CHANGE: Duration = Duration::from_secs(2);
/// How long an orderly end waits for a store that cannot write.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an engine is made of.
pub struct Parts {
    /// The sites.
    pub job: Job,
    /// The opened store.
    pub store: Arc<dyn Store>,
    /// What the store knows of each site, in the job's order.
    pub opened: Vec<OpenedSite>,
    /// What the sites' ladders are made of.
    pub rungs: Rungs,
    /// The bus.
    pub events: mpsc::Sender<Event>,
    /// Commands from every face.
    pub commands: mpsc::Receiver<Request>,
    /// Queries from every face.
    pub queries: mpsc::Receiver<Query>,
    /// Whether the run goes on when every site is over, for an operator who
    /// may want to send failed pages round again. May change at any time.
    pub linger: watch::Receiver<bool>,
    /// Reads the sites file again; blocks. `None` for a job without a file.
    pub reload: Option<Reload>,
    /// Whether every page that is known is asked again.
    pub refresh: bool,
    /// Threads that parse.
    pub threads: usize,
    /// The job's folder, whose disk is watched.
    pub dir: PathBuf,
    /// The archive, where a site wants its answers kept.
    pub archive: Option<Archive>,
    /// The log's last lines.
    pub log: Arc<Logbook>,
}

/// Reads the sites file again; the error is in words for the operator.
pub type Reload = Arc<dyn Fn() -> Result<Job, String> + Send + Sync>;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// Each site's last state.
    pub sites: Vec<SiteState>,
    /// Why the store could not save everything, if it could not.
    pub unsaved: Option<String>,
}

/// A running crawl.
pub struct Engine {
    director: tokio::task::JoinHandle<Ended>,
}

impl Engine {
    /// Starts every site. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The operating system's, where it gives no thread.
    pub fn start(parts: Parts) -> io::Result<Self> {
        let pool = Pool::start(parts.threads)?;
        let director = Director::new(parts, pool);
        Ok(Self {
            director: tokio::spawn(director.run()),
        })
    }

    /// Waits for the end of the run.
    pub async fn ended(self) -> Ended {
        match self.director.await {
            Ok(ended) => ended,
            Err(error) => Ended {
                sites: Vec::new(),
                unsaved: Some(format!("the engine broke down: {error}")),
            },
        }
    }
}

struct Director {
    seats: Vec<Arc<SiteContext>>,
    /// The same, for those who answer questions.
    joined: watch::Sender<Vec<Arc<SiteContext>>>,
    shared: Shared,
    reload: Option<Reload>,
    /// Sites that the file no longer has.
    gone: HashSet<SiteId>,
    undo: Vec<Undo>,
    /// Whether a change is being taken back.
    undoing: bool,
    /// The last change: its verb and when it was made.
    last_change: Option<(&'static str, Instant)>,
    store: Arc<dyn Store>,
    events: mpsc::Sender<Event>,
    commands: mpsc::Receiver<Request>,
    supervisors: Vec<JoinHandle<SiteState>>,
    tasks: TaskTracker,
    cancel: CancellationToken,
    over: watch::Receiver<usize>,
    linger: watch::Receiver<bool>,
}

impl Director {
    fn new(parts: Parts, pool: Pool) -> Self {
        let (count, over) = watch::channel(0);
        let count = Arc::new(count);
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let shared = Shared {
            store: parts.store.clone(),
            folder: Arc::new(Folder::new(&parts.dir, &parts.job.secrets)),
            events: parts.events.clone(),
            rungs: parts.rungs,
            pool,
            archive: parts.archive,
            tasks: tasks.clone(),
            cancel: cancel.clone(),
            said: Arc::default(),
            over: count,
        };
        let watched = *parts.linger.borrow();
        let mut seats = Vec::with_capacity(parts.job.sites.len());
        let mut supervisors = Vec::with_capacity(parts.job.sites.len());
        for ((n, config), opened) in parts.job.sites.iter().enumerate().zip(parts.opened) {
            let id = SiteId(u32::try_from(n).unwrap_or(u32::MAX));
            let (context, supervisor) = shared.seat(id, config, opened, watched, parts.refresh);
            seats.push(context);
            supervisors.push(tokio::spawn(supervisor.run()));
        }
        let (joined, sites) = watch::channel(seats.clone());
        let (looked, events) = (sites.clone(), parts.events.clone());
        tokio::spawn(exits::run(looked, events, cancel.clone()));
        tokio::spawn(answer::run(
            parts.queries,
            parts.store.clone(),
            parts.log,
            sites,
        ));
        tokio::spawn(probe::run(parts.events.clone(), parts.dir, cancel.clone()));
        Self {
            seats,
            joined,
            shared,
            reload: parts.reload,
            gone: HashSet::new(),
            undo: Vec::new(),
            undoing: false,
            last_change: None,
            store: parts.store,
            events: parts.events,
            commands: parts.commands,
            supervisors,
            tasks,
            cancel,
            over,
            linger: parts.linger,
        }
    }

    async fn run(mut self) -> Ended {
        self.tell(Event::Job(JobState::Running)).await;
        let mut was_over = false;
        loop {
            let all = self.seats.len();
            let over = *self.over.borrow_and_update() == all;
            if over && !*self.linger.borrow_and_update() {
                break;
            }
            if over != was_over {
                was_over = over;
                let state = if over {
                    JobState::Over
                } else {
                    JobState::Running
                };
                self.settle().await;
                self.tell(Event::Job(state)).await;
            }
            tokio::select! {
                changed = self.over.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
                // Where its sender has gone, the last word holds.
                Ok(()) = self.linger.changed() => {}
                request = self.commands.recv() => match request {
                    Some(request) => {
                        if self.hear(request).await {
                            break;
                        }
                    }
                    None => break,
                }
            }
        }
        self.end().await
    }

    /// Makes durable what every site has said, before the run is called over.
    async fn settle(&self) {
        if let Err(why) = self.store.flush().await {
            tracing::warn!("cannot save: {why}");
        }
    }

    /// Does what a request asks; `true` where the run is to end.
    async fn hear(&mut self, request: Request) -> bool {
        let words = verb::words(&request.command, &self.names());
        let ends = matches!(request.command, Command::Stop | Command::StopNow);
        if request.command == Command::StopNow {
            self.cancel.cancel();
        }
        let done = self.obey(request.command).await;
        let (text, level) = match &done.answer {
            Answer::Done(text) => (text, Level::Info),
            Answer::Refused(text) => (text, Level::Warn),
        };
        tracing::info!(origin = request.origin.as_str(), "{words}: {text}");
        if request.origin != Origin::Auto {
            let first = text.lines().next().unwrap_or_default();
            self.tell(Event::notice(level, None, format!("{words}: {first}")))
                .await;
        }
        let entry = JournalEntry {
            origin: request.origin.as_str(),
            command: words,
            before: done.before,
            after: done.after,
            refused: matches!(done.answer, Answer::Refused(_)),
            answer: text.clone(),
        };
        let store = self.store.clone();
        self.tasks.spawn(async move { store.journal(entry).await });
        request.reply.send(done.answer);
        ends
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.seats.iter().map(|site| site.name.clone()).collect()
    }

    /// Ends the run: what is in flight is finished (or dropped, if cancelled),
    /// everything is saved.
    async fn end(mut self) -> Ended {
        self.tell(Event::Job(JobState::Stopping)).await;
        for seat in &self.seats {
            send(seat, Control::Stop).await;
        }
        let handles = std::mem::take(&mut self.supervisors);
        let mut sites = tokio::spawn(async move {
            let mut sites = Vec::with_capacity(handles.len());
            for handle in handles {
                sites.push(handle.await.unwrap_or(SiteState::Failed));
            }
            sites
        });
        let mut look = tokio::time::interval(Duration::from_millis(500));
        let mut stalled_since = None;
        let sites = loop {
            tokio::select! {
                ended = &mut sites => break ended.unwrap_or_default(),
                request = self.commands.recv() => if let Some(request) = request {
                    self.hear(request).await;
                },
                _ = look.tick() => {
                    // A store that cannot write must not keep the operator here.
                    if !self.is_stalled() {
                        stalled_since = None;
                    } else if stalled_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                        self.cancel.cancel();
                    }
                }
            }
        };
        self.cancel.cancel();
        let exits = exits::pools(&self.seats);
        if !exits.is_empty() {
            self.tell(Event::Exits(exits)).await;
        }
        self.shared.rungs.close().await;
        let unsaved = match tokio::time::timeout(PATIENCE * 2, self.store.flush()).await {
            Ok(flushed) => flushed.err(),
            Err(_) => Some("the store did not answer".to_owned()),
        };
        self.tell(Event::Job(JobState::Over)).await;
        Ended { sites, unsaved }
    }

    /// Whether the store or the archive cannot write.
    fn is_stalled(&self) -> bool {
        let archive = self.seats.iter().find_map(|seat| seat.archive.as_ref());
        self.store.is_stalled() || archive.is_some_and(Archive::is_stalled)
    }

    async fn tell(&self, event: Event) {
        // A closed bus means that nobody looks any more.
        let _ = self.events.send(event).await;
    }
}

async fn send(site: &SiteContext, control: Control) {
    // A closed inbox means that the site has ended already.
    let _ = site.inbox.send(Message::Control(control)).await;
}
