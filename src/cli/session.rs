//! One run: store, engine, monitor and a face, put together.

use super::{INCOMPLETE, complain, headless, log, signals};
use crate::archive::Archive;
use crate::bus::{
    self, Command, Controls, Event, Level, Origin, Reply, Request, SiteInfo, SiteState,
};
use crate::config::Job;
use crate::engine::{Ended, Engine, Parts, Reload};
use crate::fetch::Http;
use crate::monitor::{self, Counts, Pages, Snapshot};
use crate::store::sqlite::{self, Opening, OpeningSite};
use crate::tui;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Snapshots a second.
const SNAPSHOTS: u32 = 10;
/// Most threads for the event loop.
const LOOP_THREADS: usize = 4;

/// Which face the run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The deck.
    Deck,
    /// Progress lines.
    Lines,
    /// JSON objects.
    Json,
}

/// What is to be run, and how.
pub struct Session {
    /// The sites.
    pub job: Job,
    /// The job's folder.
    pub dir: PathBuf,
    /// Whether to start over.
    pub fresh: bool,
    /// Reads the sites again; `None` for a job without a sites file.
    pub reload: Option<Reload>,
    /// The face.
    pub face: Face,
    /// The job's name on screen.
    pub title: String,
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
        reload,
        face,
        title,
    } = session;
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
    let _log = log::start(&dir, job.secrets.clone())
        .with_context(|| format!("writing the log in {}", dir.display()))?;
    let keeps = job.sites.iter().any(|site| site.keep.bodies);
    let archive = archive(&dir, &title, fresh, keeps, &events)?;
    let fetcher = Http::new().context("preparing HTTP")?;

    let infos: Vec<SiteInfo> = job
        .sites
        .iter()
        .map(|site| SiteInfo::from(&**site))
        .collect();
    let counts = opened
        .sites
        .iter()
        .map(|site| Counts {
            pages: Pages {
                done: site.counts.done,
                failed: site.counts.failed,
                skipped: site.counts.skipped,
                queued: site.counts.queued,
                in_flight: 0,
            },
            records: site.counts.records,
            bytes: site.counts.bytes,
        })
        .collect();
    let (publish, snapshots) = monitor::channel(&infos);
    let watching = tokio::spawn(monitor::run(bus_end, infos, counts, publish, SNAPSHOTS));

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
    let stopped_by = signals::listen(controls.commands.clone()).context("listening to signals")?;
    let (linger, lingering) = watch::channel(face == Face::Deck);
    let engine = Engine::start(Parts {
        store: opened.store,
        opened: opened.sites,
        job,
        fetcher: Arc::new(fetcher),
        events,
        commands: command_end,
        queries: query_end,
        linger: lingering,
        reload,
        threads: cores,
        archive: archive.clone(),
    })
    .context("starting the CPU pool")?;

    let ended = match face {
        Face::Deck => under_deck(engine, snapshots.clone(), &controls, &linger, title).await?,
        Face::Lines | Face::Json => {
            let shown = tokio::spawn(headless::show(snapshots.clone(), face == Face::Json));
            let ended = engine.ended().await;
            // It ends by itself when the monitor has seen the end.
            let _ = shown.await;
            ended
        }
    };
    if let Some(archive) = archive {
        // Waits for a file; the runtime has nothing else to do any more.
        archive.close();
    }
    drop(controls);
    watching.abort();
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

/// Runs the deck until the operator leaves or the terminal goes away; then the
/// crawl goes on without it.
async fn under_deck(
    engine: Engine,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    controls: &Controls,
    linger: &watch::Sender<bool>,
    title: String,
) -> anyhow::Result<Ended> {
    let mut deck = tui::open(tui::Deck {
        snapshots,
        controls: controls.clone(),
        options: tui::Options::from_env(title),
    })
    .context("opening the deck")?;
    let mut ended = std::pin::pin!(engine.ended());
    let left = tokio::select! {
        ended = &mut ended => {
            deck.close();
            return Ok(ended);
        }
        left = deck.closed() => left,
    };
    deck.close();
    if left == tui::Left::Quit {
        let request = Request {
            command: Command::Stop,
            origin: Origin::Auto,
            reply: Reply::ignore(),
        };
        // A closed channel means that the engine has ended already.
        let _ = controls.commands.send(request).await;
    } else {
        tracing::warn!("the terminal went away; the crawl goes on without it");
        // Nobody can leave the deck any more: end when the sites have.
        let _ = linger.send(false);
    }
    Ok(ended.await)
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
