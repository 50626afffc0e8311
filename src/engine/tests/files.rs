//! The sites file read again while the crawl runs.

use super::*;
use crate::bus::SiteState;

#[tokio::test]
async fn an_edited_file_is_previewed_and_applied() {
    let dir = tempfile::tempdir().unwrap();
    let text = Arc::new(Mutex::new(document("")));
    let read = text.clone();
    let reload: Reload = Arc::new(move || {
        let text = read.lock().unwrap().clone();
        config::parse(&text, "sites.yaml", &|_| None, &Overrides::default())
            .map_err(|error| error.to_string())
    });
    let mut run = Run::with(
        dir.path(),
        &document(""),
        star(50),
        Some(reload),
        Duration::ZERO,
    )
    .await;
    run.memory.let_pass(1);
    run.until("under way", |site| site.pages.known() == 51)
        .await;
    assert_eq!(run.done("reload").await, "the sites file has not changed");

    run.done("delay s 1ms").await;
    *text.lock().unwrap() =
        document("scope: { exclude: [^/p4] }\nextract: [ { record: r, fields: { title: h1 } } ]\n")
            .replace("concurrency: 2", "concurrency: 3")
            + "---\nsite: t\nstart: http://127.0.0.1/t\n";
    let said = run.done("reload preview").await;
    for line in [
        "s: fetch.concurrency: 2 → 3",
        "s: scope.exclude: + ^/p4",
        "s: extract: + r",
        "t: new; it begins at once",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}: {said}");
    }
    run.until("untouched", |site| site.controls.concurrency == 2)
        .await;
    run.done("reload").await;
    run.until("applied", |site| {
        site.controls.concurrency == 3 && site.controls.delay == Duration::from_millis(1)
    })
    .await;
    run.memory.let_pass(1 << 20);
    run.until("over", |site| site.state == SiteState::Finished)
        .await;
    let view = run.snapshots.borrow().sites[0].clone();
    assert!(view.records > 0 && view.pages.skipped > 0, "{view:?}");
    let fill = &view.fill[0];
    assert_eq!((&*fill.record, fill.fields[0].1), ("r", fill.records));

    let snapshots = &mut run.snapshots;
    let joined = snapshots.wait_for(|shown| {
        let site = shown.sites.get(1);
        site.is_some_and(|t| &*t.name == "t" && t.state == SiteState::Finished)
    });
    tokio::time::timeout(Duration::from_secs(30), joined)
        .await
        .expect("the new site never ended")
        .unwrap();

    *text.lock().unwrap() = "site: s\nstart: 7\n".to_owned();
    let why = run.refused("reload").await;
    assert!(why.contains("sites.yaml:2:8"), "{why}");
    run.stop().await;
}

#[tokio::test]
async fn a_job_without_a_file_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::start(dir.path(), &document(""), star(1)).await;
    assert!(run.refused("reload").await.contains("no sites file"));
    run.stop().await;
}
