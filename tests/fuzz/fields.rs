//! Fields of any page: by the streaming pass, by a DOM and of JSON.

use super::fuzz;
use super::targets::{HTML, TAGS, site};
use crawldeck::extract::charset;
use crawldeck::extract::fields::{Plan, Record};
use serde_json::Value;
use url::Url;

/// Every kind of field that the streaming pass takes.
const STREAMED: &str = "title: h1, \
    links: { css: 'a[href]', attr: href, as: url, all: true }, \
    first: { css: [td a, .b, p], as: number }, \
    cells: { css: tr > td, all: true, as: integer }, \
    rows: { css: tr, all: true, fields: { id: { attr: id }, name: { css: td, required: true }, \
        to: { css: a, attr: href, as: url } } }, \
    card: { css: .card, fields: { head: h1, on: { css: i, as: bool }, day: { css: b, as: date } } }, \
    part: { css: p, match: 'a(.)' }, \
    data: { css: script, as: json }, \
    deep: { css: script, json: '$.k[*]', all: true }, \
    sku: { jsonld: Product.sku }, \
    price: { jsonld: Product.offers.price, as: number }, \
    og: { meta: 'og:title', default: none }";
/// How many those are.
const FIELDS: usize = 12;

const PAGES: &[&[u8]] = &[
    b"<!doctype html><meta property=og:title content='O &amp; G'><script>{\"k\": [1, \"x\"]}</script>\
      <script type=application/ld+json>{\"@graph\": [{\"@type\": \"Product\", \"sku\": 7, \"offers\": {\"price\": \"1,5\"}}]}</script>\
      <table><tr id=q><td><a href=x>1</a><td>2<tr><td>b</table><div class='card b'><h1>c</h1><i>yes</i><b>2024-01-31</b></div><p>ab",
    b"<!doctype html><body class=card><ul><li><a href='//e/'>x</a><li>y</ul><dl><dt>a<dd class=b>1 234,5</dl>",
];
const WORDS: &[&str] = &[
    "<tr>",
    "<td>",
    "</table>",
    "<i>",
    "</i>",
    "<b>",
    "</b>",
    "<h1>",
    "<body class=b>",
    "<html>",
    "<select>",
    "<option>",
    "<form>",
    "<template>",
    "<math>",
    " class='card b'",
    " id=i",
    "<script type=application/ld+json>",
    "{\"@type\":\"Product\",\"sku\":",
    "{\"k\":[[[",
    "<meta name=og:title content=x>",
    "<!doctype html>",
];

fn plan(extract: &str) -> Plan {
    Plan::compile(&site(&format!("extract:\n{extract}")).extract)
}

fn page() -> Url {
    Url::parse("http://127.0.0.1/dir/page").unwrap()
}

/// HTML from bytes, with the seeds and words of this target and of links.
fn pages(name: &str, mut target: impl FnMut(&str)) {
    let (seeds, words) = ([PAGES, HTML].concat(), [WORDS, TAGS].concat());
    fuzz(name, &seeds, &words, |bytes| {
        target(&charset::decode(bytes, Some("text/html; charset=utf-8")).0);
    });
}

/// What must hold of a record whatever it was taken of.
fn is_sound(record: &Record, fields: usize) {
    assert_eq!(record.fields.len(), fields);
    let size = serde_json::to_string(&record.fields).unwrap().len();
    // A MiB of text, of which each byte may be escaped.
    assert!(size < 7 << 20, "{size} bytes");
}

fn are_urls(values: Option<&Value>) {
    let values = values.and_then(Value::as_array).into_iter().flatten();
    for url in values.filter_map(Value::as_str) {
        Url::parse(url).expect("a field as url that is none");
    }
}

#[test]
fn a_streaming_pass_takes_what_a_dom_gives() {
    let rule = format!("- record: r\n  fields: {{ {STREAMED} }}\n");
    // A selector beyond the pass makes the whole page a DOM's.
    let beyond = "- record: dom\n  fields: { p: 'p:first-child' }\n";
    let (streamed, by_dom) = (plan(&rule), plan(&format!("{rule}{beyond}")));
    let mut compared = 0;
    pages("fields", |html| {
        let (_, pass) = streamed.reread(html, "/dir/page", false);
        let without_dom = pass.is_streamed();
        let ours = pass.finish(&page());
        for record in &ours.records {
            is_sound(record, FIELDS);
            are_urls(record.fields.get("links"));
            for cell in record.fields["cells"].as_array().unwrap() {
                assert!(cell.is_i64() || cell.is_u64() || cell.is_null(), "{cell}");
            }
            for row in record.fields["rows"].as_array().unwrap() {
                assert!(row["name"].is_string(), "{row}");
            }
        }
        let theirs = by_dom.reread(html, "/dir/page", false).1.finish(&page());
        // What is cut is cut elsewhere.
        if without_dom && ours.note.is_none() && theirs.note.is_none() {
            compared += 1;
            assert_eq!(ours.records[..], theirs.records[..1]);
        }
    });
    // One case alone may be none of those.
    let alone = std::env::var_os("CRAWLDECK_FUZZ_SEED").is_some();
    assert!(alone || compared > 500, "only {compared} were compared");
}

#[test]
fn a_dom_gives_what_only_it_can() {
    let plan = plan(
        "- record: r\n  fields: { whole: { css: body, as: html }, text: { css: body, as: markdown }, \
         odd: 'p:nth-child(2n+1) ~ a', rows: { css: 'tr:has(td)', all: true, \
         fields: { html: { css: td, as: html }, to: { css: a, attr: href, as: url } } }, \
         links: { css: 'a:not([rel])', attr: href, as: url, all: true } }\n",
    );
    pages("dom fields", |html| {
        let (_, pass) = plan.reread(html, "/dir/page", false);
        assert!(!pass.is_streamed());
        for record in pass.finish(&page()).records {
            is_sound(&record, 5);
            are_urls(record.fields.get("links"));
        }
    });
}

#[test]
fn json_gives_fields_or_a_note() {
    let plan = plan(
        "- record: r\n  fields: { name: { json: $.item.name }, n: { json: $.n, as: integer }, \
         parts: { json: '$.parts[*]', all: true, fields: { id: { json: $.id, required: true }, \
         to: { json: $.to, as: url } } }, any: { json: '$..x', all: true }, last: { json: '$.parts[-1:]' }, \
         when: { json: '$.parts[?@.id > 1].day', as: date } }\n",
    );
    let seeds: &[&[u8]] = &[
        b"{\"item\": {\"name\": \"cup\"}, \"n\": \"1.234\", \"parts\": [{\"id\": 1, \"to\": \"/a\"}, {\"id\": 2, \"day\": \"31.1.2024\", \"x\": {\"x\": []}}]}",
        b"\xef\xbb\xbf[{\"x\": 1e999}, -0, \"\\ud800\"]",
    ];
    let words = &[
        "{\"x\":",
        "[",
        "]",
        "}",
        "\"parts\":",
        "\"id\":",
        "null",
        "1e308",
        "-",
        "\\u0000",
        "\\",
        "\"",
        ",",
        "NaN",
        "/*",
    ];
    let mut had = 0;
    fuzz("json fields", seeds, words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let taken = plan.json(&text, "/api", &page());
        let json = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).is_ok();
        assert_eq!(taken.records.len(), usize::from(json));
        assert!(json || taken.note.is_some());
        for record in taken.records {
            had += 1;
            is_sound(&record, 6);
            for part in record.fields["parts"].as_array().unwrap() {
                assert!(!part["id"].is_null(), "{part}");
            }
        }
    });
    let alone = std::env::var_os("CRAWLDECK_FUZZ_SEED").is_some();
    assert!(alone || had > 100, "only {had} were JSON");
}
