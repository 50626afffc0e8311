use super::*;
use serde_json::json;
use std::time::Duration;

fn hear(progress: &mut Progress, now: Instant, method: &str, params: Value) {
    let method = method.to_owned();
    progress.hear(&Event { method, params }, now);
}

fn request(id: &str, kind: &str) -> Value {
    json!({ "requestId": id, "loaderId": id, "frameId": "F", "type": kind })
}

fn response(id: &str, status: u16) -> Value {
    let response = json!({
        "url": format!("http://a.test/{id}"), "status": status,
        "mimeType": "text/html", "headers": { "x": id },
    });
    json!({ "requestId": id, "response": response })
}

fn shown(loader: &str) -> Value {
    json!({ "frame": { "id": "F", "loaderId": loader } })
}

fn lifecycle(loader: &str, name: &str) -> Value {
    json!({ "frameId": "F", "loaderId": loader, "name": name })
}

/// A page whose document `1` has come and is loaded.
fn loaded(now: Instant) -> Progress {
    let mut progress = Progress::new("F", now);
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("1", "Document"),
    );
    hear(
        &mut progress,
        now,
        "Network.responseReceived",
        response("1", 200),
    );
    hear(&mut progress, now, "Page.frameNavigated", shown("1"));
    hear(
        &mut progress,
        now,
        "Network.loadingFinished",
        json!({ "requestId": "1" }),
    );
    assert!(!progress.is_loaded(now));
    hear(
        &mut progress,
        now,
        "Page.lifecycleEvent",
        lifecycle("1", "load"),
    );
    progress
}

#[test]
fn a_page_is_loaded_when_its_own_document_is() {
    let now = Instant::now();
    let progress = loaded(now);
    assert!(progress.is_loaded(now));
    let document = progress.document.unwrap();
    assert_eq!(
        (document.status, document.kind.as_str()),
        (200, "text/html")
    );
    assert_eq!(document.url, "http://a.test/1");

    // What is of the document before, of a frame within, or not yet the end.
    for event in [lifecycle("0", "load"), lifecycle("1", "DOMContentLoaded")] {
        let mut progress = Progress::new("F", now);
        hear(
            &mut progress,
            now,
            "Network.requestWillBeSent",
            request("1", "Document"),
        );
        hear(&mut progress, now, "Page.frameNavigated", shown("1"));
        let within = json!({ "frame": { "id": "G", "loaderId": "9", "parentId": "F" } });
        hear(&mut progress, now, "Page.frameNavigated", within);
        hear(&mut progress, now, "Page.lifecycleEvent", event);
        assert!(!progress.is_loaded(now));
    }
}

#[test]
fn a_page_that_goes_on_is_not_loaded_before_it_has_arrived() {
    let now = Instant::now();
    let mut progress = loaded(now);
    let leaves = json!({ "frameId": "F", "disposition": "currentTab" });
    hear(&mut progress, now, "Page.frameRequestedNavigation", leaves);
    assert!(!progress.is_loaded(now));
    // One that says so and stays.
    assert!(progress.is_loaded(now + Duration::from_secs(2)));
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("2", "Document"),
    );
    assert!(!progress.is_loaded(now + Duration::from_secs(2)));
    assert_eq!(progress.document, None);
    hear(
        &mut progress,
        now,
        "Network.responseReceived",
        response("2", 404),
    );
    hear(&mut progress, now, "Page.frameNavigated", shown("2"));
    hear(
        &mut progress,
        now,
        "Page.lifecycleEvent",
        lifecycle("2", "load"),
    );
    assert!(progress.is_loaded(now));
    assert_eq!(progress.document.unwrap().status, 404);

    let mut progress = loaded(now);
    let popup = json!({ "frameId": "F", "disposition": "newTab" });
    hear(&mut progress, now, "Page.frameRequestedNavigation", popup);
    assert!(progress.is_loaded(now));
}

#[test]
fn a_page_that_refreshes_itself_at_once_is_on_its_way_to_another() {
    let now = Instant::now();
    let refresh = |reason: &str, delay: Value| {
        let mut progress = loaded(now);
        let told = json!({ "frameId": "F", "delay": delay, "reason": reason, "url": "x" });
        hear(&mut progress, now, "Page.frameScheduledNavigation", told);
        progress
    };
    let soon = |seconds| now + Duration::from_secs(seconds);
    for reason in ["metaTagRefresh", "httpHeaderRefresh"] {
        assert!(!refresh(reason, json!(0)).is_loaded(now));
        assert!(!refresh(reason, json!(1)).is_loaded(soon(1)));
        // One that says so and stays, or goes later.
        assert!(refresh(reason, json!(0)).is_loaded(soon(3)));
        assert!(refresh(reason, json!(5)).is_loaded(now));
    }
    assert!(refresh("scriptInitiated", json!(0)).is_loaded(now));

    let mut later = refresh("metaTagRefresh", json!(5));
    assert!(!later.refreshes_by(soon(4)) && later.refreshes_by(soon(5)));
    let cleared = json!({ "frameId": "F" });
    hear(
        &mut later,
        now,
        "Page.frameClearedScheduledNavigation",
        cleared,
    );
    assert!(!later.refreshes_by(soon(9)));
    for odd in [json!(-1), json!(1e300), json!(null)] {
        refresh("metaTagRefresh", odd);
    }
}

#[test]
fn what_is_late_of_the_page_before_is_no_part_of_the_next() {
    let now = Instant::now();
    let mut progress = Progress::new("F", now);
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("1", "Document"),
    );
    hear(&mut progress, now, "Page.frameNavigated", shown("blank"));
    hear(
        &mut progress,
        now,
        "Page.lifecycleEvent",
        lifecycle("blank", "load"),
    );
    assert!(!progress.is_loaded(now));
    hear(
        &mut progress,
        now,
        "Network.responseReceived",
        response("1", 200),
    );
    assert_eq!(progress.document.as_ref().unwrap().status, 200);
    hear(&mut progress, now, "Page.frameNavigated", shown("1"));
    hear(
        &mut progress,
        now,
        "Page.lifecycleEvent",
        lifecycle("1", "load"),
    );
    assert!(progress.is_loaded(now));
}

#[test]
fn a_page_that_begins_a_download_stays() {
    let now = Instant::now();
    let mut progress = loaded(now);
    let leaves = json!({ "frameId": "F", "loaderId": "2", "navigationType": "differentDocument" });
    hear(&mut progress, now, "Page.frameStartedNavigating", leaves);
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("2", "Document"),
    );
    assert!(!progress.is_loaded(now));
    hear(
        &mut progress,
        now,
        "Network.responseReceived",
        response("2", 200),
    );
    let failed = json!({ "requestId": "2", "errorText": "net::ERR_ABORTED" });
    hear(&mut progress, now, "Network.loadingFailed", failed);
    assert!(progress.is_loaded(now));
    assert_eq!(progress.document.unwrap().url, "http://a.test/1");
}

#[test]
fn the_network_is_quiet_since_the_last_request_that_somebody_waits_for() {
    let now = Instant::now();
    let later = now + Duration::from_secs(3);
    let mut progress = loaded(now);
    assert_eq!(progress.quiet_since(later), Some(now));
    for (id, kind) in [("ws", "WebSocket"), ("es", "EventSource"), ("p", "Ping")] {
        hear(
            &mut progress,
            later,
            "Network.requestWillBeSent",
            request(id, kind),
        );
    }
    assert_eq!(progress.quiet_since(later), Some(now));
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("x", "XHR"),
    );
    assert_eq!(progress.quiet_since(later), None);
    let failed = json!({ "requestId": "x", "errorText": "net::ERR_FAILED" });
    hear(&mut progress, later, "Network.loadingFailed", failed);
    assert_eq!(progress.quiet_since(later), Some(later));
    // That was none of the document's.
    assert_eq!(progress.failed, None);
    // However many there are, what is kept of them is bounded.
    for n in 0..2 * MOST_IN_FLIGHT {
        hear(
            &mut progress,
            now,
            "Network.requestWillBeSent",
            request(&format!("n{n}"), "XHR"),
        );
    }
    assert_eq!(progress.in_flight.len(), MOST_IN_FLIGHT);
}

#[test]
fn cookies_are_those_of_the_last_hop() {
    let now = Instant::now();
    let mut progress = Progress::new("F", now);
    let extra = |id: &str, status: u16, cookie: &str| json!({ "requestId": id, "statusCode": status, "headers": { "Set-Cookie": cookie } });
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("1", "Document"),
    );
    hear(
        &mut progress,
        now,
        "Network.responseReceivedExtraInfo",
        extra("1", 302, "a=1"),
    );
    hear(
        &mut progress,
        now,
        "Network.requestWillBeSent",
        request("1", "Document"),
    );
    hear(
        &mut progress,
        now,
        "Network.responseReceivedExtraInfo",
        extra("9", 200, "b=1"),
    );
    assert_eq!(progress.cookies, None);
    hear(
        &mut progress,
        now,
        "Network.responseReceivedExtraInfo",
        extra("1", 200, "c=1\nd=2"),
    );
    assert_eq!(progress.cookies.as_deref(), Some("c=1\nd=2"));
}

#[test]
fn circles_crashes_and_ends_are_noticed() {
    let now = Instant::now();
    let mut progress = loaded(now);
    for n in 0..MOST_DOCUMENTS {
        assert!(!progress.is_lost());
        let id = format!("d{n}");
        hear(
            &mut progress,
            now,
            "Network.requestWillBeSent",
            request(&id, "Document"),
        );
    }
    assert!(progress.is_lost());
    hear(&mut progress, now, "Inspector.targetCrashed", json!({}));
    hear(
        &mut progress,
        now,
        "Inspector.detached",
        json!({ "reason": "Render process gone." }),
    );
    assert_eq!(progress.broken, Some(Broken::Crashed));
    // Rubbish changes nothing and breaks nothing.
    for method in [
        "Network.requestWillBeSent",
        "Page.frameNavigated",
        "Page.lifecycleEvent",
    ] {
        hear(&mut progress, now, method, json!(null));
        hear(
            &mut progress,
            now,
            method,
            json!({ "frame": 1, "requestId": [] }),
        );
    }
}
