//! Whole crawls of scripted sites: which pages, which fields, which exit code.

mod common;

use common::crawl::{Job, Output};
use common::server::{Answer, Gate, Server};
use serde_json::{Value, json};
use std::time::Duration;

/// A small site: two levels, a missing page, an image, links that lead away.
fn small_site() -> Server {
    let server = Server::start();
    server.page(
        "/",
        &[
            "/a",
            "/b#top",
            "/missing",
            "mailto:x@example.org",
            "http://127.0.0.1:1/",
            "/a",
        ],
    );
    server.page(
        "/a",
        &["/", "/b", "/a/deep", "/picture.png", "javascript:void(0)"],
    );
    server.page("/b", &["a", "/gone"]);
    server.page("/a/deep", &["/"]);
    server.on("/picture.png", Answer::typed("image/png", &[137; 3000]));
    server.on("/gone", Answer::status(410));
    server
}

#[test]
fn every_linked_page_is_fetched_once_and_accounted_for() {
    let server = small_site();
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);

    assert_eq!(server.repeated(), [] as [&str; 0]);
    let pages = job.pages();
    let ends: Vec<_> = pages.ends(&server.url(""));
    let want = [
        ("/", "done"),
        ("/a", "done"),
        ("/a/deep", "done"),
        ("/b", "done"),
        ("/gone", "failed status"),
        ("/missing", "failed status"),
        ("/picture.png", "done"),
    ]
    .map(|(path, end)| (path.to_owned(), end.to_owned()));
    assert_eq!(ends, want);
    assert_eq!(pages.0.len(), want.len(), "foreign pages: {pages:#?}");

    let site = job.site_status("site");
    assert_eq!(site["state"], "finished");
    let counts = json!({"done": 5, "failed": 2, "skipped": 0, "queued": 0, "in_flight": 0});
    for (name, count) in counts.as_object().unwrap() {
        assert_eq!(site["pages"][name], *count, "{name} in {site}");
    }
    assert_eq!(
        (&site["concurrency"], &site["delay_ms"]),
        (&json!(4), &json!(0))
    );
}

#[test]
fn a_page_tells_how_it_was_found_and_what_came() {
    let server = small_site();
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let pages = job.pages();

    let start = pages.at(&server.url("/"));
    assert_eq!(start["site"], "site");
    assert_eq!((&start["depth"], &start["from"]), (&json!(0), &Value::Null));

    let deep = pages.at(&server.url("/a/deep"));
    assert_eq!(
        (&deep["depth"], &deep["from"]),
        (&json!(2), &json!(server.url("/a")))
    );
    assert_eq!(deep["final_url"], deep["url"]);
    assert_eq!(
        (&deep["status"], &deep["attempts"]),
        (&json!(200), &json!(1))
    );
    assert_eq!(deep["content_type"], "text/html");
    let size = "<!doctype html><title>t</title><h1>h</h1>\n<a href=\"/\">/</a>\n".len();
    assert_eq!(deep["bytes"], size);
    assert!(!deep["fetched_at"].is_null(), "{deep}");

    let picture = pages.at(&server.url("/picture.png"));
    assert_eq!(picture["content_type"], "image/png");
    assert_eq!(picture["bytes"], 3000);
    assert_eq!(pages.at(&server.url("/gone"))["status"], 410);

    let failed: Vec<_> = job
        .lines("failures")
        .iter()
        .map(|p| p["url"].clone())
        .collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(
        failed.contains(&json!(server.url("/missing"))),
        "{failed:?}"
    );
}

#[test]
fn pages_as_csv_are_the_same_pages() {
    let server = small_site();
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let text = job.export("pages", "csv");
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let columns = table.headers().unwrap().clone();
    let wanted = [
        "site",
        "url",
        "final_url",
        "outcome",
        "reason",
        "status",
        "depth",
        "from",
        "attempts",
        "bytes",
        "content_type",
        "fetched_at",
    ];
    for name in wanted {
        assert!(
            columns.iter().any(|c| c == name),
            "{name} not in {columns:?}"
        );
    }
    let url = columns.iter().position(|c| c == "url").unwrap();
    let mut urls: Vec<_> = table
        .records()
        .map(|row| row.unwrap()[url].to_owned())
        .collect();
    urls.sort();
    assert_eq!(urls, job.pages().0.into_keys().collect::<Vec<_>>());
}

#[test]
fn an_export_goes_to_a_file() {
    let server = small_site();
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    let args = [
        "export",
        "sites.crawl",
        "--what",
        "pages",
        "--format",
        "jsonl",
        "-o",
        "p.jsonl",
    ];
    let output = job.crawldeck(&args);
    output.expect(0);
    assert_eq!(output.stdout, "");
    let text = std::fs::read_to_string(job.folder().join("p.jsonl")).unwrap();
    assert_eq!(text, job.export("pages", "jsonl"));
}

const SHOP: &str = "extract:
  - record: book
    when: ^/book/
    fields:
      title: h1
      price: { css: .price, as: number }
      tags: { css: .tag, all: true }
      cover: { css: img.cover, attr: src, as: url }
      stock: { css: .stock, default: unknown }
  - record: shelf
    when: ^/$
    fields: { title: { css: h1, required: true } }
  - record: never
    fields: { x: { css: .no-such, required: true } }
";

fn shop() -> Server {
    let server = Server::start();
    server.page("/", &["/book/1", "/book/2", "/about"]);
    server.on(
        "/book/1",
        Answer::html(
            "<h1> War &amp;\n Peace </h1><b class=price>£1,250.50</b>\
             <i class=tag>long</i><i class=tag>old</i><img class=cover src=../c/1.png>",
        ),
    );
    server.on(
        "/book/2",
        Answer::html("<h1>=cmd, \"quoted\"</h1><b class=price>3</b><p class=stock>7</p>"),
    );
    server.page("/about", &[]);
    server
}

#[test]
fn records_have_the_fields_of_their_rule() {
    let server = shop();
    let job = Job::site(&server.url("/"), SHOP);
    job.finish(&[]);
    let mut records = job.records();
    records.sort_by_key(|r| r["url"].to_string());
    assert_eq!(records.len(), 3, "{records:#?}");
    let shelf = &records[0];
    assert_eq!(
        (&shelf["site"], &shelf["record"]),
        (&json!("site"), &json!("shelf"))
    );
    assert!(!shelf["fetched_at"].is_null());
    assert_eq!(shelf["fields"], json!({"title": "h"}));
    assert_eq!(records[1]["url"], server.url("/book/1"));
    let want = json!({
        "title": "War & Peace", "price": 1250.5, "tags": ["long", "old"],
        "cover": server.url("/c/1.png"), "stock": "unknown",
    });
    assert_eq!(records[1]["fields"], want);
    let second = &records[2]["fields"];
    assert_eq!(
        (&second["price"], &second["stock"]),
        (&json!(3), &json!("7"))
    );
    assert_eq!(second["tags"], json!([]));
    assert_eq!(second["cover"], Value::Null);
    assert_eq!(job.site_status("site")["records"], 3);
}

#[test]
fn records_as_csv_have_a_column_a_field_and_no_formula() {
    let server = shop();
    let job = Job::site(&server.url("/"), SHOP);
    job.finish(&[]);
    let text = job.export("records", "csv");
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let columns = table.headers().unwrap().clone();
    let at = |name: &str| columns.iter().position(|c| c == name);
    for name in ["title", "price", "tags", "cover", "stock"] {
        assert!(at(name).is_some(), "{name} not in {columns:?}");
    }
    let titles: Vec<_> = table
        .records()
        .map(|row| row.unwrap()[at("title").unwrap()].to_owned())
        .collect();
    assert_eq!(titles.len(), 3);
    assert!(titles.iter().any(|t| t == "War & Peace"), "{titles:?}");
    let formula = titles.iter().find(|t| t.contains("cmd")).unwrap();
    assert!(
        !formula.starts_with('='),
        "a spreadsheet would run {formula:?}"
    );
    assert!(formula.contains("=cmd, \"quoted\""), "{formula:?}");
}

#[test]
fn several_sites_in_one_file_keep_apart() {
    let (one, two) = (Server::fan(5), Server::fan(7));
    one.page("/", &["/1", "/2", &two.url("/1")]);
    let yaml = format!(
        "site: one\nstart: {}\n---\nsite: two\nstart: {}\n",
        one.url("/"),
        two.url("/")
    );
    let job = Job::new(&yaml);
    job.finish(&[]);
    let pages = job.pages();
    assert_eq!(pages.done(&one.url("")), ["/", "/1", "/2"]);
    assert_eq!(pages.done(&two.url("")).len(), 8);
    assert_eq!((one.repeated().len(), two.repeated().len()), (0, 0));
    for (name, done) in [("one", 3), ("two", 8)] {
        let site = job.site_status(name);
        assert_eq!(
            (&site["pages"]["done"], &site["state"]),
            (&json!(done), &json!("finished"))
        );
    }
}

#[test]
fn a_url_alone_is_a_site() {
    let server = small_site();
    let job = Job::new("");
    let args = [
        "run",
        &server.url("/"),
        "--headless",
        "--dir",
        "sites.crawl",
    ];
    job.crawldeck(&args).expect(0);
    assert_eq!(job.pages().done(&server.url("")).len(), 5);
    let status = job.status();
    assert_eq!(status["sites"].as_array().unwrap().len(), 1, "{status}");
}

#[test]
fn limits_end_a_site_in_good_order() {
    let fan = Server::fan(40);
    let by_flag = Job::site(&fan.url("/"), "");
    by_flag.finish(&["--max-pages", "7"]);
    assert_eq!(by_flag.pages().done(&fan.url("")).len(), 7);
    assert_eq!(fan.pages_hit(), 7, "fetched more than it may");

    let fan = Server::fan(40);
    let by_file = Job::site(&fan.url("/"), "limits: { pages: 9 }");
    by_file.finish(&[]);
    let site = by_file.site_status("site");
    assert_eq!(fan.pages_hit(), 9);
    assert_eq!(
        (&site["pages"]["done"], &site["state"]),
        (&json!(9), &json!("finished"))
    );

    let chain = Server::start();
    for i in 0..6 {
        let (here, next) = (if i == 0 { "/".into() } else { format!("/{i}") }, i + 1);
        chain.page(&here, &[&format!("/{next}")]);
    }
    let by_depth = Job::site(&chain.url("/"), "limits: { depth: 3 }");
    by_depth.finish(&[]);
    assert_eq!(
        by_depth.pages().done(&chain.url("")),
        ["/", "/1", "/2", "/3"]
    );
    assert_eq!(chain.count("/4"), 0);
}

#[test]
fn scope_is_hosts_include_and_exclude() {
    let (server, sister) = (Server::start(), Server::start());
    let away = sister.url("/list");
    server.page("/", &["/book/1", "/list", "/list?sort=up", "/other", &away]);
    for path in ["/book/1", "/list", "/list?sort=up", "/other"] {
        server.page(path, &[]);
    }
    sister.page("/list", &["/list?sort=up", "/book/2"]);
    sister.page("/book/2", &[]);
    let rules = |hosts: &str| {
        format!("scope:\n  {hosts}\n  include: ['^/book/', '^/list']\n  exclude: ['[?&]sort=']\n")
    };
    let job = Job::site(&server.url("/"), &rules(""));
    job.finish(&[]);
    let pages = job.pages();
    // The start page is the operator's own word and needs no rule.
    assert_eq!(pages.done(&server.url("")), ["/", "/book/1", "/list"]);
    assert_eq!(
        (server.count("/other"), server.count("/list?sort=up")),
        (0, 0)
    );
    assert!(sister.log().is_empty(), "{:?}", sister.log());

    let both = format!("hosts: ['{}', '{}']", server.host(), sister.host());
    let job = Job::site(&server.url("/"), &rules(&both));
    job.finish(&[]);
    assert_eq!(job.pages().done(&sister.url("")), ["/book/2", "/list"]);
}

#[test]
fn one_page_is_one_url_in_normal_form() {
    let server = Server::start();
    let links = [
        "/x#one",
        "/x#two",
        "/y/../x",
        "/./x",
        "/%7Ehome",
        "/~home",
        "/q?b=1&a=2",
        "/q?a=2&b=1",
        "/p?utm_source=x&id=1",
        "/p?id=1",
    ];
    server.page("/", &links);
    for path in [
        "/x",
        "/~home",
        "/q?b=1&a=2",
        "/q?a=2&b=1",
        "/p?id=1",
        "/p?utm_source=x&id=1",
    ] {
        server.page(path, &[]);
    }
    let plain = Job::site(&server.url("/"), "");
    plain.finish(&[]);
    let want = [
        "/",
        "/p?id=1",
        "/p?utm_source=x&id=1",
        "/q?a=2&b=1",
        "/q?b=1&a=2",
        "/x",
        "/~home",
    ];
    assert_eq!(plain.pages().done(&server.url("")), want);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());

    let rules = "url: { sort_query: on, drop_params: ['utm_*'] }";
    let tidy = Job::site(&server.url("/"), rules);
    tidy.finish(&[]);
    let want = ["/", "/p?id=1", "/q?a=2&b=1", "/x", "/~home"];
    assert_eq!(tidy.pages().done(&server.url("")), want);
}

#[test]
fn concurrency_is_reached_and_never_passed() {
    let server = Server::fan(12);
    let gate = Gate::default();
    for i in 1..=12 {
        server.on(&format!("/{i}"), Answer::links(&[""; 0]).behind(&gate));
    }
    let job = Job::site(&server.url("/"), "");
    let run = job.start(&["--concurrency", "3"]);
    server.wait("three requests at once", |s| s.open() == 3);
    assert_eq!(server.peak(), 3);
    gate.open();
    run.wait().expect(0);
    assert_eq!(server.peak(), 3);
    assert_eq!(job.site_status("site")["concurrency"], 3);
}

#[test]
fn the_delay_lies_between_the_starts_of_two_requests() {
    let server = Server::fan(8);
    let job = Job::site(&server.url("/"), "fetch: { delay: 100ms, concurrency: 8 }");
    job.finish(&[]);
    let pages = server.page_log();
    let span = pages.last().unwrap().at - pages[0].at;
    // Eight gaps; what a loaded machine adds can only make it longer, but the
    // first arrival may have been late.
    assert!(span >= Duration::from_millis(700), "nine pages in {span:?}");
}

#[test]
fn requests_carry_what_the_file_says_and_what_the_site_set() {
    let server = Server::start();
    server.on(
        "/",
        Answer::links(&["/in"]).header("set-cookie", "session=42; Path=/"),
    );
    server.page("/in", &[]);
    let other = Server::start();
    other.page("/", &[]);
    let yaml = format!(
        "site: site\nstart: {}\nfetch:\n  user_agent: probe/2.0\n  headers: {{ X-Key: '${{DECK_KEY}}' }}\n\
         ---\nsite: other\nstart: {}\n",
        server.url("/"),
        other.url("/")
    );
    let job = Job::new(&yaml);
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("DECK_KEY", "s3cr3t-value");
    common::crawl::Running::spawn(command).wait().expect(0);
    let hit = &server.hits("/in")[0];
    assert_eq!(hit.header("user-agent"), "probe/2.0");
    assert_eq!(hit.header("x-key"), "s3cr3t-value");
    assert_eq!(hit.header("cookie"), "session=42");
    let stranger = &other.hits("/")[0];
    assert_eq!(
        (stranger.header("cookie"), stranger.header("x-key")),
        ("", "")
    );
    assert!(
        stranger.header("user-agent").starts_with("crawldeck/"),
        "{stranger:?}"
    );
}

#[test]
fn without_links_only_the_start_is_fetched() {
    let server = Server::fan(3);
    let job = Job::site(&server.url("/"), "discover: { links: off, sitemap: off }");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/"]);
    assert_eq!(server.pages_hit(), 1);
}

#[test]
fn a_site_that_cannot_begin_fails_alone() {
    let well = Server::fan(4);
    // A port that was free a moment ago: nobody listens there.
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let yaml = format!(
        "site: gone\nstart: http://{nobody}/\n---\nsite: well\nstart: {}\n",
        well.url("/")
    );
    let job = Job::new(&yaml);
    let output: Output = job.run(&[]);
    output.expect(3);
    assert_eq!(job.site_status("gone")["state"], "failed");
    assert_eq!(job.site_status("well")["state"], "finished");
    assert_eq!(job.pages().done(&well.url("")).len(), 5);
    let said = output.stdout + &output.stderr;
    assert!(
        said.contains("gone"),
        "nobody is told which site failed: {said}"
    );
}

#[test]
fn a_crawl_whose_last_pages_all_fail_ends() {
    let server = Server::start();
    let bad = ["/404", "/reset", "/loop", "/hang", "/big", "/garbage"];
    server.page("/", &bad);
    server.on("/reset", Answer::reset());
    server.on("/loop", Answer::redirect("/loop"));
    server.on("/hang", Answer::hang());
    server.on("/big", Answer::typed("text/html", &[b'x'; 200_000]));
    server.on("/garbage", Answer::raw(b"220 smtp ready\r\n\r\n"));
    let job = Job::site(&server.url("/"), "fetch: { timeout: 1s, max_body: 100000 }");
    job.finish(&[]);
    let ends = job.pages().ends(&server.url(""));
    assert_eq!(ends.len(), 1 + bad.len(), "{ends:#?}");
    for (path, end) in &ends[1..] {
        assert!(end.starts_with("failed "), "{path} is {end}");
    }
    assert_eq!(job.site_status("site")["pages"]["queued"], 0);
}

#[test]
fn check_explains_a_page_and_touches_nothing() {
    let server = shop();
    let job = Job::site(&server.url("/"), SHOP);
    job.crawldeck(&["check", "sites.yaml"]).expect(0);
    assert!(server.log().is_empty());
    let explained = job.crawldeck(&["check", "sites.yaml", "--url", &server.url("/book/1")]);
    explained.expect(0);
    for part in ["War & Peace", "1250.5", "book"] {
        assert!(
            explained.stdout.contains(part),
            "no {part:?} in {explained:#?}"
        );
    }
    assert_eq!(server.count("/book/1"), 1);
    assert!(!job.dir().exists(), "a check makes no job");
}
