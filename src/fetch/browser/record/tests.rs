use super::*;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, split};

fn event(method: &str, params: Value) -> Event {
    let method = method.to_owned();
    Event { method, params }
}

fn asked(id: &str, kind: &str, url: &str) -> Event {
    let request = json!({ "url": url, "method": "GET" });
    event(
        "Network.requestWillBeSent",
        json!({ "requestId": id, "type": kind, "request": request }),
    )
}

fn answered(id: &str, kind: &str) -> Event {
    let response = json!({ "status": 200, "mimeType": kind });
    event(
        "Network.responseReceived",
        json!({ "requestId": id, "response": response }),
    )
}

fn finished(id: &str, size: f64) -> Event {
    let params = json!({ "requestId": id, "encodedDataLength": size });
    event("Network.loadingFinished", params)
}

/// A link to a browser whose every answer is a body that names the request.
fn browser() -> Link {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (reader, writer) = split(ours);
    let link = Link::open(reader, writer);
    let (reader, mut writer) = split(theirs);
    tokio::spawn(async move {
        let mut questions = BufReader::new(reader).split(0);
        while let Ok(Some(question)) = questions.next_segment().await {
            let question: Value = serde_json::from_slice(&question).unwrap();
            assert_eq!(question["method"], "Network.getResponseBody");
            let body = json!({ "id": question["params"]["requestId"] }).to_string();
            let result = json!({ "body": BASE64.encode(body), "base64Encoded": true });
            let answer = json!({ "id": question["id"], "result": result });
            writer
                .write_all(format!("{answer}\0").as_bytes())
                .await
                .unwrap();
        }
    });
    link
}

#[tokio::test]
async fn json_that_scripts_ask_for_is_kept_in_the_order_of_asking() {
    let link = browser();
    let recorder = Recorder::default();
    let events = [
        asked("1", "XHR", "http://a.test/one"),
        asked("2", "Fetch", "http://a.test/two"),
        asked("3", "Script", "http://a.test/script.json"),
        asked("4", "XHR", "data:application/json,{}"),
        asked("5", "XHR", "http://a.test/page.html"),
        asked("6", "XHR", "http://a.test/huge"),
        asked("7", "XHR", "http://a.test/broken"),
        answered("2", "application/vnd.api+json"),
        answered("1", "application/json"),
        answered("3", "application/json"),
        answered("5", "text/html"),
        answered("6", "application/json"),
        answered("7", "application/json"),
        finished("2", 10.0),
        finished("1", 10.0),
        finished("3", 10.0),
        finished("5", 10.0),
        finished("6", 1e9),
        event("Network.loadingFailed", json!({ "requestId": "7" })),
    ];
    for event in &events {
        recorder.hear(&link, "s", event);
    }
    let kept = recorder.finish().await;
    let seen: Vec<_> = kept
        .iter()
        .map(|one| (one.url.path(), &one.answer["id"]))
        .collect();
    assert_eq!(seen, [("/one", &json!("1")), ("/two", &json!("2"))]);
}

#[tokio::test]
async fn a_page_that_asks_without_end_is_kept_in_part() {
    let link = browser();
    let recorder = Recorder::default();
    for n in 0..2 * MOST {
        let id = n.to_string();
        recorder.hear(&link, "s", &asked(&id, "XHR", "http://a.test/"));
        recorder.hear(&link, "s", &answered(&id, "application/json"));
        recorder.hear(&link, "s", &finished(&id, 10.0));
    }
    // Those that are being read are not counted: the browser answers in between.
    let kept = recorder.finish().await.len();
    assert!((MOST..=2 * MOST).contains(&kept), "{kept}");
}
