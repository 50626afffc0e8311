//! Redirects: the frontier's rules hold for where they lead.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use serde_json::json;

/// Scripts `/{name}/0` → … → `/{name}/{hops}`, the last one a page.
fn chain(server: &Server, name: &str, hops: usize) {
    for hop in 0..hops {
        let to = format!("/{name}/{}", hop + 1);
        server.on(&format!("/{name}/{hop}"), Answer::redirect(&to));
    }
    server.page(&format!("/{name}/{hops}"), &[]);
}

#[test]
fn a_redirect_is_done_and_its_target_is_a_page() {
    let server = Server::start();
    server.page("/", &["/old", "/older", "/new", "/relative/x"]);
    for (path, status) in [("/old", 301), ("/older", 308)] {
        server.on(
            path,
            Answer::redirect(&server.url("/new#part")).with_status(status),
        );
    }
    server.on(
        "/relative/x",
        Answer::redirect("../landed?y=1").with_status(307),
    );
    server.page("/landed?y=1", &["/after"]);
    server.page("/new", &[]);
    server.page("/after", &[]);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    let want = [
        "/",
        "/after",
        "/landed?y=1",
        "/new",
        "/old",
        "/older",
        "/relative/x",
    ];
    assert_eq!(pages.done(&server.url("")), want);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
    let old = pages.at(&server.url("/old"));
    assert_eq!(
        (&old["final_url"], &old["status"]),
        (&json!(server.url("/new")), &json!(301))
    );
    assert_eq!(
        pages.at(&server.url("/new"))["final_url"],
        server.url("/new")
    );
    assert_eq!(
        pages.at(&server.url("/relative/x"))["final_url"],
        server.url("/landed?y=1")
    );
}

#[test]
fn scope_and_robots_hold_for_the_target() {
    let (server, stranger) = (Server::start(), Server::fan(1));
    server.on(
        "/robots.txt",
        Answer::text("User-agent: *\nDisallow: /private\n"),
    );
    server.page("/", &["/away", "/out", "/in", "/scheme"]);
    server.on("/away", Answer::redirect(&stranger.url("/1")));
    server.on("/out", Answer::redirect("/excluded"));
    server.on("/in", Answer::redirect("/private"));
    server.on("/scheme", Answer::redirect("file:///etc/passwd"));
    let job = Job::site(&server.url("/"), "scope: { exclude: ['^/excluded'] }");
    job.finish(&[]);
    assert!(stranger.log().is_empty(), "led to {:?}", stranger.log());
    assert_eq!(
        (server.count("/excluded"), server.count("/private")),
        (0, 0)
    );
    let pages = job.pages();
    assert_eq!(pages.end(&server.url("/private")), "skipped robots");
    for path in ["/away", "/out", "/scheme"] {
        let end = pages.end(&server.url(path));
        assert!(!end.starts_with("queued"), "{path} is {end}");
        assert_eq!(server.count(path), 1, "{path}");
    }
    assert_eq!(job.site_status("site")["pages"]["queued"], 0);
}

#[test]
fn loops_end_as_failures_of_their_kind() {
    let server = Server::start();
    server.page("/", &["/self", "/a", "/nowhere", "/empty"]);
    server.on("/self", Answer::redirect("/self"));
    server.on("/a", Answer::redirect("/b"));
    server.on("/b", Answer::redirect("/c"));
    server.on("/c", Answer::redirect("/a"));
    server.on("/nowhere", Answer::status(302));
    server.on("/empty", Answer::redirect("http://["));
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    for path in ["/self", "/a", "/b", "/c", "/nowhere", "/empty"] {
        assert_eq!(pages.end(&server.url(path)), "failed redirect", "{path}");
        assert_eq!(server.count(path), 1, "{path}");
    }
    assert_eq!(job.site_status("site")["pages"]["failed"], 6);
}

#[test]
fn ten_redirects_are_followed_and_eleven_are_not() {
    let server = Server::start();
    server.page("/", &["/ten/0", "/eleven/0"]);
    chain(&server, "ten", 10);
    chain(&server, "eleven", 11);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();
    assert_eq!(pages.end(&server.url("/ten/10")), "done");
    let first = pages.at(&server.url("/ten/0"));
    assert_eq!(first["final_url"], server.url("/ten/10"));
    assert_eq!(server.count("/eleven/11"), 0);
    let ends = pages.ends(&server.url("/eleven"));
    let failed = ends
        .iter()
        .filter(|(_, end)| end == "failed redirect")
        .count();
    assert!(failed >= 1, "{ends:#?}");
    assert!(
        !ends.iter().any(|(_, end)| end.starts_with("queued")),
        "{ends:#?}"
    );
}

#[test]
fn a_redirected_start_page_carries_the_site() {
    let server = Server::start();
    server.on("/", Answer::redirect("/home"));
    server.page("/home", &["/1"]);
    server.page("/1", &["/"]);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/home"]);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
}
