//! A server of what is made on the spot.

use anyhow::Result;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What a target (path and query) is answered with: the status line's end, and HTML.
pub type Answers = fn(&str) -> (&'static str, String);

/// Serves at a free port of `host` until the program ends; answers the port.
pub fn serve(host: &str, answers: Answers) -> Result<u16> {
    let listener = TcpListener::bind((host, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is its client's business.
            thread::spawn(move || talk(&stream, answers));
        }
    });
    Ok(port)
}

fn talk(stream: &TcpStream, answers: Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let first = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let (status, body) = answers(first.split(' ').nth(1).unwrap_or("/"));
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut out = stream;
        out.write_all(answer.as_bytes()).ok()?;
    }
}
