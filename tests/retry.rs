//! Failures: their kinds, and which of them are tried again.

mod common;

use common::crawl::{FAST, Job};
use common::server::{Answer, Server};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// Each case is a site of its own, so that one failing host does not rest
/// another case's.
struct Case {
    name: &'static str,
    answers: Vec<Answer>,
    end: &'static str,
    attempts: usize,
}

fn case(name: &'static str, answers: Vec<Answer>, end: &'static str, attempts: usize) -> Case {
    Case {
        name,
        answers,
        end,
        attempts,
    }
}

/// Crawls every case with two retries; answers the servers and the job.
fn crawl(cases: &[Case], fetch: &str) -> (Vec<Server>, Job) {
    let mut yaml = FAST.to_owned();
    let mut servers = Vec::new();
    for case in cases {
        let server = Server::start();
        server.page("/", &["/x", "/1", "/2"]);
        server.page("/1", &[]);
        server.page("/2", &[]);
        server.sequence("/x", case.answers.clone());
        let (name, start) = (case.name, server.url("/"));
        yaml += &format!("site: {name}\nstart: {start}\nfetch: {{ retries: 2{fetch} }}\n---\n");
        servers.push(server);
    }
    let job = Job::raw(yaml.trim_end_matches("---\n"));
    job.finish(&[]);
    (servers, job)
}

fn try_all(cases: &[Case], fetch: &str) {
    let (servers, job) = crawl(cases, fetch);
    let pages = job.pages();
    for (case, server) in cases.iter().zip(&servers) {
        let name = case.name;
        let end = pages.end(&server.url("/x"));
        assert_eq!(end, case.end, "{name}: {}", pages.at(&server.url("/x")));
        let (hits, attempts) = (server.count("/x"), &pages.at(&server.url("/x"))["attempts"]);
        if name.starts_with("reset") {
            // A reset on a kept connection may just be its end: asking again on
            // another, three times at most, is no attempt of its own.
            let most = 4 * case.attempts;
            assert!((2..=most).contains(&hits), "{name} was asked {hits} times");
            continue;
        }
        assert_eq!(
            (hits, attempts),
            (case.attempts, &json!(case.attempts)),
            "{name}"
        );
        // One bad page takes nothing from the others.
        assert_eq!(pages.end(&server.url("/1")), "done", "{name}");
        assert_eq!(pages.end(&server.url("/2")), "done", "{name}");
        assert_eq!(job.site_status(name)["state"], "finished", "{name}");
    }
}

#[test]
fn what_may_pass_is_tried_again_and_the_rest_is_not() {
    let page = || Answer::links(&["/1"]);
    try_all(
        &[
            case(
                "heals",
                vec![Answer::status(500), Answer::status(502), page()],
                "done",
                3,
            ),
            case("never", vec![Answer::status(500)], "failed status", 3),
            case("gateway", vec![Answer::status(504), page()], "done", 2),
            case(
                "gone",
                vec![Answer::status(404), page()],
                "failed status",
                1,
            ),
            case(
                "forbidden",
                vec![Answer::status(403), page()],
                "failed status",
                1,
            ),
            case("reset", vec![Answer::reset()], "failed reset", 3),
            case("reset-once", vec![Answer::reset(), page()], "done", 2),
        ],
        "",
    );
}

#[test]
fn slow_pages_are_timeouts() {
    let drip = Answer::endless("<p>drip</p>", Duration::from_millis(50));
    try_all(
        &[
            case("hang", vec![Answer::hang()], "failed timeout", 3),
            case("endless", vec![drip], "failed timeout", 3),
            case(
                "hang-once",
                vec![Answer::hang(), Answer::links(&["/1"])],
                "done",
                2,
            ),
        ],
        ", timeout: 1s",
    );
}

#[test]
fn oversize_and_broken_answers_are_failures_of_their_kind() {
    let big = || Answer::typed("text/html", &[b'x'; 300_000]);
    let bomb = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b' '; 20 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let gzip = |body: &[u8]| Answer::typed("text/html", body).header("content-encoding", "gzip");
    let flood = Answer::endless(&"x".repeat(20_000), Duration::ZERO);
    let cases = [
        case("big", vec![big()], "failed too_large", 1),
        case("flood", vec![flood], "failed too_large", 1),
        case("bomb", vec![gzip(&bomb)], "failed too_large", 1),
        case("not-gzip", vec![gzip(b"<p>plain</p>")], "failed decode", 1),
        case(
            "garbage",
            vec![Answer::raw(b"220 smtp ready\r\n\r\n")],
            "failed protocol",
            3,
        ),
    ];
    try_all(&cases, ", max_body: 100000");
}

#[test]
fn a_head_over_its_cap_fails_the_page_alone() {
    let server = Server::fan(2);
    server.page("/", &["/x", "/1", "/2"]);
    server.on(
        "/x",
        Answer::links(&["/1"]).header("x-fill", vec![b'a'; 4 << 20]),
    );
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    let end = pages.end(&server.url("/x"));
    assert!(end.starts_with("failed "), "/x is {end}");
    assert_eq!(pages.end(&server.url("/1")), "done");
}

#[test]
fn an_answer_cut_short_is_no_page() {
    let cut = Answer::raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 900\r\n\r\n<p>",
    );
    let server = Server::fan(1);
    server.page("/", &["/cut", "/1"]);
    server.on("/cut", cut);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let end = job.pages().end(&server.url("/cut"));
    assert!(
        ["failed reset", "failed protocol"].contains(&end.as_str()),
        "/cut is {end}"
    );
}

#[test]
fn retry_after_is_never_undercut() {
    let busy = |status| Answer::status(status).header("retry-after", "2");
    let cases = [
        case(
            "busy-503",
            vec![busy(503), Answer::links(&["/1"])],
            "done",
            2,
        ),
        case(
            "busy-429",
            vec![busy(429), Answer::links(&["/1"])],
            "done",
            2,
        ),
    ];
    let (servers, job) = crawl(&cases, "");
    for (case, server) in cases.iter().zip(&servers) {
        assert_eq!(
            job.pages().end(&server.url("/x")),
            case.end,
            "{}",
            case.name
        );
        let hits = server.hits("/x");
        assert_eq!(hits.len(), 2, "{}", case.name);
        let gap = hits[1].at - hits[0].at;
        assert!(
            gap >= Duration::from_secs(2),
            "{} was asked again after {gap:?}",
            case.name
        );
    }
}

#[test]
fn a_failed_page_keeps_its_last_answer() {
    let (servers, job) = crawl(
        &[case(
            "never",
            vec![Answer::status(500), Answer::status(503)],
            "",
            3,
        )],
        "",
    );
    let failures = job.lines("failures");
    assert_eq!(failures.len(), 1, "{failures:#?}");
    let page: &Value = &failures[0];
    assert_eq!(page["url"], servers[0].url("/x"));
    assert_eq!(
        (&page["status"], &page["reason"]),
        (&json!(503), &json!("status"))
    );
    assert_eq!(
        (&page["site"], &page["outcome"]),
        (&json!("never"), &json!("failed"))
    );
}
