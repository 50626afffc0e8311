//! `crawldeck demo`: the built-in sites under the deck.

use super::background;
use super::deck;
use super::look::{self, LookArgs};
use super::session::{self, Face, Session};
use crate::config::{self, Overrides};
use crate::demo;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `crawldeck demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Keep the job in this folder [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Run without the deck: progress lines on standard output
    #[arg(long)]
    headless: bool,
    /// Print the sites file of the demo and leave
    #[arg(long)]
    print: bool,
    /// This process is an engine that another crawldeck has started
    #[arg(long, hide = true)]
    engine: bool,
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
pub fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let settings = args.look.settings()?;
    if look::has_deck() && !args.headless && !args.print && !args.engine {
        return deck::run(&settings);
    }
    let face = if args.engine {
        let parent = background::enter()?;
        Face::Engine { parent, deck: true }
    } else {
        Face::Lines
    };
    // The sites are served by a runtime of their own, so that they and the
    // crawl do not share an event loop.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("demo-site")
        .enable_all()
        .build()
        .context("starting the demo's server")?;
    let served = runtime
        .block_on(demo::serve())
        .context("serving the demo on loopback")?;
    let yaml = served.sites_yaml();
    if args.print {
        print!("{yaml}");
        return Ok(ExitCode::SUCCESS);
    }
    let job = config::parse(&yaml, "demo.yaml", &|_| None, &Overrides::default())?;
    let (dir, temporary) = match args.dir {
        Some(dir) => (dir, false),
        None => {
            let name = format!("crawldeck-demo-{}", std::process::id());
            (std::env::temp_dir().join(name), true)
        }
    };
    let result = session::run(Session {
        job,
        dir: dir.clone(),
        fresh: true,
        refresh: false,
        reload: None,
        face,
        title: "demo".to_owned(),
        metrics: None,
    });
    if temporary {
        // It held nothing but the demo's job.
        let _ = std::fs::remove_dir_all(&dir);
    }
    runtime.block_on(served.shutdown());
    result
}
