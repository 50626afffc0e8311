//! The browser rung and `crawldeck discover`, as an operator meets them.

mod common;

use common::crawl::{Job, Running, Signal};
use common::server::{Answer, Gate, Server};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const BROWSER: &str = "fetch: { via: [browser], concurrency: 3, robots: ignore";

/// A page that only its script makes one.
fn scripted(html: &str) -> Answer {
    let html = json!(html).to_string().replace('<', "\\u003c");
    Answer::html(&format!(
        "<!DOCTYPE html><title>t</title><body><script>document.body.innerHTML = {html}</script>"
    ))
}

/// The job's command with the browser's folders in the job's own.
fn start(job: &Job, args: &[&str]) -> Running {
    let mut command = job.command(args);
    command.env("TMPDIR", job.folder());
    Running::spawn(command)
}

/// Processes that live and were started with `folder` as theirs, and all of
/// their groups.
fn living(folder: &Path) -> Vec<(u32, String)> {
    let processes = || fs::read_dir("/proc").unwrap().flatten();
    let read = |process: u32, file: &str| {
        let bytes = fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let all: Vec<(u32, String, u32)> = processes()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process: u32| {
            let stat = read(process, "stat");
            let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
            let (state, group) = (fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?);
            // The dead whom nobody has buried yet.
            (!matches!(state.as_str(), "Z" | "X")).then_some((process, state, group))
        })
        .collect();
    let own = folder.to_str().unwrap();
    let marked = |process: u32| {
        read(process, "environ").contains(own) || read(process, "cmdline").contains(own)
    };
    let groups: Vec<u32> = all
        .iter()
        .filter(|(process, ..)| marked(*process))
        .map(|(_, _, group)| *group)
        .collect();
    all.into_iter()
        .filter(|(process, _, group)| groups.contains(group) && *process != std::process::id())
        .map(|(process, state, _)| (process, format!("{state} {}", read(process, "cmdline"))))
        .collect()
}

/// Waits until nothing lives that was started in `folder`, and its profiles
/// are gone.
#[track_caller]
fn wait_for_peace(folder: &Path) {
    let profiles = || {
        let entries = fs::read_dir(folder).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| name.starts_with("crawldeck-browser"))
            .collect::<Vec<_>>()
    };
    let end = Instant::now() + common::DEADLINE;
    while !living(folder).is_empty() || !profiles().is_empty() {
        assert!(
            Instant::now() < end,
            "left: {:?} {:?}",
            living(folder),
            profiles()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_missing_browser_is_told_with_what_to_do() {
    let server = Server::start();
    server.page("/", &[]);
    let job = Job::site(&server.url("/"), &format!("{BROWSER} }}"));
    for (variable, value, words) in [
        ("PATH", "/no/such/folder", "install the package chromium"),
        (
            "CRAWLDECK_CHROME",
            "/no/such/chrome",
            "CRAWLDECK_CHROME names /no/such/chrome",
        ),
    ] {
        let mut command = job.command(&["check", "sites.yaml", "--url", &server.url("/")]);
        command.env_remove("CRAWLDECK_CHROME").env(variable, value);
        let output = Running::spawn(command).wait();
        assert!(output.stdout.contains(words), "{output:?}");

        let mut command = job.command(&["discover", &server.url("/")]);
        command.env_remove("CRAWLDECK_CHROME").env(variable, value);
        let output = Running::spawn(command).wait();
        output.expect(3);
        assert!(output.stderr.contains(words), "{output:?}");
    }
}

#[test]
fn a_browser_that_does_not_start_is_told_with_its_own_words() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let job = Job::site(&server.url("/"), "");
    let chrome = job.folder().join("chrome");
    fs::write(&chrome, "#!/bin/sh\necho 'no usable sandbox' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&chrome, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = job.command(&["discover", &server.url("/")]);
    command
        .env("CRAWLDECK_CHROME", &chrome)
        .env("TMPDIR", job.folder());
    let output = Running::spawn(command).wait();
    output.expect(3);
    for words in ["ended at once", "no usable sandbox"] {
        assert!(output.stderr.contains(words), "{output:?}");
    }
    wait_for_peace(job.folder());
}

#[test]
fn what_is_no_page_is_bad_input() {
    let job = Job::site("http://127.0.0.1:1/", "");
    for url in ["nonsense", "ftp://a.test/", "file:///etc/passwd"] {
        job.crawldeck(&["discover", url]).expect(2);
    }
}

#[test]
#[ignore = "needs Chromium"]
fn a_site_of_scripts_is_crawled_and_pictured() {
    let server = Server::start();
    server.on(
        "/",
        scripted("<h1>start</h1><a href='/a'>a</a><a href='/b'>b</a>"),
    );
    server.on("/a", scripted("<h1>page a</h1>"));
    server.on("/b", scripted("<h1>page b</h1>").with_status(200));
    let job = Job::raw(&format!(
        "site: s\nstart: {}\ndiscover: {{ sitemap: off }}\n{BROWSER}, browser: {{ screenshot: on, wait: network-idle }} }}\n\
         extract:\n  - record: page\n    fields: {{ title: h1 }}\n",
        server.url("/")
    ));
    let running = start(&job, &["run", "sites.yaml", "--headless"]);
    let output = running.wait();
    output.expect(0);
    let mut titles: Vec<String> = job
        .records()
        .iter()
        .map(|record| record["fields"]["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    assert_eq!(titles, ["page a", "page b", "start"]);
    let pictures: Vec<_> = fs::read_dir(job.dir().join("screenshots"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(pictures.len(), 3);
    for picture in &pictures {
        assert!(fs::read(picture.path()).unwrap().starts_with(b"\x89PNG"));
    }
    // Each page knows its own.
    let store = Connection::open(job.dir().join("crawl.db")).unwrap();
    let mut asked = store.prepare("SELECT file FROM picture").unwrap();
    let rows = asked.query_map([], |row| row.get(0)).unwrap();
    let mut kept: Vec<String> = rows.map(Result::unwrap).collect();
    let name = |picture: &fs::DirEntry| picture.file_name().into_string().unwrap();
    let mut names: Vec<String> = pictures.iter().map(name).collect();
    names
        .iter_mut()
        .for_each(|name| name.insert_str(0, "screenshots/"));
    (kept.sort(), names.sort());
    assert_eq!(kept, names);
    wait_for_peace(job.folder());
}

#[test]
#[ignore = "needs Chromium"]
fn no_process_outlives_an_engine_that_was_killed() {
    let server = Server::start();
    let paths: Vec<String> = (0..500).map(|n| format!("/{n}")).collect();
    let links: String = paths
        .iter()
        .map(|path| format!("<a href='{path}'>x</a>"))
        .collect();
    server.on("/", scripted(&links));
    for path in &paths {
        server.on(path, scripted("<h1>x</h1><iframe src='/frame'></iframe>"));
    }
    // One that never ends: its process is busy when the engine goes.
    server.on("/7", Answer::html("<script>for (;;) {}</script>"));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let lives: Vec<Life> = (0..KILLS).map(|_| Life::random(&mut random)).collect();
    std::thread::scope(|scope| {
        for lives in lives.chunks(KILLS.div_ceil(KILLED_AT_ONCE)) {
            scope.spawn(|| lives.iter().for_each(|life| life.live(&server)));
        }
    });
}

/// Runs that are killed at random instants.
const KILLS: usize = 50;
/// Of them at a time.
const KILLED_AT_ONCE: usize = 4;

/// When and how a run is killed.
#[derive(Debug)]
struct Life {
    /// What it is asked to end by before it is killed.
    asked: Option<Signal>,
    /// How long until then, or until it is killed.
    alone: Duration,
    /// How long it is left to end by itself.
    ending: Duration,
}

impl Life {
    fn random(random: &mut fastrand::Rng) -> Self {
        let asked = [
            None,
            Some(Signal::TERM),
            Some(Signal::INT),
            Some(Signal::HUP),
        ];
        Self {
            asked: asked[random.usize(..asked.len())],
            alone: Duration::from_millis(random.u64(0..2500)),
            ending: Duration::from_millis(random.u64(0..500)),
        }
    }

    fn live(&self, server: &Server) {
        let job = Job::raw(&format!(
            "site: s\nstart: {}\ndiscover: {{ sitemap: off }}\n{BROWSER} }}\n",
            server.url("/")
        ));
        let running = start(&job, &["run", "sites.yaml", "--headless"]);
        std::thread::sleep(self.alone);
        if let Some(signal) = self.asked {
            running.signal(signal);
            std::thread::sleep(self.ending);
        }
        running.kill();
        wait_for_peace(job.folder());
    }
}

#[test]
#[ignore = "needs Chromium"]
fn no_process_outlives_a_run_that_is_stopped() {
    let server = Server::start();
    let gate = Gate::default();
    server.on("/", Answer::html("x").behind(&gate));
    for signal in [Signal::INT, Signal::TERM] {
        let job = Job::raw(&format!(
            "site: s\nstart: {}\ndiscover: {{ sitemap: off }}\n{BROWSER} }}\n",
            server.url("/")
        ));
        let before = server.count("/");
        let mut running = start(&job, &["run", "sites.yaml", "--headless"]);
        server.wait_hits("/", before + 1);
        // The second that it takes note of does not wait for what is in flight.
        while !running.is_over() {
            running.signal(signal);
            std::thread::sleep(Duration::from_millis(50));
        }
        wait_for_peace(job.folder());
    }
    gate.open();
}

/// A page whose script asks an API for its list, more of it on scrolling.
fn listing(server: &Server) {
    for page in 1..=4_u32 {
        let items: Vec<Value> = (0..5)
            .filter(|_| page < 4)
            .map(|n| json!({ "id": page * 10 + n, "title": "t", "img": "/x.png" }))
            .collect();
        let answer = json!({ "total": 15, "items": items }).to_string();
        let answer = Answer::typed("application/json", answer.as_bytes());
        server.on(&format!("/api/list?lang=en&page={page}"), answer);
        for item in &items {
            let path = format!("/item/{}", item["id"]);
            server.on(&path, Answer::html("<h1>an item</h1>"));
        }
    }
    let menu = json!([{ "label": "a", "on": true }, { "label": "b", "on": true }]).to_string();
    server.on(
        "/api/menu",
        Answer::typed("application/json", menu.as_bytes()),
    );
    server.on(
        "/shop",
        Answer::html(
            "<!DOCTYPE html><body><div id=list></div><script>
            fetch('/api/menu');
            let page = 0, busy = false;
            async function more() {
              if (busy) return;
              busy = true;
              const answer = await (await fetch('/api/list?lang=en&page=' + (++page))).json();
              for (const item of answer.items) {
                list.insertAdjacentHTML('beforeend',
                  `<div style='height:900px'><a href='/item/${item.id}'>${item.title}</a></div>`);
              }
              busy = answer.items.length === 0;
            }
            addEventListener('scroll', more);
            more();
            </script>",
        ),
    );
}

#[test]
#[ignore = "needs Chromium"]
fn discover_finds_the_listing_and_its_stanza_crawls_it() {
    let server = Server::start();
    listing(&server);
    let job = Job::site(&server.url("/"), "");
    let found = start(&job, &["discover", &server.url("/shop"), "--scroll", "2"]).wait();
    found.expect(0);
    for words in [
        "5 items at $.items[*]",
        "page in the query: a page's number from 1 (seen to change)",
    ] {
        assert!(found.stdout.contains(words), "{}", found.stdout);
    }
    job.rewrite(&found.stdout);
    job.crawldeck(&["check", "sites.yaml"]).expect(0);
    job.finish(&[]);
    let done = job.pages().done(&server.url(""));
    let items: Vec<&String> = done
        .iter()
        .filter(|path| path.starts_with("/item/"))
        .collect();
    assert_eq!(items.len(), 15, "{done:?}");

    let told = start(
        &job,
        &[
            "discover",
            &server.url("/shop"),
            "--json",
            "--wait",
            "#list a",
        ],
    )
    .wait();
    told.expect(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let first = &told["listings"][0];
    assert_eq!((&first["count"], &first["key"]), (&json!(5), &json!("id")));
    assert_eq!(first["item"], server.url("/item/{id}"));
    assert_eq!(first["paging"]["parameter"], "page");
    assert_eq!(told["listings"].as_array().unwrap().len(), 1);
    wait_for_peace(job.folder());

    server.on("/plain", Answer::html("<p>nothing"));
    let none = start(&job, &["discover", &server.url("/plain"), "--wait", "load"]).wait();
    none.expect(3);
    assert!(none.stderr.contains("looks like a listing"), "{none:?}");
}

#[test]
#[ignore = "needs Chromium"]
fn a_challenge_that_lets_the_browser_through_by_itself_is_no_block() {
    let server = Server::start();
    let challenge = |goes_on: &str| {
        Answer::html(&format!(
            "<!DOCTYPE html><title>Just a moment...</title><form id='challenge-form'></form>{goes_on}"
        ))
        .with_status(503)
    };
    let reload = "<script>setTimeout(() => location.reload(), 1500)</script>";
    let refresh = "<meta http-equiv=refresh content='2; url=/refreshed'>";
    let page = |links: &str| Answer::html(&format!("<h1>the page</h1>{links}"));
    let links = "<a href='/refresh'>r</a><a href='/never'>n</a>";
    server.sequence("/", [challenge(reload), page(links)]);
    server.on("/refresh", challenge(refresh));
    server.on("/refreshed", page(""));
    server.on("/never", challenge(""));
    let job = Job::raw(&format!(
        "site: s\nstart: {}\ndiscover: {{ sitemap: off }}\n{BROWSER}, retries: 0 }}\n\
         extract:\n  - record: page\n    fields: {{ title: h1 }}\n",
        server.url("/")
    ));
    start(&job, &["run", "sites.yaml", "--headless"]).wait();
    let titles: Vec<Value> = job.records();
    let titles: Vec<&Value> = titles.iter().map(|r| &r["fields"]["title"]).collect();
    assert_eq!(titles, ["the page", "the page"], "{:?}", job.pages());
    let never = job.pages();
    assert_eq!(never.at(&server.url("/never"))["reason"], "blocked");
    wait_for_peace(job.folder());
}
