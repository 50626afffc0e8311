//! What the ladder has learned outlives the process: a plain site whose guarded
//! pages a scraping API gets, both on loopback.

mod common;

use common::crawl::{Job, Running};
use common::server::{Answer, Gate, Server};
use rusqlite::{Connection, OpenFlags};

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";
/// Guarded pages: more than come between two probes, and fewer than twice as many.
const PAGES: usize = 90;

/// A site of guarded pages, and an API that gets them.
struct Guarded {
    site: Server,
    api: Server,
}

impl Guarded {
    fn new() -> Self {
        let (site, api) = (Server::start(), Server::start());
        let paths: Vec<String> = (0..PAGES).map(|n| format!("/guard/{n}")).collect();
        for path in &paths {
            site.on(path, Answer::html(CHALLENGE));
        }
        site.on("/", Answer::links(&paths));
        let guarded = Self { site, api };
        for n in 0..PAGES {
            guarded.sells(n, Answer::html(&format!("<h1>page {n}</h1>")));
        }
        guarded
    }

    fn sells(&self, n: usize, answer: Answer) {
        let url = crawldeck::page::quoted(&self.site.url(&format!("/guard/{n}")));
        self.api.on(&format!("/v1?url={url}"), answer);
    }

    fn job(&self, via: &str, more: &str) -> Job {
        let api = self.api.url("/v1?url={url}");
        Job::site(
            &self.site.url("/"),
            &format!(
                "fetch:\n  via: [{via}]\n  robots: ignore\n  concurrency: 1\n  service: {{ url: \
                 '{api}', concurrency: 1 }}\n{more}"
            ),
        )
    }

    /// How often plain HTTP asked for a guarded page.
    fn tried(&self) -> usize {
        let log = self.site.log();
        let guarded = log.iter().filter(|hit| hit.target.starts_with("/guard/"));
        guarded.count()
    }
}

/// What is kept for the API's rung: entries that two examples or more speak for.
fn sure(job: &Job) -> usize {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(db) = Connection::open_with_flags(job.dir().join("crawl.db"), flags) else {
        return 0;
    };
    let sql = "SELECT entries FROM learned WHERE rung = 'service'";
    let entries: Result<Vec<u8>, _> = db.query_row(sql, [], |row| row.get(0));
    let entries = entries.unwrap_or_default();
    entries.chunks(16).filter(|entry| entry[14] >= 2).count()
}

fn until_sure(job: &Job, running: &mut Running) {
    while sure(job) == 0 {
        assert!(!running.is_over(), "it ended: {}", job.log());
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_run_leaves_what_it_has_learned() {
    let guarded = Guarded::new();
    let gate = Gate::default();
    guarded.sells(8, Answer::html("<h1>page 8</h1>").behind(&gate));
    let job = guarded.job("http, service", "");
    let mut running = job.start(&[]);
    until_sure(&job, &mut running);
    running.kill();
    gate.open();

    let before = guarded.tried();
    job.finish(&[]);
    assert_eq!(job.pages().done(&guarded.site.url("/")).len(), PAGES + 1);
    // The family's pages begin where they are had; a lower rung is tried again
    // after fifty of them.
    assert_eq!(guarded.tried() - before, 1);
}

#[test]
fn a_run_that_ended_leaves_it_until_it_is_begun_afresh() {
    let guarded = Guarded::new();
    let job = guarded.job("http, service", "limits: { pages: 12 }\n");
    job.finish(&[]);
    assert!(guarded.tried() >= 2);
    assert!(sure(&job) > 0);

    // Another place on another ladder is the same rung.
    let text = std::fs::read_to_string(job.file()).unwrap();
    let text = text.replace("pages: 12", "pages: 24");
    job.rewrite(&text.replace("[http, service]", "[http, browser, service]"));
    let before = guarded.tried();
    job.finish(&[]);
    assert_eq!(job.pages().done(&guarded.site.url("/")).len(), 24);
    assert_eq!(guarded.tried(), before);

    job.rewrite(&text);
    job.finish(&["--fresh"]);
    assert!(guarded.tried() - before >= 2, "learned again");
}

#[test]
fn a_site_with_one_rung_keeps_nothing() {
    let guarded = Guarded::new();
    let job = guarded.job("http", "limits: { pages: 12 }\n");
    job.finish(&[]);
    let db = Connection::open(job.dir().join("crawl.db")).unwrap();
    let sql = "SELECT count(*) FROM learned";
    let rows: i64 = db.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}
