//! Which pages come first, where the sites file changes its mind.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};

const FETCH: &str = "fetch: { concurrency: 1, robots: ignore }\n";

/// A start page that links to `plain` pages and then to `wanted` ones, and the
/// paths asked for since the last call.
fn site(plain: usize, wanted: usize) -> Server {
    let server = Server::island(1);
    let plain = (0..plain).map(|n| format!("/plain/{n}"));
    let wanted = (0..wanted).map(|n| format!("/wanted/{n}"));
    let links: Vec<String> = plain.chain(wanted).collect();
    server.on("/", Answer::links(&links));
    for path in &links {
        server.on(path, Answer::html("<h1>page</h1>"));
    }
    server
}

fn asked(server: &Server) -> Vec<String> {
    server.log().into_iter().map(|hit| hit.target).collect()
}

/// A later run with another strategy applies it to what the first one left.
#[test]
fn another_strategy_holds_for_what_waits_already() {
    let server = site(300, 10);
    let more = |limit: usize, strategy: &str| {
        format!(
            "limits: {{ pages: {limit} }}\n{FETCH}discover: {{ sitemap: off, strategy: {strategy} }}"
        )
    };
    let job = Job::site(&server.url("/"), &more(4, "breadth"));
    job.finish(&[]);
    assert_eq!(asked(&server), ["/", "/plain/0", "/plain/1", "/plain/2"]);
    let text = format!(
        "site: site\nstart: {}\n{}",
        server.url("/"),
        more(14, "focused, target: ^/wanted/")
    );
    job.rewrite(&text);
    job.finish(&[]);
    let wanted: Vec<String> = (0..10).map(|n| format!("/wanted/{n}")).collect();
    assert_eq!(asked(&server)[4..14], wanted);
}
