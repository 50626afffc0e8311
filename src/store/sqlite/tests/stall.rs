//! A full disk, through the trait.

use super::*;
use crate::store::testing::Job;
use std::sync::atomic::Ordering;

const A: SiteId = SiteId(0);

/// URLs long enough that a few hundred of them fill the disk.
fn long_urls(range: std::ops::Range<u32>) -> Vec<NewUrl> {
    let tail = "x".repeat(1000);
    range
        .map(|i| new_url(A, &format!("{i}/{tail}"), 0))
        .collect()
}

#[tokio::test]
async fn a_full_disk_stalls_the_store_and_room_heals_it() {
    let dir = tempfile::tempdir().unwrap();
    let cap = Arc::new(AtomicU32::new(1 << 20));
    let mut job = Job::open_with(dir.path(), names(1), |o| {
        o.max_page_count = Some(cap.clone())
    });
    assert_eq!(job.store.add(A, long_urls(0..10)).await, 10);
    job.store.flush().await.unwrap();
    let first = job.lease(A, 3).await;

    // Clamped by SQLite to the size that the file has.
    cap.store(1, Ordering::Relaxed);
    assert_eq!(job.store.add(A, long_urls(10..200)).await, 190);
    let why = job.store.flush().await.unwrap_err();
    assert!(why.contains("disk is full"), "{why}");
    // It takes what it is given, and hands nothing out.
    let done = Verdict::Final(Outcome::Done);
    job.store.commit(commit(A, first[0].id, done)).await;
    assert_eq!(job.store.add(A, long_urls(200..210)).await, 10);
    assert!(job.store.knows(long_urls(205..206)[0].print));
    assert!(matches!(
        job.store.lease(A, 1).await,
        Lease::Wait { due: None }
    ));
    assert_eq!(
        job.store
            .revise(Pick::Pages(vec![first[0].id]), Revision::Retry)
            .await,
        []
    );
    let all = Prune {
        site: None,
        goes: Arc::new(|_, _| true),
        reason: crate::page::SkipReason::Operator,
        preview: false,
    };
    assert_eq!(job.store.prune(all).await, []);
    assert!(!job.store.forget(A).await);
    assert!(job.store.flush().await.is_err());

    cap.store(1 << 20, Ordering::Relaxed);
    let mut seen = Vec::new();
    loop {
        match job.events.recv().await.unwrap() {
            Event::Stalled(None) => break,
            Event::Stalled(Some(why)) => seen.push(why),
            _ => {}
        }
    }
    assert_eq!(seen.len(), 1, "told once: {seen:?}");
    // The supervisor is woken, and finds everything.
    job.store.progress(A).notified().await;
    job.store.flush().await.unwrap();
    assert_eq!(job.lease(A, 999).await.len(), 207);
    drop(job);
    let job = Job::open(dir.path(), 1);
    let counts = job.sites[0].counts;
    assert_eq!((counts.queued, counts.done), (209, 1));
}

#[tokio::test]
async fn a_store_that_is_closed_while_it_is_full_stays_whole() {
    let dir = tempfile::tempdir().unwrap();
    let cap = Arc::new(AtomicU32::new(1 << 20));
    let job = Job::open_with(dir.path(), names(1), |o| {
        o.max_page_count = Some(cap.clone())
    });
    job.store.add(A, long_urls(0..10)).await;
    job.store.flush().await.unwrap();
    cap.store(1, Ordering::Relaxed);
    job.store.add(A, long_urls(10..200)).await;
    assert!(job.store.flush().await.is_err());
    drop(job);
    let job = Job::open(dir.path(), 1);
    assert_eq!(job.sites[0].counts.queued, 10);
    assert_eq!(job.store.add(A, long_urls(10..20)).await, 10);
}
