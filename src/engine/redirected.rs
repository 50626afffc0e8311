//! Redirects, followed by the frontier's rules.

use super::evidence::evidence;
use super::rules::Rules;
use super::site::SiteContext;
use super::work::Page;
use crate::bus::Attempt;
use crate::discover::redirect::Step;
use crate::discover::scope::Refusal;
use crate::fetch::Fetched;
use crate::page::{FailureKind, Outcome, SkipReason, Verdict, time};
use crate::store::{Commit, NewUrl, Seen, Via};
use url::Url;

/// Follows a redirect to its [`location`] by the frontier's rules: the target
/// becomes a page of its own where the scope takes it and it is not known.
pub fn redirect(
    site: &SiteContext,
    rules: &Rules,
    page: &Page,
    mut attempt: Attempt,
    fetched: &Fetched,
    target: Option<Url>,
) -> Commit {
    let leased = &page.leased;
    let broken = |mut attempt: Attempt, kind: FailureKind, detail: String| {
        attempt.kind = Some(kind);
        attempt.detail = detail;
        let evidence = evidence(&fetched.headers, &[]);
        site.failure(leased, attempt, kind, None, Some(evidence))
    };
    let Some(target) = target else {
        let detail = "a redirect without a usable Location".to_owned();
        return broken(attempt, FailureKind::Redirect, detail);
    };
    if let Err(refusal) = rules.scope.judge(&target, leased.depth) {
        attempt.detail = format!("redirects to {target}: {refusal}");
        if matches!(refusal, Refusal::Private { .. }) {
            let detail = attempt.detail.clone();
            return broken(attempt, FailureKind::Private, detail);
        }
        let mut commit = site.commit(leased, Outcome::Skipped(SkipReason::Scope));
        commit.attempt = Some(attempt);
        return commit;
    }
    let print = site.print(target.as_str());
    let own = site.print(&leased.url);
    if print == own
        && fetched.headers.contains_key(reqwest::header::SET_COOKIE)
        && leased.tries == 0
        && site.controls().retries > 0
    {
        // It only wanted to see its cookie come back.
        let mut commit = site.commit(leased, Outcome::Failed(FailureKind::Redirect));
        commit.verdict = Verdict::Retry {
            due: time::now_ms(),
            kind: FailureKind::Redirect,
        };
        commit.attempt = Some(attempt);
        return commit;
    }
    match site.chains().follow(leased.id, own, print, leased.hops) {
        Step::Follow => {}
        Step::Loop(others) => {
            let mut commit = broken(
                attempt,
                FailureKind::Redirect,
                format!("a redirect loop, closed by {target}"),
            );
            commit.also_failed = others;
            return commit;
        }
        Step::TooLong(others) => {
            let mut commit = broken(
                attempt,
                FailureKind::Redirect,
                format!("more than 10 redirects in a row, the last to {target}"),
            );
            commit.also_failed = others;
            return commit;
        }
    }
    let mut commit = site.commit(leased, Outcome::Done);
    let url: Box<str> = target.as_str().into();
    commit.seen = Some(Seen {
        digest: print.0,
        rules: rules.digest,
        ..Seen::default()
    });
    commit.redirect = Some((print, url.clone()));
    commit.found.push(NewUrl {
        print,
        rank: site.order.rank_found(
            &rules.config.discover,
            (print, &url),
            leased.depth,
            site.order.place(own),
        ),
        url,
        depth: leased.depth,
        hops: leased.hops.saturating_add(1),
        via: Via::Redirect,
    });
    commit.attempt = Some(attempt);
    commit
}

/// Where a redirect leads, in normal form.
pub fn location(rules: &Rules, base: &Url, fetched: &Fetched) -> Option<Url> {
    let value = fetched.headers.get(reqwest::header::LOCATION)?;
    let text = String::from_utf8_lossy(value.as_bytes());
    rules.config.url.parse(text.trim(), Some(base)).ok()
}
