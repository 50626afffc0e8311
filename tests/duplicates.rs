//! Pages with the text of another.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use serde_json::Value;

/// A page of `words` words, of which the first `changed` are its own.
fn page(name: &str, words: usize, changed: usize, links: &str) -> Answer {
    let text: Vec<String> = (0..words)
        .map(|n| match n < changed {
            true => format!("{name}{n}"),
            false => format!("word{}", n * 7919 % 1009),
        })
        .collect();
    let body = format!(
        "<!doctype html><title>{name}</title>{links}<p>{}</p>",
        text.join(" ")
    );
    Answer::html(&body)
}

fn site() -> Server {
    let server = Server::island(1);
    let links: String = ["a", "b", "near", "far", "empty", "void", "json"]
        .map(|name| format!("<a href=/{name}></a>"))
        .join("");
    server.on("/", Answer::html(&links));
    server.on("/a", page("a", 400, 0, ""));
    server.on("/b", page("b", 400, 0, "<script>var b</script>"));
    server.on("/near", page("near", 400, 1, ""));
    server.on("/far", page("far", 400, 400, ""));
    // Without a word nothing is the same.
    server.on("/empty", Answer::html("<title>one</title>"));
    server.on("/void", Answer::html("<title>two</title>"));
    server.on("/json", Answer::typed("application/json", b"[1]"));
    server
}

fn groups(job: &Job, server: &Server) -> Vec<(u64, String, String)> {
    let rows = job.lines("duplicates");
    let row = |row: &Value| {
        let url = row["url"].as_str().unwrap();
        let distance = row["distance"].as_u64().unwrap();
        let kind = row["kind"].as_str().unwrap();
        assert!(distance <= 3 && (kind == "near" || distance == 0), "{row}");
        (
            row["group"].as_u64().unwrap(),
            kind.to_owned(),
            url.strip_prefix(server.url("").trim_end_matches('/'))
                .unwrap()
                .to_owned(),
        )
    };
    rows.iter().map(row).collect()
}

#[test]
fn the_same_text_and_nearly_the_same_are_grouped() {
    let server = site();
    let job = Job::site(
        &server.url("/"),
        "discover: { sitemap: off }\nkeep: { duplicates: true }\nfetch: { concurrency: 1 }",
    );
    job.finish(&[]);
    let own = |group, kind: &str, url: &str| (group, kind.to_owned(), url.to_owned());
    let expected = [
        own(1, "first", "/a"),
        own(1, "exact", "/b"),
        own(1, "near", "/near"),
    ];
    assert_eq!(groups(&job, &server), expected);
    let table = job.export("duplicates", "csv");
    assert!(
        table.starts_with("site,group,kind,distance,url\n"),
        "{table}"
    );
    assert_eq!(table.lines().count(), 4);

    // What comes again counts once.
    job.finish(&[]);
    assert_eq!(groups(&job, &server), expected);
    let refused = job.crawldeck(&[
        "export",
        "sites.crawl",
        "--what",
        "duplicates",
        "--where",
        "outcome=done",
    ]);
    refused.expect(2);
}

#[test]
fn without_the_option_nothing_is_kept() {
    let server = site();
    let job = Job::site(&server.url("/"), "discover: { sitemap: off }");
    job.finish(&[]);
    assert_eq!(job.export("duplicates", "jsonl"), "");
}

#[test]
fn they_are_counted_while_they_come_and_in_the_next_run_too() {
    let server = site();
    let job = Job::site(
        &server.url("/"),
        "discover: { sitemap: off }\nkeep: { duplicates: true }\nfetch: { concurrency: 1 }",
    );
    for run in 1..=2 {
        job.finish(&[]);
        let words = "duplicates: 1 pages have the text of another, 1 nearly";
        let log = job.log();
        assert_eq!(log.matches(words).count(), run, "{log}");
    }
}
