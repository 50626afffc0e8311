//! A web server on a loopback port that answers as the test scripts it.

use super::DEADLINE;
use rustix::net::sockopt::set_socket_linger;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A site. Paths that were not scripted answer 404, robots.txt and sitemap
/// among them. It goes away when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// One request that came in.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Path and query as they were sent.
    pub target: String,
    /// When its head was read.
    pub at: Instant,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// What was sent behind them.
    pub body: String,
    /// From where it came.
    pub peer: Option<IpAddr>,
    /// The status of its answer.
    pub status: u16,
    /// Bytes of its answer's body.
    pub bytes: usize,
}

impl Hit {
    /// A request header's value; empty where there was none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Whom it lets in, and to which answer.
type Door = (fn(&Hit) -> bool, Box<Answer>);

/// What one request gets.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
    wait: Duration,
    gate: Option<Gate>,
    honours: bool,
    /// Who gets another answer, and which.
    door: Option<Door>,
}

#[derive(Debug, Clone)]
enum Body {
    /// With its length.
    Whole(Vec<u8>),
    /// Chunked: a piece, again and again, until the client has gone.
    Endless(Vec<u8>, Duration),
    /// These bytes instead of an answer, and the connection's end.
    Raw(Vec<u8>),
    /// The connection is reset.
    Reset,
    /// Nothing, for as long as the client waits.
    Hang,
}

/// Holds answers back until the test opens it.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets every answer behind it go, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}

impl Answer {
    /// A status and an HTML body.
    pub fn status(status: u16) -> Self {
        Self::html(&format!("<title>{status}</title><p>status {status}</p>")).with_status(status)
    }

    /// An HTML document.
    pub fn html(body: &str) -> Self {
        Self::typed("text/html; charset=utf-8", body.as_bytes())
    }

    /// An HTML document with these links and a heading.
    pub fn links<S: AsRef<str>>(links: &[S]) -> Self {
        let anchors: String = links
            .iter()
            .map(|to| format!("<a href=\"{0}\">{0}</a>\n", to.as_ref()))
            .collect();
        Self::html(&format!(
            "<!doctype html><title>t</title><h1>h</h1>\n{anchors}"
        ))
    }

    /// A body of a media type.
    pub fn typed(media_type: &str, body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Body::Whole(body.to_vec()),
            wait: Duration::ZERO,
            gate: None,
            honours: false,
            door: None,
        }
        .header("content-type", media_type)
    }

    /// Plain text.
    pub fn text(body: &str) -> Self {
        Self::typed("text/plain", body.as_bytes())
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        Self::status(302).header("location", to)
    }

    /// A body that never ends: `piece` every so often.
    pub fn endless(piece: &str, every: Duration) -> Self {
        Self {
            body: Body::Endless(piece.into(), every),
            ..Self::html("")
        }
    }

    /// Bytes on the wire that need not be HTTP, and then the end.
    pub fn raw(bytes: &[u8]) -> Self {
        Self {
            body: Body::Raw(bytes.to_vec()),
            ..Self::html("")
        }
    }

    /// The connection breaks.
    pub fn reset() -> Self {
        Self {
            body: Body::Reset,
            ..Self::html("")
        }
    }

    /// The server takes the request and says nothing.
    pub fn hang() -> Self {
        Self {
            body: Body::Hang,
            ..Self::html("")
        }
    }

    /// The same, with 304 for those who know its `ETag` or, where it has none,
    /// its `Last-Modified` already.
    pub fn conditional(mut self) -> Self {
        self.honours = true;
        self
    }

    fn own(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| &**value)
    }

    /// The same, with another answer for those whom `may` lets in.
    pub fn letting_in(mut self, may: fn(&Hit) -> bool, other: Self) -> Self {
        self.door = Some((may, Box::new(other)));
        self
    }

    /// What somebody gets who asked so.
    fn to(&self, hit: &Hit) -> Self {
        if let Some((may, other)) = &self.door
            && may(hit)
        {
            return other.to(hit);
        }
        let known = match self.own("etag") {
            Some(etag) => etag == hit.header("if-none-match").as_bytes(),
            None => self.own("last-modified") == Some(hit.header("if-modified-since").as_bytes()),
        };
        let mut answer = self.clone();
        if self.honours && known {
            answer.status = 304;
            answer.body = Body::Whole(Vec::new());
        }
        answer
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The same without its `Content-Type`.
    pub fn untyped(mut self) -> Self {
        self.headers.retain(|(n, _)| n != "content-type");
        self
    }

    /// The same after a wait.
    pub fn after(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The same once `gate` is open.
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

#[derive(Default)]
struct Shared {
    script: Mutex<HashMap<String, (Vec<Answer>, usize)>>,
    log: Mutex<Log>,
    changed: Condvar,
    gone: AtomicBool,
}

#[derive(Default)]
struct Log {
    hits: Vec<Hit>,
    /// Requests that have had no answer yet, and the most there ever were.
    open: usize,
    peak: usize,
}

impl Server {
    /// A site on a free port, with nothing on it.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.gone.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = accepting.clone();
                thread::spawn(move || shared.converse(&stream));
            }
        });
        Self { address, shared }
    }

    /// A site whose start page links to `/1` … `/n`, plain pages all.
    pub fn fan(n: usize) -> Self {
        let server = Self::start();
        let links: Vec<_> = (1..=n).map(|i| format!("/{i}")).collect();
        server.on("/", Answer::links(&links));
        for path in &links {
            server.page(path, &[]);
        }
        server
    }

    /// A start page without links, and the plain pages `/1` … `/n`.
    pub fn island(n: usize) -> Self {
        let server = Self::fan(n);
        server.page("/", &[]);
        server
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A path's answer from now on.
    pub fn on(&self, path: &str, answer: Answer) {
        self.sequence(path, [answer]);
    }

    /// A path's next answers; the last one stays.
    pub fn sequence(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers: Vec<_> = answers.into_iter().collect();
        assert!(!answers.is_empty());
        let mut script = self.shared.script.lock().unwrap();
        script.insert(path.to_owned(), (answers, 0));
    }

    /// A page with links.
    pub fn page(&self, path: &str, links: &[&str]) {
        self.on(path, Answer::links(links));
    }

    /// Every request so far, in order.
    pub fn log(&self) -> Vec<Hit> {
        self.shared.log.lock().unwrap().hits.clone()
    }

    /// The requests for one path.
    pub fn hits(&self, target: &str) -> Vec<Hit> {
        let log = self.shared.log.lock().unwrap();
        log.hits
            .iter()
            .filter(|h| h.target == target)
            .cloned()
            .collect()
    }

    /// How many requests for one path there were.
    pub fn count(&self, target: &str) -> usize {
        self.hits(target).len()
    }

    /// The requests for pages: robots.txt and sitemaps left out.
    pub fn page_log(&self) -> Vec<Hit> {
        let mut hits = self.log();
        hits.retain(|hit| hit.target != "/robots.txt" && !hit.target.starts_with("/sitemap"));
        hits
    }

    /// How many of them there were.
    pub fn pages_hit(&self) -> usize {
        self.page_log().len()
    }

    /// Pages that were asked for more than once.
    pub fn repeated(&self) -> Vec<String> {
        repeated(self.page_log())
    }

    /// Whatever was asked for more than once, sitemaps and robots.txt too.
    pub fn repeated_at_all(&self) -> Vec<String> {
        repeated(self.log())
    }

    /// The most requests that were ever unanswered at once.
    pub fn peak(&self) -> usize {
        self.shared.log.lock().unwrap().peak
    }

    /// Requests that are unanswered now.
    pub fn open(&self) -> usize {
        self.shared.log.lock().unwrap().open
    }

    /// From which addresses requests came, and how many from each.
    pub fn peers(&self) -> BTreeMap<IpAddr, usize> {
        let mut peers = BTreeMap::new();
        for hit in self.log() {
            *peers.entry(hit.peer.unwrap()).or_insert(0) += 1;
        }
        peers
    }

    /// Waits until the requests are as `enough` wants them.
    pub fn wait(&self, what: &str, enough: impl Fn(&Server) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !enough(self) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let asked: Vec<_> = self.log().into_iter().map(|h| h.target).collect();
                panic!("waited for {what}; requests so far: {asked:#?}");
            }
            let log = self.shared.log.lock().unwrap();
            // A change between the question and this wait is seen at its end.
            let step = left.min(Duration::from_millis(50));
            drop(self.shared.changed.wait_timeout(log, step).unwrap());
        }
    }

    /// Waits until `target` has been asked for `n` times.
    pub fn wait_hits(&self, target: &str, n: usize) {
        self.wait(&format!("{n} hits on {target}"), |s| s.count(target) >= n);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn converse(&self, stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut lines = BufReader::new(stream);
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        while let Some(hit) = read_head(&mut lines) {
            let hit = Hit { peer, ..hit };
            if self.gone.load(Ordering::SeqCst) {
                return;
            }
            let answer = self.take(hit);
            if let Some(gate) = &answer.gate {
                gate.pass();
            }
            thread::sleep(answer.wait);
            let stays = self.send(stream, &answer);
            self.log.lock().unwrap().open -= 1;
            self.changed.notify_all();
            if stays.is_none() {
                return;
            }
        }
    }

    /// Writes a request down and picks its answer.
    fn take(&self, mut hit: Hit) -> Answer {
        let mut script = self.script.lock().unwrap();
        let answer = match script.get_mut(&hit.target) {
            Some((answers, next)) => {
                let answer = answers[(*next).min(answers.len() - 1)].to(&hit);
                *next += 1;
                answer
            }
            None => Answer::status(404),
        };
        drop(script);
        hit.status = answer.status;
        if let Body::Whole(body) = &answer.body {
            hit.bytes = body.len();
        }
        let mut log = self.log.lock().unwrap();
        log.hits.push(hit);
        log.open += 1;
        log.peak = log.peak.max(log.open);
        drop(log);
        self.changed.notify_all();
        answer
    }

    /// Sends an answer; `None` where the connection is over.
    fn send(&self, mut stream: &TcpStream, answer: &Answer) -> Option<()> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status).into_bytes();
        for (name, value) in &answer.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        match &answer.body {
            Body::Whole(body) => {
                head.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
                head.extend_from_slice(body);
                stream.write_all(&head).ok()
            }
            Body::Endless(piece, every) => {
                head.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
                stream.write_all(&head).ok()?;
                let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                chunk.extend_from_slice(piece);
                chunk.extend_from_slice(b"\r\n");
                while !self.gone.load(Ordering::SeqCst) {
                    stream.write_all(&chunk).ok()?;
                    thread::sleep(*every);
                }
                None
            }
            Body::Raw(bytes) => {
                let _ = stream.write_all(bytes);
                let _ = stream.shutdown(Shutdown::Both);
                None
            }
            Body::Reset => {
                // Closed with a linger of zero, a socket is reset.
                let _ = set_socket_linger(stream, Some(Duration::ZERO));
                None
            }
            Body::Hang => {
                // Ends when the client gives up.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
                None
            }
        }
    }
}

fn repeated(hits: Vec<Hit>) -> Vec<String> {
    let mut counts = HashMap::<String, usize>::new();
    for hit in hits {
        *counts.entry(hit.target).or_default() += 1;
    }
    counts.retain(|_, n| *n > 1);
    counts.into_keys().collect()
}

/// Reads a request; `None` at the connection's end.
fn read_head(lines: &mut BufReader<&TcpStream>) -> Option<Hit> {
    let mut line = String::new();
    lines.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        lines.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            None => break,
        }
    }
    let mut hit = Hit {
        target,
        at: Instant::now(),
        headers,
        body: String::new(),
        peer: None,
        status: 0,
        bytes: 0,
    };
    let length = hit.header("content-length").parse().unwrap_or(0);
    let mut body = lines.take(length);
    body.read_to_string(&mut hit.body).ok()?;
    Some(hit)
}
