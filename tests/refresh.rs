//! Crawling again: what has not changed costs little and stands, what has is
//! told, and no kill loses or doubles anything.

mod common;

use common::DEADLINE;
use common::crawl::Job;
use common::server::{Answer, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

const FIELDS: &str =
    "extract:\n  - record: page\n    fields: { title: h1, tags: { css: .tag, all: true } }\n";

/// A page with a title, tags and links.
fn page(title: &str, tags: &[&str], links: &[&str]) -> Answer {
    let tags: String = tags
        .iter()
        .map(|t| format!("<i class=tag>{t}</i>"))
        .collect();
    let links: String = links
        .iter()
        .map(|to| format!("<a href={to}>x</a>"))
        .collect();
    let pad = "<p>padding</p>".repeat(50);
    Answer::html(&format!("<h1>{title}</h1>{tags}{links}{pad}"))
}

fn tagged(answer: Answer, etag: &str) -> Answer {
    answer.header("etag", etag).conditional()
}

fn dated(answer: Answer, date: &str) -> Answer {
    answer.header("last-modified", date).conditional()
}

const MAY: &str = "Wed, 01 May 2024 10:00:00 GMT";

/// Forgets the log so far; answers what was asked from then on by path.
fn since(server: &Server, before: usize) -> BTreeMap<String, (u16, usize)> {
    let hits = server.log().into_iter().skip(before);
    hits.map(|hit| (hit.target, (hit.status, hit.bytes)))
        .collect()
}

/// The site's round in `status --json`, without its times.
fn round(job: &Job) -> Value {
    let mut round = job.site_status("site")["round"].clone();
    let times = round.as_object_mut().expect("a round");
    assert!(times.remove("began_ms").unwrap().is_u64());
    assert!(times.remove("ended_ms").unwrap().is_u64(), "it has ended");
    assert!(times.remove("spared_bytes").unwrap().is_u64());
    round
}

fn figures(number: u64, new: u64, changed: u64, unchanged: u64, gone: u64) -> Value {
    json!({"number": number, "new": new, "changed": changed, "unchanged": unchanged, "gone": gone})
}

/// The changes of a round: kind, path, reason and fields.
fn changes(job: &Job, server: &Server, round: u64) -> Vec<String> {
    let lines = job.lines("changes").into_iter();
    let mut told: Vec<String> = lines
        .filter(|line| line["round"] == round)
        .map(|line| {
            assert!(line["round_began"].is_string() && line["found_at"].is_string());
            let url = line["url"].as_str().unwrap();
            let path = url
                .strip_prefix(server.url("").trim_end_matches('/'))
                .unwrap();
            let kind = line["change"].as_str().unwrap();
            let reason = line["reason"].as_str().unwrap_or("-");
            let fields = line["fields"].as_array().unwrap().iter();
            let fields: Vec<String> = fields
                .map(|f| {
                    let (before, after) = (&f["before"], &f["after"]);
                    format!(
                        "{}.{}.{} {before} > {after}",
                        f["record"], f["n"], f["field"]
                    )
                })
                .collect();
            format!(
                "{kind} {path} {reason} {}",
                fields.join(", ").replace('"', "")
            )
        })
        .collect();
    told.sort();
    told
}

/// Title by path, of every record.
fn titles(job: &Job, server: &Server) -> BTreeMap<String, String> {
    let base = server.url("");
    let records = job.records().into_iter();
    records
        .map(|r| {
            let url = r["url"].as_str().unwrap().strip_prefix(&base).unwrap();
            assert!(r["fetched_at"].is_string());
            (
                url.to_owned(),
                r["fields"]["title"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[test]
fn unchanged_pages_cost_no_body_and_keep_what_they_had() {
    let server = Server::start();
    server.on(
        "/",
        tagged(page("Start", &[], &["/etag", "/date", "/plain"]), "\"a\""),
    );
    server.on("/etag", tagged(page("Etag", &["x"], &["/deep"]), "W/\"b\""));
    server.on("/date", dated(page("Date", &[], &["/image"]), MAY));
    server.on("/plain", page("Plain", &[], &["/moved"]));
    server.on("/deep", page("Deep", &[], &[]));
    server.on("/moved", Answer::redirect("/deep"));
    server.on("/image", Answer::typed("image/png", b"png"));
    let job = Job::site(&server.url("/"), FIELDS);
    job.finish(&[]);
    let (pages, records) = (job.pages(), job.records());
    assert_eq!(job.site_status("site")["round"], Value::Null);
    assert!(job.lines("changes").is_empty());

    let before = server.log().len();
    let output = job.finish(&["--refresh"]);
    let line = "site: round 2: 0 new, 0 changed, 7 unchanged, 0 gone";
    assert!(output.stdout.contains(line), "{output:?}");
    let asked = since(&server, before);
    for (path, status) in [("/", 304), ("/etag", 304), ("/date", 304), ("/plain", 200)] {
        assert_eq!(asked[path].0, status, "{path}");
        assert_eq!(asked[path].1 == 0, status == 304, "{path}");
    }
    // robots.txt and the sitemap are asked for again too.
    for path in ["/robots.txt", "/sitemap.xml", "/deep", "/moved", "/image"] {
        assert!(asked.contains_key(path), "{path}");
    }
    assert_eq!(asked.len(), 9);
    assert_eq!(server.hits("/etag")[1].header("if-none-match"), "W/\"b\"");
    assert_eq!(server.hits("/date")[1].header("if-modified-since"), MAY);
    assert_eq!(server.hits("/etag")[0].header("if-none-match"), "");

    assert_eq!(round(&job), figures(2, 0, 0, 7, 0));
    let bodies = ["/", "/etag", "/date"].map(|path| server.hits(path)[0].bytes);
    let spared = &job.site_status("site")["round"]["spared_bytes"];
    assert_eq!(*spared, bodies.iter().sum::<usize>());
    assert!(changes(&job, &server, 2).is_empty());
    let plain = |page: &Value| {
        let mut page = page.clone();
        page.as_object_mut().unwrap().remove("fetched_at");
        page
    };
    let again = job.pages();
    for (url, page) in &pages.0 {
        assert_eq!(plain(page), plain(again.at(url)));
    }
    assert_eq!(again.0.len(), pages.0.len());
    let fields = |records: &[Value]| -> Vec<Value> { records.iter().map(plain).collect() };
    assert_eq!(fields(&records), fields(&job.records()));
    let status = job.site_status("site");
    assert_eq!(status["records"], 5);
    assert_eq!(status["pages"]["done"], 7);
    // A run that is none of these rounds asks nothing.
    let before = server.pages_hit();
    job.finish(&[]);
    assert_eq!(server.pages_hit(), before);
    assert_eq!(round(&job), figures(2, 0, 0, 7, 0));
}

#[test]
fn changes_are_told_field_by_field_and_round_by_round() {
    let server = Server::start();
    server.on(
        "/",
        tagged(page("Start", &[], &["/a", "/b", "/c"]), "\"1\""),
    );
    server.on("/a", tagged(page("A", &["x"], &[]), "\"1\""));
    server.on("/b", tagged(page("B", &[], &[]), "\"1\""));
    server.on("/c", page("C", &[], &[]));
    let job = Job::site(&server.url("/"), FIELDS);
    job.finish(&[]);

    server.on("/a", tagged(page("A", &["x", "y"], &["/new"]), "\"2\""));
    server.on("/b", Answer::status(410));
    server.on("/c", page("C, again", &[], &[]));
    server.on("/new", page("New", &[], &[]));
    job.finish(&["--refresh"]);
    assert_eq!(round(&job), figures(2, 1, 2, 1, 1));
    assert_eq!(
        changes(&job, &server, 2),
        [
            "changed /a - page.0.tags [x] > [x,y]",
            "changed /c - page.0.title C > C, again",
            "gone /b 410 page.0.title B > null, page.0.tags [] > null",
            "new /new - ",
        ]
    );
    let now = titles(&job, &server);
    let expected = [
        ("/", "Start"),
        ("/a", "A"),
        ("/c", "C, again"),
        ("/new", "New"),
    ];
    let expected = expected.map(|(path, title)| (path.to_owned(), title.to_owned()));
    assert_eq!(now, expected.into());
    assert_eq!(job.pages().end(&server.url("/b")), "failed status");
    assert_eq!(job.site_status("site")["records"], 4);

    // The third round begins where the second ended: the page is back.
    server.on("/b", page("B", &[], &[]));
    server.on("/new", Answer::status(404));
    let before = server.log().len();
    job.finish(&["--refresh"]);
    let asked = since(&server, before);
    assert_eq!((asked["/"].0, asked["/a"].0), (304, 304));
    assert_eq!(server.hits("/a")[2].header("if-none-match"), "\"2\"");
    assert_eq!(round(&job), figures(3, 1, 0, 3, 1));
    assert_eq!(
        changes(&job, &server, 3),
        [
            "gone /new 404 page.0.title New > null, page.0.tags [] > null",
            "new /b - "
        ]
    );
    assert_eq!(changes(&job, &server, 2).len(), 4, "earlier rounds stay");

    let csv = job.export("changes", "csv");
    let head = "site,round,round_began,change,url,reason,found_at,fields\n";
    assert!(csv.starts_with(head), "{csv}");
    assert_eq!(csv.lines().count(), 7);
    assert!(
        csv.contains(",gone,") && csv.contains("\"\"before\"\":\"\"C\"\""),
        "{csv}"
    );
    let mut failed = vec!["export", "sites.crawl", "--what", "changes"];
    failed.extend(["--where", "outcome=failed"]);
    let failed = job.crawldeck(&failed);
    failed.expect(0);
    assert_eq!(
        failed.stdout.lines().count(),
        2,
        "those of what is gone now"
    );
}

#[test]
fn what_cannot_be_had_keeps_its_records_and_is_no_change() {
    let server = Server::start();
    server.on("/", page("Start", &[], &["/a"]));
    server.on("/a", tagged(page("A", &[], &[]), "\"1\""));
    let job = Job::site(&server.url("/"), FIELDS);
    job.finish(&[]);
    server.on("/a", Answer::status(503));
    job.finish(&["--refresh"]);
    assert_eq!(round(&job), figures(2, 0, 0, 1, 0));
    assert_eq!(job.pages().end(&server.url("/a")), "failed status");
    assert_eq!(titles(&job, &server).len(), 2);
    server.on("/a", tagged(page("A", &[], &[]), "\"1\""));
    job.finish(&["--refresh"]);
    assert_eq!(round(&job), figures(3, 0, 0, 2, 0));
    assert!(job.lines("changes").is_empty());
    assert_eq!(job.pages().end(&server.url("/a")), "done");
    assert_eq!(job.site_status("site")["records"], 2);
}

fn sitemap(server: &Server, entries: &[(&str, &str)]) {
    let entries: String = entries
        .iter()
        .map(|(path, lastmod)| {
            let url = server.url(path);
            format!("<url><loc>{url}</loc><lastmod>{lastmod}</lastmod></url>")
        })
        .collect();
    let xml = format!("<urlset>{entries}</urlset>");
    server.on(
        "/sitemap.xml",
        Answer::typed("application/xml", xml.as_bytes()),
    );
}

#[test]
fn pages_that_the_sitemap_says_are_old_are_not_asked() {
    let server = Server::start();
    server.on("/", page("Start", &[], &[]));
    for path in ["/old", "/future", "/new"] {
        server.on(path, page(path, &[], &[]));
    }
    sitemap(
        &server,
        &[("/old", "2024-05-01"), ("/future", "2024-05-02T10:00:00Z")],
    );
    let job = Job::site(&server.url("/"), FIELDS);
    job.finish(&[]);
    let entries = [
        ("/old", "2024-05-01"),
        ("/future", "2999-01-01"),
        ("/new", "2024-05-01"),
    ];
    sitemap(&server, &entries);
    let before = server.log().len();
    job.finish(&["--refresh"]);
    let asked = since(&server, before);
    assert!(!asked.contains_key("/old"), "{asked:?}");
    for path in ["/", "/future", "/new"] {
        assert_eq!(asked[path].0, 200, "{path}");
    }
    assert_eq!(round(&job), figures(2, 1, 0, 3, 0));
    assert_eq!(titles(&job, &server).len(), 4);

    // The operator may know better.
    let yaml = format!(
        "{}site: site\nstart: {}\ndiscover: {{ lastmod: ignore }}\n{FIELDS}",
        common::crawl::FAST,
        server.url("/")
    );
    job.rewrite(&yaml);
    let before = server.log().len();
    job.finish(&["--refresh"]);
    assert!(since(&server, before).contains_key("/old"));
    assert_eq!(round(&job), figures(3, 0, 0, 4, 0));
}

#[test]
fn a_page_whose_rules_have_changed_is_fetched_whole() {
    let server = Server::start();
    server.on("/", tagged(page("Start", &["x"], &[]), "\"1\""));
    let start = format!(
        "{}site: site\nstart: {}\n",
        common::crawl::FAST,
        server.url("/")
    );
    let title = "extract:\n  - { record: page, fields: { title: h1 } }\n";
    let both = "extract:\n  - { record: page, fields: { title: h1, tag: .tag } }\n";
    let job = Job::raw(&format!("{start}{title}"));
    job.finish(&[]);
    job.rewrite(&format!("{start}{both}"));
    job.finish(&["--refresh"]);
    assert_eq!(server.hits("/")[1].header("if-none-match"), "");
    assert_eq!(
        changes(&job, &server, 2),
        ["changed / - page.0.tag null > x"]
    );
    job.finish(&["--refresh"]);
    assert_eq!(server.hits("/")[2].status, 304);
    assert_eq!(
        job.records()[0]["fields"],
        json!({"title": "Start", "tag": "x"})
    );
}

#[test]
fn a_job_that_never_ran_is_crawled_for_the_first_time() {
    let server = Server::fan(2);
    let job = Job::site(&server.url("/"), "");
    let output = job.finish(&["--refresh"]);
    assert!(
        output.stdout.contains("this is its first crawl"),
        "{output:?}"
    );
    assert_eq!(job.site_status("site")["round"], Value::Null);
    assert_eq!(server.pages_hit(), 3);
    let refused = job.run(&["--refresh", "--fresh"]);
    refused.expect(2);
}

#[test]
fn a_site_that_leaves_robots_or_scope_is_gone() {
    let server = Server::start();
    server.on("/", page("Start", &[], &["/a", "/b"]));
    server.on("/a", page("A", &[], &[]));
    server.on("/b", page("B", &[], &[]));
    let job = Job::site(&server.url("/"), FIELDS);
    job.finish(&[]);
    server.on("/robots.txt", Answer::text("User-agent: *\nDisallow: /a\n"));
    let yaml = format!(
        "{}site: site\nstart: {}\nscope: {{ exclude: ['^/b'] }}\n{FIELDS}",
        common::crawl::FAST,
        server.url("/")
    );
    job.rewrite(&yaml);
    job.finish(&["--refresh"]);
    assert_eq!(
        changes(&job, &server, 2),
        [
            "gone /a robots page.0.title A > null, page.0.tags [] > null",
            "gone /b scope page.0.title B > null, page.0.tags [] > null",
        ]
    );
    assert_eq!(titles(&job, &server).len(), 1);
}

/// A tree whose pages change from one crawl to the next: some title, some page
/// that goes, one that comes.
fn tree(server: &Server, pages: usize, second: bool) {
    for i in 1..=pages {
        let here = if i == 1 { "/".into() } else { format!("/{i}") };
        let mut links = vec![format!("/{}", 2 * i), format!("/{}", 2 * i + 1)];
        links.retain(|to| to[1..].parse::<usize>().unwrap() <= pages);
        let mut title = format!("Page {i}");
        if second && i % 5 == 0 {
            title.push_str(", changed");
            links.push(format!("/new/{i}"));
            server.on(&format!("/new/{i}"), page("New", &[], &[]));
        }
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let answer = match i % 4 {
            _ if second && i % 7 == 0 => Answer::status(404),
            0 => tagged(page(&title, &[], &links), &format!("\"{title}\"")),
            1 => page(&title, &[], &links),
            _ if second && i % 5 == 0 => dated(page(&title, &[], &links), "later"),
            _ => dated(page(&title, &[], &links), MAY),
        };
        server.on(&here, answer.after(Duration::from_millis(4)));
    }
}

#[test]
fn killed_at_any_instant_a_round_ends_as_if_it_had_not_been() {
    const PAGES: usize = 120;
    let server = Server::start();
    tree(&server, PAGES, false);
    // A round takes many times what passes before a kill.
    let paced = format!("{FIELDS}fetch: {{ delay: 5ms }}");
    let undisturbed = Job::site(&server.url("/"), &paced);
    let job = Job::site(&server.url("/"), &paced);
    undisturbed.finish(&[]);
    job.finish(&[]);
    tree(&server, PAGES, true);
    undisturbed.finish(&["--refresh"]);

    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    for n in 0..8 {
        let stands = job.site_status("site")["round"].clone();
        if stands["ended_ms"].is_u64() {
            break;
        }
        let before = server.pages_hit();
        let more = random.usize(1..20);
        let pause = Duration::from_micros(random.u64(0..15_000));
        // Whoever asks for a round once more goes on with the same.
        let asks = stands.is_null() || n % 2 == 0;
        let mut run = job.start(if asks { &["--refresh"] } else { &[] });
        let end = Instant::now() + DEADLINE;
        while server.pages_hit() < before + more && !run.is_over() {
            assert!(
                Instant::now() < end,
                "nothing is fetched after kill {kills}"
            );
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(pause);
        run.kill();
        // Whenever it is, a page has its records once, old or new.
        let titles = titles(&job, &server);
        assert!(titles.len() > PAGES / 2, "seed {seed}");
        kills += 1;
    }
    assert!(kills > 0, "there was no round to kill; seed {seed}");
    // A round that was killed before anything of it was kept is asked for again.
    let begun = !job.site_status("site")["round"].is_null();
    job.finish(if begun { &[] } else { &["--refresh"] });
    assert_eq!(round(&job), round(&undisturbed), "seed {seed}");
    assert_eq!(round(&job)["number"], 2, "seed {seed}");
    assert_eq!(
        changes(&job, &server, 2),
        changes(&undisturbed, &server, 2),
        "seed {seed}"
    );
    assert_eq!(
        titles(&job, &server),
        titles(&undisturbed, &server),
        "seed {seed}"
    );
    let base = server.url("");
    assert_eq!(
        job.pages().ends(&base),
        undisturbed.pages().ends(&base),
        "seed {seed}"
    );
    let (a, b) = (job.site_status("site"), undisturbed.site_status("site"));
    assert_eq!(
        (&a["pages"], &a["records"]),
        (&b["pages"], &b["records"]),
        "seed {seed}"
    );
}
