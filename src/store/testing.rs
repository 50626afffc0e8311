//! A small job in a folder of its own, for tests.

use super::sqlite::{self, Opened, Opening, OpeningSite};
use super::{Commit, Evidence, Lease, Leased, NewUrl, Record, Seen, Store, Tuned, Via};
use crate::bus::{
    Ask, Attempt, Event, PageDetail, PageFilter, PageList, PageOrder, SiteControls, Told,
};
use crate::page::{FailureKind, Fingerprinter, Outcome, PageId, SiteId, Verdict};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// The sites `a`, `b`, … of a test.
pub(crate) fn names(n: u8) -> Vec<OpeningSite> {
    (0..n)
        .map(|i| OpeningSite {
            name: char::from(b'a' + i).to_string(),
            digest: u64::from(i),
        })
        .collect()
}

pub(crate) fn new_url(site: SiteId, path: &str, depth: u32) -> NewUrl {
    let name = char::from(b'a' + site.0 as u8).to_string();
    let url = format!("https://{name}.test/{path}");
    NewUrl {
        print: Fingerprinter::new(&name).of(&url),
        url: url.into(),
        depth,
        rank: depth,
        hops: 0,
        via: Via::Link,
    }
}

pub(crate) fn attempt(status: u16, kind: Option<FailureKind>) -> Attempt {
    Attempt {
        at: 1_700_000_000_000,
        rung: "http".into(),
        status: Some(status),
        kind,
        elapsed_ms: 12,
        bytes: 100,
        detail: kind.map(|k| format!("it was {k}")).unwrap_or_default(),
        picture: None,
    }
}

pub(crate) fn commit(site: SiteId, page: PageId, verdict: Verdict) -> Commit {
    let attempt = match verdict {
        Verdict::Final(Outcome::Done) => Some(attempt(200, None)),
        Verdict::Final(Outcome::Failed(kind)) | Verdict::Retry { kind, .. } => {
            Some(attempt(500, Some(kind)))
        }
        Verdict::Final(Outcome::Skipped(_)) => None,
    };
    Commit {
        attempt,
        content_type: Some("text/html".into()),
        seen: matches!(verdict, Verdict::Final(Outcome::Done)).then(Seen::default),
        ..Commit::new(site, page, verdict)
    }
}

pub(crate) fn record(name: &str, title: &str) -> Record {
    let mut fields = serde_json::Map::new();
    fields.insert("title".into(), title.into());
    Record {
        name: name.into(),
        fields,
    }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        headers: vec![("server".into(), "test".into())],
        body: b"<h1>oh</h1>".to_vec(),
    }
}

/// A site's state and controls.
pub(crate) fn saved(state: crate::bus::SiteState) -> super::SavedSite {
    super::SavedSite {
        state,
        why: None,
        controls: Tuned {
            now: SiteControls {
                concurrency: 4,
                delay: std::time::Duration::from_millis(250),
                ..SiteControls::default()
            },
            ..Tuned::default()
        },
        rules: vec![(false, "^/private".to_owned())],
        paused: false,
        sitemaps_done: true,
    }
}

/// Room for every event of a test.
const EVENTS: usize = 10_000;

/// An open job whose events are kept.
pub(crate) struct Job {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) sites: Vec<sqlite::OpenedSite>,
    pub(crate) resumed: bool,
}

impl Job {
    /// Opens `dir` for the sites `a`, `b`, ….
    pub(crate) fn open(dir: &Path, sites: u8) -> Self {
        Self::open_with(dir, names(sites), |_| ())
    }

    pub(crate) fn open_with(
        dir: &Path,
        sites: Vec<OpeningSite>,
        change: impl FnOnce(&mut Opening),
    ) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let mut opening = Opening::new(sites, sender);
        change(&mut opening);
        let Opened {
            store,
            resumed,
            sites,
        } = sqlite::open(dir, opening).unwrap();
        Self {
            store,
            events,
            sites,
            resumed,
        }
    }

    pub(crate) async fn add(&self, site: SiteId, paths: &[&str]) -> u64 {
        let urls = paths.iter().map(|p| new_url(site, p, 0)).collect();
        self.store.add(site, urls).await
    }

    /// Leases pages that must be there.
    pub(crate) async fn lease(&self, site: SiteId, most: usize) -> Vec<Leased> {
        match self.store.lease(site, most).await {
            Lease::Pages(pages) => pages,
            other => panic!("{other:?}"),
        }
    }

    /// Leases one page and ends it.
    pub(crate) async fn end(
        &self,
        site: SiteId,
        verdict: Verdict,
        change: impl FnOnce(&mut Commit),
    ) -> PageId {
        let page = self.lease(site, 1).await.remove(0).id;
        let mut commit = commit(site, page, verdict);
        change(&mut commit);
        self.store.commit(commit).await;
        page
    }
}

/// A screenful of failed pages.
pub(crate) async fn failures(
    store: &dyn Store,
    filter: PageFilter,
    offset: u64,
    limit: usize,
) -> PageList {
    let order = PageOrder::Newest;
    let ask = Ask::Pages {
        filter,
        order,
        reverse: false,
        offset,
        limit,
    };
    match store.ask(ask).await {
        Told::Pages(list) => list,
        other => panic!("{other:?}"),
    }
}

/// All that is known of one page.
pub(crate) async fn page_of(store: &dyn Store, id: PageId) -> Option<Box<PageDetail>> {
    match store.ask(Ask::Page(id)).await {
        Told::Page(page) => page,
        other => panic!("{other:?}"),
    }
}
