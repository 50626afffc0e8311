//! Lists of random crawls, against plain Rust over every row.

use super::*;
use proptest::prelude::*;
use std::cmp::Reverse;

/// What happens to each leased page in turn.
fn crawl_steps() -> impl Strategy<Value = Vec<(u8, u16, u32)>> {
    prop::collection::vec((0u8..8, 0u16..3, 0u32..1000), 0..40)
}

/// Two sites of 30 URLs, and what the steps make of them.
async fn crawl(dir: &std::path::Path, steps: &[(u8, u16, u32)]) -> Job {
    let job = Job::open(dir, 2);
    for site in [A, B] {
        let urls = (0..30)
            .map(|i| new_url(site, &format!("P{i}"), i % 4))
            .collect();
        job.store.add(site, urls).await;
    }
    for (n, (how, status, size)) in steps.iter().enumerate() {
        let site = SiteId(n as u32 % 2);
        let lease = job.store.lease(site, 1).await;
        let crate::store::Lease::Pages(pages) = lease else {
            continue;
        };
        let kind = [FailureKind::Status, FailureKind::Timeout][n % 2];
        let verdict = match how {
            0 => Verdict::Final(Outcome::Skipped(SkipReason::Robots)),
            1 => Verdict::Retry { due: FAR, kind },
            2 => Verdict::Retry { due: FAR + 1, kind },
            3..=5 => Verdict::Final(Outcome::Failed(kind)),
            _ => DONE,
        };
        let mut commit = commit(site, pages[0].id, verdict);
        if let Some(attempt) = &mut commit.attempt {
            attempt.status = [Some(200), Some(503), None][usize::from(*status)];
            (attempt.elapsed_ms, attempt.bytes) = (*size, u64::from(size * 7 % 1000));
        }
        job.store.commit(commit).await;
    }
    job.store.flush().await.unwrap();
    job
}

fn filters() -> impl Strategy<Value = PageFilter> {
    use prop::option::weighted;
    let text = prop::sample::select(vec!["", "", "p1", "a.T", "zz"]);
    (
        weighted(0.3, (0u32..3).prop_map(SiteId)),
        weighted(0.5, prop::sample::select(PageState::ALL.to_vec())),
        weighted(0.2, Just(FailureKind::Timeout)),
        weighted(0.2, Just(503u16)),
        weighted(0.2, prop::sample::select(vec!["a.test", "b.test", "test"])),
        weighted(0.2, 0u32..5),
        (text, any::<bool>()),
    )
        .prop_map(
            |(site, state, kind, status, host, depth, (text, invert))| PageFilter {
                site,
                state,
                kind,
                status,
                host: host.map(str::to_owned),
                depth,
                text: text.to_owned(),
                invert,
            },
        )
}

fn matches(filter: &PageFilter, row: &PageRow) -> bool {
    let host = row.url.split('/').nth(2);
    let text = row.url.to_lowercase().contains(&filter.text.to_lowercase());
    filter.site.is_none_or(|s| s == row.site)
        && filter.state.is_none_or(|s| s == row.state)
        && filter.kind.is_none_or(|k| row.kind == Some(k))
        && filter.status.is_none_or(|s| row.status == Some(s))
        && filter.host.as_deref().is_none_or(|h| host == Some(h))
        && filter.depth.is_none_or(|d| d == row.depth)
        && (filter.text.is_empty() || text != filter.invert)
}

/// Sorts by what a row has; those that have nothing keep their order, at the end.
fn by<K: Ord>(rows: &mut Vec<PageRow>, reverse: bool, key: impl Fn(&PageRow) -> Option<K>) {
    rows.sort_by_key(|r| r.id);
    let (mut with, without): (Vec<_>, Vec<_>) = rows.drain(..).partition(|r| key(r).is_some());
    with.sort_by_key(&key);
    if reverse {
        with.reverse();
    }
    rows.extend(with.into_iter().chain(without));
}

/// The order in plain Rust; nothing in it falls due before the test ends.
fn sort(Order(order, reverse): Order, rows: &mut Vec<PageRow>) {
    let queue = |r: &PageRow| (r.due, if r.due.is_none() { r.depth } else { 0 }, r.id);
    let ended = |r: &PageRow| r.state != PageState::Queued;
    match order {
        PageOrder::Newest => {
            let (mut over, mut waiting): (Vec<_>, Vec<_>) = rows.drain(..).partition(ended);
            by(&mut over, reverse, |r| Some(Reverse((r.at, r.id))));
            waiting.sort_by_key(queue);
            rows.extend(over.into_iter().chain(waiting));
        }
        PageOrder::Queue => {
            rows.retain(|r| !ended(r));
            by(rows, reverse, |r| Some(queue(r)));
        }
        PageOrder::Found => by(rows, reverse, |r| Some(r.id)),
        PageOrder::Slowest => by(rows, reverse, |r| r.elapsed_ms.map(Reverse)),
        PageOrder::Largest => by(rows, reverse, |r| ended(r).then_some(Reverse(r.bytes))),
        PageOrder::Url => by(rows, reverse, |r| Some(r.url.clone())),
        PageOrder::Site => by(rows, reverse, |r| Some(r.site)),
        PageOrder::State => by(rows, reverse, |r| {
            let order = ["done", "failed", "skipped", "queued"];
            order.iter().position(|state| *state == r.state.as_str())
        }),
        PageOrder::Reason => by(rows, reverse, |r| {
            Some(r.reason.clone()).filter(|reason| !reason.is_empty())
        }),
        PageOrder::Status => by(rows, reverse, |r| r.status),
        PageOrder::Tries => by(rows, reverse, |r| Some(Reverse(r.attempts))),
        PageOrder::Depth => by(rows, reverse, |r| Some(r.depth)),
        PageOrder::Due => by(rows, reverse, |r| (!ended(r)).then_some(r.due.unwrap_or(0))),
    }
}

const ORDERS: [PageOrder; 13] = [
    PageOrder::Newest,
    PageOrder::Found,
    PageOrder::Queue,
    PageOrder::Slowest,
    PageOrder::Largest,
    PageOrder::Url,
    PageOrder::Site,
    PageOrder::State,
    PageOrder::Reason,
    PageOrder::Status,
    PageOrder::Tries,
    PageOrder::Depth,
    PageOrder::Due,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_list_is_what_plain_rust_makes_of_all_rows(
        steps in crawl_steps(),
        filters in prop::collection::vec(filters(), 12),
        offset in 0u64..70,
        limit in 0usize..20,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let job = crawl(dir.path(), &steps).await;
            let (total, all) = ask(&*job.store, &PageFilter::default(), PageOrder::Url, 0, 100).await;
            assert_eq!((total, all.len()), (60, 60));
            for filter in &filters {
                let both = ORDERS.into_iter().flat_map(|order| [false, true].map(|r| Order(order, r)));
                for order in both {
                    let mut expected = all.clone();
                    expected.retain(|row| matches(filter, row));
                    sort(order, &mut expected);
                    let asked = format!("{order:?} {filter:?} {offset} {limit}");
                    let (total, rows) = ask(&*job.store, filter, order, offset, limit).await;
                    assert_eq!(total, expected.len() as u64, "{asked}");
                    let expected: Vec<_> =
                        expected.into_iter().skip(offset as usize).take(limit).collect();
                    assert_eq!(rows, expected, "{asked}");
                }
                let groups = match job.store.ask(Ask::Groups(filter.clone())).await {
                    Told::Groups(failures) => failures.groups,
                    other => panic!("{other:?}"),
                };
                let failed = |r: &&PageRow| r.state == PageState::Failed && matches(filter, r);
                let sum: u64 = groups.iter().map(|g| g.count).sum();
                assert_eq!(sum, all.iter().filter(failed).count() as u64);
                assert!(groups.is_sorted_by_key(|g| Reverse(g.count)));
                for group in &groups {
                    let alike = all.iter().filter(failed).filter(|r| {
                        (r.kind, r.status) == (Some(group.kind), group.status)
                            && r.url.split('/').nth(2) == Some(&group.host)
                    });
                    assert_eq!(group.count, alike.count() as u64);
                    // All of them failed just now.
                    assert_eq!(group.trend.iter().sum::<u32>(), group.count as u32);
                    assert_eq!(group.trend[..10], [0; 10]);
                }
            }
        });
    }
}
