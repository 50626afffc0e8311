//! What is wrong with a rung that several sites share is said once for all of
//! them, and each has it in its row.

mod common;

use common::crawl::{Job, Running};
use common::server::{Answer, Server};

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";

/// Three sites with a guarded page each, which go on by `via` and these options.
fn run(options: &str, via: &str) -> (Server, Job) {
    let server = Server::start();
    let mut text = String::new();
    for name in ["a", "b", "c"] {
        let path = format!("/{name}");
        server.on(&path, Answer::html(CHALLENGE).with_status(403));
        server.page(&format!("/start-{name}"), &[&path]);
        text.push_str(&format!(
            "---\nsite: {name}\nstart: {}\nfetch: {{ via: [http, {via}], robots: ignore, {options} }}\n",
            server.url(&format!("/start-{name}"))
        ));
    }
    let job = Job::new(text.trim_start_matches("---\n"));
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("CRAWLDECK_CHROME", "/nonexistent/chrome");
    let output = Running::spawn(command).wait();
    assert_ne!(output.code, Some(0), "{output:?}");
    (server, job)
}

/// How a rung of each site stands, and why.
fn rows(job: &Job, rung: &str) -> Vec<(String, String)> {
    let status = job.status();
    let sites = status["sites"].as_array().unwrap().iter();
    let rows = sites.map(|site| {
        let rungs = site["rungs"].as_array().unwrap();
        let row = rungs.iter().find(|row| row["rung"] == rung).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        (text("state"), text("why"))
    });
    rows.collect()
}

#[test]
fn a_missing_browser() {
    let (_server, job) = run("browser: { concurrency: 1 }", "browser");
    let log = job.log();
    assert_eq!(log.matches("browser is paused").count(), 1, "{log}");
    let rows = rows(&job, "browser");
    assert_eq!(rows.len(), 3);
    for (state, why) in rows {
        assert_eq!(state, "down");
        assert!(why.contains("/nonexistent/chrome"), "{why}");
    }
}

#[test]
fn a_missing_list_of_proxies() {
    let (_server, job) = run("proxy: { file: nowhere.txt }", "proxy");
    let log = job.log();
    assert_eq!(log.matches("proxy is paused").count(), 1, "{log}");
    for (state, why) in rows(&job, "proxy") {
        assert_eq!(state, "down");
        assert!(why.contains("nowhere.txt"), "{why}");
    }
}
