//! Rounds of crawling again, through the store's trait.

use super::*;
use crate::bus::search::{Place, Search, Seek};
use crate::bus::{Ask, ChangeKind, LatestRow, SiteState};
use crate::page::SkipReason;
use crate::store::reader::Reader;
use crate::store::testing::{Job, saved};
use crate::store::{Lease, Seen};

const A: SiteId = SiteId(0);
const DONE: Verdict = Verdict::Final(Outcome::Done);

fn known(digest: u64) -> Option<Seen> {
    Some(Seen {
        etag: Some("\"e\"".into()),
        modified: None,
        digest,
        rules: 7,
    })
}

/// Three pages that were had, each with a record.
async fn crawled(dir: &Path) -> Job {
    let job = Job::open(dir, 1);
    job.add(A, &["1", "2", "3"]).await;
    for n in ["one", "two", "three"] {
        job.end(A, DONE, |c| {
            c.records = vec![record("book", n)];
            c.seen = known(1);
        })
        .await;
    }
    job
}

async fn begin(job: &Job) -> Refresh {
    job.store.refresh(A).await.unwrap()
}

fn urls_of_records(dir: &Path) -> Vec<String> {
    let mut urls = Vec::new();
    let visit = |record: crate::store::reader::RecordRow| {
        assert_eq!(record.outcome, "done", "a page that waits is what it was");
        urls.push(record.url);
        Ok::<(), rusqlite::Error>(())
    };
    Reader::open(dir).unwrap().records(None, visit).unwrap();
    urls
}

#[tokio::test]
async fn what_waits_to_be_asked_again_stands_and_can_be_spared_or_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let job = crawled(dir.path()).await;
    let begun = Refresh::Begun { round: 2, pages: 3 };
    assert_eq!(begin(&job).await, begun);
    job.store.flush().await.unwrap();
    assert_eq!(urls_of_records(dir.path()).len(), 3);
    let status = |dir: &Path| Reader::open(dir).unwrap().status().unwrap().remove(0);
    assert_eq!(status(dir.path()).pages.queued, 3);

    // By other rules, or fetched before the change, a page is asked all the same.
    let at = crate::store::testing::attempt(200, None).at;
    let page = PageId(1);
    assert_eq!(job.store.spare(A, 8, vec![(page, at)]).await, 0);
    assert_eq!(job.store.spare(A, 7, vec![(page, at + 1)]).await, 0);
    let twice = vec![(page, at), (page, at)];
    assert_eq!(job.store.spare(A, 7, twice).await, 1);
    assert_eq!(job.store.spare(A, 7, vec![(page, at)]).await, 0, "once");
    let prune = Prune {
        site: None,
        goes: Arc::new(|url, _| url.ends_with("/2")),
        reason: SkipReason::Operator,
        preview: false,
    };
    assert_eq!(job.store.prune(prune).await, [(A, 1)]);
    let left = job.lease(A, 9).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].seen.as_deref(), known(1).as_ref());
    assert_eq!(
        job.store.spare(A, 7, vec![(left[0].id, at)]).await,
        0,
        "leased"
    );
    job.store.flush().await.unwrap();
    let now = status(dir.path());
    assert_eq!((now.pages.done, now.records, now.bytes), (2, 3, 200));
    let round = now.round.unwrap();
    assert_eq!((round.found.number, round.found.unchanged), (2, 1));
    assert_eq!(round.ended_ms, None);
}

#[tokio::test]
async fn a_round_goes_on_in_the_next_process_until_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let job = crawled(dir.path()).await;
    begin(&job).await;
    // The same as before, other records, and gone.
    job.end(A, DONE, |c| {
        c.same = true;
        c.seen = known(1);
    })
    .await;
    job.store.flush().await.unwrap();
    drop(job);

    let job = Job::open(dir.path(), 1);
    assert_eq!(job.sites[0].counts.round.unchanged, 1);
    assert_eq!(begin(&job).await, Refresh::GoesOn { round: 2 });
    job.end(A, DONE, |c| {
        c.records = vec![record("book", "zwei")];
        c.seen = known(2);
    })
    .await;
    let gone = Verdict::Final(Outcome::Failed(FailureKind::Status));
    job.end(A, gone, |c| {
        c.attempt = Some(crate::store::testing::attempt(
            404,
            Some(FailureKind::Status),
        ));
    })
    .await;
    assert!(matches!(job.store.lease(A, 1).await, Lease::Drained));
    job.store.save_site(A, saved(SiteState::Finished)).await;
    job.store.flush().await.unwrap();
    let ask = Ask::Changes {
        site: Some(A),
        kind: None,
        search: None,
        offset: 0,
        limit: 9,
    };
    let Told::Changes(list) = job.store.ask(ask).await else {
        panic!()
    };
    let told: Vec<_> = list.rows.iter().map(|c| (c.kind, &*c.what)).collect();
    let expected = [
        (ChangeKind::Gone, "404"),
        (ChangeKind::Changed, "title: two → zwei"),
    ];
    assert_eq!(told, expected);
    let only = Ask::Changes {
        site: None,
        kind: Some(ChangeKind::Gone),
        search: None,
        offset: 0,
        limit: 9,
    };
    let Told::Changes(list) = job.store.ask(only).await else {
        panic!()
    };
    assert_eq!((list.total, list.rows.len()), (1, 1));
    for (text, invert, from, expected) in [
        ("ZWEI", false, Seek::Newest, &[ChangeKind::Changed][..]),
        ("title", true, Seek::Newest, &[ChangeKind::Gone]),
        ("gone", false, Seek::Newest, &[ChangeKind::Gone]),
        ("404", false, Seek::Newest, &[ChangeKind::Gone]),
        (
            "a.test/",
            false,
            Seek::Newest,
            &[ChangeKind::Gone, ChangeKind::Changed],
        ),
        (
            "a.test/",
            false,
            Seek::Older(list.rows[0].place()),
            &[ChangeKind::Changed],
        ),
        (
            "a.test/",
            false,
            Seek::Newer(Place { at: 0, id: 0 }),
            &[ChangeKind::Gone, ChangeKind::Changed],
        ),
        ("nothing", false, Seek::Newest, &[]),
    ] {
        let search = Search {
            text: text.to_owned(),
            invert,
            from,
        };
        let ask = Ask::Changes {
            site: None,
            kind: None,
            search: Some(search),
            offset: 0,
            limit: 9,
        };
        let Told::Changes(list) = job.store.ask(ask).await else {
            panic!()
        };
        let kinds: Vec<ChangeKind> = list.rows.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, expected, "{text} {from:?}");
        assert!(
            list.searched
                .is_some_and(|searched| searched.last.is_none())
        );
    }

    let begun = Refresh::Begun { round: 3, pages: 3 };
    assert_eq!(begin(&job).await, begun);
}
