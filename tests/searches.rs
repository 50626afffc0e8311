//! What `/` finds on the deck's lists of records and of changes, and what `why`
//! says of an API's address.

mod common;

use common::crawl::{FAST, Job};
use common::pty::Pty;
use common::server::{Answer, Server};

const SIZE: (u16, u16) = (30, 120);

#[test]
fn records_of_an_api_are_found() {
    let server = Server::start();
    server.page("/", &[]);
    let items: Vec<String> = (0..30)
        .map(|n| format!("{{\"name\": \"cup {n}\"}}"))
        .collect();
    let answer = format!("[{}]", items.join(","));
    server.on(
        "/api/cups",
        Answer::typed("application/json", answer.as_bytes()),
    );
    let yaml = format!(
        "{FAST}site: shop\nstart: {0}\ndiscover:\n  sitemap: off\n  links: off\n  api:\n    \
         - url: {1}\n      next: link\n      records:\n        \
         - {{ record: cup, items: '$[*]', fields: {{ name: $.name }} }}\n",
        server.url("/"),
        server.url("/api/cups")
    );
    let job = Job::raw(&yaml);
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), SIZE, &[]);
    deck.wait_text("finished");
    deck.keys("5");
    deck.wait_text("of 30 records");
    deck.keys("/cup 17\r");
    deck.wait_text("1 of 1 that pass cup 17");
    deck.keys("\x1b");
    deck.wait_gone("that pass");
    deck.keys("/API/cups\r");
    deck.wait_text("of 30 that pass API/cups");
    deck.keys("\x1b");
    deck.wait_gone("that pass");
    deck.keys(&format!(":why shop {}?page=2\r", server.url("/api/cups")));
    deck.wait_text("no page with this URL is known");
    deck.wait_text("an API's address: its answers gave 30 records");
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
}

#[test]
fn changes_are_filtered() {
    let server = Server::start();
    let page = |title: &str, links: &str| Answer::html(&format!("<h1>{title}</h1>{links}"));
    let links = "<a href=/one>1</a><a href=/two>2</a>";
    server.on("/", page("Start", links));
    server.on("/one", page("First", ""));
    server.on("/two", page("Second", ""));
    let more = "discover: { sitemap: off }\nextract:\n  - record: page\n    fields: { title: h1 }";
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);
    server.on("/one", page("Erste", ""));
    server.on("/two", page("Zweite", ""));
    job.finish(&["--refresh"]);
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), SIZE, &[]);
    deck.wait_text("finished");
    deck.keys("9");
    deck.wait_text("of 2 changes");
    deck.keys("/zweite\r");
    deck.wait_text("1 of 1 that pass zweite");
    deck.wait_gone("Erste");
    assert!(deck.text().contains("title: Second → Zweite"));
    deck.keys("\x1b");
    deck.wait_gone("that pass");
    deck.keys("/!/two\r");
    deck.wait_text("1 of 1 that pass !/two");
    deck.wait_text("title: First → Erste");
    deck.keys("\x1b");
    deck.wait_text("Zweite");
    deck.keys("q");
    assert_eq!(deck.wait(), 0);
}
