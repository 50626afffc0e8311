//! A public site cannot be led to private addresses.

use super::support::{Server, http, page, site};
use crate::fetch::{FetchError, Fetcher, Visitor, Want};
use crate::page::FailureKind;
use url::Url;

async fn guarded(url: &Url) -> FetchError {
    let mut site = site("http://a.test/");
    site.fetch.allow_private = false;
    let visitor = Visitor::new(&site);
    http().fetch(&visitor, url, Want::Page).await.unwrap_err()
}

#[tokio::test]
async fn literals_however_written_and_names_are_refused_before_a_connection_is_made() {
    let server = Server::answering(page(b"<html>secret")).await;
    let port = server.port;
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "0",
        // By name, some of them leading to the server.
        "localhost",
        "loopback.test",
        "private.test",
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let error = guarded(&url).await;
        assert_eq!(error.kind, FailureKind::Private, "{host}: {error}");
        assert!(error.detail.contains("private address"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_connection_of_an_unguarded_site_does_not_serve_a_guarded_one() {
    let server = Server::answering(page(b"<html>secret")).await;
    let url = Url::parse(&format!("http://shared.test:{}/", server.port)).unwrap();
    let http = http();
    let open = Visitor::new(&site("http://shared.test/"));
    assert!(http.fetch(&open, &url, Want::Page).await.unwrap().read);

    let mut guarded = site("http://shared.test/");
    guarded.fetch.allow_private = false;
    let guarded = Visitor::new(&guarded);
    let error = http.fetch(&guarded, &url, Want::Page).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Private);
    assert_eq!(server.connections(), 1);
}
