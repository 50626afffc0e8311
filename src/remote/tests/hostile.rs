//! What is no message ends its own connection, with a reason, and nothing else.

use super::super::{Limits, Link};
use super::{Engine, HELLO, Raw};
use crate::bus::Origin;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Small bounds, so that they are met.
fn tight() -> Limits {
    Limits {
        line: 4096,
        handshake: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// The reason that a client is given which says this after `before`.
async fn turned_away(engine: &Engine, before: &str, said: &[u8]) -> String {
    let mut raw = Raw::connect(engine.dir()).await;
    raw.bytes(before.as_bytes()).await;
    raw.bytes(said).await;
    let lines = raw.rest().await;
    lines.last().cloned().unwrap_or_default()
}

#[tokio::test]
async fn each_way_of_being_wrong_has_its_reason() {
    let engine = Engine::start(tight());
    let hello = format!("{HELLO}\n");
    let deep = format!("{}\n", "[".repeat(4000));
    let nested = format!("{{\"ask\":{{\"id\":1,\"ask\":{}\n", "{\"a\":".repeat(700));
    let long = "x".repeat(5000);
    for (before, said, reason) in [
        ("", "{\"subscribe\":{\"per_second\":5}}\n", "must be hello"),
        (
            "",
            "{\"hello\":{\"protocol\":2,\"origin\":\"ctl\"}}\n",
            "speaks protocol 1, not 2",
        ),
        (
            "",
            "{\"hello\":{\"protocol\":1,\"origin\":\"signal\"}}\n",
            "nobody is signal",
        ),
        (
            "",
            "{\"hello\":{\"protocol\":-1,\"origin\":\"ctl\"}}\n",
            "not a message",
        ),
        ("", "GET / HTTP/1.1\r\n\r\n", "not a message"),
        ("", "\n", "not a message"),
        ("", "\u{0}\u{1b}[2J\n", "not a message"),
        ("", "", "no hello"),
        ("", long.as_str(), "more than 4096 bytes"),
        (hello.as_str(), hello.as_str(), "hello was said already"),
        (
            hello.as_str(),
            "{\"command\":{\"id\":1}}\n",
            "not a message",
        ),
        (
            hello.as_str(),
            "{\"command\":{\"id\":1,\"command\":{\"explode\":1}}}\n",
            "not a message",
        ),
        (
            hello.as_str(),
            "{\"hello\":{}}{\"hello\":{}}\n",
            "not a message",
        ),
        (hello.as_str(), deep.as_str(), "not a message"),
        (hello.as_str(), nested.as_str(), "not a message"),
        (hello.as_str(), long.as_str(), "more than 4096 bytes"),
    ] {
        let heard = turned_away(&engine, before, said.as_bytes()).await;
        let right = heard.starts_with("{\"error\":{\"reason\":") && heard.contains(reason);
        assert!(right, "{said:?}: {heard}");
    }
    assert_eq!(engine.heard.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_line_without_an_end_is_cut() {
    let engine = Engine::start(tight());
    let mut raw = Raw::welcome(engine.dir()).await;
    raw.bytes(b"{\"words\":").await;
    raw.hush();
    let text = raw.rest().await.concat();
    assert!(text.contains("does not end"), "{text}");
}

/// Bytes that are nearly a message, and bytes that are none.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let valid = prop::sample::select(vec![
        HELLO.to_owned(),
        r#"{"subscribe":{"per_second":5}}"#.to_owned(),
        r#"{"command":{"id":1,"command":{"pause":{"site":0}}}}"#.to_owned(),
        r#"{"command":{"id":2,"command":{"retry":{"pages":[1,2]}}}}"#.to_owned(),
        r#"{"words":{"id":3,"words":"concurrency books 4"}}"#.to_owned(),
        r#"{"ask":{"id":4,"ask":{"page":7}}}"#.to_owned(),
        r#"{"leave":{}}"#.to_owned(),
    ]);
    let mutated = (valid.clone(), any::<u16>(), any::<u8>()).prop_map(|(text, at, byte)| {
        let mut bytes = text.into_bytes();
        let at = usize::from(at) % bytes.len();
        bytes[at] = byte;
        bytes
    });
    let cut = (valid.clone(), any::<u16>()).prop_map(|(text, at)| {
        let mut bytes = text.into_bytes();
        bytes.truncate(usize::from(at) % bytes.len());
        bytes
    });
    let random = prop::collection::vec(any::<u8>(), 0..300);
    let line = prop_oneof![
        3 => valid.prop_map(String::into_bytes),
        3 => mutated,
        2 => cut,
        2 => random,
        1 => (0..6000usize).prop_map(|n| vec![b'[' ; n]),
    ];
    prop::collection::vec((line, prop::bool::weighted(0.9)), 1..8).prop_map(|lines| {
        let mut all = Vec::new();
        for (line, ends) in lines {
            all.extend(line);
            if ends {
                all.push(b'\n');
            }
        }
        all
    })
}

#[tokio::test]
async fn noise_harms_nobody_else() {
    let engine = Engine::start(tight());
    let mut bystander = Raw::welcome(engine.dir()).await;
    let mut runner = TestRunner::deterministic();
    let noise = noise();
    for n in 0..400 {
        let bytes = noise.new_tree(&mut runner).unwrap().current();
        let mut raw = Raw::connect(engine.dir()).await;
        if n % 2 == 0 {
            raw.say(HELLO).await;
        }
        raw.bytes(&bytes).await;
        raw.hush();
        // Every line that comes back is one of ours, and the end comes.
        loop {
            let line = raw.hear().await;
            if line.is_empty() {
                break;
            }
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            let kind = object.as_object().unwrap().keys().next().unwrap().clone();
            let known = ["hello", "answer", "told", "snapshot", "error"];
            assert!(known.contains(&kind.as_str()), "{line}");
            if kind == "snapshot" {
                // It reads on, and would for ever.
                break;
            }
        }
        if n % 50 == 0 {
            bystander.say(r#"{"words":{"id":5,"words":"undo"}}"#).await;
            let answer = bystander.hear().await;
            assert!(answer.contains("ctl: undo"), "{answer}");
        }
    }
    let mut link = Link::connect(engine.dir(), Origin::Ctl).await.unwrap();
    link.command(crate::bus::Command::Undo).await.unwrap();
}
