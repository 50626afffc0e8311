//! Controls of a site, set while it runs.

use super::*;
use crate::bus::{Doing, SiteState};

#[tokio::test]
async fn values_are_set_shown_and_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(dir.path(), &document(""), star(40)).await;
    for (line, answer) in [
        ("concurrency s 5", "2 workers → 5 workers"),
        ("delay s 250ms", "0ns → 250ms"),
        ("delay s 0", "250ms → 0ns"),
        ("pages s 30", "none → 30"),
        ("depth s 7", "none → 7"),
        ("retries s 4", "0 → 4"),
        ("drain s", "links are followed → links are not followed"),
        (
            "concurrency s auto:2..9",
            "5 workers → 5 workers, auto from 2 to 9",
        ),
    ] {
        assert_eq!(run.done(line).await, answer, "{line}");
    }
    run.until("all set", |site| {
        let controls = &site.controls;
        controls
            .auto
            .is_some_and(|range| (range.min, range.max) == (2, 9))
            && (controls.concurrency, controls.retries) == (5, 4)
            && (controls.max_pages, controls.max_depth) == (Some(30), Some(7))
            && controls.draining
    })
    .await;
    for back in [
        "concurrency s 5: 5 workers, auto from 2 to 9 → 5 workers",
        "drain s off: links are not followed → links are followed",
        "retries s 0: 4 → 0",
        "depth s none: 7 → none",
        "pages s none: 30 → none",
        "delay s 0ms: 250ms → 0ns",
    ] {
        // Two delays in a row were one change.
        if back.starts_with("delay") {
            assert_eq!(run.done("undo").await, "delay s 0ms: 0ns → 0ns");
        } else {
            assert_eq!(run.done("undo").await, back);
        }
    }
    assert_eq!(
        run.done("undo").await,
        "concurrency s 2: 5 workers → 2 workers"
    );
    assert_eq!(run.refused("undo").await, "nothing to take back");
    run.stop().await;
}

#[tokio::test]
async fn the_journal_tells_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), &document(""), star(1)).await;
    run.done("concurrency s 5").await;
    run.refused("pause s#900").await;
    let ask = || {
        run.ask(Ask::Journal {
            search: None,
            offset: 0,
            limit: 9,
        })
    };
    let rows = loop {
        // Commands are written down after they are answered.
        match ask().await {
            Told::Journal(list) if list.rows.len() == 2 => break list.rows,
            Told::Journal(_) => tokio::task::yield_now().await,
            other => panic!("{other:?}"),
        }
    };
    let (last, first) = (&rows[0], &rows[1]);
    assert_eq!(
        (&*first.command, &*first.origin),
        ("concurrency s 5", "ctl")
    );
    assert_eq!((&*first.before, &*first.after), ("2 workers", "5 workers"));
    assert!(last.refused && last.command == "pause s#900", "{last:?}");
    run.stop().await;
}

#[tokio::test]
async fn a_paused_host_gets_no_request_and_its_site_goes_on_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(dir.path(), &document(""), star(9)).await;
    run.memory.let_pass(1);
    run.until("two in flight", |site| {
        site.busy() == 2 && site.pages.done == 1
    })
    .await;
    run.done("pause s@127.0.0.1").await;
    run.memory.let_pass(5);
    // What was in flight before the pause is finished; nothing else starts.
    run.until("at rest", |site| site.busy() == 0 && site.pages.done == 3)
        .await;
    let Told::Site(Some(detail)) = run.ask(Ask::Site(crate::page::SiteId(0))).await else {
        panic!("no detail");
    };
    let host = &detail.hosts[0];
    assert!(host.paused && host.held == "paused", "{host:?}");
    run.done("resume s@127.0.0.1").await;
    run.memory.let_pass(100);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    assert_eq!(run.memory.asked().len(), 10);
    run.stop().await;
}

#[tokio::test]
async fn a_site_that_the_operator_finishes_keeps_its_queue_for_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(dir.path(), &document(""), star(20)).await;
    run.memory.let_pass(1);
    run.until("two in flight", |site| site.busy() == 2).await;
    run.done("finish s").await;
    run.memory.let_pass(100);
    run.until("ended", |site| site.state == SiteState::Finished)
        .await;
    assert_eq!(
        run.memory.asked().len(),
        3,
        "what was in flight was finished"
    );
    run.done("resume s").await;
    run.until("all had", |site| {
        site.pages.done == 21 && site.state == SiteState::Finished
    })
    .await;
    let mut asked = run.memory.asked();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 21, "none twice");
    run.stop().await;
}

#[tokio::test]
async fn draining_follows_no_more_links() {
    let dir = tempfile::tempdir().unwrap();
    let chain = |path: &str| {
        let n: usize = path.trim_start_matches("/p").parse().unwrap_or(0);
        linking(&[format!("/p{}", n + 1)])
    };
    let mut run = Run::start(dir.path(), &document(""), chain).await;
    run.memory.let_pass(5);
    run.until("five done", |site| site.pages.done == 5).await;
    run.done("drain s").await;
    run.memory.let_pass(100);
    run.until("drained", |site| site.state == SiteState::Finished)
        .await;
    let asked = run.memory.asked().len();
    assert!(asked == 6, "only the one in flight was fetched: {asked}");
    run.stop().await;
}

#[tokio::test]
async fn a_site_tunes_its_workers_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let text = document("").replace("concurrency: 2", "concurrency: { min: 2, max: 64 }");
    let pace = Duration::from_millis(5);
    let mut run = Run::with(dir.path(), &text, star(9000), None, pace).await;
    run.memory.let_pass(1 << 20);
    run.until("moved", |site| site.moved.is_some()).await;
    run.done("concurrency s 3").await;
    run.until("set by hand", |site| {
        site.controls.auto.is_none() && site.controls.concurrency == 3
    })
    .await;
    run.stop().await;
}

#[tokio::test]
async fn tuned_values_hold_in_the_next_run_until_the_file_changes_them() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), &document(""), star(3)).await;
    run.done("concurrency s 7").await;
    run.done("pages s 2").await;
    run.done("exclude s ^/p1").await;
    run.stop().await;

    let edited = document("limits: { pages: 9 }\n");
    let mut run = Run::start(dir.path(), &edited, star(3)).await;
    run.until("controls known", |site| site.controls.concurrency == 7)
        .await;
    run.until("the file's limit", |site| {
        site.controls.max_pages == Some(9)
    })
    .await;
    run.memory.let_pass(100);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    assert!(!run.memory.asked().contains(&"/p1".to_owned()));
    run.stop().await;
}

#[tokio::test]
async fn one_worker_is_paused_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(dir.path(), &document(""), star(30)).await;
    run.done("pause s#0").await;
    run.memory.let_pass(5);
    run.until("the other one works", |site| {
        let first = site.workers.first();
        first.is_some_and(|w| w.doing == Doing::Paused) && site.pages.done >= 4
    })
    .await;
    assert!(run.refused("pause s#9").await.contains("no such worker"));
    run.done("undo").await;
    run.until("both work", |site| site.busy() == 2).await;
    run.stop().await;
}
