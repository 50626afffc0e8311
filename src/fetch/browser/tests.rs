//! The rung against a real Chromium.

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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_page_is_what_its_script_has_made_of_it() {
    let latin = b"<meta charset=windows-1252><p id=a>\xe9</p><script>a.append(1+1)</script>";
    let latin = answer(
        "200 OK",
        "Content-Type: text/html; charset=windows-1252\r\nX-Own: y\r\n",
        latin,
    );
    let missing = answer("404 Not Found", "Content-Type: text/html\r\n", b"<p>none");
    let json = answer(
        "200 OK",
        "Content-Type: application/json\r\n",
        br#"{"a":1}"#,
    );
    let file = answer("200 OK", "Content-Type: application/zip\r\n", b"PK");
    let large = script("document.body.append('x'.repeat(2 << 20))");
    let empty = answer("503 Unavailable", "Content-Type: text/html\r\n", b"");
    let (server, _) = serve(vec![
        ("/", script("document.body.append('be' + 'hold \\ud800')")),
        ("/latin", latin),
        ("/missing", missing),
        ("/json", json),
        ("/file.zip", file),
        ("/large", large),
        ("/empty", empty),
    ])
    .await;
    let (browser, visitor) = (browser(), visitor(Browsing::default()));
    let first = get(&browser, &visitor, &server.url("/")).await.unwrap();
    assert_eq!((first.status, first.landed.clone()), (200, None));
    assert!(
        body(&first).starts_with("<!DOCTYPE html>\n<html>"),
        "{}",
        body(&first)
    );
    assert!(body(&first).contains("behold \u{fffd}"), "{}", body(&first));

    let latin = get(&browser, &visitor, &server.url("/latin"))
        .await
        .unwrap();
    assert!(body(&latin).contains("é2"), "{}", body(&latin));
    assert_eq!(latin.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(latin.headers["x-own"], "y");

    let missing = get(&browser, &visitor, &server.url("/missing"))
        .await
        .unwrap();
    assert_eq!((missing.status, missing.read), (404, true));
    let empty = get(&browser, &visitor, &server.url("/empty"))
        .await
        .unwrap();
    assert_eq!(
        (empty.status, empty.read, body(&empty).as_str()),
        (503, true, "")
    );

    let unread = get(&browser, &visitor, &server.url("/json")).await.unwrap();
    assert!(!unread.read);
    let json = browser
        .fetch(&visitor, &server.url("/json"), Want::PageOrJson)
        .await
        .unwrap();
    assert_eq!((body(&json).as_str(), json.read), (r#"{"a":1}"#, true));
    let file = get(&browser, &visitor, &server.url("/file.zip"))
        .await
        .unwrap();
    assert_eq!((file.status, file.read), (200, false));
    assert_eq!(file.headers["content-type"], "application/zip");

    let large = get(&browser, &visitor, &server.url("/large"))
        .await
        .unwrap_err();
    assert_eq!(large.kind, FailureKind::TooLarge, "{large:?}");
    let refused = Url::parse("http://127.0.0.1:1/").unwrap();
    let refused = get(&browser, &visitor, &refused).await.unwrap_err();
    assert!(
        matches!(refused.kind, FailureKind::Connect | FailureKind::Protocol),
        "{refused:?}"
    );
    let none = Url::parse("http://missing.invalid/").unwrap();
    let none = get(&browser, &visitor, &none).await.unwrap_err();
    assert_eq!(none.kind, FailureKind::Dns, "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn redirects_of_every_kind_are_followed_and_told() {
    let moved = |to: &str| answer("302 Found", &format!("Location: {to}\r\n"), b"");
    let (server, _) = serve(vec![
        ("/http", moved("/middle")),
        ("/middle", moved("/end")),
        ("/script", script("location.href = '/end'")),
        (
            "/late",
            script("document.cookie = 'seen=1'; location.reload = 0; location = '/http'"),
        ),
        ("/loop", moved("/loop")),
        (
            "/circle",
            script("location.href = '/circle?' + Math.random()"),
        ),
        ("/end", page(b"<p>the end")),
    ])
    .await;
    let (browser, visitor) = (browser(), visitor(Browsing::default()));
    for path in ["/http", "/script", "/late"] {
        let fetched = get(&browser, &visitor, &server.url(path)).await.unwrap();
        assert_eq!(
            (fetched.status, fetched.landed.as_ref()),
            (200, Some(&server.url("/end"))),
            "{path}"
        );
        assert!(body(&fetched).contains("the end"), "{path}");
    }
    let error = get(&browser, &visitor, &server.url("/loop"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Redirect, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn waiting_and_steps() {
    let late = script("setTimeout(() => document.body.innerHTML = '<b class=late>now</b>', 700)");
    let (server, asked) = serve(vec![
        ("/late", late),
        (
            "/click",
            script(
                "document.body.innerHTML = '<button id=more>m</button><p id=out></p>'; \
                 more.onclick = () => fetch('/data').then(r => r.text()).then(t => out.append(t))",
            ),
        ),
        (
            "/data",
            answer("200 OK", "Content-Type: text/plain\r\n", b"fetched"),
        ),
        (
            "/scroll",
            script(
                "let n = 0; const add = () => { if (n < 3) fetch('/data').then(() => { n++; \
                 const d = document.createElement('div'); d.style.height = '3000px'; \
                 d.textContent = 'part' + n; document.body.append(d); }) }; \
                 addEventListener('scroll', add); add()",
            ),
        ),
    ])
    .await;
    let browser = browser();
    let of = |wait, steps| {
        visitor(Browsing {
            wait,
            steps,
            ..Browsing::default()
        })
    };
    let selector = of(Wait::Selector(".late".to_owned()), Vec::new());
    let fetched = get(&browser, &selector, &server.url("/late"))
        .await
        .unwrap();
    assert!(body(&fetched).contains("now"), "{}", body(&fetched));
    // What never comes is waited for as long as patience goes.
    let mut never = of(Wait::Selector(".never".to_owned()), Vec::new());
    Arc::make_mut(&mut never.browsing).patience = Duration::from_millis(300);
    let fetched = get(&browser, &never, &server.url("/click")).await.unwrap();
    assert!(body(&fetched).contains("<button"));

    let click = vec![
        Step::Click("#none".to_owned()),
        Step::Click("#more".to_owned()),
        Step::Wait(Wait::NetworkIdle),
    ];
    let fetched = get(&browser, &of(Wait::Load, click), &server.url("/click"))
        .await
        .unwrap();
    assert!(body(&fetched).contains(">fetched<"), "{}", body(&fetched));
    let scroll = of(Wait::NetworkIdle, vec![Step::Scroll(20)]);
    let fetched = get(&browser, &scroll, &server.url("/scroll"))
        .await
        .unwrap();
    assert!(body(&fetched).contains("part3"), "{}", body(&fetched));
    // It stops where nothing more comes.
    assert!(asked.of("/data").len() < 10);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn what_is_left_out_is_never_asked_for() {
    let html = page(
        b"<!DOCTYPE html><link rel=stylesheet href=/s.css><img src=/i.png><video src=/v.mp4></video>\
          <style>@font-face{font-family:f;src:url(/f.woff)}p{font-family:f}</style><p>x<script src=/j.js></script>",
    );
    let (server, asked) = serve(vec![("/", html)]).await;
    let browser = browser();
    let idle = Browsing {
        wait: Wait::NetworkIdle,
        ..Browsing::default()
    };
    get(&browser, &visitor(idle.clone()), &server.url("/"))
        .await
        .unwrap();
    for path in ["/i.png", "/v.mp4", "/f.woff"] {
        assert!(asked.of(path).is_empty(), "{path}");
    }
    assert_eq!((asked.of("/s.css").len(), asked.of("/j.js").len()), (1, 1));
    let all = Browsing {
        block: Blocked::NOTHING,
        ..idle
    };
    get(&browser, &visitor(all), &server.url("/"))
        .await
        .unwrap();
    for path in ["/i.png", "/f.woff"] {
        assert_eq!(asked.of(path).len(), 1, "{path}");
    }
    assert!(
        asked.of("/")[0]
            .to_ascii_lowercase()
            .contains("user-agent: crawldeck-test/1.0")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_guarded_page_reaches_nothing_private_by_any_way() {
    let (server, _) = serve(vec![("/", page(b"private"))]).await;
    let at = format!("127.0.0.1:{}", server.port);
    let html = format!(
        "<link rel=preconnect href=http://{at}><link rel=prefetch href=http://{at}/><img src=http://{at}/a.gif>\
         <iframe src=http://{at}/></iframe><link rel=stylesheet href=http://{at}/s.css>\
         <script>try {{ new WebSocket('ws://{at}/') }} catch (e) {{}}\
         fetch('http://{at}/f').catch(() => 0);navigator.sendBeacon('http://{at}/b');\
         new Worker(URL.createObjectURL(new Blob([\"fetch('http://{at}/w');new WebSocket('ws://{at}/')\"])));\
         open('http://{at}/popup')</script>",
    );
    let address = Url::parse(&format!("data:text/html;base64,{}", {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(html)
    }))
    .unwrap();
    let browser = browser();
    let browsing = Browsing {
        wait: Wait::NetworkIdle,
        block: Blocked::NOTHING,
        patience: Duration::from_secs(5),
        ..Browsing::default()
    };
    let mut guarded = visitor(browsing.clone());
    guarded.guarded = true;
    get(&browser, &guarded, &address).await.unwrap();
    assert_eq!(server.connections(), 0);
    let named = Url::parse(&format!("http://own.test:{}/", server.port)).unwrap();
    for url in [&named, &server.url("/")] {
        let error = get(&browser, &guarded, url).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Private, "{error:?}");
    }
    assert_eq!(server.connections(), 0);
    // The same page does reach it where it may.
    get(&browser, &visitor(browsing), &address).await.unwrap();
    assert!(server.connections() > 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn dialogs_popups_and_scripts_without_end() {
    let (server, _) = serve(vec![
        ("/dialog", script("alert(1); const x = confirm(2) + ':' + prompt(3); document.body.append(x); onbeforeunload = e => { e.preventDefault(); return 'stay' }")),
        ("/popup", script("const w = open('/popup2'); document.body.append('opened')")),
        ("/endless", script("for (;;) {}")),
        ("/close", script("close(); document.body.append('still here')")),
        ("/", page(b"<p>fine")),
    ])
    .await;
    let browser = browser();
    let good = visitor(Browsing::default());
    let fetched = get(&browser, &good, &server.url("/dialog")).await.unwrap();
    assert!(body(&fetched).contains("false:null"), "{}", body(&fetched));
    let fetched = get(&browser, &good, &server.url("/popup")).await.unwrap();
    assert!(body(&fetched).contains("opened"));
    let short = visitor(Browsing {
        timeout: Duration::from_secs(3),
        ..Browsing::default()
    });
    let error = get(&browser, &short, &server.url("/endless"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, FailureKind::Timeout, "{error:?}");
    // A page that closes its tab fails or stays; the next one comes whatever it does.
    let _ = get(&browser, &short, &server.url("/close")).await;
    for _ in 0..3 {
        let fetched = get(&browser, &short, &server.url("/")).await.unwrap();
        assert!(body(&fetched).contains("fine"));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn sessions_keep_their_cookies_apart_and_over_a_browsers_end() {
    let set = answer(
        "200 OK",
        "Content-Type: text/html\r\nSet-Cookie: own=1\r\n",
        b"<script>document.cookie='script=2;max-age=1000'</script>",
    );
    let (server, asked) = serve(vec![
        ("/set", set),
        ("/see", page(b"x")),
        ("/late", page(b"y")),
    ])
    .await;
    let browser = browser_of(Lifetime {
        pages: 2,
        ..LIFETIME
    });
    let (one, two) = (visitor(Browsing::default()), visitor(Browsing::default()));
    get(&browser, &one, &server.url("/set")).await.unwrap();
    get(&browser, &two, &server.url("/see")).await.unwrap();
    assert!(!asked.of("/see")[0].to_ascii_lowercase().contains("cookie:"));
    // Two pages were this browser's: a new one, with the session's cookies.
    get(&browser, &one, &server.url("/late")).await.unwrap();
    let head = &asked.of("/late")[0];
    assert!(
        head.contains("own=1") && head.contains("script=2"),
        "{head}"
    );
    // Plain HTTP has what the answers set.
    let sent = one.request(&server.url("/see"), Want::Page);
    assert_eq!(sent.headers()["cookie"], "own=1");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_page_is_tried_in_a_new_browser_where_its_own_is_killed() {
    let (server, _) = serve(vec![
        ("/", page(b"<p>fine")),
        (
            "/slow",
            script("setTimeout(() => document.body.append('done'), 1500)"),
        ),
    ])
    .await;
    let browser = Arc::new(browser());
    let good = visitor(Browsing::default());
    get(&browser, &good, &server.url("/")).await.unwrap();
    let group = {
        let running = browser.running.lock().await;
        running.as_ref().unwrap().group().unwrap()
    };
    let slow = visitor(Browsing {
        steps: vec![Step::Pause(Duration::from_secs(2))],
        ..Browsing::default()
    });
    let (of_page, url) = (Arc::clone(&browser), server.url("/slow"));
    let fetching = tokio::spawn(async move { get(&of_page, &slow, &url).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    let fetched = fetching.await.unwrap().unwrap();
    assert!(body(&fetched).contains("done"), "{}", body(&fetched));
    get(&browser, &good, &server.url("/")).await.unwrap();
}
