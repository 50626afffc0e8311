//! Solvers that keep to the protocol, and others.

mod container;
mod cookies;
mod exits;
mod forms;
mod left;

use self::container::{Container, Solves};
use super::{Endpoint, Solver};
use crate::config::{Overrides, Site, parse};
use crate::fetch::tests::support::{Server, TestNames, answer, whole_request};
use crate::fetch::{FetchError, Fetched, Fetcher, Http, Proxy, Trouble, Visitor, Want};
use crate::page::FailureKind;
use reqwest::header::{COOKIE, USER_AGENT};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use url::Url;

const PAGE: &str = "<html><head></head><body><h1>Größe</h1></body></html>";

fn solved(url: &str) -> Solves {
    Solves::With(json!({
        "url": url, "status": 200, "headers": {}, "response": PAGE,
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120",
        "cookies": [
            {"name": "cf_clearance", "value": "w0n", "domain": ".site.test", "path": "/",
             "expiry": 4_000_000_000u64, "httpOnly": true, "secure": false, "sameSite": "None"},
            {"name": "other", "value": "x", "domain": ".elsewhere.test", "path": "/"},
        ],
    }))
}

fn site(endpoints: &[String], more: &str) -> Site {
    site_with(endpoints, more, "")
}

/// With another line in `fetch`.
fn site_with(endpoints: &[String], more: &str, line: &str) -> Site {
    let text = format!(
        "site: a\nstart: http://site.test/\nfetch:\n  allow_private: on\n  max_body: 100KB\n  \
         via: [http, solver]\n  solver: {{ endpoints: [{}] {more} }}\n{line}",
        endpoints.join(", ")
    );
    let job = parse(&text, "s.yaml", &|_| None, &Overrides::default()).unwrap();
    Site::clone(&job.sites[0])
}

struct Rig {
    solver: Solver,
    http: Arc<Http>,
    visitor: Visitor,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Rig {
    fn new(site: &Site) -> Self {
        let http = Arc::new(Http::for_tests(Arc::new(TestNames), Vec::new()));
        let options = site.fetch.rungs.solver.as_ref().unwrap();
        let proxies = site.fetch.rungs.proxy.as_ref();
        let proxies = proxies.map(|proxy| Proxy::new(proxy.rule.clone(), http.clone()));
        let made = Mutex::new(Vec::new());
        let solver = Solver::new(http.clone(), options, proxies.map(Arc::new), |url: &Url| {
            let endpoint = Arc::new(Endpoint::new(url.clone()));
            made.lock().unwrap().push(endpoint.clone());
            endpoint
        });
        Self {
            solver,
            http,
            visitor: Visitor::new(site),
            endpoints: made.into_inner().unwrap(),
        }
    }

    async fn get(&self) -> Result<Fetched, FetchError> {
        self.fetch("http://site.test/a?b").await
    }

    async fn fetch(&self, page: &str) -> Result<Fetched, FetchError> {
        let page = Url::parse(page).unwrap();
        self.solver.fetch(&self.visitor, &page, Want::Page).await
    }
}

#[tokio::test]
async fn a_page_its_address_and_what_was_won() {
    let container = Container::new(solved("http://site.test/landed")).await;
    let rig = Rig::new(&site(&[container.address()], ", timeout: 100s"));
    let page = rig.get().await.unwrap();
    assert_eq!((page.status, &page.body[..]), (200, PAGE.as_bytes()));
    assert_eq!(page.landed.unwrap().as_str(), "http://site.test/landed");
    assert_eq!(page.through.as_deref(), Some(&*container.address()));
    assert_eq!(page.headers.len(), 1, "its media type alone");
    let sent = container.command("request.get");
    assert_eq!(sent["url"], "http://site.test/a?b");
    let limit = sent["maxTimeout"].as_u64().unwrap();
    assert!((25_000..=95_000).contains(&limit), "{limit}");
    assert_eq!(sent["disableMedia"], true);
    assert_eq!(
        sent["session"],
        container.command("sessions.create")["session"]
    );

    // Plain HTTP goes on with it, at this host alone.
    let url = |text: &str| Url::parse(text).unwrap();
    let request = rig
        .visitor
        .request(&url("http://site.test/next"), Want::Page);
    assert_eq!(request.headers()[COOKIE], "cf_clearance=w0n");
    assert!(
        request.headers()[USER_AGENT]
            .to_str()
            .unwrap()
            .contains("Chrome/120")
    );
    let other = rig.visitor.request(&url("http://other.test/"), Want::Page);
    assert!(!other.headers().contains_key(COOKIE));
    assert!(
        other.headers()[USER_AGENT]
            .to_str()
            .unwrap()
            .starts_with("crawldeck/")
    );
    assert!(rig.visitor.is_cleared(&url("http://site.test/")));

    // Blocked all the same: nothing of it is left.
    assert!(rig.visitor.lapse(&url("http://site.test/next")));
    assert!(!rig.visitor.lapse(&url("http://site.test/next")));
    let request = rig
        .visitor
        .request(&url("http://site.test/next"), Want::Page);
    assert!(!request.headers().contains_key(COOKIE));
    assert!(
        request.headers()[USER_AGENT]
            .to_str()
            .unwrap()
            .starts_with("crawldeck/")
    );

    // One session for all pages, and none in the end.
    rig.get().await.unwrap();
    rig.endpoints[0].close(&rig.http).await;
    assert_eq!(
        container.commands(),
        [
            "sessions.create",
            "request.get",
            "request.get",
            "sessions.destroy"
        ]
    );
}

#[tokio::test]
async fn what_was_won_at_a_proxys_address_is_not_handed_down() {
    let container = Container::new(solved("http://site.test/a")).await;
    let more = ", proxy: 'http://me:pass@p.test:3128'";
    let rig = Rig::new(&site(&[container.address()], more));
    rig.get().await.unwrap();
    assert!(
        !rig.visitor
            .is_cleared(&Url::parse("http://site.test/").unwrap())
    );
    assert_eq!(
        container.command("sessions.create")["proxy"],
        json!({"url": "http://p.test:3128", "username": "me", "password": "pass"})
    );
}

#[tokio::test]
async fn refusals_are_the_pages_failure() {
    for (solves, kind, words) in [
        (
            Solves::Not("Error: Error solving the challenge. Timeout after 60.0 seconds."),
            FailureKind::Timeout,
            "Timeout after 60.0 seconds",
        ),
        (
            Solves::Not(
                "Error: Error solving the challenge. Cloudflare has blocked this request. \
                 Probably your IP is banned for this site, check in your web browser.",
            ),
            FailureKind::Blocked,
            "has blocked this request",
        ),
        (
            solved("chrome-error://chromewebdata/"),
            FailureKind::Protocol,
            "could not open the page",
        ),
        (
            Solves::With(json!({"url": "http://site.test/", "response": "x".repeat(200_000)})),
            FailureKind::TooLarge,
            "more than 102400",
        ),
    ] {
        let container = Container::new(solves).await;
        let rig = Rig::new(&site(&[container.address()], ""));
        let error = rig.get().await.unwrap_err();
        assert_eq!((error.kind, &error.trouble), (kind, &None), "{error}");
        assert!(error.detail.contains(words), "{error}");
    }
}

#[tokio::test]
async fn whoever_is_no_solver_gives_way_to_one_that_is() {
    let html = answer(
        "200 OK",
        "Content-Type: text/html\r\n",
        b"<html>login</html>",
    );
    let json = answer("200 OK", "", b"{\"a\": 1}");
    for bytes in [html, json, answer("502 Bad", "", b"")] {
        let odd = Container::new(Solves::Raw(bytes)).await;
        let good = Container::new(solved("http://site.test/a")).await;
        let rig = Rig::new(&site(&[odd.address(), good.address()], ""));
        for _ in 0..3 {
            let page = rig.get().await.unwrap();
            assert_eq!(page.through.as_deref(), Some(&*good.address()));
        }
        assert!(odd.server.connections() <= 2, "left alone from then on");

        let alone = Rig::new(&site(&[odd.address()], ""));
        let error = alone.get().await.unwrap_err();
        let Some(Trouble::Down(text)) = error.trouble else {
            panic!("{error}");
        };
        assert!(text.contains(&odd.address()), "{text}");
        assert!(text.contains("docker run -d -p 8191:8191"), "{text}");
    }
}

#[tokio::test]
async fn a_solver_that_begins_to_answer_html_is_down() {
    // Healthy when it is asked, and broken behind it.
    let broken = Server::new(|mut stream, _| async move {
        while let Some((head, _)) = whole_request(&mut stream).await {
            let health = head.starts_with("GET ");
            let bytes = match health {
                true => answer("200 OK", "", b"{\"status\": \"ok\"}"),
                false => answer(
                    "500 Oops",
                    "Content-Type: text/html\r\n",
                    b"<h1>proxy error",
                ),
            };
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await;
    let rig = Rig::new(&site(&[format!("http://127.0.0.1:{}", broken.port)], ""));
    let error = rig.get().await.unwrap_err();
    let told = "answers with HTML (status 500), not with FlareSolverr's JSON";
    assert!(
        matches!(&error.trouble, Some(Trouble::Down(text)) if text.contains(told)),
        "{error}"
    );
}

#[tokio::test]
async fn load_is_shared_and_a_session_has_one_page_at_a_time() {
    let one = Container::new(solved("http://site.test/a")).await;
    let two = Container::new(solved("http://site.test/a")).await;
    let rig = Rig::new(&site(&[one.address(), two.address()], ""));
    let all = (0..8).map(|_| rig.get());
    for page in futures_util::future::join_all(all).await {
        page.unwrap();
    }
    for container in [&one, &two] {
        let commands = container.commands();
        assert_eq!(commands[0], "sessions.create");
        assert!(commands[1..].iter().all(|name| name == "request.get"));
        assert_eq!(commands.len(), 5, "four pages each: {commands:?}");
    }
}

#[tokio::test]
async fn a_page_that_is_given_up_costs_its_session_and_nothing_else() {
    let container = Container::new(Solves::Never).await;
    let rig = Rig::new(&site(&[container.address()], ""));
    // Dropped while the solver is at work; the next one gets a browser of its
    // own, and what was left is ended before.
    for round in 1..=2 {
        let working = async {
            while container
                .commands()
                .iter()
                .filter(|cmd| *cmd == "request.get")
                .count()
                < round
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = rig.get() => panic!("{answer:?}"),
            () = working => {}
        }
    }
    rig.endpoints[0].close(&rig.http).await;
    let one = ["sessions.create", "request.get", "sessions.destroy"];
    assert_eq!(container.commands(), [one, one].concat());
}

#[tokio::test]
async fn a_browser_that_is_gone_is_replaced() {
    let gone = "Error: Error solving the challenge. invalid session id";
    let container = Container::new(Solves::Not(gone)).await;
    let rig = Rig::new(&site(&[container.address()], ""));
    for _ in 0..2 {
        let error = rig.get().await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Reset, "{error}");
    }
    let commands = container.commands();
    assert_eq!(commands.len(), 6, "a new session each time: {commands:?}");
}

#[tokio::test]
async fn the_guard_stands_before_the_solver_and_behind_it() {
    for landed in ["http://10.0.0.7/admin", "http://mixed.test/"] {
        let container = Container::new(solved(landed)).await;
        let mut site = site(&[container.address()], "");
        site.fetch.allow_private = false;
        let rig = Rig::new(&site);
        // The second may be public for us and private for the solver.
        for page in ["http://site.test/", "http://mixed.test/"] {
            let error = rig.fetch(page).await.unwrap_err();
            assert_eq!(error.kind, FailureKind::Private, "{page}");
        }
        assert_eq!(container.server.connections(), 0);
        let public = "http://93.184.215.14/";
        let error = rig.fetch(public).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Private, "where it landed");
        assert!(!rig.visitor.is_cleared(&Url::parse(public).unwrap()));
    }
}
