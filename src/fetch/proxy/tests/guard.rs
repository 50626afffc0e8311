//! A public site is not led to private addresses through a proxy either.

use super::support::{FakeProxy, Origin, PASSWORD, list, rung};
use crate::fetch::tests::support::site;
use crate::fetch::{FetchError, Fetched, Fetcher, Visitor, Want};
use crate::page::FailureKind;

fn guarded() -> Visitor {
    let mut site = site("http://public.test/");
    site.fetch.allow_private = false;
    Visitor::new(&site)
}

async fn ask(
    proxy: &FakeProxy,
    scheme: &str,
    remote: bool,
    origin: &Origin,
    host: &str,
) -> Result<Fetched, FetchError> {
    let mut rule = list([proxy.address(scheme)]);
    rule.remote_names = remote;
    let url = origin.url(host, "/");
    rung(rule).fetch(&guarded(), &url, Want::Page).await
}

#[tokio::test]
async fn names_are_looked_up_here_before_a_proxy_hears_of_them() {
    use FailureKind::{Dns, Private};
    let origin = Origin::new().await;
    let http = FakeProxy::http().await;
    let socks = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
    // Host, left to the proxy, failure.
    let cases = [
        ("public.test", false, None),
        ("public.test", true, None),
        ("private.test", false, Some(Private)),
        ("mixed.test", false, Some(Private)),
        ("shop.test", false, Some(Private)),
        ("unknown.example", false, Some(Dns)),
        ("unknown.example", true, None),
        ("private.test", true, None),
        ("localhost", true, Some(Private)),
        ("a.localhost", true, Some(Private)),
        ("127.0.0.1", true, Some(Private)),
        ("2130706433", true, Some(Private)),
        ("0x7f.1", false, Some(Private)),
        ("[::1]", true, Some(Private)),
        ("[::ffff:10.0.0.1]", true, Some(Private)),
        ("169.254.169.254", false, Some(Private)),
    ];
    for (host, remote, failure) in cases {
        for (proxy, scheme) in [(&http, "http"), (&socks, "socks5h")] {
            let before = proxy.requests();
            let result = ask(proxy, scheme, remote, &origin, host).await;
            match failure {
                None => assert_eq!(result.unwrap().status, 200, "{scheme} {host}"),
                Some(kind) => {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind, kind, "{scheme} {host}: {error}");
                    assert!(error.trouble.is_none());
                    assert_eq!(proxy.requests(), before, "{scheme} {host}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_socks5_proxy_is_never_told_a_private_address_of_a_guarded_site() {
    let origin = Origin::new().await;
    let socks = FakeProxy::socks(Some(("us3r", PASSWORD))).await;
    let error = ask(&socks, "socks5", true, &origin, "private.test").await;
    assert_eq!(error.unwrap_err().kind, FailureKind::Private);
    let fetched = ask(&socks, "socks5", true, &origin, "mixed.test").await;
    assert_eq!(fetched.unwrap().status, 200);
    let port = origin.server.port;
    assert_eq!(socks.heard(), [format!("8.8.8.8:{port}")]);
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_says_how_to_let_it() {
    let (origin, http) = (Origin::new().await, FakeProxy::http().await);
    let error = ask(&http, "http", false, &origin, "unknown.example").await;
    let error = error.unwrap_err().detail;
    assert!(error.contains("fetch.proxy.resolve: remote"), "{error}");
}
