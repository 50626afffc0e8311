//! Records straight from the answers of an API, and what robots.txt says of
//! APIs and lists.

mod common;

use common::crawl::{Job, Signal};
use common::server::{Answer, Gate, Server};
use serde_json::{Value, json};
use std::time::Instant;

fn answer(text: &str) -> Answer {
    Answer::typed("application/json", text.as_bytes())
}

fn job(server: &Server, api: &str, more: &str) -> Job {
    let more = format!(
        "discover:\n  sitemap: off\n  links: off\n  api:\n    - {}\n{more}",
        api.replace('\n', "\n      ")
    );
    Job::site(&server.url("/"), &more)
}

fn product(server: &Server) -> String {
    format!(
        "url: '{}'\npage: {{}}\nrecords:\n  - record: product\n    items: $.items[*]\n    \
         fields:\n      name: $.name\n      price: {{ json: $.price, as: number, required: true }}\n      \
         link: {{ json: $.href, as: url }}\n      \
         sizes: {{ json: '$.sizes[*]', all: true, fields: {{ cm: $.cm }} }}\n",
        server.url("/api?key=s3cret&p={page}")
    )
}

/// The records' fields, in the order of the export.
fn fields(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["fields"]).collect()
}

#[test]
fn each_item_is_a_record() {
    let server = Server::island(1);
    server.on(
        "/api?key=s3cret&p=1",
        answer(
            r#"{"items":[{"name":"cup","price":"1.234,50 €","href":"/cup","sizes":[{"cm":9},{"cm":12}]},
                {"name":"free"},{"price":2}]}"#,
        ),
    );
    server.on("/api?key=s3cret&p=2", answer(r#"{"items":[]}"#));
    let job = job(&server, &product(&server), "");
    job.finish(&[]);
    let records = job.lines("records");
    assert_eq!(
        fields(&records),
        [
            &json!({"name":"cup","price":1234.5,"link":server.url("/cup"),"sizes":[{"cm":9},{"cm":12}]}),
            &json!({"name":null,"price":2,"link":null,"sizes":[]}),
        ]
    );
    for record in &records {
        assert_eq!(record["record"], "product");
        assert_eq!(record["url"], server.url("/api").as_str());
        assert!(record["fetched_at"].is_string(), "{record}");
    }
    assert_eq!(job.site_status("site")["records"], 2);
    let log = job.log();
    assert!(
        log.contains("answer 1: 2 records, 1 items without a required field"),
        "{log}"
    );
    assert!(!log.contains("s3cret"), "{log}");
    let where_ = job.crawldeck(&[
        "export",
        "sites.crawl",
        "--what",
        "records",
        "--format",
        "jsonl",
        "--where",
        "outcome=done",
    ]);
    assert_eq!(where_.stdout.lines().count(), 2, "{where_:?}");
    assert!(!job.export("records", "csv").contains("s3cret"));

    // All was read: nothing is asked again, and nothing doubled.
    job.finish(&[]);
    assert_eq!(job.lines("records").len(), 2);
    assert_eq!(server.count("/api?key=s3cret&p=1"), 1);
}

#[test]
fn another_rule_asks_anew_and_replaces_what_there_was() {
    let server = Server::island(1);
    server.on("/api", answer(r#"[{"a":1,"b":2},{"a":3,"b":4}]"#));
    let file = |field: &str| {
        format!(
            "defaults:\n  fetch: {{ retries: 0 }}\n---\nsite: site\nstart: {}\ndiscover:\n  sitemap: off\n  api:\n  - url: {}\n    \
             records: [ {{ record: r, items: '$[*]', fields: {{ x: {field} }} }} ]\n",
            server.url("/"),
            server.url("/api")
        )
    };
    let job = Job::raw(&file("$.a"));
    job.finish(&[]);
    assert_eq!(
        fields(&job.lines("records")),
        [&json!({"x":1}), &json!({"x":3})]
    );
    job.rewrite(&file("$.b"));
    job.finish(&[]);
    assert_eq!(
        fields(&job.lines("records")),
        [&json!({"x":2}), &json!({"x":4})]
    );
    assert_eq!(job.site_status("site")["records"], 2);
    assert_eq!(server.count("/api"), 2);
}

#[test]
fn urls_and_records_of_one_api() {
    let server = Server::island(3);
    server.on("/api", answer(r#"{"hits":[{"id":1},{"id":2}]}"#));
    let api = format!(
        "url: {}\nurls: '$.hits[*]'\nitem: {}{{id}}\nrecords: [ {{ record: hit, items: '$.hits[*]', fields: {{ id: $.id }} }} ]",
        server.url("/api"),
        server.url("/")
    );
    let extract = "extract:\n  - record: page\n    fields: { title: title }\n";
    let job = job(&server, &api, extract);
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2"]);
    let records = job.lines("records");
    let hits = records.iter().filter(|record| record["record"] == "hit");
    assert_eq!(hits.count(), 2);
    assert_eq!(records.len(), 5, "{records:#?}");
}

/// Killed at every answer in turn, each time while the next is being waited
/// for and at whatever instant the store has come to.
#[test]
fn a_killed_run_neither_loses_nor_doubles_records() {
    const ANSWERS: usize = 6;
    let server = Server::island(1);
    let gates: Vec<Gate> = (0..ANSWERS).map(|_| Gate::default()).collect();
    for (n, gate) in gates.iter().enumerate() {
        let items: Vec<Value> = (0..20)
            .map(|i| json!({"name": format!("{n}-{i}"), "price": i}))
            .collect();
        let body = json!({ "items": items }).to_string();
        server.on(
            &format!("/api?key=s3cret&p={}", n + 1),
            answer(&body).behind(gate),
        );
    }
    server.on(
        &format!("/api?key=s3cret&p={}", ANSWERS + 1),
        answer(r#"{"items":[]}"#),
    );
    let job = job(&server, &product(&server), "");
    for (n, gate) in gates.iter().enumerate() {
        let running = job.start(&[]);
        let path = format!("/api?key=s3cret&p={}", n + 1);
        let before = server.count(&path);
        server.wait_hits(&path, before.max(1));
        gate.open();
        if n % 2 == 1 {
            // So that this answer is in a group, committed or not.
            server.wait_hits(&format!("/api?key=s3cret&p={}", n + 2), 1);
        }
        running.signal(Signal::KILL);
        let _ = running.wait();
    }
    job.finish(&[]);
    let records = job.lines("records");
    let mut names: Vec<&str> = records
        .iter()
        .map(|record| record["fields"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), ANSWERS * 20);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ANSWERS * 20);
    assert_eq!(job.site_status("site")["records"], ANSWERS * 20);
}

#[test]
fn fill_rates_are_counted_and_starting_over_forgets_the_records() {
    let server = Server::island(1);
    let gate = Gate::default();
    server.on("/", Answer::html("start").behind(&gate));
    let items = [r#"{"a":1},{"b":2}"#; 10].join(",");
    server.on("/api", answer(&format!("[{items}]")));
    let rest = |field: &str| {
        format!(
            "site: site\nstart: {}\ndiscover:\n  sitemap: off\n  api:\n  - url: {}\n    \
             records: [ {{ record: r, items: '$[*]', fields: {{ a: $.a }} }} ]\n\
             alerts: [ {{ when: fill(r.{field}) < 90%, for: 0s, \
             command: [sh, -c, 'echo \"$CRAWLDECK_ALERT_TEXT\" > told.txt'] }} ]\n",
            server.url("/"),
            server.url("/api")
        )
    };
    let job = Job::new(&rest("a"));
    let running = job.start(&[]);
    let end = Instant::now() + common::DEADLINE;
    let told = || std::fs::read_to_string(job.folder().join("told.txt")).unwrap_or_default();
    while !told().ends_with('\n') {
        assert!(Instant::now() < end, "no alert");
        std::thread::yield_now();
    }
    assert!(told().contains("50"), "{}", told());
    server.on("/", Answer::html("start"));
    // Answered when what is in flight has come back.
    let over = std::thread::scope(|scope| {
        let over = scope.spawn(|| job.crawldeck(&["ctl", "sites.crawl", "start-over", "site"]));
        gate.open();
        over.join().unwrap()
    });
    if over.code == Some(0) {
        running.wait().expect(0);
        assert_eq!(server.count("/api"), 2, "it began anew");
    } else {
        // The crawl was over before the command came.
        running.wait().expect(0);
    }
    assert_eq!(job.lines("records").len(), 20);

    job.rewrite(&rest("b"));
    let refused = job.run(&[]);
    refused.expect(2);
    assert!(refused.stderr.contains("no field \"b\""), "{refused:?}");
}

#[test]
fn robots_txt_judges_lists_and_apis_on_the_sites_own_hosts() {
    let server = Server::island(4);
    let other = Server::island(1);
    for server in [&server, &other] {
        server.on(
            "/robots.txt",
            Answer::text("User-agent: *\nDisallow: /api\nDisallow: /list\n"),
        );
    }
    server.on("/api", answer(r#"["/1"]"#));
    server.on("/list.txt", Answer::text("/2\n"));
    other.on("/api", answer(&format!("[\"{}\"]", server.url("/3"))));
    let file = |robots: &str| {
        format!(
            "defaults:\n  fetch: {{ retries: 0, robots: {robots} }}\n---\nsite: site\nstart: {}\ndiscover:\n  sitemap: off\n  links: off\n  \
             api: [ {{ url: {}, urls: '$[*]' }}, {{ url: {}, urls: '$[*]' }} ]\n  files: [ {} ]\n",
            server.url("/"),
            server.url("/api"),
            other.url("/api"),
            server.url("/list.txt"),
        )
    };
    let job = Job::raw(&file("obey"));
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/3"]);
    assert_eq!(server.count("/api") + server.count("/list.txt"), 0);
    assert_eq!(other.count("/robots.txt"), 0, "not a host of the site");
    let log = job.log();
    for what in [
        format!(
            "api {}: robots.txt forbids it: line 2, Disallow: /api; if you may read it, write fetch.robots: ignore",
            server.url("/api")
        ),
        format!(
            "list {}: robots.txt forbids it: line 3",
            server.url("/list.txt")
        ),
    ] {
        assert_eq!(log.matches(&what).count(), 1, "{what} in {log}");
    }
    job.rewrite(&file("ignore"));
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2", "/3"]);
}
