//! Traps that the operator lifts while the crawl runs.

mod common;

use common::crawl::{Job, Signal};
use common::server::{Answer, Gate, Server};

const MONTHS: u32 = 40;
/// The month at which the crawl is held up.
const HELD: u32 = 20;

fn month(n: u32) -> String {
    format!("/cal/{}/{}", 2024 + n / 12, n % 12 + 1)
}

#[test]
fn a_lifted_trap_gives_back_its_pages_and_stays_lifted() {
    let server = Server::start();
    let (first, second) = (Gate::default(), Gate::default());
    server.page("/", &[&month(0), "/held"]);
    server.on("/held", Answer::html("x").behind(&first));
    for n in 0..MONTHS {
        server.page(&month(n), &[&month(n + 1)]);
    }
    let next = format!("<a href={}>x</a>", month(HELD + 1));
    server.sequence(
        &month(HELD),
        [Answer::html(&next).behind(&second), Answer::html(&next)],
    );
    let job = Job::site(
        &server.url("/"),
        "discover: { sitemap: off, traps: 7 }\nfetch: { concurrency: 2 }",
    );
    let shape = format!("{}/cal/{{date}}", server.host());
    let ctl = |words: &[&str]| {
        let args: Vec<&str> = ["ctl", "sites.crawl"]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        job.crawldeck(&args)
    };

    let running = job.start(&[]);
    while !job.log().contains("trap: calendar: 7") {
        std::thread::yield_now();
    }
    ctl(&["lift", "site", "e.org/other"]).expect(1);
    let lifted = ctl(&["lift", "site", &shape]);
    lifted.expect(0);
    assert!(
        lifted.stdout.contains("1 pages left out are queued"),
        "{lifted:?}"
    );
    ctl(&["lift", "site", &shape]).expect(1);
    server.wait_hits(&month(HELD), 1);
    // What is committed later than the lifting is there: so is that.
    let status = || job.site_status("site")["pages"]["done"].as_u64();
    while status() < Some(u64::from(HELD) + 1) {
        std::thread::yield_now();
    }
    running.signal(Signal::KILL);
    first.open();
    second.open();
    let _ = running.wait();

    job.finish(&[]);
    // The start page, the held one, the months, and the one behind the last.
    let pages = job.pages();
    assert_eq!(pages.done(&server.url("")).len(), 2 + MONTHS as usize);
    let journal = job.export("journal", "jsonl");
    assert!(journal.contains(&format!("lift site {shape}")), "{journal}");
}
