//! A crawl in another process: attach, ctl, list, detach, and terminals that
//! go away.
//!
//! That another user's client is turned away cannot be tested here: it takes a
//! second user.

mod common;

use common::crawl::{Job, Output, Running, Signal};
use common::pty::{Pty, shows};
use common::server::{Answer, Gate, Server};
use common::{DEADLINE, state_home};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rustix::process::{Pid, kill_process, test_kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const SIZE: (u16, u16) = (24, 80);
const HELLO: &str = r#"{"hello":{"protocol":1,"client":"by hand","origin":"ctl"}}"#;

/// One site named `harbour`; a name that is in no other text.
fn job(server: &Server, more: &str) -> Job {
    Job::new(&format!(
        "site: harbour\nstart: {}\n{more}\n",
        server.url("/")
    ))
}

/// A start page and `n` pages that take their time.
fn slow_fan(n: usize) -> Server {
    let server = Server::fan(n);
    for i in 1..=n {
        let page = Answer::links(&["/"]).after(Duration::from_millis(40));
        server.on(&format!("/{i}"), page);
    }
    server
}

/// A site whose pages all wait for the gate, but the first and one that fails.
fn gated(n: usize) -> (Server, Gate, Job) {
    let (server, gate) = (Server::fan(n), Gate::default());
    for i in 2..=n {
        server.on(&format!("/{i}"), Answer::links(&["/"]).behind(&gate));
    }
    server.sequence("/1", [Answer::status(500), Answer::links(&["/"])]);
    let job = job(&server, "");
    (server, gate, job)
}

fn ctl(job: &Job, words: &str) -> Output {
    let mut args = vec!["ctl", "sites.crawl"];
    args.extend(words.split(' '));
    job.crawldeck(&args)
}

#[track_caller]
fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !until() {
        assert!(Instant::now() < end, "waiting for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn socket(job: &Job) -> PathBuf {
    job.dir().join("control.sock")
}

/// The site's row on the dashboard; empty while it is not there.
fn row(screen: &vt100::Screen) -> String {
    let text = screen.contents();
    let row = text.lines().find(|line| line.starts_with("harbour"));
    row.unwrap_or_default().to_owned()
}

#[track_caller]
fn deck(job: &Job, args: &[&str]) -> Pty {
    let mut pty = Pty::spawn(args, job.folder(), SIZE, &[]);
    pty.wait_for("the dashboard", |s| {
        s.alternate_screen() && shows(s, "harbour")
    });
    pty
}

/// The process that works on the job.
fn engine(job: &Job) -> Pid {
    let list = job.crawldeck(&["list", "--json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    let pid = list["jobs"][0]["pid"].as_i64().expect("a running job");
    Pid::from_raw(pid as i32).unwrap()
}

/// Waits until nobody works on the job any more.
#[track_caller]
fn wait_over(job: &Job) {
    wait("the end of the crawl", || job.status()["running"] == false);
}

#[test]
fn every_kind_of_command_reaches_a_headless_crawl() {
    let (server, gate, job) = gated(6);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let mode = std::fs::symlink_metadata(socket(&job))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    for (words, answer) in [
        ("concurrency harbour 6", "4 workers → 6 workers"),
        ("delay harbour 1ms", "0ns → 1ms"),
        ("retry harbour kind=status", "1 page goes round again"),
        ("pause all", "on hold"),
        ("resume harbour", "goes on"),
        ("pause harbour#0", "on hold"),
        ("resume harbour#0", "goes on"),
    ] {
        let output = ctl(&job, words);
        output.expect(0);
        assert!(output.stdout.contains(answer), "{words}: {output:?}");
    }
    server.wait_hits("/1", 2);
    server.wait("five at once", |s| s.open() == 5);
    wait("the controls to be saved", || {
        let status = job.site_status("harbour");
        status["concurrency"] == 6 && status["delay_ms"] == 1
    });

    let refused = ctl(&job, "retry harbour kind=dns");
    refused.expect(1);
    assert!(
        refused.stderr.contains("no failed page matches"),
        "{refused:?}"
    );
    for words in ["pauze all", "pause nowhere", "concurrency harbour 0"] {
        let bad = ctl(&job, words);
        bad.expect(2);
        assert!(bad.stderr.starts_with("crawldeck: "), "{bad:?}");
        assert_eq!(bad.stderr.lines().count(), 1, "{bad:?}");
    }
    // Without a folder: the only crawl that runs.
    let output = job.crawldeck(&["ctl", "--json", "pause", "harbour"]);
    output.expect(0);
    let object: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(object["command"], "pause harbour");
    assert_eq!(object["done"], true);
    assert!(object["answer"].is_string());

    ctl(&job, "stop").expect(0);
    gate.open();
    assert_eq!(run.wait().code, Some(130));
    assert!(!socket(&job).exists(), "the socket was left behind");
    let gone = ctl(&job, "pause all");
    gone.expect(2);
    assert!(gone.stderr.contains("not being crawled"), "{gone:?}");
}

#[test]
fn help_needs_no_crawl() {
    let job = Job::raw("");
    for args in [&["ctl"][..], &["ctl", "help"]] {
        let output = job.crawldeck(args);
        output.expect(0);
        for verb in crawldeck::bus::verb::VERBS {
            assert!(output.stdout.contains(&verb.usage()), "{output:?}");
        }
    }
    job.crawldeck(&["ctl", "pause", "all"]).expect(2);
    job.crawldeck(&["attach"]).expect(2);
}

#[test]
fn an_attached_deck_shows_what_status_says_and_leaves_the_crawl_alone() {
    let (server, gate, job) = gated(9);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let mut one = deck(&job, &["attach", "sites.crawl"]);
    let mut two = deck(&job, &["attach"]);
    wait("the failure", || {
        job.site_status("harbour")["pages"]["failed"] == 1
    });
    let pages = &job.site_status("harbour")["pages"];
    assert_eq!(
        pages,
        &json!({"done": 1, "failed": 1, "skipped": 0, "queued": 4, "in_flight": 4})
    );
    for pty in [&mut one, &mut two] {
        pty.wait_for("the counts", |s| row(s).contains("2/10"));
    }
    // What one does, the other sees.
    one.keys("p");
    two.wait_for("a paused site", |s| row(s).contains("paused"));
    two.keys("p");
    one.wait_for("a running site", |s| !row(s).contains("paused"));
    one.keys("+");
    two.wait_for("five workers", |s| row(s).contains("/5 "));
    // A terminal that goes away takes its deck with it, and nothing else.
    let mut gone = deck(&job, &["attach"]);
    gone.hang_up();
    assert_eq!(gone.wait_without_terminal(), 0);
    // `q` asks nothing here, and `d` is the same.
    one.keys("q");
    two.keys("d");
    for mut pty in [one, two] {
        assert_eq!(pty.wait(), 0);
        pty.assert_whole();
        assert!(pty.text().contains("crawldeck attach"), "{}", pty.text());
    }
    gate.open();
    run.wait().expect(0);
    let pages = &job.site_status("harbour")["pages"];
    assert_eq!(pages["done"], 9);
}

#[test]
fn a_deck_that_only_looks_changes_nothing() {
    let (server, gate, job) = gated(5);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let mut pty = deck(&job, &["attach", "--readonly"]);
    pty.keys("p");
    pty.wait_text("only looks");
    assert_eq!(job.site_status("harbour")["state"], "running");
    gate.open();
    // The end is told to those who watch.
    run.wait().expect(0);
    assert_eq!(pty.wait(), 0);
    pty.assert_whole();
    assert!(pty.text().contains("the crawl has ended"), "{}", pty.text());
}

#[test]
fn a_stopped_client_holds_nobody_up() {
    let server = slow_fan(150);
    let job = job(&server, "");
    let run = job.start(&[]);
    server.wait("work", |s| s.pages_hit() > 3);
    let frozen = deck(&job, &["attach"]);
    frozen.freeze();
    let stopped = deck(&job, &["attach"]);
    stopped.signal(Signal::STOP);
    // One by hand that reads nothing at all.
    let mut deaf = UnixStream::connect(socket(&job)).unwrap();
    let subscribe = r#"{"subscribe":{"per_second":10}}"#;
    writeln!(deaf, "{HELLO}\n{subscribe}").unwrap();
    let mut awake = deck(&job, &["attach"]);
    let seen = server.pages_hit();
    server.wait("work to go on", |s| s.pages_hit() > seen + 20);
    awake.keys("p");
    awake.wait_for("a paused site", |s| row(s).contains("paused"));
    awake.keys("p");
    ctl(&job, "concurrency harbour 6").expect(0);
    awake.wait_for("six workers", |s| row(s).contains("/6 "));
    let output = run.wait();
    output.expect(0);
    assert_eq!(server.pages_hit(), 151);
    stopped.signal(Signal::CONT);
}

#[test]
fn detached_and_attached_again_it_is_the_same_crawl() {
    let (server, gate, job) = gated(9);
    let mut pty = deck(&job, &["run", "sites.yaml"]);
    server.wait("all workers busy", |s| s.open() == 4);
    pty.keys("d");
    assert_eq!(pty.wait(), 0);
    pty.assert_whole();
    assert!(pty.text().contains("the crawl goes on"), "{}", pty.text());
    assert_eq!(job.status()["running"], true);
    let again = job.start(&[]).wait();
    again.expect(2);

    let mut pty = deck(&job, &["attach"]);
    pty.wait_for("the counts", |s| row(s).contains("2/10"));
    gate.open();
    // The last deck keeps a finished crawl open.
    pty.wait_for("the end", |s| row(s).contains("finished"));
    assert_eq!(job.status()["running"], true);
    pty.keys("q");
    assert_eq!(pty.wait(), 0);
    wait_over(&job);
    assert_eq!(job.site_status("harbour")["pages"]["done"], 9);
    assert!(!socket(&job).exists());
}

#[test]
fn run_detach_starts_in_the_background_or_says_why_not() {
    let (server, gate, job) = gated(5);
    let output = job.crawldeck(&["run", "sites.yaml", "--detach"]);
    output.expect(0);
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert!(output.stdout.contains("crawldeck attach"), "{output:?}");
    server.wait("all workers busy", |s| s.open() == 4);
    let second = job.crawldeck(&["run", "sites.yaml", "--detach"]);
    second.expect(2);
    assert!(
        second
            .stderr
            .contains(&format!("process {}", engine(&job).as_raw_nonzero()))
    );
    assert_eq!(second.stderr.lines().count(), 1, "{second:?}");
    job.rewrite("site: [");
    let bad = job.crawldeck(&["run", "sites.yaml", "--detach"]);
    bad.expect(2);
    assert_eq!(bad.stderr.matches("crawldeck:").count(), 1, "{bad:?}");
    gate.open();
    wait_over(&job);
    assert_eq!(job.site_status("harbour")["state"], "finished");
}

#[test]
fn a_run_that_cannot_start_says_so_once_and_leaves_the_terminal_alone() {
    let (server, gate, job) = gated(5);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let mut pty = Pty::spawn(&["run", "sites.yaml"], job.folder(), (24, 200), &[]);
    assert_eq!(pty.wait(), 2);
    assert_eq!(
        pty.text().matches("crawldeck:").count(),
        1,
        "{}",
        pty.text()
    );
    assert!(pty.text().contains("process"), "{}", pty.text());
    gate.open();
    run.wait().expect(0);
}

/// Every page and its end, of a crawl that nothing disturbed.
fn undisturbed(n: usize) -> Vec<(String, String)> {
    let server = slow_fan(n);
    let job = job(&server, "");
    job.finish(&[]);
    job.pages().ends(&server.url(""))
}

#[test]
fn whatever_becomes_of_the_terminal_the_crawl_is_the_same() {
    let expected = undisturbed(60);
    for how in [
        "hangup signal",
        "closed",
        "killed",
        "killed engine's parent, hard",
    ] {
        let server = slow_fan(60);
        let job = job(&server, "");
        let mut pty = deck(&job, &["run", "sites.yaml"]);
        server.wait("work", |s| s.pages_hit() > 5);
        let engine = engine(&job);
        assert_ne!(engine.as_raw_nonzero().get() as u32, pty.id());
        match how {
            "hangup signal" => {
                pty.signal(Signal::HUP);
                kill_process(engine, Signal::HUP).unwrap();
                pty.wait_for("the end", |s| row(s).contains("finished"));
                pty.keys("q");
                assert_eq!(pty.wait(), 0);
            }
            "closed" => pty.hang_up(),
            _ => {
                pty.signal(Signal::KILL);
                drop(pty);
            }
        }
        wait_over(&job);
        assert_eq!(job.pages().ends(&server.url("")), expected, "{how}");
        assert!(
            server.repeated().is_empty(),
            "{how}: {:?}",
            server.repeated()
        );
    }
}

#[test]
fn attached_clients_killed_at_random_harm_nothing() {
    let expected = undisturbed(150);
    let server = slow_fan(150);
    let job = job(&server, "");
    let run = job.start(&[]);
    server.wait("work", |s| s.pages_hit() > 2);
    let mut killed = 0;
    while job.dir().join("control.sock").exists() && killed < 25 {
        let mut pty = Pty::spawn(&["attach", "sites.crawl"], job.folder(), SIZE, &[]);
        thread::sleep(Duration::from_millis(fastrand::u64(0..60)));
        if !pty.is_over() {
            pty.signal([Signal::KILL, Signal::HUP, Signal::TERM][killed % 3]);
            killed += 1;
        }
        drop(pty);
    }
    assert!(killed > 5, "the crawl was too short for the test");
    run.wait().expect(0);
    assert_eq!(job.pages().ends(&server.url("")), expected);
}

#[test]
fn the_list_knows_the_jobs_and_whether_they_run() {
    let (server, gate, job) = gated(5);
    let empty = job.crawldeck(&["list"]);
    empty.expect(0);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let list = |job: &Job| -> Value {
        let output = job.crawldeck(&["list", "--json"]);
        output.expect(0);
        serde_json::from_str(&output.stdout).unwrap()
    };
    wait("the failure", || {
        job.site_status("harbour")["pages"]["failed"] == 1
    });
    let running = &list(&job)["jobs"][0];
    assert_eq!(running["running"], true);
    assert_eq!(running["pid"], run.id());
    assert_eq!(running["title"], "sites");
    assert_eq!(running["done"], 1);
    assert_eq!(running["known"], 6);
    let dir = running["dir"].as_str().unwrap();
    assert_eq!(PathBuf::from(dir), job.dir().canonicalize().unwrap());
    gate.open();
    run.wait().expect(0);
    let over = &list(&job)["jobs"][0];
    assert_eq!(over["running"], false);
    assert_eq!(over["pid"], Value::Null);
    let table = job.crawldeck(&["list"]).stdout;
    assert!(
        table.contains("sites.crawl") && table.contains("over"),
        "{table}"
    );
    std::fs::remove_dir_all(job.dir()).unwrap();
    assert_eq!(list(&job), json!({"jobs": []}));
    assert!(state_home(job.folder()).exists());
}

#[test]
fn of_several_crawls_one_must_be_named() {
    let (server, gate, job) = gated(5);
    let run = job.start(&[]);
    let other = ["run", "sites.yaml", "--headless", "--dir", "other.crawl"];
    let second = Running::spawn(job.command(&other));
    server.wait("all workers busy", |s| s.open() == 8);
    let which = job.crawldeck(&["ctl", "pause", "all"]);
    which.expect(2);
    for name in ["sites.crawl", "other.crawl"] {
        assert!(which.stderr.contains(name), "{which:?}");
    }
    job.crawldeck(&["ctl", "other.crawl", "pause", "all"])
        .expect(0);
    job.crawldeck(&["ctl", "other.crawl", "resume", "all"])
        .expect(0);
    gate.open();
    run.wait().expect(0);
    second.wait().expect(0);
}

#[test]
fn a_crawl_in_a_deep_folder_can_be_reached() {
    let (server, gate, job) = gated(5);
    let dir = job.folder().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&dir).unwrap();
    let dir = dir.join("deep.crawl");
    let dir = dir.to_str().unwrap();
    let args = ["run", "sites.yaml", "--headless", "--dir", dir];
    let run = Running::spawn(job.command(&args));
    server.wait("all workers busy", |s| s.open() == 4);
    job.crawldeck(&["ctl", dir, "concurrency", "harbour", "3"])
        .expect(0);
    gate.open();
    run.wait().expect(0);
}

#[test]
fn a_socket_left_by_a_killed_run_is_replaced() {
    let (server, gate, job) = gated(5);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    run.kill();
    assert!(socket(&job).exists());
    ctl(&job, "pause all").expect(2);
    let run = job.start(&[]);
    server.wait("all workers busy again", |s| s.open() >= 8);
    ctl(&job, "concurrency harbour 3").expect(0);
    gate.open();
    run.wait().expect(0);
    assert!(!socket(&job).exists());
}

#[test]
fn noise_on_the_socket_harms_nothing() {
    let (server, gate, job) = gated(9);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let noise = prop::collection::vec(
        prop_oneof![
            Just(HELLO.as_bytes().to_vec()),
            Just(br#"{"subscribe":{"per_second":99}}"#.to_vec()),
            Just(br#"{"ask":{"id":1,"ask":{"page":3}}}"#.to_vec()),
            Just(br#"{"command":{"id":1,"command":{"concurrency":[77,5]}}}"#.to_vec()),
            prop::collection::vec(any::<u8>(), 0..2000),
            (0..100_000usize).prop_map(|n| vec![b'{'; n]),
            Just(b"\n".to_vec()),
        ],
        0..12,
    );
    let mut runner = TestRunner::deterministic();
    for _ in 0..120 {
        let parts = noise.new_tree(&mut runner).unwrap().current();
        let mut client = UnixStream::connect(socket(&job)).unwrap();
        client.set_write_timeout(Some(DEADLINE)).unwrap();
        // It may be turned away before it has said it all.
        let _ = client.write_all(&parts.concat());
    }
    let mut huge = UnixStream::connect(socket(&job)).unwrap();
    writeln!(huge, "{HELLO}").unwrap();
    let _ = huge.write_all(&vec![b'x'; 3 << 20]);
    let mut lines = BufReader::new(huge);
    let (mut welcome, mut error) = (String::new(), String::new());
    lines.read_line(&mut welcome).unwrap();
    // Closed with something of ours unread, the line may be lost on its way.
    let _ = lines.read_line(&mut error);
    assert!(welcome.contains("\"sites\":[\"harbour\"]"), "{welcome}");
    assert!(
        error.is_empty() || error.contains("more than 1048576 bytes"),
        "{error}"
    );
    ctl(&job, "pause all").expect(0);
    ctl(&job, "resume all").expect(0);
    gate.open();
    run.wait().expect(0);
    assert_eq!(job.site_status("harbour")["pages"]["done"], 9);
}

#[test]
fn the_demo_goes_on_without_its_deck() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut pty = Pty::spawn(&["demo"], folder.path(), (24, 200), &[]);
    pty.wait_for("the three sites", |s| {
        ["books", "docs", "flaky"].iter().all(|name| shows(s, name))
    });
    pty.keys("d");
    assert_eq!(pty.wait(), 0);
    let run = |args: &[&str]| {
        let mut command = Command::new(common::crawl::BINARY);
        command
            .args(args)
            .env("XDG_STATE_HOME", state_home(folder.path()))
            .current_dir(folder.path())
            .stdin(Stdio::null());
        Running::spawn(command).wait()
    };
    let list: Value = serde_json::from_str(&run(&["list", "--json"]).stdout).unwrap();
    let pid = list["jobs"][0]["pid"].as_i64().unwrap() as i32;
    run(&["ctl", "stop-now"]).expect(0);
    let pid = Pid::from_raw(pid).unwrap();
    wait("the demo's end", || test_kill_process(pid).is_err());
    assert!(!PathBuf::from(list["jobs"][0]["dir"].as_str().unwrap()).exists());
}

#[test]
fn a_script_may_speak_the_protocol_itself() {
    let (server, gate, job) = gated(5);
    let run = job.start(&[]);
    server.wait("all workers busy", |s| s.open() == 4);
    let mut client = UnixStream::connect(socket(&job)).unwrap();
    let words = r#"{"words":{"id":3,"words":"concurrency harbour 2"}}"#;
    writeln!(client, "{HELLO}\n{words}").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["hello"]["protocol"], 1);
    assert_eq!(
        lines[1],
        json!({"answer": {"id": 3, "answer": {"done": "4 workers → 2 workers"}}})
    );
    gate.open();
    run.wait().expect(0);
}
