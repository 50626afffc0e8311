use super::*;
use crate::config::browsing::Browsing;
use crate::fetch::Call;
use crate::fetch::tests::support::{TestNames, site};
use serde_json::json;

fn orders(visitor: &Visitor, url: &str) -> Orders {
    let url = Url::parse(url).unwrap();
    let request = visitor.request(&url, crate::fetch::Want::Page);
    let names: Arc<dyn Lookup> = Arc::new(TestNames);
    Orders::new(visitor, "F", request.url(), request.headers(), &names, None)
}

fn visitor(headers: &[(&str, &str)], guarded: bool) -> Visitor {
    let mut site = site("http://a.test/");
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    site.fetch.headers = headers.iter().map(own).collect();
    site.fetch.allow_private = !guarded;
    Visitor::new(&site)
}

fn paused(kind: &str, url: &str) -> Value {
    let headers = json!({ "Accept": "*/*", "x-key": "theirs" });
    let request = json!({ "url": url, "method": "GET", "headers": headers });
    json!({ "requestId": "1", "resourceType": kind, "frameId": "F", "request": request })
}

/// It goes out as it is.
fn unchanged() -> Verdict {
    Verdict::Go(ContinueRequestParams::new("1".to_owned()))
}

fn header(verdict: &Verdict, name: &str) -> Vec<String> {
    let Verdict::Go(told) = verdict else {
        panic!("{verdict:?}");
    };
    let headers = told.headers.iter().flatten();
    headers
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value.clone())
        .collect()
}

#[tokio::test]
async fn what_a_site_does_not_want_is_left_out_but_for_the_page_itself() {
    let default = visitor(&[], false);
    let mut all = default.clone();
    all.browsing = Arc::new(Browsing {
        block: Blocked::NOTHING,
        ..Browsing::default()
    });
    let tracker = "https://www.google-analytics.com/g.js";
    let cases = [
        ("Image", "http://a.test/a.png", true),
        ("Font", "http://a.test/a.woff", true),
        ("Media", "http://a.test/a.mp4", true),
        ("Ping", "http://a.test/ping", true),
        ("Script", tracker, true),
        ("XHR", tracker, true),
        ("Script", "http://a.test/a.js", false),
        ("Stylesheet", "http://a.test/a.css", false),
        ("Image", "data:image/png;base64,AAAA", false),
        ("Document", tracker, false),
    ];
    for (kind, url, left) in cases {
        let verdict = orders(&default, "http://a.test/")
            .judge(&paused(kind, url))
            .await;
        assert_eq!(verdict == Verdict::Leave, left, "{kind} {url}");
        let verdict = orders(&all, "http://a.test/")
            .judge(&paused(kind, url))
            .await;
        assert!(matches!(verdict, Verdict::Go(_)), "{kind} {url}");
    }
}

#[tokio::test]
async fn a_guarded_site_reaches_nothing_private_of_any_kind() {
    let guarded = orders(&visitor(&[], true), "http://8.8.8.8/");
    let unguarded = orders(&visitor(&[], false), "http://a.test/");
    let cases = [
        ("http://127.0.0.1/", FailureKind::Private),
        ("http://[::1]:8080/", FailureKind::Private),
        ("http://2130706433/", FailureKind::Private),
        (
            "https://169.254.169.254/latest/meta-data",
            FailureKind::Private,
        ),
        ("ws://127.0.0.1/socket", FailureKind::Private),
        ("http://private.test/", FailureKind::Private),
        ("http://missing.example/", FailureKind::Dns),
    ];
    for (url, kind) in cases {
        for of in ["Document", "XHR", "Script", "WebSocket", "Stylesheet"] {
            match guarded.judge(&paused(of, url)).await {
                Verdict::Refuse(cause) => assert_eq!(cause.kind, kind, "{url}"),
                other => panic!("{of} {url}: {other:?}"),
            }
            let free = unguarded.judge(&paused(of, url)).await;
            assert!(matches!(free, Verdict::Go(_)), "{of} {url}: {free:?}");
        }
    }
    let public = guarded.judge(&paused("XHR", "http://8.8.8.8/")).await;
    assert!(matches!(public, Verdict::Go(_)));
    for url in ["file:///etc/passwd", "ftp://a.test/", "chrome://settings/"] {
        let verdict = unguarded.judge(&paused("Document", url)).await;
        assert!(matches!(verdict, Verdict::Refuse(_)), "{url}");
    }
}

#[tokio::test]
async fn the_operators_headers_go_to_the_sites_own_hosts() {
    let own = [
        ("X-Key", "s3cret"),
        ("Accept", "text/html"),
        ("Accept-Encoding", "br"),
    ];
    let orders = orders(&visitor(&own, false), "http://user:pass@a.test/");
    let verdict = orders.judge(&paused("XHR", "http://a.test/api")).await;
    assert_eq!(header(&verdict, "x-key"), ["s3cret"]);
    assert_eq!(header(&verdict, "accept"), ["text/html"]);
    assert_eq!(header(&verdict, "authorization"), ["Basic dXNlcjpwYXNz"]);
    // The codings are the browser's own business.
    assert!(header(&verdict, "accept-encoding").is_empty());
    let foreign = orders.judge(&paused("XHR", "http://b.test/api")).await;
    assert_eq!(foreign, unchanged());
}

#[tokio::test]
async fn a_call_is_the_document_alone() {
    let mut call = Call {
        body: Some("a=1".into()),
        ..Call::default()
    };
    call.headers
        .insert("x-call", HeaderValue::from_static("yes"));
    let visitor = visitor(&[], false).calling(call);
    let orders = orders(&visitor, "http://a.test/");
    let verdict = orders.judge(&paused("Document", "http://a.test/")).await;
    assert_eq!(header(&verdict, "x-call"), ["yes"]);
    let Verdict::Go(told) = verdict else {
        unreachable!()
    };
    let told = serde_json::to_value(told).unwrap();
    assert_eq!(
        (&told["method"], &told["postData"]),
        (&json!("POST"), &json!("YT0x"))
    );
    let mut frame = paused("Document", "http://a.test/");
    frame["frameId"] = json!("G");
    assert_eq!(orders.judge(&frame).await, unchanged());
    assert_eq!(
        orders.judge(&paused("Script", "http://a.test/")).await,
        unchanged()
    );
}
