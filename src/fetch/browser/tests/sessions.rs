//! What pages must not do, and what outlives them.

use super::*;
use crate::fetch::proxy::tests::support::{FakeProxy, Names, list, rung};

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
async fn a_guarded_page_is_not_led_to_anything_private() {
    let secret = Server::answering(page(b"private")).await;
    let to = format!("http://127.0.0.1:{}/", secret.port);
    let (script, frame) = (
        format!("location = '{to}'"),
        format!(
            "<iframe src=/redirect></iframe><script>fetch('/redirect').catch(() => 0)</script>{to}"
        ),
    );
    let redirect = answer("302 Found", &format!("Location: {to}\r\n"), b"");
    let (public, asked) = serve(vec![
        ("/redirect", redirect),
        ("/script", super::script(&script)),
        ("/frame", page(frame.as_bytes())),
    ])
    .await;
    // The proxy leads every host to loopback, and so makes one public here.
    let exit = FakeProxy::http().await;
    let browser = Arc::new(Browser::with(
        Arc::new(Names),
        LIFETIME,
        None,
        Arc::new(http()),
    ));
    let proxies = Arc::new(rung(list([exit.address("http")])));
    let browser = ByProxies::new(browser, proxies);
    let browsing = Browsing {
        wait: Wait::NetworkIdle,
        patience: Duration::from_secs(5),
        ..Browsing::default()
    };
    let url = |path: &str| {
        let text = format!("http://public.test:{}{path}", public.port);
        Url::parse(&text).unwrap()
    };
    let mut guarded = visitor(browsing.clone());
    guarded.guarded = true;
    for path in ["/redirect", "/script"] {
        let fetched = browser.fetch(&guarded, &url(path), Want::Page).await;
        let error = fetched.unwrap_err();
        // To the browser, where a page leads by itself is one more refused load.
        let private = error.kind == FailureKind::Private;
        assert!(private || path == "/script", "{path}: {error:?}");
        assert_eq!(asked.of(path).len(), 1, "the public host was asked");
    }
    // What a page has within it is left out, and the page stands.
    let fetched = browser.fetch(&guarded, &url("/frame"), Want::Page).await;
    assert!(body(&fetched.unwrap()).contains(&to));
    assert!(asked.of("/redirect").len() > 1);
    assert_eq!(secret.connections(), 0);
    // They do lead there where they may.
    let open = visitor(browsing);
    let fetched = browser.fetch(&open, &url("/redirect"), Want::Page).await;
    assert!(body(&fetched.unwrap()).contains("private"));
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
    let short = good.within(Rung::Browser, Duration::from_secs(3));
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_browser_that_has_grown_is_replaced() {
    let (server, _) = serve(vec![("/", page(b"<p>fine"))]).await;
    let browser = browser_of(Lifetime {
        memory: 1,
        ..LIFETIME
    });
    let good = visitor(Browsing::default());
    get(&browser, &good, &server.url("/")).await.unwrap();
    let first = Arc::clone(browser.running.lock().await.as_ref().unwrap());
    // Its memory is looked at now and then.
    while !first.is_spent() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!first.link().is_gone(), "its pages may still end");
    get(&browser, &good, &server.url("/")).await.unwrap();
    let second = Arc::clone(browser.running.lock().await.as_ref().unwrap());
    assert!(!Arc::ptr_eq(&first, &second));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium"]
async fn a_new_tab_that_never_has_its_first_page_holds_nobody_up() {
    // The first request is never answered.
    let server = Server::new(|mut stream, _| async move {
        while let Some(head) = request(&mut stream).await {
            if head.starts_with("GET /never ") {
                return std::future::pending().await;
            }
            let _ = stream.write_all(&page(b"<p>fine")).await;
        }
    })
    .await;
    let browser = Arc::new(browser());
    let good = visitor(Browsing::default());
    let url = |path: &str| Url::parse(&format!("http://127.0.0.1:{}{path}", server.port)).unwrap();
    let (of_page, never, visitor) = (Arc::clone(&browser), url("/never"), good.clone());
    let stuck = tokio::spawn(async move { get(&of_page, &visitor, &never).await });
    while server.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (one, two) = (url("/1"), url("/2"));
    let both = tokio::join!(get(&browser, &good, &one), get(&browser, &good, &two));
    both.0.unwrap();
    both.1.unwrap();
    assert!(!stuck.is_finished());
    // Given up, it gives its turn back.
    stuck.abort();
    assert!(stuck.await.unwrap_err().is_cancelled());
    get(&browser, &good, &one).await.unwrap();
}
