//! A site of which some pages are made by scripts and some stand behind a
//! challenge, and a scraping API that gets them all.

use crate::serve;
use anyhow::Result;

/// Pages beside the start page: of each twenty sixteen plain ones, three shells
/// and a challenge.
pub const PAGES: u64 = 4_000;

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";
const SHELL: &str = "<title>app</title><div id=\"root\"></div><script src=\"/main.js\"></script>";

/// Serves until the program ends; answers the port. The API is at `/v1?url=`.
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
    match target.split('/').nth(1).unwrap_or_default() {
        "" => ("200 OK", start()),
        "guard" => ("403 Forbidden", CHALLENGE.to_owned()),
        "app" => ("200 OK", SHELL.to_owned()),
        "plain" => ("200 OK", page(target)),
        api if api.starts_with("v1?") => ("200 OK", page(target)),
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
