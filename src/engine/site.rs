//! What the supervisor, the workers and the CPU pool share of one site.

use super::folder::Folder;
use super::ladder::{Lesson, Memory};
use super::landing::KnownRobots;
use super::pool::Pool;
use super::retake::Retake;
use super::retry;
use super::rules::Rules;
use super::said::Said;
use super::source::{Source, SourceRead};
use super::suspicion::Suspicion;
use super::work::{Climb, Page, Report};
use crate::archive::Archive;
use crate::bus::{Attempt, Event, Level, Reply, SiteControls, SiteDetail};
use crate::discover::copies::Copies;
use crate::discover::order::Order;
use crate::discover::redirect::Chains;
use crate::discover::trap::Traps;
use crate::fetch::{Fetched, Proxy, Step};
use crate::page::{
    FailureKind, Fingerprint, Fingerprinter, Outcome, PageId, Rung, SiteId, Verdict, time,
};
use crate::store::{Commit, Evidence, Leased, NewUrl, Store, Via};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::{Position, Url};

/// What reaches a site's supervisor.
#[derive(Debug)]
pub enum Message {
    /// A worker is done.
    Report(Report),
    /// A sitemap was read; these further ones were named in it.
    SitemapRead {
        /// Which.
        source: Source,
        /// Whether it is to be asked again.
        failed: bool,
        /// Sitemaps named in an index.
        more: Vec<Url>,
        /// Indexes above those.
        nesting: u8,
    },
    /// A list, or an answer of an API, was read.
    SourceRead(SourceRead),
    /// A body that was read shows that its rung could not get the page. It
    /// counts as being digested until this is heard.
    Climb(Box<Climb>),
    /// So much was learned that the pages which wait should be ranked anew.
    Learned,
    /// A body was a block, or the first since blocks that was none.
    Sight(Sight),
    /// These pages were taken and turn out to be blocks. It counts as
    /// digesting until [`Message::Retaken`] is heard.
    Retake(Vec<PageId>),
    /// So many of them are queued again.
    Retaken(u64),
    /// The operator wants something.
    Control(Control),
}

/// What the body of a page has shown of its host.
#[derive(Debug)]
pub struct Sight {
    /// The host.
    pub origin: Arc<str>,
    /// The page.
    pub page: PageId,
    /// Whether it was a block.
    pub blocked: bool,
}

/// What the operator can want of a site.
#[derive(Debug)]
pub enum Control {
    /// Pause or resume the site.
    Pause(bool),
    /// Pause or resume one worker, of whatever rung; answers whether it is there.
    PauseWorker(crate::bus::WorkerId, bool, crate::bus::Reply<bool>),
    /// Pause or resume one host, by its name and port.
    PauseHost(Arc<str>, bool),
    /// [`SiteContext::controls`] were set.
    Controls,
    /// Let a rung that does not work try again.
    Mend(Rung),
    /// [`SiteContext::ladder`] was exchanged.
    Ladder,
    /// [`SiteContext::rules`] were exchanged: judge again what waits.
    Rules,
    /// The document was read again: these start pages and sitemaps are new.
    Reloaded {
        /// Start pages.
        start: Vec<Url>,
        /// Whether sitemaps are to be read again.
        sitemaps: bool,
        /// Whether pages come in another order now.
        order: bool,
    },
    /// So many finished pages went back into the queue, or new ones into it.
    Requeued(u64),
    /// Go on with a site that the operator had finished.
    Reopen,
    /// Ask sources that failed again, those of this name or all; answers how
    /// many there are, or why none is asked.
    SourcesAgain(Option<String>, Reply<Result<u64, String>>),
    /// Finish what is in flight and call the site finished.
    Finish,
    /// Ask every known page again.
    Refresh,
    /// Forget everything and begin again.
    StartOver {
        /// Answered when the site is no longer over: the run waits for it then.
        taken: Reply<()>,
        /// Answers whether it could be.
        done: Reply<bool>,
    },
    /// A trap's shape was lifted, or is capped again.
    Lifted(String, bool),
    /// Tell what no snapshot holds.
    Tell(Reply<SiteDetail>),
    /// Tell what the host's robots rules say of this URL, where they are known.
    Robots(Url, Reply<Option<String>>),
    /// Finish what is in flight and end.
    Stop,
}

/// One site's shared part.
pub struct SiteContext {
    /// Its place in the job.
    pub id: SiteId,
    /// Its name.
    pub name: Arc<str>,
    /// Its fingerprints.
    pub prints: Fingerprinter,
    /// Its rules; see [`SiteContext::rules`].
    pub rules: RwLock<Arc<Rules>>,
    /// Its controls; see [`SiteContext::controls`].
    pub controls: Mutex<SiteControls>,
    /// Redirects seen.
    pub chains: Mutex<Chains>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The job's folder.
    pub folder: Arc<Folder>,
    /// The bus.
    pub events: mpsc::Sender<Event>,
    /// The ladder; see [`SiteContext::ladder`].
    pub ladder: RwLock<Arc<[Step]>>,
    /// The CPU pool.
    pub pool: Pool,
    /// Where answers are kept whole, where any are.
    pub archive: Option<Archive>,
    /// The supervisor's inbox.
    pub inbox: mpsc::Sender<Message>,
    /// Pages that became done in this run.
    pub done: AtomicU64,
    /// Whether the site is crawled again: sitemaps may say what has not changed.
    pub again: AtomicBool,
    /// Pages at the CPU pool.
    pub digesting: AtomicUsize,
    /// Where pages are best begun; see [`SiteContext::memory`].
    pub memory: Mutex<Memory>,
    /// What its pages have come to; see [`SiteContext::suspicion`].
    pub suspicion: Mutex<Suspicion>,
    /// What the job's sites have said of rungs that cannot work.
    pub said: Arc<Said>,
    /// Pages that were taken and turned out to be blocks.
    pub retake: Retake,
    /// What was learned of which pages come first.
    pub order: Order,
    /// Texts of pages, by which copies are counted.
    pub copies: Copies,
    /// The robots rules of its hosts.
    pub robots: KnownRobots,
    /// Pages in a row whose bodies were blocks.
    pub shown: AtomicU64,
    /// Shapes of URLs that look like traps.
    pub traps: Traps,
    /// See [`SiteContext::importing`].
    pub importing: Mutex<CancellationToken>,
    /// Notified when the CPU pool has finished the site's last page.
    pub settled: Notify,
}

impl SiteContext {
    /// Tells the monitor. Waits for room on the bus; its consumer does no I/O.
    pub async fn tell(&self, event: Event) {
        // A closed bus means that the run is over and nobody looks any more.
        let _ = self.events.send(event).await;
    }

    /// Takes start pages in; answers how many of them are new.
    pub async fn add_starts(&self, urls: &[Url]) -> u64 {
        let starts = urls.iter().map(|url| NewUrl {
            print: self.print(url.as_str()),
            url: url.as_str().into(),
            depth: 0,
            rank: 0,
            hops: 0,
            via: Via::Start,
        });
        self.store.add(self.id, starts.collect()).await
    }

    /// Says something to the operator, and to the log.
    pub async fn say(&self, level: Level, text: String) {
        log(&self.name, level, &text);
        self.tell(Event::notice(level, Some(self.id), text)).await;
    }

    /// [`SiteContext::say`] for threads outside the async runtime.
    pub fn say_blocking(&self, level: Level, text: String) {
        log(&self.name, level, &text);
        // A closed bus means that the run is over and nobody looks any more.
        let notice = Event::notice(level, Some(self.id), text);
        let _ = self.events.blocking_send(notice);
    }

    /// The rules as they are now: take them once for each page.
    pub fn rules(&self) -> Arc<Rules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.clone()
    }

    /// The ladder, lowest rung first; at least one.
    pub fn ladder(&self) -> Arc<[Step]> {
        let ladder = self.ladder.read().unwrap_or_else(PoisonError::into_inner);
        ladder.clone()
    }

    /// Tells the rung by whose exit an answer came that it was a block; the
    /// others know nothing of that exit.
    pub fn blocked(&self, fetched: &Fetched) {
        if let Some(through) = &fetched.through {
            let ladder = self.ladder();
            let mut told: Vec<&Proxy> = Vec::new();
            for proxies in ladder.iter().filter_map(|step| step.fetcher.proxies()) {
                // Several rungs may go by the same ones.
                if !told.iter().any(|known| std::ptr::eq(*known, proxies)) {
                    told.push(proxies);
                    proxies.blocked(through);
                }
            }
        }
    }

    /// Exchanges the ladder.
    pub fn set_ladder(&self, steps: Vec<Step>) {
        let mut place = self.ladder.write().unwrap_or_else(PoisonError::into_inner);
        *place = steps.into();
    }

    /// Exchanges the rules.
    pub fn set_rules(&self, rules: Rules) {
        let mut place = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(rules);
    }

    /// The controls, set by the director and, where the site tunes itself, by
    /// its supervisor. Held for a moment only.
    pub fn controls(&self) -> MutexGuard<'_, SiteControls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fingerprint of a URL in normal form.
    pub fn print(&self, url: &str) -> Fingerprint {
        self.prints.of(url)
    }

    /// The redirects seen, whatever became of another holder of the lock.
    pub fn chains(&self) -> MutexGuard<'_, Chains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page at the CPU pool is done with.
    pub fn digested(&self) {
        if self.digesting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settled.notify_one();
        }
    }

    /// Where pages are best begun. Held for a moment only.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its pages have come to. Held for a moment only.
    pub fn suspicion(&self) -> MutexGuard<'_, Suspicion> {
        let held = self.suspicion.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a higher rung of the ladder may get what this page's could not.
    pub fn may_climb(&self, page: &Page, scripts: bool) -> bool {
        if page.way.is_none() {
            return false;
        }
        let ladder = self.ladder();
        ladder
            .iter()
            .skip_while(|step| step.rung != page.rung)
            .skip(1)
            .any(|step| !scripts || step.rung.runs_scripts())
    }

    /// Learns that a page was had by its rung.
    pub fn learn(&self, page: &Page) {
        let Some(way) = &page.way else {
            return;
        };
        let ladder = self.ladder();
        let place = |rung| {
            let place = ladder.iter().position(|step| step.rung == rung);
            // There are five rungs.
            place.and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
        };
        let lesson = Lesson {
            family: way.family,
            host: way.host,
            page: page.leased.id,
            began: place(way.began),
            had: place(page.rung),
        };
        self.memory().learn(&lesson, Instant::now());
    }

    /// Tells the supervisor of a body that was a block, or of the first since
    /// that was none. For threads outside the async runtime.
    pub fn show(&self, page: &Page, blocked: bool) {
        let shown = match blocked {
            true => self.shown.fetch_add(1, Ordering::Relaxed) + 1,
            // Nearly always nothing is to be told, and nothing is written.
            false if self.shown.load(Ordering::Relaxed) == 0 => 0,
            false => self.shown.swap(0, Ordering::Relaxed),
        };
        if shown > 0 {
            // A closed inbox means that the site is over.
            let _ = self.inbox.blocking_send(Message::Sight(Sight {
                origin: page.url[..Position::BeforePath].into(),
                page: page.leased.id,
                blocked,
            }));
        }
    }

    /// Ends the reading of lists.
    pub fn importing(&self) -> CancellationToken {
        let token = self.importing.lock();
        token.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Exchanges the token that ends the reading of lists.
    pub fn set_importing(&self, token: CancellationToken) {
        let place = self.importing.lock();
        *place.unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// A commit of `leased` with nothing in it yet but its end.
    pub fn commit(&self, leased: &Leased, outcome: Outcome) -> Commit {
        if outcome == Outcome::Done {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        Commit::new(self.id, leased.id, Verdict::Final(outcome))
    }

    /// A commit of a failed attempt: a retry where that is worth it and
    /// retries are left, else the end.
    pub fn failure(
        &self,
        leased: &Leased,
        attempt: Attempt,
        kind: FailureKind,
        told: Option<Duration>,
        evidence: Option<Evidence>,
    ) -> Commit {
        let mut commit = self.commit(leased, Outcome::Failed(kind));
        if leased.tries < self.controls().retries && retry::is_worth_retrying(kind, attempt.status)
        {
            let wait = retry::backoff(leased.tries, told);
            let due = time::now_ms() + u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 2);
            commit.verdict = Verdict::Retry { due, kind };
        }
        commit.attempt = Some(attempt);
        commit.evidence = evidence;
        commit
    }
}

fn log(site: &str, level: Level, text: &str) {
    match level {
        Level::Info => tracing::info!(%site, "{text}"),
        Level::Warn => tracing::warn!(%site, "{text}"),
        Level::Error => tracing::error!(%site, "{text}"),
    }
}
