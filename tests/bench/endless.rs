//! A site without end on every loopback address: page `n` links to two more.

use crate::serve;
use anyhow::Result;

/// Serves until the program ends; answers the port.
pub fn serve() -> Result<u16> {
    serve::serve("0.0.0.0", answer)
}

fn answer(path: &str) -> (&'static str, String) {
    match path.trim_start_matches('/').parse::<u64>() {
        _ if path == "/" => ("200 OK", page(0)),
        Ok(n) => ("200 OK", page(n)),
        Err(_) => ("404 Not Found", String::new()),
    }
}

fn page(n: u64) -> String {
    let (one, other) = (2 * n + 1, 2 * n + 2);
    format!(
        "<!doctype html><title>{n}</title><p>{}<a href=\"/{one}\">on</a> <a href=\"/{other}\">and on</a>",
        "Some words to read. ".repeat(60)
    )
}
