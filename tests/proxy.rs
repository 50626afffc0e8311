//! Crawls that go by proxies.

mod common;

use base64::Engine;
use common::crawl::{Job, Running};
use common::proxy::{Proxy, three};
use common::pty::{Pty, count, key};
use common::server::{Answer, Server};
use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A site of these keys under `fetch.proxy`, fetched by proxies alone.
fn job(start: &str, proxy: &str) -> Job {
    Job::site(start, &format!("fetch:\n  via: proxy\n  proxy: {proxy}"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn everything_goes_by_the_proxies_in_turn() {
    let server = Server::fan(20);
    let proxies = ["one", "two", "three"].map(|name| Proxy::start(name, "pw"));
    let list: Vec<_> = proxies
        .iter()
        .map(|proxy| format!("'http://u:pw@{}'", proxy.host()))
        .collect();
    let job = job(
        &server.url("/"),
        &format!("{{ list: [{}] }}", list.join(", ")),
    );
    job.finish(&[]);
    job.pages().all_done(&server.url(""), 21);
    let mut by = BTreeMap::new();
    for hit in server.log() {
        *by.entry(hit.header("via").to_owned()).or_insert(0) += 1;
        assert_eq!(hit.header("proxy-authorization"), "", "{hit:?}");
    }
    assert!(
        !by.contains_key(""),
        "directly, robots.txt included: {by:?}"
    );
    assert_eq!(by.len(), 3, "{by:?}");
    let (least, most) = (by.values().min().unwrap(), by.values().max().unwrap());
    assert!(most - least <= 1, "{by:?}");
}

#[test]
fn a_proxy_that_died_is_left_out_and_every_page_comes() {
    let server = Server::fan(20);
    let good = Proxy::start("good", "pw");
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = dead.local_addr().unwrap();
    drop(dead);
    let list = format!(
        "{{ list: ['http://{place}', 'http://u:pw@{}'] }}",
        good.host()
    );
    let job = job(&server.url("/"), &list);
    job.finish(&[]);
    job.pages().all_done(&server.url(""), 21);
    assert!(server.repeated_at_all().is_empty());
    assert!(server.log().iter().all(|hit| hit.header("via") == "good"));
}

#[test]
fn an_exit_that_is_challenged_loses_its_site() {
    let server = Server::fan(8);
    let (bad, good) = (Proxy::challenged("bad", "pw"), Proxy::start("good", "pw"));
    let start: Vec<_> = (1..=8).map(|n| server.url(&format!("/{n}"))).collect();
    let text = format!(
        "site: site\nstart: [{}]\ndiscover: {{ sitemap: off, links: off }}\nfetch:\n  via: proxy\n  \
         robots: ignore\n  proxy: {{ list: ['u:pw@{}', 'u:pw@{}'], rotate: site }}\n",
        start.join(", "),
        bad.host(),
        good.host(),
    );
    Job::new(&text).run(&["--concurrency", "1"]);
    assert_eq!(bad.requests(), 1, "after its first block it was left");
    assert!(good.requests() >= 7);
}

#[test]
fn a_gateways_sessions_have_their_cookies_and_user_agents() {
    let server = Server::fan(12);
    for path in (1..=12).map(|n| format!("/{n}")) {
        let mark = format!("page={}", &path[1..]);
        server.on(&path, Answer::links(&["/"]).header("set-cookie", &mark));
    }
    let gateway = Proxy::start("gw", "pw");
    let job = job(
        &server.url("/"),
        &format!(
            "{{ gateway: 'http://user-{{session}}:pw@{}', rotate: session, \
             session: {{ pages: 3 }}, user_agents: [one/1, two/2] }}",
            gateway.host()
        ),
    );
    job.finish(&["--concurrency", "1"]);
    let users = gateway.users();
    let mut uses = BTreeMap::new();
    for user in &users {
        assert!(user.starts_with("user-"), "{user}");
        *uses.entry(user.clone()).or_insert(0) += 1;
    }
    assert!(uses.values().all(|n| *n <= 3), "{uses:?}");
    let log = server.log();
    assert_eq!(log.len(), users.len());
    let mut agents: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for (hit, user) in log.iter().zip(&users) {
        agents
            .entry(user)
            .or_default()
            .insert(hit.header("user-agent"));
    }
    assert!(
        agents.values().all(|agents| agents.len() == 1),
        "{agents:?}"
    );
    // A session's cookies are those of its own pages: at most two before its third.
    for hit in &log {
        let cookies = hit.header("cookie").split("page=").count() - 1;
        assert!(cookies <= 2, "{hit:?}");
    }
    let any = |agent: &str| log.iter().any(|hit| hit.header("user-agent") == agent);
    assert!(any("one/1") && any("two/2"));
}

#[test]
fn a_password_is_seen_by_its_proxies_alone() {
    let secrets = [
        "t0p-s3cr3t",
        "pl41n-s3cr3t",
        "dDBwLXMzY3IzdA",
        "0cC1zM2NyM3",
    ];
    let server = Server::fan(6);
    server.on("/2", Answer::status(500));
    let good = Proxy::start("good", "t0p-s3cr3t");
    let plain = Proxy::start("plain", "pl41n-s3cr3t");
    let refusing = Proxy::start("refusing", "another");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxies.txt");
    let list = format!(
        "u:pl41n-s3cr3t@{}\nnonsense pl41n-s3cr3t\nftp://u:pl41n-s3cr3t@h:1\n",
        plain.host()
    );
    std::fs::write(&path, list).unwrap();
    let text = format!(
        "site: a\nstart: {0}\nfetch:\n  via: proxy\n  proxy: {{ list: \
         ['http://us3r:${{PROXY_PASSWORD}}@{1}', 'http://us3r:${{PROXY_PASSWORD}}@{2}'] }}\n\
         ---\nsite: b\nstart: {0}\nfetch:\n  via: proxy\n  proxy: {{ file: '{3}' }}\n",
        server.url("/"),
        good.host(),
        refusing.host(),
        path.display(),
    );
    let job = Job::new(&text);
    let mut command = job.command(&["run", "sites.yaml", "--headless", "--json"]);
    command
        .env("PROXY_PASSWORD", "t0p-s3cr3t")
        .env("CRAWLDECK_LOG", "trace");
    let output = Running::spawn(command).wait();
    output.expect(0);
    assert!(good.requests() > 0 && plain.requests() > 0);
    // The list's bad lines are named, once.
    let log = job.log();
    assert_eq!(log.matches("2 bad lines are left out").count(), 1, "{log}");
    let mut shown = vec![output.stdout, output.stderr, log];
    for what in ["pages", "failures", "journal"] {
        shown.push(job.export(what, "jsonl"));
    }
    shown.push(deck(&text));
    for secret in secrets {
        for text in &shown {
            assert!(!text.contains(secret), "{secret} is shown: {text}");
        }
        for file in files(job.folder()) {
            let bytes = std::fs::read(&file).unwrap();
            assert_eq!(
                count(&bytes, secret.as_bytes()),
                0,
                "{secret} is in {file:?}"
            );
        }
    }
}

/// All that a deck painted of a job: failures, one of them with its attempts,
/// journal and log.
fn deck(text: &str) -> String {
    let job = Job::new(text);
    let env = [("PROXY_PASSWORD", "t0p-s3cr3t")];
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), (45, 160), &env);
    deck.wait_text("Finished; everything is saved");
    deck.keys("2");
    deck.wait_text("all failures");
    deck.keys(key::ENTER);
    deck.wait_text("failures > all");
    deck.keys(key::ENTER);
    deck.wait_text("127.0.0.1");
    deck.keys("7");
    deck.wait_text("a: finished");
    deck.keys("q");
    deck.wait();
    for file in files(&job.dir()) {
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(count(&bytes, b"s3cr3t"), 0, "it is in {file:?}");
    }
    String::from_utf8_lossy(&deck.raw()).into_owned()
}

#[test]
fn check_explains_a_page_by_its_proxy() {
    let server = Server::fan(1);
    let proxy = Proxy::start("one", "pw");
    let job = job(
        &server.url("/"),
        &format!("{{ list: 'u:pw@{}' }}", proxy.host()),
    );
    let output = job.crawldeck(&["check", "sites.yaml", "--url", &server.url("/1")]);
    output.expect(0);
    assert!(output.stdout.contains("by proxy, status 200"), "{output:?}");
    assert_eq!(server.hits("/1")[0].header("via"), "one");
}

#[test]
fn a_list_without_a_proxy_lets_nothing_out() {
    let server = Server::fan(3);
    let job = job(&server.url("/"), "{ file: proxies.txt }");
    std::fs::write(job.folder().join("proxies.txt"), "# none yet\n").unwrap();
    let output = job.crawldeck(&["check", "sites.yaml", "--url", &server.url("/1")]);
    let told = output.stdout + &output.stderr;
    assert!(told.contains("there is no usable proxy in"), "{told}");
    assert!(told.contains("write one a line, such as"), "{told}");
    assert!(server.log().is_empty(), "{:?}", server.log());
}

/// As [`job`], for real proxies, which now and then drop a request.
fn patient(start: &str, proxy: &str) -> Job {
    job(start, &format!("{proxy}\n  retries: 3\n  timeout: 10s"))
}

#[test]
#[ignore = "needs tinyproxy and microsocks"]
fn real_proxies_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let (_proxies, list) = three(folder.path(), "socks5");
    let server = Server::fan(30);
    let job = patient(&server.url("/"), &format!("{{ list: {list} }}"));
    job.finish(&[]);
    job.pages().all_done(&server.url(""), 31);
    let peers = server.peers();
    let want = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| ip.parse::<IpAddr>().unwrap());
    assert_eq!(peers.keys().copied().collect::<Vec<_>>(), want);
    let (least, most) = (peers.values().min().unwrap(), peers.values().max().unwrap());
    assert!(most - least <= 2, "{peers:?}");
}

#[test]
#[ignore = "needs tinyproxy and microsocks"]
fn real_proxies_keep_a_site_or_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let (_proxies, list) = three(folder.path(), "socks5");
    let server = Server::fan(30);
    let site = patient(
        &server.url("/"),
        &format!("{{ list: {list}, rotate: site }}"),
    );
    site.finish(&[]);
    assert_eq!(server.peers().len(), 1);

    let server = Server::fan(30);
    let rule = format!("{{ list: {list}, rotate: session, session: {{ pages: 5 }} }}");
    let session = patient(&server.url("/"), &rule);
    session.finish(&["--concurrency", "1"]);
    session.pages().all_done(&server.url(""), 31);
    let log: Vec<_> = server.log().iter().map(|hit| hit.peer.unwrap()).collect();
    let runs: Vec<_> = log.chunk_by(|one, next| one == next).collect();
    assert!(runs.iter().all(|run| run.len() <= 5), "{log:?}");
    // Seven, and one more for each request that was dropped.
    assert!((7..=9).contains(&runs.len()), "{log:?}");
    assert_eq!(server.peers().len(), 3);
}

#[test]
#[ignore = "needs tinyproxy and microsocks"]
fn real_proxies_that_refuse_or_die_are_told_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (proxies, list) = three(folder.path(), "socks5");
    let server = Server::fan(10);
    // Wrong passwords: of all.
    let wrong = list.replace("us3r:pw", "us3r:wrong");
    let refused = job(&server.url("/"), &format!("{{ list: {wrong} }}"));
    for n in 0..3 {
        let output = refused.crawldeck(&["check", "sites.yaml", "--url", &server.url("/1")]);
        let told = output.stdout + &output.stderr;
        assert!(!told.contains("status 200"), "{n}: {told}");
        assert!(!told.contains("wrong@"), "{told}");
    }
    assert!(server.log().is_empty());
    // One dies: the others go on.
    let [one, two, three] = proxies;
    drop(one);
    let job = patient(&server.url("/"), &format!("{{ list: {list} }}"));
    job.finish(&[]);
    job.pages().all_done(&server.url(""), 11);
    assert_eq!(server.peers().len(), 2);
    drop((two, three));
}

/// A site over TLS for 127.0.0.1 that tells each client its address, and the
/// file of its certificate.
fn secure(folder: &Path) -> (u16, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let path = folder.join("site.pem");
    let der = base64::engine::general_purpose::STANDARD.encode(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    std::fs::write(&path, pem).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = config.clone();
            std::thread::spawn(move || {
                let peer = stream.peer_addr().unwrap().ip();
                let session = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::StreamOwned::new(session, stream);
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let body = format!("<title>{peer}</title>");
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    (port, path)
}

#[test]
#[ignore = "needs tinyproxy and microsocks"]
fn real_proxies_tunnel_secure_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (proxies, _) = three(folder.path(), "socks5");
    let (port, pem) = secure(folder.path());
    for (proxy, scheme, peer) in [
        (&proxies[0], "http", "127.0.0.2"),
        (&proxies[2], "socks5", "127.0.0.4"),
        (&proxies[2], "socks5h", "127.0.0.4"),
    ] {
        let start = format!("https://127.0.0.1:{port}/");
        let text = format!(
            "site: site\nstart: {start}\nextract:\n  - record: r\n    fields: {{ title: title }}\n\
             fetch:\n  via: proxy\n  proxy: {{ list: '{scheme}://us3r:pw@127.0.0.1:{}' }}\n",
            proxy.port
        );
        let job = Job::new(&text);
        let mut command = job.command(&["run", "sites.yaml", "--headless"]);
        command.env("SSL_CERT_FILE", &pem);
        Running::spawn(command).wait().expect(0);
        let records = job.records();
        assert_eq!(records.len(), 1, "{scheme}");
        assert_eq!(records[0]["fields"]["title"], peer, "{scheme}");
    }
}
