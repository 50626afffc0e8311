//! Answers that are no page: what becomes of a request that failed or was
//! refused, for the page's sake and for its host's.

use super::evidence::{BODY_KEPT, evidence};
use super::host::Health;
use super::retry;
use super::site::SiteContext;
use super::work::{Climb, Page, Stuck};
use crate::bus::Attempt;
use crate::fetch::{self, FetchError, Fetched};
use crate::page::{FailureKind, Verdict};
use crate::store::Commit;
use std::time::{Duration, SystemTime};

/// How taking a page ended, for its host's sake.
pub struct End {
    /// How its host fared.
    pub health: Health,
    /// For how long the server asked to be left alone.
    pub hold: Option<Duration>,
    /// Whether the page comes round again.
    pub again: bool,
    /// Why the page ended without being had, if it did.
    pub why: Option<String>,
    /// What the request cost, in millionths.
    pub cost: u64,
    /// The page, where it is to go on to a higher rung.
    pub climb: Option<Box<Climb>>,
}

impl End {
    /// Of a page that its host answered as a healthy one does.
    pub fn fine() -> Self {
        Self {
            health: Health::Fine,
            hold: None,
            again: false,
            why: None,
            cost: 0,
            climb: None,
        }
    }
}

/// A request that got no whole answer.
pub async fn fail(site: &SiteContext, mut page: Page, attempt: Attempt, error: FetchError) -> End {
    let health = match error.kind {
        FailureKind::Dns | FailureKind::Connect | FailureKind::Tls => Health::Unreachable,
        kind if retry::is_host_trouble(kind, attempt.status) => Health::Failing,
        _ => Health::Fine,
    };
    let evidence = error.head.map(|head| evidence(&head.1, &[]));
    let mut commit = site.failure(&page.leased, attempt, error.kind, None, evidence);
    if let Some(trouble) = error.trouble {
        // The host was not asked, or is not to blame.
        return End {
            climb: climb(page, commit, Stuck::Trouble(trouble, error.elapsed)),
            ..End::fine()
        };
    }
    commit.before = page.before();
    let again = matches!(commit.verdict, Verdict::Retry { .. });
    site.store.commit(commit).await;
    End {
        health,
        again,
        why: (!again).then(|| format!("{}: {}", page.leased.url, error.detail)),
        ..End::fine()
    }
}

/// What is handed to the supervisor of a page that its rung could not get.
fn climb(page: Page, commit: Commit, why: Stuck) -> Option<Box<Climb>> {
    let commit = Box::new(commit);
    Some(Box::new(Climb { page, commit, why }))
}

/// An answer with an error status, or a block.
pub async fn refuse(
    site: &SiteContext,
    mut page: Page,
    attempt: Attempt,
    fetched: Fetched,
    stuck: Option<Stuck>,
) -> End {
    let status = Some(fetched.status);
    let told = matches!(fetched.status, 429 | 503)
        .then(|| fetch::retry_after(&fetched.headers, SystemTime::now()))
        .flatten();
    let hold = told.or_else(|| {
        // Too many requests, and no word on how long to wait.
        (fetched.status == 429).then(|| retry::backoff(page.leased.tries, None))
    });
    let kind = attempt.kind.unwrap_or(FailureKind::Status);
    let health = if retry::is_host_trouble(kind, status) {
        Health::Failing
    } else {
        Health::Fine
    };
    let body = fetch::body::decode_prefix(&fetched, BODY_KEPT as u64)
        .map(|(body, _)| body)
        .unwrap_or_default();
    let evidence = evidence(&fetched.headers, &body);
    let whose = attempt.detail.clone();
    let mut commit = site.failure(&page.leased, attempt, kind, told, Some(evidence));
    commit.content_type = fetch::media_type(&fetched);
    let again = matches!(commit.verdict, Verdict::Retry { .. });
    let why = (!again).then(|| match kind {
        FailureKind::Blocked => format!("{}: blocked ({whose})", page.leased.url),
        _ => format!("{}: status {}", page.leased.url, fetched.status),
    });
    let end = End {
        health,
        hold,
        again,
        why,
        ..End::fine()
    };
    if let Some(stuck) = stuck
        && site.may_climb(&page, stuck == Stuck::Scripts)
    {
        return End {
            climb: climb(page, commit, stuck),
            ..end
        };
    }
    if matches!(fetched.status, 404 | 410) {
        site.learn(&page);
    }
    commit.before = page.before();
    site.store.commit(commit).await;
    end
}
