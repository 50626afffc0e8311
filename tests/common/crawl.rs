//! The binary on a job of its own, headless.

use super::DEADLINE;
use rustix::process::{Pid, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub use rustix::process::Signal;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_crawldeck");

/// Defaults that make a crawl of a loopback server quick.
pub const FAST: &str = "defaults:\n  fetch: { concurrency: 4, delay: 0ms, retries: 0 }\n---\n";

/// A sites file in a folder of its own, and the job made from it.
pub struct Job {
    folder: TempDir,
}

impl Job {
    /// A job whose sites file is `yaml`, as it is.
    pub fn raw(yaml: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let job = Self { folder };
        job.rewrite(yaml);
        job
    }

    /// A job of [`FAST`] and `yaml`.
    pub fn new(yaml: &str) -> Self {
        Self::raw(&format!("{FAST}{yaml}"))
    }

    /// A job of one site named `site`; `more` is the rest of its document.
    pub fn site(start: &str, more: &str) -> Self {
        Self::new(&format!("site: site\nstart: {start}\n{more}\n"))
    }

    /// Replaces the sites file.
    pub fn rewrite(&self, yaml: &str) {
        std::fs::write(self.file(), yaml).unwrap();
    }

    /// Where the sites file and the job's folder are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The sites file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("sites.yaml")
    }

    /// The job's folder, as it is called without `--dir`.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("sites.crawl")
    }

    /// The binary with these arguments, in the sites file's folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .env("XDG_STATE_HOME", super::state_home(self.folder()))
            .env_remove("NO_COLOR")
            .env_remove("CRAWLDECK_LOG")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the binary to its end.
    pub fn crawldeck(&self, args: &[&str]) -> Output {
        Running::spawn(self.command(args)).wait()
    }

    /// `extract sites.yaml` with further arguments, to exit code 0; what it says.
    pub fn extract(&self, more: &[&str]) -> String {
        let output = self.crawldeck(&[&["extract", "sites.yaml"], more].concat());
        output.expect(0);
        output.stdout
    }

    /// `run sites.yaml --headless` with further arguments, to its end.
    pub fn run(&self, more: &[&str]) -> Output {
        self.start(more).wait()
    }

    /// `run sites.yaml --headless` with further arguments, to exit code 0.
    pub fn finish(&self, more: &[&str]) -> Output {
        let output = self.run(more);
        output.expect(0);
        output
    }

    /// Starts `run sites.yaml --headless` with further arguments.
    pub fn start(&self, more: &[&str]) -> Running {
        let mut args = vec!["run", "sites.yaml", "--headless"];
        args.extend(more);
        Running::spawn(self.command(&args))
    }

    /// The log, as far as it is written.
    pub fn log(&self) -> String {
        std::fs::read_dir(self.dir().join("log"))
            .into_iter()
            .flatten()
            .filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok())
            .collect()
    }

    /// `status --json`.
    pub fn status(&self) -> Value {
        let output = self.crawldeck(&["status", "sites.crawl", "--json"]);
        output.expect(0);
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e} in {output:?}"))
    }

    /// The site's entry in `status --json`.
    pub fn site_status(&self, site: &str) -> Value {
        let status = self.status();
        let sites = status["sites"].as_array().expect("a list of sites");
        let found = sites.iter().find(|s| s["site"] == site);
        found
            .unwrap_or_else(|| panic!("no {site} in {status}"))
            .clone()
    }

    /// What a job that runs with `--metrics 0` tells Prometheus.
    pub fn metrics(&self) -> String {
        let address = ("127.0.0.1", self.metrics_port());
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        text
    }

    /// The port that the run wrote in its log.
    fn metrics_port(&self) -> u16 {
        let end = Instant::now() + DEADLINE;
        loop {
            let log = self.log();
            let mark = "metrics at http://127.0.0.1:";
            if let Some((_, rest)) = log.split_once(mark)
                && let Some((port, _)) = rest.split_once("/metrics")
            {
                return port.parse().unwrap();
            }
            assert!(Instant::now() < end, "no port in {log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// `export`, as it is printed.
    pub fn export(&self, what: &str, format: &str) -> String {
        let output = self.crawldeck(&["export", "sites.crawl", "--what", what, "--format", format]);
        output.expect(0);
        output.stdout
    }

    /// The lines of `export --format jsonl`.
    pub fn lines(&self, what: &str) -> Vec<Value> {
        let text = self.export(what, "jsonl");
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// Every page by its URL; two lines for one URL of one site are refused.
    pub fn pages(&self) -> Pages {
        let mut pages = BTreeMap::new();
        for page in self.lines("pages") {
            let url = page["url"].as_str().expect("a page has a URL").to_owned();
            let twice = pages.insert(url, page);
            assert!(twice.is_none(), "a page stands twice: {twice:?}");
        }
        Pages(pages)
    }

    /// Every record; two of one rule from one page are refused.
    pub fn records(&self) -> Vec<Value> {
        let records = self.lines("records");
        let mut keys: Vec<_> = records
            .iter()
            .map(|r| {
                (
                    r["site"].to_string(),
                    r["record"].to_string(),
                    r["url"].to_string(),
                )
            })
            .collect();
        keys.sort();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "a record stands twice: {records:#?}");
        records
    }
}

/// The pages of a job by URL.
#[derive(Debug)]
pub struct Pages(pub BTreeMap<String, Value>);

impl Pages {
    /// The page at a URL, which must be known.
    pub fn at(&self, url: &str) -> &Value {
        let known = || self.0.keys().collect::<Vec<_>>();
        self.0
            .get(url)
            .unwrap_or_else(|| panic!("no page {url} among {:#?}", known()))
    }

    /// A page's outcome and reason: `done`, `failed status`, `skipped robots`.
    pub fn end(&self, url: &str) -> String {
        end_of(self.at(url))
    }

    /// Every page's path and end, for a server's pages, sorted.
    pub fn ends(&self, base: &str) -> Vec<(String, String)> {
        let base = base.trim_end_matches('/');
        self.0
            .iter()
            .filter_map(|(url, page)| Some((url.strip_prefix(base)?.to_owned(), end_of(page))))
            .collect()
    }

    /// Expects exactly `n` pages of a server, each of them done; says what became
    /// of the others.
    #[track_caller]
    pub fn all_done(&self, base: &str, n: usize) {
        let pages: Vec<_> = self
            .0
            .iter()
            .filter(|(url, _)| url.starts_with(base))
            .collect();
        let other = pages.iter().find(|(_, page)| end_of(page) != "done");
        assert!(other.is_none(), "of {} pages: {other:#?}", pages.len());
        assert_eq!(pages.len(), n, "{:?}", self.ends(base));
    }

    /// The paths of a server's pages that are done, sorted.
    pub fn done(&self, base: &str) -> Vec<String> {
        let all = self.ends(base).into_iter();
        all.filter(|(_, end)| end == "done")
            .map(|(path, _)| path)
            .collect()
    }
}

fn end_of(page: &Value) -> String {
    let outcome = page["outcome"].as_str().expect("a page has an outcome");
    let reason = page["reason"].as_str().unwrap_or_default();
    format!("{outcome} {reason}").trim_end().to_owned()
}

/// The binary while it runs. It is killed if the test ends first.
pub struct Running {
    child: Child,
    pipes: Vec<JoinHandle<String>>,
    over: Option<ExitStatus>,
}

/// What became of a run.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Output {
    /// Refuses another exit code, and any panic.
    #[track_caller]
    pub fn expect(&self, code: i32) {
        assert_eq!(self.code, Some(code), "wrong exit code: {self:#?}");
        assert!(!self.stderr.contains("panicked"), "it panicked: {self:#?}");
    }
}

impl Running {
    /// Starts a command and collects what it says.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self {
            child,
            pipes: vec![collect(out), collect(err)],
            over: None,
        }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        if self.over.is_none() {
            self.over = self.child.try_wait().unwrap();
        }
        self.over.is_some()
    }

    /// Waits for its end; a run that does not end fails the test.
    pub fn wait(mut self) -> Output {
        let end = Instant::now() + DEADLINE;
        while !self.is_over() {
            if Instant::now() > end {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("it did not end: {:#?}", self.output(None));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.output(self.over)
    }

    /// Kills it as `kill -9` does and waits until it is gone.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.over = Some(self.child.wait().unwrap());
    }

    fn output(&mut self, status: Option<ExitStatus>) -> Output {
        let mut texts = self.pipes.drain(..).map(|pipe| pipe.join().unwrap());
        Output {
            code: status.and_then(|s| s.code()),
            signal: status.and_then(|s| s.signal()),
            stdout: texts.next().unwrap_or_default(),
            stderr: texts.next().unwrap_or_default(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.over.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
