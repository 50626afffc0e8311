//! Proxies for the tests: small ones of their own, and Debian's.

use super::DEADLINE;
use base64::Engine;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// An HTTP proxy that marks what goes through it with `Via`, and lets in who
/// has its password. It goes away when dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    password: String,
    challenges: bool,
    requests: AtomicUsize,
    users: Mutex<Vec<String>>,
    gone: AtomicBool,
}

impl Proxy {
    /// A proxy of that name and password.
    pub fn start(name: &str, password: &str) -> Self {
        Self::begin(name, password, false)
    }

    /// One whose address every site challenges.
    pub fn challenged(name: &str, password: &str) -> Self {
        Self::begin(name, password, true)
    }

    fn begin(name: &str, password: &str, challenges: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            password: password.to_owned(),
            challenges,
            requests: AtomicUsize::new(0),
            users: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.gone.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = accepting.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Requests that it let through.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The user name of each.
    pub fn users(&self) -> Vec<String> {
        self.shared.users.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// One request a connection: what comes after it is of no interest here.
    fn serve(&self, near: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(near.try_clone().ok()?);
        let mut near = near;
        loop {
            let head = head(&mut lines)?;
            let mut words = head.first()?.split(' ');
            let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
            let user = match self.user(&head) {
                Some(user) => user,
                None => {
                    let answer = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\
                                  Content-Length: 0\r\n\r\n";
                    near.write_all(answer.as_bytes()).ok()?;
                    continue;
                }
            };
            self.requests.fetch_add(1, Ordering::SeqCst);
            self.users.lock().unwrap().push(user);
            if self.challenges {
                let answer = "HTTP/1.1 403 No\r\nCf-Mitigated: challenge\r\n\
                              Content-Length: 0\r\n\r\n";
                near.write_all(answer.as_bytes()).ok()?;
                continue;
            }
            let place = match method.as_str() {
                "CONNECT" => target.clone(),
                _ => target
                    .strip_prefix("http://")?
                    .split('/')
                    .next()?
                    .to_owned(),
            };
            let Ok(mut far) = TcpStream::connect(place.as_str()) else {
                return near
                    .write_all(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")
                    .ok();
            };
            if method == "CONNECT" {
                near.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                let back = (near.try_clone().ok()?, far.try_clone().ok()?);
                thread::spawn(move || pour(back.1, back.0));
                pour(near, far);
                return Some(());
            }
            let path = &target["http://".len() + place.len()..];
            let mut request = format!("{method} {path} HTTP/1.1\r\n");
            for line in &head[1..] {
                if !line.to_ascii_lowercase().starts_with("proxy-") {
                    request += &format!("{line}\r\n");
                }
            }
            request += &format!("Via: {}\r\nConnection: close\r\n\r\n", self.name);
            far.write_all(request.as_bytes()).ok()?;
            answer(far, &mut near)?;
        }
    }

    /// Who asks, where the password is right.
    fn user(&self, head: &[String]) -> Option<String> {
        let value = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("proxy-authorization")
                .then_some(value)
        })?;
        let pair = value.strip_prefix("Basic ")?;
        let pair = base64::engine::general_purpose::STANDARD
            .decode(pair)
            .ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (user, password) = pair.split_once(':')?;
        (password == self.password).then(|| user.to_owned())
    }
}

/// The lines of a request's head.
fn head(lines: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => return Some(head),
            line => head.push(line.to_owned()),
        }
    }
}

/// Hands back an answer with a length.
fn answer(far: TcpStream, near: &mut TcpStream) -> Option<()> {
    let mut lines = BufReader::new(far);
    let head = head(&mut lines)?;
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.parse::<usize>().ok())?
    })?;
    let mut bytes = head.join("\r\n").into_bytes();
    bytes.extend_from_slice(b"\r\n\r\n");
    let start = bytes.len();
    bytes.resize(start + length, 0);
    lines.read_exact(&mut bytes[start..]).ok()?;
    near.write_all(&bytes).ok()
}

fn pour(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// A proxy of a Debian package, in a process of its own. It is killed when
/// dropped.
pub struct Real {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Real {
    /// tinyproxy, which goes out by the address `source`.
    pub fn tinyproxy(folder: &Path, source: &str, user: &str, password: &str) -> Self {
        Self::start(|port| {
            let conf = folder.join(format!("tinyproxy-{port}.conf"));
            let text = format!(
                "Port {port}\nListen 127.0.0.1\nBind {source}\nTimeout 60\nMaxClients 50\n\
                 BasicAuth {user} {password}\nAllow 127.0.0.1\nDisableViaHeader Yes\n\
                 LogFile \"{}\"\nLogLevel Error\n",
                folder.join(format!("tinyproxy-{port}.log")).display()
            );
            std::fs::write(&conf, text).unwrap();
            let mut command = Command::new("tinyproxy");
            command.arg("-d").arg("-c").arg(conf);
            command
        })
    }

    /// microsocks, which goes out by the address `source`.
    pub fn microsocks(source: &str, user: &str, password: &str) -> Self {
        Self::start(|port| {
            let mut command = Command::new("microsocks");
            command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
            command.args(["-u", user, "-P", password, "-b", source]);
            command
        })
    }

    /// Starts it on a free port; on another one, where that was taken from
    /// under it.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        let end = Instant::now() + DEADLINE;
        loop {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut command = command(port);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null());
            let mut child = command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}: install the package"));
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                    return Self { child, port };
                }
                assert!(Instant::now() < end, "{command:?} does not listen");
                thread::sleep(Duration::from_millis(10));
            }
            assert!(Instant::now() < end, "{command:?} does not stay");
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two of Debian's tinyproxy and one of its microsocks, each with a source
/// address of its own; and the list of them, the last with the scheme `socks`.
pub fn three(folder: &Path, socks: &str) -> ([Real; 3], String) {
    let proxies = [
        Real::tinyproxy(folder, "127.0.0.2", "us3r", "pw"),
        Real::tinyproxy(folder, "127.0.0.3", "us3r", "pw"),
        Real::microsocks("127.0.0.4", "us3r", "pw"),
    ];
    let [one, two, three] = [&proxies[0], &proxies[1], &proxies[2]].map(|proxy| proxy.port);
    let list = format!(
        "['http://us3r:pw@127.0.0.1:{one}', 'http://us3r:pw@127.0.0.1:{two}', \
         '{socks}://us3r:pw@127.0.0.1:{three}']"
    );
    (proxies, list)
}
