//! Answers on their way into the archive: kept before what comes of them is
//! committed, so that a page that is done is in the archive, and so is an
//! answer of an API that was read.

use super::api;
use super::rules::Rules;
use super::site::SiteContext;
use super::work::{ApiCall, Page};
use crate::archive::{self, Answer, Archive, Asked, Codec, Receipt, Revisit};
use crate::bus::Attempt;
use crate::config::{Compress, Keep};
use crate::discover::api::Kept;
use crate::fetch::Fetched;
use crate::page::Fingerprint;
use std::sync::Arc;
use tokio::sync::oneshot;
use url::{Position, Url};

/// Hands an answer to the archive, where the site's are kept. Compresses it:
/// for threads of the CPU pool.
pub fn begin(
    site: &SiteContext,
    page: &Page,
    attempt: &Attempt,
    fetched: &Fetched,
    revisit: Option<Revisit>,
) -> Option<Receipt> {
    let (archive, rules) = wanted(site)?;
    let answer = Answer {
        url: &page.url,
        site: &site.name,
        depth: page.leased.depth,
        at: attempt.at,
        elapsed_ms: attempt.elapsed_ms.into(),
        request: rules.visitor.common_headers(),
        status: fetched.status,
        headers: &fetched.headers,
        body: &fetched.body,
        cut: fetched.cut || !fetched.read,
        asked: None,
        revisit,
    };
    // Only what has a body is worth extracting from again.
    let good = fetched.read && fetched.status < 300 && attempt.kind.is_none();
    let whole = good && revisit.is_none();
    let print = whole.then(|| site.print(&page.leased.url));
    put(archive, rules.config.keep, &answer, print)
}

/// The archive and the rules, where the site's answers are kept.
fn wanted(site: &SiteContext) -> Option<(&Archive, Arc<Rules>)> {
    let archive = site.archive.as_ref()?;
    let rules = site.rules();
    rules.config.keep.bodies.then_some((archive, rules))
}

fn put(
    archive: &Archive,
    keep: Keep,
    answer: &Answer<'_>,
    print: Option<Fingerprint>,
) -> Option<Receipt> {
    let codec = match keep.compress {
        Compress::Gzip => Codec::Gzip,
        Compress::Zstd => Codec::Zstd,
    };
    match archive::pack(answer, codec) {
        Ok(packed) => Some(archive.put(packed, print, keep.rotate)),
        Err(error) => {
            // Compressing in memory does not fail; a page is not lost over it.
            tracing::error!(
                url = &answer.url[..Position::AfterPath],
                "not archived: {error}"
            );
            None
        }
    }
}

/// Whether the page may be committed: its answer is kept, or was not to be.
pub fn is_kept(receipt: Option<Receipt>) -> bool {
    receipt.is_none_or(Receipt::wait)
}

/// Keeps an answer that does not go to the CPU pool otherwise. Where the
/// archive takes nothing any more it never returns: the worker is dropped with
/// its run, and the page is fetched again by the next.
pub async fn answer(
    site: &Arc<SiteContext>,
    page: &Page,
    attempt: &Attempt,
    fetched: &Fetched,
    revisit: Option<Revisit>,
) {
    if wanted(site).is_none() {
        return;
    }
    let (attempt, fetched) = (attempt.clone(), fetched.clone());
    let page = Page {
        leased: page.leased.clone(),
        url: page.url.clone(),
        rung: page.rung,
        way: None,
    };
    aside(site, fetched.body.len(), move |site| {
        begin(site, &page, &attempt, &fetched, revisit)
    })
    .await;
}

/// Keeps an answer of an API, which was had from `url` and asked for at `at`
/// (milliseconds since 1970); answers whether it can be extracted from again.
/// Returns as little as [`answer`] where the archive takes nothing any more.
pub async fn called(
    site: &Arc<SiteContext>,
    call: &ApiCall,
    url: &Url,
    at: u64,
    fetched: &Fetched,
) -> bool {
    let Some((_, rules)) = wanted(site) else {
        return false;
    };
    let good = fetched.read && !fetched.cut && (200..300).contains(&fetched.status);
    let place = good.then(|| rules.config.api_place(&call.rule)).flatten();
    let print = place.map(|place| site.print(&Kept::name(place, call.turn.asked)));
    let (call, url, fetched) = (call.clone(), url.clone(), fetched.clone());
    aside(site, fetched.body.len(), move |site| {
        let (archive, rules) = wanted(site)?;
        let mut request = rules.visitor.common_headers().clone();
        request.extend(api::plain_headers(&call));
        let posted = call.body.as_deref().map(|body| archive.told(body));
        let answer = Answer {
            // What is blotted out leaves a URL behind.
            url: &Url::parse(&archive.told(url.as_str())).unwrap_or(url),
            site: &site.name,
            depth: 0,
            at,
            elapsed_ms: u64::try_from(fetched.elapsed.as_millis()).unwrap_or(u64::MAX),
            request: &request,
            status: fetched.status,
            headers: &fetched.headers,
            body: &fetched.body,
            cut: fetched.cut || !fetched.read,
            asked: Some(Asked {
                number: call.turn.asked,
                posted: posted.as_ref().map(|text| text.as_bytes()),
            }),
            revisit: None,
        };
        put(archive, rules.config.keep, &answer, print)
    })
    .await;
    print.is_some()
}

/// Runs `begin` on the CPU pool, and returns when what it began is kept: never,
/// where the archive takes nothing any more.
async fn aside(
    site: &Arc<SiteContext>,
    bytes: usize,
    begin: impl FnOnce(&SiteContext) -> Option<Receipt> + Send + 'static,
) {
    let (done, kept) = oneshot::channel();
    // The pool is never closed while a worker lives.
    let Some(room) = site.pool.room(bytes).await else {
        return;
    };
    let context = site.clone();
    site.pool.run(move || {
        let kept = is_kept(begin(&context));
        drop(room);
        // A worker that was dropped does not ask.
        let _ = done.send(kept);
    });
    if kept.await != Ok(true) {
        std::future::pending::<()>().await;
    }
}
