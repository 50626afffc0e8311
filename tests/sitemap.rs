//! Sitemaps: where they are found, what they are made of, what they may not do.

mod common;

use common::crawl::{FAST, Job};
use common::server::{Answer, Server};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

/// A site whose start page links to nothing, with `/1` … `/4` to be found.
fn island() -> Server {
    let server = Server::fan(4);
    server.page("/", &[]);
    server
}

fn urlset(locs: &[String]) -> String {
    let urls: String = locs
        .iter()
        .map(|loc| format!("<url><loc>{loc}</loc></url>\n"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{urls}</urlset>"
    )
}

fn index(locs: &[String]) -> String {
    let maps: String = locs
        .iter()
        .map(|loc| format!("<sitemap><loc>{loc}</loc></sitemap>\n"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?>\n\
         <sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{maps}</sitemapindex>"
    )
}

fn xml(text: &str) -> Answer {
    Answer::typed("application/xml", text.as_bytes())
}

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A case: what the server offers, the site's document, the pages found.
type Case = (&'static str, fn(&Server) -> String, &'static [&'static str]);

fn try_all(cases: &[Case]) {
    let mut documents = Vec::new();
    let mut servers = Vec::new();
    for (name, set, _) in cases {
        let server = island();
        let more = set(&server);
        documents.push(format!(
            "site: {name}\nstart: {}\n{more}\n",
            server.url("/")
        ));
        servers.push(server);
    }
    let job = Job::raw(&(FAST.to_owned() + &documents.join("---\n")));
    job.finish(&[]);
    let pages = job.pages();
    for ((name, _, want), server) in cases.iter().zip(&servers) {
        let mut want: Vec<_> = [&["/"], *want].concat();
        want.sort_unstable();
        assert_eq!(pages.done(&server.url("")), want, "{name}");
        assert!(
            server.repeated_at_all().is_empty(),
            "{name}: {:?}",
            server.repeated_at_all()
        );
    }
}

#[test]
fn every_way_to_a_sitemap_is_taken() {
    try_all(&[
        (
            "well-known",
            |s| {
                s.on("/sitemap.xml", xml(&urlset(&[s.url("/1"), s.url("/2")])));
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "robots",
            |s| {
                let robots = format!("Sitemap: {}\nsitemap:{}\n", s.url("/m/a"), s.url("/m/b"));
                s.on("/robots.txt", Answer::text(&robots));
                s.on("/m/a", xml(&urlset(&[s.url("/1")])));
                s.on("/m/b", xml(&urlset(&[s.url("/3")])));
                // Named ones stand in for the well-known one.
                s.on("/sitemap.xml", xml(&urlset(&[s.url("/2")])));
                String::new()
            },
            &["/1", "/3"],
        ),
        (
            "index",
            |s| {
                let maps = [
                    s.url("/sitemap-a.xml"),
                    s.url("/sitemap-b.xml"),
                    s.url("/none"),
                ];
                s.on("/sitemap.xml", xml(&index(&maps)));
                s.on("/sitemap-a.xml", xml(&index(&[s.url("/sitemap-c.xml")])));
                s.on("/sitemap-b.xml", xml(&urlset(&[s.url("/1")])));
                s.on("/sitemap-c.xml", xml(&urlset(&[s.url("/2")])));
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "index-of-itself",
            |s| {
                let maps = [s.url("/sitemap.xml"), s.url("/sitemap-a.xml")];
                s.on("/sitemap.xml", xml(&index(&maps)));
                s.on("/sitemap-a.xml", xml(&urlset(&[s.url("/4")])));
                String::new()
            },
            &["/4"],
        ),
        (
            "list",
            |s| {
                s.on("/sitemap.xml", xml(&urlset(&[s.url("/1")])));
                s.on("/other.txt", Answer::text(&s.url("/2")));
                format!("discover: {{ sitemap: ['{}'] }}", s.url("/other.txt"))
            },
            &["/2"],
        ),
        (
            "off",
            |s| {
                s.on("/sitemap.xml", xml(&urlset(&[s.url("/1")])));
                "discover: { sitemap: off }".to_owned()
            },
            &[],
        ),
    ]);
}

#[test]
fn every_form_of_a_sitemap_is_read() {
    try_all(&[
        (
            "gz-by-name",
            |s| {
                let robots = format!("Sitemap: {}\n", s.url("/map.xml.gz"));
                s.on("/robots.txt", Answer::text(&robots));
                let packed = gz(&urlset(&[s.url("/1")]));
                s.on("/map.xml.gz", Answer::typed("application/gzip", &packed));
                String::new()
            },
            &["/1"],
        ),
        (
            "gz-called-xml",
            |s| {
                let packed = gz(&urlset(&[s.url("/2")]));
                s.on("/sitemap.xml", Answer::typed("application/xml", &packed));
                String::new()
            },
            &["/2"],
        ),
        (
            "gz-by-encoding",
            |s| {
                let packed = gz(&urlset(&[s.url("/3")]));
                let answer = Answer::typed("application/xml", &packed);
                s.on("/sitemap.xml", answer.header("content-encoding", "gzip"));
                String::new()
            },
            &["/3"],
        ),
        (
            "xml-called-gz",
            |s| {
                s.on(
                    "/robots.txt",
                    Answer::text(&format!("Sitemap: {}\n", s.url("/m.gz"))),
                );
                let text = urlset(&[s.url("/4")]);
                s.on(
                    "/m.gz",
                    Answer::typed("application/x-gzip", text.as_bytes()),
                );
                String::new()
            },
            &["/4"],
        ),
        (
            "text",
            |s| {
                s.on(
                    "/robots.txt",
                    Answer::text(&format!("Sitemap: {}\n", s.url("/m.txt"))),
                );
                let text = format!(
                    "\u{feff}{}\r\n\r\n  {}  \r\nno url\r\n",
                    s.url("/1"),
                    s.url("/2")
                );
                s.on("/m.txt", Answer::text(&text));
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "entities-and-cdata",
            |s| {
                s.page("/q?a=1&b=2", &[]);
                let text = urlset(&[
                    s.url("/q?a=1&amp;b=2"),
                    format!("<![CDATA[{}]]>", s.url("/1")),
                    format!("\n  {}\n ", s.url("/2")),
                ]);
                s.on("/sitemap.xml", xml(&text));
                String::new()
            },
            &["/1", "/2", "/q?a=1&b=2"],
        ),
        (
            "broken-off",
            |s| {
                let whole = urlset(&[s.url("/1"), s.url("/2")]);
                let at = whole.rfind("<url>").unwrap();
                s.on("/sitemap.xml", xml(&whole[..at + 8]));
                String::new()
            },
            &["/1"],
        ),
        (
            "not-a-sitemap",
            |s| {
                s.on("/sitemap.xml", Answer::links(&["/1"]));
                String::new()
            },
            &[],
        ),
        (
            "error",
            |s| {
                s.on("/sitemap.xml", Answer::status(500));
                String::new()
            },
            &[],
        ),
    ]);
}

#[test]
fn a_sitemap_leads_nowhere_that_the_site_may_not_go() {
    let stranger = Server::fan(1);
    let server = island();
    let locs = [
        server.url("/1"),
        server.url("/2"),
        server.url("/3"),
        stranger.url("/1"),
    ];
    server.on("/sitemap.xml", xml(&urlset(&locs)));
    server.on("/robots.txt", Answer::text("User-agent: *\nDisallow: /3\n"));
    let job = Job::site(&server.url("/"), "scope: { exclude: ['^/2'] }");
    job.finish(&[]);
    let pages = job.pages();
    assert_eq!(pages.done(&server.url("")), ["/", "/1"]);
    assert_eq!(pages.end(&server.url("/3")), "skipped robots");
    assert_eq!((server.count("/2"), server.count("/3")), (0, 0));
    assert!(stranger.log().is_empty());
}

#[test]
fn endlessly_nested_sitemaps_end() {
    let server = island();
    for i in 0..200 {
        let here = if i == 0 {
            "/sitemap.xml".into()
        } else {
            format!("/sitemap-{i}.xml")
        };
        let next = server.url(&format!("/sitemap-{}.xml", i + 1));
        server.on(&here, xml(&index(&[next])));
    }
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let asked = server
        .log()
        .iter()
        .filter(|h| h.target.starts_with("/sitemap"))
        .count();
    assert!((2..50).contains(&asked), "{asked} sitemaps were read");
}

#[test]
fn a_compressed_bomb_is_not_unpacked_whole() {
    let server = island();
    // Far over the 50 MiB that a sitemap may have, before the one entry.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(b"<?xml version=\"1.0\"?><urlset>")
        .unwrap();
    for _ in 0..128 {
        encoder.write_all(&[b' '; 1 << 20]).unwrap();
    }
    encoder
        .write_all(format!("<url><loc>{}</loc></url></urlset>", server.url("/1")).as_bytes())
        .unwrap();
    let bomb = encoder.finish().unwrap();
    server.on("/sitemap.xml", Answer::typed("application/gzip", &bomb));
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/"]);
}
