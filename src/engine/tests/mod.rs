//! The engine driven by commands, over a site that lives in memory.

mod commands;
mod files;
mod guard;
mod ladder;
mod order;
mod pages;
mod rungs;
mod sources;

use super::{Ended, Engine, Parts, Reload};
use crate::bus::{
    self, Answer, Ask, Command, Controls, Origin, PageFilter, PageOrder, PageRow, Query, Reply,
    Request, SiteDelta, SiteInfo, Told, verb,
};
use crate::config::{self, Job, Overrides, Rung};
use crate::fetch::{Fetched, Fetcher, Fetching, Rungs, Visitor, Want};
use crate::monitor::{self, SiteView, Snapshot};
use crate::page::PageState;
use crate::store::StoreError;
use crate::store::sqlite::{self, Opening, OpeningSite};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use url::Url;

/// What the site answers to a path: a status, and a body for 200.
type Pages = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// A site in memory. Each answer takes a permit from the gate.
pub struct Memory {
    pages: Box<Pages>,
    gate: Semaphore,
    /// How long each answer takes.
    pace: Duration,
    asked: Mutex<Vec<String>>,
}

impl Memory {
    /// Lets so many answers pass.
    pub fn let_pass(&self, answers: usize) {
        self.gate.add_permits(answers);
    }

    /// Paths asked for so far, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Fetcher for Memory {
    fn rung(&self) -> Rung {
        Rung::Http
    }

    fn fetch<'a>(&'a self, _: &'a Visitor, url: &'a Url, _: Want) -> Fetching<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(url.path().to_owned());
            self.gate.acquire().await.unwrap().forget();
            tokio::time::sleep(self.pace).await;
            let (status, body) = (self.pages)(url.path());
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            let body = Bytes::from(body);
            let elapsed = Duration::from_millis(2);
            Ok(Fetched::whole(status, headers, body, elapsed))
        })
    }
}

/// A page that links to these paths.
pub fn linking(paths: &[String]) -> (u16, String) {
    let links: Vec<String> = paths
        .iter()
        .map(|path| format!("<a href='{path}'>x</a>"))
        .collect();
    (200, format!("<h1>a page</h1>{}", links.concat()))
}

/// A start page with links to `/p0` … `/p{n}`, which link nowhere.
pub fn star(n: usize) -> impl Fn(&str) -> (u16, String) + Send + Sync {
    move |path| match path {
        "/" => linking(&(0..n).map(|i| format!("/p{i}")).collect::<Vec<_>>()),
        _ => linking(&[]),
    }
}

/// A sites file with the settings that every test here wants.
pub fn document(more: &str) -> String {
    format!(
        "site: s\nstart: http://127.0.0.1/\ndiscover: {{ sitemap: off }}\n\
         fetch: {{ robots: ignore, concurrency: 2, retries: 0 }}\n{more}"
    )
}

pub fn job(text: &str) -> Job {
    config::parse(text, "sites.yaml", &|_| None, &Overrides::default()).unwrap()
}

/// A running engine.
pub struct Run {
    pub memory: Arc<Memory>,
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    controls: Controls,
    engine: Engine,
    names: Vec<String>,
    linger: watch::Sender<bool>,
}

impl Run {
    /// Starts a job in `dir` that goes on when its sites are over.
    pub async fn start(
        dir: &Path,
        text: &str,
        pages: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        Self::with(dir, text, pages, None, Duration::ZERO).await
    }

    pub async fn with(
        dir: &Path,
        text: &str,
        pages: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
        reload: Option<Reload>,
        pace: Duration,
    ) -> Self {
        Self::on(dir, text, pages, reload, pace, Vec::new()).await
    }

    /// The same, with higher rungs than the first, or another first one.
    pub async fn on(
        dir: &Path,
        text: &str,
        pages: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
        reload: Option<Reload>,
        pace: Duration,
        higher: Vec<Arc<dyn Fetcher>>,
    ) -> Self {
        let job = job(text);
        let (events, bus_end) = mpsc::channel(bus::EVENTS);
        let (commands, command_end) = mpsc::channel(bus::REQUESTS);
        let (queries, query_end) = mpsc::channel(bus::REQUESTS);
        let sites = job.sites.iter().map(|site| OpeningSite {
            name: site.name.clone(),
            digest: site.digest,
        });
        let sites: Vec<OpeningSite> = sites.collect();
        let opened = loop {
            // The tasks of a run before this one let the folder go in their time.
            match sqlite::open(dir, Opening::new(sites.clone(), events.clone())) {
                Err(StoreError::Held { .. }) => tokio::task::yield_now().await,
                opened => break opened.unwrap(),
            }
        };
        let infos: Vec<SiteInfo> = job
            .sites
            .iter()
            .map(|site| SiteInfo::from(&**site))
            .collect();
        let (publish, snapshots) = monitor::channel(&infos);
        let counts = opened
            .sites
            .iter()
            .map(|site| monitor::Counts::from(&SiteDelta::from(site.counts)))
            .collect();
        tokio::spawn(monitor::run(bus_end, infos, counts, publish, 50));
        let memory = Arc::new(Memory {
            pages: Box::new(pages),
            gate: Semaphore::new(0),
            pace,
            asked: Mutex::default(),
        });
        let first = |fetcher: &Arc<dyn Fetcher>| fetcher.rung() == Rung::Http;
        let (own, higher): (Vec<_>, Vec<_>) = higher.into_iter().partition(first);
        let (linger, lingering) = watch::channel(true);
        let names = job.sites.iter().map(|site| site.name.clone()).collect();
        let engine = Engine::start(Parts {
            log: Default::default(),
            archive: None,
            job,
            store: opened.store,
            opened: opened.sites,
            rungs: Rungs::of([own, vec![memory.clone() as Arc<dyn Fetcher>], higher].concat()),
            events,
            commands: command_end,
            queries: query_end,
            linger: lingering,
            refresh: false,
            reload,
            threads: 1,
            dir: dir.to_owned(),
        })
        .unwrap();
        Self {
            memory,
            snapshots,
            controls: Controls { commands, queries },
            engine,
            names,
            linger,
        }
    }

    /// Gives a command in words; answers its answer.
    pub async fn say(&self, line: &str) -> Answer {
        let words = verb::split(line).unwrap();
        let command = verb::read(&words, &self.names).unwrap_or_else(|e| panic!("{line}: {e}"));
        self.command(command).await
    }

    /// The same, which must be done.
    pub async fn done(&self, line: &str) -> String {
        match self.say(line).await {
            Answer::Done(text) => text,
            Answer::Refused(text) => panic!("{line}: {text}"),
        }
    }

    /// The same, which must be refused.
    pub async fn refused(&self, line: &str) -> String {
        match self.say(line).await {
            Answer::Refused(text) => text,
            Answer::Done(text) => panic!("{line}: {text}"),
        }
    }

    pub async fn command(&self, command: Command) -> Answer {
        let (reply, answer) = Reply::channel();
        let request = Request {
            command,
            origin: Origin::Ctl,
            reply,
        };
        self.controls.commands.send(request).await.unwrap();
        answer.await.unwrap()
    }

    pub async fn ask(&self, ask: Ask) -> Told {
        let (reply, told) = Reply::channel();
        self.controls
            .queries
            .send(Query { ask, reply })
            .await
            .unwrap();
        told.await.unwrap()
    }

    /// Pages in this state, in the order in which they were found.
    pub async fn pages(&self, state: PageState) -> Vec<PageRow> {
        let ask = Ask::Pages {
            filter: PageFilter {
                state: Some(state),
                ..PageFilter::default()
            },
            order: PageOrder::Found,
            reverse: false,
            offset: 0,
            limit: 1000,
        };
        match self.ask(ask).await {
            Told::Pages(list) => list.rows,
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a picture of the first site, as long as anything is answered
    /// meanwhile: a loaded machine is slow, but it does not stand still.
    pub async fn until(&mut self, what: &str, mut seen: impl FnMut(&SiteView) -> bool) {
        let answered = |site: &SiteView| {
            let failed = site.kinds.iter().map(|(_, count)| count);
            site.classes.iter().chain(failed).sum::<u64>()
        };
        let mut before = None;
        loop {
            let waiting = self.snapshots.wait_for(|shown| seen(&shown.sites[0]));
            match tokio::time::timeout(Duration::from_secs(30), waiting).await {
                Ok(Ok(_)) => return,
                Ok(Err(_)) => before = Some(u64::MAX),
                Err(_) => {}
            }
            let now = answered(&self.snapshots.borrow().sites[0]);
            if before.is_some_and(|before| before >= now) {
                panic!("never {what}: {:?}", self.snapshots.borrow().sites[0]);
            }
            before = Some(now);
        }
    }

    /// Ends it in order.
    pub async fn stop(self) -> Ended {
        self.memory.let_pass(1 << 20);
        let _ = self.linger.send(false);
        self.done("stop").await;
        self.engine.ended().await
    }
}
