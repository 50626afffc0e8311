//! What becomes of pages.

use super::*;

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
    // The shell shows an empty document, where Chromium shows none.
    let nothing = "<html><head></head><body></body></html>";
    assert!(["", nothing].contains(&body(&empty).as_str()));
    assert_eq!((empty.status, empty.read), (503, true));

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
        (
            "/refresh",
            page(b"<meta http-equiv=refresh content='0; url=/end'><p>x"),
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
    for path in ["/http", "/script", "/late", "/refresh"] {
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
async fn pages_see_a_whole_window_and_are_pictured_wholly() {
    let html = page(
        b"<!DOCTYPE html><body style='margin:0;height:2000px'><i id=low></i>\
          <style>p{margin:0}#low{position:absolute;top:890px;width:9px;height:9px}</style><p id=out></p><script>\
          const seen = [innerWidth, innerHeight, devicePixelRatio,\
            screen.width, screen.height, document.visibilityState];\
          new IntersectionObserver(([it]) => requestAnimationFrame(() => {\
            out.textContent = seen.concat(it.isIntersecting, it.rootBounds.width).join(' ');\
            out.className = 'done' })).observe(low)</script>",
    );
    let (server, _) = serve(vec![("/", html)]).await;
    let folder = tempfile::tempdir().unwrap();
    let files = Arc::new(http());
    let browser = Browser::with(Arc::new(TestNames), LIFETIME, Some(folder.path()), files);
    let drawn = visitor(Browsing {
        wait: Wait::Selector(".done".to_owned()),
        screenshot: true,
        ..Browsing::default()
    });
    let fetched = get(&browser, &drawn, &server.url("/")).await.unwrap();
    let seen = "1280 900 1 1280 900 visible true 1280";
    assert!(body(&fetched).contains(seen), "{}", body(&fetched));
    assert_eq!(fetched.through.as_deref(), Some("tab 1"), "and no more");
    let picture = folder.path().join(&*fetched.picture.unwrap());
    let picture = std::fs::read(picture).unwrap();
    let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    assert_eq!((side(16), side(20)), (1280, 2000));
}
