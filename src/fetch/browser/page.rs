//! One page in one tab: open it, wait, do what the operator wants done, take
//! what has become of it.

use super::link::CallError;
use super::orders::Orders;
use super::progress::{Broken, Document, Progress};
use super::record::Recorder;
use super::tab::Tab;
use super::{challenge, head, script, words};
use crate::config::browsing::{Browsing, Step, Wait};
use crate::fetch::dns::Lookup;
use crate::fetch::error::Cause;
use crate::fetch::proxy::Held;
use crate::fetch::{Visitor, Want};
use crate::page::FailureKind;
use bytes::Bytes;
use chromiumoxide_cdp::cdp::browser_protocol::network::GetResponseBodyParams;
use chromiumoxide_cdp::cdp::browser_protocol::page::NavigateParams;
use reqwest::header::{HeaderMap, USER_AGENT};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How long a network is without a request to be called quiet.
const QUIET: Duration = Duration::from_millis(500);
/// Between two looks at what no event tells of.
const LOOK: Duration = Duration::from_millis(100);
/// How often a page that goes elsewhere while it is read is read again.
const READINGS: u32 = 5;

/// What is wanted of a page.
pub(super) struct Errand<'a> {
    pub(super) visitor: &'a Visitor,
    pub(super) url: &'a Url,
    pub(super) headers: &'a HeaderMap,
    pub(super) want: Want,
    pub(super) names: &'a Arc<dyn Lookup>,
    pub(super) recorder: Option<Recorder>,
    /// The proxies' session by which it goes.
    pub(super) by: Option<&'a Held>,
}

/// What has become of a page.
pub(super) struct Outcome {
    pub(super) document: Document,
    pub(super) headers: HeaderMap,
    /// `Set-Cookie` of the document.
    pub(super) cookies: HeaderMap,
    /// The body, where it was read.
    pub(super) body: Option<Bytes>,
    /// A PNG of what it looked like.
    pub(super) picture: Option<Vec<u8>>,
    /// Whether the tab can be used again.
    pub(super) clean: bool,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Fault {
    /// The browser is gone: another one may do better.
    Lost,
    /// The page's own failure, and the head of its document, if that had come.
    Page(Cause, Option<Box<Document>>),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Lost => Self::Lost,
            CallError::Refused(words) => {
                let words: String = words
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(300)
                    .collect();
                let detail = format!("the browser refuses: {words}");
                Self::Page(Cause::new(FailureKind::Internal, detail), None)
            }
        }
    }
}

/// Opens a page in a tab and takes what becomes of it.
///
/// # Errors
/// Whatever kept it from coming. The tab is then of no more use.
pub(super) async fn open(tab: &mut Tab, errand: &Errand<'_>) -> Result<Outcome, Fault> {
    let agent = match errand.by {
        Some(_) => errand
            .headers
            .get(USER_AGENT)
            .and_then(|name| name.to_str().ok()),
        None => None,
    };
    tab.introduce(agent.unwrap_or(errand.visitor.user_agent()))
        .await?;
    let frame = tab.frame().to_owned();
    let Errand {
        visitor,
        url,
        headers,
        names,
        by,
        ..
    } = errand;
    let orders = Orders::new(visitor, &frame, url, headers, names, *by);
    tab.begin(orders, errand.recorder.clone());
    let tab = &*tab;
    let page = Page { tab };
    // A broken tab answers no more, so both are waited for.
    let broken = page.broken();
    tokio::select! {
        done = page.run(errand) => done,
        fault = broken => Err(fault),
    }
}

struct Page<'a> {
    tab: &'a Tab,
}

impl Page<'_> {
    async fn run(&self, errand: &Errand<'_>) -> Result<Outcome, Fault> {
        let navigate = NavigateParams::new(errand.url.as_str());
        let navigated = self.tab.call(navigate).await?;
        if let Some(refused) = self.tab.refused() {
            return Err(Fault::Page(refused, None));
        }
        let error = navigated.error_text.unwrap_or_default();
        if !error.is_empty() {
            return self.unshown(&error);
        }
        let browsing = &errand.visitor.browsing;
        let document = self.document()?;
        let mut body = None;
        let mut document = document;
        match head::kind(&document) {
            head::Kind::Html => {
                let most = errand.visitor.max_body;
                self.settle(&browsing.wait, document.at, browsing.patience)
                    .await?;
                let mut html = self.html(browsing, most).await?;
                let in_place = self.let_through(errand.visitor, &mut html).await?;
                if !browsing.steps.is_empty() {
                    self.steps(browsing).await?;
                    html = self.html(browsing, most).await?;
                }
                // Where a script has gone on to another document, it is that one's.
                document = self.document()?;
                if in_place {
                    challenge::acquit(&mut document);
                }
                body = Some(Bytes::from(html));
            }
            head::Kind::Json if errand.want != Want::Page => {
                body = Some(self.body(&document, errand.visitor.max_body).await?);
            }
            _ => {}
        }
        if let Some(refused) = self.tab.refused() {
            return Err(Fault::Page(refused, None));
        }
        let picture = match browsing.screenshot && head::kind(&document) == head::Kind::Html {
            true => Some(script::picture(self.tab).await?),
            false => None,
        };
        Ok(Outcome {
            headers: head::headers(&document, body.is_some()),
            cookies: head::cookies(self.tab.progress().borrow().cookies.as_deref()),
            document,
            body,
            picture,
            clean: true,
        })
    }

    /// Until the tab is of no more use.
    async fn broken(&self) -> Fault {
        let mut progress = self.tab.progress();
        let broken = progress.wait_for(|progress| progress.broken.is_some());
        let broken = broken.await.ok().and_then(|progress| progress.broken);
        if self.tab.is_lost() {
            return Fault::Lost;
        }
        let detail = match broken {
            Some(Broken::Crashed) => "the page has crashed its tab",
            _ => "the page has closed its tab",
        };
        Fault::Page(Cause::new(FailureKind::Reset, detail), None)
    }

    /// The head of the document that is there.
    fn document(&self) -> Result<Document, Fault> {
        let progress = self.tab.progress();
        let progress = progress.borrow();
        let none = || match &progress.failed {
            Some(error) => words::cause(error),
            None => Cause::new(FailureKind::Protocol, "the browser shows no document"),
        };
        let document = progress.document.clone();
        document.ok_or_else(|| Fault::Page(none(), None))
    }

    /// What an answer is that the browser does not show.
    fn unshown(&self, error: &str) -> Result<Outcome, Fault> {
        let document = self.tab.progress().borrow().document.clone();
        match (error, document) {
            // A download, or an answer without content; an error status without a page.
            ("net::ERR_ABORTED" | "net::ERR_HTTP_RESPONSE_CODE_FAILURE", Some(document)) => {
                let empty = error == "net::ERR_HTTP_RESPONSE_CODE_FAILURE";
                Ok(Outcome {
                    headers: head::headers(&document, empty),
                    cookies: head::cookies(self.tab.progress().borrow().cookies.as_deref()),
                    document,
                    body: empty.then(Bytes::new),
                    picture: None,
                    clean: false,
                })
            }
            (error, document) => Err(Fault::Page(words::cause(error), document.map(Box::new))),
        }
    }

    /// Waits until the page is ready, or patience ends: then it is taken as it is.
    async fn settle(&self, wait: &Wait, from: Instant, patience: Duration) -> Result<(), Fault> {
        let until = from + patience;
        let mut progress = self.tab.progress();
        loop {
            let now = Instant::now();
            let (ready, at) = {
                let progress = progress.borrow_and_update();
                if progress.is_lost() {
                    let detail = "the page goes on to another document again and again";
                    let cause = Cause::new(FailureKind::Redirect, detail);
                    return Err(Fault::Page(cause, progress.document.clone().map(Box::new)));
                }
                ready(wait, &progress, now)
            };
            let ready = match wait {
                Wait::Selector(css) => self.within(until, script::matches(self.tab, css)).await?,
                _ => ready,
            };
            if ready || now >= until {
                return Ok(());
            }
            // Errors only where the attendant has ended: then the tab is broken.
            let _ = timeout_at(at.min(until), progress.changed()).await;
            if matches!(wait, Wait::Selector(_)) {
                tokio::time::sleep_until((now + LOOK).min(until)).await;
            }
        }
    }

    /// What a script answers; `false` where it does not in time, or the page
    /// has just gone on to another document.
    async fn within(
        &self,
        until: Instant,
        asked: impl Future<Output = Result<bool, CallError>>,
    ) -> Result<bool, Fault> {
        match timeout_at(until, asked).await {
            Ok(Err(CallError::Lost)) => Err(Fault::Lost),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(CallError::Refused(_))) | Err(_) => Ok(false),
        }
    }

    async fn steps(&self, browsing: &Browsing) -> Result<(), Fault> {
        let patience = browsing.patience;
        for step in &browsing.steps {
            let until = Instant::now() + patience;
            match step {
                Step::Scroll(times) => {
                    for _ in 0..*times {
                        let until = Instant::now() + patience;
                        let more = self.within(until, script::scroll(self.tab)).await?;
                        self.rest(patience).await?;
                        // At the end, and nothing more has come.
                        if !more && !self.within(until, script::scroll(self.tab)).await? {
                            break;
                        }
                    }
                }
                Step::Click(css) => {
                    if !self.within(until, script::click(self.tab, css)).await? {
                        tracing::debug!(css, "nothing to click");
                    }
                    // What the click begins, begins in a task of its own.
                    tokio::time::sleep(LOOK).await;
                }
                Step::Wait(wait) => self.settle(wait, Instant::now(), patience).await?,
                Step::Pause(time) => tokio::time::sleep(*time).await,
            }
        }
        Ok(())
    }

    /// Waits for the network's quiet after something was done.
    async fn rest(&self, patience: Duration) -> Result<(), Fault> {
        // What was done begins its requests in a task of its own.
        tokio::time::sleep(LOOK).await;
        self.settle(&Wait::NetworkIdle, Instant::now(), patience)
            .await
    }

    /// The page's document as it is now, as HTML in UTF-8; where it goes on to
    /// another one meanwhile, that one's.
    async fn html(&self, browsing: &Browsing, most: u64) -> Result<String, Fault> {
        let mut readings = 0;
        loop {
            readings += 1;
            let loader = self.tab.progress().borrow().loader().map(str::to_owned);
            let html = script::html(self.tab, most).await;
            let goes_on = {
                let progress = self.tab.progress();
                let progress = progress.borrow();
                let other = progress.loader() != loader.as_deref();
                other || progress.is_leaving(Instant::now())
            };
            match html {
                Ok(_) | Err(CallError::Refused(_)) if goes_on && readings < READINGS => {}
                Ok(Some(html)) => return Ok(html),
                Ok(None) => {
                    let detail = format!("the page has grown to more than {most} bytes");
                    let document = self.document().ok().map(Box::new);
                    return Err(Fault::Page(
                        Cause::new(FailureKind::TooLarge, detail),
                        document,
                    ));
                }
                // Its document has just been taken away; the next is heard of soon.
                Err(CallError::Refused(_)) if readings < READINGS => {}
                Err(error) => return Err(error.into()),
            }
            self.settle(&browsing.wait, Instant::now(), browsing.patience)
                .await?;
        }
    }

    /// Where a challenge is shown that may let the browser through by itself,
    /// waits for the page behind it, as long as patience lasts: another
    /// document, or what its scripts make of this one. Answers whether it is
    /// the latter, whose head is the challenge's still.
    async fn let_through(&self, visitor: &Visitor, html: &mut String) -> Result<bool, Fault> {
        let browsing = &visitor.browsing;
        // What is to appear has been waited for already.
        if matches!(browsing.wait, Wait::Selector(_)) {
            return Ok(false);
        }
        let until = Instant::now() + browsing.patience;
        let mut progress = self.tab.progress();
        loop {
            let loader = {
                let progress = progress.borrow_and_update();
                let goes_on = challenge::goes_on(&progress, html, &visitor.blocks, until);
                if !goes_on || Instant::now() >= until {
                    return Ok(false);
                }
                progress.loader().map(str::to_owned)
            };
            let next = progress.wait_for(|progress| progress.loader() != loader.as_deref());
            let look = (Instant::now() + QUIET).min(until);
            match timeout_at(look, next).await.map(|next| next.is_ok()) {
                Ok(true) => {}
                // The tab is broken, which is heard of elsewhere.
                Ok(false) => return Ok(false),
                Err(_) => {
                    let now = self.html(browsing, visitor.max_body).await?;
                    if now == *html {
                        continue;
                    }
                }
            }
            self.settle(&browsing.wait, Instant::now(), browsing.patience)
                .await?;
            *html = self.html(browsing, visitor.max_body).await?;
            let same = self.tab.progress().borrow().loader() == loader.as_deref();
            if same && challenge::is_over(&self.document()?, html, &visitor.blocks) {
                return Ok(true);
            }
        }
    }

    /// The document's bytes as they came, unpacked.
    async fn body(&self, document: &Document, most: u64) -> Result<Bytes, Fault> {
        self.settle(&Wait::Load, document.at, Browsing::PATIENCE)
            .await?;
        let asked = GetResponseBodyParams::new(document.request.clone());
        let body = head::body(self.tab.call(asked).await?).unwrap_or_default();
        if body.len() as u64 > most {
            let detail = format!("the body is {} bytes, more than {most}", body.len());
            let cause = Cause::new(FailureKind::TooLarge, detail);
            return Err(Fault::Page(cause, Some(Box::new(document.clone()))));
        }
        Ok(body)
    }
}

/// Whether a page is ready as far as events tell, and when to look again.
fn ready(wait: &Wait, progress: &Progress, now: Instant) -> (bool, Instant) {
    match wait {
        Wait::Load => (progress.is_loaded(now), now + LOOK),
        Wait::NetworkIdle => match progress.quiet_since(now) {
            Some(since) => (now.duration_since(since) >= QUIET, since + QUIET),
            None => (false, now + LOOK),
        },
        Wait::Selector(_) => (false, now + LOOK),
    }
}
