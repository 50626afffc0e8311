use super::*;
use chromiumoxide_cdp::cdp::browser_protocol::browser::GetVersionParams;
use chromiumoxide_cdp::cdp::browser_protocol::page::{EnableParams, NavigateParams};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, WriteHalf, split};

/// A link, and the browser's end of it.
fn pair() -> (
    Link,
    BufReader<tokio::io::ReadHalf<DuplexStream>>,
    WriteHalf<DuplexStream>,
) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (reader, writer) = split(ours);
    let link = Link::open(reader, writer);
    let (reader, writer) = split(theirs);
    (link, BufReader::new(reader), writer)
}

fn deaf() -> Observer {
    Box::new(|_| {})
}

#[tokio::test]
async fn what_came_before_an_answer_has_been_observed_when_that_is_there() {
    let (link, mut reader, mut writer) = pair();
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let observer = Box::new(move |_: &Event| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    // Nobody reads them.
    let _events = link.listen("t", observer);
    let browser = async {
        let asked = heard(&mut reader).await;
        for _ in 0..10 {
            say(&mut writer, json!({ "method": "T.a", "sessionId": "t" })).await;
        }
        say(&mut writer, json!({ "id": asked["id"], "result": {} })).await;
    };
    let (answer, ()) = tokio::join!(link.ask(None, GetVersionParams {}), browser);
    assert_eq!((answer, seen.load(Ordering::SeqCst)), (Ok(json!({})), 10));
}

async fn heard(reader: &mut (impl AsyncBufReadExt + Unpin)) -> Value {
    let mut bytes = Vec::new();
    reader.read_until(0, &mut bytes).await.unwrap();
    bytes.pop();
    serde_json::from_slice(&bytes).unwrap()
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), message: Value) {
    let mut bytes = message.to_string().into_bytes();
    bytes.push(0);
    writer.write_all(&bytes).await.unwrap();
}

#[tokio::test]
async fn answers_find_their_questions_in_any_order() {
    let (link, mut reader, mut writer) = pair();
    let first = link.ask(None, EnableParams::default());
    let second = link.ask(Some("s"), NavigateParams::new("http://a.test/"));
    let browser = async {
        let one = heard(&mut reader).await;
        let two = heard(&mut reader).await;
        let plain = json!({ "id": one["id"], "method": "Page.enable", "params": {} });
        assert_eq!(one, plain);
        let params = json!({ "url": "http://a.test/" });
        let full = json!({
            "id": two["id"], "method": "Page.navigate", "params": params, "sessionId": "s",
        });
        assert_eq!(two, full);
        say(&mut writer, json!({ "id": 999, "result": {} })).await;
        writer.write_all(b"rubbish\0{}\0").await.unwrap();
        say(
            &mut writer,
            json!({ "id": two["id"], "result": { "n": 2 } }),
        )
        .await;
        let refusal = json!({ "id": one["id"], "error": { "code": -1, "message": "no" } });
        say(&mut writer, refusal).await;
    };
    let (one, two, ()) = tokio::join!(first, second, browser);
    assert_eq!(one, Err(CallError::Refused("no".to_owned())));
    assert_eq!(two, Ok(json!({ "n": 2 })));
    assert!(link.0.lock().answers.is_empty());
}

#[tokio::test]
async fn an_answer_is_the_commands_own_and_anything_else_is_refused() {
    let (link, mut reader, mut writer) = pair();
    let browser = async {
        for result in [
            json!({ "frameId": "F", "errorText": "no", "new": [1] }),
            json!({ "frame": "F" }),
        ] {
            let asked = heard(&mut reader).await;
            say(&mut writer, json!({ "id": asked["id"], "result": result })).await;
        }
    };
    let calls = async {
        let known = link.call(None, NavigateParams::new("http://a.test/")).await;
        let unknown = link.call(None, NavigateParams::new("http://a.test/")).await;
        (known.unwrap().error_text, unknown.unwrap_err())
    };
    let ((known, unknown), ()) = tokio::join!(calls, browser);
    assert_eq!(known.as_deref(), Some("no"));
    let CallError::Refused(words) = unknown else {
        panic!("{unknown:?}");
    };
    assert!(
        words.contains("Page.navigate") && words.contains("frameId"),
        "{words}"
    );
}

#[tokio::test]
async fn events_go_to_their_session_until_it_is_forgotten() {
    let (link, _reader, mut writer) = pair();
    let (mut browser, mut tab) = (link.listen("", deaf()), link.listen("t", deaf()));
    // One that is longer than what is parsed at once.
    let long = "x".repeat(2 * LONG);
    say(
        &mut writer,
        json!({ "method": "T.a", "params": { "long": long }, "sessionId": "t" }),
    )
    .await;
    say(
        &mut writer,
        json!({ "method": "T.nobody", "sessionId": "u" }),
    )
    .await;
    say(&mut writer, json!({ "method": "B.b" })).await;
    let event = tab.recv().await.unwrap();
    assert_eq!(event.params["long"].as_str().map(str::len), Some(2 * LONG));
    assert_eq!(browser.recv().await.unwrap().method, "B.b");
    link.forget("t");
    assert_eq!(tab.recv().await, None);
}

#[tokio::test]
async fn a_session_that_does_not_listen_is_cut_off_and_holds_nobody_up() {
    let (link, _reader, mut writer) = pair();
    let (mut slow, mut other) = (link.listen("slow", deaf()), link.listen("other", deaf()));
    for _ in 0..=EVENTS {
        say(&mut writer, json!({ "method": "T.a", "sessionId": "slow" })).await;
    }
    say(
        &mut writer,
        json!({ "method": "T.b", "sessionId": "other" }),
    )
    .await;
    assert_eq!(other.recv().await.unwrap().method, "T.b");
    let mut heard = 0;
    while slow.recv().await.is_some() {
        heard += 1;
    }
    assert_eq!(heard, EVENTS);
}

#[tokio::test]
async fn everybody_learns_that_the_browser_is_gone() {
    let (link, reader, writer) = pair();
    let mut tab = link.listen("t", deaf());
    let call = link.ask(None, GetVersionParams {});
    let gone = async move { drop((reader, writer)) };
    let (answer, ()) = tokio::join!(call, gone);
    assert_eq!(answer, Err(CallError::Lost));
    assert_eq!(tab.recv().await, None);
    link.0.gone.cancelled().await;
    assert!(link.is_gone());
    assert_eq!(
        link.ask(None, GetVersionParams {}).await,
        Err(CallError::Lost)
    );
    assert_eq!(link.listen("u", deaf()).recv().await, None);
}

#[tokio::test]
async fn the_last_link_dropped_closes_the_pipe() {
    let (link, mut reader, _writer) = pair();
    drop(link);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}
