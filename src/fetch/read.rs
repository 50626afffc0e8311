//! Reading a body: how much of it, how long, and what becomes of the rest.

use super::answer::begins_like_html;
use super::error::{Cause, Phase, classify, timed_out};
use super::sniff::{self, Declared};
use super::{Spool, Want};
use crate::config::Timeouts;
use crate::page::FailureKind;
use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::HeaderMap;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// An unwanted rest this small is read away, so that the connection can be
/// used again; of a larger one the connection is dropped.
const WORTH_DRAINING: u64 = 16 * 1024;
/// Longest time spent on an unwanted rest.
const DRAINING: Duration = Duration::from_secs(1);
/// A buffer is never made larger than this on the word of a header alone.
const TRUSTED: u64 = 1 << 20;
/// As good as no deadline, where a limit is too long to be added to the clock.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// A request's time limits, counted from its start.
pub(super) struct Clock<'a> {
    pub(super) start: Instant,
    limits: &'a Timeouts,
}

impl<'a> Clock<'a> {
    pub(super) fn start(limits: &'a Timeouts) -> Self {
        Self {
            start: Instant::now(),
            limits,
        }
    }

    /// When the headers must have come.
    pub(super) fn headers_until(&self) -> Instant {
        after(self.start, self.limits.headers.min(self.limits.total))
    }

    /// What to say when they have not.
    pub(super) fn headers_late(&self) -> Cause {
        let detail = if self.limits.total < self.limits.headers {
            timed_out("no complete answer", self.limits.total)
        } else {
            timed_out("no complete headers", self.limits.headers)
        };
        Cause::new(FailureKind::Timeout, detail)
    }

    fn total_until(&self) -> Instant {
        after(self.start, self.limits.total)
    }
}

fn after(start: Instant, limit: Duration) -> Instant {
    start.checked_add(limit).unwrap_or_else(|| start + FAR)
}

/// What was read of a body.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) bytes: Bytes,
    /// Bytes that were read, wherever they went.
    pub(super) size: u64,
    pub(super) read: bool,
    pub(super) cut: bool,
}

/// How much of a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Nothing.
    Leave,
    /// All, and more than this is a failure.
    Whole(u64),
    /// At most this; a failure on the way keeps what had come.
    Part(u64),
    /// At most this; a failure on the way is a failure.
    Cut(u64),
    /// As [`Plan::Whole`], if the beginning looks like HTML.
    IfHtml(u64),
}

fn plan(status: u16, headers: &HeaderMap, want: Want, max_body: u64) -> Plan {
    match (status, want) {
        (400.., _) => Plan::Part(Want::EVIDENCE),
        (300..=399, _) => Plan::Leave,
        (_, Want::File(most)) => Plan::Cut(most),
        (_, Want::Page | Want::PageOrJson) => match sniff::declared(headers) {
            Declared::Html => Plan::Whole(max_body),
            Declared::Json if want == Want::PageOrJson => Plan::Whole(max_body),
            Declared::Json | Declared::Other => Plan::Leave,
            Declared::Unknown => Plan::IfHtml(max_body),
        },
    }
}

/// Reads of a body what is wanted of it.
pub(super) async fn body(
    response: &mut Response,
    want: Want,
    (max_body, spool): (u64, Option<&Spool>),
    clock: &Clock<'_>,
) -> Result<Body, Cause> {
    let status = response.status().as_u16();
    let plan = plan(status, response.headers(), want, max_body);
    if plan == Plan::Leave {
        drain(response, 0, (300..400).contains(&status)).await;
        return Ok(Body::default());
    }
    if let (Plan::Cut(_), Some(spool)) = (plan, spool) {
        return fill(response, spool, clock).await;
    }
    let length = response.content_length();
    if let (Plan::Whole(cap), Some(length)) = (plan, length)
        && length > cap
    {
        let detail = format!("the body is {length} bytes, more than {cap}");
        return Err(Cause::new(FailureKind::TooLarge, detail));
    }
    let mut taken = Taken::new(length);
    loop {
        let chunk = match next(response, taken.len(), clock).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(_) if matches!(plan, Plan::Part(_)) => {
                return Ok(taken.body(true));
            }
            Err(cause) => return Err(cause),
        };
        taken.push(chunk);
        match plan {
            Plan::Whole(cap) | Plan::IfHtml(cap) if taken.len() > cap => {
                let detail = format!("the body is more than {cap} bytes");
                return Err(Cause::new(FailureKind::TooLarge, detail));
            }
            Plan::Part(cap) | Plan::Cut(cap) if taken.len() > cap => {
                drain(response, taken.len(), false).await;
                taken.truncate(cap);
                return Ok(taken.body(true));
            }
            Plan::IfHtml(_) if taken.unsettled() => {
                if !begins_like_html(response.headers(), taken.beginning()) {
                    drain(response, taken.len(), false).await;
                    return Ok(Body::default());
                }
                taken.settled = true;
            }
            _ => {}
        }
        if length == Some(taken.len()) {
            break;
        }
    }
    if matches!(plan, Plan::IfHtml(_))
        && !taken.settled
        && !begins_like_html(response.headers(), taken.beginning())
    {
        return Ok(Body::default());
    }
    Ok(taken.body(false))
}

/// Reads a body into a file, however long it takes as long as something comes.
async fn fill(response: &mut Response, spool: &Spool, clock: &Clock<'_>) -> Result<Body, Cause> {
    let limits = Timeouts {
        total: FAR,
        ..*clock.limits
    };
    let clock = Clock {
        start: clock.start,
        limits: &limits,
    };
    let mut filling = spool.begin().await?;
    let (mut read, mut cut) = (0u64, false);
    while let Some(piece) = next(response, read, &clock).await? {
        read += piece.len() as u64;
        if !filling.push(&piece).await? {
            cut = true;
            break;
        }
    }
    Ok(Body {
        bytes: Bytes::new(),
        size: filling.finish().await?,
        read: true,
        cut,
    })
}

/// The next piece of the body; `None` at its end.
async fn next(
    response: &mut Response,
    read: u64,
    clock: &Clock<'_>,
) -> Result<Option<Bytes>, Cause> {
    let idle_until = after(Instant::now(), clock.limits.idle);
    let total_until = clock.total_until();
    match timeout_at(idle_until.min(total_until), response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(classify(&error, Phase::Body(read))),
        Err(_) => {
            let detail = if total_until <= idle_until {
                timed_out("no end of the body", clock.limits.total)
            } else {
                timed_out("nothing more of the body", clock.limits.idle)
            };
            Err(Cause::new(
                FailureKind::Timeout,
                format!("{detail}, after {read} bytes"),
            ))
        }
    }
}

/// Reads the rest of a body away where that is known to be little (or, with
/// `even_unknown`, may be). Whatever goes wrong costs the connection only.
async fn drain(response: &mut Response, read: u64, even_unknown: bool) {
    let worth = match response.content_length() {
        Some(length) => length.saturating_sub(read) <= WORTH_DRAINING,
        None => even_unknown,
    };
    if !worth {
        return;
    }
    let rest = async {
        let mut drained = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            drained += chunk.len() as u64;
            if drained > WORTH_DRAINING {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAINING, rest).await;
}

/// A body as it grows. The first chunk is kept as it came: a body of one chunk
/// is handed out without having been copied.
struct Taken {
    first: Bytes,
    all: BytesMut,
    length: Option<u64>,
    /// Whether it has been found to be HTML.
    settled: bool,
}

impl Taken {
    fn new(length: Option<u64>) -> Self {
        Self {
            first: Bytes::new(),
            all: BytesMut::new(),
            length,
            settled: false,
        }
    }

    fn len(&self) -> u64 {
        self.beginning().len() as u64
    }

    fn push(&mut self, chunk: Bytes) {
        if self.beginning().is_empty() {
            self.first = chunk;
            return;
        }
        if self.all.is_empty() {
            let expected = self.length.unwrap_or(0).min(TRUSTED);
            // Cannot be cut short: TRUSTED fits in any usize.
            self.all
                .reserve((expected as usize).max(self.first.len() + chunk.len()));
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&chunk);
    }

    /// All that has come.
    fn beginning(&self) -> &[u8] {
        if self.all.is_empty() {
            &self.first
        } else {
            &self.all
        }
    }

    /// Whether enough has come to see what it is, and nobody has looked yet.
    fn unsettled(&self) -> bool {
        !self.settled && self.len() >= sniff::LOOK
    }

    fn truncate(&mut self, cap: u64) {
        if let Ok(cap) = usize::try_from(cap) {
            self.first.truncate(cap);
            self.all.truncate(cap);
        }
    }

    fn body(self, cut: bool) -> Body {
        let size = self.len();
        Body {
            size,
            bytes: if self.all.is_empty() {
                self.first
            } else {
                self.all.freeze()
            },
            read: true,
            cut,
        }
    }
}
