//! The harness itself: a scripted server and a terminal that can be believed.

mod common;

use common::server::{Answer, Gate, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One request on a connection of its own, and everything that came back.
fn get(server: &Server, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server.host())?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nX-Probe: 7\r\n\r\n"
    )?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut all = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(n) => all.extend_from_slice(&part[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) => return Err(e),
        }
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

#[test]
fn answers_come_as_scripted_and_are_counted() {
    let server = Server::start();
    server.sequence("/x", [Answer::status(500), Answer::text("well")]);
    let statuses: Vec<_> = (0..3)
        .map(|_| get(&server, "/x").unwrap()[9..12].to_owned())
        .collect();
    assert_eq!(statuses, ["500", "200", "200"]);
    assert!(
        get(&server, "/elsewhere")
            .unwrap()
            .starts_with("HTTP/1.1 404")
    );
    assert_eq!(server.count("/x"), 3);
    assert_eq!(server.hits("/x")[0].header("x-probe"), "7");
    assert_eq!(server.repeated(), ["/x"]);
    assert_eq!(server.pages_hit(), 4);
}

#[test]
fn a_reset_is_a_reset() {
    let server = Server::start();
    server.on("/", Answer::reset());
    assert_eq!(
        get(&server, "/").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn gates_and_hanging_hold_the_answer() {
    let server = Server::start();
    let gate = Gate::default();
    server.on("/gate", Answer::text("through").behind(&gate));
    server.on("/hang", Answer::hang());
    assert_eq!(get(&server, "/gate").unwrap(), "");
    assert_eq!(get(&server, "/hang").unwrap(), "");
    gate.open();
    assert!(get(&server, "/gate").unwrap().ends_with("through"));
    server.wait("every request to be over", |s| s.open() == 0);
    assert!(server.peak() >= 1);
}

#[test]
fn an_endless_body_goes_on_and_raw_bytes_end() {
    let server = Server::start();
    server.on(
        "/endless",
        Answer::endless("drip", Duration::from_millis(20)),
    );
    server.on("/raw", Answer::raw(b"not http"));
    let mut stream = TcpStream::connect(server.host()).unwrap();
    stream.write_all(b"GET /endless HTTP/1.1\r\n\r\n").unwrap();
    let mut text = String::new();
    let mut part = [0; 256];
    while text.matches("drip").count() < 3 {
        let n = stream.read(&mut part).unwrap();
        text.push_str(std::str::from_utf8(&part[..n]).unwrap());
    }
    assert_eq!(get(&server, "/raw").unwrap(), "not http");
}
