use super::*;
use crate::bus::SiteState;
use crate::page::{FailureKind, Outcome, SiteId, Verdict};
use crate::store::testing::{Job, new_url, record, saved};

const A: SiteId = SiteId(0);
const B: SiteId = SiteId(1);
const DONE: Verdict = Verdict::Final(Outcome::Done);

fn pages(reader: &Reader, site: Option<&str>) -> Vec<PageRow> {
    let mut rows = Vec::new();
    let visit = |row| {
        rows.push(row);
        Ok::<(), rusqlite::Error>(())
    };
    reader.pages(site, visit).unwrap();
    rows
}

/// A crawl with one of everything, in `dir`.
async fn crawl(dir: &Path) -> Job {
    let job = Job::open(dir, 2);
    job.add(A, &["start"]).await;
    job.add(B, &["start"]).await;
    let found = |paths: &[&str]| paths.iter().map(|p| new_url(A, p, 1)).collect();
    job.end(A, DONE, |c| {
        c.found = found(&["hop", "bad", "later"]);
        c.records = vec![record("book", "one"), record("book", "two")];
    })
    .await;
    job.end(A, DONE, |c| {
        let target = new_url(A, "hop2", 1);
        c.redirect = Some((target.print, target.url.clone()));
        c.found = vec![target];
    })
    .await;
    job.end(
        A,
        Verdict::Final(Outcome::Failed(FailureKind::Status)),
        |_| (),
    )
    .await;
    let kind = FailureKind::Timeout;
    job.end(A, Verdict::Retry { due: 1 << 50, kind }, |_| ())
        .await;
    job.end(A, DONE, |c| {
        let away = new_url(B, "away", 1);
        c.redirect = Some((away.print, away.url));
    })
    .await;
    job.store.flush().await.unwrap();
    job
}

#[tokio::test]
async fn pages_are_told_with_their_way_and_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let job = crawl(dir.path()).await;
    // While the crawl holds the folder, and after.
    let reader = Reader::open(dir.path()).unwrap();
    let rows = pages(&reader, None);
    let told: Vec<_> = rows
        .iter()
        .map(|r| {
            let final_url = r.final_url.strip_prefix("https://").unwrap();
            let url = r.url.strip_prefix("https://").unwrap();
            (url, final_url, r.outcome, r.reason.as_deref(), r.attempts)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a.test/start", "a.test/start", "done", None, 1),
            ("b.test/start", "b.test/start", "queued", None, 0),
            ("a.test/hop", "b.test/away", "done", None, 1),
            ("a.test/bad", "a.test/bad", "failed", Some("status"), 1),
            ("a.test/later", "a.test/later", "queued", None, 1),
            ("a.test/hop2", "b.test/away", "done", None, 1),
        ]
    );
    assert_eq!(rows[2].from.as_deref(), Some("https://a.test/start"));
    assert_eq!(
        (rows[3].status, rows[3].error.as_deref()),
        (Some(500), Some("it was status"))
    );
    assert_eq!(
        (rows[0].fetched_at, rows[1].fetched_at),
        (Some(1_700_000_000_000), None)
    );
    assert_eq!((rows[0].bytes, rows[0].depth, rows[2].depth), (100, 0, 1));
    assert_eq!(pages(&reader, Some("b")).len(), 1);
    assert_eq!(pages(&reader, Some("c")).len(), 0);
    drop(job);
    assert_eq!(pages(&Reader::open(dir.path()).unwrap(), None), rows);
}

#[tokio::test]
async fn records_and_failures_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let _job = crawl(dir.path()).await;
    let reader = Reader::open(dir.path()).unwrap();
    let mut titles = Vec::new();
    let visit = |r: RecordRow| {
        titles.push((r.url, r.record, r.fields["title"].clone()));
        Ok::<(), rusqlite::Error>(())
    };
    reader.records(None, visit).unwrap();
    let url = "https://a.test/start".to_owned();
    let expected = ["one", "two"].map(|t| (url.clone(), "book".to_owned(), t.into()));
    assert_eq!(titles, expected);
    assert_eq!(reader.fields(None).unwrap(), ["title"]);
    assert!(reader.fields(Some("b")).unwrap().is_empty());
    let mut failed = Vec::new();
    let visit = |r: PageRow| {
        failed.push(r.url);
        Ok::<(), rusqlite::Error>(())
    };
    reader.failures(None, visit).unwrap();
    assert_eq!(failed, ["https://a.test/bad"]);
}

#[tokio::test]
async fn every_page_is_told_once_over_many_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    let n = ROWS as u32 * 3 + 7;
    // The first are so long that bytes end a piece before rows do.
    let tail = "x".repeat(3000);
    let urls = (0..n)
        .map(|i| new_url(A, &format!("{i}/{}", if i < 900 { &tail } else { "" }), 0))
        .collect();
    job.store.add(A, urls).await;
    job.store.flush().await.unwrap();
    let rows = pages(&Reader::open(dir.path()).unwrap(), None);
    let told: Vec<u32> = rows
        .iter()
        .map(|r| r.url.split('/').nth(3).unwrap().parse().unwrap())
        .collect();
    assert_eq!(told, (0..n).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_status_tells_who_is_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let job = crawl(dir.path()).await;
    job.lease(B, 1).await;
    job.store.save_site(A, saved(SiteState::Finished)).await;
    job.store.save_site(B, saved(SiteState::Starting)).await;
    job.store.flush().await.unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert!(reader.is_running());
    let [a, b] = &reader.status().unwrap()[..] else {
        panic!()
    };
    assert_eq!((a.state, b.state), ("finished", "running"));
    assert_eq!(
        (a.concurrency, a.delay_ms, a.records, a.bytes),
        (4, 250, 2, 400)
    );
    let counts = a.pages;
    assert_eq!((counts.done, counts.failed, counts.queued), (3, 1, 1));
    assert_eq!((b.pages.queued, b.pages.in_flight), (0, 1));
    drop(job);

    assert!(!reader.is_running());
    let sites = reader.status().unwrap();
    assert_eq!((sites[0].state, sites[1].state), ("finished", "stopped"));
    assert_eq!((sites[1].pages.queued, sites[1].pages.in_flight), (1, 0));

    // A site that has gone from the file comes last.
    let _job = Job::open_with(
        dir.path(),
        vec![crate::store::testing::names(2).remove(1)],
        |_| (),
    );
    let sites = reader.status().unwrap();
    let told: Vec<_> = sites
        .iter()
        .map(|s| (s.site.as_str(), s.state, s.removed))
        .collect();
    assert_eq!(told, [("b", "running", false), ("a", "finished", true)]);
}

#[test]
fn a_folder_without_a_crawl_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(error.to_string().starts_with("no crawl in"), "{error}");
}
