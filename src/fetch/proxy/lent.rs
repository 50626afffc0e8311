//! Requests of other rungs by the exits: by one session after the other, until
//! one exit does.

use super::held::Held;
use super::tries::{Next, Tries};
use super::{MARGIN, Proxy};
use crate::fetch::error::{Cause, timed_out};
use crate::fetch::{FetchError, Fetched, Fetching, Visitor};
use crate::page::FailureKind;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// One request of a rung that makes its connections itself.
pub(in crate::fetch) trait Borrower: Sync {
    /// Makes it by a session's exit, or directly, in time. What failed because of
    /// the exit is told to the session.
    fn by<'a>(&'a self, held: Option<&'a Held>, until: Instant) -> Fetching<'a>;

    /// What of an answer's time tells something of the exit.
    fn latency(&self, fetched: &Fetched) -> Option<Duration> {
        Some(fetched.headers_after)
    }
}

impl Proxy {
    /// Has a request made for `visitor` within `limit`, by the exits alone unless
    /// the rule says otherwise, and counts for each exit how it went.
    ///
    /// # Errors
    /// Why no exit led to an answer.
    pub(in crate::fetch) async fn lend(
        &self,
        visitor: &Visitor,
        url: &Url,
        limit: Duration,
        request: &dyn Borrower,
    ) -> Result<Fetched, FetchError> {
        let start = Instant::now();
        let fail = |cause: Cause| cause.after(start.elapsed());
        self.check(visitor, url).await.map_err(fail)?;
        // Whoever drops the request when the rung's time is over would leave its
        // exit without the blame.
        let limit = limit - (limit / 20).min(MARGIN);
        let until = start
            .checked_add(limit)
            .unwrap_or(start + Duration::from_secs(1 << 30));
        let mut tries = Tries::default();
        loop {
            let held = match self.hold(visitor, until).await {
                Ok(held) => held,
                Err(_) if self.is_optional() => {
                    let fetched = request.by(None, until).await?;
                    return Ok(Fetched {
                        through: Some("direct".into()),
                        ..fetched
                    });
                }
                Err((trouble, detail)) => {
                    return Err(FetchError {
                        trouble: Some(trouble),
                        ..fail(Cause::new(FailureKind::Connect, detail))
                    });
                }
            };
            let done = timeout_at(until, request.by(Some(&held), until)).await;
            let late = || timed_out("the page is not done", limit);
            let done = done.unwrap_or_else(|_| Err(fail(Cause::new(FailureKind::Timeout, late()))));
            let error = match done {
                Ok(fetched) => {
                    held.answered(request.latency(&fetched));
                    return Ok(fetched);
                }
                // The rung itself does not work.
                Err(error) if error.trouble.is_some() => return Err(error),
                Err(error) => error,
            };
            let cause = Cause::new(error.kind, error.detail.clone());
            let fault = match (&error.head, error.kind) {
                // The exit did what it should.
                (Some(_), _) => {
                    held.answered(Some(error.elapsed));
                    None
                }
                // The site answered, if not for this exit.
                (None, FailureKind::Blocked) => {
                    held.answered(None);
                    held.blocked();
                    None
                }
                (None, _) => held.failed(&cause),
            };
            let Some(fault) = fault else {
                let detail = held.named(cause).detail;
                return Err(FetchError { detail, ..error });
            };
            let cause = held.named(Cause::new(FailureKind::Connect, fault.words.clone()));
            match tries.after(&fault) {
                Next::Another => {}
                Next::GiveUp(trouble) => {
                    return Err(FetchError {
                        trouble,
                        ..fail(cause)
                    });
                }
            }
        }
    }
}
