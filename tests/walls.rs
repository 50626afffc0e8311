//! Blocks that no single answer shows: walls that many addresses lead to, and
//! pages that are suddenly all the same.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};

/// A start page with links to these, and the job of one worker.
fn job(server: &Server, paths: &[String]) -> Job {
    server.on("/", Answer::links(paths));
    Job::site(&server.url("/"), "fetch: { concurrency: 1 }")
}

fn blocked(job: &Job, server: &Server) -> usize {
    let pages = job.pages();
    let ends = pages.ends(&server.url("/"));
    ends.iter()
        .filter(|(_, end)| end == "failed blocked")
        .count()
}

#[test]
fn addresses_that_all_lead_to_one_consent_page_are_blocked() {
    let server = Server::start();
    let paths: Vec<String> = (1..=8).map(|n| format!("/p/{n}")).collect();
    for path in &paths {
        server.on(path, Answer::redirect(&format!("/consent?next={path}")));
        server.page(&format!("/consent?next={path}"), &[]);
    }
    let job = job(&server, &paths);
    job.finish(&[]);
    // The first three could be chance, and so are asked for twice.
    assert_eq!(blocked(&job, &server), 8);
    let asked: usize = paths.iter().map(|path| server.count(path)).sum();
    assert_eq!(asked, 11);
}

#[test]
fn links_that_always_asked_for_a_login_are_ordinary() {
    let server = Server::start();
    let paths: Vec<String> = (1..=12).map(|n| format!("/cart/add?id={n}")).collect();
    for path in &paths {
        server.on(path, Answer::redirect("/login"));
    }
    server.page("/login", &[]);
    let job = job(&server, &paths);
    job.finish(&[]);
    assert_eq!(blocked(&job, &server), 0);
}

/// Articles of which each is found on the one before, and behind the last so
/// many addresses that show one and the same text; the paths of those.
fn paper(server: &Server, articles: usize, walls: usize) -> Vec<String> {
    let paths: Vec<String> = (0..walls).map(|n| format!("/a/wall-{n}")).collect();
    let link = |path: &String| format!("<a href='{path}'>on</a>");
    for n in 1..=articles {
        let on = match n == articles {
            true => paths.iter().map(link).collect(),
            false => link(&format!("/a/{}", n + 1)),
        };
        let text = format!("article number {n} of this paper");
        server.on(&format!("/a/{n}"), Answer::html(&article(&text, &on)));
    }
    for path in &paths {
        let text = "please come back a little later";
        server.on(path, Answer::html(&article(text, "")));
    }
    paths
}

fn article(text: &str, more: &str) -> String {
    format!("<title>paper</title><p>{text}</p>{more}")
}

const TEXTS: &str = "extract: [{ record: text, when: ^/a/, fields: { text: p } }]\n";

/// The texts of records, sorted.
fn texts(job: &Job) -> Vec<String> {
    let records = job.records();
    let texts = records
        .iter()
        .map(|record| record["fields"]["text"].to_string());
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

#[test]
fn pages_that_are_suddenly_all_the_same_are_blocked_the_first_ones_too() {
    let server = Server::start();
    let walls = paper(&server, 9, 8);
    server.page("/", &["/a/1"]);
    let text = format!("{TEXTS}fetch: {{ concurrency: 1 }}");
    let job = Job::site(&server.url("/"), &text);
    job.finish(&[]);
    assert_eq!(blocked(&job, &server), 8);
    let texts = texts(&job);
    assert_eq!(texts.len(), 9, "{texts:?}");
    assert!(
        texts.iter().all(|text| text.contains("article number")),
        "{texts:?}"
    );
    // It takes five to tell; the four before it were asked for twice.
    let asked: usize = walls.iter().map(|path| server.count(path)).sum();
    assert_eq!(asked, 12);
    let status = job.site_status("site");
    assert_eq!(
        (&status["pages"]["done"], &status["pages"]["failed"]),
        (&10.into(), &8.into())
    );
    assert_eq!(status["records"], 9);
    // One whose end was still on its way is told of by itself.
    let log = job.log();
    let told = log
        .lines()
        .filter(|line| line.contains("taken before a block was recognised"));
    let pages = told.filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let at = words
            .windows(2)
            .position(|pair| pair[1].starts_with("page"))?;
        words[at].parse::<usize>().ok()
    });
    assert_eq!(pages.sum::<usize>(), 4, "{log}");
}

#[test]
fn where_there_is_a_higher_rung_the_first_ones_are_had_by_it() {
    let (server, api) = (Server::start(), Server::start());
    let walls = paper(&server, 9, 20);
    server.page("/", &["/a/1"]);
    for path in &walls {
        let url = crawldeck::page::quoted(&server.url(path));
        let had = article(&format!("what {path} has to say"), "");
        api.on(&format!("/v1?url={url}"), Answer::html(&had));
    }
    let service = api.url("/v1?url={url}");
    let job = Job::site(
        &server.url("/"),
        &format!(
            "{TEXTS}fetch: {{ via: [http, service], robots: ignore, concurrency: 1, service: {{ \
             url: '{service}' }} }}"
        ),
    );
    job.finish(&[]);
    assert_eq!(blocked(&job, &server), 0);
    let texts = texts(&job);
    assert_eq!(texts.len(), 29, "{texts:?}");
    assert!(texts[0].contains("article number"));
    assert!(
        !texts.iter().any(|text| text.contains("come back")),
        "{texts:?}"
    );
}

#[test]
fn pages_that_begin_to_lead_to_a_login_are_blocked() {
    let server = Server::start();
    let paths = paper(&server, 6, 8);
    for path in &paths {
        server.on(path, Answer::redirect("/login?next=/a"));
    }
    server.page("/login?next=/a", &[]);
    server.page("/", &["/a/1"]);
    let job = Job::site(&server.url("/"), "fetch: { concurrency: 1 }");
    job.finish(&[]);
    let pages = job.pages();
    for path in &paths {
        let url = server.url(path);
        assert_eq!(pages.end(&url), "failed blocked", "{path}");
        assert_eq!(pages.at(&url)["status"], 302);
    }
}
