//! Challenges that go on to the page without another document.

use super::*;
use crate::config::{Overrides, parse};

/// A page whose script puts `later` in the place of `first` after a while.
fn turning(first: &str, later: &str) -> String {
    format!(
        "{first}<script>setTimeout(() => {{ document.title = 'Shop'; \
         document.body.innerHTML = '{later}' }}, 1500)</script>"
    )
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn what_a_challenge_turns_into_is_waited_for() {
    let text = format!("<p>{}</p>", "word ".repeat(400));
    let moment = "<title>Just a moment...</title><form id=challenge-form></form>";
    let kind = "Content-Type: text/html\r\n";
    let marked = format!("{kind}cf-mitigated: challenge\r\n");
    let (server, _) = serve(vec![
        (
            "/200",
            answer("200 OK", kind, turning(moment, &text).as_bytes()),
        ),
        (
            "/403",
            answer("403 No", &marked, turning(moment, &text).as_bytes()),
        ),
        (
            "/stays",
            answer("403 No", &marked, turning(moment, "<p>wait on").as_bytes()),
        ),
        (
            "/own",
            answer("200 OK", kind, turning("<p>queue here", &text).as_bytes()),
        ),
    ])
    .await;
    let sites = "site: a\nstart: http://127.0.0.1/\nfetch: { blocks: [{ body: queue here }] }\n";
    let job = parse(sites, "s.yaml", &|_| None, &Overrides::default()).unwrap();
    let mut visitor = visitor(Browsing {
        patience: Duration::from_secs(5),
        ..Browsing::default()
    });
    visitor.blocks = job.sites[0].fetch.blocks.clone();
    let browser = browser();
    for path in ["/200", "/403", "/own"] {
        let fetched = get(&browser, &visitor, &server.url(path)).await.unwrap();
        assert_eq!(fetched.status, 200, "{path}");
        assert!(!fetched.headers.contains_key("cf-mitigated"), "{path}");
        assert!(body(&fetched).contains("word word"), "{path}");
    }
    let fetched = get(&browser, &visitor, &server.url("/stays"))
        .await
        .unwrap();
    assert_eq!(fetched.status, 403);
    assert!(fetched.headers.contains_key("cf-mitigated"));
}
