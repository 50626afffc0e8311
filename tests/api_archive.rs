//! Answers of APIs in the archive, and their records taken again without the
//! network.

mod common;

use common::archive::{responses, text};
use common::crawl::{FAST, Job, Running, Signal};
use common::server::{Answer, Gate, Server};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn answer(value: &Value) -> Answer {
    Answer::typed("application/json", value.to_string().as_bytes())
}

/// A site with one API, in the lines of `api`.
fn file(server: &Server, api: &str) -> String {
    format!(
        "{FAST}site: site\nstart: {}\nkeep: {{ bodies: warc }}\ndiscover:\n  sitemap: off\n  \
         links: off\n  api:\n    - {}\n",
        server.url("/"),
        api.replace('\n', "\n      ")
    )
}

/// The same API by pages, with these records.
fn paged(server: &Server, records: &str) -> String {
    let url = server.url("/api?p={page}");
    file(
        server,
        &format!("url: '{url}'\npage: {{}}\nrecords:\n  {records}"),
    )
}

/// Three answers of two items each, and an empty one.
fn shop() -> Server {
    let server = Server::island(1);
    for page in 1..=3 {
        let items = [1, 2].map(|n| {
            let price = format!("{page}{n},50 €");
            json!({ "name": format!("cup {page}.{n}"), "price": price, "href": "?x" })
        });
        server.on(
            &format!("/api?p={page}"),
            answer(&json!({ "items": items })),
        );
    }
    server.on("/api?p=4", answer(&json!({ "items": [] })));
    server
}

/// Name and fields of every record of an API.
fn records(job: &Job) -> Vec<String> {
    let told = |record: &Value| {
        format!(
            "{} {}",
            record["record"].as_str().unwrap(),
            record["fields"]
        )
    };
    let mut records: Vec<String> = job.lines("records").iter().map(told).collect();
    records.sort();
    records
}

#[test]
fn records_are_taken_again_as_a_run_takes_them() {
    let server = shop();
    let old = "- { record: item, items: '$.items[*]', fields: { name: $.name } }";
    let kinds = "- record: item
    items: $.items[*]
    fields: { name: $.name, price: { json: $.price, as: number }, link: { json: $.href, as: url } }
  - record: first
    items: $.items[0]
    fields: { is: $.name }";
    let job = Job::raw(&paged(&server, old));
    job.finish(&[]);
    let before = job.lines("records");
    assert_eq!(before.len(), 6);
    let asked = server.log().len();
    // Another kind, another name, a field that asks for one that is missing.
    for (new, told) in [
        (kinds, "item: 6 → 6 records, 0 added, 0 removed, 6 changed"),
        (
            "- { record: thing, items: '$.items[*]', fields: { name: { json: $.name, match: '^.*2$', required: true } } }",
            "item: 6 → 0 records, 0 added, 6 removed",
        ),
        (old, "item: 0 → 6 records, 6 added"),
    ] {
        let crawled = Job::raw(&paged(&server, new));
        crawled.finish(&[]);
        let before = records(&job);
        let now = server.log().len();
        job.rewrite(&paged(&server, new));
        let preview = job.extract(&["--preview"]);
        assert_eq!(records(&job), before, "only a preview");
        let seen = job.extract(&[]);
        assert!(
            seen.contains(told) && preview.contains(told),
            "{told}\n{seen}"
        );
        assert!(
            seen.contains("site: 0 pages, 4 answers of APIs\n"),
            "{seen}"
        );
        assert_eq!(records(&job), records(&crawled), "{new}");
        let kept = records(&crawled).len();
        assert_eq!(job.site_status("site")["records"], kept);
        assert_eq!(
            job.export("records", "csv").lines().next(),
            crawled.export("records", "csv").lines().next()
        );
        assert!(job.extract(&[]).contains("0 records changed"));
        // Nor does a run ask anything again.
        job.finish(&[]);
        assert_eq!(records(&job), records(&crawled), "{new}");
        assert_eq!(server.log().len(), now, "{new}");
    }
    assert!(server.log().len() > asked, "the others were crawled");
    let times = |records: &[Value]| -> BTreeSet<String> {
        let times = records.iter();
        times
            .map(|record| record["fetched_at"].to_string())
            .collect()
    };
    assert_eq!(times(&job.lines("records")), times(&before));
}

#[test]
fn an_api_that_ended_by_a_wrong_path_goes_on() {
    let server = shop();
    let rule = |path: &str| {
        paged(
            &server,
            &format!("- {{ record: item, items: '{path}', fields: {{ name: $.name }} }}"),
        )
    };
    let job = Job::raw(&rule("$.itmes[*]"));
    job.finish(&[]);
    assert_eq!(records(&job).len(), 0);
    job.rewrite(&rule("$.items[*]"));
    assert!(job.extract(&[]).contains("item: 0 → 2 records, 2 added"));
    job.finish(&[]);
    assert_eq!(records(&job).len(), 6);
    for page in 1..=4 {
        assert_eq!(server.count(&format!("/api?p={page}")), 1);
    }
    // And one that ends earlier by its new rule is whole again by the next.
    job.rewrite(&rule("$.itmes[*]"));
    assert!(
        job.extract(&[])
            .contains("item: 6 → 0 records, 0 added, 6 removed")
    );
    job.rewrite(&rule("$.items[*]"));
    assert!(job.extract(&[]).contains("item: 0 → 6 records, 6 added"));
    job.finish(&[]);
    assert_eq!(records(&job).len(), 6);
    assert_eq!(server.count("/api?p=2"), 1);
}

#[test]
fn what_is_asked_otherwise_is_asked_anew() {
    let server = shop();
    let rule = |name: &str, more: &str| {
        let records =
            format!("- {{ record: item, items: '$.items[*]', fields: {{ {name}: $.name }} }}");
        format!("{}{more}", paged(&server, &records))
    };
    let job = Job::raw(&rule("name", ""));
    job.finish(&[]);
    job.rewrite(&rule("title", "      headers: { X-Language: de }\n"));
    assert!(
        job.extract(&[])
            .contains("6 → 6 records, 0 added, 0 removed, 6 changed")
    );
    job.finish(&[]);
    assert_eq!(server.count("/api?p=1"), 2);
    assert_eq!(records(&job).len(), 6);
}

#[test]
fn a_request_is_kept_as_it_was_made_without_its_secrets() {
    let server = Server::island(1);
    server.on(
        "/api?key=hunter2%20%26",
        answer(&json!({ "hits": [1, 2], "next": "b" })),
    );
    let api = format!(
        "url: '{}'\nmethod: POST\nbody: '{{\"token\": \"${{KEY}}\", \"after\": \"{{cursor}}\"}}'\n\
         headers: {{ X-Key: '${{KEY}}' }}\ncursor: $.next\nlimit: 2\n\
         records: [ {{ record: hit, items: '$.hits[*]', fields: {{ n: $ }} }} ]",
        server.url("/api?key=hunter2%20%26"),
    );
    let job = Job::raw(&file(&server, &api));
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    Running::spawn({
        command.env("KEY", "hunter2 &");
        command
    })
    .wait()
    .expect(0);
    let kept = text(&job);
    assert!(!kept.contains("hunter2"), "{kept}");
    let posted = "POST /api?key=*** HTTP/1.1\r\n";
    assert_eq!(kept.matches(posted).count(), 2, "{kept}");
    for part in [
        "{\"token\": \"***\", \"after\": \"\"}\r\n",
        "{\"token\": \"***\", \"after\": \"b\"}\r\n",
        "content-type: application/json\r\n",
        "crawldeck-api-answer: 2\r\n",
    ] {
        assert!(kept.contains(part), "no {part:?} in {kept}");
    }
}

#[test]
fn without_answers_in_the_archive_records_stay() {
    let server = shop();
    let rule = |name: &str, keep: &str| {
        let records =
            format!("- {{ record: item, items: '$.items[*]', fields: {{ {name}: $.name }} }}");
        let file = paged(&server, &records);
        format!(
            "{}---\nsite: other\nstart: {}\nkeep: {{ bodies: warc }}\n",
            file.replace("keep: { bodies: warc }\n", keep),
            server.url("/")
        )
    };
    let job = Job::raw(&rule("name", ""));
    job.finish(&[]);
    let before = records(&job);
    job.rewrite(&rule("title", "keep: { bodies: warc }\n"));
    let seen = job.extract(&[]);
    assert!(
        seen.contains("1 answers of APIs not in the archive"),
        "{seen}"
    );
    assert_eq!(records(&job), before);
    // The next run asks anew, as it does without an archive.
    job.finish(&[]);
    assert_eq!(server.count("/api?p=1"), 2);
    assert_eq!(records(&job).len(), before.len());
    assert!(records(&job)[0].contains("title"));
}

/// Killed at every answer in turn, while the next is waited for or not.
#[test]
fn after_any_kill_what_is_committed_is_in_the_archive() {
    const ANSWERS: usize = 6;
    let server = Server::island(1);
    let gates: Vec<Gate> = (0..ANSWERS).map(|_| Gate::default()).collect();
    let path = |n: usize| format!("/api?p={}", n + 1);
    for (n, gate) in gates.iter().enumerate() {
        let items: Vec<Value> = (0..20)
            .map(|i| json!({ "name": format!("{n}-{i}") }))
            .collect();
        server.on(&path(n), answer(&json!({ "items": items })).behind(gate));
    }
    server.on(&path(ANSWERS), answer(&json!({ "items": [] })));
    let rule = |name: &str| {
        paged(
            &server,
            &format!("- {{ record: item, items: '$.items[*]', fields: {{ {name}: $.name }} }}"),
        )
    };
    let job = Job::raw(&rule("name"));
    for (n, gate) in gates.iter().enumerate() {
        let running = job.start(&[]);
        server.wait_hits(&path(n), server.count(&path(n)).max(1));
        gate.open();
        if n % 2 == 1 {
            server.wait_hits(&path(n + 1), 1);
        }
        running.signal(Signal::KILL);
        let _ = running.wait();
        let seen = job.extract(&["--preview"]);
        assert!(
            !seen.contains("not ") && seen.contains(" 0 changed"),
            "{seen}"
        );
    }
    job.finish(&[]);
    let kept = responses(&job);
    for n in 0..=ANSWERS {
        assert!(kept.contains(&server.url(&path(n))), "{n}: {kept:#?}");
    }
    job.rewrite(&rule("title"));
    let seen = job.extract(&[]);
    assert!(
        seen.contains("120 → 120 records, 0 added, 0 removed, 120 changed"),
        "{seen}"
    );
    assert_eq!(records(&job).len(), ANSWERS * 20);
}
