//! One site that challenges by address, by cookie and by script, with 200, 403
//! and 503, and every rung at work on it: Debian's proxies, Chromium, and a
//! solver's protocol.

mod common;

use common::crawl::{Job, Running};
use common::proxy::three;
use common::server::{Answer, Hit, Server};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// Pages of each kind.
const EACH: usize = 3;

fn is_by_proxy(hit: &Hit) -> bool {
    hit.peer != Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

fn has_run_scripts(hit: &Hit) -> bool {
    hit.header("cookie").contains("answer=42")
}

fn is_cleared(hit: &Hit) -> bool {
    hit.header("cookie").contains("cf_clearance=w0n")
}

fn site() -> Server {
    let site = Server::start();
    let wait = "<title>Just a moment...</title><form id=challenge-form></form>";
    let script =
        "<script>document.cookie = 'answer=' + 6 * 7 + ';path=/'; location.reload()</script>";
    let mut paths = Vec::new();
    for n in 0..EACH {
        let page = Answer::html(&format!("<h1>page {n}</h1>"));
        let kinds = [
            ("plain", page.clone()),
            (
                "by-address",
                Answer::html(wait)
                    .with_status(503)
                    .letting_in(is_by_proxy, page.clone()),
            ),
            (
                "by-script",
                Answer::html(&format!("{wait}{script}")).letting_in(has_run_scripts, page.clone()),
            ),
            (
                "by-cookie",
                Answer::html(wait)
                    .with_status(403)
                    .header("cf-mitigated", "challenge")
                    .letting_in(is_cleared, page),
            ),
        ];
        for (kind, answer) in kinds {
            let path = format!("/{kind}/{n}");
            site.on(&path, answer);
            paths.push(path);
        }
    }
    let links: Vec<&str> = paths.iter().map(String::as_str).collect();
    site.page("/", &links);
    site
}

/// A container that wins the cookie at every guarded page.
fn solver(site: &Server) -> Server {
    let solver = Server::start();
    let answer = |body: Value| Answer::typed("application/json", body.to_string().as_bytes());
    let solved = |n: usize| {
        json!({
            "status": "ok", "message": "Challenge solved!",
            "solution": {
                "url": site.url(&format!("/by-cookie/{n}")), "status": 200, "headers": {},
                "response": format!("<html><body><h1>page {n}</h1></body></html>"),
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120",
                "cookies": [{"name": "cf_clearance", "value": "w0n", "domain": "127.0.0.1",
                             "path": "/", "expiry": 4_000_000_000u64, "secure": false}],
            },
        })
    };
    let said = |words: &str| json!({"status": "ok", "message": words, "session": "x"});
    solver.on("/health", answer(json!({"status": "ok"})));
    // A page that is on its way while the cookie is won is asked for too.
    let pages = answer(solved(0)).letting_in(
        |hit| !hit.body.contains("/by-cookie/0"),
        answer(solved(1)).letting_in(|hit| !hit.body.contains("/by-cookie/1"), answer(solved(2))),
    );
    let gone = answer(said("The session has been removed."));
    let none = json!({"status": "ok", "message": "", "sessions": []});
    let sessions = answer(none).letting_in(
        |hit| !hit.body.contains("sessions.list"),
        answer(said("Session created successfully.")).letting_in(
            |hit| !hit.body.contains("sessions.create"),
            gone.letting_in(|hit| hit.body.contains("request.get"), pages),
        ),
    );
    solver.on("/v1", sessions);
    solver
}

#[test]
#[ignore = "needs Chromium, tinyproxy and microsocks"]
fn every_page_is_had_by_the_lowest_rung_that_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_proxies, list) = three(folder.path(), "socks5h");
    let site = site();
    let solver = solver(&site);
    let job = Job::site(
        &site.url("/"),
        &format!(
            "extract: [{{ record: r, fields: {{ title: h1 }} }}]\nfetch:\n  via: [http, proxy, \
             browser, solver]\n  robots: ignore\n  concurrency: 1\n  proxy: {{ list: {list}, \
             concurrency: 1 }}\n  browser: {{ concurrency: 1 }}\n  solver: {{ endpoints: ['{}'] }}\n",
            solver.url("/v1")
        ),
    );
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("TMPDIR", job.folder());
    Running::spawn(command).wait().expect(0);

    let pages = job.pages();
    assert_eq!(pages.done(&site.url("/")).len(), 1 + 4 * EACH);
    let records = job.records();
    let own = |record: &&Value| {
        let title = record["fields"]["title"].as_str().unwrap_or_default();
        title.starts_with("page ")
    };
    let own = records.iter().filter(own).count();
    assert_eq!(own, 4 * EACH, "of every page its own words");
    let had = |name: &str| {
        let status = job.site_status("site");
        let rungs = status["rungs"].as_array().unwrap();
        let rung = rungs.iter().find(|rung| rung["rung"] == name).unwrap();
        rung["spent"]["requests"].as_u64().unwrap()
    };
    // No page that a lower rung can get has gone to a higher one: a challenge
    // by cookie passes the two between until one is won, then HTTP goes on.
    for n in 0..EACH {
        assert_eq!(site.count(&format!("/plain/{n}")), 1);
        let by_address = site.hits(&format!("/by-address/{n}"));
        assert!(by_address.last().is_some_and(is_by_proxy), "{by_address:?}");
        assert!(by_address.len() <= 2, "{by_address:?}");
        let by_cookie = site.hits(&format!("/by-cookie/{n}"));
        let page = format!("/by-cookie/{n}\"");
        let asked = solver.hits("/v1");
        let mut asked = asked.iter().filter(|hit| hit.body.contains(&page));
        let solved = asked.next().is_some();
        assert!(asked.next().is_none(), "asked for twice");
        assert_ne!(solved, by_cookie.iter().any(is_cleared), "{by_cookie:?}");
    }
    assert!(had("browser") >= EACH as u64 && had("proxy") >= EACH as u64);
}
