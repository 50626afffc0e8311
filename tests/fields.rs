//! What is taken of pages: every kind of field over HTTP, and how `check`
//! explains it.

mod common;

use common::crawl::Job;
use common::server::{Answer, Server};
use serde_json::{Value, json};

const PRODUCT: &str = "<!doctype html><html><head><title>Cup</title>\
    <meta property=og:title content='The Cup'>\
    <script type=application/ld+json>{\"@graph\": [{\"@type\": \"Product\", \"sku\": \"C-1\",\
     \"offers\": {\"price\": \"1.234,56\"}}]}</script></head><body>\
    <h1> A  <b>cup</b></h1><p class=isbn>ISBN 12-3, new</p><p class=date>31. Januar 2024</p>\
    <table><tr><td><a href=/a>one</a><td>1</tr><tr><td><a href=/b>two</a><td>2</table>\
    <div class=text><h2>About</h2><p>A <em>fine</em> cup.</div></body></html>";

const RULES: &str = "discover: { sitemap: off }
extract:
  - record: product
    when: ^/product$
    fields:
      title: h1
      og: { meta: og:title }
      sku: { jsonld: Product.sku }
      price: { jsonld: Product.offers.price, as: number }
      isbn: { css: .isbn, match: 'ISBN (\\S+),' }
      published: { css: [.published, .date], as: date }
      rows: { css: tr, all: true, fields: { name: a, url: { css: a, attr: href, as: url }, n: { css: td + td, as: integer } } }
      text: { css: .text, as: markdown }
  - record: plain
    when: ^/product$
    fields: { title: h1, cells: { css: tr > td, all: true } }
  - record: item
    when: ^/api/
    fields:
      name: { json: $.item.name }
      parts: { json: '$.parts[*]', all: true, fields: { id: { json: $.id } } }
";

fn shop() -> Server {
    let server = Server::start();
    let links = "<a href=/product>p</a><a href=/api/1>1</a><a href=/api/2>2</a><a href=/data>d</a>";
    server.on("/", Answer::html(links));
    server.on("/product", Answer::html(PRODUCT));
    let item = b"{\"item\": {\"name\": \"cup\"}, \"parts\": [{\"id\": 1}, {\"id\": 2}]}";
    server.on("/api/1", Answer::typed("application/vnd.shop+json", item));
    server.on("/api/2", Answer::typed("application/json", b"{\"item\": "));
    server.on("/data", Answer::typed("text/csv", b"a,b"));
    server.page("/a", &[]);
    server.page("/b", &[]);
    server
}

fn record<'r>(records: &'r [Value], name: &str) -> &'r Value {
    let found = records.iter().find(|record| record["record"] == name);
    let found = found.unwrap_or_else(|| panic!("no record {name} in {records:#?}"));
    found.get("fields").unwrap_or(found)
}

#[test]
fn every_kind_of_field_is_taken() {
    let server = shop();
    let job = Job::site(&server.url("/"), RULES);
    job.finish(&[]);
    let records = job.records();
    assert_eq!(records.len(), 3, "{records:#?}");
    let product = record(&records, "product");
    for (field, expected) in [
        ("title", json!("A cup")),
        ("og", json!("The Cup")),
        ("sku", json!("C-1")),
        ("price", json!(1234.56)),
        ("isbn", json!("12-3")),
        ("published", json!("2024-01-31")),
        (
            "rows",
            json!([
                {"name": "one", "url": server.url("/a"), "n": 1},
                {"name": "two", "url": server.url("/b"), "n": 2},
            ]),
        ),
        ("text", json!("## About\n\nA *fine* cup.")),
    ] {
        assert_eq!(product[field], expected, "{field}");
    }
    let plain = record(&records, "plain");
    assert_eq!(plain["cells"], json!(["one", "1", "two", "2"]));
    let item = record(&records, "item");
    assert_eq!(item["name"], "cup");
    assert_eq!(item["parts"], json!([{"id": 1}, {"id": 2}]));
}

#[test]
fn every_type_is_cast_to() {
    let server = Server::start();
    let page = "<h1>Facts</h1><p class=yes>Yes</p><p class=no>ausverkauft</p><p class=off>0</p>\
        <p class=day>03/04/2024</p><p class=when>on 5.6.2023, 14:30 o'clock</p>\
        <p class=sku>SKU-0042 (new)</p><p class=n>1.234,56 €</p><p class=i>1 234</p>\
        <div class=raw><b>bold</b> &amp; <i>x</i></div>\
        <script id=state>{\"a\": [1, {\"b\": null}]}</script><script id=broken>{\"a\":</script>";
    server.on("/", Answer::html(page));
    let rules = "discover: { sitemap: off }
extract:
  - record: facts
    fields:
      yes: { css: .yes, as: bool }
      off: { css: .off, as: bool }
      unsure: { css: .no, as: bool }
      none: { css: .gone, as: bool, default: false }
      raw: { css: .raw, as: html }
      all: { css: '.raw > *', all: true, as: html }
      state: { css: '#state', as: json }
      broken: { css: '#broken', as: json }
      day: { css: .day, as: date, format: '%d/%m/%Y' }
      month: { css: .day, as: date, format: '%m/%d/%Y' }
      vague: { css: .day, as: date }
      when: { css: .when, match: '[\\d.]+, [\\d:]+', as: date, format: '%d.%m.%Y, %H:%M' }
      whole: { css: .sku, match: '[A-Z]+-\\d+' }
      group: { css: .sku, match: 'SKU-0*(\\d+)', as: integer }
      miss: { css: .sku, match: '^\\d+$' }
      n: { css: .n, as: number }
      i: { css: .i, as: integer }
"
    .replace("\\\\", "\\");
    let job = Job::site(&server.url("/"), &rules);
    job.finish(&[]);
    let records = job.records();
    let facts = record(&records, "facts");
    for (field, expected) in [
        ("yes", json!(true)),
        ("off", json!(false)),
        ("unsure", json!(null)),
        ("none", json!(false)),
        ("raw", json!("<b>bold</b> &amp; <i>x</i>")),
        ("all", json!(["bold", "x"])),
        ("state", json!({"a": [1, {"b": null}]})),
        ("broken", json!(null)),
        ("day", json!("2024-04-03")),
        ("month", json!("2024-03-04")),
        ("vague", json!(null)),
        ("when", json!("2023-06-05T14:30:00")),
        ("whole", json!("SKU-0042")),
        ("group", json!(42)),
        ("miss", json!(null)),
        ("n", json!(1234.56)),
        ("i", json!(1234)),
    ] {
        assert_eq!(facts[field], expected, "{field}");
    }
}

#[test]
fn check_explains_fields() {
    let server = shop();
    let rules = RULES.replace("td + td", "td > .gone b");
    let job = Job::site(&server.url("/"), &rules);
    let page = job.crawldeck(&["check", "sites.yaml", "--url", &server.url("/product")]);
    page.expect(0);
    let api = job.crawldeck(&["check", "sites.yaml", "--url", &server.url("/api/1")]);
    api.expect(0);
    std::fs::write(job.folder().join("page.html"), PRODUCT).unwrap();
    let asked = server.log().len();
    let file = job.crawldeck(&["check", "sites.yaml", "--file", "page.html"]);
    file.expect(0);
    assert_eq!(server.log().len(), asked, "a file needs no server");
    for out in [&page.stdout, &file.stdout] {
        for part in [
            "price: 1234.56",
            "(tr matches 2)",
            "rows.n   (td > .gone b matches 0)",
            "4  td",
            "0  td > .gone",
            "0  .gone alone",
        ] {
            assert!(out.contains(part), "no {part:?} in {out}");
        }
    }
    for part in ["name: \"cup\"", "$.parts[*] matches 2"] {
        let clean = api.stdout.replace('\'', "").replace("[parts]", ".parts");
        assert!(clean.contains(part), "no {part:?} in {}", api.stdout);
    }
    job.crawldeck(&["check", "sites.yaml", "--file", "none.html"])
        .expect(2);
}
