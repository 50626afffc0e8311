//! A budget for plain HTTP in the sites file: alone, before another rung, and
//! changed while it runs.

mod common;

use common::crawl::Job;
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::time::Instant;

const PAGES: usize = 12;

/// A start page and so many more.
fn site() -> Server {
    let server = Server::start();
    let paths: Vec<String> = (0..PAGES).map(|n| format!("/p/{n}")).collect();
    for path in &paths {
        server.on(path, Answer::html(&format!("<h1>{path}</h1>")));
    }
    server.on("/", Answer::links(&paths));
    server
}

fn job(server: &Server, fetch: &str) -> Job {
    Job::site(&server.url("/"), &text(fetch))
}

fn text(fetch: &str) -> String {
    format!("fetch:\n  robots: ignore\n  concurrency: 1\n{fetch}")
}

fn rung(job: &Job, name: &str) -> Option<Value> {
    let status = job.site_status("site");
    let mut rungs = status["rungs"].as_array()?.iter();
    rungs.find(|rung| rung["rung"] == name).cloned()
}

/// Waits until plain HTTP stands so.
fn until(job: &Job, state: &str) {
    let end = Instant::now() + common::DEADLINE;
    while rung(job, "http").is_none_or(|http| http["state"] != state) {
        assert!(Instant::now() < end, "{:#}", job.status());
    }
}

#[test]
fn a_site_of_plain_http_ends_with_its_budget_and_goes_on_with_a_larger_one() {
    let server = site();
    let job = job(&server, "  http: { cost: 0.25, budget: { money: 1 } }\n");
    let output = job.run(&[]);
    assert_ne!(output.code, Some(0), "{output:?}");
    assert_eq!(server.log().len(), 4, "the sitemap's among them");
    let status = job.site_status("site");
    let why = status["why"].as_str().unwrap();
    assert!(why.contains("its budget is used up"), "{why}");
    let http = rung(&job, "http").unwrap();
    assert_eq!(http["spent"]["money"], 1.0, "{http}");
    assert_eq!(http["budget"]["money"], 1.0);

    let file = std::fs::read_to_string(job.file()).unwrap();
    job.rewrite(&file.replace("{ money: 1 }", "{ money: 100, requests: 200 }"));
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("/")).len(), PAGES + 1);
    let hits = (0..PAGES).map(|n| server.count(&format!("/p/{n}")));
    assert_eq!(hits.sum::<usize>(), PAGES);
}

#[test]
fn pages_beyond_the_budget_go_to_the_next_rung() {
    let (server, api) = (site(), Server::start());
    for n in 0..PAGES {
        let url = crawldeck::page::quoted(&server.url(&format!("/p/{n}")));
        api.on(&format!("/v1?url={url}"), Answer::html("<h1>had</h1>"));
    }
    let service = api.url("/v1?url={url}");
    let fetch = format!(
        "  via: [http, service]\n  http: {{ budget: {{ requests: 5 }} }}\n  service: {{ url: \
         '{service}' }}\ndiscover: {{ sitemap: off }}\n"
    );
    let job = job(&server, &fetch);
    job.finish(&[]);
    assert_eq!(server.log().len(), 5);
    assert_eq!(api.log().len(), PAGES + 1 - 5);
    assert_eq!(job.pages().done(&server.url("/")).len(), PAGES + 1);
}

#[test]
fn a_budget_comes_and_goes_while_it_runs() {
    let server = site();
    let gate = Gate::default();
    server.on("/p/3", Answer::html("<h1>3</h1>").behind(&gate));
    let job = job(&server, "");
    let file = std::fs::read_to_string(job.file()).unwrap();
    let running = job.start(&[]);
    server.wait_hits("/p/3", 1);
    let reload = |fetch: &str| {
        job.rewrite(&format!("{file}{fetch}"));
        let output = job.crawldeck(&["ctl", "sites.crawl", "reload"]);
        output.expect(0);
        output.stdout
    };
    let said = reload("  http: { budget: { requests: 1 } }\n");
    assert!(
        said.contains("fetch.http.budget.requests: none → 1"),
        "{said}"
    );
    until(&job, "spent");
    let said = reload("");
    assert!(
        said.contains("fetch.http.budget.requests: 1 → none"),
        "{said}"
    );
    until(&job, "open");
    gate.open();
    running.wait().expect(0);
    assert_eq!(job.pages().done(&server.url("/")).len(), PAGES + 1);
}
