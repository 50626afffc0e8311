//! Pages that climb, and rungs that fail, shrink and run out of money.

use super::*;
use crate::bus::{Attempt, RungState, SiteState};
use crate::fetch::{FetchError, Trouble};
use crate::monitor::RungView;
use crate::page::{FailureKind, PageState, SiteId};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const SITE: SiteId = SiteId(0);
const SHELL: &str = "<title>x</title><div id=\"root\"></div><script src=\"a.js\"></script>";
pub(super) const CHALLENGE: &str = "<title>Just a moment...</title><script>window._cf_chl_opt={};\
    a.src='/cdn-cgi/challenge-platform/h/g/orchestrate';</script>";

/// What a rung in memory answers to a path.
type Answers = dyn Fn(&Url) -> Result<Fetched, FetchError> + Send + Sync;

/// A higher rung in memory.
pub(super) struct Higher {
    rung: Rung,
    price: Option<u64>,
    answers: Box<Answers>,
    asked: Mutex<Vec<String>>,
    /// The limit under which it was last asked.
    pub(super) limit: Mutex<Duration>,
}

impl Higher {
    pub(super) fn new(
        rung: Rung,
        answers: impl Fn(&Url) -> Result<Fetched, FetchError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            rung,
            price: Some(0),
            answers: Box::new(answers),
            asked: Mutex::default(),
            limit: Mutex::default(),
        })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Fetcher for Higher {
    fn rung(&self) -> Rung {
        self.rung
    }

    fn price(&self) -> Option<u64> {
        self.price
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, _: Want) -> Fetching<'a> {
        Box::pin(async move {
            *self.limit.lock().unwrap() = visitor.time(self.rung);
            self.asked.lock().unwrap().push(url.path().to_owned());
            // Others may come between, as they do on a network.
            tokio::task::yield_now().await;
            (self.answers)(url)
        })
    }
}

pub(super) fn html(body: &str) -> Fetched {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    let body = Bytes::from(body.to_owned());
    Fetched::whole(200, headers, body, Duration::from_millis(2))
}

pub(super) fn trouble(trouble: Trouble) -> FetchError {
    FetchError {
        kind: FailureKind::Internal,
        detail: "the rung is at fault".to_owned(),
        elapsed: Duration::from_millis(1),
        head: None,
        trouble: Some(trouble),
        cost: 0,
    }
}

pub(super) fn rungs(more: &str) -> String {
    document("").replace("retries: 0", &format!("retries: 0, {more}"))
}

/// A start page with links to so many pages each of which is a challenge, a
/// shell, or plain.
pub(super) fn mixed(each: usize) -> impl Fn(&str) -> (u16, String) + Send + Sync {
    move |path| match path.split('/').nth(1).unwrap_or_default() {
        "" => {
            let kinds = ["plain", "shell", "guard"];
            let paths = (0..each).flat_map(|n| kinds.map(|kind| format!("/{kind}/{n}")));
            linking(&paths.collect::<Vec<_>>())
        }
        "shell" => (200, SHELL.to_owned()),
        "guard" => (200, CHALLENGE.to_owned()),
        _ => linking(&[]),
    }
}

pub(super) async fn run(dir: &Path, text: &str, each: usize, higher: Vec<Arc<dyn Fetcher>>) -> Run {
    let run = Run::on(dir, text, mixed(each), None, Duration::ZERO, higher).await;
    run.memory.let_pass(1 << 20);
    run
}

pub(super) async fn finished(run: &mut Run) {
    run.until("finished", |site| site.state == SiteState::Finished)
        .await;
}

pub(super) async fn attempts(run: &Run, path: &str) -> Vec<Attempt> {
    let ask = Ask::Why {
        site: SITE,
        url: format!("http://127.0.0.1{path}"),
    };
    match run.ask(ask).await {
        Told::Why(why) => why.page.unwrap().attempts,
        other => panic!("{other:?}"),
    }
}

pub(super) fn rung(run: &Run, rung: Rung) -> RungView {
    let shown = run.snapshots.borrow();
    let mut rungs = shown.sites[0].rungs.iter();
    rungs.find(|view| view.rung == rung).unwrap().clone()
}

#[tokio::test]
async fn a_page_climbs_and_its_like_begin_where_it_was_had() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let text = rungs("via: [http, browser]");
    let mut run = run(dir.path(), &text, 30, vec![browser.clone()]).await;
    finished(&mut run).await;
    assert_eq!(run.pages(PageState::Done).await.len(), 91);
    for (path, why) in [
        ("/guard/0", "Cloudflare challenge"),
        ("/shell/0", "needs scripts"),
    ] {
        let [low, high] = &attempts(&run, path).await[..] else {
            panic!("two attempts at {path}")
        };
        assert_eq!((&*low.rung, low.kind), ("http", Some(FailureKind::Blocked)));
        assert_eq!(low.detail, why);
        assert_eq!((&*high.rung, high.kind), ("browser", None));
    }
    assert_eq!(attempts(&run, "/plain/0").await.len(), 1);
    // As many as are leased before the first lessons are learned, and no more.
    let (http, browser) = (rung(&run, Rung::Http), rung(&run, Rung::Browser));
    assert_eq!(browser.had, 60);
    assert!(http.climbed < 30, "{}", http.climbed);
    assert_eq!(http.attempts, 31 + http.climbed);
    assert_eq!(run.stop().await.sites, [SiteState::Finished]);
}

#[tokio::test]
async fn a_higher_rungs_worker_is_paused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let text = rungs("via: [http, browser], browser: { concurrency: 1 }");
    let higher: Vec<Arc<dyn Fetcher>> = vec![browser.clone()];
    let mut run = Run::on(dir.path(), &text, mixed(5), None, Duration::ZERO, higher).await;
    run.done("pause s#1024").await;
    assert!(run.refused("pause s#1025").await.contains("no such worker"));
    run.memory.let_pass(1 << 20);
    run.until("what HTTP has", |site| {
        site.pages.done == 6 && site.rungs[0].climbed > 0
    })
    .await;
    assert_eq!(browser.asked(), 0);
    run.done("resume s#1024").await;
    finished(&mut run).await;
    assert_eq!(browser.asked(), 10);
    run.stop().await;
}

#[tokio::test]
async fn a_site_with_one_rung_never_climbs() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = run(dir.path(), &document(""), 5, Vec::new()).await;
    finished(&mut run).await;
    assert_eq!(
        run.pages(PageState::Done).await.len(),
        11,
        "shells are pages"
    );
    assert_eq!(run.pages(PageState::Failed).await.len(), 5);
    assert_eq!(rung(&run, Rung::Http).climbed, 0);
    assert!(run.refused("rung-pause s http").await.contains("alone"));
    assert!(
        run.refused("rung-pause s proxy")
            .await
            .contains("its fetch.via names http")
    );
    run.stop().await;
}

#[tokio::test]
async fn a_shell_is_a_page_where_no_rung_runs_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let proxy = Higher::new(Rung::Proxy, |_| Ok(html("<p>by proxy</p>")));
    let text = rungs("via: [http, proxy], proxy: { list: ['http://127.0.0.1:9'] }");
    let mut run = run(dir.path(), &text, 5, vec![proxy.clone()]).await;
    finished(&mut run).await;
    assert_eq!(run.pages(PageState::Done).await.len(), 16);
    assert_eq!(proxy.asked(), 5, "the challenges");
    run.stop().await;
}

#[tokio::test]
async fn a_budget_is_kept_to_the_request_and_over_runs() {
    let dir = tempfile::tempdir().unwrap();
    let new = || Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let text = rungs("via: [http, browser], browser: { concurrency: 8, budget: { requests: 7 } }");
    let browser = new();
    let mut first = run(dir.path(), &text, 10, vec![browser.clone()]).await;
    finished(&mut first).await;
    assert_eq!(browser.asked(), 7);
    assert_eq!(first.pages(PageState::Failed).await.len(), 13);
    assert!(
        first
            .pages(PageState::Failed)
            .await
            .iter()
            .all(|page| page.kind == Some(FailureKind::Blocked))
    );
    assert_eq!(rung(&first, Rung::Browser).state, RungState::Spent);
    first.stop().await;

    let browser = new();
    let mut second = run(dir.path(), &text, 10, vec![browser.clone()]).await;
    second
        .until("told", |site| {
            site.rungs
                .get(1)
                .is_some_and(|rung| rung.spent.requests == 7)
        })
        .await;
    second.done("retry s kind=blocked").await;
    second
        .until("tried again", |site| site.rungs[0].attempts >= 13)
        .await;
    finished(&mut second).await;
    assert_eq!(browser.asked(), 0, "spent in the run before");
    assert_eq!(second.done("rung-requests s browser 9").await, "7 → 9");
    second.done("retry s kind=blocked").await;
    second
        .until("spent", |site| site.rungs[1].spent.requests == 9)
        .await;
    finished(&mut second).await;
    assert_eq!(browser.asked(), 2);
    assert_eq!(
        second.done("undo").await,
        "rung-requests s browser 7: 9 → 7"
    );
    second.stop().await;
}

#[tokio::test]
async fn money_is_not_overrun() {
    let dir = tempfile::tempdir().unwrap();
    let service = Higher {
        price: Some(2_000_000),
        ..Arc::into_inner(Higher::new(Rung::Service, |_| {
            let mut fetched = html("<p>bought</p>");
            fetched.cost = 2_000_000;
            Ok(fetched)
        }))
        .unwrap()
    };
    let service = Arc::new(service);
    let text = rungs(
        "via: [http, service], service: { url: 'http://127.0.0.1:9/?url={url}', concurrency: 8, cost: 2, budget: { money: 5 } }",
    );
    let mut run = run(dir.path(), &text, 5, vec![service.clone()]).await;
    finished(&mut run).await;
    assert_eq!(service.asked(), 2);
    assert_eq!(rung(&run, Rung::Service).spent.money, 4_000_000);
    run.stop().await;
}

#[tokio::test]
async fn a_rung_that_is_down_is_paused_once_and_goes_on_when_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let mended = Arc::new(AtomicBool::new(false));
    let works = mended.clone();
    let browser = Higher::new(Rung::Browser, move |_| {
        match works.load(Ordering::Acquire) {
            true => Ok(html("<p>rendered</p>")),
            false => Err(trouble(Trouble::Down("no browser; install one".to_owned()))),
        }
    });
    let text = rungs("via: [http, browser], browser: { concurrency: 1 }");
    let mut run = run(dir.path(), &text, 4, vec![browser.clone()]).await;
    run.until("failed", |site| site.state == SiteState::Failed)
        .await;
    let why = run.snapshots.borrow().sites[0].why.clone().unwrap();
    assert!(
        why.contains("browser: no browser; install one; its pages stay queued"),
        "{why}"
    );
    assert_eq!(browser.asked(), 1, "one was enough to know");
    let down = RungState::Down("no browser; install one".into());
    assert_eq!(rung(&run, Rung::Browser).state, down);
    let told = run
        .snapshots
        .borrow()
        .notices
        .iter()
        .filter(|notice| notice.text.contains("browser is paused"))
        .count();
    assert_eq!(told, 1);

    // What had met it waits for it; what came later ended at its own rung.
    let waiting = run.pages(PageState::Queued).await.len();
    assert!(waiting >= 1);
    mended.store(true, Ordering::Release);
    run.done("rung-resume s browser").await;
    finished(&mut run).await;
    assert_eq!(browser.asked(), 1 + waiting);
    run.stop().await;
}

#[tokio::test]
async fn a_page_passes_over_a_rung_that_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| {
        Err(trouble(Trouble::Down("no browser".to_owned())))
    });
    let service = Higher::new(Rung::Service, |_| Ok(html("<p>bought</p>")));
    let text =
        rungs("via: [http, browser, service], service: { url: 'http://127.0.0.1:9/?url={url}' }");
    let mut run = run(dir.path(), &text, 4, vec![browser, service.clone()]).await;
    finished(&mut run).await;
    assert_eq!(run.pages(PageState::Done).await.len(), 13);
    assert_eq!(service.asked(), 8);
    run.stop().await;
}

#[tokio::test]
async fn a_crowded_rung_shrinks_and_loses_no_page() {
    let dir = tempfile::tempdir().unwrap();
    let refusals = AtomicU64::new(0);
    let browser = Higher::new(Rung::Browser, move |_| {
        match refusals.fetch_add(1, Ordering::AcqRel) {
            0 => Err(trouble(Trouble::Crowded)),
            _ => Ok(html("<p>rendered</p>")),
        }
    });
    let text = rungs("via: [http, browser], browser: { concurrency: 3 }");
    let mut run = run(dir.path(), &text, 4, vec![browser.clone()]).await;
    finished(&mut run).await;
    assert_eq!(run.pages(PageState::Done).await.len(), 13);
    let shown = run.snapshots.borrow().sites[0].clone();
    assert_eq!(shown.controls.pace(Rung::Browser).0, 2);
    assert!(shown.moved.as_ref().unwrap().contains("browser 3 → 2"));
    run.stop().await;
}

#[tokio::test]
async fn pages_that_need_a_rung_on_hold_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |_| Ok(html("<p>rendered</p>")));
    let text = rungs("via: [http, browser]");
    let mut run = Run::on(
        dir.path(),
        &text,
        mixed(4),
        None,
        Duration::ZERO,
        vec![browser.clone()],
    )
    .await;
    run.done("rung-pause s browser").await;
    run.memory.let_pass(1 << 20);
    run.until("what HTTP has", |site| {
        site.pages.done == 5 && site.rungs[0].climbed == 8
    })
    .await;
    assert_eq!(browser.asked(), 0);
    assert_eq!(run.pages(PageState::Failed).await.len(), 0);
    run.done("rung-resume s browser").await;
    finished(&mut run).await;
    assert_eq!(run.pages(PageState::Done).await.len(), 13);
    run.stop().await;
}

#[tokio::test]
async fn where_a_page_was_found_is_its_base_and_is_not_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let browser = Higher::new(Rung::Browser, |url| {
        let (path, body) = match url.path() {
            "/" => (
                "/",
                "<a href='/old'>1</a><a href='/out'>2</a><a href='/new/page'>3</a>",
            ),
            "/old" => ("/new/page", "<a href='next'>x</a>"),
            "/out" => ("", ""),
            path => (path, "<p>a page</p>"),
        };
        let mut fetched = html(body);
        let elsewhere = "http://127.0.0.9/".to_owned();
        let landed = if path.is_empty() {
            elsewhere
        } else {
            format!("http://127.0.0.1{path}")
        };
        fetched.landed = Some(Url::parse(&landed).unwrap());
        Ok(fetched)
    });
    let text = rungs("via: [browser], browser: { concurrency: 1 }").replace("concurrency: 2, ", "");
    let mut run = Run::on(
        dir.path(),
        &text.replace("{ browser", "{browser"),
        |_: &str| (404, String::new()),
        None,
        Duration::ZERO,
        vec![browser.clone()],
    )
    .await;
    finished(&mut run).await;
    let asked = browser.asked.lock().unwrap().clone();
    assert!(
        asked.contains(&"/new/next".to_owned()),
        "its base: {asked:?}"
    );
    let skipped = run.pages(PageState::Skipped).await;
    let reasons: Vec<&str> = skipped.iter().map(|page| page.reason.as_str()).collect();
    assert!(reasons.contains(&"scope"), "{skipped:?}");
    // It was queued before it was landed on, and so is a page of its own here.
    assert_eq!(asked.iter().filter(|path| *path == "/new/page").count(), 1);
    run.stop().await;
}
