//! Alerts in a headless run: a line, an event, a webhook, a command.

mod common;

use common::DEADLINE;
use common::crawl::{Job, Running};
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A site of twenty broken pages and one that does not end before the gate opens.
fn broken() -> (Server, Gate) {
    let server = Server::start();
    let gate = Gate::default();
    let mut links: Vec<String> = (1..=20).map(|n| format!("/{n}")).collect();
    links.push("/last".to_owned());
    server.on("/", Answer::links(&links));
    server.on("/last", Answer::html("x").behind(&gate));
    (server, gate)
}

/// A port that takes one POST: its URL, and the request's target and body.
fn webhook() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 204 Fine\r\n\r\n").unwrap();
        let target = first.split(' ').nth(1).unwrap().to_owned();
        sender
            .send((target, serde_json::from_slice(&body).unwrap()))
            .unwrap();
    });
    (format!("http://{address}"), receiver)
}

fn wait_for_file(path: &Path) -> String {
    let end = Instant::now() + DEADLINE;
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text,
            _ if Instant::now() > end => panic!("{} was not written", path.display()),
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn a_webhook_is_called_and_a_command_run_once_each() {
    let (server, gate) = broken();
    let (hook, posted) = webhook();
    let more = "alerts:\n- when: errors > 10%\n  for: 0s\n  level: error\n  webhook: '${HOOK}/t0p-s3cr3t'\n  \
        command: [sh, -c, 'echo \"$CRAWLDECK_ALERT_SITE $CRAWLDECK_ALERT_LEVEL $CRAWLDECK_ALERT_TEXT\" >> told']\n";
    let job = Job::site(&server.url("/"), more);
    let mut command = job.command(&["run", "sites.yaml", "--json"]);
    command.env("HOOK", &hook).env("CRAWLDECK_LOG", "debug");
    let running = Running::spawn(command);
    let (target, body) = posted.recv_timeout(DEADLINE).unwrap();
    let told = wait_for_file(&job.folder().join("told"));
    gate.open();
    let output = running.wait();
    output.expect(0);

    assert_eq!(target, "/t0p-s3cr3t");
    for (key, value) in [
        ("event", "alert"),
        ("state", "began"),
        ("site", "site"),
        ("level", "error"),
    ] {
        assert_eq!(body[key], value, "{body}");
    }
    assert!(told.starts_with("site error errors: "), "{told}");
    assert_eq!(told.lines().count(), 1);
    let events: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let alerts: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "alert")
        .collect();
    let states: Vec<&str> = alerts
        .iter()
        .filter_map(|alert| alert["state"].as_str())
        .collect();
    assert_eq!(states, ["began", "ended"], "{alerts:?}");
    assert_eq!(events.last().unwrap()["event"], "end");
    let log = job.log();
    assert!(
        log.contains("the webhook was called") && log.contains("the command was run"),
        "{log}"
    );
    assert!(
        !log.contains("t0p-s3cr3t"),
        "an address is in the log: {log}"
    );
}

#[test]
fn an_alert_is_a_line() {
    let (server, gate) = broken();
    let job = Job::site(
        &server.url("/"),
        "alerts: [{ when: errors > 10%, for: 0s, command: [touch, told] }]\n",
    );
    let running = job.start(&[]);
    let end = Instant::now() + DEADLINE;
    while !job.folder().join("told").exists() {
        assert!(Instant::now() < end, "no alert");
        thread::sleep(Duration::from_millis(20));
    }
    gate.open();
    let output = running.wait();
    output.expect(0);
    let line = output
        .stdout
        .lines()
        .find(|line| line.contains("site: alert: errors: "));
    assert!(line.is_some(), "{}", output.stdout);
}
