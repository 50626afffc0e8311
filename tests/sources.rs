//! Sitemaps, lists and APIs that fail: told, kept, and asked again.

mod common;

use common::crawl::{Job, Signal};
use common::pty::{Pty, shows};
use common::server::{Answer, Gate, Server};
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::Write;

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn urlset(locs: &[String]) -> String {
    let urls: String = locs
        .iter()
        .map(|loc| format!("<url><loc>{loc}</loc></url>\n"))
        .collect();
    format!("<?xml version=\"1.0\"?>\n<urlset>\n{urls}</urlset>")
}

fn index(locs: &[String]) -> String {
    let maps: String = locs
        .iter()
        .map(|loc| format!("<sitemap><loc>{loc}</loc></sitemap>\n"))
        .collect();
    format!("<?xml version=\"1.0\"?>\n<sitemapindex>\n{maps}</sitemapindex>")
}

fn xml(text: &str) -> Answer {
    Answer::typed("application/xml", text.as_bytes())
}

/// An answer whose connection breaks off before its end.
fn broken_off(text: &str) -> Answer {
    let length = text.len() + 1000;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}");
    Answer::raw(format!("{head}\r\n\r\n{text}").as_bytes())
}

/// The row of `export --what sources` whose name ends so.
fn source(job: &Job, end: &str) -> Value {
    let rows = job.lines("sources");
    let found = rows
        .iter()
        .find(|row| row["name"].as_str().unwrap().ends_with(end));
    found
        .unwrap_or_else(|| panic!("no {end} among {rows:#?}"))
        .clone()
}

fn state(job: &Job, end: &str) -> String {
    source(job, end)["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_list_that_was_not_had_whole_is_asked_again_until_it_is() {
    let server = Server::island(60);
    let at = |n: u32| server.url(&format!("/{n}"));
    let rows: String = (1..=60).map(|n| at(n) + "\n").collect();
    let packed = gz(&rows);
    server.sequence(
        "/list",
        [
            Answer::html("<!doctype html><title>Log in</title>"),
            Answer::status(503),
            Answer::typed("application/gzip", &packed[..packed.len() / 2]),
            broken_off(&rows[..rows.len() / 2]),
            Answer::text(&rows),
        ],
    );
    let more = format!(
        "discover: {{ sitemap: off, files: ['{}'] }}",
        server.url("/list")
    );
    let job = Job::site(&server.url("/"), &more);
    for (run, words) in [
        "/list: 0 rows, 0 new pages; it is an HTML page, not a sitemap: \"<!doctype html><title>Log in",
        "/list: status 503 \"<title>503</title><p>status 503</p>\"",
        "/list: ",
        "/list: ",
    ]
    .iter()
    .enumerate()
    {
        let ended = job.finish(&[]);
        assert_eq!(server.count("/list"), run + 1);
        let told = "site: finished: 1 source could not be read";
        assert!(ended.stdout.contains(told), "{ended:?}");
        let log = job.log();
        assert!(log.contains(words), "no {words:?} in {log}");
        let row = source(&job, "/list");
        assert_eq!(row["state"], "failed", "{run}: {row}");
        assert!(row["problem"].as_str().unwrap().len() > 10, "{row}");
        let status = job.site_status("site");
        assert_eq!(status["state"], "finished");
        let why = status["why"].as_str().unwrap();
        assert!(why.contains("1 source could not be read"), "{why}");
        assert_eq!(status["sources"]["failed"], 1);
        assert_eq!(status["sources"]["failures"][0]["problem"], row["problem"]);
    }
    job.finish(&[]);
    let mut want: Vec<String> = (1..=60).map(|n| format!("/{n}")).collect();
    want.push("/".to_owned());
    want.sort();
    assert_eq!(job.pages().done(&server.url("")), want);
    assert_eq!(job.pages().0.len(), 61, "no half row is a page");
    let row = source(&job, "/list");
    assert_eq!(
        (&row["state"], &row["read"], &row["urls"]),
        (&"done".into(), &60.into(), &60.into())
    );
    assert_eq!(job.site_status("site")["why"], Value::Null);
    job.finish(&[]);
    assert_eq!(server.count("/list"), 5, "what was read is not asked again");
    assert!(
        server
            .page_log()
            .iter()
            .filter(|hit| hit.target == "/1")
            .count()
            == 1
    );
}

#[test]
fn sitemaps_that_failed_are_asked_again_and_no_others() {
    let server = Server::island(9);
    let at = |n: u32| server.url(&format!("/{n}"));
    let maps = ["/map-a", "/map-b", "/map-c", "/map-gone"].map(|path| server.url(path));
    server.on(
        "/robots.txt",
        Answer::text(&format!("Sitemap: {}\n", server.url("/map"))),
    );
    server.on("/map", xml(&index(&maps)));
    server.sequence("/map-a", [Answer::status(503), xml(&urlset(&[at(1)]))]);
    let whole = urlset(&[at(2), at(3), at(4)]);
    let cut = whole.rfind("/4").unwrap();
    server.sequence("/map-b", [xml(&whole[..cut]), xml(&whole)]);
    server.on("/map-c", xml(&urlset(&[at(5), "ftp://e.org/".to_owned()])));
    let job = Job::site(&server.url("/"), "");
    let ended = job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/2", "/3", "/5"]);
    assert!(ended.stdout.contains("/map-a: status 503"), "{ended:?}");
    let log = job.log();
    for words in [
        "/map-b: it breaks off in the middle: \"",
        "/map-c: 1 new pages, 0 further sitemaps, 1 bad (not a URL: \"ftp://e.org/\")",
        "/map-gone: status 404 \"",
    ] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }
    for (name, is) in [
        ("/map", "done"),
        ("/map-a", "failed"),
        ("/map-b", "failed"),
        ("/map-c", "done"),
        ("/map-gone", "failed"),
    ] {
        assert_eq!(state(&job, name), is, "{name}");
    }
    let bad = source(&job, "/map-c");
    assert_eq!(bad["problem"], "1 bad (not a URL: \"ftp://e.org/\")");
    assert_eq!(
        (&bad["read"], &bad["urls"], &bad["bad"]),
        (&2.into(), &1.into(), &1.into())
    );

    job.finish(&[]);
    assert_eq!(
        job.pages().done(&server.url("")),
        ["/", "/1", "/2", "/3", "/4", "/5"]
    );
    for (path, times) in [
        ("/map", 1),
        ("/map-a", 2),
        ("/map-b", 2),
        ("/map-c", 1),
        ("/map-gone", 2),
    ] {
        assert_eq!(server.count(path), times, "{path}");
    }
    assert_eq!(state(&job, "/map-a"), "done");
    assert_eq!(state(&job, "/map-b"), "done");
    let table = job.crawldeck(&["status", "sites.crawl"]);
    table.expect(0);
    assert!(table.stdout.contains("/map-gone: status 404"), "{table:?}");
}

#[test]
fn a_sitemap_of_the_sites_file_and_one_at_the_usual_place_are_asked_again() {
    let server = Server::island(2);
    let other = Server::island(2);
    server.sequence(
        "/own?key=s3cretword",
        [Answer::status(503), xml(&urlset(&[server.url("/1")]))],
    );
    other.sequence(
        "/sitemap.xml",
        [Answer::status(500), xml(&urlset(&[other.url("/2")]))],
    );
    let job = Job::new(&format!(
        "site: site\nstart: {}\ndiscover: {{ sitemap: ['{}'] }}\n---\nsite: other\nstart: {}\n",
        server.url("/"),
        server.url("/own?key=s3cretword"),
        other.url("/"),
    ));
    job.finish(&[]);
    assert_eq!(state(&job, "/own"), "failed");
    assert_eq!(state(&job, "/sitemap.xml"), "failed");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1"]);
    assert_eq!(job.pages().done(&other.url("")), ["/", "/2"]);
    assert_eq!(state(&job, "/own"), "done");
    assert_eq!(state(&job, "/sitemap.xml"), "done");
    job.finish(&[]);
    assert_eq!(server.count("/own?key=s3cretword"), 2);
    assert_eq!(other.count("/sitemap.xml"), 2);
    let rows = job.export("sources", "csv");
    assert!(!rows.contains("s3cretword"), "{rows}");
}

#[test]
fn a_sitemap_that_a_list_names_survives_a_kill() {
    let server = Server::island(2);
    let gate = Gate::default();
    server.on("/list", xml(&index(&[server.url("/map")])));
    let map = xml(&urlset(&[server.url("/1")]));
    server.sequence("/map", [map.clone().behind(&gate), map]);
    let more = format!(
        "discover: {{ sitemap: off, files: ['{}'] }}",
        server.url("/list")
    );
    let job = Job::site(&server.url("/"), &more);
    let running = job.start(&[]);
    server.wait_hits("/map", 1);
    // The list is marked as read with what comes after it in the store.
    let known = || {
        job.lines("sources")
            .iter()
            .any(|row| row["state"] == "waiting")
    };
    while !known() {
        std::thread::yield_now();
    }
    running.signal(Signal::KILL);
    gate.open();
    let _ = running.wait();
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1"]);
    assert_eq!(server.count("/map"), 2);
}

/// 64 MiB are taken of a sitemap; what is cut there is half a location.
#[test]
fn a_sitemap_that_is_too_large_gives_no_half_location() {
    const MOST: usize = 64 << 20;
    let server = Server::island(3);
    let at = |n: u32| server.url(&format!("/{n}"));
    let junk = format!("no URL {}\n", "x".repeat(60_000));
    let mut body = at(1) + "\n";
    while body.len() + junk.len() + 200 < MOST {
        body += &junk;
    }
    // So that all of it but its last character is within.
    let last = at(22);
    body += &"x".repeat(MOST - body.len() - last.len());
    body += &format!("\n{last}\n{}\n", at(3));
    assert!(body.as_bytes()[..MOST].ends_with(at(2).as_bytes()));
    server.on("/map", Answer::text(&body));
    let more = format!("discover: {{ sitemap: ['{}'] }}", server.url("/map"));
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1"]);
    assert_eq!(job.pages().0.len(), 2);
    let row = source(&job, "/map");
    assert_eq!(row["state"], "failed");
    let problem = row["problem"].as_str().unwrap();
    let words = format!("it is cut off after {MOST} bytes: \"");
    assert!(problem.starts_with(&words), "{problem}");
}

#[test]
fn the_deck_shows_what_became_of_each_source() {
    let server = Server::island(1);
    server.on("/list", Answer::status(503));
    let gate = Gate::default();
    server.on("/1", Answer::html("one").behind(&gate));
    server.on("/sitemap.xml", xml(&urlset(&[server.url("/1")])));
    let more = format!("discover: {{ files: ['{}'] }}", server.url("/list"));
    let job = Job::site(&server.url("/"), &more);
    let args = ["run", "sites.yaml", "--metrics", "0"];
    let mut pty = Pty::spawn(&args, job.folder(), (45, 160), &[]);
    server.wait_hits("/1", 1);
    server.wait_hits("/list", 1);
    pty.wait_text("site");
    pty.keys("\r");
    pty.wait_for("the sources, the failed one first", |screen| {
        let text = screen.contents();
        let at = |text: &str, words: &str| text.find(words);
        match (at(&text, "failed  list"), at(&text, "done    sitemap")) {
            (Some(failed), Some(done)) => failed < done && shows(screen, "status 503"),
            _ => false,
        }
    });
    pty.wait_text("1 of its sitemaps, lists and APIs could not be read");
    let metrics = job.metrics();
    let line = "crawldeck_sources_failed{site=\"site\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
    pty.resize(24, 80);
    pty.keys("eeeee");
    pty.wait_for("the pane alone", |screen| {
        shows(screen, "> sources 2") && shows(screen, "failed  list")
    });
    gate.open();
    // The site is over: there is nothing to be asked about.
    pty.wait_text("finished");
    pty.keys("q");
    let code = pty.wait();
    assert_eq!(code, 0);
}
