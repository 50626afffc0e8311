//! `crawldeck extract` makes of the archive what a crawl makes of the pages.

mod common;

use common::crawl::{FAST, Job};
use common::server::{Answer, Server};

/// Pages of every kind that `noindex` and `canonical` tell apart, JSON and a
/// base among them; each is linked, so that every crawl has the same.
fn site() -> Server {
    let server = Server::island(1);
    let page = |head: &str, foot: &str| {
        let body = "<h1>Title</h1><p><a href=more>more</a></p>";
        Answer::html(&format!("<head>{head}</head>{body}{foot}"))
    };
    let json = || Answer::typed("application/json", b"{\"title\": \"Item\"}");
    let noindex = "<meta name=robots content=noindex>";
    let pages = [
        ("/plain", page("", "")),
        ("/copy?s=1", page("<link rel=canonical href=/plain>", "")),
        ("/late", page("", "<link rel=canonical href=/plain>")),
        ("/own", page("<link rel=canonical href='/own#part'>", "")),
        (
            "/out",
            page("<link rel=canonical href='http://e.test/'>", ""),
        ),
        ("/hidden", page(noindex, "")),
        ("/hidden-late", page("", noindex)),
        ("/header", page("", "").header("x-robots-tag", "noindex")),
        (
            "/bot",
            page("", "").header("x-robots-tag", "other: noindex"),
        ),
        ("/based", page("", "<base href=/below/>")),
        ("/json", json()),
        ("/json-hidden", json().header("x-robots-tag", "none")),
    ];
    let links = pages
        .iter()
        .map(|(path, _)| format!("<a href='{path}'>x</a>"));
    server.on("/", Answer::html(&links.collect::<String>()));
    for (path, answer) in pages {
        server.on(path, answer);
    }
    server
}

/// A site's document with this `discover` and these fields of its pages.
fn document(server: &Server, discover: &str, fields: &str) -> String {
    format!(
        "{FAST}site: site
start: {}
scope: {{ exclude: [more] }}
discover: {{ sitemap: off{discover} }}
keep: {{ bodies: warc }}
extract:
  - record: page
    fields: {fields}
  - record: item
    when: ^/json
    fields: {{ title: {{ json: $.title }} }}
",
        server.url("/")
    )
}

/// Path, name and fields of every record, in order.
fn records(job: &Job, server: &Server) -> Vec<String> {
    let base = server.url("");
    let told = |record: &serde_json::Value| {
        let url = record["url"].as_str().unwrap();
        let path = url.strip_prefix(base.trim_end_matches('/')).unwrap();
        format!("{path} {} {}", record["record"], record["fields"])
    };
    let mut records: Vec<String> = job.records().iter().map(told).collect();
    records.sort();
    records
}

#[test]
fn what_a_crawl_leaves_out_is_left_out() {
    let server = site();
    let old = "{ heading: h1 }";
    let new = "{ heading: h1, link: { css: p a, attr: href, as: url } }";
    let extracted = Job::raw(&document(&server, "", old));
    extracted.finish(&[]);
    let mut sizes = Vec::new();
    for discover in [
        ", noindex: skip",
        ", canonical: only",
        ", noindex: skip, canonical: only",
        "",
    ] {
        let crawled = Job::raw(&document(&server, discover, new));
        crawled.finish(&[]);
        let expected = records(&crawled, &server);
        extracted.rewrite(&document(&server, discover, new));
        extracted.crawldeck(&["extract", "sites.yaml"]).expect(0);
        let wal = extracted.dir().join("crawl.db-wal");
        assert!(!wal.exists(), "everything is in the database");
        assert_eq!(records(&extracted, &server), expected, "{discover}");
        let kept = extracted.site_status("site")["records"].as_u64().unwrap();
        assert_eq!(kept as usize, expected.len(), "{discover}");
        sizes.push(expected.len());
    }
    // 13 pages; what is left out are four hidden ones, two copies, or both.
    assert_eq!(sizes, [9, 11, 7, 13]);
}
