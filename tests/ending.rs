//! The end of a run that many watch.

mod common;

use common::crawl::Job;
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread;

/// Runs, one after another: what goes wrong goes wrong in some of them.
const RUNS: usize = 8;
/// Terminals on each.
const CLIENTS: usize = 12;

/// Says hello and asks for pictures as often as there are any; answers the lines
/// that come until the engine hangs up.
fn watch(job: &Job) -> thread::JoinHandle<Vec<String>> {
    let mut client = UnixStream::connect(job.dir().join("control.sock")).unwrap();
    let hello = r#"{"hello":{"protocol":1,"client":"by hand","origin":"attached"}}"#;
    let subscribe = r#"{"subscribe":{"per_second":60}}"#;
    writeln!(client, "{hello}\n{subscribe}").unwrap();
    let mut lines = BufReader::new(client).lines().map_while(Result::ok);
    // The engine knows it before the crawl may end.
    let first = lines.next().expect("an answer to hello");
    thread::spawn(move || [first].into_iter().chain(lines).collect())
}

#[test]
fn a_run_ends_however_many_watch_it() {
    for _ in 0..RUNS {
        let (server, gate) = (Server::fan(4), Gate::default());
        for n in 1..=4 {
            let page = Answer::links(&["/"]).behind(&gate);
            server.on(&format!("/{n}"), page);
        }
        let job = Job::new(&format!("site: harbour\nstart: {}\n", server.url("/")));
        let run = job.start(&[]);
        server.wait("all workers busy", |server| server.open() == 4);
        let clients: Vec<_> = (0..CLIENTS).map(|_| watch(&job)).collect();
        gate.open();
        // Fails where the run does not end.
        run.wait().expect(0);
        for client in clients {
            let lines = client.join().unwrap();
            let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
            assert_eq!(last["end"]["reason"], "the crawl has ended", "{last}");
        }
    }
}
