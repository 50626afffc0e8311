//! Input that cannot be: one clear message, exit code 2, nothing started.

mod common;

use common::crawl::{Job, Output};
use common::server::Server;
use regex::Regex;

/// What is wrong with a refusal: it must be one clear message on standard
/// error, with these parts in it, and exit code 2.
fn complaint(output: &Output, wanted: &[&str]) -> Option<String> {
    let said = &output.stderr;
    let noise = ["panicked", "stack backtrace", "RUST_BACKTRACE", "src/"];
    let lines = said.lines().count();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|part| !said.contains(**part))
        .collect();
    if output.code != Some(2) {
        Some(format!("exit code {:?}, said {said:?}", output.code))
    } else if !output.stdout.is_empty() {
        Some(format!("on standard output: {:?}", output.stdout))
    } else if let Some(noise) = noise.iter().find(|noise| said.contains(**noise)) {
        Some(format!("{noise:?} in {said:?}"))
    } else if !(1..=12).contains(&lines) {
        Some(format!("{lines} lines: {said:?}"))
    } else if !missing.is_empty() {
        Some(format!("no {missing:?} in {said:?}"))
    } else {
        None
    }
}

#[track_caller]
fn refused(name: &str, output: &Output, wanted: &[&str]) {
    if let Some(complaint) = complaint(output, wanted) {
        panic!("{name}: {complaint}");
    }
}

/// A sites file, the line its fault is in (0 where there is none), and what
/// the message must name: never the value, which may be a secret.
type Case<'a> = (&'a str, &'a str, usize, &'a [&'a str]);

const CASES: &[Case<'_>] = &[
    (
        "unknown key",
        "site: a\nstart: http://x.test/\nlimts: { pages: 3 }\n",
        3,
        &["limts", "limits"],
    ),
    (
        "unknown key within",
        "site: a\nstart: http://x.test/\nfetch:\n  concurency: 3\n",
        4,
        &["concurency", "concurrency"],
    ),
    (
        "unknown key of a field",
        "site: a\nstart: http://x.test/\nextract:\n  - record: r\n    fields:\n      t: { css: h1, att: x }\n",
        6,
        &["att", "attr"],
    ),
    ("no start", "site: a\n", 1, &["start"]),
    ("no name", "start: http://x.test/\n", 1, &["site"]),
    (
        "same name twice",
        "site: a\nstart: http://x.test/\n---\nsite: a\nstart: http://y.test/\n",
        4,
        &["a"],
    ),
    (
        "bad name",
        "site: ../a b\nstart: http://x.test/\n",
        1,
        &["site", "letters"],
    ),
    (
        "bad URL",
        "site: a\nstart: 'http://['\n",
        2,
        &["start", "URL"],
    ),
    (
        "bad scheme",
        "site: a\nstart: ftp://x.test/\n",
        2,
        &["start", "http"],
    ),
    (
        "bad pattern",
        "site: a\nstart: http://x.test/\nscope:\n  include: ['^/ok', '(']\n",
        4,
        &["scope.include", "regular expression"],
    ),
    (
        "bad selector",
        "site: a\nstart: http://x.test/\nextract:\n  - record: r\n    fields:\n      t: 'h1['\n",
        6,
        &["fields.t", "CSS"],
    ),
    (
        "bad cast",
        "site: a\nstart: http://x.test/\nextract:\n  - record: r\n    fields:\n      t: { css: h1, as: numbr }\n",
        6,
        &["numbr", "number"],
    ),
    (
        "no workers",
        "site: a\nstart: http://x.test/\nfetch: { concurrency: 0 }\n",
        3,
        &["1"],
    ),
    (
        "too many workers",
        "site: a\nstart: http://x.test/\nfetch: { concurrency: 9999 }\n",
        3,
        &["1024"],
    ),
    (
        "negative",
        "site: a\nstart: http://x.test/\nlimits: { pages: -1 }\n",
        3,
        &["pages"],
    ),
    (
        "bad duration",
        "site: a\nstart: http://x.test/\nfetch: { delay: soon }\n",
        3,
        &["fetch.delay", "ms"],
    ),
    (
        "wrong type",
        "site: a\nstart: http://x.test/\nlimits: [1, 2]\n",
        3,
        &["limits"],
    ),
    (
        "not YAML",
        "site: a\nstart: http://x.test/\n  bad: [1\n",
        3,
        &[],
    ),
    ("a list", "- site: a\n", 1, &[]),
    (
        "key twice",
        "site: a\nstart: http://x.test/\nsite: b\n",
        3,
        &["site"],
    ),
    (
        "unset variable",
        "site: a\nstart: http://x.test/\nfetch:\n  headers: { X: '${CRAWLDECK_TEST_UNSET}' }\n",
        4,
        &["CRAWLDECK_TEST_UNSET"],
    ),
    ("empty", "", 0, &["sites.yaml"]),
    ("comments only", "# nothing\n---\n", 0, &["sites.yaml"]),
    (
        "defaults only",
        "defaults:\n  fetch: { retries: 1 }\n",
        0,
        &["sites.yaml"],
    ),
    (
        "unknown default",
        "defaults:\n  fetch: { retires: 1 }\n---\nsite: a\nstart: http://x.test/\n",
        2,
        &["retires", "retries"],
    ),
];

/// Every case that `args` does not refuse as it should.
fn complaints(args: &[&str]) -> Vec<String> {
    let place = Regex::new(r"sites\.yaml:(\d+):(\d+)").unwrap();
    let mut all = Vec::new();
    for (name, yaml, line, wanted) in CASES {
        let job = Job::raw(yaml);
        let output = job.crawldeck(args);
        all.extend(complaint(&output, wanted).map(|c| format!("{name}: {c}")));
        let at = place.captures(&output.stderr).map(|c| c[1].to_owned());
        if *line > 0 && at != Some(line.to_string()) {
            all.push(format!("{name}: not at line {line}: {:?}", output.stderr));
        }
        if job.dir().exists() {
            all.push(format!("{name}: a job was started"));
        }
    }
    all
}

#[test]
fn a_bad_sites_file_is_told_where_and_what_instead() {
    let complaints = complaints(&["run", "sites.yaml", "--headless"]);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn check_refuses_the_same() {
    let complaints = complaints(&["check", "sites.yaml"]);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn files_that_are_no_text_are_refused() {
    let job = Job::raw("");
    std::fs::write(job.file(), b"site: a\nstart: http://x.test/\xff\xfe\n").unwrap();
    refused("not UTF-8", &job.run(&[]), &["sites.yaml", "UTF-8"]);

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let before = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb += &format!("a{i}: &a{i} [{before}]\n");
    }
    job.rewrite(&bomb);
    refused("alias bomb", &job.run(&[]), &["sites.yaml"]);

    job.rewrite(&"[".repeat(200_000));
    refused("deep nesting", &job.run(&[]), &["sites.yaml"]);

    refused(
        "no file",
        &job.crawldeck(&["run", "none.yaml", "--headless"]),
        &["none.yaml"],
    );
    refused(
        "a folder",
        &job.crawldeck(&["run", ".", "--headless"]),
        &["."],
    );
}

#[test]
fn one_good_site_does_not_start_beside_a_bad_one() {
    let server = Server::fan(1);
    let job = Job::new(&format!(
        "site: good\nstart: {}\n---\nsite: bad\nstart: nowhere\n",
        server.url("/")
    ));
    refused(
        "bad beside good",
        &job.run(&[]),
        &["sites.yaml:8:8", "start"],
    );
    assert!(server.log().is_empty());
}

#[test]
fn a_secret_is_not_in_the_message() {
    let job = Job::raw("site: a\nstart: http://x.test/\nfetch: { delay: '${DECK_SECRET}' }\n");
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("DECK_SECRET", "hunter2-value");
    let output = common::crawl::Running::spawn(command).wait();
    refused("secret", &output, &["delay"]);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
}

#[test]
fn bad_arguments_are_refused() {
    let job = Job::site("http://127.0.0.1:9/", "");
    let cases: &[&[&str]] = &[
        &["run"],
        &["run", "sites.yaml", "--headless", "--concurrency", "0"],
        &["run", "sites.yaml", "--headless", "--concurrency", "many"],
        &["run", "sites.yaml", "--headless", "--max-pages", "-1"],
        &["run", "sites.yaml", "--no-such-flag"],
        &["run", "ftp://127.0.0.1/", "--headless"],
        &["run", "http://[", "--headless"],
        &["status", "no-such.crawl", "--json"],
        &[
            "export",
            "no-such.crawl",
            "--what",
            "pages",
            "--format",
            "jsonl",
        ],
        &[
            "export",
            "sites.crawl",
            "--what",
            "everything",
            "--format",
            "jsonl",
        ],
        &["no-such-command"],
    ];
    for args in cases {
        let output = job.crawldeck(args);
        assert_eq!(output.code, Some(2), "{args:?}: {output:#?}");
        assert!(
            !output.stderr.is_empty(),
            "{args:?} is refused without a word"
        );
        assert!(!output.stderr.contains("panicked"), "{args:?}: {output:#?}");
        assert!(!job.dir().exists(), "{args:?} made a job");
    }
}
