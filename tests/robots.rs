//! robots.txt by RFC 9309, over real HTTP.

mod common;

use common::crawl::{FAST, Job};
use common::server::{Answer, Server};
use serde_json::json;
use std::time::Duration;

/// A case: what robots.txt answers, what the site's document adds, and which
/// of the linked pages are fetched.
struct Case {
    name: &'static str,
    robots: Answer,
    more: &'static str,
    links: &'static [&'static str],
    fetched: &'static [&'static str],
}

fn rules(
    name: &'static str,
    text: &str,
    links: &'static [&'static str],
    fetched: &'static [&'static str],
) -> Case {
    Case {
        name,
        robots: Answer::text(text),
        more: "",
        links,
        fetched,
    }
}

fn status(name: &'static str, status: u16) -> Case {
    Case {
        robots: Answer::status(status),
        ..rules(name, "", &["/a"], &["/a"])
    }
}

/// Crawls every case as a site of one job, and compares.
fn try_all(cases: Vec<Case>) {
    let mut yaml = FAST.to_owned();
    let mut servers = Vec::new();
    for case in &cases {
        let server = Server::start();
        server.page("/", case.links);
        for path in case.links {
            server.page(path, &[]);
        }
        server.on("/robots.txt", case.robots.clone());
        let (name, start) = (case.name, server.url("/"));
        yaml += &format!("site: {name}\nstart: {start}\n{}\n---\n", case.more);
        servers.push(server);
    }
    let job = Job::raw(yaml.trim_end_matches("---\n"));
    job.finish(&[]);
    let pages = job.pages();
    for (case, server) in cases.iter().zip(&servers) {
        for path in case.links {
            let end = pages.end(&server.url(path));
            let (want, hits) = match case.fetched.contains(path) {
                true => ("done", 1),
                false => ("skipped robots", 0),
            };
            assert_eq!(end, want, "{path} of {}", case.name);
            assert_eq!(server.count(path), hits, "{path} of {}", case.name);
        }
        assert_eq!(server.count("/robots.txt"), 1, "{} asks again", case.name);
        let skipped = case.links.len() - case.fetched.len();
        assert_eq!(
            job.site_status(case.name)["pages"]["skipped"],
            json!(skipped),
            "{}",
            case.name
        );
    }
}

#[test]
fn the_rules_of_the_rfc() {
    let many = "User-agent: *\nDisallow: /a\n";
    try_all(vec![
        rules("prefix", many, &["/a", "/a/b", "/abc", "/b"], &["/b"]),
        rules(
            "longest",
            "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\n",
            &["/a", "/a/b", "/a/b/c"],
            &["/a/b"],
        ),
        rules(
            "allow-wins-a-tie",
            "User-agent: *\nDisallow: /a\nAllow: /a\n",
            &["/a"],
            &["/a"],
        ),
        rules(
            "wildcards",
            "User-agent: *\nDisallow: /*.php$\nDisallow: /x*/secret\n",
            &["/a.php", "/a.php?x=1", "/xyz/secret/1", "/y/secret"],
            &["/a.php?x=1", "/y/secret"],
        ),
        rules("empty-rule", "User-agent: *\nDisallow:\n", &["/a"], &["/a"]),
        rules(
            "own-group",
            "User-agent: *\nDisallow: /\n\nUser-agent: CrawlDeck\nDisallow: /b\n",
            &["/a", "/b"],
            &["/a"],
        ),
        rules(
            "groups-merge",
            "User-agent: crawldeck\nDisallow: /a\n\nUser-agent: other\nDisallow: /c\n\n\
             User-agent: crawldeck\nDisallow: /b\n",
            &["/a", "/b", "/c"],
            &["/c"],
        ),
        rules(
            "shared-group",
            "User-agent: other\nUser-agent: crawldeck\nDisallow: /a\n",
            &["/a", "/b"],
            &["/b"],
        ),
        rules(
            "noise",
            "\u{feff}# a note\r\nSitemap: nowhere\r\nUSER-AGENT : * # all\r\n\
             Nonsense\r\nDISALLOW:/a # no\r\n",
            &["/a", "/b"],
            &["/b"],
        ),
        rules(
            "escapes",
            "User-agent: *\nDisallow: /%7Ehome\nDisallow: /caf\u{e9}\n",
            &["/~home", "/caf%C3%A9", "/c"],
            &["/c"],
        ),
        Case {
            more: "fetch: { user_agent: 'probe/2.0 (+http://x)' }",
            ..rules(
                "token-of-the-agent",
                "User-agent: crawldeck\nDisallow: /\n\nUser-agent: probe\nDisallow: /a\n",
                &["/a", "/b"],
                &["/b"],
            )
        },
        status("none-404", 404),
        status("none-403", 403),
        status("none-410", 410),
    ]);
}

#[test]
fn the_operator_can_ignore_it() {
    for robots in [
        Answer::text("User-agent: *\nDisallow: /\n"),
        Answer::status(500),
    ] {
        let server = Server::fan(2);
        server.on("/robots.txt", robots);
        let job = Job::site(&server.url("/"), "fetch: { robots: ignore }");
        job.finish(&[]);
        assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2"]);
    }
}

#[test]
fn a_redirected_robots_txt_counts() {
    let server = Server::fan(2);
    server.on("/robots.txt", Answer::redirect("/hop"));
    server.on("/hop", Answer::redirect("/the-rules"));
    server.on("/the-rules", Answer::text("User-agent: *\nDisallow: /1\n"));
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    assert_eq!(job.pages().end(&server.url("/1")), "skipped robots");
    assert_eq!(job.pages().end(&server.url("/2")), "done");
}

#[test]
fn a_server_that_cannot_tell_forbids_everything() {
    let answers = [Answer::status(500), Answer::status(503), Answer::reset()];
    for robots in answers {
        let server = Server::fan(2);
        server.on("/robots.txt", robots.clone());
        let job = Job::site(&server.url("/"), "");
        job.run(&[]).expect(3);
        assert_eq!(server.pages_hit(), 0, "{robots:?}");
        assert_eq!(job.site_status("site")["state"], "failed", "{robots:?}");
    }
}

#[test]
fn a_forbidden_start_page_fails_the_site() {
    let server = Server::fan(2);
    server.on("/robots.txt", Answer::text("User-agent: *\nDisallow: /\n"));
    let job = Job::site(&server.url("/"), "");
    let output = job.run(&[]);
    output.expect(3);
    assert_eq!(server.pages_hit(), 0);
    let said = output.stdout + &output.stderr;
    assert!(said.contains("robots"), "nobody is told why: {said}");
}

#[test]
fn the_crawl_delay_is_a_floor_of_the_delay() {
    let server = Server::fan(3);
    server.on(
        "/robots.txt",
        Answer::text("User-agent: *\nCrawl-delay: 1\n"),
    );
    let job = Job::site(&server.url("/"), "fetch: { delay: 10ms, concurrency: 8 }");
    job.finish(&[]);
    let pages = server.page_log();
    assert_eq!(pages.len(), 4);
    let span = pages[3].at - pages[0].at;
    assert!(
        span >= Duration::from_millis(2800),
        "four pages in {span:?}"
    );
}
