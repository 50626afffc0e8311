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
            "namespaces",
            |s| {
                let text = format!(
                    "<?xml version=\"1.0\"?>\n<sm:urlset xmlns:sm=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
                     xmlns:image=\"http://www.google.com/schemas/sitemap-image/1.1\" \
                     xmlns:news=\"http://www.google.com/schemas/sitemap-news/0.9\" \
                     xmlns:video=\"http://www.google.com/schemas/sitemap-video/1.1\">\
                     <sm:url><image:image><image:loc>{0}/3</image:loc></image:image>\
                     <sm:loc>{0}/1</sm:loc></sm:url>\
                     <sm:url><sm:loc>{0}/2</sm:loc><news:news><news:title>n</news:title></news:news>\
                     <video:video><video:content_loc>{0}/4</video:content_loc></video:video></sm:url>\
                     </sm:urlset>",
                    s.url("")
                );
                s.on("/sitemap.xml", xml(&text));
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "atom",
            |s| {
                let text = format!(
                    "<feed xmlns=\"http://www.w3.org/2005/Atom\"><link href=\"{0}/4\"/>\
                     <entry><link rel=\"self\" href=\"{0}/3\"/><link href=\"{0}/1\"/></entry>\
                     <entry><link rel=\"alternate\" href=\"/2\"/></entry></feed>",
                    s.url("")
                );
                s.on(
                    "/sitemap.xml",
                    Answer::typed("application/atom+xml", text.as_bytes()),
                );
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "rss",
            |s| {
                let text = format!(
                    "<rss version=\"2.0\"><channel><link>{0}/4</link>\
                     <item><link>{0}/1</link></item>\
                     <item><guid isPermaLink=\"true\">{0}/2</guid></item></channel></rss>",
                    s.url("")
                );
                s.on(
                    "/sitemap.xml",
                    Answer::typed("application/rss+xml", text.as_bytes()),
                );
                String::new()
            },
            &["/1", "/2"],
        ),
        (
            "bom",
            |s| {
                let text = format!("\u{feff}{}", urlset(&[s.url("/1")]));
                s.on("/sitemap.xml", xml(&text));
                String::new()
            },
            &["/1"],
        ),
        (
            "utf-16",
            |s| {
                let text = urlset(&[s.url("/2")]).replace("1.0\"", "1.0\" encoding=\"utf-16\"");
                let mut bytes = vec![0xff, 0xfe];
                bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
                s.on("/sitemap.xml", Answer::typed("application/xml", &bytes));
                String::new()
            },
            &["/2"],
        ),
        (
            "latin-1",
            |s| {
                s.page("/caf%C3%A9", &[]);
                let text =
                    urlset(&[s.url("/caf@")]).replace("1.0\"", "1.0\" encoding=\"iso-8859-1\"");
                let mut bytes = text.into_bytes();
                let at = bytes.iter().position(|byte| *byte == b'@').unwrap();
                bytes[at] = 0xe9;
                s.on("/sitemap.xml", Answer::typed("application/xml", &bytes));
                String::new()
            },
            &["/caf%C3%A9"],
        ),
        (
            "relative",
            |s| {
                let robots = format!("Sitemap: {}\n", s.url("/maps/m.xml"));
                s.on("/robots.txt", Answer::text(&robots));
                let text = urlset(&["/1".to_owned(), "../2".to_owned()]);
                s.on("/maps/m.xml", xml(&text));
                String::new()
            },
            &["/1", "/2"],
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
    let log = job.log();
    assert!(
        log.contains("1 further sitemaps left out: they are more than 5 indexes deep"),
        "{log}"
    );
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

#[test]
fn what_was_named_and_is_no_sitemap_is_told_with_how_it_begins() {
    let server = island();
    let html = "<!doctype html><html><title>Not here</title><p>gone";
    server.on("/map", Answer::html(html));
    let packed = gz(&urlset(
        &(0..2000)
            .map(|n| server.url(&format!("/n/{n}")))
            .collect::<Vec<_>>(),
    ));
    server.on(
        "/half",
        Answer::typed("application/gzip", &packed[..packed.len() / 2]),
    );
    let more = format!(
        "discover: {{ sitemap: ['{}', '{}'], links: off }}\nlimits: {{ pages: 1 }}",
        server.url("/map"),
        server.url("/half")
    );
    let job = Job::site(&server.url("/"), &more);
    let ended = job.finish(&[]);
    let log = job.log();
    for words in [
        "/map: it is an HTML page, not a sitemap: \"<!doctype html><html><title>Not here",
        "/half: its gzip breaks off: ",
        "2 sources could not be read",
    ] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }
    assert!(ended.stdout.contains("it is an HTML page"), "{ended:?}");
    let known = job.pages().0.len();
    assert!((10..2000).contains(&known), "{known} of a half sitemap");
}
