//! Sources that failed, asked again while the run lingers.

use super::*;
use crate::bus::SiteState;
use crate::bus::{SourceRow, SourceState};
use crate::page::SiteId;
use std::sync::atomic::{AtomicBool, Ordering};

/// A list, an API of two answers and a sitemap.
const DISCOVER: &str = "site: s\nstart: http://127.0.0.1/\nfetch: { robots: ignore, \
     concurrency: 2, retries: 0 }\ndiscover:\n  sitemap: [http://127.0.0.1/map.xml]\n  \
     files: [http://127.0.0.1/list.txt]\n  api:\n    - url: http://127.0.0.1/api\n      \
     next: link\n      urls: $.items[*]\n";

/// A site whose sources fail until it is well.
fn ailing(well: &Arc<AtomicBool>) -> impl Fn(&str) -> (u16, String) + Send + Sync + 'static {
    let well = well.clone();
    move |path| {
        let at = |path: &str| format!("http://127.0.0.1{path}");
        let well = well.load(Ordering::SeqCst);
        match path {
            "/map.xml" | "/list.txt" | "/api" if !well => (500, "down".to_owned()),
            "/map.xml" => {
                let map = format!("<urlset><url><loc>{}</loc></url></urlset>", at("/of-map"));
                (200, map)
            }
            "/list.txt" => (200, at("/of-list") + "\n"),
            "/api" => (200, format!("{{\"items\": [\"{}\"]}}", at("/of-api"))),
            _ => linking(&[]),
        }
    }
}

async fn sources(run: &Run) -> Vec<SourceRow> {
    match run.ask(Ask::Sources(SiteId(0))).await {
        Told::Sources(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// Asks until all that the store has of the sources is as is wanted: what is
/// said of them comes before it is durable.
async fn until_all(run: &Run, state: SourceState) {
    while !sources(run).await.iter().all(|row| row.state == state) {
        tokio::task::yield_now().await;
    }
    assert_eq!(sources(run).await.len(), 3);
}

/// The failures of all sites: how many sources, and their kinds.
async fn failed(run: &Run) -> (u64, Vec<&'static str>) {
    match run.ask(Ask::Groups(PageFilter::failed())).await {
        Told::Groups(failures) => {
            let kinds = failures.sources.iter();
            let mut kinds: Vec<_> = kinds.map(|row| row.source.kind.as_str()).collect();
            kinds.sort_unstable();
            (failures.sources_total, kinds)
        }
        other => panic!("{other:?}"),
    }
}

fn over(site: &SiteView) -> bool {
    site.state == SiteState::Finished
}

#[tokio::test]
async fn sources_that_failed_are_asked_again_after_the_site_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let well = Arc::new(AtomicBool::new(false));
    let mut run = Run::start(dir.path(), DISCOVER, ailing(&well)).await;
    run.memory.let_pass(4);
    run.until("over with three failed sources", |site| {
        over(site) && site.sources_failed == 3
    })
    .await;
    until_all(&run, SourceState::Failed).await;
    let all = vec!["api", "list", "sitemap"];
    assert_eq!(failed(&run).await, (3, all));

    let none = run
        .refused("retry-sources s http://127.0.0.1/nowhere")
        .await;
    assert!(none.contains("no failed source is called http"), "{none}");
    let one = run.done("retry-sources s http://127.0.0.1/api").await;
    assert_eq!(one, "1 source is asked again");
    // At once it is none that failed, and nothing is asked twice at a time.
    run.until("on its way", |site| !over(site) && site.sources_failed == 2)
        .await;
    let again = run.refused("retry-sources s http://127.0.0.1/api").await;
    assert!(again.contains("no failed source is called http"), "{again}");
    let asked = |run: &Run, path: &str| {
        let asked = run.memory.asked();
        asked.iter().filter(|known| *known == path).count()
    };
    // It fails once more.
    run.memory.let_pass(1);
    run.until("over again", |site| over(site) && site.sources_failed == 3)
        .await;
    assert_eq!(asked(&run, "/api"), 2);

    well.store(true, Ordering::SeqCst);
    let all = run.done("retry-sources all").await;
    assert_eq!(all, "3 sources are asked again");
    // Three sources, and the page that each names.
    run.memory.let_pass(6);
    run.until("well", |site| {
        over(site) && site.sources_failed == 0 && site.pages.done == 4
    })
    .await;
    until_all(&run, SourceState::Done).await;
    assert_eq!(failed(&run).await, (0, Vec::new()));
    assert_eq!(asked(&run, "/map.xml"), 2);
    assert_eq!(asked(&run, "/list.txt"), 2);
    assert_eq!(asked(&run, "/api"), 3);
    for line in ["retry-sources s", "retry-sources all"] {
        assert_eq!(run.refused(line).await, "no source has failed");
    }
    run.stop().await;
}

#[tokio::test]
async fn a_paused_site_waits_and_one_that_was_ended_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let well = Arc::new(AtomicBool::new(false));
    let mut run = Run::start(dir.path(), DISCOVER, ailing(&well)).await;
    run.memory.let_pass(4);
    run.until("over", |site| over(site) && site.sources_failed == 3)
        .await;
    run.done("pause s").await;
    well.store(true, Ordering::SeqCst);
    assert_eq!(
        run.done("retry-sources s").await,
        "3 sources are asked again"
    );
    run.until("paused", |site| site.state == SiteState::Paused)
        .await;
    // They wait in the store too, and nobody has asked.
    until_all(&run, SourceState::Waiting).await;
    assert_eq!(run.memory.asked().len(), 4);
    run.memory.let_pass(6);
    run.done("resume s").await;
    run.until("well", |site| {
        over(site) && site.sources_failed == 0 && site.pages.done == 4
    })
    .await;
    run.stop().await;

    // Ended by the operator while its list and its API are on their way.
    let dir = tempfile::tempdir().unwrap();
    let mut run = Run::start(dir.path(), DISCOVER, |path: &str| match path {
        "/map.xml" => (500, String::new()),
        _ => linking(&[]),
    })
    .await;
    run.memory.let_pass(4);
    run.until("over", |site| over(site) && site.sources_failed == 3)
        .await;
    run.done("retry-sources s").await;
    // As many as there are workers.
    while run.memory.asked().len() < 6 {
        tokio::task::yield_now().await;
    }
    run.done("finish s").await;
    run.memory.let_pass(3);
    run.until("ended", |site| {
        over(site)
            && site
                .why
                .as_deref()
                .is_some_and(|why| why.contains("operator"))
    })
    .await;
    let why = run.refused("retry-sources s").await;
    assert_eq!(
        why,
        "s was ended by the operator; `resume s` goes on with it"
    );
    run.stop().await;
}
