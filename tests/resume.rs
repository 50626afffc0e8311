//! Stopping, killing, going on: nothing is lost and nothing stands twice.

mod common;

use common::DEADLINE;
use common::crawl::{Job, Running, Signal};
use common::server::{Answer, Gate, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const EXTRACT: &str =
    "extract:\n  - record: page\n    fields: { title: h1, links: { css: a, all: true } }\n";

/// A tree of pages with failures, redirects and a loop among them; every
/// answer takes a little, so that a kill finds work in flight.
fn tree(pages: usize) -> Server {
    let server = Server::start();
    for i in 1..=pages {
        let here = if i == 1 { "/".into() } else { format!("/{i}") };
        let mut links: Vec<_> = [2 * i, 2 * i + 1]
            .into_iter()
            .filter(|n| *n <= pages)
            .map(|n| format!("/{n}"))
            .collect();
        links.extend((i % 7 == 0).then(|| format!("/missing/{i}")));
        links.extend((i % 11 == 0).then(|| format!("/moved/{i}")));
        server.on(
            &format!("/moved/{i}"),
            Answer::redirect(&format!("/landed/{i}")),
        );
        server.page(&format!("/landed/{i}"), &["/"]);
        server.on(&here, Answer::links(&links).after(Duration::from_millis(8)));
    }
    server
}

/// Pages and records as they must be alike in two runs.
fn results(job: &Job) -> (Vec<String>, Vec<String>) {
    let pages = job.pages().0.into_values().map(|page| {
        let parts = [
            "site",
            "url",
            "final_url",
            "outcome",
            "reason",
            "status",
            "content_type",
        ];
        parts.map(|part| page[part].to_string()).join(" ")
    });
    let mut records: Vec<_> = job
        .records()
        .iter()
        .map(|r| format!("{} {} {} {}", r["site"], r["record"], r["url"], r["fields"]))
        .collect();
    records.sort();
    (pages.collect(), records)
}

#[test]
fn killed_at_any_instant_it_ends_as_if_it_had_not_been() {
    let calm = tree(120);
    let undisturbed = Job::site(&calm.url("/"), EXTRACT);
    undisturbed.finish(&[]);

    // The same port for both: URLs are a part of what is compared.
    let job = Job::site(&calm.url("/"), EXTRACT);
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    for _ in 0..10 {
        let before = calm.pages_hit();
        let more = random.usize(1..25);
        let pause = Duration::from_micros(random.u64(0..15_000));
        let mut run = job.start(&[]);
        let end = Instant::now() + DEADLINE;
        while calm.pages_hit() < before + more && !run.is_over() {
            assert!(
                Instant::now() < end,
                "nothing is fetched after kill {kills}"
            );
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(pause);
        kills += usize::from(!run.is_over());
        run.kill();
    }
    assert!(
        kills > 0,
        "every run had ended before it was killed; seed {seed}"
    );
    job.finish(&[]);
    assert_eq!(results(&job), results(&undisturbed), "seed {seed}");
    let (a, b) = (job.site_status("site"), undisturbed.site_status("site"));
    assert_eq!(
        (&a["pages"], &a["records"]),
        (&b["pages"], &b["records"]),
        "seed {seed}"
    );
}

/// A start page and `n` pages that take their time.
fn slow_fan(n: usize) -> Server {
    let server = Server::fan(n);
    for i in 1..=n {
        let page = Answer::links(&["/"]).after(Duration::from_millis(60));
        server.on(&format!("/{i}"), page);
    }
    server
}

#[test]
fn a_signal_ends_it_in_good_order() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = slow_fan(300);
        let job = Job::site(&server.url("/"), "");
        let run = job.start(&[]);
        server.wait("work in flight", |s| s.pages_hit() > 10);
        run.signal(signal);
        let output = run.wait();
        output.expect(code);

        // What was in flight was finished, and all of it is kept.
        let site = job.site_status("site");
        assert_eq!(site["state"], "stopped");
        assert_eq!(site["pages"]["done"], server.pages_hit(), "{site}");
        assert_eq!(site["pages"]["in_flight"], 0);
        assert!(site["pages"]["queued"].as_u64() > Some(0), "{site}");

        for i in 1..=300 {
            server.page(&format!("/{i}"), &[]);
        }
        job.finish(&[]);
        assert!(
            server.repeated().is_empty(),
            "fetched again: {:?}",
            server.repeated()
        );
        assert_eq!(job.site_status("site")["pages"]["done"], 301);
        assert_eq!(job.site_status("site")["state"], "finished");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let server = Server::fan(3);
    for i in 1..=3 {
        server.on(&format!("/{i}"), Answer::hang());
    }
    let job = Job::site(&server.url("/"), "fetch: { timeout: 600s }");
    let mut run = job.start(&[]);
    server.wait("three pages that hang", |s| s.open() == 3);
    let end = Instant::now() + DEADLINE;
    // Two signals sent together arrive as one.
    while !run.is_over() {
        assert!(Instant::now() < end, "it waits for pages that never come");
        run.signal(Signal::INT);
        thread::sleep(Duration::from_millis(100));
    }
    run.wait().expect(130);
    let site = job.site_status("site");
    assert_eq!(
        (&site["pages"]["done"], &site["pages"]["queued"]),
        (&json!(1), &json!(3))
    );

    for i in 1..=3 {
        server.page(&format!("/{i}"), &[]);
    }
    job.finish(&[]);
    assert_eq!(job.site_status("site")["pages"]["done"], 4);
}

#[test]
fn a_second_process_is_told_who_holds_the_job() {
    let server = Server::fan(3);
    let gate = Gate::default();
    server.on("/1", Answer::links(&["/"]).behind(&gate));
    let job = Job::site(&server.url("/"), "");
    let first = job.start(&[]);
    server.wait_hits("/1", 1);
    let second = job.run(&[]);
    second.expect(2);
    let pid = first.id().to_string();
    assert!(
        second.stderr.contains(&pid),
        "not told of {pid}: {second:#?}"
    );
    // Readers are not kept out.
    let site = job.site_status("site");
    assert_eq!(site["state"], "running");
    assert!(job.pages().0.len() >= 2);
    gate.open();
    first.wait().expect(0);
    assert_eq!(job.site_status("site")["pages"]["done"], 4);
    assert!(server.repeated().is_empty());
}

#[test]
fn a_finished_job_has_nothing_left_to_do() {
    let server = Server::fan(5);
    let job = Job::site(&server.url("/"), EXTRACT);
    job.finish(&[]);
    let before = results(&job);
    assert_eq!((before.0.len(), before.1.len()), (6, 6));
    job.finish(&[]);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
    assert_eq!(results(&job), before);
}

#[test]
fn fresh_starts_over() {
    let server = Server::fan(5);
    let job = Job::site(&server.url("/"), EXTRACT);
    job.finish(&[]);
    let before = results(&job);
    job.finish(&["--fresh"]);
    assert_eq!(server.repeated().len(), 6);
    assert_eq!(results(&job), before);
}

/// The fields of the record of one path.
fn fields(records: &[Value], server: &Server, path: &str) -> Value {
    let url = json!(server.url(path));
    let found = records.iter().find(|r| r["url"] == url);
    found.unwrap_or_else(|| panic!("no record of {path}"))["fields"].clone()
}

#[test]
fn a_changed_sites_file_holds_from_now_on() {
    let server = Server::fan(8);
    server.page("/", &["/1", "/2", "/3", "/4", "/5", "/6", "/x/7", "/x/8"]);
    server.page("/x/7", &[]);
    server.page("/x/8", &[]);
    let head = format!("site: site\nstart: {}\n", server.url("/"));
    let job = Job::new(&format!(
        "{head}limits: {{ pages: 3 }}\nextract:\n  - record: page\n    fields: {{ title: h1 }}\n"
    ));
    job.finish(&[]);
    let early = job.pages().done(&server.url(""));
    assert_eq!(early.len(), 3);

    job.rewrite(&format!(
        "{}{head}scope: {{ exclude: ['^/x/'] }}\nextract:\n  - record: page\n    \
         fields: {{ title: h1, first: {{ css: title }} }}\n",
        common::crawl::FAST
    ));
    let output = job.finish(&[]);
    let said = (output.stdout + &output.stderr).to_lowercase();
    assert!(
        said.contains("changed"),
        "nobody is told that the file changed: {said}"
    );
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
    let pages = job.pages();
    assert_eq!(
        pages.done(&server.url("")),
        ["/", "/1", "/2", "/3", "/4", "/5", "/6"]
    );
    for path in ["/x/7", "/x/8"] {
        assert_eq!(pages.end(&server.url(path)), "skipped scope", "{path}");
    }
    let records = job.records();
    for path in pages.done(&server.url("")) {
        let want = match early.contains(&path) {
            true => json!({"title": "h"}),
            false => json!({"title": "h", "first": "t"}),
        };
        assert_eq!(fields(&records, &server, &path), want, "{path}");
    }
}

#[test]
fn a_site_can_be_added_and_taken_away() {
    let (one, two) = (Server::fan(2), Server::fan(2));
    let document = |name: &str, s: &Server| format!("site: {name}\nstart: {}\n", s.url("/"));
    let job = Job::new(&document("one", &one));
    job.finish(&[]);
    let both = document("two", &two) + "---\n" + &document("one", &one);
    job.rewrite(&(common::crawl::FAST.to_owned() + &both));
    job.finish(&[]);
    assert_eq!(job.site_status("two")["pages"]["done"], 3);
    assert_eq!(job.site_status("one")["pages"]["done"], 3);
    assert!(one.repeated().is_empty(), "{:?}", one.repeated());
}

#[test]
fn an_export_while_it_runs_is_whole() {
    let server = slow_fan(200);
    let job = Job::site(&server.url("/"), EXTRACT);
    let run = job.start(&[]);
    server.wait("some pages", |s| s.pages_hit() > 20);
    for _ in 0..5 {
        // Parses, and refuses what stands twice.
        let pages = job.pages();
        assert!(pages.done(&server.url("")).len() <= server.pages_hit());
        job.records();
    }
    run.signal(Signal::TERM);
    run.wait().expect(143);
}

#[test]
fn a_killed_process_holds_nothing() {
    let server = Server::fan(2);
    server.on("/1", Answer::hang());
    let job = Job::site(&server.url("/"), "");
    let run: Running = job.start(&[]);
    server.wait_hits("/1", 1);
    run.kill();
    assert_eq!(job.site_status("site")["state"], "stopped");
    server.page("/1", &[]);
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/2"]);
}
