use super::*;
use crate::page::{FailureKind, Outcome, PageId, SiteId, Verdict};
use crate::store::folder::DATABASE;
use crate::store::reader::{Edges, Reader};
use crate::store::sqlite::schema::open_to_read;
use crate::store::testing::{Job, new_url};
use crate::store::{Links, NewUrl, Revision, Via};
use std::collections::BTreeSet;

const A: SiteId = SiteId(0);
const DONE: Verdict = Verdict::Final(Outcome::Done);

fn links(pages: &[u32], rest: &[&str]) -> Option<Links> {
    Some(Links {
        pages: pages.iter().map(|page| PageId(*page)).collect(),
        rest: rest.iter().map(|path| new_url(A, path, 0).print).collect(),
    })
}

/// The edges as paths.
fn edges(dir: &std::path::Path) -> BTreeSet<(String, String)> {
    let reader = Reader::open(dir).unwrap();
    let mut all = BTreeSet::new();
    let path = |url: &str| url.trim_start_matches("https://a.test/").to_owned();
    reader
        .edges(Edges::default(), |edge| {
            assert!(!edge.redirect);
            assert!(all.insert((path(&edge.from.url), path(&edge.to.url))));
            Ok::<(), rusqlite::Error>(())
        })
        .unwrap();
    all
}

fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    pairs.iter().map(own).collect()
}

#[tokio::test]
async fn edges_go_with_their_page_and_come_back_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    assert!(!Reader::open(dir.path()).unwrap().keeps_links(None).unwrap());
    job.add(A, &["1", "2"]).await;
    // To itself, twice to the second, to one found on it, to one found later,
    // and to one that never is.
    let first = job
        .end(A, DONE, |c| {
            c.found = vec![new_url(A, "new", 1)];
            c.links = links(&[1, 2, 2], &["new", "late", "never", "2"]);
        })
        .await;
    assert_eq!(first, PageId(1));
    job.end(A, DONE, |c| c.links = links(&[1], &[])).await;
    job.add(A, &["late"]).await;
    job.store.flush().await.unwrap();
    let all = set(&[("1", "2"), ("1", "new"), ("1", "late"), ("2", "1")]);
    assert_eq!(edges(dir.path()), all);
    assert!(
        Reader::open(dir.path())
            .unwrap()
            .keeps_links(Some("a"))
            .unwrap()
    );
    assert!(
        !Reader::open(dir.path())
            .unwrap()
            .keeps_links(Some("b"))
            .unwrap()
    );

    // Fetched again with other links, it has those.
    let again = crate::bus::Pick::Pages(vec![first]);
    job.store.revise(again, Revision::Force).await;
    job.store.flush().await.unwrap();
    assert_eq!(edges(dir.path()), set(&[("2", "1")]));
    assert_eq!(
        job.end(A, DONE, |c| c.links = links(&[3], &[])).await,
        first
    );
    job.store.flush().await.unwrap();
    assert_eq!(edges(dir.path()), set(&[("1", "new"), ("2", "1")]));

    assert!(job.store.forget(A).await);
    job.store.flush().await.unwrap();
    assert_eq!(edges(dir.path()), set(&[]));
}

#[tokio::test]
async fn orphans_and_dead_pages_are_told_through_redirects() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 2);
    let of_sitemap = |path: &str| NewUrl {
        via: Via::Sitemap,
        ..new_url(A, path, 0)
    };
    let paths = [
        "1",
        "moved",
        "behind",
        "alone",
        "alone too",
        "gone",
        "late",
        "to gone",
    ];
    let urls = paths.iter().map(|path| of_sitemap(path)).collect();
    job.store.add(A, urls).await;
    let b = new_url(SiteId(1), "not kept", 0);
    let b = NewUrl {
        via: Via::Sitemap,
        ..b
    };
    job.store.add(SiteId(1), vec![b]).await;
    let leads = |path: &str| {
        let to = new_url(A, path, 0);
        Some((to.print, to.url))
    };
    job.end(A, DONE, |c| c.links = links(&[2, 8], &["late"]))
        .await;
    job.end(A, DONE, |c| c.redirect = leads("behind")).await;
    job.end(A, DONE, |c| c.links = links(&[3], &[])).await;
    job.end(A, DONE, |c| c.redirect = leads("alone too")).await;
    job.end(A, DONE, |c| c.links = links(&[], &[])).await;
    let failed = Verdict::Final(Outcome::Failed(FailureKind::Status));
    job.end(A, failed, |_| ()).await;
    job.end(A, DONE, |c| c.links = links(&[6], &[])).await;
    job.end(A, DONE, |c| c.redirect = leads("gone")).await;
    job.store.flush().await.unwrap();

    let conn = open_to_read(&dir.path().join(DATABASE), 100).unwrap();
    let of = Of {
        key: None,
        listed: true,
    };
    let mut graph = Graph::new(&conn, of);
    // 2 is linked to, and so is 3 behind it; nothing leads to 4, and so not to 5.
    assert_eq!(
        graph.orphans().unwrap().iter().collect::<Vec<_>>(),
        [1, 4, 5]
    );
    assert_eq!(graph.dead().unwrap().iter().collect::<Vec<_>>(), [6, 8]);
    assert_eq!(
        graph.linked_dead().unwrap().iter().collect::<Vec<_>>(),
        [6, 8]
    );

    let reader = Reader::open(dir.path()).unwrap();
    let mut dead = Vec::new();
    let end = |url: &str| url.trim_start_matches("https://a.test/").to_owned();
    reader
        .dead_links(None, |link| {
            assert_eq!(link.end.outcome, "failed");
            dead.push([&link.from, &link.page.url, &link.end.url].map(|url| end(url)));
            Ok::<(), rusqlite::Error>(())
        })
        .unwrap();
    assert_eq!(dead, [["1", "to gone", "gone"], ["late", "gone", "gone"]]);
    let mut degrees = Vec::new();
    reader
        .degrees(Some("a"), |page| {
            degrees.push((page.inlinks, page.outlinks));
            Ok::<(), rusqlite::Error>(())
        })
        .unwrap();
    let expected = [
        (0, 3),
        (1, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 0),
    ];
    assert_eq!(degrees, expected);
}

#[test]
fn a_set_of_pages_is_a_set() {
    let mut bits = Bits::default();
    let pages = [3, 64, 0, 63, 1000, 64];
    pages.iter().for_each(|page| bits.set(*page));
    assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 3, 63, 64, 1000]);
    assert_eq!(bits.len(), 5);
    assert!(bits.has(63) && !bits.has(62) && !bits.has(u32::MAX));
}
