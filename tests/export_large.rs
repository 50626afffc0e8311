//! Exports that take a while: a sitemap that must be split, the line that tells
//! how far one is, and one that is killed.

mod common;

use common::crawl::{Job, Running};
use common::pty::{Pty, shows};
use crawldeck::bus::{self, Attempt};
use crawldeck::page::{Fingerprinter, Outcome, SiteId, Verdict};
use crawldeck::store::sqlite::{self, Opening, OpeningSite};
use crawldeck::store::{Commit, Lease, NewUrl, Record, Via};
use std::fs::{self, File};
use std::io::Read;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// One more than fit one sitemap.
const PAGES: usize = 50_001;

/// A job of so many good pages, as a crawl of them leaves it.
fn filled() -> Job {
    let job = Job::site("https://a.example/", "");
    fs::create_dir(job.dir()).unwrap();
    let runtime = Runtime::new().unwrap();
    let (events, mut bus_end) = mpsc::channel(bus::EVENTS);
    runtime.spawn(async move { while bus_end.recv().await.is_some() {} });
    let site = OpeningSite {
        name: "site".to_owned(),
        digest: 1,
    };
    let store = sqlite::open(&job.dir(), Opening::new(vec![site], events))
        .unwrap()
        .store;
    let prints = Fingerprinter::new("site");
    let url = |n: usize| format!("https://a.example/shelf?a=1&n={n}");
    let attempt = Attempt {
        at: 1_700_000_000_000,
        rung: "http".into(),
        status: Some(200),
        kind: None,
        elapsed_ms: 1,
        bytes: 1,
        detail: String::new(),
        picture: None,
    };
    runtime.block_on(async {
        let urls = (0..PAGES).map(|n| NewUrl {
            print: prints.of(&url(n)),
            url: url(n).into(),
            depth: 1,
            rank: 1,
            hops: 0,
            via: Via::Link,
        });
        store.add(SiteId(0), urls.collect()).await;
        while let Lease::Pages(pages) = store.lease(SiteId(0), 1000).await {
            for page in pages {
                let mut commit = Commit::new(SiteId(0), page.id, Verdict::Final(Outcome::Done));
                commit.attempt = Some(attempt.clone());
                let fields = [("title".to_owned(), "x".repeat(100).into())];
                commit.records = vec![Record {
                    name: "page".into(),
                    fields: fields.into_iter().collect(),
                }];
                store.commit(commit).await;
            }
        }
        store.flush().await.unwrap();
    });
    job
}

#[test]
fn what_takes_a_while_is_split_told_and_never_half_there() {
    let job = filled();
    split(&job);
    told(&job);
    killed(&job);
}

/// 50,000 URLs a file, and an index that names them by the base.
fn split(job: &Job) {
    let export = |more: &[&str]| {
        job.crawldeck(&[&["export", "sites.crawl", "--what", "sitemap"], more].concat())
    };
    let refused = export(&[]);
    refused.expect(2);
    assert!(refused.stderr.contains("-o"), "{}", refused.stderr);
    let base = "https://www.b.example/maps/";
    for (more, at) in [(&["--base", base][..], base), (&[], "https://a.example/")] {
        export(&[&["-o", "map.xml"], more].concat()).expect(0);
        let read = |name: &str| fs::read_to_string(job.folder().join(name)).unwrap();
        let index = read("map.xml");
        assert!(index.contains("<sitemapindex xmlns="), "{index}");
        let locs: Vec<&str> = index
            .lines()
            .filter(|line| line.starts_with("<sitemap>"))
            .collect();
        let loc = |n: usize| format!("<sitemap><loc>{at}map-{n}.xml</loc></sitemap>");
        assert_eq!(locs, [loc(1), loc(2)]);
        let (first, second) = (read("map-1.xml"), read("map-2.xml"));
        let count = |text: &str| {
            text.matches("<url><loc>https://a.example/shelf?a=1&amp;n=")
                .count()
        };
        assert_eq!((count(&first), count(&second)), (PAGES - 1, 1));
        for text in [&first, &second] {
            assert!(text.starts_with("<?xml") && text.ends_with("</urlset>\n"));
        }
        assert!(!job.folder().join("map-3.xml").exists());
    }
}

/// The line shows while somebody takes the rows, and is gone in the end.
fn told(job: &Job) {
    let pipe = job.folder().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let args = ["export", "sites.crawl", "--what", "records", "-o", "pipe"];
    let mut terminal = Pty::spawn(&args, job.folder(), (24, 80), &[]);
    let mut rows = File::open(&pipe).unwrap();
    let (mut some, mut all, mut seen) = (vec![0; 1 << 15], 0, false);
    loop {
        let read = rows.read(&mut some).unwrap();
        if read == 0 {
            break;
        }
        all += some[..read].iter().filter(|byte| **byte == b'\n').count();
        seen = seen || terminal.text().contains(&format!("of {PAGES} rows, "));
        // Slower than it shows: it waits for room in the pipe meanwhile.
        if !seen {
            sleep(Duration::from_millis(5));
        }
    }
    assert!(seen, "no line was shown");
    assert_eq!(all, PAGES);
    terminal.wait_for("the line to go", |screen| !shows(screen, "rows"));
    assert_eq!(terminal.wait(), 0);
}

/// Whenever it is killed, the file is the one of before.
fn killed(job: &Job) {
    const EXPORT: [&str; 6] = [
        "export",
        "sites.crawl",
        "--what",
        "records",
        "-o",
        "out.jsonl",
    ];
    let file = job.folder().join("out.jsonl");
    let mut random = fastrand::Rng::new();
    let mut kills = 0;
    for _ in 0..5 {
        fs::write(&file, "what there was\n").unwrap();
        let mut running = Running::spawn(job.command(&EXPORT));
        let part = job
            .folder()
            .join(format!("out.jsonl.{}.part", running.id()));
        while !part.exists() && !running.is_over() {
            sleep(Duration::from_micros(200));
        }
        sleep(Duration::from_micros(random.u64(0..20_000)));
        running.kill();
        let text = fs::read_to_string(&file).unwrap();
        if part.exists() {
            kills += 1;
            assert_eq!(text, "what there was\n");
            fs::remove_file(part).unwrap();
        } else {
            assert_eq!(
                text.lines().count(),
                PAGES,
                "neither the old file nor the new one"
            );
        }
    }
    assert!(kills > 0, "every one had ended before it was killed");
    job.crawldeck(&EXPORT).expect(0);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), PAGES);
}
