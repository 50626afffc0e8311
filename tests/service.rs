//! A scraping service as a rung: pages that plain HTTP is refused are got by it.

mod common;

use common::crawl::{Job, Output, Running, Signal};
use common::server::{Answer, Server};
use std::path::Path;

/// Has letters that a URL would quote.
const KEY: &str = "k3y/s3cret+of=ours";

fn challenge() -> Answer {
    Answer::html("<title>Just a moment...</title>")
        .with_status(403)
        .header("cf-mitigated", "challenge")
}

/// What a vendor is asked for a page of `site`.
fn asked(site: &Server, path: &str) -> String {
    let quoted = site.url(path).replace(':', "%3A").replace('/', "%2F");
    format!("/v1/?url={quoted}&render=true")
}

fn job(site: &Server, vendor: &Server, more: &str) -> Job {
    let api = vendor.url("/v1/?url={url}&render=true");
    Job::site(
        &site.url("/"),
        &format!(
            "fetch:\n  via: [http, service]\n  service:\n    url: '{api}'\n    headers: {{ X-Key: \
             '${{SERVICE_KEY}}' }}\n    result: {{ cost: x-cost }}\n{more}"
        ),
    )
}

fn start(job: &Job) -> Running {
    let mut command = job.command(&["run", "sites.yaml", "--headless"]);
    command
        .env("SERVICE_KEY", KEY)
        .env("CRAWLDECK_LOG", "debug");
    Running::spawn(command)
}

/// No file of the job, nothing printed and nothing exported holds the key.
fn assert_kept_secret(job: &Job, output: &Output) {
    fn search(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                search(&path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                for secret in [KEY, "k3y%2Fs3cret"] {
                    let found = bytes
                        .windows(secret.len())
                        .any(|part| part == secret.as_bytes());
                    assert!(!found, "{secret} in {}", path.display());
                }
            }
        }
    }
    search(&job.dir());
    let mut told = format!("{}{}", output.stdout, output.stderr);
    for what in ["pages", "failures", "journal"] {
        told.push_str(&job.export(what, "jsonl"));
    }
    told.push_str(&job.status().to_string());
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn pages_that_plain_http_is_refused_are_got_by_it_and_paid_for() {
    let (site, vendor) = (Server::start(), Server::start());
    site.page("/", &["/plain", "/walled", "/soft"]);
    site.page("/plain", &[]);
    site.on("/walled", challenge());
    site.on(
        "/soft",
        Answer::html("<title>t</title><p>Please slow down a little"),
    );
    let page = |body: &str, cost: &str| {
        Answer::html(body)
            .header("x-cost", cost)
            .header("set-cookie", "vendor=1")
            .header("x-vendor", KEY)
    };
    vendor.on(
        &asked(&site, "/walled"),
        page("<a href=/deep/er>on</a>", "0.0125"),
    );
    vendor.on(&asked(&site, "/soft"), page("<h1>Soft</h1>", "0.000001"));
    // Of another family: that of the walled pages may be known by now to need the service.
    site.page("/deep/er", &[]);

    let rules = "  blocks: [{ body: 'slow down', means: blocked }]\n";
    let job = job(&site, &vendor, rules);
    let output = start(&job).wait();
    output.expect(0);
    let pages = job.pages();
    assert_eq!(
        pages.done(&site.url("/")),
        ["/", "/deep/er", "/plain", "/soft", "/walled"]
    );
    assert_eq!(vendor.pages_hit(), 2, "{:?}", vendor.log());
    assert_eq!(vendor.log()[0].header("x-key"), KEY);
    let site_of = job.site_status("site");
    let rungs = site_of["rungs"].as_array().unwrap();
    let service = rungs.iter().find(|rung| rung["rung"] == "service").unwrap();
    assert_eq!(service["spent"]["requests"], 2, "{service}");
    assert_eq!(
        service["spent"]["money"].as_f64(),
        Some(0.012501),
        "{service}"
    );
    assert_kept_secret(&job, &output);
    for hit in site.log() {
        assert!(
            !hit.header("cookie").contains("vendor"),
            "the vendor's cookie"
        );
    }
}

#[test]
fn what_a_failed_answer_costs_is_counted_where_it_is_told() {
    let (site, vendor) = (Server::start(), Server::start());
    site.page("/", &["/dear", "/free"]);
    for (path, cost) in [("/dear", Some("0.25")), ("/free", None)] {
        site.on(path, challenge());
        let failed = Answer::text("the target does not answer").with_status(500);
        let failed = cost.map_or(failed.clone(), |cost| failed.header("x-cost", cost));
        vendor.on(&asked(&site, path), failed);
    }
    let job = job(&site, &vendor, "    cost: 0.01\n");
    start(&job).wait().expect(0);
    let site_of = job.site_status("site");
    let rungs = site_of["rungs"].as_array().unwrap();
    let service = rungs.iter().find(|rung| rung["rung"] == "service").unwrap();
    // Of the free one nothing is told, and what pages cost is no failure's price.
    assert_eq!(service["spent"]["requests"], 2, "{service}");
    assert_eq!(service["spent"]["money"].as_f64(), Some(0.25), "{service}");
    for path in ["/dear", "/free"] {
        assert!(
            job.pages().end(&site.url(path)).starts_with("failed"),
            "{path}"
        );
    }
}

#[test]
fn a_service_out_of_credit_is_said_once_and_the_other_pages_go_on() {
    let (site, vendor) = (Server::start(), Server::start());
    site.page("/", &["/1", "/2", "/walled", "/walled2"]);
    site.page("/1", &[]);
    site.page("/2", &[]);
    for path in ["/walled", "/walled2"] {
        site.on(path, challenge());
        let broke = Answer::text(&format!("no credit left for {KEY}")).with_status(402);
        vendor.on(&asked(&site, path), broke);
    }
    let job = job(&site, &vendor, "");
    let running = start(&job);
    vendor.wait("the service to be asked", |vendor| vendor.pages_hit() > 0);
    for path in ["/1", "/2"] {
        site.wait("the other pages", |site| site.count(path) == 1);
    }
    site.wait("it to be told", |_| job.log().contains("is out of credit"));
    running.signal(Signal::INT);
    let output = running.wait();
    let told = job.log().matches("service is paused: the service").count();
    assert_eq!(told, 1, "{}", job.log());
    let pages = job.pages();
    for path in ["/1", "/2"] {
        assert_eq!(pages.end(&site.url(path)), "done");
    }
    for path in ["/walled", "/walled2"] {
        let end = pages.end(&site.url(path));
        assert!(end.starts_with("queued"), "it waits for the rung: {end}");
    }
    assert_kept_secret(&job, &output);
}

#[test]
fn a_template_that_is_wrong_is_refused_before_anything_is_asked() {
    let site = Server::fan(1);
    let job = Job::raw(&format!(
        "site: a\nstart: {}\nfetch:\n  via: [http, service]\n  service:\n    url: \
         https://api.example/v1?key=${{SERVICE_KEY}}\n",
        site.url("/")
    ));
    let output = start(&job).wait();
    output.expect(2);
    let told = "sites.yaml:6:5: fetch.service: it is never told which page: {url} stands neither in \
                url nor in body; write url: https://…?url={url}";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    assert!(!output.stderr.contains("s3cret"));
    assert_eq!(site.pages_hit(), 0);
}
