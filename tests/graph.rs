//! The link graph: what is kept of the links between pages, and what is told of it.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rusqlite::Connection;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use url::Url;

/// Links kept, and nothing more.
const KEPT: &str = "keep: { links: true }\n";

/// A small site whose links are all known.
fn small() -> (Server, Job) {
    let server = Server::start();
    let start = "<a href=/a></a> <a href='/a#top'></a> <a href=/></a> <a href='#x'></a>\
        <a href=/gone></a> <a href=/moved></a> <a rel=nofollow href=/quiet></a>\
        <a href=http://elsewhere.example/></a> <a rel=nofollow href=/nowhere></a>";
    server.on("/", Answer::html(start));
    server.page("/a", &["/", "/to-gone", "/a"]);
    server.page("/b", &["/a"]);
    server.on("/moved", Answer::redirect("/b"));
    server.on("/to-gone", Answer::redirect("/gone"));
    server.on("/gone", Answer::status(404));
    server.page("/quiet", &[]);
    server.page("/alone", &["/"]);
    let urls = ["/alone", "/quiet", "/b"].map(|path| server.url(path));
    let entries: String = urls
        .iter()
        .map(|url| format!("<url><loc>{url}</loc></url>"))
        .collect();
    let sitemap = format!("<urlset>{entries}</urlset>");
    let sitemap = Answer::typed("application/xml", sitemap.as_bytes());
    server.on("/map.xml", sitemap.after(Duration::from_millis(100)));
    let map = server.url("/map.xml");
    let more = format!("{KEPT}discover: {{ sitemap: [{map}] }}\n");
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    (server, job)
}

fn export(job: &Job, more: &[&str]) -> String {
    let output = job.crawldeck(&[&["export", "sites.crawl"], more].concat());
    output.expect(0);
    output.stdout
}

/// Rows as the values of these columns, the server's name left out.
fn rows(job: &Job, server: &Server, what: &str, columns: &[&str]) -> BTreeSet<Vec<String>> {
    let text = export(job, &["--what", what, "--format", "jsonl"]);
    let base = server.url("");
    let base = base.trim_end_matches('/');
    let read = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let cell = |name: &&str| match &row[*name] {
            Value::String(text) => text.replace(base, ""),
            other => other.to_string(),
        };
        columns.iter().map(cell).collect::<Vec<String>>()
    };
    let all: Vec<Vec<String>> = text.lines().map(read).collect();
    let set: BTreeSet<Vec<String>> = all.iter().cloned().collect();
    assert_eq!(all.len(), set.len(), "a row stands twice");
    set
}

fn table(rows: &[&[&str]]) -> BTreeSet<Vec<String>> {
    let own = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
    rows.iter().map(own).collect()
}

fn edges() -> BTreeSet<Vec<String>> {
    table(&[
        &["/", "/a", "link", "200"],
        &["/", "/gone", "link", "404"],
        &["/", "/moved", "link", "302"],
        &["/", "/quiet", "link", "200"],
        &["/a", "/", "link", "200"],
        &["/a", "/to-gone", "link", "302"],
        &["/b", "/a", "link", "200"],
        &["/alone", "/", "link", "200"],
        &["/moved", "/b", "redirect", "200"],
        &["/to-gone", "/gone", "redirect", "404"],
    ])
}

#[test]
fn every_link_is_told_once_with_what_it_leads_to() {
    let (server, job) = small();
    let links = rows(&job, &server, "links", &["from", "to", "kind", "status"]);
    assert_eq!(links, edges());
    let dead = rows(
        &job,
        &server,
        "dead-links",
        &["url", "final_url", "outcome", "reason", "status", "from"],
    );
    let expected = [
        &["/gone", "/gone", "failed", "status", "404", "/"][..],
        &["/to-gone", "/gone", "failed", "status", "404", "/a"],
    ];
    assert_eq!(dead, table(&expected));
    let orphans = rows(&job, &server, "orphans", &["url", "outcome"]);
    assert_eq!(orphans, table(&[&["/alone", "done"]]));
    let degrees = rows(&job, &server, "degrees", &["url", "in", "out"]);
    let expected: [&[&str]; 8] = [
        &["/", "2", "4"],
        &["/a", "2", "2"],
        &["/b", "0", "1"],
        &["/gone", "1", "0"],
        &["/moved", "1", "0"],
        &["/to-gone", "1", "0"],
        &["/quiet", "1", "0"],
        &["/alone", "0", "1"],
    ];
    assert_eq!(degrees, table(&expected));
}

#[test]
fn tables_of_links_are_chosen_from_as_others_are() {
    let (server, job) = small();
    let text = export(
        &job,
        &[
            "--what",
            "links",
            "--format",
            "csv",
            "--where",
            "outcome=failed",
            "--columns",
            "to,kind",
        ],
    );
    let gone = server.url("/gone");
    assert_eq!(text, format!("to,kind\n{gone},link\n{gone},redirect\n"));
    let text = export(
        &job,
        &[
            "--what",
            "degrees",
            "--format",
            "csv",
            "--where",
            "url ~ /alone$",
            "--columns",
            "in,out",
        ],
    );
    assert_eq!(text, "in,out\n0,1\n");
    export(
        &job,
        &["--what", "links", "--format", "sqlite", "-o", "l.db"],
    );
    let conn = Connection::open(job.folder().join("l.db")).unwrap();
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM links"), 10);

    let refused = |args: &[&str], words: &str| {
        let output = job.crawldeck(&[&["export", "sites.crawl"], args].concat());
        output.expect(2);
        assert!(output.stderr.contains(words), "{}", output.stderr);
    };
    refused(&["--what", "pages", "--format", "dot"], "--what links");
    let with_columns = ["--what", "links", "--format", "dot", "--columns", "to"];
    refused(&with_columns, "--columns goes with one table");
}

#[test]
fn links_are_kept_when_asked_for_and_not_otherwise() {
    let server = Server::start();
    server.page("/", &["/a"]);
    server.page("/a", &[]);
    let job = Job::site(&server.url("/"), "");
    job.finish(&[]);
    for what in ["links", "degrees", "orphans", "dead-links"] {
        let output = job.crawldeck(&["export", "sites.crawl", "--what", what]);
        output.expect(2);
        assert!(
            output.stderr.contains("keep: { links: true }"),
            "{}",
            output.stderr
        );
    }
    let conn = Connection::open(job.dir().join("crawl.db")).unwrap();
    let rows = conn.query_row("SELECT count(*) FROM link", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows, Ok(0));
}

/// What is said of each node, by its identity.
type Nodes = BTreeMap<String, BTreeMap<String, String>>;

/// Nodes by their identity and edges between them, as a reader of XML sees them.
fn graphml(text: &str) -> (Nodes, Vec<[String; 3]>) {
    let mut reader = Reader::from_str(text);
    let (mut nodes, mut edges) = (BTreeMap::new(), Vec::<[String; 3]>::new());
    let attribute = |tag: &BytesStart<'_>, name: &str| {
        let found = tag.try_get_attribute(name).unwrap().unwrap();
        String::from_utf8_lossy(found.value.as_ref().as_bytes()).into_owned()
    };
    let (mut node, mut key, mut value) = (None::<String>, None, String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "node" => {
                    let id = attribute(&tag, "id");
                    assert!(nodes.insert(id.clone(), BTreeMap::new()).is_none());
                    node = Some(id);
                }
                "edge" => {
                    node = None;
                    let ends = ["source", "target"].map(|name| attribute(&tag, name));
                    assert!(ends.iter().all(|end| nodes.contains_key(end)));
                    let [from, to] = ends;
                    edges.push([from, to, "link".to_owned()]);
                }
                "data" => {
                    key = Some(attribute(&tag, "key"));
                    value.clear();
                }
                _ => {}
            },
            Event::Text(part) => value.push_str(&part),
            Event::GeneralRef(name) => {
                let name = format!("&{};", &*name);
                value.push_str(&quick_xml::escape::unescape(&name).unwrap());
            }
            Event::End(tag) if tag.name().as_ref() == "data" => match (&node, key.take()) {
                (Some(id), Some(key)) => {
                    nodes.get_mut(id).unwrap().insert(key, value.clone());
                }
                (None, Some(key)) => {
                    assert_eq!(key, "kind");
                    edges.last_mut().unwrap()[2].clone_from(&value);
                }
                _ => panic!("data of nothing"),
            },
            Event::Eof => return (nodes, edges),
            _ => {}
        }
    }
}

#[test]
fn graph_formats_are_read_back() {
    let (server, job) = small();
    let base = server.url("");
    let base = base.trim_end_matches('/');
    let (nodes, found) = graphml(&export(&job, &["--what", "links", "--format", "graphml"]));
    assert_eq!(nodes.len(), 8);
    let told: BTreeSet<Vec<String>> = found
        .iter()
        .map(|[from, to, kind]| {
            let url = |id: &str| nodes[id]["url"].replace(base, "");
            let status = nodes[to]["status"].clone();
            vec![url(from), url(to), kind.clone(), status]
        })
        .collect();
    assert_eq!((found.len(), told), (10, edges()));

    let failed = [
        "--what",
        "links",
        "--format",
        "graphml",
        "--where",
        "status=404",
    ];
    let (nodes, found) = graphml(&export(&job, &failed));
    assert_eq!((nodes.len(), found.len()), (3, 2));

    let dot = export(&job, &["--what", "links", "--format", "dot"]);
    assert!(
        dot.starts_with("digraph crawl {\n") && dot.ends_with("}\n"),
        "{dot}"
    );
    let arrows = dot.lines().filter(|line| line.contains(" -> ")).count();
    let labels = dot
        .lines()
        .filter(|line| line.contains("[label=\"http"))
        .count();
    assert_eq!((arrows, labels), (10, 8));
}

#[test]
fn pages_found_after_they_were_linked_to_are_linked_to() {
    // Nothing is followed: everything comes from a list, the last page first.
    let server = Server::start();
    server.page("/", &["/1", "/2", "/never"]);
    server.page("/1", &["/2", "/"]);
    server.page("/2", &["/1"]);
    let list = format!("{}\n{}\n", server.url("/2"), server.url("/1"));
    server.on(
        "/list.txt",
        Answer::text(&list).after(Duration::from_millis(300)),
    );
    let more = format!(
        "{KEPT}discover: {{ links: off, sitemap: off, files: ['{}'] }}\n",
        server.url("/list.txt")
    );
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    let links = rows(&job, &server, "links", &["from", "to"]);
    let expected: [&[&str]; 5] = [
        &["/", "/1"],
        &["/", "/2"],
        &["/1", "/2"],
        &["/1", "/"],
        &["/2", "/1"],
    ];
    assert_eq!(links, table(&expected));
    assert!(rows(&job, &server, "orphans", &["url"]).is_empty());
}

/// A web of pages that link to each other, each answer taking a little.
fn web(pages: usize) -> Server {
    let server = Server::start();
    for i in 0..pages {
        let here = if i == 0 { "/".into() } else { format!("/{i}") };
        let to = [2 * i + 1, 2 * i + 2, i * 7 % pages, i * 3 % pages];
        let links: Vec<String> = to
            .iter()
            .map(|n| match n {
                0 => "/".to_owned(),
                n if *n >= pages => format!("/missing/{n}"),
                n => format!("/{n}"),
            })
            .collect();
        server.on(&here, Answer::links(&links).after(Duration::from_millis(5)));
    }
    server
}

#[test]
fn killed_and_resumed_it_has_the_links_of_an_undisturbed_crawl() {
    let server = web(150);
    let calm = Job::site(&server.url("/"), KEPT);
    calm.finish(&[]);
    let job = Job::site(&server.url("/"), KEPT);
    for _ in 0..4 {
        let before = server.pages_hit();
        let run = RefCell::new(job.start(&[]));
        server.wait("pages after a start", |server| {
            server.pages_hit() >= before + 20 || run.borrow_mut().is_over()
        });
        run.into_inner().kill();
    }
    job.finish(&[]);
    let columns = ["from", "to", "kind", "status"];
    let links = rows(&calm, &server, "links", &columns);
    assert!(links.len() > 400);
    assert_eq!(rows(&job, &server, "links", &columns), links);
    let dead = rows(&calm, &server, "dead-links", &["url", "from"]);
    assert_eq!(rows(&job, &server, "dead-links", &["url", "from"]), dead);
}

/// The HTML files of a Debian package below the folder of its first page.
fn corpus(package: &str, first: &str) -> Option<(PathBuf, Vec<PathBuf>)> {
    let listing = Command::new("dpkg").args(["-L", package]).output().ok()?;
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let root = listing.lines().find(|line| line.ends_with(first))?;
    let root = Path::new(root).parent()?.to_owned();
    let files = listing.lines().filter(|line| line.ends_with(".html"));
    let files = files
        .map(PathBuf::from)
        .filter(|path| path.starts_with(&root) && path.is_file());
    let files: Vec<PathBuf> = files.collect();
    Some((root, files))
}

/// The links of a page by a parser of documents: absolute, without fragments.
fn links_by_dom(html: &str, page: &Url) -> BTreeSet<String> {
    let dom = scraper::Html::parse_document(html);
    let wanted = [
        (
            "a[href], area[href], link[rel~=next][href], link[rel~=prev][href]",
            "href",
        ),
        ("iframe[src], frame[src]", "src"),
    ];
    let mut base = page.clone();
    if let Some(own) = dom
        .select(&scraper::Selector::parse("base[href]").unwrap())
        .next()
    {
        base = page.join(own.value().attr("href").unwrap()).unwrap();
    }
    let mut links = BTreeSet::new();
    for (selector, attribute) in wanted {
        for element in dom.select(&scraper::Selector::parse(selector).unwrap()) {
            let href = element.value().attr(attribute).unwrap();
            if let Ok(mut url) = base.join(href.trim()) {
                url.set_fragment(None);
                links.insert(url.into());
            }
        }
    }
    links
}

#[test]
#[ignore = "measures: cargo test --release --test graph measure_ -- --ignored --nocapture"]
fn measure_the_links_of_real_documentation() {
    for (package, first) in [
        ("cppreference-doc-en-html", "/html/en/index.html"),
        ("openjdk-17-doc", "/api/index.html"),
    ] {
        let Some((root, files)) = corpus(package, first) else {
            eprintln!("{package} is not installed");
            continue;
        };
        let server = Server::start();
        for file in &files {
            let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
            let url = server.url(&format!("/{path}"));
            let path = Url::parse(&url).unwrap().path().to_owned();
            server.on(
                &path,
                Answer::typed("text/html", &std::fs::read(file).unwrap()),
            );
        }
        let size = |more: &str| {
            let job = Job::site(&server.url("/index.html"), more);
            let began = std::time::Instant::now();
            job.finish(&[]);
            let took = began.elapsed();
            let conn = Connection::open(job.dir().join("crawl.db")).unwrap();
            conn.execute_batch("VACUUM").unwrap();
            let size = std::fs::metadata(job.dir().join("crawl.db")).unwrap().len();
            (job, size, took)
        };
        let (_, without, took_without) = size("");
        let (job, with, took) = size(KEPT);
        let text = export(
            &job,
            &[
                "--what",
                "links",
                "--format",
                "csv",
                "--columns",
                "from,to,kind",
            ],
        );
        let mut found = BTreeSet::new();
        for row in csv::Reader::from_reader(text.as_bytes()).records() {
            let row = row.unwrap();
            if &row[2] == "link" {
                assert!(found.insert((row[0].to_owned(), row[1].to_owned())));
            }
        }
        let known = job.pages().0;
        let mut expected = BTreeSet::new();
        for page in known.values().filter(|page| page["outcome"] == "done") {
            let url = Url::parse(page["url"].as_str().unwrap()).unwrap();
            let file = percent(&root, url.path());
            let html = std::fs::read(&file).unwrap();
            for to in links_by_dom(&String::from_utf8_lossy(&html), &url) {
                if known.contains_key(&to) && to != url.as_str() {
                    expected.insert((url.to_string(), to));
                }
            }
        }
        let wrong: Vec<_> = found.symmetric_difference(&expected).take(5).collect();
        let bytes = (with as f64 - without as f64) / found.len() as f64;
        eprintln!(
            "{package}: {} pages, {} links, {bytes:.2} bytes of disk a link, {} wrong {wrong:?}; \
             {took:?} with links, {took_without:?} without",
            known.len(),
            found.len(),
            found.symmetric_difference(&expected).count(),
        );
        assert!(bytes <= 12.0);
        assert!(wrong.is_empty());
    }
}

/// The file behind a URL's path.
fn percent(root: &Path, path: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = path.trim_start_matches('/').bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let code: String = rest.by_ref().take(2).map(char::from).collect();
        bytes.push(u8::from_str_radix(&code, 16).unwrap());
    }
    root.join(String::from_utf8(bytes).unwrap())
}
