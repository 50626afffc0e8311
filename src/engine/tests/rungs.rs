//! What holds for a rung while it works: its limits, its money, and the pages
//! that wait for it.

use super::ladder::{
    CHALLENGE, Higher, attempts, finished, html, mixed, run, rung, rungs, trouble,
};
use super::*;
use crate::bus::SiteState;
use crate::fetch::Trouble;
use crate::page::PageState;
use crate::store::reader;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test]
async fn the_limit_of_a_request_is_set_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let text = rungs("via: [http, browser], browser: { timeout: 9s }");
    let mut run = run(dir.path(), &text, 2, vec![browser.clone()]).await;
    finished(&mut run).await;
    assert_eq!(*browser.limit.lock().unwrap(), Duration::from_secs(9));
    assert_eq!(run.done("rung-timeout s browser 20s").await, "9s → 20s");
    // Read first: the answer and the request may come in either order.
    let asked = browser.asked();
    run.done("force s text=/shell/0").await;
    run.until("asked again", |_| browser.asked() > asked).await;
    assert_eq!(*browser.limit.lock().unwrap(), Duration::from_secs(20));
    assert_eq!(
        run.done("undo").await,
        "rung-timeout s browser 9000ms: 20s → 9s"
    );
    assert!(
        run.refused("rung-timeout s browser 0s")
            .await
            .contains("1ms")
    );
    let of_http = run.refused("rung-timeout s http 5s").await;
    assert!(of_http.contains("fetch.timeout"), "{of_http}");
    run.stop().await;
}

#[tokio::test]
async fn what_a_request_may_cost_is_durable_before_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, sent) = (dir.path().to_owned(), AtomicU64::new(0));
    let browser = Higher::new(Rung::Browser, move |_| {
        let sent = sent.fetch_add(1, Ordering::AcqRel) + 1;
        // What a process would find that began after this one was killed now.
        let known = reader::Reader::open(&folder).unwrap().status().unwrap();
        let spent = known[0].spent[&Rung::Browser];
        assert!(spent.requests >= sent, "{spent:?} of {sent}");
        assert!(spent.money >= sent * 250_000, "{spent:?} of {sent}");
        Ok(html("<p>rendered</p>"))
    });
    let text = rungs(
        "via: [http, browser], browser: { concurrency: 3, cost: 0.25, budget: { money: 5 } }",
    );
    let mut run = run(dir.path(), &text, 12, vec![browser.clone()]).await;
    finished(&mut run).await;
    assert_eq!(browser.asked(), 20, "5 at 0.25 each");
    assert_eq!(rung(&run, Rung::Browser).spent.money, 5_000_000);
    assert_eq!(run.pages(PageState::Done).await.len(), 13 + 20);
    run.stop().await;
}

#[tokio::test]
async fn pages_that_wait_for_a_rung_that_is_down_take_no_others_room() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| {
        Err(trouble(Trouble::Down("no browser".to_owned())))
    });
    // More than are ever leased ahead, and the plain ones come last.
    let (guarded, plain) = (4_500, 200);
    let pages = move |path: &str| match path.split('/').nth(1).unwrap_or_default() {
        "" => {
            let guarded = (0..guarded).map(|n| format!("/guard/{n}"));
            let plain = (0..plain).map(|n| format!("/plain/{n}"));
            linking(&guarded.chain(plain).collect::<Vec<_>>())
        }
        "guard" => (200, CHALLENGE.to_owned()),
        _ => linking(&[]),
    };
    let text = rungs("via: [http, browser]");
    let higher: Vec<Arc<dyn Fetcher>> = vec![browser];
    let mut run = Run::on(dir.path(), &text, pages, None, Duration::ZERO, higher).await;
    run.memory.let_pass(1 << 20);
    run.until("failed", |site| site.state == SiteState::Failed)
        .await;
    let counts = run.snapshots.borrow().sites[0].pages;
    assert_eq!((counts.done, counts.failed), (1 + plain, 0));
    assert_eq!(counts.queued, guarded);
    run.stop().await;
}

#[tokio::test]
async fn a_site_that_challenges_no_more_is_fetched_by_plain_http_again() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let (guarded, strict) = (400, AtomicU64::new(0));
    let pages = move |path: &str| match path {
        "/" => linking(
            &(0..guarded)
                .map(|n| format!("/guard/{n}"))
                .collect::<Vec<_>>(),
        ),
        _ if strict.fetch_add(1, Ordering::AcqRel) < 5 => (200, CHALLENGE.to_owned()),
        // Short pages that are all the same would be taken for a block.
        _ => linking(&vec!["/".to_owned(); 12]),
    };
    let text = rungs("via: [http, browser]");
    let higher: Vec<Arc<dyn Fetcher>> = vec![browser.clone()];
    let mut run = Run::on(dir.path(), &text, pages, None, Duration::ZERO, higher).await;
    run.memory.let_pass(1 << 20);
    finished(&mut run).await;
    assert_eq!(rung(&run, Rung::Browser).had, browser.asked() as u64);
    // A lower rung is tried now and then, and believed when it works again: how
    // soon that is heard of depends on the machine, that it is does not.
    let mut rounds = 0;
    let requests = || run.memory.asked().len() + browser.asked();
    let mut expected = requests();
    loop {
        let asked = browser.asked();
        let said = run.done("force s text=/guard/").await;
        expected += said.split(' ').next().unwrap().parse::<usize>().unwrap();
        while requests() < expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if browser.asked() == asked {
            break;
        }
        rounds += 1;
        assert!(rounds < 100, "the browser is asked for ever");
    }
    run.stop().await;
}

#[tokio::test]
async fn robots_rules_hold_for_where_a_rung_was_led() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |url| {
        let landed = url.as_str().replace("/guard/0", "/secret/0");
        let landed = landed.replace("127.0.0.1/guard/1", "127.0.0.1:81/other");
        let mut fetched = html("<p>rendered</p>");
        fetched.landed = Some(Url::parse(&landed).unwrap());
        Ok(fetched)
    });
    let pages = |path: &str| match path {
        "/robots.txt" => (200, "User-agent: *\nDisallow: /secret\n".to_owned()),
        path => mixed(3)(path),
    };
    let text = rungs("via: [http, browser]").replace("robots: ignore, ", "")
        + "scope: { hosts: ['127.0.0.1', '127.0.0.1:81'] }\n";
    let higher: Vec<Arc<dyn Fetcher>> = vec![browser];
    let mut run = Run::on(dir.path(), &text, pages, None, Duration::ZERO, higher).await;
    run.memory.let_pass(1 << 20);
    finished(&mut run).await;
    let skipped = run.pages(PageState::Skipped).await;
    let skipped: Vec<_> = skipped
        .iter()
        .map(|page| (page.url.as_str(), page.reason.as_str()))
        .collect();
    assert_eq!(skipped, [("http://127.0.0.1/guard/0", "robots")]);
    let told = attempts(&run, "/guard/0").await;
    let told = &told.last().unwrap().detail;
    assert!(told.contains("/secret/0: robots.txt forbids it"), "{told}");
    // A host that was not asked yet is asked first: what it has is a page of its own.
    let done = run.pages(PageState::Done).await;
    let other = |page: &&PageRow| page.url == "http://127.0.0.1:81/other";
    assert_eq!(done.iter().filter(other).count(), 1, "{done:?}");
    let asked = run.memory.asked.lock().unwrap().clone();
    assert_eq!(
        asked.iter().filter(|path| *path == "/robots.txt").count(),
        2
    );
    run.stop().await;
}
