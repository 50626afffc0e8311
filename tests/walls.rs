//! Blocks that no single answer shows: walls that many addresses lead to, and
//! pages that are suddenly all the same.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};

/// A start page with links to these, and the job of one worker.
fn job(server: &Server, paths: &[String]) -> Job {
    server.on("/", Answer::links(paths));
    Job::site(&server.url("/"), "fetch: { concurrency: 1 }")
}

fn blocked(job: &Job, server: &Server) -> usize {
    let pages = job.pages();
    let ends = pages.ends(&server.url("/"));
    ends.iter()
        .filter(|(_, end)| end == "failed blocked")
        .count()
}

#[test]
fn addresses_that_all_lead_to_one_consent_page_are_blocked() {
    let server = Server::start();
    let paths: Vec<String> = (1..=8).map(|n| format!("/p/{n}")).collect();
    for path in &paths {
        server.on(path, Answer::redirect(&format!("/consent?next={path}")));
        server.page(&format!("/consent?next={path}"), &[]);
    }
    let job = job(&server, &paths);
    job.finish(&[]);
    // The first three could be chance.
    assert_eq!(blocked(&job, &server), 5);
}

#[test]
fn links_that_always_asked_for_a_login_are_ordinary() {
    let server = Server::start();
    let paths: Vec<String> = (1..=12).map(|n| format!("/cart/add?id={n}")).collect();
    for path in &paths {
        server.on(path, Answer::redirect("/login"));
    }
    server.page("/login", &[]);
    let job = job(&server, &paths);
    job.finish(&[]);
    assert_eq!(blocked(&job, &server), 0);
}

#[test]
fn pages_that_are_suddenly_all_the_same_are_blocked() {
    let server = Server::start();
    let paths: Vec<String> = (1..=30).map(|n| format!("/a/{n}")).collect();
    for (n, path) in paths.iter().enumerate() {
        let text = match n {
            0..10 => format!("article number {n} of this paper"),
            _ => "please come back a little later".to_owned(),
        };
        server.on(
            path,
            Answer::html(&format!("<title>paper</title><p>{text}</p>")),
        );
    }
    let job = job(&server, &paths);
    job.finish(&[]);
    // Twenty are the same; it takes five to tell.
    assert_eq!(blocked(&job, &server), 16);
}
