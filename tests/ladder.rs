//! The fetch ladder, of plain HTTP and a scraping API: the site and the API are
//! servers on loopback.

mod common;

use common::crawl::{Job, Output, Running};
use common::server::{Answer, Gate, Server};
use rusqlite::Connection;
use serde_json::Value;

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";
const SHELL: &str = "<title>shop</title><div id=\"root\"></div><script src=\"/main.js\"></script>";

/// A site with guarded pages, and an API that gets them.
struct Guarded {
    site: Server,
    api: Server,
    paths: Vec<String>,
}

impl Guarded {
    /// So many pages behind a challenge of each kind, so many shells, and as
    /// many plain ones.
    fn new(each: usize) -> Self {
        let (site, api) = (Server::start(), Server::start());
        let mut paths = Vec::new();
        for n in 0..each {
            for (path, answer) in [
                (format!("/plain/{n}"), Answer::html("<h1>plain</h1>")),
                (format!("/with-200/{n}"), Answer::html(CHALLENGE)),
                (
                    format!("/with-403/{n}"),
                    Answer::html(CHALLENGE)
                        .with_status(403)
                        .header("cf-mitigated", "challenge"),
                ),
                (
                    format!("/with-503/{n}"),
                    Answer::html(CHALLENGE).with_status(503),
                ),
                (format!("/shell/{n}"), Answer::html(SHELL)),
            ] {
                site.on(&path, answer);
                paths.push(path);
            }
        }
        let links: Vec<&str> = paths.iter().map(String::as_str).collect();
        site.page("/", &links);
        let guarded = Self { site, api, paths };
        for path in &guarded.paths {
            guarded.sells(path, Answer::html("<h1>had</h1>").header("x-cost", "0.5"));
        }
        guarded
    }

    /// What the API is asked for a page.
    fn asked_for(&self, path: &str) -> String {
        format!("/v1?url={}", crawldeck::page::quoted(&self.site.url(path)))
    }

    /// The API's answer to the request for a page.
    fn sells(&self, path: &str, answer: Answer) {
        self.api.on(&self.asked_for(path), answer);
    }

    /// How often the API was asked for a page.
    fn sold(&self, path: &str) -> usize {
        self.api.count(&self.asked_for(path))
    }

    fn job(&self, limits: &str) -> Job {
        let url = self.api.url("/v1?url={url}");
        Job::site(
            &self.site.url("/"),
            &format!(
                "fetch:\n  via: [http, service]\n  robots: ignore\n  service:\n    url: '{url}'\n    \
                 result: {{ cost: x-cost }}\n    {limits}"
            ),
        )
    }

    fn url(&self, path: &str) -> String {
        self.site.url(path)
    }
}

/// Rung, status, kind and words of every attempt at a page, in order.
type Attempt = (String, Option<u16>, Option<String>, String);

fn attempts(job: &Job, url: &str) -> Vec<Attempt> {
    let db = Connection::open(job.dir().join("crawl.db")).unwrap();
    let mut statement = db
        .prepare(
            "SELECT a.rung, a.status, a.kind, a.detail FROM attempt a \
             JOIN url u ON u.id = a.id >> 16 WHERE u.url = ?1 ORDER BY a.id",
        )
        .unwrap();
    let rows = statement.query_map([url], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn rung(job: &Job, name: &str) -> Value {
    let status = job.site_status("site");
    let rungs = status["rungs"].as_array().unwrap();
    let found = rungs.iter().find(|rung| rung["rung"] == name);
    found.unwrap_or_else(|| panic!("{status:#}")).clone()
}

/// Gives a command; it must be done.
fn ctl(job: &Job, words: &str) -> String {
    let mut args = vec!["ctl", "sites.crawl"];
    args.extend(words.split(' '));
    let output: Output = job.crawldeck(&args);
    output.expect(0);
    output.stdout.trim().to_owned()
}

/// Waits until a running job says so of a rung.
fn until(job: &Job, running: &mut Running, name: &str, enough: impl Fn(&Value) -> bool) {
    loop {
        let status = job.site_status("site");
        let rungs = status["rungs"].as_array().cloned().unwrap_or_default();
        if rungs
            .iter()
            .any(|rung| rung["rung"] == name && enough(rung))
        {
            return;
        }
        assert!(!running.is_over(), "it has ended: {status:#}");
        std::thread::yield_now();
    }
}

#[test]
fn a_guarded_page_climbs_and_its_timeline_tells_why() {
    let guarded = Guarded::new(1);
    let job = guarded.job("concurrency: 2");
    job.finish(&[]);
    let pages = job.pages();
    for path in &guarded.paths {
        assert_eq!(pages.end(&guarded.url(path)), "done", "{path}");
    }
    for (path, status, why) in [
        ("/with-200/0", 200, "Cloudflare challenge"),
        ("/with-403/0", 403, "Cloudflare challenge"),
        ("/with-503/0", 503, "Cloudflare challenge"),
        ("/shell/0", 200, "needs scripts"),
    ] {
        let timeline = attempts(&job, &guarded.url(path));
        let [low, high] = &timeline[..] else {
            panic!("{path}: {timeline:?}")
        };
        let blocked = Some("blocked".to_owned());
        let http = ("http".to_owned(), Some(status), blocked, why.to_owned());
        assert_eq!(*low, http, "{path}");
        assert_eq!((&*high.0, high.1, &high.2), ("service", Some(200), &None));
        assert_eq!((guarded.site.count(path), guarded.sold(path)), (1, 1));
    }
    assert_eq!(guarded.sold("/plain/0"), 0);
    assert_eq!(rung(&job, "service")["spent"]["money"], 2.0);
}

#[test]
fn a_site_without_a_second_rung_never_climbs() {
    let guarded = Guarded::new(1);
    let job = Job::site(&guarded.url("/"), "fetch: { robots: ignore }");
    job.finish(&[]);
    let pages = job.pages();
    for path in ["/with-200/0", "/with-403/0", "/with-503/0"] {
        assert_eq!(pages.end(&guarded.url(path)), "failed blocked", "{path}");
        assert_eq!(guarded.site.count(path), 1);
    }
    assert_eq!(pages.end(&guarded.url("/shell/0")), "done");
    assert_eq!(guarded.api.log().len(), 0);
}

#[test]
fn what_was_learned_of_a_page_holds_for_its_like() {
    let guarded = Guarded::new(40);
    let job = guarded.job("concurrency: 4");
    job.finish(&[]);
    for kind in ["with-200", "with-403", "with-503", "shell"] {
        let paths = guarded.paths.iter().filter(|path| path.contains(kind));
        let tried = paths.filter(|path| guarded.site.count(path) > 0).count();
        // Those that were handed out before two of them had been had.
        assert!(tried < 30, "{kind}: {tried} of 40 were tried by http");
    }
    let had = guarded.paths.iter().filter(|path| guarded.sold(path) == 1);
    assert_eq!(had.count(), 160);
}

#[test]
fn a_budget_is_not_overrun_and_holds_in_the_next_run() {
    let guarded = Guarded::new(4);
    let job = guarded.job("budget: { money: 2.75 }");
    job.finish(&[]);
    assert_eq!(guarded.api.log().len(), 5, "at 0.5 each");
    let failed = job.pages().ends(&guarded.url("/"));
    let blocked = failed.iter().filter(|(_, end)| end == "failed blocked");
    assert_eq!(blocked.count(), 11);
    assert!(job.log().contains("its budget is used up"));

    job.finish(&[]);
    assert_eq!(guarded.api.log().len(), 5);
    assert_eq!(rung(&job, "service")["spent"]["money"], 2.5);
}

#[test]
fn a_refused_key_pauses_the_rung_and_the_site_says_so() {
    let guarded = Guarded::new(2);
    for path in &guarded.paths {
        guarded.sells(path, Answer::html("bad key").with_status(401));
    }
    let job = guarded.job("concurrency: 1");
    let output = job.run(&[]);
    assert_ne!(
        output.code,
        Some(0),
        "pages wait that nobody can get: {output:?}"
    );
    assert_eq!(guarded.api.log().len(), 1, "one was enough to know");
    let log = job.log();
    assert_eq!(log.matches("service is paused").count(), 1, "{log}");
    let status = job.site_status("site");
    assert_eq!(status["state"], "failed");
    assert!(
        status["why"]
            .as_str()
            .unwrap()
            .contains("its pages stay queued"),
        "{status}"
    );

    // With a key that works the next run gets what is left.
    for path in &guarded.paths {
        guarded.sells(path, Answer::html("<h1>had</h1>"));
    }
    job.finish(&[]);
    let pages = job.pages();
    let queued = pages.ends(&guarded.url("/"));
    assert!(queued.iter().all(|(_, end)| end != "queued"), "{queued:?}");
}

#[test]
fn a_crowded_rung_shrinks_and_gets_every_page() {
    let guarded = Guarded::new(2);
    let crowded = Answer::html("too many").with_status(429);
    let path = "/with-403/0";
    let had = Answer::html("<h1>had</h1>");
    guarded
        .api
        .sequence(&guarded.asked_for(path), [crowded, had]);
    let job = guarded.job("concurrency: 3");
    job.finish(&[]);
    assert_eq!(job.pages().end(&guarded.url(path)), "done");
    assert_eq!(guarded.sold(path), 2);
    assert_eq!(rung(&job, "service")["concurrency"], 2);
    let log = job.log();
    assert!(
        log.contains("service 3 → 2: it has more to do than it takes"),
        "{log}"
    );
}

#[test]
fn a_rung_is_set_while_it_works_and_the_journal_tells() {
    let guarded = Guarded::new(1);
    let gate = Gate::default();
    let path = "/with-403/0";
    guarded.sells(path, Answer::html("<h1>had</h1>").behind(&gate));
    let job = guarded.job("concurrency: 1");
    let mut running = job.start(&[]);
    guarded.api.wait("a page at the API", |api| api.open() == 1);
    until(&job, &mut running, "service", |rung| rung["in_flight"] == 1);
    assert_eq!(
        ctl(&job, "rung-concurrency site service 3"),
        "1 at a time → 3 at a time"
    );
    assert_eq!(ctl(&job, "rung-delay site service 5ms"), "0ns → 5ms");
    assert_eq!(ctl(&job, "rung-requests site service 50"), "none → 50");
    assert_eq!(ctl(&job, "rung-money site service 9.5"), "none → 9.5");
    assert!(ctl(&job, "undo").contains("rung-money site service none"));
    until(&job, &mut running, "service", |rung| {
        rung["concurrency"] == 3 && rung["delay_ms"] == 5 && rung["budget"]["requests"] == 50
    });
    ctl(&job, "rung-pause site service");
    until(&job, &mut running, "service", |rung| {
        rung["state"] == "paused"
    });
    ctl(&job, "rung-resume site service");
    gate.open();
    running.wait().expect(0);
    let db = Connection::open(job.dir().join("crawl.db")).unwrap();
    let row: (String, String, String) = db
        .query_row(
            "SELECT command, before, after FROM journal WHERE command LIKE 'rung-requests%'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    let (command, before, after) = (row.0.as_str(), row.1.as_str(), row.2.as_str());
    assert_eq!(
        (command, before, after),
        ("rung-requests site service 50", "none", "50")
    );
    let kept = rung(&job, "service");
    assert_eq!(kept["concurrency"], 3, "as it was set");
}
