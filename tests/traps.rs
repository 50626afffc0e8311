//! Traps: sites without an end, and the order in which pages come.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};

/// A calendar of 60 months, each with a link to the next; and an article.
fn calendar() -> Server {
    let server = Server::start();
    server.page("/", &["/cal/2024/1", "/2024/1/article"]);
    server.page("/2024/1/article", &[]);
    for n in 0..60 {
        let month = |n: u32| format!("/cal/{}/{}", 2024 + n / 12, n % 12 + 1);
        server.page(&month(n), &[&month(n + 1)]);
    }
    server
}

#[test]
fn an_endless_calendar_is_capped_told_and_liftable() {
    let server = calendar();
    let more = "discover: { sitemap: off, traps: 7 }";
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);
    // The start page, its article and seven months.
    assert_eq!(job.pages().done(&server.url("")).len(), 9);
    let text = job.log();
    let shape = format!("{}/cal/{{date}}", server.host());
    let told = format!("trap: calendar: 7 {shape} pages taken");
    assert_eq!(text.matches(&told).count(), 1, "{text}");
    let end = format!("traps: 1 links left out: {shape} (calendar) 1");
    assert!(text.contains(&end), "{text}");

    let server = calendar();
    let job = Job::site(&server.url("/"), "discover: { sitemap: off, traps: off }");
    job.run(&[]);
    assert_eq!(job.pages().done(&server.url("")).len(), 62);
    assert!(!job.log().contains("trap"));
}

/// Queries with four keys in all orders.
fn permuted() -> Vec<String> {
    let mut queries = Vec::new();
    for n in 0..24 {
        let (mut left, mut rest) = (vec!["a", "b", "c", "d"], n);
        let mut keys = Vec::new();
        while !left.is_empty() {
            keys.push(left.remove(rest % left.len()));
            rest /= left.len() + 1;
        }
        queries.extend((0..2).map(|value| format!("/q?{}={value}", keys.join("=x&"))));
    }
    queries
}

#[test]
fn every_kind_of_trap_is_capped_counted_and_named() {
    let server = Server::start();
    let session = |n: u32| format!("/s?sid=0123456789{n}");
    let long = |n: u32| format!("/long/{}{n}", "x".repeat(1100));
    let mut links: Vec<String> = (3..8)
        .map(|n| format!("/r{}", "/again".repeat(n)))
        .collect();
    links.extend((0..6).map(session));
    links.extend((0..25).map(long));
    links.extend(permuted());
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    server.page("/", &links);
    let more = "discover: { sitemap: off, traps: 20 }";
    let job = Job::site(&server.url("/"), more);
    job.finish(&[]);
    let host = server.host();
    let pages = job.pages();
    let log = job.log();
    let mut all = 0;
    for (kind, path, shape, capped, free, left) in [
        // Of what is hardly ever a page of its own a hundredth is taken.
        ("repeating path", "/r/", "/r/again/{repeated}", 1, 0, 4),
        ("session identifiers", "/s?", "/s?sid={session}", 1, 0, 5),
        ("over-long URLs", "/long/", "/long{long}", 20, 0, 5),
        // Eleven orders are none too many, of two values each.
        ("query permutations", "/q?", "/q?{…}", 20, 22, 6),
    ] {
        let taken = pages.ends(&server.url(""));
        let taken = taken
            .iter()
            .filter(|(url, _)| url.starts_with(path))
            .count();
        assert_eq!(taken, capped + free, "{kind}");
        let told = format!("trap: {kind}: {capped} {host}{shape} pages taken");
        assert_eq!(log.matches(&told).count(), 1, "{told}: {log}");
        let end = format!("{host}{shape} ({kind}) {left}");
        assert!(log.contains(&end), "{end}: {log}");
        all += left;
    }
    assert!(
        log.contains(&format!("traps: {all} links left out")),
        "{log}"
    );
}

#[test]
fn since_leaves_out_what_is_old() {
    let server = Server::fan(5);
    server.page("/", &[]);
    let entry = |n: u32, date: &str| {
        format!(
            "<url><loc>{}</loc><lastmod>{date}</lastmod></url>",
            server.url(&format!("/{n}"))
        )
    };
    let map = format!(
        "<urlset>{}{}{}</urlset>",
        entry(1, "2024-05-01"),
        entry(2, "2023-12-31T23:59:59Z"),
        entry(3, "unknown"),
    );
    let feed = format!(
        "<rss><channel><item><link>{}</link><pubDate>Mon, 01 Jan 2024 00:00:00 +0000</pubDate>\
         </item></channel></rss>",
        server.url("/4")
    );
    let index = String::from(
        "<sitemapindex><sitemap><loc>/a.xml</loc></sitemap><sitemap><loc>/b.xml</loc></sitemap>\
         <sitemap><loc>/old.xml</loc><lastmod>2020</lastmod></sitemap></sitemapindex>",
    );
    for (path, text) in [
        ("/sitemap.xml", index),
        ("/a.xml", map),
        ("/b.xml", feed),
        ("/old.xml", String::from("<urlset/>")),
    ] {
        server.on(path, Answer::typed("text/xml", text.as_bytes()));
    }
    let job = Job::site(&server.url("/"), "discover: { since: 2024-01-01 }");
    job.finish(&[]);
    assert_eq!(job.pages().done(&server.url("")), ["/", "/1", "/3", "/4"]);
    assert_eq!(server.count("/old.xml"), 0);
    let text = job.log();
    assert!(
        text.contains("2 new pages, 1 older than discover.since"),
        "{text}"
    );
}

/// Pages below the start page, far more than are leased ahead.
const WIDE: usize = 400;

/// Paths in the order in which they were asked for, of a start page with
/// [`WIDE`] links to pages with one link further down each.
fn order(strategy: &str) -> Vec<String> {
    let server = Server::start();
    let first: Vec<String> = (0..WIDE).map(|n| format!("/{n}")).collect();
    let links: Vec<&str> = first.iter().map(String::as_str).collect();
    server.page("/", &links);
    for path in &first {
        server.page(path, &[&format!("{path}/deep")]);
        server.page(&format!("{path}/deep"), &[]);
    }
    let more = format!(
        "discover: {{ sitemap: off, {strategy} }}\nfetch: {{ concurrency: 1, robots: ignore }}"
    );
    Job::site(&server.url("/"), &more).finish(&[]);
    let asked: Vec<String> = server
        .page_log()
        .into_iter()
        .map(|hit| hit.target)
        .collect();
    assert_eq!(asked.len(), 1 + 2 * WIDE);
    asked
}

/// Whether every page of the first level was asked for before any below it.
/// The first level is known whole once the start page is committed, so this
/// does not depend on how fast pages are committed.
fn is_by_level(asked: &[String]) -> bool {
    let is_deep = |path: &String| path.ends_with("/deep");
    asked.iter().skip_while(|path| !is_deep(path)).all(is_deep)
}

#[test]
fn a_strategy_is_an_order() {
    assert!(is_by_level(&order("strategy: breadth")));
    assert!(!is_by_level(&order("strategy: depth")));
    assert!(!is_by_level(&order("strategy: focused, target: '/deep$'")));
    let focused = order("strategy: focused, target: '^/7'");
    // The start page, then every target of the first level, then the rest.
    let targets = (0..WIDE).filter(|n| n.to_string().starts_with('7')).count();
    assert!(
        focused[1..=targets]
            .iter()
            .all(|path| path.starts_with("/7")),
        "{:?}",
        &focused[..=targets]
    );
}
