//! What an operator sees of the exits while a crawl goes by proxies.

mod common;

use common::crawl::{Job, Running};
use common::proxy::Proxy;
use common::pty::{Pty, key};
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::time::Instant;

/// Pages of which the later ones wait at a gate, and the proxies by which they
/// are crawled: a good one, one that refuses us, one that is challenged.
struct Crawl {
    server: Server,
    gate: Gate,
    proxies: [Proxy; 3],
}

impl Crawl {
    fn new() -> Self {
        let (server, gate) = (Server::start(), Gate::default());
        for n in 0..12 {
            let page = Answer::html("<p>page");
            let page = if n < 6 { page } else { page.behind(&gate) };
            server.on(&format!("/{n}"), page);
        }
        let proxies = [
            Proxy::start("good", "pw"),
            Proxy::start("refusing", "another"),
            Proxy::challenged("bad", "pw"),
        ];
        Self {
            server,
            gate,
            proxies,
        }
    }

    fn text(&self) -> String {
        let list: Vec<String> = self
            .proxies
            .iter()
            .map(|proxy| format!("'http://us3r:pw@{}'", proxy.host()))
            .collect();
        let start: Vec<String> = (0..12).map(|n| self.server.url(&format!("/{n}"))).collect();
        format!(
            "site: site\nstart: [{}]\ndiscover: {{ sitemap: off, links: off }}\nfetch:\n  via: \
             proxy\n  robots: ignore\n  proxy: {{ list: [{}] }}\n",
            start.join(", "),
            list.join(", ")
        )
    }
}

/// The exits of the site's first rung, once each has been used.
fn wait_for_exits(job: &Job, running: &mut Running) -> Value {
    let end = Instant::now() + common::DEADLINE;
    loop {
        let exits = job.site_status("site")["rungs"][0]["exits"].clone();
        let list = exits["list"].as_array().cloned().unwrap_or_default();
        if list.len() == 3 && list.iter().all(|exit| exit["requests"] != 0) {
            return exits;
        }
        assert!(!running.is_over(), "it has ended: {exits:#}");
        assert!(Instant::now() < end, "{exits:#}");
    }
}

#[test]
fn status_and_metrics_list_the_exits_with_figures() {
    let crawl = Crawl::new();
    let job = Job::new(&crawl.text());
    let mut running = job.start(&["--metrics", "0"]);
    crawl.server.wait("a page", |server| server.pages_hit() > 0);
    let exits = wait_for_exits(&job, &mut running);
    assert_eq!(
        (&exits["all"], &exits["refused"]),
        (&3.into(), &1.into()),
        "{exits:#}"
    );
    assert!(exits["remark"].is_null(), "{exits:#}");
    let exit = |proxy: &Proxy| {
        let list = exits["list"].as_array().unwrap();
        let found = list.iter().find(|exit| exit["exit"] == proxy.host());
        found.unwrap_or_else(|| panic!("{exits:#}")).clone()
    };
    let [good, refusing, bad] = [0, 1, 2].map(|n| exit(&crawl.proxies[n]));
    assert!(
        good["requests"].as_u64() > Some(0) && good["success"] == 100.0,
        "{good}"
    );
    assert!(
        good["p50_ms"].as_f64() > Some(0.0) && good["sessions"] == 1,
        "{good}"
    );
    assert_eq!(
        (&good["state"], &good["why"]),
        (&"well".into(), &Value::Null)
    );
    assert_eq!(
        (&refusing["state"], &refusing["success"]),
        (&"refused".into(), &0.0.into())
    );
    assert!(refusing["rest_ms"].as_u64() > Some(0), "{refusing}");
    assert!(
        refusing["why"].as_str().unwrap().contains("answered 407"),
        "{refusing}"
    );
    assert!(
        bad["blocked"].as_u64() > Some(0) && bad["failed"] == 0,
        "{bad}"
    );
    assert!(!exits.to_string().contains("us3r"), "{exits:#}");
    let metrics = job.metrics();
    let of = |proxy: &Proxy| {
        format!(
            "{{site=\"site\",rung=\"proxy\",exit=\"{}\"}} ",
            proxy.host()
        )
    };
    for line in [
        "crawldeck_exits{site=\"site\",rung=\"proxy\",state=\"refused\"} 1\n".to_owned(),
        format!("crawldeck_exit_failures_total{}", of(&crawl.proxies[1])),
        format!("crawldeck_exit_requests_total{}", of(&crawl.proxies[0])),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    crawl.gate.open();
    running.wait().expect(0);
    assert!(
        job.site_status("site")["rungs"][0]["exits"].is_null(),
        "it is over"
    );
}

#[test]
fn the_deck_lists_the_exits_of_a_rung() {
    let crawl = Crawl::new();
    let job = Job::new(&crawl.text());
    let mut deck = Pty::spawn(&["run", "sites.yaml"], job.folder(), (24, 80), &[]);
    deck.keys("0");
    // However many are in use just now.
    deck.wait_text("/3 ");
    deck.keys(key::ENTER);
    deck.wait_text("exits of site proxy");
    deck.wait_text("refused");
    for proxy in &crawl.proxies {
        deck.wait_text(&proxy.host());
    }
    deck.wait_text("of 3 in use");
    // What is wrong with the one that is sorted first by failures.
    deck.keys("ssssss");
    deck.wait_text("sorted by FAILED");
    deck.keys("g");
    deck.wait_text("answered 407: it wants other credentials");
    crawl.gate.open();
    deck.keys("7");
    deck.wait_text("site: finished");
    deck.keys("q");
    deck.wait();
    let painted = String::from_utf8_lossy(&deck.raw()).into_owned();
    assert!(!painted.contains("us3r"), "a login was painted");
}
