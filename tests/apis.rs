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

#[test]
fn a_limit_ends_it() {
    let server = Server::island(9);
    for n in 1..=9 {
        let (here, list) = (format!("/api/{n}"), format!("[\"/{n}\"]"));
        server.on(&here, json(&list));
    }
    let url = server.url("/api/{page}");
    let job = job(
        &server,
        &format!("{{ url: '{url}', page: {{}}, urls: '$[*]', limit: 3 }}"),
    );
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2", "/3"]);
    assert_eq!((server.count("/api/3"), server.count("/api/4")), (1, 0));
    let log = job.log();
    assert!(
        log.contains("answer 3: 1 URLs, 1 new pages; ended by limit 3 reached"),
        "{log}"
    );
}

#[test]
fn numbers_stand_in_what_is_posted() {
    let server = Server::island(4);
    server.sequence("/api/p", [json(r#"["/1"]"#), json(r#"["/2"]"#), json("[]")]);
    server.sequence("/api/o", [json(r#"["/3"]"#), json(r#"["/4"]"#), json("[]")]);
    let job = job(
        &server,
        &format!(
            "{{ url: '{}', page: {{ from: 0 }}, urls: '$[*]', body: '{{\"page\":{{page}}}}' }}, \
             {{ url: '{}', offset: {{ step: 50 }}, urls: '$[*]', body: 'n=50&from={{offset}}' }}",
            server.url("/api/p"),
            server.url("/api/o"),
        ),
    );
    job.finish(&[]);
    assert_eq!(
        job.pages().done(&server.url("")),
        ["/", "/1", "/2", "/3", "/4"]
    );
    let bodies = |path: &str| -> Vec<String> {
        let hits = server.hits(path).into_iter();
        hits.map(|hit| format!("{} {}", hit.header("content-type"), hit.body))
            .collect()
    };
    let page = |n| format!("application/json {{\"page\":{n}}}");
    assert_eq!(bodies("/api/p"), [page(0), page(1), page(2)]);
    let offset = |n| format!("application/x-www-form-urlencoded n=50&from={n}");
    assert_eq!(bodies("/api/o"), [offset(0), offset(50), offset(100)]);
}

/// The time between the beginning and the last request has a lower bound on
/// any machine; each single distance has none.
#[test]
fn answers_are_asked_for_at_the_sites_pace() {
    let server = Server::island(3);
    for n in 1..=3 {
        server.on(&format!("/api/{n}"), json(&format!("[\"/{n}\"]")));
    }
    server.on("/api/4", json("[]"));
    let more = format!(
        "discover:\n  sitemap: off\n  api: [ {{ url: '{}', page: {{}}, urls: '$[*]' }} ]\n\
         fetch: {{ delay: 120ms, concurrency: 8 }}",
        server.url("/api/{page}")
    );
    let job = Job::site(&server.url("/"), &more);
    let begun = std::time::Instant::now();
    job.finish(&[]);
    let hits = server.log();
    assert_eq!(hits[0].target, "/robots.txt", "nothing is asked before it");
    let asked = hits.len() as u32;
    assert_eq!(asked, 1 + 4 + 4, "robots.txt, answers, pages");
    let least = std::time::Duration::from_millis(120) * (asked - 1);
    let took = hits[hits.len() - 1].at.duration_since(begun);
    assert!(took >= least, "{asked} requests within {took:?}");
}

#[test]
fn an_item_that_gives_nothing_is_counted_and_the_first_is_told() {
    let server = Server::island(2);
    server.on("/api/1", json(r#"[{"u":"/1"},{"x":7},{"u":{}}]"#));
    server.on("/api/2", json(r#"[{"u":"/2"}]"#));
    server.on("/api/3", Answer::text("<b>down</b>"));
    let job = job(
        &server,
        &format!(
            "{{ url: '{}', page: {{}}, urls: '$[*]', item: '{{u}}' }}",
            server.url("/api/{page}")
        ),
    );
    job.finish(&[]);
    let log = job.log();
    let words = "2 items without a URL (the first: \"{\\\"x\\\":7}\")";
    assert!(log.contains(words), "{log}");
    let rows = job.lines("sources");
    let row = &rows[0];
    assert_eq!(
        (rows.len(), &row["kind"], &row["state"]),
        (1, &"api".into(), &"failed".into())
    );
    assert_eq!(
        (&row["read"], &row["urls"], &row["bad"]),
        (&2.into(), &2.into(), &2.into())
    );
    let problem = row["problem"].as_str().unwrap();
    assert!(problem.starts_with("answer 3: it is not JSON"), "{problem}");
    assert!(problem.contains("<b>down</b>"), "{problem}");

    server.on("/api/3", json("[]"));
    job.finish(&[]);
    let row = &job.lines("sources")[0];
    assert_eq!(
        (&row["state"], &row["read"], &row["bad"]),
        (&"done".into(), &3.into(), &2.into())
    );
    let problem = row["problem"].as_str().unwrap();
    assert!(problem.contains("items without a URL"), "{problem}");
}
