//! Lists as other tools write them, and as an enemy does.

use super::*;
use crate::config::{Column, JsonQuery, ListFrom};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

fn rule() -> ListRule {
    ListRule {
        from: ListFrom::File("x".into()),
        format: None,
        column: None,
        path: None,
    }
}

fn query(text: &str) -> JsonQuery {
    JsonQuery {
        text: text.to_owned(),
        path: serde_json_path::JsonPath::parse(text).unwrap(),
    }
}

/// What is found, a line each: a URL, `> ` a sitemap, `! line why text`.
fn found(bytes: &[u8], rule: &ListRule, name: &str) -> (Vec<String>, Summary) {
    let base = Url::parse("https://e.org/start").unwrap();
    let mut lines = Vec::new();
    let summary = read(bytes, rule, name, &base, &mut |found| {
        lines.push(match found {
            Found::Page(url, None) => url.to_string(),
            Found::Page(url, Some(lastmod)) => format!("{url} {lastmod}"),
            Found::Sitemap(url, _) => format!("> {url}"),
            Found::Bad { line, why, text } => format!("! {line} {why} {text}"),
        });
        true
    });
    (lines, summary)
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn every_format() {
    let column = |column| ListRule {
        column: Some(column),
        ..rule()
    };
    let cases: Vec<(&str, &str, ListRule, Vec<&str>)> = vec![
        (
            "a.txt",
            "\u{feff}# made by hand\r\nhttps://e.org/a\r\n\r\n /b \nftp://e.org/\rnonsense\nhttps://e.org/ü",
            rule(),
            vec![
                "https://e.org/a",
                "https://e.org/b",
                "! 5 not http or https ftp://e.org/",
                "! 6 not a URL nonsense",
                "https://e.org/%C3%BC",
            ],
        ),
        (
            "a.csv",
            "Title,Address,Status\n\"a, b\",https://e.org/a,200\n\"two\nlines\",https://e.org/b,404\nc,,200\n",
            rule(),
            vec!["https://e.org/a", "https://e.org/b", "! 5 no URL "],
        ),
        (
            "a.csv",
            "n;link to it\n1;https://e.org/a,b\n2\n",
            column(Column::Name("Link To It".into())),
            vec!["https://e.org/a,b", "! 3 no URL 2"],
        ),
        (
            "a.tsv",
            "x\thttps://e.org/1\thttps://e.org/2\ny\t\thttps://e.org/3\n",
            column(Column::Number(3)),
            vec!["https://e.org/2", "https://e.org/3"],
        ),
        (
            "a.tsv",
            "\n\turl\n1\thttps://e.org/a\n2\tx\n",
            rule(),
            vec!["https://e.org/a", "! 4 not a URL x"],
        ),
        // Without a head, and without a word on the column.
        (
            "a.csv",
            "1,https://e.org/a\nhttps://e.org/b\n3,none\n",
            rule(),
            vec!["https://e.org/a", "https://e.org/b", "! 3 no URL 3,none"],
        ),
        // A head that is not named.
        (
            "list",
            "page,x\nhttps://e.org/a,1\n",
            column(Column::Number(1)),
            vec!["https://e.org/a"],
        ),
        (
            "a.jsonl",
            "{\"url\":\"https://e.org/a\"}\n{\"LOC\":\"/b\"}\n\"https://e.org/c\"\n[1,\"https://e.org/d\"]\n{oops\n{\"x\":1}\n",
            rule(),
            vec![
                "https://e.org/a",
                "https://e.org/b",
                "https://e.org/c",
                "https://e.org/d",
                "! 5 not JSON {oops",
                "! 6 no URL {\"x\":1}",
            ],
        ),
        (
            "a.bin",
            "{\"items\":[{\"u\":\"/1\"},{\"u\":\"/2\"},{\"u\":3}]}\n{\"items\":[]}\n",
            ListRule {
                path: Some(query("$.items[*].u")),
                ..rule()
            },
            vec![
                "https://e.org/1",
                "https://e.org/2",
                "! 2 no URL {\"items\":[]}",
            ],
        ),
        // A sitemap, whatever it is called.
        (
            "urls.txt",
            "<urlset><url><loc>/a</loc><lastmod>2024</lastmod></url></urlset>",
            rule(),
            vec!["https://e.org/a 2024"],
        ),
        (
            "x.xml",
            "<sitemapindex><sitemap><loc>/m.xml</loc></sitemap></sitemapindex>",
            rule(),
            vec!["> https://e.org/m.xml"],
        ),
    ];
    for (name, text, rule, want) in cases {
        let (lines, summary) = found(text.as_bytes(), &rule, name);
        assert_eq!(lines, want, "{text}");
        assert_eq!(summary.problem, None, "{text}");
        assert_eq!(summary.rows, want.len() as u64, "{text}");
        let bad = want.iter().filter(|line| line.starts_with('!')).count();
        assert_eq!(summary.bad, bad as u64, "{text}");
        // Packed, with or without its name saying so.
        let packed = gz(text.as_bytes());
        assert_eq!(found(&packed, &rule, name).0, want, "{text}");
        assert_eq!(found(&packed, &rule, &format!("{name}.gz")).0, want);
        // As a spreadsheet of old writes it.
        let wide: Vec<u8> = std::iter::once(0xfeff)
            .chain(text.trim_start_matches('\u{feff}').encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(found(&wide, &rule, name).0, want, "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_list() {
    let long = format!("a,b\n\"{}", "x".repeat(2 << 20));
    let mut cut = gz("https://e.org/a\n".repeat(20_000).as_bytes());
    cut.truncate(cut.len() / 2);
    let named = ListRule {
        column: Some(Column::Name("url".into())),
        ..rule()
    };
    for (name, bytes, rule, problem) in [
        ("a.txt", &b""[..], rule(), "it is empty"),
        ("a.txt", b"# nothing\n", rule(), "there is nothing in it"),
        ("a.txt", b"one\ntwo\n", rule(), "no row of it has a URL"),
        (
            "a.csv",
            b"a,b\n1,2\n",
            named,
            "it has no column \"url\"; its first row is \"a, b\"",
        ),
        ("a.csv", long.as_bytes(), rule(), "a piece of it is longer"),
        ("a.txt", &cut, rule(), "it cannot be read on"),
        (
            "a.xml",
            b"<!DOCTYPE html><p>no",
            rule(),
            "it is an HTML page, not a sitemap",
        ),
    ] {
        let (_, summary) = found(bytes, &rule, name);
        let is = summary.problem.unwrap_or_default();
        assert!(is.contains(problem), "{is}, not {problem}");
    }
    // What stood before the break was given.
    assert!(found(&cut, &rule(), "a.txt").0.len() > 100);
}

#[test]
fn a_long_line_is_one_bad_row() {
    let text = format!("https://e.org/{}\nhttps://e.org/b\n", "x".repeat(300_000));
    let (lines, summary) = found(text.as_bytes(), &rule(), "a.txt");
    assert!(lines[0].starts_with("! 1 too long for a URL"));
    assert!(lines[0].len() < 200);
    assert_eq!(lines[1], "https://e.org/b");
    assert_eq!((summary.rows, summary.bad), (2, 1));
}

#[test]
fn the_sink_ends_it() {
    let text = "https://e.org/\n".repeat(1000);
    let base = Url::parse("https://e.org/").unwrap();
    let mut seen = 0;
    let summary = read(text.as_bytes(), &rule(), "a.txt", &base, &mut |_| {
        seen += 1;
        seen < 10
    });
    assert_eq!((seen, summary.problem), (10, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_in_any_format_are_read_to_an_end(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        name in prop::sample::select(vec!["a.txt", "a.csv", "a.jsonl", "a.xml", "a"]),
    ) {
        let (lines, summary) = found(&bytes, &rule(), name);
        prop_assert!(lines.len() as u64 <= summary.rows);
        prop_assert!(summary.bad <= summary.rows);
    }
}

#[test]
fn a_first_part_gives_whole_rows() {
    for (name, row, head) in [
        ("a.txt", "https://e.org/", ""),
        ("a.csv", "1,https://e.org/", "n,url\n"),
        ("a.jsonl", "{\"n\":1,\"url\":\"https://e.org/", ""),
    ] {
        let tail = if name == "a.jsonl" { "\"}\n" } else { "\n" };
        let text = format!("{head}{row}10{tail}{row}20{tail}{row}3");
        let base = Url::parse("https://e.org/start").unwrap();
        let mut urls = Vec::new();
        let part = crate::discover::part(text.as_bytes(), "it is cut off".to_owned());
        let summary = read(part, &rule(), name, &base, &mut |found| {
            match found {
                Found::Page(url, _) => urls.push(url.to_string()),
                other => panic!("{other:?}"),
            }
            true
        });
        assert_eq!(urls, ["https://e.org/10", "https://e.org/20"], "{name}");
        let problem = summary.problem.unwrap();
        assert!(problem.ends_with("it is cut off"), "{problem}");
    }
}
