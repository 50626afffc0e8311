//! A challenge solver as a rung, and plain HTTP that goes on with what it won.

mod common;

use common::crawl::{Job, Signal};
use common::server::{Answer, Server};
use serde_json::{Value, json};

fn answer(body: &Value) -> Answer {
    Answer::typed("application/json", body.to_string().as_bytes())
}

fn challenge() -> Answer {
    Answer::html("<title>Just a moment...</title>")
        .with_status(403)
        .header("cf-mitigated", "challenge")
}

fn job(site: &Server, solver: &Server) -> Job {
    let more = format!(
        "fetch: {{ via: [http, solver], solver: {{ endpoints: ['{}'] }} }}",
        solver.url("/v1")
    );
    Job::site(&site.url("/"), &more)
}

fn cmd(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["cmd"].as_str().unwrap().to_owned()
}

#[test]
fn plain_http_goes_on_with_what_the_solver_won() {
    let (site, solver) = (Server::start(), Server::start());
    site.on("/", challenge());
    site.page("/after", &[]);
    solver.on("/health", answer(&json!({"status": "ok"})));
    let ok = json!({"status": "ok", "message": "Session created successfully.", "session": "x"});
    let solved = json!({
        "status": "ok", "message": "Challenge solved!", "version": "3.3.21",
        "solution": {
            "url": site.url("/"), "status": 200, "headers": {},
            "response": "<html><body><a href=\"/after\">on</a></body></html>",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120",
            "cookies": [{"name": "cf_clearance", "value": "w0n", "domain": "127.0.0.1",
                         "path": "/", "expiry": 4_000_000_000u64, "secure": false}],
        },
    });
    let ended = json!({"status": "ok", "message": "The session has been removed."});
    solver.sequence("/v1", [answer(&ok), answer(&solved), answer(&ended)]);

    let job = job(&site, &solver);
    job.finish(&[]);
    assert_eq!(job.pages().done(&site.url("/")), ["/", "/after"]);
    let after = &site.hits("/after")[0];
    assert_eq!(after.header("cookie"), "cf_clearance=w0n");
    assert!(after.header("user-agent").contains("Chrome/120"));
    let commands: Vec<String> = solver
        .hits("/v1")
        .iter()
        .map(|hit| cmd(&hit.body))
        .collect();
    assert_eq!(
        commands,
        ["sessions.create", "request.get", "sessions.destroy"],
        "the session is ended with the run"
    );
    assert!(!job.log().contains("w0n") && !job.export("pages", "jsonl").contains("w0n"));
}

#[test]
fn a_solver_that_answers_html_is_said_once_with_what_to_do() {
    let (site, solver) = (Server::start(), Server::start());
    site.page("/", &["/1", "/walled"]);
    site.page("/1", &[]);
    site.on("/walled", challenge());
    for path in ["/", "/health", "/v1"] {
        solver.on(path, Answer::html("<h1>It works!</h1>"));
    }
    let job = job(&site, &solver);
    let running = job.start(&[]);
    site.wait("it to be told", |_| job.log().contains("no solver works"));
    site.wait("the other page", |site| site.count("/1") == 1);
    running.signal(Signal::INT);
    running.wait();
    let log = job.log();
    assert_eq!(
        log.matches("solver is paused: no solver works").count(),
        1,
        "{log}"
    );
    assert!(log.contains("docker run -d -p 8191:8191"), "{log}");
    assert_eq!(job.pages().end(&site.url("/1")), "done");
}
