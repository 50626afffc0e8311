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

/// The commands that a solver heard.
fn heard(solver: &Server) -> Vec<Value> {
    let hits = solver.hits("/v1");
    hits.iter()
        .map(|hit| serde_json::from_str(&hit.body).unwrap())
        .collect()
}

fn commands(solver: &Server) -> Vec<String> {
    let heard = heard(solver);
    heard
        .iter()
        .map(|body| body["cmd"].as_str().unwrap().to_owned())
        .collect()
}

fn ok() -> Value {
    json!({"status": "ok", "message": "Session created successfully.", "session": "x"})
}

fn ended() -> Value {
    json!({"status": "ok", "message": "The session has been removed."})
}

fn sessions(names: &[&str]) -> Value {
    json!({"status": "ok", "message": "", "sessions": names})
}

fn solved(url: &str) -> Value {
    json!({
        "status": "ok", "message": "Challenge solved!", "version": "3.3.21",
        "solution": {
            "url": url, "status": 200, "headers": {},
            "response": "<html><body><a href=\"/after\">on</a></body></html>",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120",
            "cookies": [{"name": "cf_clearance", "value": "w0n", "domain": "127.0.0.1",
                         "path": "/", "expiry": 4_000_000_000u64, "secure": false}],
        },
    })
}

/// A site behind a challenge, and a solver that gets its first page.
fn walled() -> (Server, Server) {
    let (site, solver) = (Server::start(), Server::start());
    site.on("/", challenge());
    site.page("/after", &[]);
    solver.on("/health", answer(&json!({"status": "ok"})));
    let answers = [sessions(&[]), ok(), solved(&site.url("/")), ended()];
    solver.sequence("/v1", answers.iter().map(answer));
    (site, solver)
}

#[test]
fn plain_http_goes_on_with_what_the_solver_won() {
    let (site, solver) = walled();

    let job = job(&site, &solver);
    job.finish(&[]);
    assert_eq!(job.pages().done(&site.url("/")), ["/", "/after"]);
    let after = &site.hits("/after")[0];
    assert_eq!(after.header("cookie"), "cf_clearance=w0n");
    assert!(after.header("user-agent").contains("Chrome/120"));
    assert_eq!(
        commands(&solver),
        [
            "sessions.list",
            "sessions.create",
            "request.get",
            "sessions.destroy"
        ],
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

#[test]
fn by_the_exits_of_the_proxies_its_browsers_are_told_of_them_and_nobody_else() {
    let (site, solver) = walled();
    let more = format!(
        "fetch: {{ via: [http, solver], solver: {{ endpoints: ['{}'], proxy: on }}, proxy: {{ \
         list: ['http://us3r:s3cret@127.0.0.1:9'] }} }}",
        solver.url("/")
    );
    let job = Job::site(&site.url("/"), &more);
    job.finish(&[]);
    assert_eq!(job.pages().done(&site.url("/")), ["/", "/after"]);
    let proxy = json!({"url": "http://127.0.0.1:9", "username": "us3r", "password": "s3cret"});
    assert_eq!(heard(&solver)[1]["proxy"], proxy);
    // What was won at another address is not shown at ours.
    assert_eq!(site.hits("/after")[0].header("cookie"), "");
    let shown = job.status().to_string() + &job.log() + &job.export("pages", "jsonl");
    assert!(
        !shown.contains("s3cret") && !shown.contains("us3r"),
        "{shown}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn sessions_that_a_killed_engine_left_are_ended_by_the_next() {
    let (site, solver) = (Server::start(), Server::start());
    site.on("/", challenge());
    site.page("/after", &[]);
    solver.on("/health", answer(&json!({"status": "ok"})));
    let first = [answer(&sessions(&[])), answer(&ok()), Answer::hang()];
    solver.sequence("/v1", first);
    let job = job(&site, &solver);
    let running = job.start(&[]);
    solver.wait_hits("/v1", 3);
    running.kill();
    let left = heard(&solver)[1]["session"].as_str().unwrap().to_owned();

    let answers = [
        sessions(&["somebody's", &left, "crawldeck-1-2-3-4"]),
        ended(),
        ok(),
        solved(&site.url("/")),
        ended(),
    ];
    solver.sequence("/v1", answers.iter().map(answer));
    job.finish(&[]);
    assert_eq!(
        commands(&solver)[3..],
        [
            "sessions.list",
            "sessions.destroy",
            "sessions.create",
            "request.get",
            "sessions.destroy"
        ]
    );
    assert_eq!(heard(&solver)[4]["session"], left, "and no other");
}
