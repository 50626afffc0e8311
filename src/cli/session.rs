//! One run: store, engine, monitor and a face, put together.

use super::attend::{self, Attendants};
use super::figures::{self, Figures};
use super::{INCOMPLETE, complain, headless, jobs, log, signals};
use crate::archive::Archive;
use crate::bus::{self, Controls, Event, JobState, Level, Logbook, SiteDelta, SiteInfo, SiteState};
use crate::config::Job;
use crate::engine::{Ended, Engine, Parts, Reload};
use crate::fetch::Rungs;
use crate::monitor::{self, Counts, Snapshot};
use crate::remote::{Limits, Server, Setup};
use crate::store::sqlite::{self, Opening, OpeningSite};
use anyhow::Context;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Snapshots a second.
const SNAPSHOTS: u32 = 10;
/// How long the last picture may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most threads for the event loop.
const LOOP_THREADS: usize = 4;

/// Which face the run has.
#[derive(Debug)]
pub enum Face {
    /// Progress lines.
    Lines,
    /// JSON objects.
    Json,
    /// None: this process is an engine in the background.
    Engine {
        /// The connection to the process that started it.
        parent: UnixStream,
        /// Whether that is a deck.
        deck: bool,
    },
}

/// What is to be run, and how.
pub struct Session {
    /// The sites.
    pub job: Job,
    /// The job's folder.
    pub dir: PathBuf,
    /// Whether to start over.
    pub fresh: bool,
    /// Whether to ask every page again that is known.
    pub refresh: bool,
    /// Reads the sites again; `None` for a job without a sites file.
    pub reload: Option<Reload>,
    /// The face.
    pub face: Face,
    /// The job's name on screen.
    pub title: String,
    /// Where Prometheus finds the run's figures, if anywhere.
    pub metrics: Option<SocketAddr>,
}

/// Runs it to its end.
pub fn run(session: Session) -> anyhow::Result<ExitCode> {
    raise_descriptor_limit();
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(LOOP_THREADS))
        .enable_all()
        .build()
        .context("starting the event loop")?;
    let code = runtime.block_on(crawl(session, cores));
    // A thread that hangs in a full disk or a dead terminal must not keep us.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn crawl(session: Session, cores: usize) -> anyhow::Result<ExitCode> {
    let Session {
        job,
        dir,
        fresh,
        refresh,
        reload,
        face,
        title,
        metrics,
    } = session;
    let figures = attend::listen(metrics).await?;
    let (events, bus_end) = mpsc::channel(bus::EVENTS);
    let (commands, command_end) = mpsc::channel(bus::REQUESTS);
    let (queries, query_end) = mpsc::channel(bus::REQUESTS);
    let controls = Controls { commands, queries };

    let sites = job
        .sites
        .iter()
        .map(|site| OpeningSite {
            name: site.name.clone(),
            digest: site.digest,
        })
        .collect();
    let opening = Opening {
        fresh,
        ..Opening::new(sites, events.clone())
    };
    let opened = sqlite::open(&dir, opening)?;
    let logbook = Arc::<Logbook>::default();
    let _log = log::start(&dir, job.secrets.clone(), logbook.clone())
        .with_context(|| format!("writing the log in {}", dir.display()))?;
    let keeps = job.sites.iter().any(|site| site.keep.bodies);
    let archive = archive(&dir, &title, fresh, keeps, &events)?;
    let archive = archive.map(|archive| archive.hiding(&job.secrets));
    let rungs = Rungs::new(Some(&dir)).context("preparing HTTP")?;

    let infos: Vec<SiteInfo> = job
        .sites
        .iter()
        .map(|site| SiteInfo::from(&**site))
        .collect();
    let counts = opened
        .sites
        .iter()
        .map(|site| Counts::from(&SiteDelta::from(site.counts)))
        .collect();
    let (publish, snapshots) = monitor::channel(&infos);
    let watching = tokio::spawn(monitor::run(bus_end, infos, counts, publish, SNAPSHOTS));

    let attendants = Attendants::start(&dir, fresh, &snapshots, figures);

    let changed: Vec<&str> = job
        .sites
        .iter()
        .zip(&opened.sites)
        .filter(|(_, site)| site.changed)
        .map(|(site, _)| site.name.as_str())
        .collect();
    if !changed.is_empty() {
        let text = format!(
            "the sites file has changed since the last run and is applied: {}",
            changed.join(", ")
        );
        tracing::info!("{text}");
        let _ = events.send(Event::notice(Level::Warn, None, text)).await;
    }
    for warning in &job.warnings {
        tracing::warn!("{warning}");
        let notice = Event::notice(Level::Warn, None, warning.as_str());
        let _ = events.send(notice).await;
    }
    let stopped_by = signals::listen(controls.commands.clone()).context("listening to signals")?;
    jobs::note(&dir, &title);
    let json = matches!(face, Face::Json);
    let (parent, deck) = match face {
        Face::Engine { parent, deck } => (Some(parent), deck),
        Face::Lines | Face::Json => (None, false),
    };
    let background = parent.is_some();
    let server = serve(
        Setup {
            dir: dir.clone(),
            parent,
            deck,
            title,
            controls: controls.clone(),
            snapshots: snapshots.clone(),
            limits: Limits::default(),
        },
        &events,
    )
    .await;
    // With nobody waiting for its end, a finished crawl stays as long as there
    // is a deck on it.
    let linger = if background {
        server.watched()
    } else {
        watch::channel(false).1
    };
    let store = opened.store.clone();
    let figures = Figures::start(store.clone(), snapshots.clone());
    let engine = Engine::start(Parts {
        store: opened.store,
        opened: opened.sites,
        job,
        rungs,
        events,
        commands: command_end,
        queries: query_end,
        linger,
        reload,
        refresh,
        threads: cores,
        archive: archive.clone(),
        dir: dir.clone(),
        log: logbook,
    })
    .context("starting the CPU pool")?;

    let ended = if background {
        engine.ended().await
    } else {
        let shown = tokio::spawn(headless::show(snapshots.clone(), json));
        let ended = engine.ended().await;
        // It ends by itself when the monitor has seen the end.
        let _ = shown.await;
        ended
    };
    if let Some(archive) = archive {
        // Waits for a file; the runtime has nothing else to do any more.
        archive.close();
    }
    // The last picture is the one of the end; a monitor that has gone, or an
    // engine that broke down, has none.
    let mut last = snapshots.clone();
    let over = last.wait_for(|seen| seen.state == JobState::Over);
    let _ = tokio::time::timeout(PATIENCE, over).await;
    // The picture must not be held while we wait: the monitor could publish none,
    // and its thread would stand still with those of the clients.
    let word = last_word(&last.borrow());
    figures.finish().await;
    let told = last.borrow().clone();
    figures::save(&*store, &told).await;
    drop(store);
    server.close(word).await;
    drop(controls);
    watching.abort();
    attendants.finish().await;
    Ok(conclude(
        &ended,
        &snapshots.borrow(),
        stopped_by.load(Ordering::Acquire),
    ))
}

/// The archive, where a site wants its answers kept; an old one goes with a
/// crawl that is forgotten.
fn archive(
    dir: &Path,
    title: &str,
    fresh: bool,
    keeps: bool,
    events: &mpsc::Sender<Event>,
) -> anyhow::Result<Option<Archive>> {
    if fresh {
        let removed = Archive::remove(dir);
        removed.with_context(|| format!("removing the archive in {}", dir.display()))?;
    }
    if !keeps {
        return Ok(None);
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = title
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    Ok(Some(Archive::open(dir, &name, events.clone())?))
}

/// Opens the control socket. Where the folder takes none, the crawl goes on
/// without, and says so.
async fn serve(setup: Setup, events: &mpsc::Sender<Event>) -> Server {
    let dir = setup.dir.clone();
    let (server, failed) = Server::start(setup);
    if let Some(error) = failed {
        let text = unreachable(&dir, &error);
        tracing::warn!("{text}");
        let _ = events.send(Event::notice(Level::Warn, None, text)).await;
    }
    server
}

fn unreachable(dir: &Path, error: &std::io::Error) -> String {
    let dir = dir.display();
    format!("no control socket in {dir}, so that attach and ctl do not work: {error}")
}

/// What clients are told at the end.
fn last_word(last: &Snapshot) -> &'static str {
    let stopped = |site: &Arc<monitor::SiteView>| site.state == SiteState::Stopped;
    if last.sites.iter().any(stopped) {
        "the crawl was stopped"
    } else {
        "the crawl has ended"
    }
}

/// The exit code, and a last word where something is amiss.
fn conclude(ended: &Ended, last: &Snapshot, signal: u8) -> ExitCode {
    if let Some(why) = &ended.unsaved {
        complain(format_args!("not everything could be saved: {why}"));
        return ExitCode::from(INCOMPLETE);
    }
    if signal != 0 {
        return ExitCode::from(signal);
    }
    let mut code = 0;
    for (site, state) in last.sites.iter().zip(&ended.sites) {
        match state {
            SiteState::Failed => {
                let why = site.why.as_deref().unwrap_or("it could not be crawled");
                complain(format_args!("{}: {}", site.name, monitor::line::clean(why)));
                code = INCOMPLETE;
            }
            SiteState::Finished => {}
            // The operator left the deck before the site's end.
            _ if code == 0 => code = 130,
            _ => {}
        }
    }
    ExitCode::from(code)
}

/// A crawl needs a descriptor for each connection: takes all it may have.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, the old limit holds, and errors will say so.
    let _ = setrlimit(Resource::Nofile, limit);
}
