//! The third rung: headless Chromium.
//!
//! ```text
//! Browser ─ Running ─ Process          one for the whole job, replaced when it
//!    │         │         └ Link        dies or is worn; the protocol, over pipes
//!    │         ├ contexts (a session's cookies) ─ Tab ─ Attendant
//!    │         └ Relay (the guard)               orders: which requests go out
//!    └ page::open: navigate, wait, steps, take   progress: what the page has done
//! ```
//!
//! Redirects are followed by the browser; where a page was in the end is
//! [`Fetched::landed`].

mod challenge;
mod contexts;
mod deprecated;
mod find;
mod head;
mod janitor;
mod link;
mod memory;
mod orders;
mod page;
mod peer;
mod process;
mod progress;
mod proxied;
mod record;
mod relay;
mod running;
mod script;
mod tab;
mod trackers;
mod words;

pub use self::memory::of_tree as memory_of_tree;
pub use self::proxied::ByProxies;
pub use self::record::Exchange;

use self::contexts::Cookies;
use self::page::{Errand, Fault, Outcome};
use self::record::Recorder;
use self::running::{Lifetime, Running};
use super::dns::{Lookup, SystemNames};
use super::error::{Cause, timed_out};
use super::proxy::Held;
use super::{FetchError, Fetched, Fetcher, Fetching, Trouble, Visitor, Want};
use crate::config::Rung;
use crate::page::FailureKind;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

/// Tabs at a time, whatever the sites want together.
const TABS: usize = 32;
/// When a browser is replaced.
const LIFETIME: Lifetime = Lifetime {
    pages: 2000,
    memory: 1 << 30,
    tabs: TABS,
};
/// Browsers that one page may be tried in, where they go away under it.
const TRIES: u32 = 3;
/// The folder of pictures, in the job's.
const PICTURES: &str = "screenshots";

/// Headless Chromium, one process for all sites, started when first wanted.
/// Dropped, it is killed with all its children.
pub struct Browser {
    names: Arc<dyn Lookup>,
    lifetime: Lifetime,
    /// What gets files that are no pages: robots.txt, sitemaps.
    files: Arc<dyn Fetcher>,
    /// The job's folder, for pictures.
    folder: Option<PathBuf>,
    tabs: Semaphore,
    running: Mutex<Option<Arc<Running>>>,
    cookies: Arc<Cookies>,
}

impl Browser {
    /// The rung; pictures of pages go into `folder`, and `files` gets what is no
    /// page ([`Want::File`]), for which no browser is needed. Nothing is
    /// started, and whether there is a browser is not known before the first page.
    pub fn new(folder: Option<&Path>, files: Arc<dyn Fetcher>) -> Self {
        Self::with(Arc::new(SystemNames::new()), LIFETIME, folder, files)
    }

    fn with(
        names: Arc<dyn Lookup>,
        lifetime: Lifetime,
        folder: Option<&Path>,
        files: Arc<dyn Fetcher>,
    ) -> Self {
        Self {
            names,
            lifetime,
            files,
            folder: folder.map(Path::to_owned),
            tabs: Semaphore::new(TABS),
            running: Mutex::new(None),
            cookies: Arc::default(),
        }
    }

    /// Opens a page as [`Fetcher::fetch`] does, and hands over what its scripts
    /// asked for meanwhile.
    ///
    /// # Errors
    /// As there.
    pub async fn record(
        &self,
        visitor: &Visitor,
        url: &Url,
    ) -> Result<(Fetched, Vec<Exchange>), FetchError> {
        let recorder = Recorder::default();
        let fetched = self
            .attempt(visitor, url, Want::PageOrJson, Some(recorder.clone()), None)
            .await?;
        Ok((fetched, recorder.finish().await))
    }

    /// The browser that takes pages now; started where there is none.
    async fn running(&self) -> Result<Arc<Running>, FetchError> {
        let mut running = self.running.lock().await;
        if let Some(running) = running.as_ref().filter(|running| !running.is_spent()) {
            return Ok(Arc::clone(running));
        }
        if let Some(spent) = running.take() {
            spent.bequeath().await;
        }
        let start = async {
            let program = find::browser()?;
            Running::start(&program, &self.names, &self.cookies, self.lifetime).await
        };
        let started = start.await.map_err(down)?;
        *running = Some(Arc::clone(&started));
        Ok(started)
    }

    async fn attempt(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
        recorder: Option<Recorder>,
        by: Option<&Held>,
    ) -> Result<Fetched, FetchError> {
        let start = Instant::now();
        let limit = visitor.time(Rung::Browser);
        let late = |_| {
            let cause = Cause::new(
                FailureKind::Timeout,
                timed_out("the page is not done", limit),
            );
            cause.after(start.elapsed())
        };
        // Starting the browser is not the page's time.
        self.running().await?;
        let begun = Instant::now();
        let until = begun
            .checked_add(limit)
            .unwrap_or(begun + Duration::from_secs(1 << 30));
        timeout_at(until, self.tried(visitor, url, want, recorder, by, begun))
            .await
            .unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    async fn tried(
        &self,
        visitor: &Visitor,
        url: &Url,
        want: Want,
        recorder: Option<Recorder>,
        by: Option<&Held>,
        start: Instant,
    ) -> Result<Fetched, FetchError> {
        // Never closed.
        let _permit = self.tabs.acquire().await.ok();
        let request = match by {
            Some(held) => held.request(visitor, url, want),
            None => visitor.request(url, want),
        };
        let errand = Errand {
            visitor,
            url: request.url(),
            headers: request.headers(),
            want,
            names: &self.names,
            recorder,
            by,
        };
        for _ in 0..TRIES {
            let running = self.running().await?;
            let tab = running.tab(visitor, errand.url, errand.headers, by).await;
            let done = match tab {
                Ok((mut tab, stay)) => {
                    let done = page::open(&mut tab, &errand).await;
                    done.map(|done| (done, tab, stay))
                }
                Err(error) => Err(error.into()),
            };
            match done {
                Ok((outcome, tab, _stay)) => {
                    let through = match by {
                        Some(held) => held.through(),
                        None => format!("tab {}", tab.number).into(),
                    };
                    if outcome.clean {
                        running.take_back(tab);
                    }
                    return self.answer(visitor, url, outcome, start, by, through).await;
                }
                Err(Fault::Lost) => tracing::info!("the browser has gone away under a page"),
                Err(Fault::Page(cause, document)) => {
                    let mut error = cause.after(start.elapsed());
                    error.head = document.map(|document| {
                        let headers = head::headers(&document, false);
                        Box::new((document.status, headers))
                    });
                    return Err(error);
                }
            }
        }
        let detail = format!("the browser has gone away under the page {TRIES} times");
        Err(Cause::new(FailureKind::Reset, detail).after(start.elapsed()))
    }

    async fn answer(
        &self,
        visitor: &Visitor,
        url: &Url,
        outcome: Outcome,
        start: Instant,
        by: Option<&Held>,
        through: Arc<str>,
    ) -> Result<Fetched, FetchError> {
        let Outcome {
            document,
            headers,
            cookies,
            body,
            picture,
            ..
        } = outcome;
        let landed = Url::parse(&document.url).ok();
        if let Some(landed) = &landed {
            match by {
                Some(held) => held.hear(landed, &cookies),
                None => visitor.hear(landed, &cookies),
            }
        }
        let mut kept = None;
        if let (Some(picture), Some(folder)) = (picture, &self.folder) {
            let name = format!("{PICTURES}/{:016x}.png", xxh3_64(url.as_str().as_bytes()));
            keep(folder, &name, &picture).await.map_err(|error| {
                let detail = format!("the picture {name} cannot be written: {error}");
                Cause::new(FailureKind::Internal, detail).after(start.elapsed())
            })?;
            kept = Some(name.into());
        }
        let read = body.is_some();
        let mut body = body.unwrap_or_default();
        let most = match document.status {
            400.. => Want::EVIDENCE,
            _ => visitor.max_body,
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let cut = body.len() > most;
        body.truncate(most);
        let elsewhere = |landed: &Url| {
            let (mut landed, mut asked) = (landed.clone(), url.clone());
            landed.set_fragment(None);
            asked.set_fragment(None);
            // Cannot fail: an http URL has a host.
            let _ = asked
                .set_username("")
                .and_then(|()| asked.set_password(None));
            landed != asked
        };
        Ok(Fetched {
            read,
            cut,
            headers_after: document.at.saturating_duration_since(start),
            landed: landed.filter(elsewhere),
            through: Some(through),
            picture: kept,
            ..Fetched::whole(document.status, headers, body, start.elapsed())
        })
    }
}

impl Fetcher for Browser {
    fn rung(&self) -> Rung {
        Rung::Browser
    }

    fn fetch<'a>(&'a self, visitor: &'a Visitor, url: &'a Url, want: Want) -> Fetching<'a> {
        match want {
            Want::File(_) => self.files.fetch(visitor, url, want),
            Want::Page | Want::PageOrJson => Box::pin(self.attempt(visitor, url, want, None, None)),
        }
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").finish_non_exhaustive()
    }
}

/// Writes a picture, which appears when it is whole.
async fn keep(folder: &Path, name: &str, picture: &[u8]) -> std::io::Result<()> {
    let file = folder.join(name);
    let part = file.with_extension(format!("{:016x}.part", fastrand::u64(..)));
    tokio::fs::create_dir_all(folder.join(PICTURES)).await?;
    tokio::fs::write(&part, picture).await?;
    tokio::fs::rename(&part, &file).await
}

/// The rung cannot work: `what` says why and what to do.
fn down(what: String) -> FetchError {
    FetchError {
        trouble: Some(Trouble::Down(what.clone())),
        ..Cause::new(FailureKind::Internal, what).after(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests;
