//! The director: starts the sites, hears the operator, and ends the run.

use super::pool::Pool;
use super::site::{Control, Message, SiteContext};
use super::supervisor::{Begin, Supervisor};
use super::{answer, probe};
use crate::bus::{
    Answer, Command, Event, JobState, Level, Origin, Query, Request, SiteControls, SiteState,
    Target, verb,
};
use crate::config::{Fetch, Job, Site};
use crate::discover::links::Linker;
use crate::discover::redirect::Chains;
use crate::discover::scope::ScopeRules;
use crate::extract::fields::Plan;
use crate::fetch::{Fetcher, Visitor};
use crate::page::SiteId;
use crate::store::sqlite::OpenedSite;
use crate::store::{JournalEntry, Revision, SavedSite, Store};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Room in a supervisor's inbox, messages.
const INBOX: usize = 256;
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
    /// The ladder's rung.
    pub fetcher: Arc<dyn Fetcher>,
    /// The bus.
    pub events: mpsc::Sender<Event>,
    /// Commands from every face.
    pub commands: mpsc::Receiver<Request>,
    /// Queries from every face.
    pub queries: mpsc::Receiver<Query>,
    /// Whether the run goes on when every site is over, for an operator who
    /// may want to send failed pages round again. May change at any time.
    pub linger: watch::Receiver<bool>,
    /// Threads that parse.
    pub threads: usize,
    /// The job's folder, whose disk is watched.
    pub dir: PathBuf,
}

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

/// The director's hold on one site.
struct Seat {
    context: Arc<SiteContext>,
    concurrency: u32,
    delay: Duration,
}

struct Director {
    seats: Vec<Seat>,
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
        let mut seats = Vec::with_capacity(parts.job.sites.len());
        let mut supervisors = Vec::with_capacity(parts.job.sites.len());
        for ((n, config), opened) in parts.job.sites.iter().enumerate().zip(parts.opened) {
            let id = SiteId(u32::try_from(n).unwrap_or(u32::MAX));
            let (inbox, messages) = mpsc::channel(INBOX);
            let mut chains = Chains::default();
            for seen in opened.redirects {
                chains.restore(seen.page, seen.from, seen.to);
            }
            let context = Arc::new(SiteContext {
                id,
                visitor: Visitor::new(config),
                scope: ScopeRules::new(config),
                linker: Linker::new(config),
                plan: Plan::compile(&config.extract),
                chains: Mutex::new(chains),
                config: config.clone(),
                store: parts.store.clone(),
                events: parts.events.clone(),
                fetcher: parts.fetcher.clone(),
                pool: pool.clone(),
                inbox,
                done: AtomicU64::new(0),
                digesting: AtomicUsize::new(0),
                settled: Notify::new(),
            });
            let watched = *parts.linger.borrow();
            let saved = controls(config, opened.saved, opened.changed, watched);
            seats.push(Seat {
                context: context.clone(),
                concurrency: saved.controls.concurrency,
                delay: saved.controls.delay,
            });
            let begin = Begin {
                saved,
                over: opened.counts.done + opened.counts.failed,
                done: opened.counts.done,
                changed: opened.changed,
            };
            let supervisor = Supervisor::new(
                context,
                messages,
                begin,
                tasks.clone(),
                cancel.clone(),
                count.clone(),
            );
            supervisors.push(tokio::spawn(supervisor.run()));
        }
        tokio::spawn(answer::run(parts.queries, parts.store.clone()));
        tokio::spawn(probe::run(parts.events.clone(), parts.dir, cancel.clone()));
        Self {
            seats,
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
        let all = self.seats.len();
        let mut was_over = false;
        loop {
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
        let names: Vec<&str> = self
            .seats
            .iter()
            .map(|seat| seat.context.config.name.as_str())
            .collect();
        let words = verb::words(&request.command, &names);
        let ends = matches!(request.command, Command::Stop | Command::StopNow);
        if request.command == Command::StopNow {
            self.cancel.cancel();
        }
        let answer = self.obey(request.command).await;
        let (text, level) = match &answer {
            Answer::Done(text) => (text, Level::Info),
            Answer::Refused(text) => (text, Level::Warn),
        };
        tracing::info!(origin = request.origin.as_str(), "{words}: {text}");
        if request.origin != Origin::Auto {
            self.tell(Event::notice(level, None, format!("{words}: {text}")))
                .await;
        }
        let entry = JournalEntry {
            origin: request.origin.as_str(),
            command: words,
            before: String::new(),
            after: String::new(),
            refused: matches!(answer, Answer::Refused(_)),
            answer: text.clone(),
        };
        let store = self.store.clone();
        self.tasks.spawn(async move { store.journal(entry).await });
        request.reply.send(answer);
        ends
    }

    async fn obey(&mut self, command: Command) -> Answer {
        match command {
            Command::Pause(target) => self.pause(target, true).await,
            Command::Resume(target) => self.pause(target, false).await,
            Command::Concurrency(site, wanted) => {
                let wanted = wanted.clamp(1, Fetch::MAX_CONCURRENCY);
                let Some(seat) = self.seats.get_mut(site.index()) else {
                    return no_such_site();
                };
                let before = std::mem::replace(&mut seat.concurrency, wanted);
                let context = seat.context.clone();
                send(&context, Control::Concurrency(wanted)).await;
                Answer::Done(format!("{before} → {wanted} workers"))
            }
            Command::Delay(site, wanted) => {
                let wanted = wanted.min(Fetch::MAX_DELAY);
                let Some(seat) = self.seats.get_mut(site.index()) else {
                    return no_such_site();
                };
                let before = std::mem::replace(&mut seat.delay, wanted);
                let context = seat.context.clone();
                send(&context, Control::Delay(wanted)).await;
                Answer::Done(format!("{before:?} → {wanted:?}"))
            }
            Command::Retry(pick) => {
                let sites = self.store.revise(pick, Revision::Retry).await;
                let mut all = 0;
                for (site, pages) in sites {
                    all += pages;
                    if let Some(seat) = self.seats.get(site.index()) {
                        send(&seat.context, Control::Requeued(pages)).await;
                    }
                }
                match all {
                    0 => Answer::Refused("no failed page matches".to_owned()),
                    1 => Answer::Done("1 page goes round again".to_owned()),
                    n => Answer::Done(format!("{n} pages go round again")),
                }
            }
            Command::Stop => Answer::Done("finishing what is in flight".to_owned()),
            Command::StopNow => Answer::Done("dropping what is in flight".to_owned()),
            _ => Answer::Refused("not built yet".to_owned()),
        }
    }

    async fn pause(&mut self, target: Target, paused: bool) -> Answer {
        let done = if paused { "on hold" } else { "goes on" };
        match target {
            Target::All => {
                for seat in &self.seats {
                    send(&seat.context, Control::Pause(paused)).await;
                }
            }
            Target::Site(site) => match self.seats.get(site.index()) {
                Some(seat) => send(&seat.context, Control::Pause(paused)).await,
                None => return no_such_site(),
            },
            Target::Worker(site, worker) => match self.seats.get(site.index()) {
                Some(seat) if worker.0 < seat.concurrency => {
                    send(&seat.context, Control::PauseWorker(worker, paused)).await;
                }
                Some(_) => return Answer::Refused("there is no such worker".to_owned()),
                None => return no_such_site(),
            },
            Target::Host(..) => return Answer::Refused("not built yet".to_owned()),
        }
        Answer::Done(done.to_owned())
    }

    /// Ends the run: what is in flight is finished (or dropped, if cancelled),
    /// everything is saved.
    async fn end(mut self) -> Ended {
        self.tell(Event::Job(JobState::Stopping)).await;
        for seat in &self.seats {
            send(&seat.context, Control::Stop).await;
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
                    if !self.store.is_stalled() {
                        stalled_since = None;
                    } else if stalled_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                        self.cancel.cancel();
                    }
                }
            }
        };
        self.cancel.cancel();
        let unsaved = match tokio::time::timeout(PATIENCE * 2, self.store.flush()).await {
            Ok(flushed) => flushed.err(),
            Err(_) => Some("the store did not answer".to_owned()),
        };
        self.tell(Event::Job(JobState::Over)).await;
        Ended { sites, unsaved }
    }

    async fn tell(&self, event: Event) {
        // A closed bus means that nobody looks any more.
        let _ = self.events.send(event).await;
    }
}

/// The state and controls a site starts with: those the operator tuned in an
/// earlier run, unless the site's document has changed since.
fn controls(config: &Site, saved: Option<SavedSite>, changed: bool, watched: bool) -> SavedSite {
    let fresh = SavedSite {
        state: SiteState::Starting,
        why: None,
        controls: SiteControls {
            concurrency: config.fetch.concurrency,
            auto: None,
            delay: config.fetch.delay,
            max_pages: config.limits.pages,
            max_depth: config.limits.depth,
            retries: config.fetch.retries,
            draining: false,
        },
        rules: Vec::new(),
        paused: false,
        sitemaps_done: false,
    };
    match saved {
        Some(saved) if !changed => SavedSite {
            // Where nobody looks, nobody would resume.
            paused: saved.paused && watched,
            ..saved
        },
        // A changed document may name other sitemaps or take in more of them.
        _ => fresh,
    }
}

async fn send(site: &SiteContext, control: Control) {
    // A closed inbox means that the site has ended already.
    let _ = site.inbox.send(Message::Control(control)).await;
}

fn no_such_site() -> Answer {
    Answer::Refused("there is no such site".to_owned())
}
