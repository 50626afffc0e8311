//! `status --json` tells of every rung what it did, while the crawl runs and
//! when it is over.

mod common;

use common::crawl::Job;
use common::server::{Answer, Gate, Server};
use serde_json::Value;
use std::time::Instant;

const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";

fn rung(job: &Job, name: &str) -> Option<Value> {
    let status = job.site_status("site");
    let mut rungs = status["rungs"].as_array()?.iter();
    rungs.find(|rung| rung["rung"] == name).cloned()
}

#[test]
fn figures_of_each_rung_stand_during_and_after_a_run() {
    let (site, api) = (Server::start(), Server::start());
    let gate = Gate::default();
    let mut paths = vec!["/plain".to_owned()];
    site.on("/plain", Answer::html("<h1>plain</h1>"));
    for n in 0..3 {
        let path = format!("/guard/{n}");
        site.on(&path, Answer::html(CHALLENGE).with_status(403));
        let asked = format!("/v1?url={}", crawldeck::page::quoted(&site.url(&path)));
        let had = Answer::html("<h1>had</h1>").header("x-cost", "0.5");
        let had = if n == 2 { had.behind(&gate) } else { had };
        api.on(&asked, had);
        paths.push(path);
    }
    site.on("/", Answer::links(&paths));
    let url = api.url("/v1?url={url}");
    let job = Job::site(
        &site.url("/"),
        &format!(
            "fetch:\n  via: [http, service]\n  robots: ignore\n  concurrency: 1\n  service: {{ \
             url: '{url}', concurrency: 2, result: {{ cost: x-cost }} }}"
        ),
    );
    let running = job.start(&[]);
    api.wait("a page at the API", |api| api.open() == 1);
    let end = Instant::now() + common::DEADLINE;
    let two = |rung: &Value| rung["pages"] == 2 && rung["in_flight"] == 1;
    while !rung(&job, "service").is_some_and(|service| two(&service)) {
        assert!(Instant::now() < end, "{:#}", job.status());
    }
    let live = rung(&job, "service").unwrap();
    assert!(live["p50_ms"].as_f64() > Some(0.0), "{live:#}");
    gate.open();
    running.wait().expect(0);

    let http = rung(&job, "http").unwrap();
    assert_eq!(
        (&http["pages"], &http["attempts"]),
        (&2.into(), &5.into()),
        "{http:#}"
    );
    assert_eq!(
        (&http["success"], &http["went_on"]),
        (&40.0.into(), &3.into())
    );
    assert_eq!(http["blocks"]["Cloudflare challenge"], 3);
    assert_eq!(http["failures"]["blocked"], 3);
    let service = rung(&job, "service").unwrap();
    assert_eq!(
        (&service["pages"], &service["success"]),
        (&3.into(), &100.0.into())
    );
    assert_eq!(service["spent"]["money"], 1.5);
    assert_eq!(service["spent"]["requests"], 3);
    for key in ["p50_ms", "p95_ms"] {
        assert!(service[key].as_f64() > Some(0.0), "{service:#}");
    }
    // A key that is there while it runs is there afterwards too, but for those
    // of the moment.
    for key in live.as_object().unwrap().keys() {
        let of_now = ["in_flight", "exits"].contains(&key.as_str());
        assert!(of_now || service.get(key).is_some(), "{key}: {service:#}");
    }
}

#[test]
fn a_site_of_plain_http_has_its_row_too() {
    let site = Server::fan(4);
    let job = Job::site(&site.url("/"), "fetch: { robots: ignore }");
    job.finish(&[]);
    let http = rung(&job, "http").unwrap();
    assert_eq!(
        (&http["pages"], &http["state"]),
        (&5.into(), &"open".into()),
        "{http:#}"
    );
    assert_eq!(http["concurrency"], 4);
}
