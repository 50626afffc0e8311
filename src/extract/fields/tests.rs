use super::*;
use crate::config::{Overrides, parse};
use crate::extract::{corpus, links};
use proptest::prelude::*;
use serde_json::json;

/// The rules of a document's `extract` section.
fn plan(extract: &str) -> Plan {
    let text = format!("site: a\nstart: http://e.org/\nextract:\n{extract}");
    let job = parse(&text, "s.yaml", &|_| None, &Overrides::default());
    Plan::compile(&job.unwrap_or_else(|error| panic!("{error}")).sites[0].extract)
}

/// A plan of one record with these fields, in YAML's flow style.
fn fields(fields: &str) -> Plan {
    plan(&format!("- record: r\n  fields: {{ {fields} }}\n"))
}

fn base() -> Url {
    Url::parse("http://e.org/book/1").unwrap()
}

/// The page's one record, and whether it was taken without a DOM.
fn record(plan: &Plan, html: &str) -> (Value, bool) {
    let (_, pass) = plan.pass(html, "/book/1", &mut |_| {});
    let streamed = pass.is_streamed();
    let mut taken = pass.finish(&base());
    assert_eq!(taken.records.len(), 1, "{html}");
    (Value::Object(taken.records.remove(0).fields), streamed)
}

/// By a DOM, whatever the rules are.
fn by_dom(plan: &Plan, html: &str) -> Taken {
    by_dom_at(plan, html, &base())
}

fn by_dom_at(plan: &Plan, html: &str, base: &Url) -> Taken {
    let pass = Pass {
        plan,
        html,
        rules: plan.taking("/book/1", false),
        found: None,
    };
    pass.finish(base)
}

/// Every kind of field that needs no DOM.
const SIMPLE: &str = "title: h1, \
    price: { css: [.sale, .price], as: number }, \
    tags: { css: i, all: true }, \
    cover: { css: img, attr: src, as: url }, \
    data: { css: script, as: json }, \
    deep: { css: script, json: '$.k[0]' }, \
    gone: { css: .gone, default: none }, \
    nothing: .gone, \
    og: { meta: 'og:title' }, \
    sku: { jsonld: Product.sku }, \
    isbn: { css: p, match: 'ISBN (\\S+)' }, \
    rows: { css: tr, all: true, fields: { name: { css: td, required: true }, id: { attr: id }, \
        cells: { css: td, all: true, as: integer } } }";

const PAGE: &str = "<title>x</title><meta property='og:title' content='O &amp; G'>\
    <script>{\"k\": [1]}</script>\
    <script type='application/ld+json'>{\"@type\": \"Product\", \"sku\": \"A1\"}</script>\
    <h1> The\n <b>Book</b>s </h1><p class=price>£ 1,234.50 <p>ISBN  12-3 x</p><i>a</i><i> b </i>\
    <img src='/c.jpg'><table><tr id=a><td>1<td>2 x<tr><th>no<tr><td>3</table>";

#[test]
fn a_record_of_every_kind_of_field() {
    let plan = fields(SIMPLE);
    let expected = json!({
        "title": "The Books", "price": 1234.5, "tags": ["a", "b"],
        "cover": "http://e.org/c.jpg", "data": {"k": [1]}, "deep": 1,
        "gone": "none", "nothing": null, "og": "O & G", "sku": "A1", "isbn": null,
        "rows": [
            {"name": "1", "id": "a", "cells": [1, 2]},
            {"name": "3", "id": null, "cells": [3]},
        ],
    });
    let (found, streamed) = record(&plan, PAGE);
    assert_eq!(found, expected);
    assert!(streamed);
    let dom = by_dom(&plan, PAGE);
    assert_eq!(Value::Object(dom.records[0].fields.clone()), expected);
    assert_eq!(dom.records[0].missing[..], [7, 10]);
}

#[test]
fn what_needs_a_dom_gets_one() {
    let plan = fields(
        "inner: { css: h1 b, as: html }, text: { css: h1, as: markdown }, \
         second: 'i:nth-of-type(2)', after: 'h1 ~ i', card: { css: table, fields: { first: 'tr:first-child > td' } }",
    );
    let (found, streamed) = record(&plan, PAGE);
    let expected = json!({"inner": "Book", "text": "The **Book**s", "second": "b", "after": "a",
        "card": {"first": "1"}});
    assert_eq!(found, expected);
    assert!(!streamed);
}

#[test]
fn the_first_selector_that_finds_a_value_counts() {
    let plan = fields("n: { css: [.a, .b, .c], as: number }, l: { css: [.x, i], all: true }");
    for (html, expected) in [
        ("<b class=b>2</b><b class=a>1</b>", json!({"n": 1, "l": []})),
        (
            "<b class=c>3</b><b class=b>no</b><b class=a></b><i>y</i>",
            json!({"n": 3, "l": ["y"]}),
        ),
        ("", json!({"n": null, "l": []})),
    ] {
        assert_eq!(record(&plan, html).0, expected, "{html}");
        assert_eq!(
            Value::Object(by_dom(&plan, html).records[0].fields.clone()),
            expected
        );
    }
}

#[test]
fn objects_within_objects() {
    let plan = fields(
        "shelves: { css: .shelf, all: true, fields: { name: h2, books: { css: .book, all: true, \
         fields: { title: b, url: { css: a, attr: href, as: url } } }, first: { css: .book, fields: { title: b } } } }",
    );
    let html = "<div class=shelf><h2>S</h2><p class=book><b>1</b><a href=x></a>\
        <p class=book><b>2</b></div><div class=shelf></div><p class=book><b>stray</b>";
    let expected = json!({"shelves": [
        {"name": "S", "books": [{"title": "1", "url": "http://e.org/book/x"}, {"title": "2", "url": null}],
         "first": {"title": "1"}},
        {"name": null, "books": [], "first": null},
    ]});
    let (found, streamed) = record(&plan, html);
    assert_eq!(found, expected);
    assert!(streamed);
    assert_eq!(
        Value::Object(by_dom(&plan, html).records[0].fields.clone()),
        expected
    );
}

#[test]
fn without_a_required_field_there_is_no_record() {
    let plan = fields("a: { css: h1, required: true }");
    assert!(plan.records("<p>x", "/", &base()).is_empty());
    assert_eq!(plan.records("<h1>x", "/", &base()).len(), 1);
}

#[test]
fn rules_are_for_their_pages() {
    let plan = plan(
        "- { record: a, when: ^/book/, fields: { t: h1 } }\n\
         - { record: b, fields: { j: { json: $.x } } }\n\
         - { record: c, fields: { t: 'h1:first-child' } }\n",
    );
    assert!(plan.wants("/book/1") && plan.wants_json());
    let names = |taken: Vec<Record>| -> Vec<(u16, String)> {
        let records = taken.into_iter();
        records
            .map(|record| (record.rule, record.name.to_string()))
            .collect()
    };
    let own = |rule: u16, name: &str| (rule, name.to_owned());
    assert_eq!(names(plan.records("<h1>", "/", &base())), [own(2, "c")]);
    assert_eq!(
        names(plan.records("<h1>", "/book/", &base())),
        [own(0, "a"), own(2, "c")]
    );
    assert_eq!(
        names(plan.json("{\"x\": 1}", "/book/", &base()).records),
        [own(1, "b")]
    );
}

#[test]
fn pages_of_json() {
    let plan = fields(
        "name: { json: $.item.name }, first: { json: '$.item.tags[0]', as: integer }, \
         tags: { json: '$.item.tags[*]', all: true }, url: { json: $.href, as: url }, \
         when: { json: $.at, as: date }, \
         parts: { json: '$.parts[*]', all: true, fields: { id: { json: $.id, required: true }, n: { json: $.n } } }",
    );
    let text = "\u{feff}{\"item\": {\"name\": \"x  y\", \"tags\": [\"1\", 2]}, \"href\": \"/z\", \"at\": 1700000000,\
        \"parts\": [{\"id\": 1, \"n\": {\"a\": null}}, {\"n\": 2}]}";
    let taken = plan.json(text, "/book/1", &base());
    assert_eq!(
        Value::Object(taken.records[0].fields.clone()),
        json!({"name": "x  y", "first": 1, "tags": ["1", 2], "url": "http://e.org/z",
            "when": "2023-11-14T22:13:20Z", "parts": [{"id": 1, "n": {"a": null}}]})
    );
    let broken = plan.json("{", "/book/1", &base());
    assert!(broken.records.is_empty() && broken.note.unwrap().starts_with("not JSON"));
    let deep = "[".repeat(100_000);
    assert!(plan.json(&deep, "/book/1", &base()).records.is_empty());
}

#[test]
fn a_hostile_page_ends_and_says_what_was_cut() {
    let simple = fields("t: h1, all: { css: p, all: true }");
    let complex =
        fields("t: h1, all: { css: 'p:not(.x)', all: true }, m: { css: body, as: markdown }");
    let slow = fields("t: h1, all: { css: 'b ~ i', all: true }");
    let nested = fields("all: { css: div, all: true }");
    let by_tree = fields("all: { css: 'div:not(.x)', all: true }");
    let blank = "<div>".repeat(300) + &" ".repeat(100_000);
    let text = "x".repeat(3000);
    let many: String = (0..700).map(|n| format!("<b a{n}>")).collect();
    let reopened = format!("{many}{}", "<p>x".repeat(4000));
    for (html, plan, note) in [
        ("<div>".repeat(50_000) + "<h1>x</h1>", &simple, "deeper"),
        (reopened, &complex, "deeper"),
        (format!("<p>{text}</p>").repeat(500), &simple, "longer"),
        (format!("<p>{text}</p>").repeat(500), &complex, "longer"),
        ("<p></p>".repeat(110_000), &simple, "more finds"),
        ("<p>".repeat(400) + &"<h1>".repeat(400) + &text, &simple, ""),
        ("<i></i>".repeat(1000), &slow, ""),
        (blank.clone(), &nested, "longer"),
        (blank, &by_tree, "longer"),
    ] {
        let (_, pass) = plan.pass(&html, "/", &mut |_| {});
        let taken = pass.finish(&base());
        let found = taken.note.unwrap_or_default();
        assert!(found.contains(note), "{found} {note}");
        assert_eq!(found.is_empty(), note.is_empty(), "{found}");
        let size: usize = taken.records[0]
            .fields
            .values()
            .map(|value| value.to_string().len())
            .sum();
        assert!(size < 2 << 20, "{size}");
    }
}

#[test]
fn a_wrong_selector_is_explained() {
    let plan = fields(
        "a: div.x > p.gone b, b: h1, rows: { css: tr, all: true, fields: { c: td.no } }, \
         d: { jsonld: Product.prize }, e: { css: [i, .no] }",
    );
    let (explained, note) = plan.explain(
        "<div class=x><p>1<p>2</div><h1>t</h1><table><tr><td>1<tr><td>2</table>\
         <script type=application/ld+json>{\"@type\": \"Product\", \"price\": 1}</script>",
        "/book/1",
        &base(),
    );
    assert_eq!(note, None);
    let field = |name: &str| {
        let mut fields = explained[0].fields.iter();
        fields.find(|field| field.name == name).unwrap()
    };
    let steps = |name: &str| {
        let steps = field(name).finds[0].steps.iter();
        steps
            .map(|(step, count)| format!("{count} {step}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        steps("a"),
        ["1 div.x", "0 div.x > p.gone", "2 p alone", "0 .gone alone"]
    );
    assert!(steps("b").is_empty() && field("b").value == Some(json!("t")));
    assert_eq!(steps("rows.c"), ["0 td.no", "2 td alone", "0 .no alone"]);
    assert_eq!(field("rows").finds[0].count, 2);
    assert_eq!(
        steps("d"),
        [
            "1 scripts of JSON-LD",
            "1 that are JSON",
            "1 Product",
            "0 Product.prize"
        ]
    );
    assert_eq!(field("e").finds.len(), 2);
    let json = fields("x: { json: '$.a.b[0].c' }");
    let explained = json
        .explain_json("{\"a\": {\"b\": []}}", "/", &base())
        .unwrap();
    let steps = &explained[0].fields[0].finds[0].steps;
    let last = steps.last().unwrap();
    assert_eq!(last.1, 0, "{steps:?}");
    assert!(steps.len() > 2, "{steps:?}");
}

/// Fields of which one find each is enough.
const FIRST: &str =
    "title: h1, price: { css: .price, as: number }, image: { css: img, attr: src, as: url }";

fn messy() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(&[
        "<tr>",
        "<td>",
        "</td>",
        "<table>",
        "</table>",
        "<p>",
        "</p>",
        "<i>",
        "</i>",
        "<b>",
        "</b>",
        "<h1>",
        "</h1>",
        "<div class=price>",
        "</div>",
        "<p class=sale>",
        "<img src=x>",
        "<img>",
        "12",
        " 3 x",
        "\n",
        "ISBN 5",
        "<tr id=q>",
        "<script>[1]</script>",
        "<script>",
        "<meta name='og:title' content=c>",
        "<script type='application/ld+json'>{\"@type\":\"Product\",\"sku\":7}</script>",
        "<span class=gone>g</span>",
        "&lt;",
        "<li>",
        "<ul>",
        "<a href=y>",
        "</a>",
        "<body class=price>",
        "<html id=q>",
        "<base href=/z/>",
        "<meta name=robots content=noindex>",
        "<link rel=canonical href=c>",
        "<!-- <body> -->",
        "<p class=pr&#105;ce>",
        "<b class='x&Tab;price'>",
        "<p class=price-tag>",
    ]);
    prop::collection::vec(pieces, 0..24)
        .prop_map(|pieces| format!("<!doctype html>{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn a_record_is_the_same_with_a_dom_and_without(html in messy()) {
        let plan = fields(SIMPLE);
        let (_, pass) = plan.pass(&html, "/book/1", &mut |_| {});
        prop_assert_eq!(pass.finish(&base()), by_dom(&plan, &html), "{}", html);
    }

    #[test]
    fn read_again_for_its_records_alone_a_page_has_the_same(html in messy()) {
        for plan in [fields(SIMPLE), fields(FIRST)] {
            let (head, pass) = plan.pass(&html, "/book/1", &mut |_| {});
            let expected = pass.finish(&base());
            for whole in [true, false] {
                let (again, pass) = plan.reread(&html, "/book/1", whole);
                prop_assert_eq!(pass.finish(&base()), expected.clone(), "{}", html);
                prop_assert_eq!(&again.base_href, &head.base_href, "{}", html);
                if whole {
                    prop_assert_eq!(again, head.clone(), "{}", html);
                }
            }
        }
    }

    #[test]
    fn a_pass_finds_the_links_of_a_scan(html in messy()) {
        let plan = fields(SIMPLE);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let (head, _) = plan.pass(&html, "/", &mut |link| with.push(link.href.to_owned()));
        let alone = links::scan(&html, &mut |link| without.push(link.href.to_owned()));
        prop_assert_eq!((with, head), (without, alone));
    }
}

/// Fields of every kind over documentation, with finds on most pages.
const RICH: &str = "title: h1, \
    top: { css: [.header h1, h1.fqn, '#firstHeading', h1], match: '(\\S+)$' }, \
    about: { meta: description, default: none }, \
    style: { css: 'link[rel=stylesheet]', attr: href, as: url }, \
    links: { css: 'a[href]', attr: href, as: url, all: true }, \
    first: { css: a, attr: href }, \
    code: { css: pre code, all: true }, \
    numbers: { css: td, all: true, as: number }, \
    terms: { css: dl > dt, all: true, fields: { id: { attr: id }, name: { css: a, required: true }, \
        to: { css: a, attr: href, as: url } } }, \
    tables: { css: table, all: true, fields: { class: { attr: class }, head: th, \
        rows: { css: tr, all: true, fields: { cells: { css: td, all: true }, \
            link: { css: td a, attr: href, as: url } } } } }, \
    section: { css: [section, main, '#content'], fields: { id: { attr: id }, head: h2, \
        item: { css: li, fields: { text: a } } } }, \
    data: { css: script, match: 'var (\\w+)' }";

#[test]
#[ignore = "needs the packages openjdk-17-doc, rust-doc and cppreference-doc-en-html"]
fn records_of_corpora_are_the_same_with_a_dom_and_without() {
    let plan = fields(RICH);
    let filled = std::sync::Mutex::new(std::collections::BTreeMap::<String, usize>::new());
    for package in corpus::PACKAGES {
        let (seen, all) = corpus::count(package, |file, html| {
            let (head, pass) = plan.pass(html, "/book/1", &mut |_| {});
            let base = match &head.base_href {
                Some(href) => base().join(href).unwrap_or_else(|_| base()),
                None => base(),
            };
            if !pass.is_streamed() {
                return false;
            }
            let (ours, theirs) = (pass.finish(&base), by_dom_at(&plan, html, &base));
            if ours.note.is_some() || theirs.note.is_some() {
                // What is cut is cut elsewhere.
                return false;
            }
            assert_eq!(ours, theirs, "{}", file.display());
            let mut filled = filled.lock().unwrap();
            for (name, value) in &ours.records[0].fields {
                *filled.entry(name.clone()).or_default() += usize::from(!is_nothing(value));
            }
            true
        });
        println!("{package}: {seen} of {all} pages without a DOM");
        assert!(seen * 2 > all, "{package}: {seen}");
    }
    let filled = filled.into_inner().unwrap();
    println!("{filled:?}");
    for (name, pages) in filled {
        assert!(pages > 20, "{name} is filled on {pages} pages alone");
    }
}
