//! `crawldeck run`: a crawl under the deck, or headless.

use super::background::{self, Engine};
use super::look::{self, LookArgs};
use super::session::{self, Face, Session};
use super::{complain, deck};
use crate::bus::Origin;
use crate::config::{self, Overrides};
use crate::engine::Reload;
use crate::monitor::line::clean;
use crate::remote::Link;
use anyhow::{Context, bail};
use clap::Args;
use std::io::{Write, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

/// Arguments of `crawldeck run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A sites file, or the URL of one site
    source: String,
    /// The job's folder [default: ./<file stem or host>.crawl]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Run without the deck: progress lines on standard output
    #[arg(long)]
    headless: bool,
    /// Start over: forget what the job's folder holds
    #[arg(long)]
    fresh: bool,
    /// Ask every page again that is known, whether it has changed
    #[arg(long, conflicts_with = "fresh")]
    refresh: bool,
    /// Fetch at most this many pages of each site
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_pages: Option<u64>,
    /// Workers of each site
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    concurrency: Option<u32>,
    /// Headless, with one JSON object a line on standard output
    #[arg(long)]
    json: bool,
    /// Crawl in the background, and come back with `crawldeck attach`
    #[arg(long, conflicts_with_all = ["headless", "json"])]
    detach: bool,
    /// This process is an engine that another crawldeck has started
    #[arg(long, hide = true)]
    engine: bool,
    /// Serve figures for Prometheus at http://ADDR/metrics; ADDR is a port of
    /// this machine alone, or ADDRESS:PORT
    #[arg(long, value_name = "ADDR", value_parser = metrics_address)]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    look: LookArgs,
}

/// Runs it.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let settings = args.look.settings()?;
    let over = Overrides {
        max_pages: args.max_pages,
        concurrency: args.concurrency,
    };
    let (job, name, reload) = if is_url(&args.source) {
        let job = config::for_url(&args.source, &over)?;
        let name = job
            .sites
            .first()
            .map_or_else(String::new, |site| site.name.clone());
        (job, name, None)
    } else {
        let path = Path::new(&args.source);
        let job = config::load(path, &over)?;
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        let again: PathBuf = path.to_owned();
        let reload: Reload =
            Arc::new(move || config::load(&again, &over).map_err(|error| error.to_string()));
        (job, stem.to_string_lossy().into_owned(), Some(reload))
    };
    let dir = args
        .dir
        .unwrap_or_else(|| PathBuf::from(format!("{name}.crawl")));
    if args.engine {
        let face = Face::Engine {
            parent: background::enter()?,
            deck: !args.detach,
        };
        return session::run(Session {
            job,
            dir,
            fresh: args.fresh,
            refresh: args.refresh,
            reload,
            face,
            metrics: args.metrics,
            title: name,
        });
    }
    let deck = look::has_deck();
    let asks = deck && !args.headless && !args.json;
    if args.fresh && asks && !confirm_fresh(&dir)? {
        bail!("nothing was changed");
    }
    let face = match (args.json, args.headless || !deck) {
        _ if args.detach => return detach(),
        (true, _) => Face::Json,
        (false, true) => Face::Lines,
        (false, false) => return deck::run(&settings),
    };
    session::run(Session {
        job,
        dir,
        fresh: args.fresh,
        refresh: args.refresh,
        reload,
        face,
        title: name,
        metrics: args.metrics,
    })
}

/// Starts this command as an engine and leaves it, once it crawls.
fn detach() -> anyhow::Result<ExitCode> {
    deck::runtime()?.block_on(async {
        let (mut engine, stream) = Engine::start()?;
        match Link::adopt(stream, Origin::Ctl).await {
            Ok(link) => {
                let welcome = link.welcome();
                let dir = clean(&welcome.dir);
                let line = format!(
                    "crawling in the background (process {}); `crawldeck attach {dir}` shows it\n",
                    welcome.pid
                );
                // Nobody needs to hear it.
                let _ = stdout().write_all(line.as_bytes());
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                let (code, said) = engine.over().await;
                if said.is_empty() {
                    complain(format_args!("the engine did not start: {error}"));
                } else {
                    let _ = std::io::stderr().write_all(said.as_bytes());
                }
                Ok(code)
            }
        }
    })
}

/// A port alone is one of the loopback address: who else may look is said on
/// purpose.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let text = text.replace("localhost:", "127.0.0.1:");
    text.parse()
        .map_err(|_| "write a port, or an address and a port such as 127.0.0.1:9184".to_owned())
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Asks before a job's folder is started over.
fn confirm_fresh(dir: &Path) -> anyhow::Result<bool> {
    if !dir.exists() {
        return Ok(true);
    }
    print!("Start over and lose what {} holds? [y/N] ", dir.display());
    stdout().flush()?;
    let mut line = String::new();
    stdin()
        .read_line(&mut line)
        .context("reading your answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for (text, expected) in [
            ("9184", Some("127.0.0.1:9184")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("0.0.0.0:80", Some("0.0.0.0:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("example.org:80", None),
            ("70000", None),
            ("", None),
        ] {
            let address = metrics_address(text).ok().map(|a| a.to_string());
            assert_eq!(address.as_deref(), expected, "{text}");
        }
    }
}
