//! The rungs of a site steered from the deck's Backends screen.

mod common;

use common::crawl::Job;
use common::pty::Pty;
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::time::Instant;

/// A site of challenged pages, and an API that gets them once a gate is open.
fn guarded(pages: usize, gate: &Gate) -> (Server, Server, Job) {
    let (site, api) = (Server::start(), Server::start());
    let paths: Vec<String> = (0..pages).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = paths.iter().map(String::as_str).collect();
    site.page("/", &links);
    for path in &paths {
        let challenge = Answer::html("<title>Just a moment...</title>");
        let challenge = challenge.with_status(403);
        site.on(path, challenge.header("cf-mitigated", "challenge"));
        let asked = format!("/v1?url={}", crawldeck::page::quoted(&site.url(path)));
        api.on(&asked, Answer::html("<h1>had</h1>").behind(gate));
    }
    let url = api.url("/v1?url={url}");
    let job = Job::site(
        &site.url("/"),
        &format!(
            "fetch:\n  via: [http, service]\n  robots: ignore\n  service: {{ url: '{url}', \
             concurrency: 2 }}"
        ),
    );
    (site, api, job)
}

/// Waits until the service stands so.
fn until(job: &Job, what: &str, enough: impl Fn(&Value) -> bool) {
    let end = Instant::now() + common::DEADLINE;
    loop {
        let status = job.site_status("site");
        let rungs = status["rungs"].as_array().cloned().unwrap_or_default();
        let service = rungs.iter().find(|rung| rung["rung"] == "service");
        if service.is_some_and(&enough) {
            return;
        }
        assert!(Instant::now() < end, "{what}: {status:#}");
    }
}

#[test]
fn a_rung_is_paused_hurried_and_slowed_by_keys() {
    let gate = Gate::default();
    let (site, api, job) = guarded(8, &gate);
    let args = ["run", "sites.yaml"];
    let mut deck = Pty::spawn(&args, job.folder(), (45, 160), &[]);
    api.wait("requests", |api| api.log().len() == 2);
    deck.keys("0");
    deck.wait_text("service open");
    // Whose blocks they were stands below.
    deck.wait_text("Cloudflare challenge 8");
    deck.keys("j");
    deck.wait_text("service of site");
    deck.keys("p");
    until(&job, "on hold", |rung| rung["state"] == "paused");
    deck.wait_text("on hold; p lets it go on");
    deck.keys("++");
    until(&job, "hurried", |rung| rung["concurrency"] == 4);
    deck.keys("]");
    until(&job, "slowed", |rung| rung["delay_ms"] != 0);
    deck.keys("[");
    until(&job, "as before", |rung| rung["delay_ms"] == 0);
    assert_eq!(api.log().len(), 2, "nothing more while it is on hold");
    deck.keys("p");
    api.wait("two more", |api| api.log().len() == 4);
    gate.open();
    deck.wait_text("Finished; everything is saved");
    until(&job, "figures", |rung| {
        rung["pages"] == 8 && rung["p95_ms"].as_f64() > Some(0.0)
    });
    deck.keys("q");
    deck.wait();
    assert_eq!(job.pages().done(&site.url("/")).len(), 9);
}
