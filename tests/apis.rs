//! APIs that list URLs, asked like any page.

mod common;

use common::crawl::{Job, Signal};
use common::server::{Answer, Gate, Server};

fn json(text: &str) -> Answer {
    Answer::typed("application/json", text.as_bytes())
}

fn job(server: &Server, api: &str) -> Job {
    let more = format!("discover:\n  sitemap: off\n  api: [ {api} ]");
    Job::site(&server.url("/"), &more)
}

#[test]
fn every_way_of_paging() {
    let server = Server::island(12);
    let api = |path: &str| server.url(path);
    let (numbers, offsets, cursor, link, next) = (
        api("/api/p?n={page}"),
        api("/api/o/{offset}"),
        api("/api/c"),
        api("/api/l"),
        api("/api/n"),
    );
    server.on(
        "/api/p?n=1",
        json(r#"{"items":[{"href":"/1"},{"href":"2"}]}"#),
    );
    server.on("/api/p?n=2", json(r#"{"items":[]}"#));
    server.on("/api/o/0", json(r#"[{"id":3},{"id":4}]"#));
    server.on("/api/o/2", json(r#"[{"id":3},{"id":4}]"#));
    server.sequence(
        "/api/c",
        [
            json(r#"{"u":["/5"],"next":"x\"y"}"#),
            json(r#"{"u":["/6"],"next":null}"#),
        ],
    );
    server.on(
        "/api/l",
        json(r#"["/7"]"#).header("Link", "</api/l?2>; rel=\"next\""),
    );
    server.on(
        "/api/l?2",
        json(r#"["/8"]"#).header("Link", "</api/l>; rel=prev"),
    );
    server.on("/api/n", json(r#"{"u":["/9"],"more":"/api/n2"}"#));
    server.on(
        "/api/n2",
        json(r#"{"u":["/10"],"more":"http://127.0.0.2/api"}"#),
    );
    let job = job(
        &server,
        &format!(
            "{{ url: '{numbers}', page: {{}}, urls: '$.items[*].href', item: '{}{{x}}', headers: {{ X-Key: k1 }} }}, \
             {{ url: '{offsets}', offset: {{ step: 2 }}, urls: '$[*]', item: '{}{{id}}' }}, \
             {{ url: '{cursor}', cursor: '$.next', urls: '$.u[*]', body: '{{\"a\":\"{{cursor}}\"}}' }}, \
             {{ url: '{link}', next: link, urls: '$[*]' }}, \
             {{ url: '{next}', next: '$.more', urls: '$.u[*]' }}",
            server.url("/"),
            server.url("/"),
        ),
    );
    // The template's slash is quoted in the first item, which so is no page.
    server.on("/%2F1", Answer::html("one"));
    job.finish(&[]);
    let done = job.pages().done(&server.url(""));
    for n in 2..=10 {
        assert!(done.contains(&format!("/{n}")), "{n} in {done:?}");
    }
    let bodies: Vec<String> = server
        .hits("/api/c")
        .into_iter()
        .map(|hit| hit.body)
        .collect();
    assert_eq!(bodies, [r#"{"a":""}"#, r#"{"a":"x\"y"}"#]);
    assert_eq!(
        server.hits("/api/c")[0].header("content-type"),
        "application/json"
    );
    assert_eq!(server.hits("/api/p?n=2")[0].header("x-key"), "k1");
    assert_eq!(server.hits("/1").len() + server.hits("/2").len(), 1);
    assert_eq!(
        server.hits("/2")[0].header("x-key"),
        "",
        "the API's headers are the API's"
    );
    let log = job.log();
    for words in [
        "ended by an answer without items",
        "ended by an answer that repeats an earlier one",
        "ended by no further cursor",
        "ended by no further Link",
        "ended by a further address on another host",
    ] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }

    // All was read: nothing is asked again.
    let asked = server.log().len();
    job.finish(&[]);
    assert_eq!(server.log().len(), asked);
}

#[test]
fn a_failing_answer_is_retried_told_and_gone_on_with_in_the_next_run() {
    let server = Server::island(3);
    server.on("/api?p=1", json(r#"["/1"]"#));
    server.sequence(
        "/api?p=2",
        [
            Answer::status(503),
            Answer::text("<b>down</b>"),
            json(r#"["/2"]"#),
        ],
    );
    server.on("/api?p=3", json("[]"));
    let url = server.url("/api?p={page}");
    let more = format!(
        "discover:\n  sitemap: off\n  api: [ {{ url: '{url}', page: {{}}, urls: '$[*]' }} ]\nfetch: {{ retries: 1 }}"
    );
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1"]);
    assert_eq!(server.count("/api?p=2"), 2, "asked again after a 503");
    let text = job.log();
    assert!(text.contains("answer 2: it is not JSON"), "{text}");
    assert!(text.contains(r#""<b>down</b>""#), "{text}");

    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2"]);
    assert_eq!(
        server.count("/api?p=1"),
        1,
        "what was read is not asked again"
    );
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let server = Server::island(4);
    let gate = Gate::default();
    server.on("/api?p=1", json(r#"["/1"]"#));
    server.on("/api?p=2", json(r#"["/2"]"#));
    server.sequence(
        "/api?p=3",
        [json(r#"["/3"]"#).behind(&gate), json(r#"["/3"]"#)],
    );
    server.on("/api?p=4", json("[]"));
    let url = server.url("/api?p={page}");
    let job = job(
        &server,
        &format!("{{ url: '{url}', page: {{}}, urls: '$[*]' }}"),
    );
    let running = job.start(&[]);
    server.wait_hits("/api?p=3", 1);
    server.wait_hits("/2", 1);
    // Pages are committed in groups, as the marks are, and in their order.
    let status = || job.site_status("site")["pages"]["done"].as_u64();
    while status() < Some(3) {
        std::thread::yield_now();
    }
    running.signal(Signal::KILL);
    gate.open();
    let _ = running.wait();
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2", "/3"]);
    assert_eq!(server.count("/api?p=1"), 1);
    assert_eq!(server.count("/api?p=2"), 1);
}

#[test]
fn secrets_stay_on_the_host() {
    let (server, other) = (Server::island(1), Server::island(1));
    server.on("/api", Answer::redirect(&other.url("/api")));
    let api = format!(
        "{{ url: '{}', urls: '$[*]', headers: {{ Authorization: Bearer s3cretword }} }}",
        server.url("/api?key=s3cretkey")
    );
    server.on("/api?key=s3cretkey", Answer::redirect(&other.url("/api")));
    let job = job(&server, &api);
    job.finish(&[]);
    assert!(other.log().is_empty());
    let text = job.log();
    assert!(text.contains("status 302"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}
