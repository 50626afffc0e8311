//! Whether a failed attempt is worth another, and when.

use crate::page::FailureKind;
use std::time::Duration;

/// Wait before the first retry; doubled for each further one.
const BASE: Duration = Duration::from_millis(500);
/// Longest wait that crawldeck chooses by itself.
const CAP: Duration = Duration::from_secs(300);

/// Statuses that may be otherwise next time.
fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 507 | 520..=527 | 529 | 530)
}

/// Whether a failure of this kind may be otherwise next time.
pub fn is_worth_retrying(kind: FailureKind, status: Option<u16>) -> bool {
    match kind {
        FailureKind::Status => status.is_some_and(is_transient_status),
        kind => kind.is_transient(),
    }
}

/// Whether such a failure speaks against the whole host and not just the page.
pub fn is_host_trouble(kind: FailureKind, status: Option<u16>) -> bool {
    matches!(kind, FailureKind::Tls | FailureKind::Blocked) || is_worth_retrying(kind, status)
}

/// The wait before retry number `tries` (from 0): exponential, with jitter of
/// half its length either way, so that pages that failed together do not come
/// back together. A server's `Retry-After` is a floor.
pub fn backoff(tries: u32, told: Option<Duration>) -> Duration {
    let grown = BASE.saturating_mul(1 << tries.min(12)).min(CAP);
    let jittered = grown.mul_f64(0.5 + fastrand::f64());
    told.map_or(jittered, |floor| floor.max(jittered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retried() {
        let table = [
            (FailureKind::Status, Some(404), false),
            (FailureKind::Status, Some(410), false),
            (FailureKind::Status, Some(403), false),
            (FailureKind::Status, Some(429), true),
            (FailureKind::Status, Some(500), true),
            (FailureKind::Status, Some(501), false),
            (FailureKind::Status, Some(503), true),
            (FailureKind::Reset, None, true),
            (FailureKind::Timeout, None, true),
            (FailureKind::Dns, None, true),
            (FailureKind::Connect, None, true),
            (FailureKind::Tls, None, false),
            (FailureKind::TooLarge, Some(200), false),
            (FailureKind::Decode, Some(200), false),
            (FailureKind::Redirect, Some(302), false),
            (FailureKind::Private, None, false),
        ];
        for (kind, status, expected) in table {
            assert_eq!(
                is_worth_retrying(kind, status),
                expected,
                "{kind} {status:?}"
            );
        }
    }

    #[test]
    fn waits_grow_within_their_jitter_and_never_undercut_the_server() {
        for tries in 0..40 {
            let full = BASE.saturating_mul(1 << tries.min(12)).min(CAP);
            let wait = backoff(tries, None);
            assert!(
                wait >= full / 2 && wait <= full * 3 / 2,
                "{tries}: {wait:?}"
            );
            let told = Duration::from_secs(7);
            assert!(backoff(tries, Some(told)) >= told);
        }
    }
}
