//! What a crawl has found, written in every form.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use parquet::file::reader::{FileReader, SerializedFileReader};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs;

/// A crawl of a start page, two good pages, and one that fails.
fn crawled() -> (Server, Job) {
    let server = Server::start();
    server.page("/", &["/a", "/b", "/broken"]);
    server.on("/a", Answer::html("<h1>=1+1</h1><p>5</p>"));
    server.on("/b", Answer::html("<h1>b</h1><p>2.5</p>"));
    server.on("/broken", Answer::status(500));
    let fields = "extract:\n  - record: thing\n    when: ^/[ab]$\n    \
        fields: { title: h1, n: { css: p, as: number } }\n";
    let job = Job::site(&server.url("/"), fields);
    job.finish(&[]);
    (server, job)
}

fn export(job: &Job, more: &[&str]) -> String {
    let output = job.crawldeck(&[&["export", "sites.crawl"], more].concat());
    output.expect(0);
    output.stdout
}

#[test]
fn tables_databases_and_sitemaps() {
    let (server, job) = crawled();
    let at = |name: &str| job.folder().join(name);

    export(
        &job,
        &[
            "--what",
            "records",
            "--format",
            "parquet",
            "-o",
            "r.parquet",
        ],
    );
    let file = fs::File::open(at("r.parquet")).unwrap();
    let rows = SerializedFileReader::new(file).unwrap();
    let rows = rows
        .get_row_iter(None)
        .unwrap()
        .map(|r| r.unwrap().to_string());
    let rows: Vec<String> = rows.collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .any(|row| row.contains("title: \"=1+1\", n: 5.0")),
        "{rows:?}"
    );

    export(&job, &["--format", "sqlite", "-o", "out.db"]);
    let conn = Connection::open(at("out.db")).unwrap();
    let sum = "SELECT (SELECT sum(n) FROM thing) + (SELECT count(*) FROM pages)";
    let sum: f64 = conn.query_row(sum, [], |row| row.get(0)).unwrap();
    assert_eq!(sum, 7.5 + 4.0);

    let sitemap = export(&job, &["--what", "sitemap"]);
    assert_eq!(sitemap.matches("<url>").count(), 3);
    assert!(sitemap.contains(&format!("<loc>{}</loc><lastmod>20", server.url("/b"))));
    assert!(!sitemap.contains("broken"));

    let failed = [
        "--where",
        "outcome=failed and status>=500",
        "--columns",
        "status,url",
    ];
    let failed = export(
        &job,
        &[&["--what", "pages", "--format", "csv"], &failed[..]].concat(),
    );
    assert_eq!(
        failed,
        format!("status,url\n500,{}\n", server.url("/broken"))
    );
    let csv = job.export("records", "csv");
    assert!(csv.contains("'=1+1,5"), "{csv}");
}

#[test]
fn rows_are_chosen_by_site_and_record() {
    let server = Server::fan(3);
    let other = Server::fan(2);
    let document = |name: &str, server: &Server| {
        format!(
            "---\nsite: {name}\nstart: {}\ndiscover: {{ sitemap: off }}\nextract:\n  \
             - {{ record: page, fields: {{ title: title }} }}\n  \
             - {{ record: start, when: ^/$, fields: {{ link: {{ css: a, attr: href }} }} }}\n",
            server.url("/")
        )
    };
    let job = Job::new(
        &format!(
            "{}{}",
            document("books", &server),
            document("films", &other)
        )
        .replacen("---\n", "", 1),
    );
    job.finish(&[]);
    let count = |what: &str, condition: &str| {
        let args = ["--what", what, "--format", "jsonl", "--where", condition];
        export(&job, &args).lines().count()
    };
    let (books, films) = (count("pages", "site=books"), count("pages", "site=films"));
    assert_eq!((books, films), (4, 3));
    for (what, condition, rows) in [
        ("pages", "site!=books", films),
        ("pages", "site ~ '^b' or site=films and depth=0", books + 1),
        ("records", "site=books", books + 1),
        ("records", "record=start", 2),
        ("records", "record=start and site=films", 1),
        (
            "records",
            "not record=start and depth>=1",
            books + films - 2,
        ),
        (
            "records",
            "record!~'^s' and outcome=done and status=200",
            books + films,
        ),
        ("records", "record=none", 0),
    ] {
        assert_eq!(count(what, condition), rows, "{what}: {condition}");
    }
    for (condition, words) in [
        ("record", "--where, character"),
        ("size=1", "site, record, outcome"),
    ] {
        let output = job.crawldeck(&[
            "export",
            "sites.crawl",
            "--what",
            "records",
            "--where",
            condition,
        ]);
        output.expect(2);
        assert!(output.stderr.contains(words), "{output:?}");
    }
}

#[test]
fn what_cannot_be_is_told_and_leaves_nothing() {
    let (_server, job) = crawled();
    let names = || -> BTreeSet<_> {
        let entries = fs::read_dir(job.folder()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = names();
    for (arguments, words) in [
        (
            &["--what", "pages", "--where", "status > = 5"][..],
            "character 10",
        ),
        (
            &["--what", "records", "--columns", "nmae"],
            "there is site, record",
        ),
        (&["--what", "records", "--format", "parquet"], "-o FILE"),
        (&["--what", "pages", "--format", "xml"], "belong together"),
        (&["--format", "csv"], "--what is missing"),
    ] {
        let all = [&["export", "sites.crawl"], arguments].concat();
        let output = job.crawldeck(&all);
        output.expect(2);
        assert!(
            output.stderr.contains(words),
            "{arguments:?}: {}",
            output.stderr
        );
        assert_eq!(output.stdout, "");
    }
    assert_eq!(names(), before);
}
