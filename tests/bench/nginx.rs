//! An nginx of our own: one worker process, loopback only, gone at the end.

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One site of the server: a folder under one or many loopback addresses.
#[derive(Debug)]
pub struct Host<'a> {
    /// What is served.
    pub root: &'a Path,
    /// Where, all on one port.
    pub addresses: Vec<Ipv4Addr>,
}

impl<'a> Host<'a> {
    /// A folder at 127.0.0.1.
    pub fn local(root: &'a Path) -> Self {
        Self {
            root,
            addresses: vec![Ipv4Addr::LOCALHOST],
        }
    }
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    dir: TempDir,
    ports: Vec<u16>,
}

/// A request that the server answered.
#[derive(Debug)]
pub struct Hit {
    /// When it was answered, seconds since the Unix epoch.
    pub at: f64,
    /// The address that was asked.
    pub address: Box<str>,
    /// The answer's status.
    pub status: u16,
    /// Whether the answer was HTML.
    pub html: bool,
    /// Path and query, percent-decoded.
    pub target: Box<str>,
}

impl Nginx {
    /// Serves each of `hosts` on a port of its own, with or without a log of
    /// every request.
    pub fn start(hosts: &[Host<'_>], logged: bool) -> Result<Self> {
        // Another process may take a port between its choice and nginx's start.
        let mut last = None;
        for _ in 0..5 {
            match Self::try_start(hosts, logged) {
                Ok(server) => return Ok(server),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("nginx was not tried")?)
    }

    fn try_start(hosts: &[Host<'_>], logged: bool) -> Result<Self> {
        let dir = TempDir::with_prefix("crawl-bench-nginx-")?;
        let ports = free_ports(hosts.len())?;
        let config = dir.path().join("nginx.conf");
        fs::write(&config, configuration(dir.path(), hosts, &ports, logged))?;
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(dir.path())
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("stderr"))?)
            .spawn()
            .context("nginx does not run: apt-get install nginx-core")?;
        let mut server = Self { child, dir, ports };
        server.await_ready(hosts)?;
        Ok(server)
    }

    fn await_ready(&mut self, hosts: &[Host<'_>]) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        for (host, port) in hosts.iter().zip(&self.ports) {
            let address = SocketAddr::from((host.addresses[0], *port));
            while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
                let ended = self.child.try_wait()?;
                if ended.is_some() || Instant::now() > deadline {
                    let said = fs::read_to_string(self.dir.path().join("stderr"))?;
                    bail!("nginx does not listen on {address}: {}", said.trim());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// The port of the host with this place in the list.
    pub fn port(&self, host: usize) -> u16 {
        self.ports[host]
    }

    /// CPU time of the worker process so far.
    pub fn cpu(&self) -> Result<Duration> {
        let mut ticks = 0;
        for entry in fs::read_dir("/proc")? {
            let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
                continue;
            };
            // proc(5): after the name in parentheses come state, parent and,
            // twelfth and thirteenth, user and system time in ticks of 10 ms.
            let Some((_, rest)) = stat.rsplit_once(") ") else {
                continue;
            };
            let fields: Vec<u64> = rest
                .split(' ')
                .map(|field| field.parse().unwrap_or(0))
                .collect();
            if fields.len() > 12 && fields[1] == u64::from(self.child.id()) {
                ticks += fields[11] + fields[12];
            }
        }
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Ends the server and reads its log.
    pub fn into_hits(mut self) -> Result<Vec<Hit>> {
        self.end();
        let log = fs::File::open(self.dir.path().join("access.log"))?;
        BufReader::new(log)
            .lines()
            .map(|line| {
                let line = line?;
                Hit::parse(&line).with_context(|| format!("not a line of our log: {line}"))
            })
            .collect()
    }

    fn end(&mut self) {
        // The log is complete when the master is gone.
        if matches!(self.child.try_wait(), Ok(None)) {
            if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                // It may have ended by itself just now.
                let _ = kill_process(pid, Signal::TERM);
            }
            let _ = self.child.wait();
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.end();
    }
}

impl Hit {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(5, ' ');
        Some(Self {
            at: fields.next()?.parse().ok()?,
            address: fields.next()?.into(),
            status: fields.next()?.parse().ok()?,
            html: fields.next()? == "text/html",
            target: decoded(fields.next()?).into(),
        })
    }

    /// Whether a page was handed out.
    pub fn is_page(&self) -> bool {
        self.html && self.status == 200
    }
}

/// A path or query as it is compared: programs escape the same characters
/// differently, and that alone makes no other page.
pub fn decoded(target: &str) -> String {
    percent_decode_str(target).decode_utf8_lossy().into_owned()
}

/// The targets of the pages handed out, and those handed out more than once.
pub fn pages(hits: &[Hit]) -> (HashSet<&str>, Vec<&str>) {
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    for hit in hits.iter().filter(|hit| hit.is_page()) {
        if !seen.insert(&*hit.target) {
            twice.push(&*hit.target);
        }
    }
    (seen, twice)
}

fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All are held until all are known, so that none is given twice.
    let held = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<Vec<_>, _>>()?;
    held.iter()
        .map(|socket| Ok(socket.local_addr()?.port()))
        .collect()
}

fn configuration(dir: &Path, hosts: &[Host<'_>], ports: &[u16], logged: bool) -> String {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(65_536);
    let connections = (files / 4).min(16_384);
    // Files that the cache holds open and connections share the descriptors.
    let cached = (files / 2).min(50_000);
    let dir = dir.display();
    let user = if rustix::process::geteuid().is_root() {
        // The worker must be able to read what the benchmark wrote for itself.
        "user root;"
    } else {
        ""
    };
    let log = if logged {
        format!(
            "log_format hits '$msec $server_addr $status $sent_http_content_type $request_uri';
  access_log {dir}/access.log hits;"
        )
    } else {
        "access_log off;".to_owned()
    };
    let mut text = format!(
        "{user}
daemon off;
pid {dir}/pid;
worker_processes 1;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
  types {{
    text/html html htm;
    text/css css;
    application/javascript js;
    image/png png;
    image/svg+xml svg;
  }}
  default_type application/octet-stream;
  {log}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  open_file_cache max={cached} inactive=600s;
  open_file_cache_valid 600s;
"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {kind}_temp_path {dir}/{kind};");
    }
    for (host, port) in hosts.iter().zip(ports) {
        text.push_str("  server {\n");
        for address in &host.addresses {
            let _ = writeln!(text, "    listen {address}:{port};");
        }
        let _ = writeln!(text, "    root \"{}\";\n  }}", host.root.display());
    }
    text.push_str("}\n");
    text
}
