//! Whose turn it is at an endpoint, and in which of its sessions.

use super::endpoint::{Endpoint, SHORT, SMALL, lock};
use super::name;
use super::session::{Session, Way};
use super::wire::{self, Refusal, Reply, Solution};
use crate::fetch::error::Cause;
use crate::fetch::proxy::Whose;
use crate::fetch::{FetchError, Http};
use crate::page::FailureKind;
use bytes::Bytes;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Limit of opening a session: a browser is started.
const OPENING: Duration = Duration::from_secs(60);
/// Sessions of one endpoint at a time. Each is a browser, of hundreds of megabytes.
const KEPT: usize = 3;
/// Sessions that engines left open which are ended at once.
const LEFT: usize = 32;

/// The sessions of an endpoint that are not at work.
#[derive(Default)]
pub(super) struct Kept {
    /// The one used last at the end.
    sessions: Vec<Session>,
    /// Whether what engines left behind was looked for.
    swept: bool,
}

/// A page to be got.
pub(super) struct Order<'a> {
    pub(super) url: &'a Url,
    /// The form that is posted; without one it is a GET.
    pub(super) form: Option<&'a str>,
    /// Whose cookies these are.
    pub(super) visitor: u64,
    /// Cookies that the browser is to have, by name and value.
    pub(super) cookies: Vec<(String, String)>,
    pub(super) way: Way,
    /// When it must be there.
    pub(super) until: Instant,
    /// The whole of its time.
    pub(super) timeout: Duration,
    pub(super) media: bool,
    /// Largest answer, bytes.
    pub(super) cap: u64,
}

impl Order<'_> {
    /// What is left for the solver's own words on its failure to come in time.
    fn margin(&self) -> Duration {
        (self.timeout / 10).min(Duration::from_secs(5))
    }

    /// Less time than this is not worth a solver's while.
    fn least(&self) -> Duration {
        (self.timeout / 4).min(Duration::from_secs(15))
    }
}

/// Why an endpoint did not get a page.
#[derive(Debug)]
pub(super) enum Unsolved {
    /// Others had it for too long.
    Busy,
    /// It does not work.
    Down(String),
    /// Its browser did not come through its proxy.
    Exit(Whose, String),
    /// It could not get the page.
    Page(FetchError),
}

/// What became of a session's page, and whether the session goes on.
type Done = (Result<Solution, Unsolved>, bool);

impl Endpoint {
    /// Gets a page once it is this request's turn.
    pub(super) async fn get(&self, http: &Http, order: &Order<'_>) -> Result<Solution, Unsolved> {
        let wait = tokio::time::timeout_at(order.until - order.least(), self.turn.lock());
        let Ok(mut kept) = wait.await else {
            return Err(Unsolved::Busy);
        };
        self.check(http).await.map_err(Unsolved::Down)?;
        if !std::mem::replace(&mut kept.swept, true) {
            self.sweep(http).await;
        }
        // Taken out for as long as it is at work: where this request is given
        // up, nobody else gets a browser that is still busy with it.
        let fitting = kept.sessions.iter().rposition(|s| s.fits(order));
        let mut session = match fitting {
            Some(place) => kept.sessions.remove(place),
            None => self.open(http, order, &mut kept.sessions).await?,
        };
        let left = order.until.saturating_duration_since(Instant::now());
        let limit = left.saturating_sub(order.margin());
        if limit < order.least() {
            kept.sessions.push(session);
            return Err(Unsolved::Busy);
        }
        let cookies = session.lacking(order);
        let body = wire::request(&wire::Page {
            session: &session.name,
            url: order.url,
            form: order.form,
            limit,
            media: order.media,
            cookies: &cookies,
        });
        let (solved, goes_on) = match self.post(http, &body, order.cap, left).await {
            Ok(answer) => self.read(answer, order).await,
            Err(error) if error.kind == FailureKind::Timeout => (Err(Unsolved::Page(error)), false),
            // On the way to the endpoint, not to the page.
            Err(error) => (Err(Unsolved::Down(error.detail)), false),
        };
        if let Ok(solution) = &solved {
            session.learn(order, solution);
        }
        match goes_on {
            true => kept.sessions.push(session),
            false => self.end(http, &session.name).await,
        }
        solved
    }

    /// Reads the answer to the request for a page.
    async fn read(&self, (body, status): (Bytes, u16), order: &Order<'_>) -> Done {
        let told = |cause: Cause| {
            let text = format!("the solver {}: {}", self.shown, cause.detail);
            let text = order.way.cleaned(text);
            Unsolved::Page(Cause::new(cause.kind, text).after(Duration::ZERO))
        };
        let down = |why| Unsolved::Down(order.way.cleaned(why));
        if body.len() as u64 >= order.cap {
            let text = format!("its answer is more than {} bytes", order.cap);
            return (Err(told(Cause::new(FailureKind::TooLarge, text))), true);
        }
        // Megabytes of JSON: not for the event loop.
        let read = move || Reply::read(status, &body).and_then(Reply::done);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some(solution))) => (Ok(solution), true),
            Ok(Ok(None)) => (Err(down("answers without a solution".to_owned())), true),
            Ok(Err(Refusal::NoSolver(why))) => (Err(down(why)), true),
            Ok(Err(Refusal::Session(why))) => {
                (Err(told(Cause::new(FailureKind::Reset, why))), false)
            }
            Ok(Err(Refusal::Exit(whose, why))) => (Err(Unsolved::Exit(whose, why)), true),
            Ok(Err(Refusal::Page(cause))) => (Err(told(cause)), true),
            Err(error) => {
                let cause = Cause::new(FailureKind::Internal, error.to_string());
                (Err(told(cause)), false)
            }
        }
    }

    /// Opens a session that goes the page's way. Ends those that were left at
    /// work, those that nobody will use, and where there are many the one that
    /// nobody has used for longest.
    async fn open(
        &self,
        http: &Http,
        order: &Order<'_>,
        kept: &mut Vec<Session>,
    ) -> Result<Session, Unsolved> {
        kept.retain(|session| !session.way.is_over());
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        let others: Vec<String> = {
            let mut opened = lock(&self.opened).clone();
            opened.retain(|name| kept.iter().all(|session| session.name != *name));
            opened
        };
        for session in others {
            self.end(http, &session).await;
        }
        let session = Session::new(name::fresh(), order.way.clone());
        lock(&self.opened).push(session.name.clone());
        let body = wire::create(&session.name, order.way.proxy());
        let down = |why| Unsolved::Down(order.way.cleaned(why));
        let answered = self.post(http, &body, SMALL, OPENING).await;
        let (answer, status) = answered.map_err(|error| down(error.detail))?;
        match Reply::read(status, &answer).and_then(Reply::done) {
            Ok(_) => Ok(session),
            Err(Refusal::NoSolver(why) | Refusal::Session(why) | Refusal::Exit(_, why)) => {
                Err(down(why))
            }
            Err(Refusal::Page(cause)) => {
                Err(down(format!("cannot open a session: {}", cause.detail)))
            }
        }
    }

    /// Ends the sessions of engines of this machine that were killed.
    async fn sweep(&self, http: &Http) {
        let answered = self.post(http, &wire::list(), SMALL, SHORT).await;
        let reply = answered.map(|(answer, status)| Reply::read(status, &answer));
        let Ok(Ok(reply)) = reply else {
            tracing::debug!(solver = %self.shown, "does not tell its sessions");
            return;
        };
        let names = reply.sessions();
        let left = names.iter().filter(|name| name::is_left(name)).take(LEFT);
        join_all(left.map(|name| self.end(http, name))).await;
    }

    /// Ends every session, each within a few seconds; what fails stays open
    /// over there.
    pub(in crate::fetch) async fn close(&self, http: &Http) {
        let opened = std::mem::take(&mut *lock(&self.opened));
        for session in opened {
            self.end(http, &session).await;
        }
    }

    async fn end(&self, http: &Http, session: &str) {
        lock(&self.opened).retain(|known| known != session);
        if let Err(error) = self.post(http, &wire::destroy(session), SMALL, SHORT).await {
            tracing::debug!(solver = %self.shown, "a session was not ended: {error}");
        }
    }
}
