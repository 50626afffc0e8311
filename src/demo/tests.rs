//! The demo over real HTTP, as a crawler meets it.

use super::server::Pages;
use super::{Demo, books, docs, flaky, serve};
use flate2::read::GzDecoder;
use futures_util::{StreamExt, stream};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::io::Read as _;
use std::time::Duration;

fn client() -> reqwest::Client {
    // A second installation is refused, and the first one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn demo() -> (Demo, reqwest::Client, BTreeMap<String, String>) {
    let demo = serve().await.unwrap();
    let starts = demo
        .starts()
        .map(|(name, url)| (name.to_owned(), url.trim_end_matches('/').to_owned()))
        .collect();
    (demo, client(), starts)
}

/// The statuses of `n` GETs of one page; 0 for an error.
async fn statuses(client: &reqwest::Client, url: &str, n: usize) -> Vec<u16> {
    let mut all = Vec::new();
    for _ in 0..n {
        let answer = client.get(url).send().await;
        all.push(answer.map_or(0, |a| a.status().as_u16()));
    }
    all
}

fn links(html: &str) -> Vec<String> {
    let href = Regex::new(r#"href="(/[^"]*)""#).unwrap();
    href.captures_iter(html).map(|c| c[1].to_owned()).collect()
}

/// Every path reachable by links from `/`, faults included, asked of `pages`.
fn reachable(pages: &dyn Pages) -> BTreeSet<String> {
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut queue = vec!["/".to_owned()];
    while let Some(path) = queue.pop() {
        let answer = pages.answer("http://demo", &path);
        let super::answer::Payload::Whole(body) = answer.body else {
            continue;
        };
        let mut next = links(&String::from_utf8_lossy(&body));
        next.extend(
            answer
                .headers
                .into_iter()
                .filter(|(name, _)| *name == "location")
                .map(|(_, to)| String::from_utf8(to).unwrap()),
        );
        for path in next {
            if seen.insert(path.clone()) {
                queue.push(path);
            }
        }
    }
    seen
}

#[tokio::test]
async fn every_linked_book_is_there_with_its_fields() {
    let (demo, client, starts) = demo().await;
    let paths = reachable(&books::Books);
    let (base, client) = (&starts["books"], &client);
    let pages: Vec<_> = stream::iter(&paths)
        .map(|path| async move {
            let answer = client.get(format!("{base}{path}")).send().await.unwrap();
            let status = answer.status().as_u16();
            (path, status, answer.text().await.unwrap())
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let mut details = 0;
    for (path, status, text) in pages {
        assert_eq!(status, 200, "{path}");
        if path.starts_with("/book/") {
            details += 1;
            for mark in [
                "<h1>The ",
                "class=\"author\"",
                "class=\"price\">£",
                "class=\"tag\"",
            ] {
                assert!(text.contains(mark), "{path} lacks {mark}");
            }
        }
    }
    assert!(details > 100 && details < books::BOOKS, "{details} details");
    let cover = client
        .get(format!("{base}/cover/1.svg"))
        .send()
        .await
        .unwrap();
    assert_eq!(cover.headers()["content-type"], "image/svg+xml");
    demo.shutdown().await;
}

#[tokio::test]
async fn the_sitemaps_name_every_book_and_more_than_the_links() {
    let (demo, client, starts) = demo().await;
    let base = &starts["books"];
    let get = async |path: &str| {
        let answer = client.get(format!("{base}{path}")).send().await.unwrap();
        answer.bytes().await.unwrap()
    };
    let robots = String::from_utf8(get("/robots.txt").await.to_vec()).unwrap();
    assert!(robots.contains(&format!("Sitemap: {base}/sitemap.xml")));
    let index = String::from_utf8(get("/sitemap.xml").await.to_vec()).unwrap();
    assert!(index.contains(&format!("{base}/sitemap-2.xml.gz")));
    let mut text = String::from_utf8(get("/sitemap-1.xml").await.to_vec()).unwrap();
    GzDecoder::new(get("/sitemap-2.xml.gz").await.as_ref())
        .read_to_string(&mut text)
        .unwrap();
    let loc = Regex::new(r"<loc>http://[^/]*(/book/\d+)</loc>").unwrap();
    let mapped: BTreeSet<_> = loc.captures_iter(&text).map(|c| c[1].to_owned()).collect();
    assert_eq!(mapped.len(), books::BOOKS);
    assert!(mapped.difference(&reachable(&books::Books)).count() >= 10);
    demo.shutdown().await;
}

#[test]
fn a_crawl_has_a_few_hundred_pages_and_takes_about_a_minute() {
    let pages = reachable(&docs::Docs).len();
    assert_eq!(pages, docs::ARTICLES + 1);
    let waits: Vec<_> = (1..=docs::ARTICLES).map(docs::slowness).collect();
    let (low, high) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*low >= Duration::from_millis(300) && *high <= Duration::from_secs(2));
    assert!(*high > Duration::from_millis(1500), "{high:?}");
    let slow = waits.iter().sum::<Duration>() / docs::CONCURRENCY as u32;
    assert!((35..75).contains(&slow.as_secs()), "docs take {slow:?}");

    // One request every 250 ms and every 300 ms.
    let shop = reachable(&books::Books).len() as u64 / 4;
    let house = reachable(&flaky::Flaky::new()).len() as u64 * 3 / 10;
    assert!((35..75).contains(&shop), "books take {shop} s");
    assert!((25..75).contains(&house), "flaky takes {house} s at least");
}

#[test]
fn two_demos_are_alike() {
    for path in ["/", "/list/3", "/book/7", "/book/180", "/sitemap-2.xml.gz"] {
        let (a, b) = (books::Books, books::Books);
        let (a, b) = (a.answer("http://x", path), b.answer("http://x", path));
        assert_eq!(format!("{a:?}"), format!("{b:?}"), "{path}");
    }
    assert_eq!(
        reachable(&flaky::Flaky::new()),
        reachable(&flaky::Flaky::new())
    );
}

#[tokio::test]
async fn faults_come_as_promised() {
    let (demo, client, starts) = demo().await;
    let base = &starts["flaky"];
    let cases: &[(&str, &[u16])] = &[
        ("/", &[200, 200]),
        ("/no/such", &[404]),
        ("/book/9999", &[404]),
        ("/missing/1", &[404, 404]),
        ("/missing/2", &[410]),
        ("/heals/second/1", &[500, 200, 200]),
        ("/heals/third/1", &[500, 502, 200, 200]),
        ("/heals/by-hand/1", &[500, 500, 500, 500, 200, 200]),
        ("/always-500", &[500; 6]),
        ("/loop/a", &[302]),
        ("/busy", &[503, 429, 200]),
        ("/reset/always", &[0, 0]),
        ("/reset/once", &[0, 200]),
        ("/hostile/%1B%5B2J%1B%5B31mred", &[404]),
    ];
    for (path, want) in cases {
        let got = statuses(&client, &format!("{base}{path}"), want.len()).await;
        assert_eq!(got, *want, "{path}");
    }
    demo.shutdown().await;
}

#[tokio::test]
async fn a_busy_page_says_when_to_come_back() {
    let (demo, client, starts) = demo().await;
    let busy = client.get(format!("{}/busy", starts["flaky"])).send().await;
    assert_eq!(busy.unwrap().headers()["retry-after"], "2");
    demo.shutdown().await;
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_an_end() {
    let (demo, client, starts) = demo().await;
    let url = format!("{}/reset/always", starts["flaky"]);
    let error = client.get(url).send().await.unwrap_err();
    let mut cause = error.source();
    let mut kinds = Vec::new();
    while let Some(error) = cause {
        kinds.extend(error.downcast_ref::<std::io::Error>().map(|e| e.kind()));
        cause = error.source();
    }
    assert!(
        kinds.contains(&std::io::ErrorKind::ConnectionReset),
        "{error:?}"
    );
    demo.shutdown().await;
}

#[tokio::test]
async fn redirects_lead_on_or_round() {
    let (demo, client, starts) = demo().await;
    let base = &starts["flaky"];
    let follow = async |from: &str| {
        let mut path = from.to_owned();
        for hop in 0..12 {
            let answer = client.get(format!("{base}{path}")).send().await.unwrap();
            match answer.headers().get("location") {
                Some(to) => path = to.to_str().unwrap().to_owned(),
                None => return Some((hop, path)),
            }
        }
        None
    };
    assert_eq!(follow("/hop/1").await, Some((4, "/hop/landed".to_owned())));
    assert_eq!(follow("/loop/a").await, None);
    demo.shutdown().await;
}

#[tokio::test]
async fn strange_bodies_come_over_the_wire_as_they_are() {
    let (demo, client, starts) = demo().await;
    let base = &starts["flaky"];
    let get = async |path: &str| client.get(format!("{base}{path}")).send().await.unwrap();

    let huge = get("/huge").await;
    assert_eq!(huge.content_length(), None);
    assert!(huge.bytes().await.unwrap().len() > 3 << 20);

    let latin = get("/latin1").await;
    assert_eq!(
        latin.headers()["content-type"],
        "text/html; charset=iso-8859-1"
    );
    let latin = latin.bytes().await.unwrap();
    assert!(latin.contains(&0xE9) && std::str::from_utf8(&latin).is_err());

    let hostile = get("/hostile/page").await;
    assert!(
        hostile.headers()["x-note"]
            .as_bytes()
            .windows(2)
            .any(|w| w == b"\xc2\x9b")
    );
    assert!(hostile.bytes().await.unwrap().contains(&0x1b));

    let odd = get("/odd.bin").await;
    assert_eq!(
        odd.headers()["content-type"],
        "application/x-crawldeck-demo"
    );
    demo.shutdown().await;
}

#[tokio::test]
async fn the_endless_page_does_not_hold_up_the_end() {
    let (demo, client, starts) = demo().await;
    let mut endless = client
        .get(format!("{}/endless", starts["flaky"]))
        .send()
        .await
        .unwrap();
    assert!(endless.chunk().await.unwrap().is_some());
    assert!(endless.chunk().await.unwrap().is_some());
    demo.shutdown().await;
    while let Ok(Some(_)) = endless.chunk().await {}
    let again = client.get(&starts["docs"]).send().await.unwrap_err();
    assert!(again.is_connect(), "{again:?}");
}

#[tokio::test]
async fn dropping_the_demo_stops_it() {
    let (demo, client, starts) = demo().await;
    let tasks = demo.tasks.clone();
    assert_eq!(statuses(&client, &starts["books"], 1).await, [200]);
    drop(demo);
    tasks.wait().await;
    assert_eq!(statuses(&client, &starts["books"], 1).await, [0]);
}

#[tokio::test]
async fn the_staff_rooms_are_linked_and_forbidden() {
    let (demo, client, starts) = demo().await;
    let robots = client
        .get(format!("{}/robots.txt", starts["flaky"]))
        .send()
        .await;
    assert!(
        robots
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("Disallow: /staff/")
    );
    let staff = reachable(&flaky::Flaky::new());
    assert!(staff.iter().filter(|p| p.starts_with("/staff/")).count() >= 3);
    demo.shutdown().await;
}

#[tokio::test]
async fn the_sites_file_names_each_site_and_its_port() {
    let (demo, _, starts) = demo().await;
    let yaml = demo.sites_yaml();
    demo.shutdown().await;
    let documents: Vec<_> = yaml.split("---\n").skip(1).collect();
    assert_eq!(documents.len(), 3, "{yaml}");
    for (document, name) in documents.iter().zip(["books", "docs", "flaky"]) {
        assert!(document.contains(&format!("site: {name}\n")), "{document}");
        let start = format!("\nstart: {}/\n", starts[name]);
        assert!(document.contains(&start), "{document}");
    }
    assert!(documents[0].contains("when: ^/book/"), "{yaml}");
}
