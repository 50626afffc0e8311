//! Solvers by the exits of the site's proxies.

use super::{Container, Rig, Solves, site_with, solved};
use crate::bus::{Exit, ExitState};
use crate::fetch::{Fetcher, Trouble, Visitor, Want};
use crate::page::FailureKind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use url::Url;

const PASSWORD: &str = "s3cret";

/// A site whose solver goes by these proxies.
fn rig(container: &Container, list: &[&str], more: &str) -> Rig {
    let list: Vec<String> = list.iter().map(|at| format!("'{at}'")).collect();
    let line = format!("  proxy: {{ list: [{}] {more} }}\n", list.join(", "));
    Rig::new(&site_with(&[container.address()], ", proxy: on", &line))
}

fn exits(rig: &Rig) -> Vec<Exit> {
    rig.solver.proxies().unwrap().exits().rows
}

fn exit(rig: &Rig, name: &str) -> Exit {
    let mut rows = exits(rig).into_iter();
    rows.find(|row| &*row.name == name).unwrap()
}

#[tokio::test]
async fn each_exit_has_a_session_of_its_own_and_figures() {
    let container = Container::new(solved("http://site.test/a")).await;
    let rig = rig(
        &container,
        &["http://us3r:s3cret@one.test:1", "socks5h://two.test:2"],
        "",
    );
    let mut through = BTreeSet::new();
    for _ in 0..4 {
        let page = rig.get().await.unwrap();
        through.insert(page.through.unwrap().to_string());
    }
    let endpoint = container.address();
    let want = [("one.test:1", 1), ("two.test:2", 2)];
    let want = want.map(|(exit, session)| format!("{endpoint} by {exit} #{session}"));
    assert_eq!(through, want.into());
    let told: Vec<Value> = container.all("sessions.create");
    let told: Vec<&Value> = told.iter().map(|body| &body["proxy"]).collect();
    let one = json!({"url": "http://one.test:1", "username": "us3r", "password": PASSWORD});
    let two = json!({"url": "socks5://two.test:2"});
    assert_eq!(told, [&one, &two], "opened once each");
    for row in exits(&rig) {
        let figures = (row.ok, row.failed, row.blocked, row.p50);
        assert_eq!(figures, (2, 0, 0, None), "{row:?}");
    }
    let shown = format!("{:?} {:?} {:?}", rig.solver, exits(&rig), through);
    assert!(
        !shown.contains(PASSWORD) && !shown.contains("us3r"),
        "{shown}"
    );
    // What was won there is worth nothing at our address.
    let start = Url::parse("http://site.test/").unwrap();
    assert!(!rig.visitor.is_cleared(&start));
}

#[tokio::test]
async fn what_an_exit_does_wrong_is_the_exits_and_another_is_tried() {
    fn by(proxy: &Value) -> Solves {
        match proxy["url"].as_str().unwrap_or_default() {
            "http://dead.test:1" => Solves::Not(
                "Error: Error solving the challenge. Message: unknown error: \
                 net::ERR_PROXY_CONNECTION_FAILED\n  (Session info: chrome=120) s3cret",
            ),
            "http://strict.test:2" => {
                Solves::Not("Error: Error solving the challenge. net::ERR_PROXY_AUTH_REQUESTED")
            }
            _ => solved("http://site.test/a"),
        }
    }
    let container = Container::new(Solves::By(by)).await;
    let list = [
        "http://us3r:s3cret@dead.test:1",
        "http://us3r:s3cret@strict.test:2",
        "http://us3r:s3cret@good.test:3",
    ];
    let rig = rig(&container, &list, "");
    for _ in 0..3 {
        let page = rig.get().await.unwrap();
        let through = page.through.unwrap();
        assert!(through.contains(" by good.test:3 #"), "{through}");
    }
    let (dead, strict) = (exit(&rig, "dead.test:1"), exit(&rig, "strict.test:2"));
    assert_eq!((dead.failed, dead.state), (1, ExitState::Resting));
    assert_eq!((strict.failed, strict.state), (1, ExitState::Refused));
    assert_eq!(exit(&rig, "good.test:3").ok, 3);
    let shown = format!("{:?}", exits(&rig));
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[tokio::test]
async fn a_block_rests_on_the_exit_and_ends_its_session() {
    fn by(proxy: &Value) -> Solves {
        match proxy["url"] == "http://banned.test:1" {
            true => Solves::Not(
                "Error: Error solving the challenge. Cloudflare has blocked this request. \
                 Probably your IP is banned for this site, check in your web browser.",
            ),
            false => solved("http://site.test/a"),
        }
    }
    let container = Container::new(Solves::By(by)).await;
    let list = ["http://banned.test:1", "http://good.test:2"];
    let rig = rig(&container, &list, ", rotate: site");
    let error = rig.get().await.unwrap_err();
    assert_eq!((error.kind, &error.trouble), (FailureKind::Blocked, &None));
    assert!(error.detail.starts_with("by banned.test:1: "), "{error}");
    assert_eq!(exit(&rig, "banned.test:1").blocked, 1);
    // The session is over, and with it the browser over there.
    let page = rig.get().await.unwrap();
    assert!(page.through.unwrap().contains(" by good.test:2 #"));
    assert_eq!(container.sessions().len(), 1);
    // What the body tells later counts by the same name.
    let proxies = rig.solver.proxies().unwrap();
    proxies.blocked(&format!("{} by good.test:2 #2", container.address()));
    assert_eq!(exit(&rig, "good.test:2").blocked, 1);
}

#[tokio::test]
async fn browsers_over_there_are_few_however_many_exits_there_are() {
    let container = Container::new(solved("http://site.test/a")).await;
    let list = [
        "http://a.test:1",
        "http://b.test:1",
        "http://c.test:1",
        "http://d.test:1",
    ];
    let rig = rig(&container, &list, "");
    for _ in 0..8 {
        rig.get().await.unwrap();
        assert!(container.sessions().len() <= 3);
    }
    rig.endpoints[0].close(&rig.http).await;
    assert!(container.sessions().is_empty());
}

#[tokio::test]
async fn where_no_exit_does_nothing_goes_without() {
    let gone = "Error: Error solving the challenge. net::ERR_PROXY_CONNECTION_FAILED";
    let container = Container::new(Solves::Not(gone)).await;
    for (more, direct) in [("", false), (", fallback: direct", true)] {
        let rig = rig(&container, &["http://us3r:s3cret@dead.test:1"], more);
        let mut error = rig.get().await.unwrap_err();
        // It rests; after the last rest it is dead.
        while !direct && !matches!(error.trouble, Some(Trouble::Down(_))) {
            error = rig.get().await.unwrap_err();
        }
        assert!(!format!("{error:?}{:?}", error.trouble).contains(PASSWORD));
        let sessions = container.all("sessions.create");
        let without = sessions.iter().filter(|body| body["proxy"].is_null());
        assert_eq!(without.count(), usize::from(direct), "{more}");
    }
}

#[tokio::test]
async fn a_guarded_site_is_led_nowhere_private_by_an_exit() {
    let container = Container::new(solved("http://10.0.0.7/admin")).await;
    let line = "  proxy: { list: ['http://one.test:1'] }\n";
    let mut site = site_with(&[container.address()], ", proxy: on", line);
    site.fetch.allow_private = false;
    let rig = Rig::new(&site);
    for page in [
        "http://site.test/",
        "http://mixed.test/",
        "http://10.0.0.1/",
    ] {
        let error = rig.fetch(page).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Private, "{page}");
    }
    assert_eq!(container.server.connections(), 0);
    let error = rig.fetch("http://93.184.215.14/").await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Private, "where it landed");
}

#[tokio::test]
async fn sites_share_exits_and_no_browser() {
    let container = Container::new(solved("http://site.test/a")).await;
    let rig = rig(&container, &["http://one.test:1"], "");
    let line = "  proxy: { list: ['http://one.test:1'] }\n";
    let mut other = site_with(&[container.address()], ", proxy: on", line);
    other.name = "other".to_owned();
    let other = Visitor::new(&other);
    rig.get().await.unwrap();
    let page = Url::parse("http://site.test/a?b").unwrap();
    rig.solver.fetch(&other, &page, Want::Page).await.unwrap();
    let asked = container.all("request.get");
    assert_ne!(asked[0]["session"], asked[1]["session"]);
}
