//! The browser by way of proxies.

mod common;

use common::crawl::{Job, Running};
use common::proxy::{Proxy, three};
use common::server::{Answer, Server};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::{IpAddr, TcpListener};

/// A page that only its script makes one, which wants something more of its site.
fn scripted(n: usize) -> Answer {
    let script = format!(
        "fetch('/data/{n}').then(answer => answer.text()).then(text => {{ \
         document.body.innerHTML = '<h1>' + text + '</h1>' }})"
    );
    Answer::html(&format!("<title>t</title><body><script>{script}</script>"))
}

fn site(pages: usize) -> Server {
    let server = Server::start();
    for n in 0..pages {
        server.on(&format!("/{n}"), scripted(n));
        server.on(&format!("/data/{n}"), Answer::text("made"));
    }
    server
}

fn job(server: &Server, pages: usize, via: &str, proxy: &str) -> Job {
    let start: Vec<String> = (0..pages).map(|n| server.url(&format!("/{n}"))).collect();
    Job::new(&format!(
        "site: site\nstart: [{}]\ndiscover: {{ sitemap: off, links: off }}\nextract: [{{ record: \
         r, fields: {{ title: h1 }} }}]\nfetch:\n  via: {via}\n  robots: ignore\n  browser: {{ \
         proxy: on, wait: {{ selector: h1 }} }}\n  proxy: {proxy}\n",
        start.join(", ")
    ))
}

/// Crawls, with the browser's folders in the job's own.
fn start(job: &Job, args: &[&str]) -> Running {
    let mut all = vec!["run", "sites.yaml", "--headless"];
    all.extend(args);
    let mut command = job.command(&all);
    command.env("TMPDIR", job.folder());
    Running::spawn(command)
}

fn titles(job: &Job) -> Vec<Value> {
    let records = job.records();
    records
        .iter()
        .map(|r| r["fields"]["title"].clone())
        .collect()
}

#[test]
fn without_proxies_it_is_refused_before_anything_is_asked() {
    let server = site(1);
    let text = format!(
        "site: a\nstart: {}\nfetch:\n  via: browser\n  browser: {{ proxy: on }}\n",
        server.url("/0")
    );
    let output = Job::raw(&text).run(&[]);
    output.expect(2);
    let told = "fetch.browser.proxy is on, which needs fetch.proxy with the proxies to go by: list, \
                file, from or gateway";
    assert!(output.stderr.contains(told), "{output:?}");
    assert!(server.log().is_empty());
}

#[test]
#[ignore = "needs Chromium, tinyproxy and microsocks"]
fn pages_and_what_they_fetch_come_by_the_exits_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (_proxies, list) = three(folder.path(), "socks5h");
    let server = site(9);
    let job = job(&server, 9, "browser", &format!("{{ list: {list} }}"));
    start(&job, &[]).wait().expect(0);
    assert_eq!(titles(&job), vec![Value::from("made"); 9]);
    let seen = server.peers();
    let want = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| ip.parse::<IpAddr>().unwrap());
    assert_eq!(
        seen.keys().copied().collect::<Vec<_>>(),
        want,
        "none went directly"
    );
    // A page's data comes by the exit by which the page came.
    for n in 0..9 {
        let of = |path: &str| server.hits(path)[0].peer.unwrap();
        assert_eq!(of(&format!("/{n}")), of(&format!("/data/{n}")), "{n}");
    }
}

#[test]
#[ignore = "needs Chromium, tinyproxy and microsocks"]
fn a_session_keeps_its_exit_its_cookies_and_its_user_agent() {
    let folder = tempfile::tempdir().unwrap();
    let (_proxies, list) = three(folder.path(), "socks5h");
    let server = site(9);
    for n in 0..9 {
        let page = scripted(n).header("set-cookie", format!("p{n}=1"));
        server.on(&format!("/{n}"), page);
    }
    let rule = format!(
        "{{ list: {list}, rotate: session, session: {{ pages: 3 }}, user_agents: [one/1, two/2] }}"
    );
    let job = job(&server, 9, "browser", &rule);
    start(&job, &["--concurrency", "1"]).wait().expect(0);
    assert_eq!(titles(&job).len(), 9);
    let pages: Vec<_> = server
        .log()
        .into_iter()
        .filter(|hit| !hit.target.starts_with("/data"))
        .collect();
    let mut agents = BTreeSet::new();
    for three in pages.chunks(3) {
        for (n, hit) in three.iter().enumerate() {
            assert_eq!(hit.peer, three[0].peer, "{hit:?}");
            assert_eq!(hit.header("user-agent"), three[0].header("user-agent"));
            assert_eq!(hit.header("cookie").matches("=1").count(), n, "{hit:?}");
        }
        agents.insert(three[0].header("user-agent").to_owned());
    }
    assert_eq!(agents, ["one/1", "two/2"].map(str::to_owned).into());
    assert_eq!(server.peers().len(), 3);
}

#[test]
#[ignore = "needs Chromium"]
fn exits_that_fail_are_left_out_and_every_page_comes() {
    let server = site(6);
    let (good, refusing) = (
        Proxy::start("good", "pw"),
        Proxy::start("refusing", "another"),
    );
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = dead.local_addr().unwrap();
    drop(dead);
    let list = format!(
        "{{ list: ['http://{gone}', 'http://us3r:pw@{}', 'http://us3r:pw@{}'] }}",
        refusing.host(),
        good.host()
    );
    let job = job(&server, 6, "browser", &list);
    let output = start(&job, &["--json"]).wait();
    output.expect(0);
    assert_eq!(titles(&job), vec![Value::from("made"); 6]);
    assert!(good.requests() > 0 && refusing.requests() == 0);
    let timeline = job.export("pages", "jsonl") + &job.log() + &output.stdout;
    assert!(
        !timeline.contains("us3r") && !timeline.contains("pw@"),
        "{timeline}"
    );
}

#[test]
#[ignore = "needs Chromium"]
fn where_no_exit_works_nothing_goes_directly_and_the_run_ends() {
    let server = site(3);
    let refusing = Proxy::start("refusing", "another");
    let list = format!("{{ list: ['http://us3r:pw@{}'] }}", refusing.host());
    let job = job(&server, 3, "browser", &list);
    let output = start(&job, &[]).wait();
    output.expect(3);
    assert!(server.log().is_empty(), "{:?}", server.log());
    let why = job.site_status("site")["why"].as_str().unwrap().to_owned();
    assert!(why.contains("browser: the only proxy refused us"), "{why}");
    assert!(
        why.contains("answered 407") && why.contains("stay queued"),
        "{why}"
    );
    assert!(!why.contains("us3r"), "{why}");
}
