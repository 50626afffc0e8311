//! Pages that the operator adds, drops, forces, sends round again or ignores.

use super::*;
use crate::bus::SiteState;
use crate::page::{PageState, SiteId};

const SITE: SiteId = SiteId(0);

async fn urls(run: &Run, state: PageState) -> Vec<String> {
    let rows = run.pages(state).await;
    rows.into_iter().map(|row| row.url).collect()
}

/// A site whose `/p…` pages fail with these statuses until they are healed.
async fn over(dir: &Path, healed: Arc<std::sync::atomic::AtomicBool>) -> Run {
    let pages = move |path: &str| match path {
        "/p1" | "/p2" if !healed.load(std::sync::atomic::Ordering::Acquire) => {
            (if path == "/p1" { 404 } else { 410 }, String::new())
        }
        path => star(4)(path),
    };
    let mut run = Run::start(dir, &document(""), pages).await;
    run.memory.let_pass(1 << 20);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    run
}

#[tokio::test]
async fn failed_pages_are_sent_round_again_or_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let healed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut run = over(dir.path(), healed.clone()).await;
    assert_eq!(run.done("ignore s status=410").await, "1 page is ignored");
    assert_eq!(
        run.refused("ignore s status=410").await,
        "no failed page matches"
    );
    healed.store(true, std::sync::atomic::Ordering::Release);
    assert_eq!(
        run.done("retry s kind=status").await,
        "1 page goes round again"
    );
    run.until("healed", |site| {
        (site.pages.done, site.pages.failed, site.pages.skipped) == (4, 0, 1)
            && site.state == SiteState::Finished
    })
    .await;
    assert_eq!(
        urls(&run, PageState::Skipped).await,
        ["http://127.0.0.1/p2"]
    );
    run.stop().await;
}

#[tokio::test]
async fn finished_pages_are_fetched_again_when_forced() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = over(dir.path(), Arc::default()).await;
    let before = run.memory.asked().len();
    assert_eq!(
        run.done("force s text=/p3").await,
        "1 page goes round again"
    );
    let memory = run.memory.clone();
    run.until("had again", |site| {
        memory.asked().len() > before && site.pages.done == 3 && site.state == SiteState::Finished
    })
    .await;
    let asked = run.memory.asked();
    assert_eq!(asked[before..], ["/p3"]);
    run.stop().await;
}

#[tokio::test]
async fn urls_are_added_where_the_scope_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = over(dir.path(), Arc::default()).await;
    let text = run
        .done("add s http://127.0.0.1/new http://127.0.0.1/p0 http://other.example/ nonsense")
        .await;
    assert!(
        text.starts_with("1 added, 1 known already, 2 refused"),
        "{text}"
    );
    run.until("had", |site| {
        site.pages.done == 4 && site.state == SiteState::Finished
    })
    .await;
    assert!(run.refused("add s nonsense").await.starts_with("0 added"));
    run.stop().await;
}

#[tokio::test]
async fn queued_pages_are_dropped_after_a_preview() {
    let dir = tempfile::tempdir().unwrap();
    // One worker holds the start page's first link; the rest is queued.
    let text = document("").replace("concurrency: 2", "concurrency: 1");
    let mut run = Run::start(dir.path(), &text, star(500)).await;
    run.memory.let_pass(1);
    run.until("queued", |site| {
        site.pages.known() == 501 && site.busy() == 1
    })
    .await;
    let preview = run.done("drop s ^/p4 preview").await;
    let pages: u64 = preview.split(' ').next().unwrap().parse().unwrap();
    assert!((100..=111).contains(&pages), "{preview}");
    assert!(run.refused("drop s (").await.contains("regular expression"));
    let said = run.done("drop s ^/p4").await;
    assert!(said.starts_with(&format!("{pages} ")), "{said}");
    run.until("left out", |site| site.pages.skipped == pages)
        .await;
    assert_eq!(urls(&run, PageState::Skipped).await.len() as u64, pages);
    run.memory.let_pass(1 << 20);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    let fetched = run.memory.asked();
    let again = fetched
        .iter()
        .filter(|path| path.starts_with("/p4"))
        .count();
    assert!(
        again as u64 + pages == 111,
        "{again} of /p4… were leased already"
    );
    run.stop().await;
}

#[tokio::test]
async fn a_rule_added_while_it_runs_holds_for_the_queue_too() {
    let dir = tempfile::tempdir().unwrap();
    let text = document("").replace("concurrency: 2", "concurrency: 1");
    let mut run = Run::start(dir.path(), &text, star(300)).await;
    run.memory.let_pass(1);
    run.until("queued", |site| {
        site.pages.known() == 301 && site.busy() == 1
    })
    .await;
    let before = run.memory.asked().len();
    run.done("exclude s ^/p2").await;
    run.memory.let_pass(1 << 20);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    let asked = run.memory.asked();
    assert!(!asked[before..].iter().any(|path| path.starts_with("/p2")));
    let Told::Why(why) = run
        .ask(Ask::Why {
            site: SITE,
            url: "http://127.0.0.1/p22#x".to_owned(),
        })
        .await
    else {
        panic!("no why");
    };
    assert!(
        !why.taken && why.verdict.contains("'^/p2' matches"),
        "{why:?}"
    );
    assert_eq!(why.page.unwrap().state, PageState::Skipped);
    run.done("undo").await;
    run.done("force s state=skipped").await;
    run.until("all had", |site| {
        site.pages.done == 301 && site.state == SiteState::Finished
    })
    .await;
    run.stop().await;
}

#[tokio::test]
async fn a_site_starts_over_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = document("extract: [ { record: r, fields: { title: h1 } } ]\n");
    let mut run = Run::start(dir.path(), &text, star(6)).await;
    run.memory.let_pass(1 << 20);
    run.until("over", |site| {
        site.state == SiteState::Finished && site.records == 7
    })
    .await;
    run.done("start-over s").await;
    let memory = run.memory.clone();
    run.until("fetched again", |site| {
        let pages = site.pages;
        memory.asked().len() == 14
            && site.state == SiteState::Finished
            && (pages.done, pages.known(), site.records) == (7, 7, 7)
    })
    .await;
    let asked = run.memory.asked();
    assert_eq!(asked.len(), 14);
    assert_eq!(asked[7], "/");
    run.stop().await;
}

#[tokio::test]
async fn a_limit_that_is_raised_lets_the_site_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let text = document("limits: { pages: 3 }\n");
    let mut run = Run::start(dir.path(), &text, star(9)).await;
    run.memory.let_pass(1 << 20);
    run.until("at the limit", |site| {
        site.state == SiteState::Finished && site.pages.done == 3
    })
    .await;
    run.done("pages s none").await;
    run.until("to the end", |site| {
        site.state == SiteState::Finished && site.pages.done == 10
    })
    .await;
    run.stop().await;
}
