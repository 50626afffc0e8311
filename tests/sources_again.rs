//! Sitemaps, lists and APIs that fail at first: on the failures screen, and
//! asked again by the operator.

mod common;

use common::crawl::Job;
use common::pty::{Pty, shows};
use common::server::{Answer, Gate, Server};
use vt100::Screen;

const TALL: (u16, u16) = (45, 160);

fn map(loc: &str) -> Answer {
    let text = format!("<urlset><url><loc>{loc}</loc></url></urlset>");
    Answer::typed("application/xml", text.as_bytes())
}

fn json(text: &str) -> Answer {
    Answer::typed("application/json", text.as_bytes())
}

/// A sitemap, a list and an API that fail `times` times, the API at its second
/// answer. The page that its first one names is behind a gate.
fn ailing(times: usize, gate: &Gate) -> (Server, Job) {
    let server = Server::island(0);
    let down = || vec![Answer::status(500); times];
    let then = |well: Answer| down().into_iter().chain([well]);
    let of = |name: &str| server.url(&format!("/of-{name}"));
    for name in ["map", "list", "api2"] {
        server.on(&format!("/of-{name}"), Answer::html(name));
    }
    server.on("/of-api", Answer::html("api").behind(gate));
    server.sequence("/map.xml", then(map(&of("map"))));
    server.sequence("/list", then(Answer::text(&(of("list") + "\n"))));
    server.on("/api?p=1", json(&format!("[\"{}\"]", of("api"))));
    server.sequence("/api?p=2", then(json(&format!("[\"{}\"]", of("api2")))));
    server.on("/api?p=3", json("[]"));
    let more = format!(
        "discover:\n  sitemap: ['{}']\n  files: ['{}']\n  api:\n    - {{ url: '{}', page: {{}}, urls: '$[*]' }}",
        server.url("/map.xml"),
        server.url("/list"),
        server.url("/api?p={page}"),
    );
    let job = Job::site(&server.url("/"), &more);
    (server, job)
}

fn state(job: &Job, end: &str) -> String {
    let rows = job.lines("sources");
    let found = rows
        .iter()
        .find(|row| row["name"].as_str().unwrap().ends_with(end));
    let found = found.unwrap_or_else(|| panic!("no {end} among {rows:#?}"));
    found["state"].as_str().unwrap().to_owned()
}

/// Whether a row of the screen has all these words, in this order.
fn has_row(screen: &Screen, words: &[&str]) -> bool {
    screen.rows(0, screen.size().1.get()).any(|row| {
        let mut rest = row.as_str();
        words.iter().all(|word| match rest.find(word) {
            Some(at) => {
                rest = &rest[at + word.len()..];
                true
            }
            None => false,
        })
    })
}

#[test]
fn failed_sources_stand_on_the_failures_screen_and_go_when_they_are_well() {
    let gate = Gate::default();
    gate.open();
    let (server, job) = ailing(1, &gate);
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), TALL, &[]);
    deck.wait_text("3 sources could not be read");
    deck.wait_text("failed sources: site 3");
    deck.keys("2");
    deck.wait_text("0 failed pages by kind, status and host, 3 failed sources");
    deck.wait_for("a row each", |screen| {
        has_row(screen, &["sources", "3"])
            && has_row(screen, &["sitemap", "/map.xml", "status 500"])
            && has_row(screen, &["list", "/list", "status 500"])
            && has_row(screen, &["api", "/api", "after 1 answer: status 500"])
    });

    // One of them, found by its words, is opened on its site's screen.
    deck.keys("/map.xml\r");
    deck.wait_gone("/list");
    deck.keys("G\r");
    deck.wait_text("> sources 3: r asks a failed one again");
    deck.wait_for("the cursor on it", |screen| {
        has_row(screen, &["failed", "sitemap", "/map.xml", "status 500"])
    });
    deck.keys("r");
    deck.wait_text("1 source is asked again");
    deck.wait_for("it is well", |screen| {
        has_row(screen, &["done", "sitemap", "/map.xml"]) && shows(screen, "finished")
    });
    server.wait_hits("/of-map", 1);

    // The list by its row, and then the rest by the row above.
    // Back from the row, from the site, and from the filter.
    deck.keys("hhh");
    deck.wait_text("2 failed sources");
    deck.wait_for("all that are left", |screen| {
        has_row(screen, &["sources", "2"])
    });
    deck.keys("/list\r");
    deck.wait_for("only the list", |screen| {
        has_row(screen, &["sources", "1"]) && has_row(screen, &["list", "/list", "status 500"])
    });
    deck.keys("Gr");
    deck.wait_text("1 failed source ");
    server.wait_hits("/of-list", 1);
    deck.keys("h");
    deck.wait_for("the API alone", |screen| {
        has_row(screen, &["sources", "1"]) && has_row(screen, &["api", "/api", "after 1 answer"])
    });
    deck.keys("GkA");
    deck.wait_text("no failed pages");
    deck.wait_gone("failed source");
    server.wait_hits("/of-api2", 1);
    deck.keys("1");
    deck.wait_for("all is well", |screen| {
        shows(screen, "finished") && has_row(screen, &["site", "5/5"])
    });
    deck.keys("q");
    assert_eq!(deck.wait(), 0);

    for (path, times) in [
        ("/map.xml", 2),
        ("/list", 2),
        // It goes on where it failed.
        ("/api?p=1", 1),
        ("/api?p=2", 2),
        ("/api?p=3", 1),
    ] {
        assert_eq!(server.count(path), times, "{path}");
    }
    for end in ["/map.xml", "/list", "/api"] {
        assert_eq!(state(&job, end), "done", "{end}");
    }
    assert_eq!(job.site_status("site")["sources"]["failed"], 0);
    let expected = ["/", "/of-api", "/of-api2", "/of-list", "/of-map"];
    assert_eq!(job.pages().done(&server.url("")), expected);
    let journal = job.export("journal", "jsonl");
    assert!(journal.contains("retry-sources site http"), "{journal}");
    assert!(journal.contains("retry-sources all"), "{journal}");
}

#[test]
fn a_script_and_an_attached_deck_ask_them_again() {
    let gate = Gate::default();
    let (server, job) = ailing(1, &gate);
    // It keeps the run going.
    let running = job.start(&[]);
    server.wait_hits("/of-api", 1);
    let mut deck = Pty::spawn(&["attach", "sites.crawl"], job.folder(), (24, 80), &[]);
    deck.keys("2");
    deck.wait_text("3 failed sources");
    deck.wait_for("a row each", |screen| {
        has_row(screen, &["list", "/list", "status"])
            && has_row(screen, &["sitemap", "map.xml"])
            && has_row(screen, &["api", "/api", "after"])
    });
    let ctl = |words: &[&str]| job.crawldeck(&[&["ctl", "sites.crawl"], words].concat());
    let list = server.url("/list");
    let one = ctl(&["retry-sources", "site", &list]);
    one.expect(0);
    assert!(one.stdout.contains("1 source is asked again"), "{one:?}");
    deck.wait_text("2 failed sources");
    deck.wait_gone("/list");
    server.wait_hits("/list", 2);
    for (words, why) in [
        (
            ["retry-sources", "site", list.as_str()],
            "no failed source is called",
        ),
        (
            ["retry-sources", "nowhere", list.as_str()],
            "there is no site `nowhere`",
        ),
    ] {
        let refused = ctl(&words);
        assert_ne!(refused.code, Some(0), "{refused:?}");
        let said = refused.stdout.clone() + &refused.stderr;
        assert!(said.contains(why), "{refused:?}");
    }
    // The attached deck asks the rest.
    deck.keys("GA");
    deck.wait_text("1 failed source ");
    deck.keys("A");
    deck.wait_text("no failed pages");
    server.wait_hits("/map.xml", 2);
    server.wait_hits("/api?p=3", 1);
    let none = ctl(&["retry-sources", "all"]);
    assert!(
        (none.stdout.clone() + &none.stderr).contains("no source has failed"),
        "{none:?}"
    );
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
    gate.open();
    running.wait().expect(0);
    let done = job.pages().done(&server.url(""));
    assert_eq!(done.len(), 5, "{done:?}");
    for end in ["/map.xml", "/list", "/api"] {
        assert_eq!(state(&job, end), "done", "{end}");
    }
}

#[test]
fn a_source_that_fails_again_comes_back_and_is_asked_by_the_next_run() {
    let gate = Gate::default();
    gate.open();
    let (server, job) = ailing(2, &gate);
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), (24, 80), &[]);
    deck.wait_text("finished");
    deck.keys("2");
    deck.wait_for("a row each", |screen| {
        has_row(screen, &["list", "/list", "status"])
            && has_row(screen, &["sitemap", "map.xml"])
            && has_row(screen, &["api", "/api", "after"])
    });
    deck.keys("GA");
    deck.wait_text("1 source is asked again");
    let asked = |server: &Server| {
        let paths = ["/map.xml", "/list", "/api?p=2"];
        paths.iter().map(|path| server.count(path)).sum::<usize>()
    };
    server.wait("one that is asked twice", |server| asked(server) == 4);
    deck.wait_text("3 failed sources");
    while job.site_status("site")["sources"]["failed"] != 3 {
        std::thread::yield_now();
    }
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
    job.finish(&[]);
    job.finish(&[]);
    for end in ["/map.xml", "/list", "/api"] {
        assert_eq!(state(&job, end), "done", "{end}");
    }
}
