//! Which cookies a solver's browser is given.

use super::{Container, Rig, site, solved};
use crate::fetch::{Fetcher, Visitor, Want};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};
use url::Url;

fn set(visitor: &Visitor, cookie: &'static str) {
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, HeaderValue::from_static(cookie));
    visitor.hear(&Url::parse("http://site.test/").unwrap(), &headers);
}

#[tokio::test]
async fn it_gets_what_plain_http_has_and_it_has_not() {
    let container = Container::new(solved("http://site.test/a")).await;
    let rig = Rig::new(&site(&[container.address()], ""));
    let given = || container.all("request.get").pop().unwrap()["cookies"].clone();
    rig.get().await.unwrap();
    assert_eq!(given(), Value::Null, "there is none");

    set(&rig.visitor, "basket=7");
    rig.get().await.unwrap();
    let basket = json!([{"name": "basket", "value": "7"}]);
    assert_eq!(given(), basket, "what was won there it has");
    rig.get().await.unwrap();
    assert_eq!(given(), Value::Null, "once");
    set(&rig.visitor, "basket=8");
    rig.get().await.unwrap();
    assert_eq!(given()[0]["value"], "8");

    // Another host's are none of its.
    rig.fetch("http://other.test/").await.unwrap();
    assert_eq!(given(), Value::Null);
    assert_eq!(container.sessions().len(), 1);
}

#[tokio::test]
async fn no_visitor_gets_anothers_cookies() {
    let container = Container::new(solved("http://site.test/a")).await;
    let rig = Rig::new(&site(&[container.address()], ""));
    set(&rig.visitor, "basket=7");
    rig.get().await.unwrap();
    let other = Visitor::new(&site(&[container.address()], ""));
    let page = Url::parse("http://site.test/a?b").unwrap();
    for visitor in [&other, &rig.visitor, &other] {
        rig.solver.fetch(visitor, &page, Want::Page).await.unwrap();
    }
    let asked = container.all("request.get");
    assert_eq!(asked[0]["session"], asked[2]["session"]);
    assert_eq!(asked[1]["session"], asked[3]["session"]);
    assert_ne!(asked[0]["session"], asked[1]["session"]);
    assert_eq!(asked[1]["cookies"], Value::Null);
    assert_eq!(container.sessions().len(), 2);
}
