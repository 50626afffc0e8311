//! The rung against a real Chromium.

mod challenges;
mod pages;
mod sessions;

use super::*;
use crate::config::browsing::{Blocked, Browsing, Step, Wait};
use crate::fetch::tests::support::{Server, TestNames, answer, http, page, request, site};
use std::collections::HashMap;
use tokio::io::AsyncWriteExt;

/// A site of these paths; others answer 404. Its requests go into the list.
async fn serve(pages: Vec<(&'static str, Vec<u8>)>) -> (Server, Asked) {
    let pages: Arc<HashMap<_, _>> = Arc::new(pages.into_iter().collect());
    let asked = Asked::default();
    let log = asked.clone();
    let server = Server::new(move |mut stream, _| {
        let (pages, log) = (Arc::clone(&pages), log.clone());
        async move {
            while let Some(head) = request(&mut stream).await {
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let missing = answer("404 Not Found", "Content-Type: text/html\r\n", b"none");
                let sent = pages.get(path.as_str()).cloned().unwrap_or(missing);
                log.0.lock().unwrap().push(head);
                if stream.write_all(&sent).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    (server, asked)
}

/// Heads of requests.
#[derive(Clone, Default)]
struct Asked(Arc<std::sync::Mutex<Vec<String>>>);

impl Asked {
    fn of(&self, path: &str) -> Vec<String> {
        let begin = format!(" {path} ");
        let log = self.0.lock().unwrap();
        log.iter()
            .filter(|head| head.contains(&begin))
            .cloned()
            .collect()
    }
}

fn browser() -> Browser {
    browser_of(LIFETIME)
}

fn browser_of(lifetime: Lifetime) -> Browser {
    Browser::with(Arc::new(TestNames), lifetime, None, Arc::new(http()))
}

fn visitor(browsing: Browsing) -> Visitor {
    let mut visitor = Visitor::new(&site("http://127.0.0.1/"));
    visitor.browsing = Arc::new(browsing);
    visitor
}

async fn get(browser: &Browser, visitor: &Visitor, url: &Url) -> Result<Fetched, FetchError> {
    browser.fetch(visitor, url, Want::Page).await
}

fn body(fetched: &Fetched) -> String {
    String::from_utf8(fetched.body.to_vec()).unwrap()
}

/// A page whose script is this.
fn script(script: &str) -> Vec<u8> {
    page(format!("<!DOCTYPE html><title>t</title><body><script>{script}</script>").as_bytes())
}
