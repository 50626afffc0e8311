//! The store through its trait, threads and all.

use super::*;
use crate::bus::{PageFilter, SiteState};
use crate::page::SkipReason;
use crate::store::testing::{Job, failures, page_of, saved};
use std::time::Duration;

const A: SiteId = SiteId(0);
const B: SiteId = SiteId(1);
const DONE: Verdict = Verdict::Final(Outcome::Done);
const FAILED: Verdict = Verdict::Final(Outcome::Failed(FailureKind::Status));

fn urls(pages: &[crate::store::Leased]) -> Vec<&str> {
    pages
        .iter()
        .map(|p| p.url.rsplit('/').next().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_are_leased_breadth_first_and_retries_before_them() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    let deep = vec![new_url(A, "deep", 3), new_url(A, "mid", 2)];
    assert_eq!(job.store.add(A, deep).await, 2);
    assert_eq!(urls(&job.lease(A, 1).await), ["mid"]);
    // Found after deeper ones were handed out, and yet next.
    assert_eq!(job.add(A, &["start", "again"]).await, 2);
    assert_eq!(job.add(A, &["start"]).await, 0);
    let start = job.lease(A, 1).await;
    assert_eq!(urls(&start), ["start"]);
    let kind = FailureKind::Timeout;
    let retry = Verdict::Retry { due: 5, kind };
    job.store.commit(commit(A, start[0].id, retry)).await;
    let two = job.lease(A, 2).await;
    assert_eq!(urls(&two), ["start", "again"]);
    assert_eq!((two[0].tries, two[1].tries), (1, 0));
    // A page that was given back is next again, and as it was.
    job.store.release(A, vec![two[0].id]).await;
    let again = job.lease(A, 9).await;
    assert_eq!(urls(&again), ["start", "deep"]);
    assert_eq!(again[0].tries, 1);
    assert!(matches!(
        job.store.lease(A, 1).await,
        Lease::Wait { due: None }
    ));
    let far = 1 << 50;
    job.store
        .commit(commit(A, again[0].id, Verdict::Retry { due: far, kind }))
        .await;
    let lease = job.store.lease(A, 1).await;
    assert!(
        matches!(lease, Lease::Wait { due: Some(due) } if due == far),
        "{lease:?}"
    );
    assert!(matches!(
        job.store.lease(SiteId(9), 1).await,
        Lease::Drained
    ));
}

#[tokio::test]
async fn a_lease_that_nobody_takes_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["1"]).await;
    let progress = job.store.progress(A);
    for _ in 0..50 {
        // Dropped at any point between the request and its answer.
        let lease = job.store.lease(A, 1);
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            answer = lease => if let Lease::Pages(pages) = answer {
                job.store.release(A, vec![pages[0].id]).await;
            },
        }
    }
    // However many were dropped, the page can be had, if only after a while.
    let page = loop {
        match job.store.lease(A, 1).await {
            Lease::Pages(mut pages) => break pages.remove(0),
            Lease::Wait { .. } => progress.notified().await,
            Lease::Drained => panic!("lost"),
        }
    };
    job.store.commit(commit(A, page.id, DONE)).await;
    assert!(matches!(job.store.lease(A, 1).await, Lease::Drained));
}

#[tokio::test]
async fn the_bus_is_told_what_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = Job::open(dir.path(), 2);
    job.add(A, &["1", "2", "3"]).await;
    job.end(A, DONE, |c| {
        c.found = vec![new_url(A, "4", 1), new_url(A, "1", 1)];
        c.records = vec![record("book", "x")];
    })
    .await;
    job.end(A, FAILED, |_| ()).await;
    job.end(
        A,
        Verdict::Final(Outcome::Skipped(SkipReason::Robots)),
        |_| (),
    )
    .await;
    job.store.flush().await.unwrap();
    let mut sum = SiteDelta::default();
    let mut commits = 0;
    while let Ok(event) = job.events.try_recv() {
        let changes = match event {
            Event::Committed(changes) => changes,
            Event::CommitTime(_) => {
                commits += 1;
                continue;
            }
            other => panic!("{other:?}"),
        };
        for (site, delta) in changes {
            assert_eq!(site, A);
            sum.done += delta.done;
            sum.failed += delta.failed;
            sum.skipped += delta.skipped;
            sum.queued += delta.queued;
            sum.records += delta.records;
            sum.bytes += delta.bytes;
        }
    }
    let expected = SiteDelta {
        done: 1,
        failed: 1,
        skipped: 1,
        queued: 1,
        records: 1,
        bytes: 200,
        ..SiteDelta::default()
    };
    assert_eq!(sum, expected);
    assert!(commits > 0, "how long a commit took is told");
}

#[tokio::test]
async fn a_run_goes_on_where_the_last_one_ended_whatever_the_file_says_now() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 2);
    assert!(!job.resumed);
    job.add(A, &["1", "2"]).await;
    job.add(B, &["1"]).await;
    let target = new_url(B, "target", 0);
    let (print, url) = (target.print, target.url.clone());
    let from = job
        .end(B, DONE, |c| {
            c.redirect = Some((print, url));
            c.found = vec![target];
        })
        .await;
    let state = SavedSite {
        why: Some("so".into()),
        ..saved(SiteState::Running)
    };
    job.store.save_site(B, state.clone()).await;
    job.lease(A, 1).await;
    drop(job);

    // The other way round, with another document, and one more.
    let mut sites = names(3);
    sites[1].digest = 77;
    sites.swap(0, 1);
    let job = Job::open_with(dir.path(), sites, |_| ());
    assert!(job.resumed);
    let [b, a, c] = &job.sites[..] else { panic!() };
    assert_eq!(b.saved, Some(state));
    assert_eq!((a.saved.as_ref(), c.saved.as_ref()), (None, None));
    assert_eq!((b.changed, a.changed, c.changed), (true, false, false));
    assert_eq!(
        (
            a.counts.queued,
            b.counts.queued,
            b.counts.done,
            c.counts.queued
        ),
        (2, 1, 1, 0)
    );
    let redirects = [Redirect {
        page: from,
        from: new_url(B, "1", 0).print,
        to: print,
    }];
    assert_eq!(b.redirects, redirects);
    assert!(job.store.knows(print));
    assert!(job.store.knows(new_url(A, "2", 0).print));
    // The place in the file is what counts now; the lease died with the process.
    assert_eq!(urls(&job.lease(SiteId(1), 9).await), ["1", "2"]);
    assert_eq!(urls(&job.lease(SiteId(0), 9).await), ["target"]);
    drop(job);

    // A site that is gone keeps its rows, and takes up where it was when it is back.
    let job = Job::open(dir.path(), 1);
    assert!(!job.store.knows(print));
    assert!(page_of(&*job.store, from).await.is_none());
    assert_eq!(job.add(A, &["3"]).await, 1);
    drop(job);
    let job = Job::open(dir.path(), 2);
    assert_eq!(job.sites[1].counts.queued, 1);
    assert!(job.store.knows(print));
    drop(job);

    let job = Job::open_with(dir.path(), names(2), |o| o.fresh = true);
    assert!(!job.resumed);
    assert_eq!(job.sites[0].counts, SiteCounts::default());
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    let (events, _bus) = mpsc::channel(8);
    let opening = Opening::new(names(1), events.clone());
    let error = open(dir.path(), opening).err().unwrap();
    assert!(matches!(error, StoreError::Held { .. }), "{error}");
    drop(job);
    assert!(open(dir.path(), Opening::new(names(1), events)).is_ok());
}

#[tokio::test]
async fn closing_waits_for_no_one() {
    let dir = tempfile::tempdir().unwrap();
    // A bus with room for one commit, and without a reader that is awake.
    let (events, _bus) = mpsc::channel(2);
    let opened = open(dir.path(), Opening::new(names(1), events)).unwrap();
    opened.store.add(A, vec![new_url(A, "1", 0)]).await;
    opened.store.flush().await.unwrap();
    opened.store.add(A, vec![new_url(A, "2", 0)]).await;
    // What is flushed has been told, for which there is no room now.
    let flush = tokio::time::timeout(Duration::from_millis(200), opened.store.flush());
    assert!(flush.await.is_err());
    drop(opened);
    assert_eq!(Job::open(dir.path(), 1).sites[0].counts.queued, 2);
}

#[tokio::test]
async fn failures_are_listed_newest_first_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 2);
    for site in [A, B] {
        let paths: Vec<String> = (0..30).map(|i| format!("Page{i}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        job.add(site, &paths).await;
        for i in 0..30 {
            let kind = if i % 3 == 0 {
                FailureKind::Timeout
            } else {
                FailureKind::Status
            };
            let verdict = if i % 10 == 9 {
                DONE
            } else {
                Verdict::Final(Outcome::Failed(kind))
            };
            job.end(site, verdict, |_| ()).await;
        }
    }
    job.store.flush().await.unwrap();
    let ask = |filter: PageFilter| failures(&*job.store, filter, 0, 100);
    let all = ask(PageFilter::failed()).await;
    assert_eq!((all.total, all.rows.len()), (54, 54));
    assert!(
        all.rows
            .is_sorted_by_key(|r| std::cmp::Reverse((r.at, r.id)))
    );
    let page = failures(&*job.store, PageFilter::failed(), 10, 5).await;
    assert_eq!((page.total, page.offset), (54, 10));
    let ids = |rows: &[crate::bus::PageRow]| rows.iter().map(|r| r.id).collect::<Vec<_>>();
    assert_eq!(ids(&page.rows), ids(&all.rows[10..15]));
    let row = &all.rows[0];
    assert_eq!((row.site, row.status, row.attempts), (B, Some(500), 1));

    let text = |text: &str, invert| PageFilter {
        text: text.to_owned(),
        invert,
        ..PageFilter::failed()
    };
    for (filter, expected) in [
        (
            PageFilter {
                site: Some(A),
                ..PageFilter::failed()
            },
            27,
        ),
        (
            PageFilter {
                site: Some(SiteId(7)),
                ..PageFilter::failed()
            },
            0,
        ),
        (
            PageFilter {
                kind: Some(FailureKind::Timeout),
                ..PageFilter::failed()
            },
            18,
        ),
        (text("a.TEST/pAGE1", false), 10),
        (text("a.test/page1", true), 44),
        (
            PageFilter {
                site: Some(B),
                kind: Some(FailureKind::Dns),
                ..text("x", false)
            },
            0,
        ),
    ] {
        let list = ask(filter.clone()).await;
        assert_eq!(list.total, expected, "{filter:?}");
        assert_eq!(list.rows.len() as u64, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_page_is_told_whole() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["start"]).await;
    let start = job
        .end(A, DONE, |c| c.found = vec![new_url(A, "mid", 1)])
        .await;
    job.end(A, DONE, |c| c.found = vec![new_url(A, "end", 2)])
        .await;
    let kind = FailureKind::Timeout;
    job.end(A, Verdict::Retry { due: 1, kind }, |_| ()).await;
    let file = "screenshots/1.png";
    let pictured = |c: &mut Commit| {
        c.evidence = Some(evidence());
        c.attempt.as_mut().unwrap().picture = Some(file.into());
    };
    let end = job.end(A, FAILED, pictured).await;
    job.store.flush().await.unwrap();

    let detail = page_of(&*job.store, end).await.unwrap();
    let [_, last] = &detail.attempts[..] else {
        panic!("{detail:?}")
    };
    let picture = last.picture.as_deref().map(std::path::Path::new);
    let kept = dir.path().canonicalize().unwrap().join(file);
    assert_eq!(picture, Some(kept.as_path()));
    assert_eq!(
        (detail.state.as_str(), detail.reason.as_str(), detail.depth),
        ("failed", "status", 2)
    );
    assert_eq!(detail.path, ["https://a.test/start", "https://a.test/mid"]);
    let kinds: Vec<_> = detail.attempts.iter().map(|a| a.kind).collect();
    assert_eq!(kinds, [Some(kind), Some(FailureKind::Status)]);
    assert_eq!(detail.attempts[0].detail, "it was timeout");
    assert_eq!(detail.headers, evidence().headers);
    assert_eq!(detail.body, evidence().body);

    let detail = page_of(&*job.store, start).await.unwrap();
    assert_eq!((detail.state.as_str(), detail.attempts.len()), ("done", 1));
    let attempt = &detail.attempts[0];
    assert_eq!(
        (attempt.status, attempt.elapsed_ms, attempt.bytes),
        (Some(200), 12, 100)
    );
    assert!(detail.path.is_empty() && detail.body.is_empty());
    assert!(page_of(&*job.store, PageId(999)).await.is_none());
}

#[tokio::test]
async fn failed_pages_go_round_again_with_their_past() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 2);
    job.add(A, &["1", "2", "3"]).await;
    job.add(B, &["1"]).await;
    let done = job.end(A, DONE, |_| ()).await;
    let failed = job.end(A, FAILED, |c| c.evidence = Some(evidence())).await;
    job.end(B, FAILED, |_| ()).await;
    // Only failed pages are taken, each once.
    let pick = Pick::Pages(vec![done, failed, failed, PageId(99)]);
    assert_eq!(job.store.revise(pick, Revision::Retry).await, [(A, 1)]);
    let of_b = PageFilter {
        site: Some(B),
        ..PageFilter::failed()
    };
    assert_eq!(
        job.store
            .revise(Pick::Matching(of_b.clone()), Revision::Retry)
            .await,
        [(B, 1)]
    );
    assert_eq!(
        job.store
            .revise(Pick::Matching(of_b), Revision::Retry)
            .await,
        []
    );
    let pages = job.lease(A, 9).await;
    assert_eq!(urls(&pages), ["2", "3"]);
    assert_eq!(pages[0].tries, 0);
    job.store.commit(commit(A, failed, DONE)).await;
    job.store.flush().await.unwrap();
    let detail = page_of(&*job.store, failed).await.unwrap();
    assert_eq!(detail.state.as_str(), "done");
    let kinds: Vec<_> = detail.attempts.iter().map(|a| a.kind).collect();
    assert_eq!(kinds, [Some(FailureKind::Status), None]);
    let list = failures(&*job.store, PageFilter::failed(), 0, 9).await;
    assert_eq!(list.total, 0);
}

#[tokio::test]
async fn a_late_proof_of_a_loop_fails_the_pages_that_were_done() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["1", "2", "3"]).await;
    let one = job.end(A, DONE, |_| ()).await;
    let kind = FailureKind::Redirect;
    job.end(A, Verdict::Final(Outcome::Failed(kind)), |c| {
        c.also_failed = vec![one, PageId(3)]
    })
    .await;
    job.store.flush().await.unwrap();
    let list = failures(&*job.store, PageFilter::failed(), 0, 9).await;
    assert_eq!(list.total, 2);
    assert!(list.rows.iter().all(|r| r.kind == Some(kind)));
    // The third is still to be fetched.
    assert_eq!(urls(&job.lease(A, 9).await), ["3"]);
}

#[tokio::test]
async fn threads_outside_the_runtime_commit_too() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    let paths: Vec<String> = (0..200).map(|i| i.to_string()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    job.add(A, &paths).await;
    let pages = job.lease(A, 200).await;
    let store = job.store.clone();
    let threads: Vec<_> = pages
        .chunks(50)
        .map(|chunk| {
            let (store, ids) = (
                store.clone(),
                chunk.iter().map(|p| p.id).collect::<Vec<_>>(),
            );
            std::thread::spawn(move || {
                for id in ids {
                    // Twice: the second counts for nothing.
                    store.commit_blocking(commit(A, id, DONE));
                    store.commit_blocking(commit(A, id, FAILED));
                }
            })
        })
        .collect();
    for thread in threads {
        tokio::task::spawn_blocking(|| thread.join().unwrap())
            .await
            .unwrap();
    }
    assert!(matches!(job.store.lease(A, 1).await, Lease::Drained));
    drop(store);
    drop(job);
    let job = Job::open(dir.path(), 1);
    assert_eq!(job.sites[0].counts.done, 200);
    assert_eq!(job.sites[0].counts.failed, 0);
}
