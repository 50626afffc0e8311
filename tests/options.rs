//! canonical, noindex, nofollow and hreflang as the sites file has them.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};

fn crawl(server: &Server, discover: &str) -> (Vec<String>, Vec<String>) {
    let more = format!(
        "discover: {{ sitemap: off{discover} }}\nextract:\n  - record: page\n    fields: {{ h: h1 }}"
    );
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    let base = server.url("");
    let base = base.trim_end_matches('/');
    let mut records: Vec<String> = job
        .records()
        .iter()
        .map(|record| record["url"].as_str().unwrap().replacen(base, "", 1))
        .collect();
    records.sort();
    (job.pages().done(base), records)
}

fn html(head: &str, links: &[&str]) -> Answer {
    let links: Vec<String> = links
        .iter()
        .map(|link| format!("<a href={link}>x</a>"))
        .collect();
    Answer::html(&format!("<head>{head}</head><h1>x</h1>{}", links.join("")))
}

#[test]
fn canonical() {
    let server = Server::island(1);
    server.on("/", html("", &["/a?s=1", "/own", "/out"]));
    server.on("/a?s=1", html("<link rel=canonical href=/a>", &[]));
    server.on("/a", html("<link rel=canonical href=/a>", &[]));
    server.on("/own", html("<link rel=canonical href='/own#x'>", &[]));
    server.on(
        "/out",
        html("<link rel=canonical href='http://e.test/'>", &[]),
    );
    let all = ["/", "/a", "/a?s=1", "/out", "/own"];
    let without = ["/", "/a?s=1", "/out", "/own"];
    for (option, done, records) in [
        ("", &without[..], &without[..]),
        (", canonical: record", &without, &without),
        (", canonical: follow", &all, &all),
        (", canonical: only", &all, &["/", "/a", "/out", "/own"]),
    ] {
        let (pages, taken) = crawl(&server, option);
        assert_eq!(pages, done, "{option}");
        assert_eq!(taken, records, "{option}");
    }
}

#[test]
fn noindex_and_nofollow() {
    let server = Server::island(1);
    server.on("/", html("", &["/meta", "/header", "/other"]));
    server.on("/meta", html("<meta name=robots content=noindex>", &["/1"]));
    server.on(
        "/header",
        html("", &["/2"]).header("X-Robots-Tag", "noindex, nofollow"),
    );
    server.on(
        "/other",
        html("", &["/3"]).header("X-Robots-Tag", "otherbot: noindex, nofollow"),
    );
    for path in ["/1", "/2", "/3"] {
        server.on(path, html("", &[]));
    }
    let usual = ["/", "/1", "/3", "/header", "/meta", "/other"];
    let all = ["/", "/1", "/2", "/3", "/header", "/meta", "/other"];
    for (option, done, records) in [
        ("", &usual[..], &usual[..]),
        (", noindex: keep, nofollow: ignore", &all, &all),
        (", noindex: skip", &usual, &["/", "/1", "/3", "/other"]),
    ] {
        let (pages, taken) = crawl(&server, option);
        assert_eq!(pages, done, "{option}");
        assert_eq!(taken, records, "{option}");
    }
}

#[test]
fn hreflang() {
    let server = Server::island(1);
    let head = "<link rel=alternate hreflang=de href=/de><link rel='alternate nofollow' hreflang=x-default href=/>\
                <link rel=alternate type='application/rss+xml' href=/feed>";
    server.on("/", html(head, &[]));
    server.on("/de", html("", &[]));
    for (option, done) in [
        ("", &["/"][..]),
        (", hreflang: off", &["/"]),
        (", hreflang: follow", &["/", "/de"]),
    ] {
        assert_eq!(crawl(&server, option).0, done, "{option}");
    }
}

#[test]
fn other_words_are_refused() {
    for (option, told) in [
        ("canonical: yes", "record, follow or only"),
        ("noindex: obey", "keep or skip"),
        ("hreflang: on", "off or follow"),
    ] {
        let job = Job::raw(&format!(
            "site: a\nstart: http://127.0.0.1/\ndiscover: {{ {option} }}\n"
        ));
        let refused = job.run(&[]);
        refused.expect(2);
        assert!(refused.stderr.contains("sites.yaml:3:"), "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
}
