//! The deck as a guest in somebody's terminal: it takes no more than it needs,
//! gives it back, and stands whatever the terminal does.

mod common;

use common::DEADLINE;
use common::crawl::{BINARY, Job};
use common::pty::{Pty, STILL, count, key, shows};
use common::server::{Answer, Gate, Server};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

const SIZE: (u16, u16) = (24, 80);
/// Heads the help.
const HELP: &str = "esc closes";

/// A start page and `n` pages that take their time.
fn slow_fan(n: usize) -> Server {
    let server = Server::fan(n);
    for i in 1..=n {
        let page = Answer::links(&["/"]).after(Duration::from_millis(50));
        server.on(&format!("/{i}"), page);
    }
    server
}

/// A site that waits for the gate, with one page that fails.
fn held() -> (Server, Gate) {
    let (server, gate) = (Server::start(), Gate::default());
    server.page("/", &["/bad", "/held"]);
    server.on("/bad", Answer::status(404));
    server.on("/held", Answer::links(&["/"]).behind(&gate));
    (server, gate)
}

fn job(server: &Server) -> Job {
    let start = server.url("/");
    Job::new(&format!(
        "site: harbour\nstart: {start}\nfetch: {{ timeout: 10m }}\n"
    ))
}

fn settings(job: &Job, text: &str) {
    let folder = job.folder().join("crawldeck");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

#[track_caller]
fn open(job: &Job, args: &[&str], env: &[(&str, &str)]) -> Pty {
    let args = [&["run", "sites.yaml"], args].concat();
    let mut pty = Pty::spawn(&args, job.folder(), SIZE, env);
    pty.wait_for("the dashboard", |s| {
        s.alternate_screen() && shows(s, "harbour")
    });
    pty
}

#[track_caller]
fn quit(pty: &mut Pty) {
    pty.keys("q");
    pty.wait_text("quit?");
    pty.keys("!");
    assert_eq!(pty.wait(), 130);
    pty.assert_whole();
}

/// Waits until nothing has been written for a while; answers how much was.
fn quiet(pty: &Pty) -> usize {
    let end = Instant::now() + DEADLINE;
    let mut seen = pty.raw().len();
    loop {
        thread::sleep(STILL * 2);
        let now = pty.raw().len();
        if now == seen {
            return now;
        }
        assert!(Instant::now() < end, "it never falls silent");
        seen = now;
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_goes_away_leaves_no_thread_behind() {
    let server = slow_fan(200);
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    server.wait("work", |s| s.pages_hit() > 5);
    assert!(pty.threads().iter().any(|name| name.starts_with("deck")));
    pty.hang_up();
    let end = Instant::now() + DEADLINE;
    while pty.threads().iter().any(|name| name.starts_with("deck")) {
        assert!(Instant::now() < end, "threads left: {:?}", pty.threads());
        thread::sleep(Duration::from_millis(20));
    }
    // The crawl was far from its end then, and reaches it.
    assert!(!pty.is_over());
    assert_eq!(pty.wait_without_terminal(), 0);
    assert_eq!(job.site_status("harbour")["pages"]["done"], 201);
}

#[test]
fn a_terminal_may_go_away_while_the_deck_is_still_to_open() {
    // Every moment between the engine's start and the first frame.
    for moment in 0..8 {
        let server = Server::fan(20);
        let job = job(&server);
        let mut pty = Pty::spawn(&["run", "sites.yaml"], job.folder(), SIZE, &[]);
        server.wait("the first request", |s| !s.log().is_empty());
        thread::sleep(Duration::from_millis(moment));
        pty.hang_up();
        assert_eq!(pty.wait_without_terminal(), 0, "gone after {moment} ms");
        assert_eq!(job.site_status("harbour")["pages"]["done"], 21);
    }
}

#[test]
fn every_frame_is_one_update_and_a_crawl_at_rest_paints_none() {
    let (server, gate) = held();
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    server.wait_hits("/bad", 1);
    pty.keys("p");
    pty.wait_text("paused");
    gate.open();
    pty.wait_text(" 0/s  0B/s");
    let painted = quiet(&pty);
    thread::sleep(STILL * 3);
    let raw = pty.raw();
    let more = String::from_utf8_lossy(&raw[painted..]);
    assert_eq!(more, "", "painted at rest");
    // It is awake all the same.
    pty.keys("?");
    pty.wait_text(HELP);
    pty.keys(key::ESC);
    pty.wait_gone(HELP);
    // The last page came in while the site was paused.
    pty.keys("q");
    assert_eq!(pty.wait(), 0);
    pty.assert_whole();
    let raw = pty.raw();
    let (begun, ended) = (count(&raw, b"\x1b[?2026h"), count(&raw, b"\x1b[?2026l"));
    // Leaving ends an update whether or not one was begun.
    assert!(begun > 3 && ended == begun + 1, "{begun} {ended}");
}

#[test]
fn the_mouse_is_the_terminals_until_it_is_asked_for() {
    let (server, _gate) = held();
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    let caught = |s: &vt100::Screen| s.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
    pty.wait_for("no mouse", |s| !caught(s));
    pty.keys("m");
    pty.wait_for("a mouse", caught);
    // The one site's row is the fourth line, below header, places and headings.
    pty.keys("\x1b[<0;5;4M\x1b[<0;5;4m");
    pty.wait_text("> harbour");
    pty.keys(key::ESC);
    pty.wait_gone("> harbour");
    pty.keys("m");
    pty.wait_for("no mouse", |s| !caught(s));
    // A click that was under way does nothing more than any other.
    pty.keys("m");
    pty.wait_for("a mouse", caught);
    quit(&mut pty);
}

#[test]
fn pasted_text_is_typed_where_text_is_typed_and_nowhere_else() {
    let (server, _gate) = held();
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    pty.wait_for("bracketed paste", |s| s.bracketed_paste());
    pty.keys("\x1b[200~q!\x1b[201~");
    pty.keys("/");
    pty.keys("\x1b[200~no\tsuch\r\x1b[201~");
    pty.wait_text("nosuch");
    let listed = |s: &vt100::Screen| s.rows(0, 80).any(|row| row.starts_with("harbour"));
    pty.wait_for("no site", |s| !listed(s));
    pty.keys(key::ESC);
    pty.wait_for("the site again", listed);
    assert!(!pty.is_over());
    quit(&mut pty);
}

#[test]
fn the_settings_name_keys_and_looks() {
    let (server, _gate) = held();
    let job = job(&server);
    settings(
        &job,
        "theme = \"safe\"\nmouse = true\nascii = true\n[keys]\n\
         help = [\"f5\", \"ctrl-o\"]\npause = [\"f6\", \"ctrl-w\"]\n",
    );
    let mut pty = open(&job, &[], &[]);
    pty.wait_for("a mouse", |s| {
        s.mouse_protocol_mode() != vt100::MouseProtocolMode::None
    });
    pty.keys("\x1b[15~");
    let text = pty.wait_text(HELP);
    assert!(text.contains("f6 ctrl-w   pause or resume"), "{text}");
    assert!(text.is_ascii(), "{text}");
    pty.keys("\x0f");
    pty.wait_gone(HELP);
    // The colours of the theme, which are not among the sixteen.
    assert!(count(&pty.raw(), b"38;5;75") > 0);
    quit(&mut pty);
}

#[test]
fn settings_that_cannot_be_start_nothing() {
    let server = Server::fan(2);
    let job = job(&server);
    settings(&job, "fps = 30\n[keys]\npuase = [\"x\"]\n");
    let config = job.folder().to_str().unwrap().to_owned();
    for args in [&["run", "sites.yaml"][..], &["demo"], &["keys"]] {
        let output = job
            .command(args)
            .env("XDG_CONFIG_HOME", &config)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.ends_with("config.toml:3: no action \"puase\"; did you mean \"pause\"?\n"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
    let output = job.crawldeck(&["run", "sites.yaml", "--theme", "drak"]);
    output.expect(2);
    assert_eq!(server.pages_hit(), 0);
}

#[test]
fn the_clipboard_is_reached_through_tmux() {
    for (env, sequence) in [
        (&[][..], &b"\x1b]52;c;"[..]),
        (&[("TMUX", "/tmp/x,1,0")], b"\x1bPtmux;\x1b\x1b]52;c;"),
    ] {
        let (server, _gate) = held();
        let job = job(&server);
        let mut pty = open(&job, &[], env);
        pty.keys("2");
        pty.wait_text("404");
        pty.keys(key::ENTER);
        pty.wait_text("failures > all");
        pty.wait_text("/bad");
        pty.keys(key::ENTER);
        pty.wait_text("THE WAY HERE");
        pty.keys("y");
        pty.wait_text("copied");
        assert_eq!(count(&pty.raw(), sequence), 1, "{env:?}");
        quit(&mut pty);
    }
}

#[test]
fn a_terminal_that_cannot_show_a_deck_gets_lines() {
    let server = Server::fan(3);
    let job = job(&server);
    let mut pty = Pty::spawn(
        &["run", "sites.yaml"],
        job.folder(),
        SIZE,
        &[("TERM", "dumb")],
    );
    assert_eq!(pty.wait(), 0);
    let raw = pty.raw();
    assert_eq!(count(&raw, b"\x1b"), 0);
    assert!(
        count(&raw, b"4/4 pages") > 0,
        "{}",
        String::from_utf8_lossy(&raw)
    );
    // With one end that is no terminal.
    let script = format!("{BINARY} run sites.yaml --fresh < /dev/null");
    let mut pty = Pty::program("/bin/sh", &["-c", &script], job.folder(), SIZE, &[]);
    assert_eq!(pty.wait(), 0);
    assert_eq!(count(&pty.raw(), b"\x1b[?1049h"), 0);
}

#[test]
fn a_terminal_of_no_size_shows_nothing_until_it_has_one() {
    let (server, _gate) = held();
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    pty.resize_behind(0, 0);
    thread::sleep(STILL);
    let painted = quiet(&pty);
    pty.keys("?");
    thread::sleep(STILL);
    assert_eq!(pty.raw().len(), painted);
    pty.resize(24, 80);
    pty.wait_text(HELP);
    pty.keys(key::ESC);
    pty.wait_gone(HELP);
    quit(&mut pty);
}

#[test]
fn a_storm_of_sizes_ends_in_the_last_one() {
    let server = slow_fan(300);
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    let before = pty.raw().len();
    for n in 0..200 {
        pty.resize(10 + n % 30, 40 + n % 50);
    }
    pty.resize(24, 100);
    pty.wait_for("the footer in its corner", |s| {
        let last = s.rows(0, 100).last().unwrap_or_default();
        last.len() > 90 && last.trim_end().ends_with("q quit")
    });
    let frames = count(&pty.raw()[before..], b"\x1b[2J");
    assert!(frames < 100, "{frames} frames for 200 sizes");
    quit(&mut pty);
}

#[test]
fn the_shell_has_the_terminal_between_ctrl_z_and_fg() {
    let server = slow_fan(2000);
    let job = job(&server);
    let script = format!(
        "set -m; {BINARY} run sites.yaml; echo ASIDE; read line; echo \"GOT $line\"; fg; exit $?"
    );
    let mut pty = Pty::program("/bin/sh", &["-c", &script], job.folder(), SIZE, &[]);
    pty.wait_for("the dashboard", |s| {
        s.alternate_screen() && shows(s, "harbour")
    });
    pty.keys("m");
    pty.wait_text("mouse");
    pty.keys("\x1a");
    pty.wait_for("the shell", |s| !s.alternate_screen() && shows(s, "ASIDE"));
    pty.wait_for("a terminal as it was", |s| {
        !s.hide_cursor()
            && !s.bracketed_paste()
            && s.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    });
    // What is typed is the shell's, echo and all.
    pty.keys("q to you\r");
    pty.wait_for("the deck again", |s| {
        s.alternate_screen() && shows(s, "harbour")
    });
    assert_eq!(count(&pty.raw(), b"GOT q to you"), 1);
    pty.wait_for("the mouse again", |s| {
        s.mouse_protocol_mode() != vt100::MouseProtocolMode::None
    });
    quit(&mut pty);
}

#[test]
fn a_question_to_the_terminal_is_not_left_for_the_shell() {
    let (server, _gate) = held();
    let job = job(&server);
    let mut pty = open(&job, &[], &[]);
    assert!(count(&pty.raw(), b"\x1b[5n") > 0);
    // The terminal answers, and what it says is no key.
    pty.keys("\x1b[0n");
    pty.keys("?");
    pty.wait_text(HELP);
    pty.keys(key::ESC);
    pty.wait_gone(HELP);
    quit(&mut pty);
}
