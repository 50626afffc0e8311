//! Sites without a start: what names their pages is all that is asked.

mod common;

use common::crawl::{FAST, Job};
use common::server::{Answer, Server};

/// Paths that were asked, without robots.txt.
fn asked(server: &Server) -> Vec<String> {
    let mut asked: Vec<String> = server
        .page_log()
        .into_iter()
        .map(|hit| hit.target)
        .collect();
    asked.sort();
    asked
}

fn run(document: &str) -> Job {
    let job = Job::raw(&format!("{FAST}site: site\n{document}"));
    job.finish(&[]);
    job
}

#[test]
fn an_api_is_asked_and_no_page() {
    let server = Server::fan(2);
    server.on(
        "/api",
        Answer::typed("application/json", b"[{\"id\": 1}, {\"id\": 2}]"),
    );
    let url = server.url("/api");
    let record = "{ record: r, items: '$[*]', fields: { id: $.id } }";
    let job = run(&format!(
        "discover: {{ api: [ {{ url: '{url}', records: [ {record} ] }} ] }}\n"
    ));
    assert_eq!(job.lines("records").len(), 2);
    assert_eq!(asked(&server), ["/api"]);
    assert!(job.pages().0.is_empty());
    // A second run has nothing to ask.
    job.finish(&[]);
    assert_eq!(asked(&server), ["/api"]);
}

#[test]
fn a_lists_pages_are_all_that_is_fetched() {
    let server = Server::fan(3);
    let host = server.host();
    let text =
        format!("discover: {{ links: off, files: [urls.txt] }}\nscope: {{ hosts: ['{host}'] }}\n");
    let job = Job::raw(&format!("{FAST}site: site\n{text}"));
    let list = format!("{}\n{}\n", server.url("/1"), server.url("/3"));
    std::fs::write(job.folder().join("urls.txt"), list).unwrap();
    job.finish(&[]);
    assert_eq!(asked(&server), ["/1", "/3"]);
    assert_eq!(job.pages().done(&server.url("")), ["/1", "/3"]);
    let shown = job.crawldeck(&["check", "sites.yaml"]);
    shown.expect(0);
    assert!(shown.stdout.contains(&format!("hosts {host}")), "{shown:?}");
}

#[test]
fn a_sitemaps_pages_are_all_that_is_fetched() {
    let server = Server::fan(3);
    let map = format!(
        "<urlset><url><loc>{}</loc></url></urlset>",
        server.url("/2")
    );
    server.on("/map.xml", Answer::typed("application/xml", map.as_bytes()));
    let map = server.url("/map.xml");
    let job = run(&format!("discover: {{ links: off, sitemap: ['{map}'] }}\n"));
    assert_eq!(job.pages().done(&server.url("")), ["/2"]);
    assert_eq!(asked(&server), ["/2", "/map.xml"]);
}

#[test]
fn where_nothing_is_had_it_says_so() {
    let server = Server::island(1);
    let map = server.url("/none.xml");
    let job = Job::raw(&format!(
        "{FAST}site: site\ndiscover: {{ sitemap: ['{map}'] }}\n"
    ));
    let output = job.run(&[]);
    output.expect(3);
    assert!(job.log().contains("no page could be had"), "{}", job.log());
}
