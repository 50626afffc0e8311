//! The archive: what is in it, after kills too, and what others make of it;
//! fields taken from it without the network.

mod common;

use common::archive::{files, members, records};
use common::crawl::{Job, Running};
use common::server::{Answer, Server};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::thread;
use std::time::Duration;

const KEEP: &str = "keep: { bodies: warc }\n";

/// The site's pages, each with a heading and a number.
fn site(pages: usize) -> Server {
    let server = Server::start();
    for i in 1..=pages {
        let here = if i == 1 { "/".into() } else { format!("/{i}") };
        let links: String = [2 * i, 2 * i + 1]
            .into_iter()
            .filter(|n| *n <= pages)
            .map(|n| format!("<a href=/{n}>{n}</a>"))
            .collect();
        let html = format!("<h1>Page {i}</h1><p>{}</p>{links}", i * 10);
        server.on(&here, Answer::html(&html).after(Duration::from_millis(4)));
    }
    server
}

#[test]
fn killed_at_any_instant_no_half_record_stays_and_no_page_is_missing() {
    killed("");
}

#[test]
fn nor_where_files_are_small() {
    killed(", rotate: 4KB");
}

#[test]
fn nor_by_the_other_codec() {
    killed(", compress: zstd, rotate: 4KB");
}

fn killed(keep: &str) {
    const PAGES: usize = 150;
    let server = site(PAGES);
    let fields = "extract:\n  - record: page\n    fields: { title: h1 }\n";
    let keep = format!("keep: {{ bodies: warc{keep} }}\n");
    let job = Job::site(&server.url("/"), &format!("{keep}{fields}"));
    let mut random = fastrand::Rng::new();
    let mut kills = 0;
    for _ in 0..8 {
        let before = server.pages_hit();
        let more = random.usize(1..25);
        let mut run = job.start(&[]);
        while server.pages_hit() < before + more && !run.is_over() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(random.u64(0..10_000)));
        kills += usize::from(!run.is_over());
        run.kill();
        // What is committed can be read, whatever stands at the file's end.
        if job.dir().join("crawl.db").exists() {
            let seen = job.extract(&["--preview"]);
            assert!(!seen.contains("not "), "{seen}");
        }
    }
    assert!(kills > 0, "every run had ended before it was killed");
    job.finish(&[]);
    let mut responses: BTreeMap<String, usize> = BTreeMap::new();
    for file in files(&job) {
        for (kind, url) in records(&file) {
            *responses.entry(url).or_default() += usize::from(kind == "response");
        }
    }
    for (url, page) in job.pages().0 {
        assert_eq!(page["outcome"], "done", "{page}");
        assert!(responses[&url] > 0, "{url}");
    }
    let seen = job.extract(&[]);
    assert!(seen.contains(&format!("site: {PAGES} pages\n")), "{seen}");
    assert!(seen.contains("0 added, 0 removed, 0 changed"), "{seen}");
}

#[test]
fn every_answer_is_in_it_and_no_secret() {
    let server = Server::start();
    server.page("/", &["/moved", "/gone", "/paper.pdf", "/big"]);
    server.on(
        "/moved",
        Answer::redirect("/landed").header("x-why", "moved"),
    );
    server.page("/landed", &[]);
    server.on("/paper.pdf", Answer::typed("application/pdf", b"%PDF"));
    server.on("/big", Answer::html(&"<p>words ".repeat(100_000)));
    let more = format!("{KEEP}fetch: {{ headers: {{ X-Api-Key: hunter2 }} }}\n");
    let job = Job::site(&server.url("/"), &more);
    job.finish(&[]);
    let [file] = &files(&job)[..] else {
        panic!("one file")
    };
    assert!(file.ends_with("sites-00001.warc.gz"), "{file:?}");
    let all = records(file);
    assert_eq!(all[0].0, "warcinfo");
    let kinds = |kind: &str| -> BTreeSet<&str> {
        let of_kind = all.iter().filter(|(k, _)| k == kind);
        of_kind.map(|(_, url)| url.as_str()).collect()
    };
    let urls: Vec<String> = ["/", "/big", "/gone", "/landed", "/moved", "/paper.pdf"]
        .map(|path| server.url(path))
        .to_vec();
    for kind in ["request", "response", "metadata"] {
        assert_eq!(kinds(kind).into_iter().collect::<Vec<_>>(), urls, "{kind}");
    }
    let text = common::archive::text(&job);
    assert!(text.contains("x-why: moved\r\n") && text.contains("GET /gone HTTP/1.1\r\n"));
    assert!(!text.contains("hunter2"));
}

#[test]
fn changed_fields_are_taken_without_the_network() {
    const PAGES: usize = 60;
    let server = site(PAGES);
    let old = "extract:\n  - record: page\n    fields: { title: h1 }\n";
    let job = Job::site(&server.url("/"), &format!("{KEEP}{old}"));
    job.finish(&[]);
    let start = server.url("/");
    let asked = server.log().len();
    let new = "extract:\n  - record: page\n    fields:\n      title: h1\n      \
        n: { css: p, as: number }\n  - record: tens\n    when: ^/\\d0$\n    fields: { n: p }\n";
    job.rewrite(&format!("site: site\nstart: {start}\n{KEEP}{new}"));
    let preview = job.extract(&["--preview"]);
    assert_eq!(job.records().len(), PAGES, "nothing was changed");
    let seen = job.extract(&["--threads", "2"]);
    for line in [
        "site: 60 pages\n",
        "  page: 60 → 60 records, 0 added, 0 removed, 60 changed\n",
        "    n      filled 0 (0 %) → 60 (100 %)\n",
        "  tens: 0 → 6 records, 6 added, 0 removed, 0 changed\n",
    ] {
        assert!(seen.contains(line), "{line}{seen}");
        assert!(preview.contains(line), "{line}{preview}");
    }
    let records = job.records();
    assert_eq!(records.len(), PAGES + 6);
    let ten = records.iter().find(|r| r["url"] == server.url("/10"));
    assert_eq!(
        ten.unwrap()["fields"],
        json!({"title": "Page 10", "n": 100})
    );
    assert_eq!(job.site_status("site")["records"], PAGES + 6);
    assert_eq!(server.log().len(), asked, "nobody was asked");
    // A second time there is nothing to do, and the crawl is not disturbed.
    assert!(job.extract(&[]).contains("0 records changed"));
    job.finish(&[]);
    assert_eq!(job.records().len(), PAGES + 6);
}

#[test]
fn without_an_archive_it_says_how_to_get_one() {
    let server = Server::fan(1);
    let job = Job::site(&server.url("/"), "");
    let output = job.crawldeck(&["extract", "sites.yaml"]);
    output.expect(2);
    job.finish(&[]);
    let output = job.crawldeck(&["extract", "sites.yaml"]);
    output.expect(2);
    assert!(output.stderr.contains("bodies: warc"), "{output:?}");
}

#[test]
fn a_fresh_crawl_begins_a_fresh_archive() {
    let server = Server::fan(2);
    let job = Job::site(&server.url("/"), KEEP);
    job.finish(&[]);
    job.finish(&["--fresh"]);
    let [file] = &files(&job)[..] else {
        panic!("one file")
    };
    let kinds = records(file);
    assert_eq!(
        kinds.iter().filter(|(kind, _)| kind == "response").count(),
        3
    );
}

/// pip install warcio
#[test]
#[ignore = "needs Python's warcio"]
fn warcio_reads_it() {
    for codec in ["gz", "zstd"] {
        let server = site(40);
        server.on("/2", Answer::redirect("/3"));
        let keep = format!("keep: {{ bodies: warc, compress: {codec}, rotate: 4KB }}\n");
        let job = Job::site(&server.url("/"), &keep);
        job.finish(&[]);
        let files = files(&job);
        assert!(files.len() > 2, "{files:?}");
        if codec == "zstd" {
            // Frames of zstd are read by the tools of that format.
            let status = Command::new("zstd").arg("-tq").args(&files).status();
            assert!(status.is_ok_and(|status| status.success()));
            continue;
        }
        let status = Command::new("warcio").arg("check").args(&files).status();
        assert!(status.expect("warcio does not run").success());
        let index = Command::new("warcio")
            .args(["index", "-f", "warc-type,warc-target-uri,http:status"])
            .args(&files)
            .output()
            .unwrap();
        let index = String::from_utf8(index.stdout).unwrap();
        let good = index.matches("\"http:status\": \"200\"").count();
        assert!(good >= 10, "{index}");
        assert_eq!(
            index.matches("\"http:status\": \"302\"").count(),
            1,
            "{index}"
        );
    }
}

#[test]
fn what_has_not_changed_is_kept_as_a_revisit() {
    let server = Server::start();
    let html = "<h1>Same</h1><a href=/plain>p</a><a href=/other>o</a>";
    let same = Answer::html(html).header("etag", "\"1\"");
    server.on("/", same.conditional());
    server.on("/plain", Answer::html("<h1>Plain</h1>"));
    server.on("/other", Answer::html("<h1>Before</h1>"));
    let fields = "extract:\n  - record: page\n    fields: { title: h1 }\n";
    let job = Job::site(&server.url("/"), &format!("{KEEP}{fields}"));
    job.finish(&[]);
    server.on("/other", Answer::html("<h1>After</h1>"));
    job.finish(&["--refresh"]);
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (kind, url) in files(&job).iter().flat_map(|file| records(file)) {
        if matches!(&*kind, "response" | "revisit") && !url.ends_with(".txt") {
            let path = url.strip_prefix(&server.url("")).unwrap().to_owned();
            kinds.entry(path).or_default().push(kind);
        }
    }
    for (path, expected) in [
        ("/", ["response", "revisit"]),
        ("/plain", ["response", "revisit"]),
        ("/other", ["response", "response"]),
    ] {
        assert_eq!(kinds[path], expected, "{path}");
    }
    // Whatever is extracted again comes from the answer that was kept whole.
    let more = "extract:\n  - record: page\n    fields: { heading: h1 }\n";
    let start = server.url("/");
    let fast = common::crawl::FAST;
    job.rewrite(&format!("{fast}site: site\nstart: {start}\n{KEEP}{more}"));
    job.extract(&[]);
    let mut headings: Vec<String> = job
        .records()
        .iter()
        .map(|record| record["fields"]["heading"].as_str().unwrap().to_owned())
        .collect();
    headings.sort();
    assert_eq!(headings, ["After", "Plain", "Same"]);
}

/// Of three pages one is damaged in its file.
#[test]
fn a_damaged_answer_is_told_and_its_record_stays() {
    for codec in ["gz", "zstd"] {
        let server = site(3);
        let keep = format!("keep: {{ bodies: warc, compress: {codec} }}\n");
        let rule =
            |name: &str| format!("extract:\n  - record: page\n    fields: {{ {name}: h1 }}\n");
        let job = Job::site(&server.url("/"), &format!("{keep}{}", rule("title")));
        job.finish(&[]);
        let [file] = &files(&job)[..] else {
            panic!("one file")
        };
        let all = members(file);
        let hurt = all
            .iter()
            .find(|member| member.is("response", &server.url("/2")));
        let middle = hurt.map(|member| (member.place.start + member.place.end) / 2);
        let mut bytes = std::fs::read(file).unwrap();
        bytes[middle.unwrap()] ^= 0x55;
        std::fs::write(file, bytes).unwrap();
        let start = server.url("/");
        let text = format!("site: site\nstart: {start}\n{keep}{}", rule("heading"));
        job.rewrite(&text);
        let output = job.crawldeck(&["extract", "sites.yaml"]);
        output.expect(3);
        assert!(
            output.stdout.contains("site: 2 pages, 1 not readable\n"),
            "{output:?}"
        );
        assert!(output.stdout.contains(&server.url("/2")), "{output:?}");
        assert!(
            output.stderr.contains("1 answers could not be read"),
            "{output:?}"
        );
        let mut fields: Vec<String> = job
            .records()
            .iter()
            .map(|r| r["fields"].to_string())
            .collect();
        fields.sort();
        let expected = [
            r#"{"heading":"Page 1"}"#,
            r#"{"heading":"Page 3"}"#,
            r#"{"title":"Page 2"}"#,
        ];
        assert_eq!(fields, expected, "{codec}");
    }
}

#[test]
fn an_extract_that_is_killed_changes_all_records_or_none() {
    const PAGES: usize = 300;
    let server = site(PAGES);
    let mut random = fastrand::Rng::new();
    for keep in ["compress: gz, rotate: 4KB", "compress: zstd, rotate: 4KB"] {
        let text = |name: &str| {
            let start = server.url("/");
            let fields = format!("{{ {name}: h1, n: {{ css: p, as: number }} }}");
            format!(
                "{}site: site\nstart: {start}\nkeep: {{ bodies: warc, {keep} }}\n\
                 extract:\n  - record: page\n    fields: {fields}\n",
                common::crawl::FAST
            )
        };
        let names = |job: &Job| -> BTreeSet<String> {
            let records = job.records();
            assert_eq!(records.len(), PAGES);
            let first = |record: &serde_json::Value| {
                let fields = record["fields"].as_object().unwrap();
                fields.keys().next().unwrap().clone()
            };
            records.iter().map(first).collect()
        };
        let job = Job::raw(&text("f0"));
        job.finish(&[]);
        assert!(files(&job).len() > 2);
        let asked = server.log().len();
        let (mut kills, mut now) = (0, "f0".to_owned());
        // Sooner each time that it was quicker.
        let mut latest = 250_000;
        for n in 1..=6 {
            let new = format!("f{n}");
            job.rewrite(&text(&new));
            let mut running = Running::spawn(job.command(&["extract", "sites.yaml"]));
            thread::sleep(Duration::from_micros(random.u64(0..latest)));
            match running.is_over() {
                true => latest = latest / 8 + 1,
                false => kills += 1,
            }
            running.kill();
            let seen = names(&job);
            let (old, all_new) = (BTreeSet::from([now.clone()]), BTreeSet::from([new]));
            assert!(seen == old || seen == all_new, "{seen:?}");
            now = seen.into_iter().next().unwrap();
        }
        assert!(kills > 0, "every one had ended before it was killed");
        // And the next is none the wiser.
        job.rewrite(&text("last"));
        assert!(job.extract(&[]).contains("site: 300 pages\n"));
        assert_eq!(names(&job), BTreeSet::from(["last".to_owned()]));
        assert_eq!(server.log().len(), asked);
    }
}
