//! A site without end on every loopback address: page `n` links to two more.

use anyhow::Result;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Serves until the program ends; answers the port.
pub fn serve() -> Result<u16> {
    let listener = TcpListener::bind("0.0.0.0:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is its client's business.
            thread::spawn(move || talk(&stream));
        }
    });
    Ok(port)
}

fn talk(stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let first = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let path = first.split(' ').nth(1).unwrap_or("/");
        let (status, body) = match path.trim_start_matches('/').parse::<u64>() {
            _ if path == "/" => ("200 OK", page(0)),
            Ok(n) => ("200 OK", page(n)),
            Err(_) => ("404 Not Found", String::new()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut out = stream;
        out.write_all(answer.as_bytes()).ok()?;
    }
}

fn page(n: u64) -> String {
    let (one, other) = (2 * n + 1, 2 * n + 2);
    format!(
        "<!doctype html><title>{n}</title><p>{}<a href=\"/{one}\">on</a> <a href=\"/{other}\">and on</a>",
        "Some words to read. ".repeat(60)
    )
}
