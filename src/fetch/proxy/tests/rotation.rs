//! Which exit and which visitor makes a request.

use super::support::{FakeProxy, Origin, address, get, list, rule, rung, visitor};
use crate::bus::ExitState;
use crate::config::{Gateway, ProxyFrom, Rotate};
use crate::fetch::proxy::Proxy;
use crate::fetch::{Fetcher, Want};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::time::Duration;

async fn three() -> [FakeProxy; 3] {
    [
        FakeProxy::http().await,
        FakeProxy::http().await,
        FakeProxy::http().await,
    ]
}

fn by(proxies: &[FakeProxy], rotate: Rotate) -> crate::config::ProxyRule {
    let mut rule = list(proxies.iter().map(|proxy| proxy.address("http")));
    rule.rotate = rotate;
    rule
}

fn requests(proxies: &[FakeProxy]) -> Vec<usize> {
    proxies.iter().map(FakeProxy::requests).collect()
}

async fn through(rung: &Proxy, origin: &Origin, site: &str) -> String {
    let url = origin.url("shop.test", "/");
    let visitor = visitor(site);
    let fetched = rung.fetch(&visitor, &url, Want::Page).await.unwrap();
    fetched.through.unwrap().to_string()
}

#[tokio::test]
async fn with_every_request_another_exit_and_each_has_its_own_cookies() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let rung = rung(by(&proxies, Rotate::Request));
    for _ in 0..9 {
        through(&rung, &origin, "a").await;
    }
    assert_eq!(requests(&proxies), [3, 3, 3]);
    let cookies = origin.header("cookie");
    assert_eq!(cookies[..3], ["", "", ""], "a new visitor has none");
    // The origin is asked on a new connection each time and sets its number.
    assert_eq!(cookies[3..6], ["n=0", "n=1", "n=2"]);
}

#[tokio::test]
async fn a_site_stays_with_its_exit_until_that_is_blocked() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let rung = rung(by(&proxies, Rotate::Site));
    let first = through(&rung, &origin, "a").await;
    for _ in 0..4 {
        assert_eq!(through(&rung, &origin, "a").await, first);
    }
    let other = through(&rung, &origin, "b").await;
    assert_ne!(other.split(' ').next(), first.split(' ').next());
    rung.blocked(&first);
    let next = through(&rung, &origin, "a").await;
    assert_ne!(next, first);
    assert_eq!(
        origin.header("cookie").last().unwrap(),
        "",
        "retired together"
    );
    assert_eq!(through(&rung, &origin, "b").await, other);
    let blocked: u64 = rung.exits().rows.iter().map(|exit| exit.blocked).sum();
    assert_eq!(blocked, 1);
}

#[tokio::test]
async fn sessions_retire_after_so_many_pages_with_cookies_and_user_agent() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let mut rule = by(&proxies, Rotate::Session);
    rule.pages = Some(2);
    rule.user_agents = vec!["one/1".to_owned(), "two/2".to_owned()];
    let rung = rung(rule);
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(through(&rung, &origin, "a").await);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[2], all[3]);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 3);
    let agents = origin.header("user-agent");
    assert_eq!(
        agents,
        ["one/1", "one/1", "two/2", "two/2", "one/1", "one/1"]
    );
    let cookies = origin.header("cookie");
    assert_eq!(cookies, ["", "n=0", "", "n=2", "", "n=4"]);
    assert_eq!(requests(&proxies), [2, 2, 2]);
}

#[tokio::test]
async fn sessions_retire_with_age() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let mut rule = by(&proxies, Rotate::Session);
    rule.lasts = Some(Duration::from_nanos(1));
    let rung = rung(rule);
    let one = through(&rung, &origin, "a").await;
    assert_ne!(through(&rung, &origin, "a").await, one);
}

#[tokio::test]
async fn a_session_makes_one_request_at_a_time_and_is_used_again() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let rung = rung(by(&proxies, Rotate::Session));
    let round = || async {
        let all = (0..6).map(|_| through(&rung, &origin, "a"));
        join_all(all).await.into_iter().collect::<HashSet<_>>()
    };
    let first = round().await;
    assert_eq!(first.len(), 6, "{first:?}");
    assert_eq!(round().await, first);
    assert_eq!(requests(&proxies), [4, 4, 4], "evenly over the exits");
    let sessions: u32 = rung.exits().rows.iter().map(|exit| exit.sessions).sum();
    assert_eq!(sessions, 6);
}

#[tokio::test]
async fn a_request_that_is_dropped_gives_its_session_back() {
    let silent = crate::fetch::tests::support::Server::new(|mut stream, _| async move {
        while crate::fetch::tests::support::request(&mut stream)
            .await
            .is_some()
        {}
    })
    .await;
    let mut rule = list([address(&format!("127.0.0.1:{}", silent.port))]);
    rule.rotate = Rotate::Session;
    let rung = rung(rule);
    let url = url::Url::parse("http://shop.test/").unwrap();
    for _ in 0..5 {
        let fetching = get(&rung, &url);
        assert!(
            tokio::time::timeout(Duration::from_millis(50), fetching)
                .await
                .is_err()
        );
        assert_eq!(rung.exits().rows[0].sessions, 1);
    }
}

fn gateway(proxy: &FakeProxy, rotate: Rotate) -> crate::config::ProxyRule {
    let port = proxy.server.port;
    let template = format!("http://user-{{session}}-country-{{country}}:p@127.0.0.1:{port}");
    let gateway = Gateway::new(address(&template), Some("de".to_owned())).unwrap();
    let mut rule = rule(ProxyFrom::Gateway(gateway));
    rule.rotate = rotate;
    rule
}

/// The user names that a gateway heard.
fn users(proxy: &FakeProxy) -> Vec<String> {
    use base64::Engine;
    let user = |head: &String| {
        let start = "proxy-authorization: Basic ";
        let value = head
            .lines()
            .find_map(|line| line.strip_prefix(start))
            .unwrap();
        let pair = base64::engine::general_purpose::STANDARD
            .decode(value)
            .unwrap();
        let pair = String::from_utf8(pair).unwrap();
        pair.split_once(':').unwrap().0.to_owned()
    };
    proxy.heard().iter().map(user).collect()
}

#[tokio::test]
async fn a_gateway_gets_a_new_session_with_every_request_and_keeps_none() {
    let (proxy, origin) = (FakeProxy::http().await, Origin::new().await);
    let rung = rung(gateway(&proxy, Rotate::Request));
    for _ in 0..300 {
        through(&rung, &origin, "a").await;
    }
    let users = users(&proxy);
    assert_eq!(users.iter().collect::<HashSet<_>>().len(), 300);
    for user in &users {
        assert!(
            user.starts_with("user-") && user.ends_with("-country-de"),
            "{user}"
        );
    }
    let exits = rung.exits().rows;
    assert_eq!((exits.len(), exits[0].sessions, exits[0].ok), (1, 0, 300));
    assert_eq!(exits[0].state, ExitState::Well);
    assert!(exits[0].p50.is_some());
    assert!(origin.header("cookie").iter().all(String::is_empty));
}

#[tokio::test]
async fn a_session_of_a_gateway_stays_until_it_is_blocked() {
    let (proxy, origin) = (FakeProxy::http().await, Origin::new().await);
    let rung = rung(gateway(&proxy, Rotate::Session));
    let first = through(&rung, &origin, "a").await;
    assert_eq!(through(&rung, &origin, "a").await, first);
    rung.blocked(&first);
    through(&rung, &origin, "a").await;
    let users = users(&proxy);
    assert_eq!(users[0], users[1]);
    assert_ne!(users[1], users[2]);
    assert!(rung.exits().rows[0].until.is_none(), "it is the only one");
}

#[tokio::test]
async fn an_exit_that_sites_block_rests_while_others_do_well() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let rung = rung(by(&proxies, Rotate::Request));
    for _ in 0..5 {
        for _ in 0..3 {
            let through = through(&rung, &origin, "a").await;
            if through.starts_with(&format!("127.0.0.1:{} ", proxies[0].server.port)) {
                rung.blocked(&through);
            }
        }
    }
    let exits = rung.exits().rows;
    let first = exits.iter().find(|exit| exit.blocked > 0).unwrap();
    assert_eq!((first.blocked, first.state), (3, ExitState::Resting));
    assert!(proxies[0].requests() < proxies[1].requests());
}

#[tokio::test]
async fn kept_sessions_are_bounded() {
    let origin = Origin::new().await;
    let proxy = FakeProxy::http().await;
    // Many exits at one address, told apart by their logins.
    let port = proxy.server.port;
    let exits = (0..400).map(|n| address(&format!("u{n}:p@127.0.0.1:{port}")));
    let rung = rung(list(exits));
    for _ in 0..400 {
        through(&rung, &origin, "a").await;
    }
    let (exits, _) = rung.sessions.exits();
    let sessions: u32 = exits.iter().map(|exit| exit.sessions()).sum();
    assert_eq!(sessions, 256);
    let counts = rung.exits().counts;
    assert_eq!((counts.in_use, counts.all), (256, 400));
    let names: HashSet<_> = exits.iter().map(|exit| exit.name.clone()).collect();
    assert_eq!(names.len(), 400);
}

#[tokio::test]
async fn what_was_never_handed_out_is_blocked_without_harm() {
    let (proxies, origin) = (three().await, Origin::new().await);
    let rung = rung(by(&proxies, Rotate::Session));
    for text in [
        "",
        "direct",
        "direct #1",
        "x #99999999999999999999",
        "y #7",
        " #",
    ] {
        rung.blocked(text);
    }
    through(&rung, &origin, "a").await;
    assert!(rung.exits().rows.iter().all(|exit| exit.blocked == 0));
}
