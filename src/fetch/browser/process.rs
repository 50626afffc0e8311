//! The browser's process: started with an empty profile, ended with all its
//! children, its profile deleted.

use super::janitor::Janitor;
use super::link::Link;
use chromiumoxide_cdp::cdp::browser_protocol::browser::GetVersionParams;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

/// How long it may take to start; a cold disk is slow.
const STARTING: Duration = Duration::from_secs(60);
/// Times that a browser's folder is tried to be deleted before that is left to
/// the janitor, and between two of them.
const EMPTYINGS: u32 = 20;
const EMPTYING: Duration = Duration::from_millis(5);
/// Longest complaint of a browser that is shown, characters.
const COMPLAINT: usize = 300;

/// Hands the browser its two pipes as descriptors 3 and 4, and deletes the
/// profile after it. The shell outlives an engine that was killed: the browser
/// sees the end of its pipe, exits with all its children, and the shell cleans up.
const SHELL: &str = r#"profile=$1; shift
"$@" 3<&0 4>&1 </dev/null >/dev/null
rm -rf -- "$profile""#;

/// No sound, no bubbles, no visits of its own, no reports; one process for all
/// frames of a page; timers run in tabs that nobody looks at.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-domain-reliability",
    "--disable-client-side-phishing-detection",
    "--disable-search-engine-choice-screen",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process,Translate,OptimizationHints,MediaRouter,\
     AutofillServerCommunication,InterestFeedContentSuggestions,SpareRendererForSitePerProcess,\
     DialMediaRouteProvider,PreloadTopChromeWebUI,AcceptCHFrame,Prerender2,BackForwardCache,\
     ScriptStreaming",
    // A tab keeps the compiled scripts of a site in memory from page to page. Compiling
    // while they come, or packing the code for a disk that it never goes to, would be done
    // again for each page.
    "--v8-cache-options=none",
    "--block-new-web-contents",
    "--deny-permission-prompts",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--hide-scrollbars",
    "--in-process-gpu",
    "--disk-cache-size=16777216",
    // Larger heaps take longer to be swept; a page that needs more is a rare one.
    "--js-flags=--max-old-space-size=512 --max-semi-space-size=2 --optimize-for-size",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-pings",
    "--no-service-autorun",
    "--no-startup-window",
    "--password-store=basic",
    "--use-mock-keychain",
    "--window-size=1280,900",
];

/// A browser that runs. Dropped, it is killed with all its children.
pub(super) struct Process {
    link: Link,
    /// The shell's, and so the group's.
    group: Option<Pid>,
    profile: PathBuf,
    /// Clears up what is left when this is gone.
    _janitor: Janitor,
    /// Killed, and reaped by the runtime, with this.
    _child: Child,
}

impl Process {
    /// Starts `program` and waits until it answers.
    ///
    /// # Errors
    /// Why it did not, with what to do.
    pub(super) async fn start(program: &Path) -> Result<Self, String> {
        let (profile, mut janitor) = new_profile().map_err(|error| {
            let folder = std::env::temp_dir();
            format!("no folder can be made in {} ({error})", folder.display())
        })?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SHELL, "crawldeck-browser"])
            .arg(&profile)
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()));
        if rustix::process::geteuid().is_root() {
            // Chromium's sandbox refuses to run as root.
            command.arg("--no-sandbox");
        }
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C on the terminal is the engine's alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| {
            let _ = fs::remove_dir_all(&profile);
            format!("{} cannot be started: {error}", program.display())
        })?;
        if let Some(group) = child.id() {
            janitor.learn(group).await;
        }
        let pipes = (child.stdout.take(), child.stdin.take(), child.stderr.take());
        let (Some(answers), Some(questions), Some(errors)) = pipes else {
            return Err("the browser has no pipes".to_owned());
        };
        let said = Arc::new(Mutex::new(String::new()));
        tokio::spawn(listen(errors, Arc::clone(&said)));
        let process = Self {
            link: Link::open(answers, questions),
            group: child.id().and_then(|id| Pid::from_raw(id.cast_signed())),
            profile,
            _janitor: janitor,
            _child: child,
        };
        let hello = process.link.call(None, GetVersionParams {});
        let words = match tokio::time::timeout(STARTING, hello).await {
            Ok(Ok(version)) => {
                let product = version.product;
                tracing::info!(product, program = %program.display(), "the browser runs");
                return Ok(process);
            }
            Ok(Err(_)) => "ended at once",
            Err(_) => "did not answer within a minute",
        };
        let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = match said.trim() {
            "" => String::new(),
            words => format!(": {words}"),
        };
        Err(format!(
            "{} {words}{said}; try `{} --headless --dump-dom about:blank`, or let {} name \
             another Chromium",
            program.display(),
            program.display(),
            super::find::VARIABLE,
        ))
    }

    /// The way to it.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// The process from which all of its others descend.
    pub(super) fn root(&self) -> Option<Pid> {
        self.group
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // No error but that it is gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
        // What dies may still write for a moment, on a busy machine a longer one.
        for _ in 0..EMPTYINGS {
            match fs::remove_dir_all(&self.profile) {
                Err(error) if error.kind() != ErrorKind::NotFound || self.profile.exists() => {
                    std::thread::sleep(EMPTYING);
                }
                _ => return,
            }
        }
    }
}

/// An empty folder that only this user can open, and who deletes it.
fn new_profile() -> std::io::Result<(PathBuf, Janitor)> {
    let folder = std::env::temp_dir();
    loop {
        let profile = folder.join(format!("crawldeck-browser-{:016x}", fastrand::u64(..)));
        if profile.exists() {
            continue;
        }
        // First, so that no instant is left in which nobody would delete it.
        let janitor = Janitor::wait(&profile)?;
        DirBuilder::new().mode(0o700).create(&profile)?;
        return Ok((profile, janitor));
    }
}

/// Keeps the last thing that the browser complained of, for the case that it
/// does not start; reads on, so that it is never held up.
async fn listen(errors: ChildStderr, last: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(errors).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        // Complaints about a desktop that is not there say nothing.
        if line.trim().is_empty() || line.contains("dbus") {
            continue;
        }
        tracing::debug!(%line, "the browser complains");
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = line
            .chars()
            .filter(|c| !c.is_control())
            .take(COMPLAINT)
            .collect();
    }
}
