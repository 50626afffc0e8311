//! What a run leaves for others: its recording and its figures.

mod common;

use common::DEADLINE;
use common::crawl::Job;
use common::pty::Pty;
use common::server::{Answer, Gate, Server};
use std::thread;
use std::time::{Duration, Instant};

/// A site named `harbour` of which one page failed.
fn crawled() -> (Server, Job) {
    let server = Server::fan(6);
    server.on("/3", Answer::status(404));
    let job = Job::new(&format!("site: harbour\nstart: {}\n", server.url("/")));
    job.finish(&[]);
    (server, job)
}

#[test]
fn a_replay_shows_the_run_and_takes_the_players_keys() {
    let (server, job) = crawled();
    let asked = server.log().len();
    let mut pty = Pty::spawn(&["replay", "sites.crawl"], job.folder(), (24, 80), &[]);
    pty.wait_text("harbour");
    // To the end, by steps of ten seconds.
    pty.keys("\x1b[C");
    pty.wait_text("finished");
    pty.keys(">");
    pty.wait_text("2x");
    // From the end it goes on from the beginning, and comes to the end again.
    pty.keys(" ");
    pty.wait_text("plays from");
    pty.wait_text("finished");
    // The lists come from the job's database.
    pty.keys("3");
    pty.wait_text("/3");
    pty.keys("q");
    assert_eq!(pty.wait(), 0);
    assert_eq!(server.log().len(), asked, "a replay asks no server");
}

#[test]
fn a_replay_without_a_terminal_or_a_recording_says_so() {
    let (_server, job) = crawled();
    let output = job.crawldeck(&["replay", "sites.crawl"]);
    output.expect(2);
    assert!(output.stderr.contains("needs a terminal"), "{output:?}");
    std::fs::remove_file(job.dir().join("snapshots.crwd")).unwrap();
    let _ = std::fs::remove_file(job.dir().join("snapshots.tail"));
    let output = job.crawldeck(&["replay"]);
    output.expect(2);
    assert!(output.stderr.contains("nothing is recorded"), "{output:?}");
}

#[test]
fn figures_are_served_while_it_runs() {
    let (server, gate) = (Server::start(), Gate::default());
    server.page("/", &["/held", "/a"]);
    server.page("/a", &[]);
    server.on("/held", Answer::html("x").behind(&gate));
    let job = Job::site(&server.url("/"), "");
    let running = job.start(&["--metrics", "0"]);
    server.wait_hits("/held", 1);
    let wanted = "crawldeck_pages_total{site=\"site\",outcome=\"done\"} 2\n";
    let end = Instant::now() + DEADLINE;
    loop {
        let text = job.metrics();
        if text.contains(wanted) {
            break;
        }
        assert!(Instant::now() < end, "{text}");
        thread::sleep(Duration::from_millis(50));
    }
    gate.open();
    running.wait().expect(0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = job.run(&["--metrics", &address]);
    output.expect(2);
    assert!(output.stderr.contains("--metrics"), "{output:?}");
}
