//! Answers to the deck's questions.

mod lists;

use super::*;
use crate::bus::{PageFilter, PageOrder, PageRow, Pick, RecordList};
use crate::page::{FailureKind, Outcome, PageState, SkipReason, Verdict};
use crate::store::testing::{Job, commit, failures, new_url, page_of, record};
use crate::store::{JournalEntry, Prune, Revision, Store};
use std::time::Duration;

const A: SiteId = SiteId(0);
const B: SiteId = SiteId(1);
const DONE: Verdict = Verdict::Final(Outcome::Done);
const FAR: u64 = 1 << 50;

/// An order, and whether it is turned round.
#[derive(Debug, Clone, Copy)]
struct Order(PageOrder, bool);

impl From<PageOrder> for Order {
    fn from(order: PageOrder) -> Self {
        Self(order, false)
    }
}

async fn ask(
    store: &dyn Store,
    filter: &PageFilter,
    order: impl Into<Order>,
    offset: u64,
    limit: usize,
) -> (u64, Vec<PageRow>) {
    let Order(order, reverse) = order.into();
    let ask = Ask::Pages {
        filter: filter.clone(),
        order,
        reverse,
        offset,
        limit,
    };
    match store.ask(ask).await {
        Told::Pages(list) => (list.total, list.rows),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_row_tells_what_a_waiting_page_waits_for() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["1", "2", "3"]).await;
    let kind = FailureKind::Timeout;
    job.end(A, Verdict::Retry { due: FAR, kind }, |_| ()).await;
    let soon = job.end(A, Verdict::Retry { due: 5, kind }, |_| ()).await;
    job.store.flush().await.unwrap();
    let queued = PageFilter {
        state: Some(PageState::Queued),
        ..PageFilter::default()
    };
    let (total, rows) = ask(&*job.store, &queued, PageOrder::Queue, 0, 9).await;
    // As they are leased: what is due, the queue, what is not.
    let told: Vec<_> = rows
        .iter()
        .map(|r| (r.due, r.attempts, r.reason.as_str()))
        .collect();
    assert_eq!(total, 3);
    assert_eq!(
        told,
        [
            (Some(5), 1, "timeout"),
            (None, 0, ""),
            (Some(FAR), 1, "timeout")
        ]
    );
    assert_eq!(rows[0].id, soon);
}

#[tokio::test]
async fn a_page_is_told_with_its_redirect_and_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    job.add(A, &["start"]).await;
    let target = new_url(A, "target", 1);
    let away = new_url(B, "away", 1);
    let hop = job
        .end(A, DONE, |c| {
            c.redirect = Some((target.print, target.url.clone()));
            c.found = vec![target.clone()];
        })
        .await;
    let last = job
        .end(A, DONE, |c| {
            c.redirect = Some((away.print, away.url.clone()));
            c.records = vec![record("book", "one"), record("film", "two")];
        })
        .await;
    job.store.flush().await.unwrap();
    let page = page_of(&*job.store, hop).await.unwrap();
    assert_eq!((page.redirect.as_str(), &*page.via), (&*target.url, "link"));
    assert_eq!(page.content_type, "text/html");
    let page = page_of(&*job.store, last).await.unwrap();
    assert_eq!(page.redirect, &*away.url);
    let records = [
        ("book", "{\"title\":\"one\"}"),
        ("film", "{\"title\":\"two\"}"),
    ];
    let records = records.map(|(name, fields)| (name.to_owned(), fields.to_owned()));
    assert_eq!(page.records, records);
}

#[tokio::test]
async fn records_are_listed_latest_first_under_the_fields_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 3);
    job.add(A, &["1", "2"]).await;
    job.add(B, &["1"]).await;
    let pages = job.lease(A, 2).await;
    for (n, page) in pages.iter().rev().enumerate() {
        let mut commit = commit(A, page.id, DONE);
        let mut film = record("film", "second");
        film.fields.insert(format!("extra{n}"), 1.into());
        commit.records = vec![record("book", &format!("of {}", page.id)), film];
        job.store.commit(commit).await;
        job.store.flush().await.unwrap();
        // Ends in another millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    job.end(B, DONE, |c| c.records = vec![record("book", "of b")])
        .await;
    job.store.flush().await.unwrap();
    let ask = async |site: Option<SiteId>, name: Option<&str>, offset, limit| -> RecordList {
        let record = name.map(str::to_owned);
        let ask = Ask::Records {
            site,
            record,
            search: None,
            offset,
            limit,
        };
        match job.store.ask(ask).await {
            Told::Records(list) => list,
            other => panic!("{other:?}"),
        }
    };
    let titles = |list: &RecordList| -> Vec<String> {
        list.rows
            .iter()
            .map(|r| r.fields["title"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ask(None, None, 0, 9).await;
    assert_eq!(
        (all.total, &all.columns[..]),
        (5, &["title", "extra0", "extra1"].map(str::to_owned)[..])
    );
    assert_eq!(titles(&all), ["of b", "of 1", "second", "of 2", "second"]);
    assert_eq!(
        (all.rows[0].site, all.rows[0].url.as_str()),
        (B, "https://b.test/1")
    );
    let books = ask(None, Some("book"), 1, 9).await;
    assert_eq!((books.total, books.columns.len()), (3, 1));
    assert_eq!(titles(&books), ["of 1", "of 2"]);
    assert_eq!(ask(Some(B), Some("book"), 0, 9).await.total, 1);
    assert_eq!(ask(Some(B), Some("film"), 0, 9).await.total, 0);
    assert_eq!(ask(Some(SiteId(2)), None, 0, 9).await.rows.len(), 0);
    assert_eq!(ask(Some(SiteId(7)), None, 0, 9).await.total, 0);
}

#[tokio::test]
async fn the_journal_is_listed_latest_first() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 1);
    for n in 0..5 {
        let entry = JournalEntry {
            origin: "deck",
            command: format!("delay a {n}s"),
            before: n.to_string(),
            after: (n + 1).to_string(),
            answer: "set".to_owned(),
            refused: n == 3,
        };
        job.store.journal(entry).await;
    }
    job.store.flush().await.unwrap();
    let ask = Ask::Journal {
        search: None,
        offset: 1,
        limit: 2,
    };
    let Told::Journal(list) = job.store.ask(ask).await else {
        panic!()
    };
    let told: Vec<_> = list
        .rows
        .iter()
        .map(|r| (r.before.as_str(), r.refused))
        .collect();
    assert_eq!((list.total, list.offset), (5, 1));
    assert_eq!(told, [("3", true), ("2", false)]);
}

#[tokio::test]
async fn what_operators_do_is_answered_through_the_trait() {
    let dir = tempfile::tempdir().unwrap();
    let job = Job::open(dir.path(), 2);
    job.add(A, &["1", "2", "3", "4", "5"]).await;
    job.add(B, &["1"]).await;
    let failed = Verdict::Final(Outcome::Failed(FailureKind::Status));
    let first = job.end(A, failed, |_| ()).await;
    let second = job.end(A, failed, |_| ()).await;
    let done = job
        .end(A, DONE, |c| c.records = vec![record("book", "x")])
        .await;
    let leased = job.lease(A, 1).await;
    let prune = |preview| Prune {
        site: None,
        goes: Arc::new(|url: &str, _| url.starts_with("https://a.")),
        reason: SkipReason::Operator,
        preview,
    };
    assert_eq!(job.store.prune(prune(true)).await, [(A, 1)]);
    assert_eq!(job.store.prune(prune(false)).await, [(A, 1)]);
    assert_eq!(job.store.prune(prune(false)).await, []);
    job.store.release(A, vec![leased[0].id]).await;
    let one = Pick::Pages(vec![first]);
    assert_eq!(
        job.store.revise(one.clone(), Revision::Ignore).await,
        [(A, 1)]
    );
    assert_eq!(job.store.revise(one, Revision::Retry).await, []);
    let of_second = Pick::Matching(PageFilter {
        host: Some("a.test".to_owned()),
        ..PageFilter::failed()
    });
    assert_eq!(job.store.revise(of_second, Revision::Retry).await, [(A, 1)]);
    let page = Pick::Pages(vec![done]);
    assert_eq!(job.store.revise(page, Revision::Force).await, [(A, 1)]);
    job.store.flush().await.unwrap();
    let told = page_of(&*job.store, done).await.unwrap();
    assert_eq!((told.state, told.records.len()), (PageState::Queued, 0));
    // Its only attempt is still told.
    assert_eq!(
        (told.attempts.len(), told.attempts[0].status),
        (1, Some(200))
    );
    let told = page_of(&*job.store, first).await.unwrap();
    assert_eq!(
        (told.state, told.reason.as_str()),
        (PageState::Skipped, "operator")
    );
    assert_eq!(
        failures(&*job.store, PageFilter::failed(), 0, 9)
            .await
            .total,
        0
    );
    let ids: Vec<_> = job.lease(A, 9).await.iter().map(|p| p.id).collect();
    assert_eq!(ids, [second, done, leased[0].id]);

    let start = new_url(A, "1", 0);
    assert_eq!(job.store.find(start.print), Some(first));
    assert!(job.store.forget(A).await);
    assert_eq!(job.store.find(start.print), None);
    assert!(!job.store.forget(SiteId(7)).await);
    // Of before: counts for nothing.
    job.store.commit(commit(A, second, DONE)).await;
    assert_eq!(job.add(A, &["1"]).await, 1);
    let again = job.lease(A, 9).await;
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].id, first);
    job.store.flush().await.unwrap();
    assert!(page_of(&*job.store, first).await.is_none());
    let (total, _) = ask(&*job.store, &PageFilter::default(), PageOrder::Found, 0, 9).await;
    assert_eq!(total, 2);
    drop(job);
    let job = Job::open(dir.path(), 2);
    assert_eq!(
        (job.sites[0].counts.queued, job.sites[0].counts.done),
        (1, 0)
    );
    assert_eq!(job.sites[1].counts.queued, 1);
}
