//! The deck on a pseudo-terminal, over a scripted server.

mod common;

use common::crawl::{Job, Signal};
use common::pty::{Pty, STILL, count, key, shows};
use common::server::{Answer, Gate, Server};
use serde_json::json;
use std::thread;
use std::time::Duration;

/// What the deck shows and which keys it takes, all in one place.
mod deck {
    /// A site's states.
    pub const PAUSED: &str = "paused";
    pub const FINISHED: &str = "finished";
    /// In the question before an end, while the crawl runs.
    pub const QUIT_QUESTION: &str = "quit?";
    /// Heads the help.
    pub const HELP: &str = "help";
    /// Help lists what the keys do.
    pub const HELP_LINES: &[&str] = &["pause", "filter", "quit"];
    /// The site view's place in the header.
    pub const SITE_VIEW: &str = "> harbour";

    pub const PAUSE: &str = "p";
    pub const MORE: &str = "+";
    pub const LESS: &str = "-";
    /// From the dashboard.
    pub const FAILURES: &str = "2";
    /// Heads the rows of grouped failures, and leads to the list of all.
    pub const ALL_FAILURES: &str = "all failures";
    pub const MARK: &str = " ";
    pub const PALETTE: &str = ":";
    pub const RETRY: &str = "r";
    pub const FILTER: &str = "/";
    pub const ASK_HELP: &str = "?";
    pub const QUIT: &str = "q";
    pub const YES: &str = "y";
}

const SIZES: [(u16, u16); 2] = [(24, 80), (45, 160)];

/// A start page and `n` pages that take their time.
fn slow_fan(n: usize) -> Server {
    let server = Server::fan(n);
    for i in 1..=n {
        let page = Answer::links(&["/"]).after(Duration::from_millis(50));
        server.on(&format!("/{i}"), page);
    }
    server
}

/// A site whose `/held` keeps it running until the gate is opened.
fn held(links: &[&str]) -> (Server, Gate) {
    let (server, gate) = (Server::start(), Gate::default());
    server.page("/", &[links, &["/held"]].concat());
    server.on("/held", Answer::links(&["/"]).behind(&gate));
    (server, gate)
}

/// One site named `harbour`; a name that is in no other text.
fn job(server: &Server, more: &str) -> Job {
    Job::new(&format!(
        "site: harbour\nstart: {}\n{more}\n",
        server.url("/")
    ))
}

/// The site's row on the dashboard; empty while it is not there.
fn row(screen: &vt100::Screen) -> String {
    let text = screen.contents();
    let row = text.lines().find(|line| line.starts_with("harbour"));
    row.unwrap_or_default().to_owned()
}

/// `run sites.yaml` on a terminal, once the site's row is on it.
#[track_caller]
fn open(job: &Job, size: (u16, u16)) -> Pty {
    open_with(job, size, &[])
}

#[track_caller]
fn open_with(job: &Job, size: (u16, u16), env: &[(&str, &str)]) -> Pty {
    let mut pty = Pty::spawn(&["run", "sites.yaml"], job.folder(), size, env);
    pty.wait_for("the dashboard", |s| {
        s.alternate_screen() && shows(s, "harbour")
    });
    pty
}

/// Quits a crawl that runs, and refuses a terminal that is not whole.
#[track_caller]
fn quit(pty: &mut Pty) {
    pty.keys(deck::QUIT);
    pty.wait_text(deck::QUIT_QUESTION);
    pty.keys(deck::YES);
    assert_eq!(pty.wait(), 130);
    pty.assert_whole();
}

#[test]
fn a_crawl_is_shown_to_its_end_at_every_size() {
    for size in SIZES {
        let server = Server::fan(20);
        server.on("/7", Answer::status(404));
        let job = job(&server, "");
        let mut pty = open(&job, size);
        pty.wait_for("the end", |s| row(s).contains(deck::FINISHED));
        // Done and known.
        pty.wait_for("the counts", |s| row(s).contains("21/21"));
        pty.keys(deck::QUIT);
        assert_eq!(pty.wait(), 0);
        pty.assert_whole();
        assert_eq!(job.site_status("harbour")["pages"]["done"], 20);
    }
}

#[test]
fn pause_stops_requests_until_resume() {
    let server = slow_fan(400);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    server.wait("work", |s| s.pages_hit() > 5);
    pty.keys(deck::PAUSE);
    pty.wait_for("a paused site", |s| row(s).contains(deck::PAUSED));
    server.wait("what was in flight to end", |s| s.open() == 0);
    let before = server.pages_hit();
    thread::sleep(STILL);
    assert_eq!(server.pages_hit(), before, "requests while paused");
    assert_eq!(job.site_status("harbour")["state"], "paused");
    pty.keys(deck::PAUSE);
    pty.wait_for("a resumed site", |s| !row(s).contains(deck::PAUSED));
    server.wait("requests again", |s| s.pages_hit() > before + 5);
    quit(&mut pty);
    let site = job.site_status("harbour");
    assert_eq!(site["state"], "stopped");
    assert_eq!(site["pages"]["done"], server.pages_hit());
}

#[test]
fn what_was_tuned_outlives_the_run() {
    let server = slow_fan(400);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    server.wait("work", |s| s.pages_hit() > 5);
    pty.wait_for("four workers", |s| row(s).contains("4/4"));
    pty.keys(deck::LESS);
    pty.wait_for("three workers", |s| row(s).contains("/3 "));
    pty.keys(deck::PAUSE);
    pty.wait_for("a paused site", |s| row(s).contains(deck::PAUSED));
    quit(&mut pty);
    let before = server.pages_hit();

    let mut pty = open(&job, SIZES[0]);
    pty.wait_for("a paused site", |s| row(s).contains(deck::PAUSED));
    thread::sleep(STILL);
    assert_eq!(server.pages_hit(), before, "requests while paused");
    pty.keys(deck::PAUSE);
    server.wait("requests again", |s| s.pages_hit() > before + 5);
    pty.wait_for("three workers", |s| row(s).contains("3/3"));
    quit(&mut pty);
    assert_eq!(job.site_status("harbour")["concurrency"], 3);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
}

/// A site of so many workers whose pages all wait for the gate.
fn gated(n: usize, workers: usize) -> (Server, Gate, Job) {
    let (server, gate) = (Server::fan(n), Gate::default());
    for i in 1..=n {
        server.on(&format!("/{i}"), Answer::links(&["/"]).behind(&gate));
    }
    let job = job(&server, &format!("fetch: {{ concurrency: {workers} }}"));
    (server, gate, job)
}

#[test]
fn concurrency_goes_up_and_down_without_losing_work() {
    let (server, gate, job) = gated(12, 2);
    let mut pty = open(&job, SIZES[0]);
    pty.wait_for("two workers", |s| row(s).contains("2/2"));
    for workers in 3..=4 {
        pty.keys(deck::MORE);
        pty.wait_for("one more worker", |s| {
            row(s).contains(&format!("{workers}/{workers}"))
        });
        server.wait("one more request", |s| s.open() == workers);
    }
    for workers in (1..=3).rev() {
        pty.keys(deck::LESS);
        pty.wait_for("one worker fewer", |s| {
            row(s).contains(&format!("/{workers} "))
        });
    }
    assert_eq!(server.open(), 4, "work in flight was dropped");
    assert_eq!(job.site_status("harbour")["concurrency"], 1);
    gate.open();
    pty.wait_for("the end", |s| row(s).contains(deck::FINISHED));
    pty.keys(deck::QUIT);
    assert_eq!(pty.wait(), 0);
    assert_eq!(job.site_status("harbour")["pages"]["done"], 13);
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
}

#[test]
fn every_key_of_a_burst_counts() {
    let (server, gate, job) = gated(12, 2);
    let mut pty = open(&job, SIZES[0]);
    pty.wait_for("two workers", |s| row(s).contains("2/2"));
    // As fast as a held key repeats, and faster.
    pty.keys(&deck::MORE.repeat(5));
    server.wait("seven at once", |s| s.open() == 7);
    gate.open();
    pty.wait_for("the end", |s| row(s).contains(deck::FINISHED));
    quit_finished(&mut pty);
}

#[test]
fn a_failure_is_opened_and_retried() {
    for size in SIZES {
        let (server, gate) = held(&["/bad/apple", "/bad/pear"]);
        let bad = Answer::html("<p>the till is on fire</p>").with_status(500);
        let bad = bad.header("x-why", "because-of-smoke");
        server.sequence("/bad/apple", [bad.clone(), Answer::links(&["/healed"])]);
        server.on("/bad/pear", bad.with_status(404));
        server.page("/healed", &[]);
        let job = job(&server, "");
        let mut pty = open(&job, size);
        server.wait("both failures", |s| {
            s.count("/bad/apple") + s.count("/bad/pear") == 2
        });

        open_failures(&mut pty);
        pty.wait_for("both failures", |s| {
            shows(s, "/bad/apple") && shows(s, "/bad/pear")
        });
        pty.keys(deck::FILTER);
        pty.keys("apple");
        pty.keys(key::ENTER);
        pty.wait_gone("/bad/pear");
        pty.keys(key::ENTER);
        pty.wait_for("the detail", |s| {
            ["500", "because-of-smoke", "the till is on fire"]
                .iter()
                .all(|text| shows(s, text))
        });
        pty.keys(deck::RETRY);
        server.wait_hits("/bad/apple", 2);
        server.wait_hits("/healed", 1);

        gate.open();
        pty.keys(key::ESC);
        // Esc alone and the next key must not read as one sequence.
        pty.wait_gone("because-of-smoke");
        quit_finished(&mut pty);
        let pages = job.pages();
        assert_eq!(pages.end(&server.url("/bad/apple")), "done");
        assert_eq!(pages.end(&server.url("/bad/pear")), "failed status");
        assert_eq!(job.site_status("harbour")["pages"]["failed"], json!(1));
    }
}

/// To the list of all failed pages, through their groups.
#[track_caller]
fn open_failures(pty: &mut Pty) {
    pty.keys(deck::FAILURES);
    pty.wait_text(deck::ALL_FAILURES);
    pty.keys(key::ENTER);
    pty.wait_text("failures > all");
}

#[test]
fn marked_failures_are_sent_round_together() {
    let (server, gate) = held(&["/bad/one", "/bad/two", "/bad/three"]);
    for path in ["/bad/one", "/bad/two", "/bad/three"] {
        server.sequence(path, [Answer::status(404), Answer::links(&["/"])]);
    }
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    server.wait("three failures", |s| {
        s.count("/bad/one") + s.count("/bad/two") + s.count("/bad/three") == 3
    });
    open_failures(&mut pty);
    pty.wait_text("3 failed pages");
    pty.keys(deck::MARK);
    pty.wait_text("1 marked");
    pty.keys(deck::MARK);
    pty.wait_text("2 marked");
    pty.keys(deck::RETRY);
    server.wait("two retries", |s| {
        s.count("/bad/one") + s.count("/bad/two") + s.count("/bad/three") == 5
    });
    pty.wait_text("1 failed pages");
    gate.open();
    quit_finished(&mut pty);
    assert_eq!(job.site_status("harbour")["pages"]["failed"], json!(1));
}

#[test]
fn the_palette_pauses_and_resumes() {
    let server = slow_fan(400);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    server.wait("work", |s| s.pages_hit() > 5);
    pty.keys(deck::PALETTE);
    pty.wait_text("a command or a screen");
    // Completed: the verb from its first letters, the site from its own.
    pty.keys("pau\thar\t");
    pty.wait_text(":pause harbour");
    pty.keys(key::ENTER);
    pty.wait_for("a paused site", |s| row(s).contains(deck::PAUSED));
    // What does not read is said, and stays to be put right.
    pty.keys(":resume harbor");
    pty.keys(key::ENTER);
    pty.wait_text("do you mean `harbour`?");
    pty.keys("\x7fur");
    pty.keys(key::ENTER);
    pty.wait_for("a resumed site", |s| !row(s).contains(deck::PAUSED));
    pty.keys(":log");
    pty.keys(key::ENTER);
    pty.wait_text("lines, info and above");
    // Everything the program logs is there, and is found by who says it.
    pty.keys("/target=director resume");
    pty.keys(key::ENTER);
    pty.wait_for("the command's line", |s| {
        shows(s, "resume harbour: ") && !shows(s, "pause harbour: ")
    });
    pty.keys(key::ESC);
    quit(&mut pty);
}

#[test]
fn every_screen_has_a_key_and_says_what_it_is() {
    let server = slow_fan(400);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    for (keys, text) in [
        ("2", "all failures"),
        ("3", "STATE   STATUS"),
        ("4", "DEPTH TRIES DUE"),
        ("5", "RECORD"),
        ("6", "BEFORE > AFTER"),
        ("7", "info and above"),
        ("8", "loop lag"),
        ("1", "workers busy"),
    ] {
        pty.keys(keys);
        pty.wait_text(text);
    }
    quit(&mut pty);
}

#[test]
fn a_body_is_read_in_the_pager() {
    let (server, gate) = held(&["/bad"]);
    let body = Answer::html("<p>the till is \x1b[31mon fire</p>").with_status(500);
    server.on("/bad", body);
    let job = job(&server, "");
    let pager = "sh -c 'echo PAGER HAS; cat \"$0\"; read answer; echo then $answer'";
    let mut pty = open_with(&job, SIZES[0], &[("PAGER", pager)]);
    server.wait_hits("/bad", 1);
    open_failures(&mut pty);
    pty.wait_text("/bad");
    pty.keys(key::ENTER);
    pty.wait_text("the till is");
    pty.keys("o");
    pty.wait_for("the pager", |s| {
        shows(s, "PAGER HAS") && shows(s, "on fire") && !s.alternate_screen()
    });
    // What is typed now is the pager's, an interrupt too: the crawl goes on.
    pty.keys("q\r");
    let back = |s: &vt100::Screen| s.alternate_screen() && shows(s, "the till is");
    pty.wait_for("the deck again", back);
    pty.keys("o");
    // What the first pager said stands on the screen below the deck's still.
    pty.wait_for("the second pager", |s| {
        s.contents().matches("PAGER HAS").count() == 2 && !s.alternate_screen()
    });
    pty.keys(key::CTRL_C);
    pty.wait_for("the deck again", |s| back(s) && shows(s, "crawling"));
    gate.open();
    pty.keys(key::ESC);
    quit_finished(&mut pty);
    let raw = pty.raw();
    assert_eq!(
        count(&raw, b"\x1b[31mon fire"),
        0,
        "the body reached the terminal as it came"
    );
}

/// Quits where the crawl is over, or is about to be.
#[track_caller]
fn quit_finished(pty: &mut Pty) {
    pty.keys(deck::QUIT);
    pty.keys(deck::YES);
    let code = pty.wait();
    assert!([0, 130].contains(&code), "exit code {code}");
    pty.assert_whole();
}

#[test]
fn the_screen_survives_every_size() {
    let server = slow_fan(300);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    for (rows, cols) in [(45, 160), (10, 40), (1, 1), (3, 200), (60, 5), (24, 80)] {
        pty.resize(rows, cols);
        let before = pty.raw().len();
        if cols >= 40 && rows >= 10 {
            pty.wait_text("harbour");
        } else {
            server.wait("work to go on", |s| s.open() > 0);
        }
        assert!(!pty.is_over(), "it ended at {rows}x{cols}");
        assert!(pty.raw().len() >= before);
    }
    pty.wait_text("harbour");
    quit(&mut pty);
}

#[test]
fn help_lists_the_keys_and_esc_never_quits() {
    let server = slow_fan(300);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    pty.keys(deck::ASK_HELP);
    pty.wait_for("help", |s| {
        shows(s, deck::HELP) && deck::HELP_LINES.iter().all(|line| shows(s, line))
    });
    pty.keys(key::ESC);
    pty.wait_for("the dashboard", |s| shows(s, "harbour"));
    for _ in 0..4 {
        pty.keys(key::ESC);
        thread::sleep(Duration::from_millis(60));
    }
    pty.keys(key::ENTER);
    pty.wait_text(deck::SITE_VIEW);
    pty.keys(key::ESC);
    // A key on the heels of Esc would read as one with Alt.
    pty.wait_gone(deck::SITE_VIEW);
    assert!(!pty.is_over());
    quit(&mut pty);
}

#[test]
fn quitting_is_asked_and_can_be_taken_back() {
    let server = slow_fan(400);
    let job = job(&server, "");
    for quit_key in [deck::QUIT, key::CTRL_C] {
        let mut pty = open(&job, SIZES[0]);
        pty.keys(quit_key);
        pty.wait_text(deck::QUIT_QUESTION);
        pty.keys(key::ESC);
        let seen = server.pages_hit();
        server.wait("the crawl to go on", |s| s.pages_hit() > seen + 4);
        assert!(!pty.is_over());
        quit(&mut pty);
        assert_eq!(job.site_status("harbour")["state"], "stopped");
    }
    assert!(server.repeated().is_empty(), "{:?}", server.repeated());
}

#[test]
fn signals_leave_the_terminal_whole() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let server = slow_fan(300);
        let job = job(&server, "");
        let mut pty = open(&job, SIZES[0]);
        server.wait("work", |s| s.pages_hit() > 5);
        pty.signal(signal);
        assert_eq!(pty.wait(), code);
        pty.assert_whole();
        assert_eq!(
            job.site_status("harbour")["pages"]["done"],
            server.pages_hit()
        );
    }
}

#[test]
fn a_terminal_that_stops_reading_stops_nothing() {
    let server = slow_fan(100);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[1]);
    pty.freeze();
    server.wait("every page", |s| s.pages_hit() == 101);
    server.wait("the end", |_| {
        job.site_status("harbour")["state"] == "finished"
    });
    pty.thaw();
    pty.wait_for("the end", |s| row(s).contains(deck::FINISHED));
    pty.keys(deck::QUIT);
    assert_eq!(pty.wait(), 0);
    pty.assert_whole();
}

#[test]
fn a_terminal_that_goes_away_does_not_end_the_crawl() {
    let server = slow_fan(100);
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[0]);
    server.wait("work", |s| s.pages_hit() > 5);
    pty.hang_up();
    assert_eq!(pty.wait_without_terminal(), 0);
    assert_eq!(server.pages_hit(), 101);
    assert_eq!(job.site_status("harbour")["state"], "finished");
}

#[test]
fn the_network_cannot_speak_to_the_terminal() {
    let evil =
        "\x1b]0;owned\x07\x1b[7;7Hgotcha\x1bc\x1b[?1000h\x1b]52;c;aGk=\x07\u{9b}5m\u{202e}\u{2066}";
    let (server, _gate) = held(&["/\x1b]0;owned\x07\u{202e}x", "/bad"]);
    let body = Answer::html(&format!("<title>{evil}</title>smoke {evil}")).with_status(500);
    // In a header only what HTTP lets through: eight-bit controls.
    server.on("/bad", body.header("x-evil", "\u{9b}5m\u{202e}"));
    let job = job(&server, "");
    let mut pty = open(&job, SIZES[1]);
    server.wait_hits("/bad", 1);
    pty.keys(key::ENTER);
    pty.wait_text(deck::SITE_VIEW);
    pty.keys(key::ESC);
    // A key on the heels of Esc would read as one with Alt.
    pty.wait_gone(deck::SITE_VIEW);
    open_failures(&mut pty);
    pty.wait_text("/bad");
    pty.keys(deck::FILTER);
    pty.keys("/bad");
    pty.keys(key::ENTER);
    pty.wait_for("the one failure", |s| {
        shows(s, "/bad") && !shows(s, "owned")
    });
    pty.keys(key::ENTER);
    pty.wait_for("its body", |s| shows(s, "smoke") && shows(s, "x-evil"));
    pty.keys(key::ESC);
    quit_at_once(&mut pty);

    let raw = pty.raw();
    let forbidden: &[&[u8]] = &[
        b"\x1b]0;owned",
        b"\x1b]52",
        b"\x1b[7;7Hgotcha",
        b"\x1bc",
        b"\xc2\x9b",
        "\u{202e}".as_bytes(),
        "\u{2066}".as_bytes(),
    ];
    for sequence in forbidden {
        let text = String::from_utf8_lossy(sequence);
        assert_eq!(count(&raw, sequence), 0, "{text:?} reached the terminal");
    }
    let odd = pty.spy().odd;
    assert!(
        !odd.iter()
            .any(|o| o.contains("owned") || o.contains("clipboard")),
        "{odd:?}"
    );
}

/// Ends a run whose last page never comes: an orderly stop, and then at once.
#[track_caller]
fn quit_at_once(pty: &mut Pty) {
    pty.signal(Signal::TERM);
    while !pty.is_over() {
        thread::sleep(Duration::from_millis(100));
        if !pty.is_over() {
            pty.signal(Signal::TERM);
        }
    }
    assert_eq!(pty.wait(), 143);
    pty.assert_whole();
}

/// The parameters of every SGR sequence.
fn sgr(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let sequence = regex::Regex::new("\x1b\\[([0-9;:]*)m").unwrap();
    let found = sequence.captures_iter(&text);
    found.map(|c| c[1].to_owned()).collect()
}

#[test]
fn no_color_means_no_colour() {
    let server = slow_fan(40);
    server.on("/3", Answer::status(500));
    let job = job(&server, "");
    let mut pty = open_with(&job, SIZES[0], &[("NO_COLOR", "1")]);
    pty.wait_for("the end", |s| row(s).contains(deck::FINISHED));
    pty.keys(deck::QUIT);
    assert_eq!(pty.wait(), 0);
    let all = sgr(&pty.raw());
    for parameters in &all {
        for number in parameters
            .split([';', ':'])
            .filter_map(|p| p.parse::<u16>().ok())
        {
            let colour = matches!(number, 30..=38 | 40..=48 | 90..=97 | 100..=107);
            assert!(!colour, "a colour: {parameters:?}");
        }
    }
    // The selected row is still to be seen.
    assert!(
        all.iter().any(|p| p.split(';').any(|n| n == "7")),
        "no reverse video: {all:?}"
    );
}

#[test]
fn the_demo_opens_on_its_sites_and_ends() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut pty = Pty::spawn(&["demo"], folder.path(), (24, 100), &[]);
    pty.wait_for("the three sites", |s| {
        ["books", "docs", "flaky"].iter().all(|name| shows(s, name))
    });
    quit(&mut pty);
}
