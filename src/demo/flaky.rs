//! `flaky`: every way of failing, among pages that do not.

use super::answer::{Answer, Payload};
use super::server::Pages;
use super::words::Words;
use bytes::Bytes;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Attempts after the first that the demo allows.
const RETRIES: usize = 3;
/// Largest body that the demo takes, bytes.
const MAX_BODY: usize = 1 << 20;
/// Pages without a fault.
const SOUND: usize = 60;
const SOUND_PER_ROOM: usize = 3;
const WORLD: u64 = 0xF1A4;

/// What one hit on a faulty page gets.
#[derive(Debug, Clone, Copy)]
enum Step {
    Page,
    Status(u16),
    Busy(u16),
    To(&'static str),
    Reset,
    Drip,
    Huge,
    Latin1,
    Hostile(u16),
    Media(&'static str),
}

/// A path and what its hits get; the last step is for all further ones.
type Fault = (&'static str, &'static [Step]);

use Step::{Busy, Drip, Hostile, Huge, Latin1, Media, Page, Reset, Status, To};

/// Healed by the operator's hand alone: more errors than a page has attempts.
const BY_HAND: &[Step] = &{
    let mut steps = [Status(500); RETRIES + 2];
    steps[RETRIES + 1] = Page;
    steps
};

const FAULTS: &[Fault] = &[
    ("/missing/1", &[Status(404)]),
    ("/heals/second/1", &[Status(500), Page]),
    ("/heals/third/1", &[Status(500), Status(502), Page]),
    ("/heals/by-hand/1", BY_HAND),
    ("/loop/a", &[To("/loop/b")]),
    ("/loop/b", &[To("/loop/a")]),
    ("/hop/1", &[To("/hop/2")]),
    ("/hop/2", &[To("/hop/3")]),
    ("/hop/3", &[To("/hop/4")]),
    ("/hop/4", &[To("/hop/landed")]),
    ("/hop/landed", &[Page]),
    ("/reset/always", &[Reset]),
    ("/reset/once", &[Reset, Page]),
    ("/busy", &[Busy(503), Busy(429), Page]),
    ("/endless", &[Drip]),
    ("/huge", &[Huge]),
    ("/latin1", &[Latin1]),
    ("/hostile/page", &[Hostile(200)]),
    ("/hostile/%1B%5B2J%1B%5B31mred", &[Hostile(404)]),
    ("/hostile/%E2%80%AEgnp.tfel-ot-thgir", &[Hostile(404)]),
    ("/odd.bin", &[Media("application/x-crawldeck-demo")]),
    ("/report.pdf", &[Media("application/pdf")]),
    ("/missing/2", &[Status(410)]),
    ("/missing/3", &[Status(404)]),
    ("/heals/second/2", &[Status(503), Page]),
    ("/heals/third/2", &[Status(500), Status(500), Page]),
    ("/heals/by-hand/2", BY_HAND),
    ("/forbidden", &[Status(403)]),
    ("/missing/4", &[Status(404)]),
    ("/always-500", &[Status(500)]),
];

/// Faults that a room does not link to: a fault before them leads there.
const LED_TO: &[&str] = &["/loop/b", "/hop/2", "/hop/3", "/hop/4", "/hop/landed"];

/// The site, with the hits that its faults have had.
#[derive(Debug)]
pub(super) struct Flaky {
    hits: Vec<AtomicU32>,
}

impl Flaky {
    /// Unvisited.
    pub fn new() -> Self {
        Self {
            hits: FAULTS.iter().map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl Pages for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    fn document(&self, start: &str) -> String {
        format!(
            "# Fails in every way there is: open its failures, retry /heals/by-hand.\n\
             site: flaky\n\
             start: {start}\n\
             fetch:\n\
             \x20 concurrency: 4\n\
             \x20 delay: 300ms\n\
             \x20 timeout: 4s\n\
             \x20 retries: {RETRIES}\n\
             \x20 max_body: {MAX_BODY}\n"
        )
    }

    fn answer(&self, _base: &str, target: &str) -> Answer {
        if let Some(at) = FAULTS.iter().position(|(path, _)| *path == target) {
            let hit = self.hits[at].fetch_add(1, Ordering::Relaxed) as usize;
            let (path, steps) = FAULTS[at];
            return step(path, steps[hit.min(steps.len() - 1)]);
        }
        match target {
            "/" => front(),
            "/robots.txt" => Answer::text("User-agent: *\nDisallow: /staff/\n"),
            _ => numbered(target).unwrap_or_else(Answer::not_found),
        }
    }
}

/// Faults that rooms link to, in order.
fn linked() -> impl Iterator<Item = &'static str> {
    FAULTS
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| !LED_TO.contains(path))
}

/// Rooms spread the faults among sound pages, so that good news and bad
/// alternate while the site is crawled breadth first.
fn rooms() -> usize {
    SOUND / SOUND_PER_ROOM
}

fn front() -> Answer {
    let mut body = String::from("<p>Mind the step.</p>\n<ol>\n");
    for room in 1..=rooms() {
        let _ = writeln!(body, "<li><a href=\"/room/{room}\">Room {room}</a></li>");
    }
    body.push_str("</ol>\n");
    Answer::html("A Flaky House", &body)
}

fn numbered(path: &str) -> Option<Answer> {
    if let Some(number) = path.strip_prefix("/room/") {
        let number = number.parse().ok()?;
        return (1..=rooms()).contains(&number).then(|| room(number));
    }
    if let Some(number) = path.strip_prefix("/staff/") {
        let number: usize = number.parse().ok()?;
        return Some(Answer::html(&format!("Staff room {number}"), ""));
    }
    let number = path.strip_prefix("/sound/")?.parse().ok()?;
    (1..=SOUND).contains(&number).then(|| sound(number))
}

fn room(number: usize) -> Answer {
    let mut body = String::from("<ul>\n");
    let first = (number - 1) * SOUND_PER_ROOM + 1;
    let sound = (first..first + SOUND_PER_ROOM).map(|n| format!("/sound/{n}"));
    let faults = linked()
        .enumerate()
        .filter(|(at, _)| at % rooms() == number - 1)
        .map(|(_, path)| path.to_owned());
    let staff = (number.is_multiple_of(5)).then(|| format!("/staff/{number}"));
    for path in sound.chain(faults).chain(staff) {
        let _ = writeln!(body, "<li><a href=\"{path}\">{path}</a></li>");
    }
    body.push_str("</ul>\n");
    Answer::html(&format!("Room {number}"), &body)
}

fn sound(number: usize) -> Answer {
    let mut words = Words::of(WORLD, number);
    let wait = Duration::from_millis(words.number(20..200) as u64);
    let title = words.title();
    Answer::html(&title, &words.prose(2)).after(wait)
}

fn step(path: &str, step: Step) -> Answer {
    match step {
        Page => Answer::html("Well again", &format!("<p>{path} answers.</p>")),
        Status(status) => Answer::page(status, "Out of order", "<p>Try again later.</p>"),
        Busy(status) => {
            Answer::page(status, "Busy", "<p>In two seconds.</p>").header("retry-after", "2")
        }
        To(target) => Answer::redirect(target),
        Reset => Answer::reset(),
        Drip => pieces(b"<p>and then</p>\n", Duration::from_millis(250), None),
        Huge => {
            let piece = b"<p>All work and no play.</p>\n".repeat(2048);
            let times = 4 * MAX_BODY / piece.len();
            pieces(&piece, Duration::ZERO, u32::try_from(times).ok())
        }
        Latin1 => latin1(),
        Hostile(status) => hostile(status),
        Media(media_type) => Answer::new(200, media_type, vec![0xCD_u8; 20_000]),
    }
}

fn pieces(piece: &[u8], every: Duration, times: Option<u32>) -> Answer {
    Answer {
        body: Payload::Pieces {
            piece: Bytes::copy_from_slice(piece),
            every,
            times,
        },
        ..Answer::html("", "")
    }
}

/// A page whose charset only the header names.
fn latin1() -> Answer {
    let text = "<!doctype html><title>Caf\u{e9}</title><h1>Caf\u{e9} M\u{fc}ller, 3 \u{a3}</h1>";
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect();
    Answer::new(200, "text/html; charset=iso-8859-1", bytes)
}

/// Escape sequences wherever a server can put them: title, text, a header.
fn hostile(status: u16) -> Answer {
    let title = "\x1b]0;owned\x07\x1b[31mRed\x1b[2J\u{9b}5m\u{202e}sdrawkcab";
    let body = "<p>\x1b[10;10H\x1b[?1049l\x1bcgotcha\u{200b}\u{2066}</p>";
    Answer::page(status, title, body).header("x-note", "caf\u{e9} \u{9b}31m\u{202e}")
}
