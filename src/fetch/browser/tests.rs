//! The rung against a real Chromium.

use super::*;
use crate::fetch::tests::support::{Server, page, site};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_page_writes_itself() {
    let html = b"<!DOCTYPE html><body><script>document.body.append('1'+'2')</script>";
    let server = Server::answering(page(html)).await;
    let dir = tempfile::tempdir().unwrap();
    let browser = Browser::new(dir.path().to_owned());
    let visitor = Visitor::new(&site(server.url("/").as_str()));
    for n in 0..20 {
        let url = server.url(&format!("/{n}"));
        let t = std::time::Instant::now();
        let fetched = browser.fetch(&visitor, &url, Want::Page).await.unwrap();
        println!(
            "{:?} {:?} {fetched:?} {:?}",
            t.elapsed(),
            fetched.through,
            fetched.headers
        );
        println!("{}", String::from_utf8_lossy(&fetched.body));
    }
}
