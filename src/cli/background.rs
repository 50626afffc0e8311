//! The engine as a process of its own, so that it outlives its terminal.
//!
//! `run` and `demo` on a terminal start themselves again with `--engine`: that
//! process crawls, in a session without a terminal, and its standard input is
//! one end of a socket pair. The process in the terminal is a deck on the other
//! end. Whatever becomes of it, the crawl goes on.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use tokio::sync::oneshot;

/// Most of what the engine says on standard error that is kept, bytes.
const SAID: u64 = 1 << 16;

/// Makes this process, which was started by [`Engine::start`], the engine: out
/// of the terminal's reach. Answers the connection to the one that started it.
///
/// # Errors
/// Where this process was started in another way.
pub fn enter() -> anyhow::Result<UnixStream> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let parent = UnixStream::from(stdin);
    if parent.peer_addr().is_err() {
        bail!("--engine is for crawldeck itself; use --detach");
    }
    // Fails only for a leader of a session, which has what it wants.
    let _ = rustix::process::setsid();
    // The connection is to end when the last user of it goes.
    rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
    Ok(parent)
}

/// An engine that this process has started.
pub struct Engine {
    pid: Pid,
    over: oneshot::Receiver<(ExitCode, String)>,
}

impl Engine {
    /// Starts this very command again as an engine; answers the connection to it.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start() -> anyhow::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair().context("connecting to the engine")?;
        let program = std::env::current_exe().context("finding this program")?;
        let mut words = std::env::args_os().skip(1);
        let mut command = Command::new(program);
        // No option stands before the subcommand.
        command.args(words.next()).arg("--engine").args(words);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command.spawn().context("starting the engine")?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.context("the engine has no process id")?;
        let (tell, over) = oneshot::channel();
        thread::Builder::new()
            .name("engine-watch".to_owned())
            .spawn(move || {
                let _ = tell.send(attend(child));
            })
            .context("watching the engine")?;
        Ok((Self { pid, over }, ours))
    }

    /// Passes a signal on. Nothing happens where the engine has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid, signal);
    }

    /// Waits for its end; answers its exit code and what it said on standard
    /// error. To be called once.
    pub async fn over(&mut self) -> (ExitCode, String) {
        let lost = |_| (ExitCode::FAILURE, String::new());
        (&mut self.over).await.unwrap_or_else(lost)
    }
}

/// Hears the engine out and waits for its end.
fn attend(mut child: Child) -> (ExitCode, String) {
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut stderr = stderr.take(SAID);
        let _ = stderr.read_to_end(&mut said);
        // An engine that says more must not wait for a reader.
        let _ = io::copy(&mut stderr.into_inner(), &mut io::sink());
    }
    let mut said = String::from_utf8_lossy(&said).into_owned();
    let code = match child.wait() {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
            (None, signal) => {
                let signal = signal.unwrap_or(0);
                said.push_str(&format!("crawldeck: signal {signal} ended the engine\n"));
                128u8.saturating_add(u8::try_from(signal).unwrap_or(0))
            }
        },
        Err(error) => {
            said.push_str(&format!("crawldeck: the engine's end: {error}\n"));
            1
        }
    };
    (ExitCode::from(code), said)
}
