use super::*;
use crate::config::{Overrides, parse};
use serde_json::json;

fn seen(method: &str, url: &str, posted: Option<&str>, answer: Value) -> Seen {
    Seen {
        method: method.to_owned(),
        url: Url::parse(url).unwrap(),
        posted: posted.map(str::to_owned),
        answer,
    }
}

fn get(url: &str, answer: Value) -> Seen {
    seen("GET", url, None, answer)
}

fn links(paths: &[&str]) -> Vec<Url> {
    let base = Url::parse("http://a.test/").unwrap();
    paths.iter().map(|path| base.join(path).unwrap()).collect()
}

fn items(ids: std::ops::Range<u64>) -> Value {
    ids.map(|id| json!({ "id": id, "url": format!("/item/{id}"), "image": "/i.png" }))
        .collect()
}

/// The one listing among these; its sites file is one.
#[track_caller]
fn one(seen: &[Seen], links: &[Url]) -> Listing {
    let mut found = find(seen, links);
    assert_eq!(found.len(), 1, "{found:?}");
    let page = Url::parse("http://a.test/list").unwrap();
    let file = sites_file(&page, &found);
    let job = parse(&file, "s.yaml", &|_| None, &Overrides::default());
    let job = job.unwrap_or_else(|error| panic!("{error}\n{file}"));
    let ready = found[0].is_ready();
    assert_eq!(
        job.sites[0].discover.api.len(),
        usize::from(ready),
        "{file}"
    );
    found.remove(0)
}

#[test]
fn pages_by_number_are_seen_by_how_they_rise() {
    let api = |page: u64| {
        get(
            &format!("http://a.test/api?q=x&seite={page}"),
            json!({ "hits": items(page * 10..page * 10 + 10) }),
        )
    };
    let found = one(&[api(1), api(2), api(3)], &[]);
    assert_eq!((found.asked, found.items.count), (3, 10));
    assert_eq!(found.items.path, "$.hits[*]");
    assert_eq!(found.items.address, Address::Key("url".to_owned()));
    let paging = found.paging.clone().unwrap();
    assert_eq!(paging.place, Place::Query("seite".to_owned()));
    assert_eq!((paging.kind, paging.proven), (Kind::Page(1), true));
    let entry = entry(&found);
    assert!(
        entry.contains(r#"url: "http://a.test/api?q=x&seite={page}""#),
        "{entry}"
    );
    assert!(entry.contains("page: { from: 1 }"), "{entry}");
    assert!(entry.contains(r#"urls: "$.hits[*].url""#), "{entry}");
}

#[test]
fn a_first_request_without_a_number_is_the_page_before_the_second() {
    let all = [
        get("http://a.test/api", items(0..5)),
        get("http://a.test/api?page=2", items(5..9)),
    ];
    let found = one(&all, &[]);
    assert_eq!(found.paging.as_ref().unwrap().kind, Kind::Page(1));
    assert!(entry(&found).contains("http://a.test/api?page={page}"));
    assert_eq!(found.items.path, "$[*]");
}

#[test]
fn offsets_rise_by_what_an_answer_has() {
    for name in ["offset", "position"] {
        let api = |at: u64| {
            get(
                &format!("http://a.test/api?{name}={at}&limit=20"),
                items(at..at + 20),
            )
        };
        let found = one(&[api(0), api(20)], &[]);
        assert_eq!(found.paging.unwrap().kind, Kind::Offset(20), "{name}");
    }
    // One request alone: by its name, in steps of what the limit says.
    let found = one(
        &[get("http://a.test/api?start=0&size=24", items(0..20))],
        &[],
    );
    let paging = found.paging.unwrap();
    assert_eq!((paging.kind, paging.proven), (Kind::Offset(24), false));
}

#[test]
fn cursors_stand_in_the_answer_before() {
    let api = |after: &str, next: &str, from: u64| {
        let url = format!("http://a.test/api?n=5{after}");
        get(
            &url,
            json!({ "meta": { "go-on": next }, "rows": items(from..from + 5) }),
        )
    };
    let found = one(&[api("", "a=b", 0), api("&token=a%3Db", "c", 5)], &[]);
    let paging = found.paging.clone().unwrap();
    assert_eq!(paging.kind, Kind::Cursor(r#"$.meta["go-on"]"#.to_owned()));
    assert!(
        entry(&found).contains("token={cursor}"),
        "{}",
        entry(&found)
    );
    // By its name, where the page has asked once.
    let alone = get(
        "http://a.test/api?cursor=",
        json!({ "next_cursor": "x", "rows": items(0..5) }),
    );
    let found = one(&[alone], &[]);
    assert_eq!(
        found.paging.unwrap().kind,
        Kind::Cursor("$.next_cursor".to_owned())
    );
}

#[test]
fn what_is_posted_is_paged_too() {
    let api = |page: u64| {
        let posted =
            format!(r#"{{"operationName":"List","variables":{{"page":{page},"q":"x\"y"}}}}"#);
        let answer = json!({ "data": { "list": { "nodes": items(page * 5..page * 5 + 5) } } });
        seen("POST", "http://a.test/graphql", Some(&posted), answer)
    };
    let other = seen(
        "POST",
        "http://a.test/graphql",
        Some(r#"{"operationName":"Me"}"#),
        json!({ "me": 1 }),
    );
    let found = one(&[other, api(0), api(1)], &[]);
    let paging = found.paging.clone().unwrap();
    assert_eq!(paging.place, Place::Posted("/variables/page".to_owned()));
    let entry = entry(&found);
    assert!(entry.contains("method: POST"), "{entry}");
    assert!(entry.contains(r#"\"page\":{page}"#), "{entry}");
    assert!(entry.contains("page: { from: 0 }"), "{entry}");
}

#[test]
fn ids_become_addresses_by_the_pages_own_links() {
    let list = json!([{ "sku": "a-1", "price": 3 }, { "sku": "b-2", "price": 3 }, { "sku": "c-3", "price": 4 }]);
    let page = links(&[
        "/p/a-1.html?ref=x",
        "/p/b-2.html?ref=x",
        "/about",
        "/p/xa-1.html",
    ]);
    let found = one(&[get("http://a.test/api", list.clone())], &page);
    let template = "http://a.test/p/{sku}.html?ref=x".to_owned();
    assert_eq!(
        found.items.address,
        Address::Template {
            key: "sku".to_owned(),
            template
        }
    );

    // Without such links it is told, and no crawl.
    let found = one(&[get("http://a.test/api", list)], &[]);
    assert_eq!(
        found.items.address,
        Address::Unknown {
            key: "sku".to_owned()
        }
    );
}

#[test]
fn what_is_no_listing_is_left_out() {
    let cases = [
        json!({ "user": { "id": 1, "url": "/me" } }),
        json!([{ "id": 1, "url": "/one" }]),
        json!([1, 2, 3, 4]),
        json!(["red", "green", "blue"]),
        json!([{ "label": "Size", "on": true }, { "label": "Colour", "on": true }]),
        json!([{ "src": "/a.png" }, { "src": "/b.png" }]),
        json!({ "a": { "a": {} } }),
        json!(null),
    ];
    for answer in cases {
        let found = find(&[get("http://a.test/api", answer.clone())], &[]);
        assert!(found.is_empty(), "{answer}: {found:?}");
    }
    let options = seen("OPTIONS", "http://a.test/api", None, items(0..5));
    assert!(find(&[options], &[]).is_empty());
}

#[test]
fn the_likeliest_comes_first() {
    let menu = get(
        "http://a.test/menu",
        json!([{ "id": 1, "name": "x" }, { "id": 2, "name": "y" }]),
    );
    let few = get("http://a.test/top", items(0..3));
    let many = get(
        "http://b.test/list?page=1",
        json!({ "items": [
        { "link": "http://c.test/1" }, { "link": "http://c.test/2" },
    ] }),
    );
    let found = find(&[menu, few, many], &[]);
    let paths: Vec<&str> = found.iter().map(|found| found.seen.url.path()).collect();
    assert_eq!(paths, ["/list", "/top", "/menu"]);
    let page = Url::parse("http://a.test/").unwrap();
    let file = sites_file(&page, &found);
    let job = parse(&file, "s.yaml", &|_| None, &Overrides::default()).unwrap();
    assert_eq!(job.sites[0].discover.api.len(), 2, "{file}");
    assert_eq!(job.sites[0].scope.hosts, ["a.test", "c.test"]);
    let unready = sites_file(&page, &found[2..]);
    parse(&unready, "s.yaml", &|_| None, &Overrides::default()).unwrap();
}

#[test]
fn hostile_names_make_no_other_document() {
    let key = "u\u{85}\u{2028}\"\n- x: y";
    let answer = json!({ key: [{ "url": "/a" }, { "url": "/b" }] });
    let found = one(&[get("http://a.test/api?a=%0A{page}&page=1", answer)], &[]);
    let file = sites_file(&Url::parse("http://a.test/").unwrap(), &[found]);
    assert!(!file.contains(['\u{85}', '\u{2028}']), "{file}");
    // As deep as it will.
    let deep = (0..200).fold(items(0..5), |inner, _| json!({ "a": inner }));
    assert!(find(&[get("http://a.test/api", deep)], &[]).is_empty());
}
