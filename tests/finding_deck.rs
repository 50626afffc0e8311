//! What the deck shows of finding pages: traps, pages by their links, and how
//! often fields are filled.

mod common;

use common::crawl::Job;
use common::pty::Pty;
use common::server::{Answer, Server};
use vt100::Screen;

const SIZE: (u16, u16) = (40, 150);
/// Months of the calendar.
const MONTHS: u32 = 30;

fn deck(job: &Job) -> Pty {
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), SIZE, &[]);
    deck.wait_text("finished");
    deck
}

/// The words of the row that has this one, from there on.
fn row(screen: &Screen, word: &str) -> Vec<String> {
    let rows = screen.rows(0, SIZE.1);
    // Panels stand side by side.
    let parts = |c: char| c.is_whitespace() || c == '│';
    let words = rows.map(|row| {
        let words = row.split(parts).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    });
    let mut found = words.filter_map(|words: Vec<String>| {
        let at = words.iter().position(|known| known == word)?;
        Some(words[at..].to_vec())
    });
    found.next().unwrap_or_default()
}

#[test]
fn a_trap_of_an_earlier_run_is_shown_and_lifted_by_a_key() {
    let server = Server::start();
    let month = |n: u32| format!("/cal/{}/{}", 2024 + n / 12, n % 12 + 1);
    server.page("/", &[&month(0)]);
    for n in 0..MONTHS {
        server.page(&month(n), &[&month(n + 1)]);
    }
    let more = "discover: { sitemap: off, traps: 7 }";
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);

    let mut deck = deck(&job);
    deck.keys("\reeee");
    let shape = format!("{}/cal/{{date}}", server.host());
    deck.wait_for("the trap with its counts", |screen| {
        let row = row(screen, &shape);
        row.get(1..3).is_some_and(|counts| counts == ["7", "1"])
    });
    deck.wait_text("T lifts");
    deck.keys("T");
    deck.wait_text("lifted");
    server.wait_hits(&month(MONTHS), 1);
    deck.wait_for("the pages that came", |screen| {
        // The last one is none: it counts as taken, and failed.
        let row = row(screen, &shape);
        row.get(1..3)
            .is_some_and(|counts| counts == ["31", "lifted"])
    });
    while job.site_status("site")["state"] != "finished" {
        std::thread::yield_now();
    }
    deck.wait_text("finished");
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
    let done = job.pages().done(&server.url(""));
    assert_eq!(done.len(), 1 + MONTHS as usize);
}

#[test]
fn pages_are_listed_by_their_links() {
    let server = Server::start();
    server.page("/", &["/first", "/second", "/gone"]);
    server.page("/first", &["/second", "/gone"]);
    server.page("/second", &[]);
    server.page("/alone", &["/second"]);
    server.on("/gone", Answer::status(404));
    let map = format!(
        "<urlset><url><loc>{}</loc></url></urlset>",
        server.url("/alone")
    );
    server.on("/map.xml", Answer::typed("application/xml", map.as_bytes()));
    let more = format!(
        "discover: {{ sitemap: [{}] }}\nkeep: {{ links: true }}",
        server.url("/map.xml")
    );
    let job = Job::site(&server.url("/"), &more);
    let mut deck = deck(&job);
    let url = |path: &str| server.url(path);

    deck.keys("L");
    deck.wait_text("1 of 1 dead pages are linked to");
    let shown = deck.wait_text("dead links");
    assert!(shown.contains(&url("/gone")), "{shown}");
    deck.wait_for("who links to it", |screen| {
        row(screen, &url("/gone"))
            .get(1)
            .is_some_and(|linked| linked == "2")
    });
    deck.keys("t");
    deck.wait_text("1 of 1 pages have no link to them");
    deck.wait_text(&url("/alone"));
    deck.wait_gone(&url("/gone"));

    deck.keys("t");
    deck.wait_text("1 of 5 pages");
    for (path, degrees) in [
        ("/", ["0", "3"]),
        ("/first", ["1", "2"]),
        ("/second", ["3", "0"]),
        ("/gone", ["2", "0"]),
        ("/alone", ["0", "1"]),
    ] {
        deck.wait_for(path, |screen| {
            row(screen, &url(path))
                .get(1..3)
                .is_some_and(|found| found == degrees)
        });
    }
    // Those with most come first, by the one and by the other.
    let first = |text: &str, path: &str, then: &str| {
        let at = |path: &str| text.find(&format!("{} ", url(path)));
        at(path) < at(then) && at(path).is_some()
    };
    let text = deck.text();
    assert!(
        first(&text, "/second", "/gone") && first(&text, "/gone", "/"),
        "{text}"
    );
    deck.keys("s");
    deck.wait_for("sorted by the other", |screen| {
        let text = screen.contents();
        first(&text, "/", "/first") && first(&text, "/first", "/second")
    });
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
}

#[test]
fn a_wrong_selector_shows_in_a_later_run_too() {
    let server = Server::start();
    let pages: Vec<String> = (0..8).map(|n| format!("/{n}")).collect();
    let links: String = pages
        .iter()
        .map(|path| format!("<a href={path}>x</a>"))
        .collect();
    server.on("/", Answer::html(&format!("<h1>Start</h1>{links}")));
    for path in &pages {
        server.on(path, Answer::html("<h1>Page</h1>"));
    }
    let more = "discover: { sitemap: off }\nextract:\n  - record: page\n    \
                fields: { title: h1, price: .nowhere }";
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);
    let fill = &job.site_status("site")["fill"];
    let expected = serde_json::json!([
        { "record": "page", "records": 9, "fields": { "title": 9, "price": 0 } }
    ]);
    assert_eq!(*fill, expected);
    // Nothing is fetched again: what is shown stands in the store.
    let mut deck = deck(&job);
    deck.keys("5");
    deck.wait_text("of 9 records");
    deck.wait_for("how often the fields are filled", |screen| {
        row(screen, "filled:").get(1..4) == Some(&["100%", "0%", "BROKEN"].map(str::to_owned))
    });
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
    assert_eq!(server.pages_hit(), 9);
}
