mod faults;

use super::*;
use std::time::Duration;

fn read(text: &str) -> Result<Job, String> {
    let env = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
    parse(text, "s.yaml", &env, &Overrides::default()).map_err(|error| error.to_string())
}

const WHOLE: &str = r#"
defaults:
  fetch: { concurrency: 4, delay: 0ms, timeout: 30s, retries: 3 }
---
site: books
start: https://books.example.org/
limits: { pages: 10000, depth: 12 }
discover:
  sitemap: auto
  links: on
scope:
  hosts: [books.example.org]
  include: ['^/book/', '^/list']
  exclude: ['[?&]sort=']
fetch:
  via: [http]
  concurrency: 16
  delay: 250ms
  headers: { Authorization: "Bearer ${TOKEN}" }
extract:
  - record: book
    when: ^/book/
    fields:
      title: h1
      price: { css: .price, as: number }
      tags:  { css: .tag, all: true }
      cover: { css: img.cover, attr: src, as: url }
keep: { bodies: warc, rotate: 100MB, links: true }
---
site: small
start: [http://127.0.0.1:8080/a, http://127.0.0.1:8080/b#x]
discover: { sitemap: off, links: false, nofollow: ignore, lastmod: ignore }
fetch: { robots: ignore, timeout: { connect: 1.5s, total: 2m }, max_body: 1MB }
"#;

#[test]
fn a_whole_file() {
    let job = read(WHOLE).unwrap();
    let [books, small] = &job.sites[..] else {
        panic!("two sites")
    };
    assert_eq!(books.name, "books");
    assert_eq!(books.limits.pages, Some(10_000));
    assert_eq!(books.limits.depth, Some(12));
    assert!(books.keep.bodies && !small.keep.bodies);
    assert!(books.keep.links && !small.keep.links);
    assert_eq!(books.keep.rotate, 100 << 20);
    assert_eq!(books.fetch.concurrency, 16);
    assert_eq!(books.fetch.delay, Duration::from_millis(250));
    assert_eq!(books.fetch.timeouts.total, Duration::from_secs(30));
    assert_eq!(books.fetch.headers[0].1, "Bearer s3cret");
    assert_eq!(job.secrets, ["s3cret"]);
    assert_eq!(books.extract[0].fields.len(), 4);
    assert_eq!(books.extract[0].fields[1].cast, Cast::Number);
    assert!(books.extract[0].fields[2].all);
    assert!(!books.fetch.allow_private && small.fetch.allow_private);
    assert_eq!(small.start[1].as_str(), "http://127.0.0.1:8080/b");
    assert_eq!(small.scope.hosts, ["127.0.0.1:8080"]);
    assert_eq!(small.discover.sitemap, Sitemap::Off);
    assert!(!small.discover.links && !small.discover.nofollow);
    assert!(!small.discover.lastmod);
    assert_eq!(small.fetch.robots, Robots::Ignore);
    assert_eq!(small.fetch.concurrency, 4, "from the defaults");
    assert_eq!(small.fetch.timeouts.connect, Duration::from_millis(1500));
    assert_eq!(small.fetch.timeouts.total, Duration::from_secs(120));
    assert_eq!(small.fetch.max_body, 1 << 20);
    assert!(!format!("{job:?}").contains("s3cret"));
}

const SOURCES: &str = r#"
site: shop
start: https://e.org/
discover:
  since: 2024-05-01
  traps: 50
  strategy: focused
  target: ^/item/
  api:
    - url: https://api.e.org/list?page={page}
      page: { from: 2, to: 9 }
      headers: { X-Key: '${TOKEN}' }
      urls: $.items[*]
      item: https://e.org/item/{id}
    - url: https://api.e.org/search
      body: '{"after": "{cursor}"}'
      cursor: { at: $.next, first: '*' }
      urls: $.hits[*].url
      limit: 3
    - { url: 'https://api.e.org/all', next: link, urls: '$[*]' }
  files:
    - urls.csv
    - { from: https://e.org/list.gz, format: jsonl, path: $.loc }
    - { from: more/t, column: 3 }
"#;

#[test]
fn lists_and_apis() {
    let job = read(SOURCES).unwrap();
    let found = &job.sites[0].discover;
    assert_eq!(found.since, Some(Since::Moment(1_714_521_600)));
    assert_eq!(found.traps, Some(50));
    assert_eq!(found.strategy, Strategy::Focused);
    let [list, search, all] = &found.api[..] else {
        panic!("three APIs")
    };
    assert!(!list.post && search.post && !all.post);
    assert!(matches!(
        list.paging,
        Paging::Count {
            mark: "page",
            from: 2,
            step: 1,
            to: Some(9)
        }
    ));
    assert!(matches!(&search.paging, Paging::Cursor { first, .. } if first == "*"));
    assert!(matches!(all.paging, Paging::Link));
    assert_eq!((search.limit, all.limit), (3, ApiRule::LIMIT));
    let [table, fetched, third] = &found.files[..] else {
        panic!("three lists")
    };
    assert!(matches!(&table.from, ListFrom::File(path) if path.ends_with("urls.csv")));
    assert!(matches!(&fetched.from, ListFrom::Url(_)));
    assert_eq!(fetched.format, Some(ListFormat::JsonLines));
    assert_eq!(third.column, Some(Column::Number(3)));
    assert!(!format!("{job:?}").contains("s3cret"));

    // A secret that changes is a change.
    let other = SOURCES.replace("'${TOKEN}'", "'other'");
    assert_ne!(read(&other).unwrap().sites[0].digest, job.sites[0].digest);
}

#[test]
fn a_digest_sees_values_and_not_their_layout() {
    let one = read("site: a\nstart: http://e.org/\n").unwrap().sites[0].digest;
    let two = read("# x\nsite:   a\nstart: \"http://e.org\"\n")
        .unwrap()
        .sites[0]
        .digest;
    let other = read("site: a\nstart: http://e.org/\nlimits: {depth: 1}\n")
        .unwrap()
        .sites[0]
        .digest;
    assert_eq!(one, two);
    assert_ne!(one, other);
}

#[test]
fn alerts_of_a_site_stand_in_place_of_the_defaults() {
    use crate::bus::{Condition, Level};
    let defaults = "defaults:\n  alerts:\n  - { when: disk_free < 2GB, notify: on }\n  \
        - { when: fill(book.title) < 90% }\n---\n";
    let hook = "alerts: [{ when: errors > 10%, for: 30s, level: error, bell: true, \
        webhook: 'https://e.org/${TOKEN}', command: [notify-send, '${TOKEN}'] }]\n";
    let text = format!(
        "{defaults}site: a\nstart: http://e.org/\n---\nsite: b\nstart: http://e.org/\n{hook}---\n\
         site: c\nstart: http://e.org/\nalerts: []\n"
    );
    let job = read(&text).unwrap();
    let [a, b, c] = &job.sites[..] else {
        panic!("three sites")
    };
    assert_eq!(a.alerts.len(), 1, "a takes no books");
    assert_eq!(a.alerts[0].when, Condition::DiskFree(2 << 30));
    assert!(a.alerts[0].notify && !a.alerts[0].bell && a.alerts[0].level == Level::Warn);
    assert_eq!(a.alerts[0].hold, Duration::from_secs(10));
    let rule = &b.alerts[0];
    assert!(rule.bell && rule.level == Level::Error && rule.hold == Duration::from_secs(30));
    let action = rule.action.as_ref().unwrap();
    assert_eq!(action.webhook.as_deref(), Some("https://e.org/s3cret"));
    assert_eq!(action.command, ["notify-send", "s3cret"]);
    assert!(c.alerts.is_empty());
    assert!(!format!("{job:?}").contains("s3cret"));
    let plain = read("site: b\nstart: http://e.org/\n").unwrap();
    assert_eq!(b.digest, plain.sites[0].digest, "an alert changes no crawl");
}

#[test]
fn rungs_have_limits_of_their_own_and_the_first_has_the_sites() {
    let text = "defaults:\n  fetch: { delay: 2s, browser: { timeout: 9s, budget: { requests: 5 } } }\n---\n\
        site: a\nstart: http://e.org/\n\
        fetch: { via: [http, browser], concurrency: 3, browser: { concurrency: 2, cost: 0.5, budget: { money: 12.5 } } }\n\
        ---\nsite: b\nstart: http://e.org/\n\
        fetch: { via: [browser, http], concurrency: 3, browser: { delay: 1s } }\n\
        ---\nsite: c\nstart: http://e.org/\n\
        fetch: { via: browser, concurrency: auto, browser: { concurrency: 7 } }\n\
        ---\nsite: d\nstart: http://e.org/\n";
    let job = read(text).unwrap();
    let [a, b, c, d] = &job.sites[..] else {
        panic!("four sites")
    };
    let seconds = Duration::from_secs;
    assert_eq!(a.fetch.via, [Rung::Http, Rung::Browser]);
    assert_eq!((a.fetch.concurrency, a.fetch.delay), (3, seconds(2)));
    let limits = a.fetch.limits(Rung::Browser);
    assert_eq!((limits.concurrency, limits.delay), (2, seconds(2)));
    assert_eq!(limits.timeout, seconds(9), "from the defaults");
    assert_eq!(limits.budget.money, Some(12_500_000));
    assert_eq!(limits.budget.requests, None, "a budget is one value");
    assert_eq!((b.fetch.concurrency, b.fetch.delay), (3, seconds(1)));
    assert_eq!(b.fetch.limits(Rung::Browser).concurrency, 3);
    assert_eq!(b.fetch.limits(Rung::Http).concurrency, 3);
    assert_eq!((c.fetch.concurrency, c.fetch.auto.clone()), (7, None));
    assert_eq!(d.fetch.via, [Rung::Http]);
    assert!(d.fetch.rungs.browser.is_none());
    assert!(
        job.warnings.is_empty(),
        "defaults may hold any rung's options"
    );
}

#[test]
fn plain_http_has_a_budget_and_a_price() {
    let text = "defaults:\n  fetch: { http: { cost: 0.001, budget: { requests: 9 } } }\n---\n\
        site: a\nstart: http://e.org/\nfetch: { concurrency: 3, http: { budget: { money: 1.5 } } }\n\
        ---\nsite: b\nstart: http://e.org/\n\
        ---\nsite: c\nstart: http://e.org/\nfetch: { via: browser }\n";
    let job = read(text).unwrap();
    let limits = |n: usize| job.sites[n].fetch.limits(Rung::Http);
    let (a, b) = (limits(0), limits(1));
    assert_eq!((a.cost, a.budget.money), (1000, Some(1_500_000)));
    assert_eq!((a.budget.requests, a.concurrency), (None, 3));
    assert_eq!((b.cost, b.budget.requests), (1000, Some(9)));
    assert!(job.warnings.is_empty(), "{:?}", job.warnings);
    let idle = "site: a\nstart: http://e.org/\nfetch: { via: browser, http: { cost: 1 } }\n";
    assert_eq!(
        read(idle).unwrap().warnings,
        ["s.yaml:1:1: fetch.http is not used: fetch.via does not name http"]
    );
}

#[test]
fn options_of_a_rung_that_is_not_used_are_a_warning() {
    let job = read("site: a\nstart: http://e.org/\nfetch: { browser: { concurrency: 2 } }\n");
    assert_eq!(
        job.unwrap().warnings,
        ["s.yaml:1:1: fetch.browser is not used: fetch.via does not name browser"]
    );
}

#[test]
fn money_is_read_exactly() {
    use super::scalar::{Money, Scalar};
    for (text, want) in [
        ("12.50", Some(12_500_000)),
        ("0.000001", Some(1)),
        ("3", Some(3_000_000)),
        ("0", None),
        ("0.0000001", None),
        (".5", None),
        ("1e3", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(Money::read(text).ok().map(|money| money.0), want, "{text}");
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let last = n - 1;
        text.push_str(&format!(
            "a{n}: &a{n} [{}]\n",
            vec![format!("*a{last}"); 10].join(",")
        ));
    }
    let message = read(&format!("site: a\nstart: http://e.org/\n{text}")).unwrap_err();
    assert!(message.starts_with("s.yaml:3:"), "{message}");
}

#[test]
fn a_site_by_its_url() {
    let job = for_url("http://127.0.0.1:81/x?y#z", &Overrides::default()).unwrap();
    assert_eq!(job.sites[0].name, "127.0.0.1-81");
    assert_eq!(job.sites[0].limits.pages, Some(10_000));
    assert!(for_url("http://", &Overrides::default()).is_err());
}

#[test]
fn a_start_may_be_left_out_where_pages_are_named() {
    for (discover, hosts, private) in [
        (
            "{ api: [ { url: 'https://e.org/api?p={page}', page: {}, urls: $.x } ] }",
            &["e.org"][..],
            false,
        ),
        (
            "{ api: [ { url: 'http://127.0.0.1:81/a', urls: $.x } ] }",
            &["127.0.0.1:81"],
            true,
        ),
        (
            "{ sitemap: [http://e.org/s.xml, http://f.org/s.xml] }",
            &["e.org", "f.org"],
            false,
        ),
        (
            "{ files: [a.txt] }\nscope: { hosts: ['*.e.org'] }",
            &["*.e.org"],
            false,
        ),
        (
            "{ files: [http://127.0.0.1/a] }\nscope: { hosts: [e.org] }",
            &["e.org"],
            false,
        ),
        (
            "{ files: [a.txt] }\nscope: { hosts: [e.org, '127.0.0.1:82'] }",
            &["e.org", "127.0.0.1:82"],
            true,
        ),
    ] {
        let job = read(&format!("site: a\ndiscover: {discover}\n")).unwrap();
        let site = &job.sites[0];
        assert!(site.start.is_empty());
        assert_eq!(site.scope.hosts, hosts, "{discover}");
        assert_eq!(site.fetch.allow_private, private, "{discover}");
        let home = format!("https://{}/", hosts[0].trim_start_matches("*."));
        assert_eq!(site.home().unwrap().as_str(), home);
    }
    let job = read("site: a\nstart: http://e.org/x\n").unwrap();
    assert_eq!(job.sites[0].home().unwrap().as_str(), "http://e.org/x");
}

/// The schema that editors complete by is generated from the same types.
#[test]
fn the_schema_in_the_assets_is_in_step() {
    let schema = schemars::schema_for!(raw::Document);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/sites.schema.json");
    if std::env::var_os("CRAWLDECK_UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == text,
        "assets/sites.schema.json is out of step: run the tests with CRAWLDECK_UPDATE_SCHEMA=1"
    );
}
