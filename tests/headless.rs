//! Without a terminal: lines, JSON, logs, and a reader that goes away.

mod common;

use common::crawl::{Job, Running, Signal};
use common::pty::{Pty, key};
use common::server::{Answer, Gate, Server};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// Refuses anything that only a terminal understands.
#[track_caller]
fn plain(text: &str) {
    assert!(
        !text.contains(['\x1b', '\r', '\x07']),
        "not plain: {text:?}"
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// A start page and `n` pages that take their time.
fn slow_fan(n: usize) -> Server {
    let server = Server::fan(n);
    for i in 1..=n {
        let page = Answer::links(&["/"]).after(Duration::from_millis(60));
        server.on(&format!("/{i}"), page);
    }
    server
}

#[test]
fn a_pipe_gets_plain_lines_and_a_last_word() {
    let server = Server::fan(6);
    server.on("/3", Answer::status(404));
    let job = Job::site(&server.url("/"), "");
    let output = job.finish(&[]);
    let said = output.stdout.clone() + &output.stderr;
    plain(&said);
    assert!(said.contains("site"), "which site ended? {said}");
    // Of seven pages one failed.
    let last = said.lines().find(|line| line.contains("7/7"));
    assert!(
        last.is_some_and(|line| line.contains("1 failed")),
        "how did it end? {said}"
    );
}

#[test]
fn lines_go_on_while_it_runs() {
    let server = Server::fan(4);
    let gate = Gate::default();
    server.on("/4", Answer::links(&["/"]).behind(&gate));
    let job = Job::site(&server.url("/"), "");
    let log = job.folder().join("said");
    let out = std::fs::File::create(&log).unwrap();
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command
        .stderr(Stdio::from(out.try_clone().unwrap()))
        .stdout(out);
    let mut run = command.spawn().unwrap();
    server.wait_hits("/4", 1);
    let lines = || std::fs::read_to_string(&log).unwrap().lines().count();
    server.wait("a second line while nothing moves", |_| lines() >= 2);
    gate.open();
    assert!(run.wait().unwrap().success());
    plain(&std::fs::read_to_string(&log).unwrap());
}

#[test]
fn no_terminal_means_headless() {
    let server = Server::fan(3);
    let job = Job::site(&server.url("/"), "");
    let output = job.crawldeck(&["run", "sites.yaml"]);
    output.expect(0);
    plain(&output.stdout);
    assert_eq!(job.pages().done(&server.url("")).len(), 4);
}

#[test]
fn json_is_an_object_a_line() {
    let server = Server::fan(6);
    server.on("/3", Answer::status(404));
    // A title and an address that would break a careless writer.
    server.page(
        "/",
        &["/1", "/2", "/3", "/4\"'\u{2028}\u{1b}[2J", "/5", "/6"],
    );
    let job = Job::site(&server.url("/"), "");
    let output = job.finish(&["--json"]);
    plain(&output.stdout);
    let lines: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(serde_json::Value::is_object), "{lines:#?}");
    let last = lines.last().unwrap().to_string();
    assert!(
        last.contains("finished"),
        "the last line does not tell the end: {last}"
    );
}

#[test]
fn logs_are_in_the_jobs_folder_and_nowhere_else() {
    let server = Server::fan(3);
    server.on("/2", Answer::reset());
    let job = Job::site(&server.url("/"), "");
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("CRAWLDECK_LOG", "debug");
    let output = Running::spawn(command).wait();
    output.expect(0);
    for line in (output.stdout + &output.stderr).lines() {
        for mark in ["DEBUG", "TRACE", "INFO "] {
            assert!(!line.contains(mark), "a log line on the screen: {line}");
        }
    }
    assert!(!job.log().is_empty());
    let strays: Vec<_> = files(job.folder())
        .into_iter()
        .filter(|f| !f.starts_with(job.dir()) && *f != job.file())
        .filter(|f| !f.starts_with(common::state_home(job.folder())))
        .collect();
    assert!(strays.is_empty(), "left about: {strays:?}");
}

#[test]
fn a_secret_is_seen_by_its_server_alone() {
    let server = Server::fan(3);
    server.on("/2", Answer::status(500));
    let more = "fetch:\n  headers: { Authorization: 'Bearer ${DECK_TOKEN}' }";
    let job = Job::site(&server.url("/"), more);
    let mut command = job.command(&["run", "sites.yaml", "--headless", "--json"]);
    command
        .env("DECK_TOKEN", "t0p-s3cr3t")
        .env("CRAWLDECK_LOG", "trace");
    let output = Running::spawn(command).wait();
    output.expect(0);
    assert_eq!(
        server.hits("/1")[0].header("authorization"),
        "Bearer t0p-s3cr3t"
    );
    assert!(!(output.stdout + &output.stderr).contains("t0p-s3cr3t"));
    for file in files(job.folder()) {
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(
            common::pty::count(&bytes, b"t0p-s3cr3t"),
            0,
            "it is in {file:?}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_crawl() {
    let server = Server::fan(60);
    for i in 1..=60 {
        server.on(
            &format!("/{i}"),
            Answer::links(&["/"]).after(Duration::from_millis(20)),
        );
    }
    let job = Job::site(&server.url("/"), "");
    let mut command = job.command(&["run", "sites.yaml", "--headless", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    drop(run.stdout.take());
    drop(run.stderr.take());
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(job.pages().done(&server.url("")).len(), 61);
    assert_eq!(job.site_status("site")["state"], "finished");
}

#[test]
fn an_export_into_a_closed_pipe_is_no_crash() {
    let server = Server::fan(300);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let args = [
        "export",
        "sites.crawl",
        "--what",
        "pages",
        "--format",
        "jsonl",
    ];
    let mut command = job.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut export = command.spawn().unwrap();
    drop(export.stdout.take());
    let output = export.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn on_a_terminal_it_is_one_line_and_ctrl_c_ends_it() {
    let server = slow_fan(200);
    let job = Job::site(&server.url("/"), "");
    let args = ["run", "sites.yaml", "--headless"];
    let mut pty = Pty::spawn(&args, job.folder(), (24, 80), &[]);
    server.wait("work in flight", |s| s.pages_hit() > 5);
    pty.wait_for("a progress line", |s| !s.contents().trim().is_empty());
    pty.keys(key::CTRL_C);
    assert_eq!(pty.wait(), 130);
    let deck = common::pty::count(&pty.raw(), b"\x1b[?1049h");
    assert_eq!(deck, 0, "a deck on a headless run");
    pty.assert_whole();
}

#[test]
fn a_stopped_run_says_so() {
    let server = Server::fan(200);
    for i in 1..=200 {
        server.on(
            &format!("/{i}"),
            Answer::links(&["/"]).after(Duration::from_millis(40)),
        );
    }
    let job = Job::site(&server.url("/"), "");
    let run = job.start(&[]);
    server.wait("work in flight", |s| s.pages_hit() > 5);
    run.signal(Signal::INT);
    let output = run.wait();
    output.expect(130);
    let said = (output.stdout + &output.stderr).to_lowercase();
    assert!(
        said.contains("stop"),
        "nobody is told that it was stopped: {said}"
    );
}
