//! The cookbook of the README, each recipe run against a site of its kind.

mod common;

use common::crawl::{Job, Running};
use common::server::{Answer, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The recipes by their sites' names.
fn recipes() -> BTreeMap<String, String> {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n## Cookbook\n").expect("a cookbook");
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .split("```yaml\n")
        .skip(1)
        .map(|block| {
            let (yaml, _) = block.split_once("```").expect("an end of the block");
            let name = yaml
                .strip_prefix("site: ")
                .and_then(|text| text.lines().next());
            (name.expect("a site's name").to_owned(), yaml.to_owned())
        })
        .collect()
}

/// A job of the recipe, its hosts exchanged for servers.
fn job(site: &str, hosts: &[(&str, &Server)]) -> Job {
    let mut yaml = recipes().remove(site).expect("a recipe");
    for (host, server) in hosts {
        let url = server.url("");
        yaml = yaml.replace(&format!("https://{host}"), url.trim_end_matches('/'));
        yaml = yaml.replace(host, &server.host());
    }
    assert!(!yaml.contains("example.org"), "{yaml}");
    Job::raw(&yaml)
}

/// The records' fields, sorted by their URLs and themselves.
fn fields(job: &Job) -> Vec<Value> {
    let mut records = job.lines("records");
    records.sort_by_key(|record| (record["url"].to_string(), record["fields"].to_string()));
    records
        .into_iter()
        .map(|mut record| record["fields"].take())
        .collect()
}

fn finish(job: &Job) {
    job.run(&[]).expect(0);
}

#[test]
fn there_are_five() {
    let names: Vec<String> = recipes().into_keys().collect();
    assert_eq!(names, ["docs", "items", "list", "news", "shop"]);
}

#[test]
fn a_shop() {
    let server = Server::island(1);
    let product = |canonical: &str| {
        Answer::html(&format!(
            "<head><link rel=canonical href={canonical}><meta property='og:image' content='/cup.jpg'>\
             <script type='application/ld+json'>{{\"@type\":\"Product\",\"offers\":\
             {{\"availability\":\"https://schema.org/InStock\"}}}}</script></head>\
             <h1>Cup</h1><p class=price>1.234,50 €</p>\
             <table class=sizes><tr><td class=size>S<td class=left>3</tr><tr><td class=size>L<td class=left>0</tr></table>"
        ))
    };
    server.page(
        "/",
        &[
            "/product/1",
            "/product/1?ref=top",
            "/list?sort=up",
            "/cart",
            "/product/2",
        ],
    );
    server.on("/product/1", product("/product/1"));
    server.on("/product/1?ref=top", product("/product/1"));
    server.on("/product/2", Answer::html("<p class=price>5</p>"));
    let job = job("shop", &[("shop.example.org", &server)]);
    finish(&job);
    let expected = json!({
        "name": "Cup", "price": 1234.5, "stock": "InStock", "image": server.url("/cup.jpg"),
        "sizes": [{"size": "S", "left": 3}, {"size": "L", "left": 0}],
    });
    assert_eq!(fields(&job), [expected]);
    assert_eq!(server.count("/cart") + server.count("/list?sort=up"), 0);
}

#[test]
fn a_json_api() {
    let server = Server::start();
    for (page, body) in [
        (
            1,
            json!({"items": [{"id": 1, "name": "cup", "price": "3.50", "tags": ["a", "b"]}]}),
        ),
        (2, json!({"items": [{"id": 2, "name": "pot"}]})),
        (3, json!({"items": []})),
    ] {
        let answer = Answer::typed("application/json", body.to_string().as_bytes());
        server.on(&format!("/v1/items?page={page}"), answer);
    }
    let job = job("items", &[("api.example.org", &server)]);
    let mut run = job.command(&["run", "sites.yaml", "--headless"]);
    run.env("API_TOKEN", "s3cret");
    Running::spawn(run).wait().expect(0);
    assert_eq!(
        fields(&job),
        [
            json!({"id": 1, "name": "cup", "price": 3.5, "tags": ["a", "b"]}),
            json!({"id": 2, "name": "pot", "price": null, "tags": []}),
        ]
    );
    let hit = &server.hits("/v1/items?page=1")[0];
    assert_eq!(hit.header("authorization"), "Bearer s3cret");
    assert!(!job.log().contains("s3cret"));
}

#[test]
fn a_news_site() {
    let server = Server::island(1);
    let article = |head: &str| {
        Answer::html(&format!(
            "<head><meta property='og:title' content='News'>{head}<script type='application/ld+json'>\
             {{\"@type\":\"NewsArticle\",\"author\":{{\"name\":\"Ann\"}}}}</script></head>\
             <time datetime='2024-05-01T10:00:00Z'>May</time><article><p>It <b>is</b> so.</p></article>"
        ))
    };
    let entry =
        |path: &str, more: &str| format!("<url><loc>{}</loc>{more}</url>", server.url(path));
    let map = format!(
        "<urlset>{}{}{}{}</urlset>",
        entry("/2024/a", ""),
        entry("/2024/again", ""),
        entry("/2024/hidden", ""),
        entry("/2001/old", "<lastmod>2001-01-01</lastmod>"),
    );
    server.on(
        "/sitemap.xml",
        Answer::typed("application/xml", map.as_bytes()),
    );
    server.on("/2024/a", article(""));
    server.on("/2024/again", article(""));
    server.on(
        "/2024/hidden",
        article("<meta name=robots content=noindex>"),
    );
    let job = job("news", &[("news.example.org", &server)]);
    finish(&job);
    let expected = json!({
        "title": "News", "published": "2024-05-01T10:00:00Z", "author": "Ann", "text": "It **is** so.",
    });
    assert_eq!(fields(&job), [expected.clone(), expected]);
    assert_eq!(server.count("/2001/old"), 0);
    assert_eq!(job.lines("duplicates").len(), 3);
}

#[test]
fn a_documentation_site() {
    let server = Server::start();
    server.page(
        "/en/stable/",
        &["guide", "api/one?highlight=x", "api/one", "/en/old/"],
    );
    server.page("/en/stable/guide", &[]);
    server.on(
        "/en/stable/api/one",
        Answer::html("<h1>One</h1><main><dl><dt>a</dt><dd>x</dd><dt>b</dt></dl></main>"),
    );
    let job = job("docs", &[("docs.example.org", &server)]);
    finish(&job);
    let records = fields(&job);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["title"], "One");
    assert_eq!(records[0]["names"], json!(["a", "b"]));
    assert!(records[0]["text"].is_string());
    assert_eq!(server.count("/en/old/"), 0);
    assert_eq!(server.count("/en/stable/api/one"), 1);
}

#[test]
fn a_list_of_urls() {
    let (www, blog) = (Server::island(1), Server::start());
    let page = |title: &str| {
        Answer::html(&format!(
            "<title>{title}</title><meta name=description content=about><a href=/more>x</a>"
        ))
    };
    www.on("/", page("start"));
    www.on("/a", page("a"));
    blog.on("/b", page("b"));
    let job = job(
        "list",
        &[("www.example.org", &www), ("blog.example.org", &blog)],
    );
    let table = format!(
        "id,url\n1,{}\n2,{}\n3,not a url\n",
        www.url("/a"),
        blog.url("/b")
    );
    std::fs::write(job.folder().join("urls.csv"), table).unwrap();
    finish(&job);
    let mut titles: Vec<String> = fields(&job)
        .iter()
        .map(|fields| format!("{} {}", fields["title"], fields["about"]))
        .collect();
    titles.sort();
    assert_eq!(
        titles,
        [r#""a" "about""#, r#""b" "about""#],
        "and no start page"
    );
    assert_eq!(www.count("/more") + blog.count("/more"), 0);
    // Another field, without the network.
    let asked = www.log().len();
    job.crawldeck(&["extract", "sites.yaml"]).expect(0);
    assert_eq!(www.log().len(), asked);
    assert_eq!(fields(&job).len(), 2);
}
