//! `crawldeck replay`: the deck on a recording.

use super::look::{self, LookArgs};
use super::signals;
use crate::bus::{self, Answer, Command, Controls, Play, Query, Request, Told, Transport};
use crate::record::{self, Replay};
use crate::store::folder;
use crate::store::sqlite::Questions;
use crate::tui;
use anyhow::{Context, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Arguments of `crawldeck replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The job's folder, or its sites file [default: the only *.crawl folder here]
    dir: Option<PathBuf>,
    /// Times the speed of the run, 0.5 to 64
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    speed: f64,
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let settings = args.look.settings()?;
    let dir = folder::find(args.dir.as_deref())?;
    let replay = Replay::open(&dir)?;
    if !look::has_deck() {
        bail!("a replay needs a terminal");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the event loop")?;
    let code = runtime.block_on(show(replay, &dir, args.speed, settings));
    // A thread that hangs in a dead terminal must not keep us.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn show(
    replay: Replay,
    dir: &Path,
    speed: f64,
    settings: tui::Settings,
) -> anyhow::Result<ExitCode> {
    let stem = dir.file_stem().unwrap_or(dir.as_os_str());
    let title = format!("replay {}", stem.to_string_lossy());
    let Some((snapshots, transport, player)) = record::play(replay, speed) else {
        bail!("{}: nothing of the recording can be read", dir.display());
    };
    tokio::spawn(player);
    let (commands, requests) = mpsc::channel(bus::REQUESTS);
    let (queries, asked) = mpsc::channel(bus::REQUESTS);
    let leaving = Arc::new(Notify::new());
    tokio::spawn(obey(requests, transport.clone(), leaving.clone()));
    tokio::spawn(tell(asked, dir.to_owned()));
    signals::listen(commands.clone()).context("listening to signals")?;
    let mut deck = tui::open(tui::Deck {
        snapshots,
        controls: Controls { commands, queries },
        options: tui::Options {
            replay: Some(transport),
            ..tui::Options::new(title, settings)
        },
    })
    .context("opening the deck")?;
    tokio::select! {
        _ = deck.closed() => {}
        () = leaving.notified() => {}
    }
    deck.close();
    Ok(ExitCode::SUCCESS)
}

/// A recording takes the commands to stand, to go on and to end, and no other.
async fn obey(mut requests: mpsc::Receiver<Request>, transport: Transport, leaving: Arc<Notify>) {
    while let Some(request) = requests.recv().await {
        request.reply.send(match request.command {
            // The pictures show running sites while the replay stands: to pause
            // what is paused already is to go on.
            Command::Pause(_) => {
                let stood = transport.playing().paused;
                transport.send(Play::Toggle);
                Answer::Done(if stood { "plays" } else { "stands" }.to_owned())
            }
            Command::Resume(_) => {
                transport.send(Play::Pause(false));
                Answer::Done("plays".to_owned())
            }
            Command::Stop | Command::StopNow => {
                leaving.notify_one();
                Answer::Done("the replay ends".to_owned())
            }
            _ => Answer::Refused("this is a replay".to_owned()),
        });
    }
}

/// Lists come from the job's database, where it is still there; they are as it
/// is now, not as it was at the moment that is shown.
async fn tell(mut asked: mpsc::Receiver<Query>, dir: PathBuf) {
    let opened = tokio::task::spawn_blocking(move || Questions::open(&dir)).await;
    let questions = opened.map_err(|error| error.to_string());
    let questions = questions.and_then(|opened| opened.map_err(|error| error.to_string()));
    while let Some(Query { ask, reply }) = asked.recv().await {
        reply.send(match &questions {
            Ok(questions) => questions.ask(ask).await,
            Err(why) => Told::Refused(format!("this is a replay, and {why}")),
        });
    }
}
