//! A site of which some pages are made by scripts and some challenge plain
//! addresses, a proxy that is not challenged, and a scraping API that gets them all.

use crate::serve;
use anyhow::Result;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pages beside the start page: of each twenty sixteen plain ones, three shells
/// and a challenge.
pub const PAGES: u64 = 4_000;

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";
const SHELL: &str = "<title>app</title><div id=\"root\"></div><script src=\"/main.js\"></script>";

/// Pages that the API was asked for though a cheaper rung gets them.
static DEARER: AtomicU64 = AtomicU64::new(0);

/// How many that were so far.
pub fn dearer() -> u64 {
    DEARER.load(Ordering::Relaxed)
}

/// Serves until the program ends; answers the port. The API is at `/v1?url=`; who
/// asks as one asks a proxy gets what it would get.
pub fn serve() -> Result<u16> {
    serve::serve("127.0.0.1", answer)
}

/// Where page `n` is.
fn path(n: u64) -> String {
    match n % 20 {
        0 => format!("/guard/{n}"),
        1..=3 => format!("/app/{n}"),
        _ => format!("/plain/{n}"),
    }
}

fn answer(target: &str) -> (&'static str, String) {
    let proxied = target
        .strip_prefix("http://")
        .and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    let path = proxied.unwrap_or(target);
    match path.split('/').nth(1).unwrap_or_default() {
        "guard" if proxied.is_some() => ("200 OK", page(path)),
        "" => ("200 OK", start()),
        "guard" => ("403 Forbidden", CHALLENGE.to_owned()),
        "app" => ("200 OK", SHELL.to_owned()),
        "plain" => ("200 OK", page(path)),
        api if api.starts_with("v1?") => {
            if !api.contains("app") {
                DEARER.fetch_add(1, Ordering::Relaxed);
            }
            ("200 OK", page(target))
        }
        _ => ("404 Not Found", String::new()),
    }
}

fn start() -> String {
    let links: Vec<String> = (0..PAGES)
        .map(|n| format!("<a href=\"{}\">x</a>", path(n)))
        .collect();
    format!("<!doctype html><title>start</title>{}", links.concat())
}

fn page(name: &str) -> String {
    let words = "Some words to read. ".repeat(60);
    format!("<!doctype html><title>{name}</title><h1>{name}</h1><p>{words}")
}
