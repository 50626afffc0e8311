//! The harness itself: a scripted server and a terminal that can be believed.

mod common;

use common::crawl::{Running, Signal};
use common::pty::{Pty, count, shows};
use common::server::{Answer, Gate, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
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

fn shell(script: &str) -> Pty {
    let home = Path::new("/");
    Pty::program(
        "/bin/sh",
        &["-c", script],
        home,
        (24, 80),
        &[("PROBE", "7")],
    )
}

#[test]
fn a_terminal_shows_what_is_printed_and_takes_keys() {
    let mut pty = shell("echo probe $PROBE; stty size; read line; echo Got $line; exit 9");
    pty.wait_for("the first lines", |s| {
        shows(s, "probe 7") && shows(s, "24 80")
    });
    pty.keys("this\r");
    pty.wait_text("got this");
    assert_eq!(pty.wait(), 9);
    assert!(pty.text().contains("Got this"));
    pty.assert_whole();
}

#[test]
fn a_terminal_can_be_resized() {
    let mut pty = shell("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done");
    pty.wait_text("ready");
    pty.resize(45, 160);
    pty.wait_text("45 160");
    pty.signal(Signal::KILL);
}

#[test]
#[should_panic(expected = "still on the alternate screen")]
fn a_terminal_left_in_disorder_is_seen() {
    let mut pty = shell("printf '\\033[?1049h\\033[?25l'");
    assert_eq!(pty.wait(), 0);
    pty.assert_whole();
}

#[test]
fn titles_and_clipboards_are_seen() {
    let mut pty = shell("printf '\\033]2;owned\\007\\033]52;c;aGk=\\007'");
    pty.wait();
    let odd = pty.spy().odd;
    assert_eq!(odd, ["title \"owned\"", "clipboard \"aGk=\""]);
    assert_eq!(count(&pty.raw(), b"\x1b]"), 2);
}

#[test]
fn a_frozen_terminal_blocks_its_program_until_it_thaws() {
    let server = Server::start();
    let url = server.url("/done");
    let folder = tempfile::TempDir::new().unwrap();
    let mark = folder.path().join("done");
    let script = format!(
        "echo ready; read go; i=0; while [ $i -lt 3000 ]; do echo {url} {url}; i=$((i+1)); done; \
         echo over >{}",
        mark.display()
    );
    let mut pty = shell(&script);
    pty.wait_text("ready");
    pty.freeze();
    pty.keys("\r");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!mark.exists(), "it wrote 180 KB to nobody");
    pty.thaw();
    assert_eq!(pty.wait(), 0);
    assert!(mark.exists());
}

#[test]
fn a_terminal_can_go_away() {
    let mut pty = shell("trap 'exit 3' HUP; echo ready; while :; do sleep 0.05; echo x; done");
    pty.wait_text("ready");
    pty.hang_up();
    assert_eq!(pty.wait_without_terminal(), 3);
}

#[test]
fn a_run_is_seen_as_it_was() {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo out; echo err >&2; kill -TERM $$"]);
    let output = Running::spawn(command).wait();
    assert_eq!((output.code, output.signal), (None, Some(15)));
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("out\n", "err\n")
    );
}
