//! Headless runs whose pages wait for a rung that is down: they end, say why,
//! and the pages are there for the next run.

mod common;

use common::crawl::{Job, Running};
use common::proxy::Proxy;
use common::server::{Answer, Server};

fn challenge() -> Answer {
    Answer::html("<title>Just a moment...</title>")
        .with_status(403)
        .header("cf-mitigated", "challenge")
}

/// A site of which some pages are walled.
fn walled() -> Server {
    let site = Server::start();
    site.page("/", &["/a", "/b", "/w1", "/w2", "/w3"]);
    site.page("/a", &[]);
    site.page("/b", &[]);
    for path in ["/w1", "/w2", "/w3"] {
        site.on(path, challenge());
    }
    site
}

/// The run ended for this, with what plain HTTP could get.
#[track_caller]
fn assert_stood_still(job: &Job, site: &Server, why: &str) {
    let status = job.site_status("site");
    assert_eq!(status["state"], "failed", "{status:#}");
    let told = status["why"].as_str().unwrap();
    assert!(
        told.contains(why) && told.ends_with("; its pages stay queued"),
        "{told}"
    );
    let pages = job.pages();
    assert_eq!(pages.done(&site.url("/")), ["/", "/a", "/b"]);
    for path in ["/w1", "/w2", "/w3"] {
        assert!(pages.end(&site.url(path)).starts_with("queued"), "{path}");
    }
}

fn service(site: &Server, vendor: &Server) -> Job {
    let url = vendor.url("/v1?url={url}");
    let rules = format!("fetch:\n  via: [http, service]\n  service: {{ url: '{url}' }}");
    Job::site(&site.url("/"), &rules)
}

#[test]
fn a_service_without_credit_ends_the_run_and_the_next_one_goes_on() {
    let (site, vendor) = (walled(), Server::start());
    let asked = |path: &str| format!("/v1?url={}", crawldeck::page::quoted(&site.url(path)));
    for path in ["/w1", "/w2", "/w3"] {
        vendor.on(&asked(path), Answer::text("no credit").with_status(402));
    }
    let job = service(&site, &vendor);
    let output = job.run(&[]);
    output.expect(3);
    assert!(
        output.stderr.contains("site: service: "),
        "{}",
        output.stderr
    );
    assert_stood_still(&job, &site, "is out of credit");
    // The operator has paid.
    for path in ["/w1", "/w2", "/w3"] {
        vendor.on(&asked(path), Answer::html("<h1>had</h1>"));
    }
    job.finish(&[]);
    assert_eq!(job.pages().done(&site.url("/")).len(), 6);
    assert_eq!(job.site_status("site")["state"], "finished");
}

#[test]
fn a_missing_browser_ends_the_run() {
    let site = walled();
    let job = Job::site(&site.url("/"), "fetch: { via: [http, browser] }");
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("CRAWLDECK_CHROME", "/no/such/chrome");
    Running::spawn(command).wait().expect(3);
    assert_stood_still(
        &job,
        &site,
        "browser: CRAWLDECK_CHROME names /no/such/chrome",
    );
}

#[test]
fn exits_that_all_refuse_us_end_the_run() {
    let (site, proxy) = (walled(), Proxy::start("refusing", "another"));
    let rules = format!(
        "fetch:\n  via: [http, proxy]\n  proxy: {{ list: ['http://us3r:pw@{}'] }}",
        proxy.host()
    );
    let job = Job::site(&site.url("/"), &rules);
    let output = job.run(&[]);
    output.expect(3);
    assert_stood_still(&job, &site, "proxy: the only proxy refused us");
    assert!(!format!("{output:?}{}", job.log()).contains("us3r"));
}

#[test]
fn a_site_beside_one_whose_rung_is_down_goes_on_and_each_is_told_once() {
    let (walled, open) = (walled(), Server::start());
    open.page("/", &["/1", "/2"]);
    open.page("/1", &[]);
    open.page("/2", &[]);
    let ladder = "fetch: { via: [http, browser], robots: ignore }\n";
    let job = Job::new(&format!(
        "site: site\nstart: {}\n{ladder}---\nsite: other\nstart: {}\n{ladder}",
        walled.url("/"),
        open.url("/")
    ));
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command.env("CRAWLDECK_CHROME", "/no/such/chrome");
    Running::spawn(command).wait().expect(3);
    assert_stood_still(&job, &walled, "CRAWLDECK_CHROME names /no/such/chrome");
    assert_eq!(job.site_status("other")["state"], "finished");
    assert_eq!(job.pages().done(&open.url("/")), ["/", "/1", "/2"]);
    let log = job.log();
    assert_eq!(log.matches("browser is paused").count(), 1, "{log}");
}
