//! What clients can do, and what one of them does to the others: nothing.

use super::super::{Limits, Link, RemoteError};
use super::{DEADLINE, Engine, HELLO, NAMES, Raw};
use crate::bus::{
    Answer, Ask, Command, Origin, PageFilter, PageOrder, Query, Reply, Request, Target, Told,
};
use crate::page::SiteId;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("it took too long")
}

fn request(command: Command) -> (Request, tokio::sync::oneshot::Receiver<Answer>) {
    let (reply, answer) = Reply::channel();
    let origin = Origin::Deck;
    let request = Request {
        command,
        origin,
        reply,
    };
    (request, answer)
}

#[tokio::test]
async fn commands_by_hand_are_answered_by_their_ids() {
    let engine = Engine::start(Limits::default());
    let mut raw = Raw::welcome(engine.dir()).await;
    for (said, heard) in [
        (
            r#"{"words":{"id":7,"words":"pause books"}}"#,
            r#"{"answer":{"id":7,"answer":{"done":"ctl: pause books"}}}"#,
        ),
        (
            r#"{"command":{"id":8,"command":{"pause":{"site":1}}}}"#,
            r#"{"answer":{"id":8,"answer":{"done":"ctl: pause docs"}}}"#,
        ),
        (
            r#"{"words":{"id":9,"words":"pauze books"}}"#,
            r#"{"answer":{"id":9,"answer":{"refused":"there is no command `pauze`; do you mean `pause`?"}}}"#,
        ),
        // A site that there is not, and a number out of bounds.
        (
            r#"{"command":{"id":10,"command":{"pause":{"site":4000000000}}}}"#,
            r#"{"answer":{"id":10,"answer":{"refused":"there is no site `site-4000000000`"}}}"#,
        ),
        (
            r#"{"command":{"id":11,"command":{"delay":[0,{"secs":18446744073709551615,"nanos":0}]}}}"#,
            r#"{"answer":{"id":11,"answer":{"refused":"#,
        ),
        // Nobody is given more rows than a client may cost.
        (
            r#"{"ask":{"id":12,"ask":{"pages":{"filter":{},"order":"newest","offset":0,"limit":4000000000}}}}"#,
            r#"{"told":{"id":12,"told":{"pages":{"total":1000,"#,
        ),
    ] {
        raw.say(said).await;
        let line = raw.hear().await;
        assert!(line.starts_with(heard), "{said}: {line}");
    }
    assert_eq!(engine.heard.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn the_end_of_a_clients_words_is_not_the_end_of_its_answers() {
    let engine = Engine::start(Limits::default());
    let mut raw = Raw::connect(engine.dir()).await;
    let words = r#"{"words":{"id":1,"words":"stop"}}"#;
    raw.bytes(format!("{HELLO}\n{words}\n").as_bytes()).await;
    raw.hush();
    let text = raw.rest().await.concat();
    assert!(
        text.ends_with("{\"answer\":{\"id\":1,\"answer\":{\"done\":\"ctl: stop\"}}}\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_deck_gets_pictures_and_answers_to_the_end() {
    let mut engine = Engine::start(Limits::default());
    let link = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    assert_eq!(link.welcome().title, "tests");
    assert_eq!(link.welcome().sites, NAMES);
    let mut remote = within(link.watch(10, false)).await.unwrap();
    engine.done(5);
    let seen =
        |pages| move |s: &std::sync::Arc<crate::monitor::Snapshot>| s.totals.pages.done == pages;
    within(remote.snapshots.wait_for(seen(5))).await.unwrap();
    let notices = remote.snapshots.borrow().notices.clone();
    assert_eq!(notices[0].text, "5 more");

    let (pause, answer) = request(Command::Pause(Target::Site(SiteId(1))));
    remote.controls.commands.send(pause).await.unwrap();
    let answer = within(answer).await.unwrap();
    assert_eq!(answer, Answer::Done("attached: pause docs".to_owned()));
    let (reply, told) = Reply::channel();
    let ask = Ask::Pages {
        filter: PageFilter::failed(),
        order: PageOrder::Newest,
        reverse: false,
        offset: 0,
        limit: 60,
    };
    remote
        .controls
        .queries
        .send(Query { ask, reply })
        .await
        .unwrap();
    let Told::Pages(list) = within(told).await.unwrap() else {
        panic!("another answer")
    };
    assert_eq!(list.total, 60);

    engine.done(2);
    engine.server.take().unwrap().close("it is over").await;
    assert_eq!(within(remote.ended()).await.unwrap(), "it is over");
    assert!(
        seen(7)(&remote.snapshots.borrow()),
        "the last picture is missing"
    );
}

#[tokio::test]
async fn a_lost_connection_refuses_what_waits() {
    // Takes the hello and a picture's request, and then nothing.
    let dir = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(Limits::default());
    let link = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    let mut remote = within(link.watch(10, false)).await.unwrap();
    drop(engine.server.take());
    within(remote.ended()).await.ok();
    let (pause, answer) = request(Command::Pause(Target::All));
    // Either nobody takes it any more, or it is refused.
    if remote.controls.commands.send(pause).await.is_ok() {
        let answer = within(answer).await;
        assert!(!matches!(answer, Ok(Answer::Done(_))), "{answer:?}");
    }
    let error = Link::connect(dir.path(), Origin::Ctl).await.unwrap_err();
    assert!(matches!(error, RemoteError::NotRunning(_)), "{error}");
}

#[tokio::test]
async fn a_deck_that_only_looks_sends_nothing() {
    let engine = Engine::start(Limits::default());
    let link = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    let remote = within(link.watch(10, true)).await.unwrap();
    let (stop, answer) = request(Command::Stop);
    remote.controls.commands.send(stop).await.unwrap();
    let answer = within(answer).await.unwrap();
    assert_eq!(answer, Answer::Refused("this deck only looks".to_owned()));
    assert_eq!(engine.heard.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn decks_are_counted_and_scripts_are_not() {
    let engine = Engine::start(Limits::default());
    let mut watched = engine.server().watched();
    assert!(!*watched.borrow());
    let ctl = Link::connect(engine.dir(), Origin::Ctl).await.unwrap();
    let one = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    let two = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    within(watched.wait_for(|on| *on)).await.unwrap();
    drop(one);
    sleep(Duration::from_millis(50)).await;
    assert!(*watched.borrow(), "one deck is still there");
    drop(two);
    within(watched.wait_for(|on| !*on)).await.unwrap();
    drop(ctl);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_read_holds_nobody_up_and_is_given_up() {
    let mut engine = Engine::start(Limits {
        stuck: Duration::from_millis(400),
        clients: 2,
        ..Limits::default()
    });
    let mut deaf = Raw::connect(engine.dir()).await;
    deaf.say(&HELLO.replace("ctl", "attached")).await;
    deaf.say(r#"{"subscribe":{"per_second":10}}"#).await;
    let link = Link::connect(engine.dir(), Origin::Attached).await.unwrap();
    let mut remote = within(link.watch(10, false)).await.unwrap();
    // Far more than a socket holds: pictures of long names, until the deaf one
    // is given up. The other one sees every total in the meantime.
    let mut done = 0;
    let why = "x".repeat(1 << 20);
    let gone = async {
        loop {
            done += 1;
            engine.monitor.fold(
                crate::bus::Event::Site {
                    site: SiteId(1),
                    state: crate::bus::SiteState::Running,
                    why: Some(format!("{done}{why}").into()),
                },
                std::time::Instant::now(),
            );
            engine.done(1);
            let seen = remote.snapshots.wait_for(|s| s.totals.pages.done >= done);
            assert!(seen.await.is_ok(), "the reader was held up");
            // The second seat is free once the deaf one is gone.
            let mut third = Raw::connect(engine.dir()).await;
            third.say(HELLO).await;
            if third.hear().await.starts_with("{\"hello\"") {
                return;
            }
        }
    };
    within(gone).await;
    drop(deaf);
}

#[tokio::test]
async fn too_many_are_turned_away_and_told_why() {
    let engine = Engine::start(Limits {
        clients: 1,
        ..Limits::default()
    });
    let first = Raw::welcome(engine.dir()).await;
    let error = Link::connect(engine.dir(), Origin::Ctl).await.unwrap_err();
    assert!(
        matches!(&error, RemoteError::Refused(why) if why.contains("too many")),
        "{error}"
    );
    drop(first);
    let again = async {
        while Link::connect(engine.dir(), Origin::Ctl).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within(again).await;
}
