//! What is known of traps outlives the process: counts, and links left out.

mod common;

use common::crawl::{Job, Output, Signal};
use common::server::{Answer, Gate, Server};

/// Months of the calendar.
const MONTHS: u32 = 40;

fn month(n: u32) -> String {
    format!("/cal/{}/{}", 2024 + n / 12, n % 12 + 1)
}

/// A calendar whose months each link to the next, and pages that are held back
/// until the gate opens.
fn calendar(gate: &Gate) -> Server {
    let server = Server::start();
    server.page("/", &[&month(0)]);
    for n in 0..MONTHS {
        server.page(&month(n), &[&month(n + 1)]);
    }
    for held in ["/held", "/other"] {
        server.on(held, Answer::html("x").behind(gate));
    }
    server
}

/// The sites file with these start pages and this cap.
fn file(server: &Server, start: &[&str], cap: &str) -> String {
    let start: Vec<String> = start.iter().map(|path| server.url(path)).collect();
    format!(
        "site: site\nstart: [{}]\ndiscover: {{ sitemap: off, traps: {cap} }}\n\
         fetch: {{ concurrency: 2, retries: 0 }}\n",
        start.join(", ")
    )
}

fn shape(server: &Server) -> String {
    format!("{}/cal/{{date}}", server.host())
}

/// Months that are done.
fn months(job: &Job, server: &Server) -> usize {
    let done = job.pages().done(&server.url(""));
    done.iter().filter(|path| path.starts_with("/cal/")).count()
}

fn ctl(job: &Job, words: &[&str]) -> Output {
    let mut args = vec!["ctl", "sites.crawl"];
    args.extend(words);
    job.crawldeck(&args)
}

#[test]
fn a_later_run_lifts_what_an_earlier_one_capped() {
    let gate = Gate::default();
    let server = calendar(&gate);
    let job = Job::raw(&file(&server, &["/"], "7"));
    job.finish(&[]);
    assert_eq!(months(&job, &server), 7);

    // Only the held page is new to the second run.
    job.rewrite(&file(&server, &["/", "/held"], "7"));
    let running = job.start(&[]);
    server.wait_hits("/held", 1);
    ctl(&job, &["lift", "site", "e.org/other"]).expect(1);
    let lifted = ctl(&job, &["lift", "site", &shape(&server)]);
    lifted.expect(0);
    let told = "1 pages left out are queued";
    assert!(lifted.stdout.contains(told), "{lifted:?}");
    gate.open();
    running.wait().expect(0);
    // The months, and the one behind the last, which there is not.
    assert_eq!(months(&job, &server), MONTHS as usize);
    assert_eq!(server.count(&month(0)), 1);
}

#[test]
fn a_raised_cap_gives_back_what_it_has_room_for() {
    let gate = Gate::default();
    let server = calendar(&gate);
    let job = Job::raw(&file(&server, &["/"], "7"));
    job.finish(&[]);
    for (cap, want) in [("7", 7), ("10", 10), ("5", 10)] {
        job.rewrite(&file(&server, &["/"], cap));
        job.finish(&[]);
        assert_eq!(months(&job, &server), want, "{cap}");
    }
    // While it runs, too.
    job.rewrite(&file(&server, &["/", "/held"], "5"));
    let running = job.start(&[]);
    server.wait_hits("/held", 1);
    job.rewrite(&file(&server, &["/", "/held"], "off"));
    let reloaded = ctl(&job, &["reload"]);
    reloaded.expect(0);
    let told = "1 pages that traps had left out are queued now";
    assert!(reloaded.stdout.contains(told), "{reloaded:?}");
    gate.open();
    running.wait().expect(0);
    assert_eq!(months(&job, &server), MONTHS as usize);
}

#[test]
fn a_killed_run_does_not_get_its_cap_again() {
    let gate = Gate::default();
    let server = calendar(&gate);
    // The first run comes no farther than the third month, the second to the
    // last that the cap allows; the third has nothing left to do.
    let next = Answer::links(&[&month(3)]);
    let held = [Answer::links(&[&month(3)]).behind(&gate), next];
    server.sequence(&month(2), held);
    let job = Job::raw(&file(&server, &["/", "/held"], "7"));
    for (run, done) in (1..).zip([3, 8, 8]) {
        let running = job.start(&[]);
        server.wait_hits("/held", run);
        while job.site_status("site")["pages"]["done"].as_u64() < Some(done) {
            std::thread::yield_now();
        }
        running.signal(Signal::KILL);
        let _ = running.wait();
    }
    gate.open();
    job.finish(&[]);
    assert_eq!(months(&job, &server), 7);
    assert_eq!(server.count(&month(7)), 0);
    let told = format!("trap: calendar: 7 {}", shape(&server));
    assert_eq!(job.log().matches(&told).count(), 1, "{}", job.log());
    let end = format!("traps: 1 links left out: {} (calendar) 1", shape(&server));
    assert!(job.log().contains(&end), "{}", job.log());
}
