//! What is fuzzed, and what must hold of any input.

use super::fuzz;
use crawldeck::bus::verb;
use crawldeck::config::{self, Overrides};
use crawldeck::discover::links::Linker;
use crawldeck::discover::robots::Robots;
use crawldeck::discover::sitemap::{self, Caps, Entry};
use crawldeck::extract::{charset, links};
use crawldeck::page::NormalForm;
use std::io::Write;
use url::Url;

pub const HTML: &[&[u8]] = &[
    b"<!doctype html><html><head><base href='/b/'><title>T &amp; t</title>\
      <link rel=canonical href=/c><meta name=robots content='nofollow, noindex'>\
      <meta http-equiv=refresh content='0; url=/r'></head>\
      <body><h1 class='a b'>x</h1><a href=\"p?q=1&amp;r=2#f\" rel=nofollow>l</a></body>",
    b"<table><tr><td><a href=x><p>y</table><script>var a='<a href=z>';</script><!-- <a href=no> -->",
    b"<svg><a xlink:href='q'><title>t</title></svg><template><a href=t></template><plaintext><a href=u>",
    b"<meta charset=shift_jis><a href='\x83\x65\x83\x58'>\x93\xfa\x96\x7b</a>",
    b"\xff\xfe<\0a\0 \0h\0r\0e\0f\0=\0x\0>\0",
];
pub const TAGS: &[&str] = &[
    "<a href=x>",
    "</a>",
    "<div>",
    "</div>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<base href=//e>",
    "<![CDATA[",
    "]]>",
    "&#x110000;",
    "&amp",
    "href=",
    "='",
    "\"",
    "<p>",
    "<table>",
    "<tr>",
    "<svg>",
    "<textarea>",
    "</title",
    "<meta charset=utf-16>",
    "\u{202e}",
    "//[::1]:99999/",
    "javascript:",
];

pub fn site(more: &str) -> std::sync::Arc<config::Site> {
    let text = format!("site: s\nstart: http://127.0.0.1/dir/\n{more}");
    let job = config::parse(&text, "s.yaml", &|_| None, &Overrides::default()).unwrap();
    job.sites[0].clone()
}

#[test]
fn links_of_any_page_are_urls_in_normal_form() {
    let site = site("");
    let linker = Linker::new(&site);
    let page = Url::parse("http://127.0.0.1/dir/page").unwrap();
    fuzz("links", HTML, TAGS, |bytes| {
        let (html, _) = charset::decode(bytes, None);
        let mut of_page = linker.page(&page, 1);
        let head = links::scan(&html, &mut |link| of_page.push(link.href));
        if let Some(base) = &head.base_href {
            of_page.base(base);
        }
        of_page.finish(&|_| false, &mut |found| {
            let url = Url::parse(&found.url).expect("a link that is no URL");
            let again = NormalForm::default().parse(url.as_str(), None);
            let again = again.expect("a link that is no page");
            assert_eq!(again.as_str(), &*found.url, "not in normal form");
            assert!(found.url.len() <= NormalForm::MAX_LEN);
            assert_eq!(linker.print(&found.url), found.print);
        });
    });
}

#[test]
fn any_bytes_become_text() {
    let types = [
        None,
        Some("text/html"),
        Some("text/html; charset=gb18030"),
        Some(";=\""),
    ];
    let mut turn = 0;
    fuzz("charset", HTML, TAGS, |bytes| {
        turn += 1;
        let (text, _) = charset::decode(bytes, types[turn % types.len()]);
        assert!(text.len() <= 4 * bytes.len() + 4);
    });
}

#[test]
fn any_robots_file_gives_rules() {
    let seeds: &[&[u8]] = &[
        b"User-agent: *\nDisallow: /a*b$\nAllow: /a/\nCrawl-delay: 1.5\nSitemap: https://e.org/s.xml\n",
        b"\xef\xbb\xbfuser-agent: bot\r\nuser-agent: crawldeck # c\r\ndisallow: /%7Ex\r\rdisallow:\n",
    ];
    let words = &[
        "User-agent:",
        "Disallow:",
        "Allow: /",
        "*",
        "$",
        "%2",
        "%e3%83",
        "#",
        "\n",
        "Crawl-delay: 1e9",
        "Crawl-delay: -1",
        "/***********",
    ];
    fuzz("robots", seeds, words, |bytes| {
        let rules = Robots::parse(bytes).for_agent("crawldeck");
        for path in ["/", "/a/b", "/robots.txt", "/%7Ex?y", "/***/$"] {
            let decision = rules.allows(path);
            assert!(path != "/robots.txt" || decision.allowed);
        }
        assert!(
            rules
                .crawl_delay()
                .is_none_or(|delay| delay.as_secs() <= 3600)
        );
    });
}

#[test]
fn any_sitemap_is_read_to_its_break() {
    let plain: &[u8] =
        b"<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
        <url><loc>http://127.0.0.1/a?b=1&amp;c</loc><lastmod>2026-01-01</lastmod></url>\
        <url><loc><![CDATA[http://127.0.0.1/d]]></loc></url></urlset>";
    let index: &[u8] = b"<sitemapindex><sitemap><loc>s1.xml.gz</loc></sitemap></sitemapindex>";
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(plain).unwrap();
    let gz = gz.finish().unwrap();
    let seeds: &[&[u8]] = &[
        plain,
        index,
        &gz,
        b"http://127.0.0.1/x\nhttp://127.0.0.1/y\r\n",
    ];
    let words = &[
        "<loc>",
        "</loc>",
        "<url>",
        "</url>",
        "<![CDATA[",
        "]]>",
        "&#x0;",
        "&bogus;",
        "<!DOCTYPE x [",
        "<!ENTITY a 'aaaaaaaa'>",
        "&a;",
        "<image:loc>",
        "\u{feff}",
        "<html>",
    ];
    let base = Url::parse("http://127.0.0.1/sitemap.xml").unwrap();
    let caps = Caps::default();
    fuzz("sitemap", seeds, words, |bytes| {
        let mut entries = 0u64;
        sitemap::read(bytes, &base, &caps, &mut |entry| {
            entries += 1;
            let (Entry::Page { loc, .. } | Entry::Sitemap { loc, .. }) = entry else {
                return;
            };
            assert!(matches!(loc.scheme(), "http" | "https"), "{loc}");
        });
        assert!(
            entries <= 16 * bytes.len() as u64 + 1000,
            "{entries} of {} bytes",
            bytes.len()
        );
    });
}

#[test]
fn any_sites_file_is_read_or_refused_in_one_line() {
    let seeds: &[&[u8]] = &[
        b"defaults:\n  fetch: { concurrency: 8, delay: 0ms, timeout: 30s, retries: 3 }\n---\n\
          site: books\nstart: https://books.example.org/\nlimits: { pages: 10000, depth: 12 }\n\
          scope:\n  include: ['^/book/']\n  exclude: ['[?&]sort=']\n",
        b"site: a\nstart: [http://e.org/, http://f.org/]\nfetch:\n  concurrency: auto\n  headers: { A: '${B}' }\n\
          extract:\n  - record: r\n    fields:\n      t: h1\n      p: { css: .p, as: number, required: true }\n",
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b, *b]\n",
    ];
    let words = &[
        "site:",
        "start:",
        "---\n",
        "&a",
        "*a",
        "<<:",
        "!!binary",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "'",
        "\t",
        "${",
        "}",
        "1e99",
        "-1",
        "null",
        "|",
        ">",
        "%YAML 9.9\n",
        "\u{feff}",
        "extract:",
        "fields:",
        "css:",
    ];
    fuzz("sites file", seeds, words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        let env = |_: &str| Some("hunter2".to_owned());
        match config::parse(text, "sites.yaml", &env, &Overrides::default()) {
            Ok(job) => {
                assert!(!job.sites.is_empty());
                for site in &job.sites {
                    assert!(!site.start.is_empty() && site.fetch.concurrency >= 1);
                }
            }
            Err(error) => {
                let line = error.to_string();
                assert!(line.starts_with("sites.yaml"), "{line}");
                assert!(!line.contains('\n'), "{line}");
            }
        }
    });
}

#[test]
fn any_line_is_a_command_or_is_refused() {
    let seeds: &[&[u8]] = &[
        b"pause books",
        b"concurrency books auto:2..9",
        b"retry all kind=status status=503 host=a.example text=\"x y\"",
        b"drop all '^/a b' preview",
        b"add docs https://docs.example.org/ http://x",
    ];
    let words = &[
        "\"",
        "'",
        "\\",
        "all",
        "books#1",
        "docs@h",
        "page=1,2",
        "auto:9..2",
        "none",
        "=",
        " ",
    ];
    let names = ["books", "docs"];
    fuzz("verbs", seeds, words, |bytes| {
        let line = String::from_utf8_lossy(bytes);
        let Ok(words) = verb::split(&line) else {
            return;
        };
        if let Ok(command) = verb::read(&words, &names) {
            let said = verb::words(&command, &names);
            let again = verb::read(&verb::split(&said).unwrap(), &names);
            assert_eq!(again, Ok(command), "{said}");
        }
    });
}
