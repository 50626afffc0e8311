//! Answers on their way into the archive: kept before their pages are
//! committed, so that a page that is done is in the archive.

use super::site::SiteContext;
use super::work::Page;
use crate::archive::{self, Answer, Codec, Receipt};
use crate::bus::Attempt;
use crate::config::Compress;
use crate::fetch::Fetched;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Hands an answer to the archive, where the site's are kept. Compresses it:
/// for threads of the CPU pool.
pub fn begin(
    site: &SiteContext,
    page: &Page,
    attempt: &Attempt,
    fetched: &Fetched,
) -> Option<Receipt> {
    let archive = site.archive.as_ref()?;
    let rules = site.rules();
    let keep = rules.config.keep;
    if !keep.bodies {
        return None;
    }
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
    };
    let codec = match keep.compress {
        Compress::Gzip => Codec::Gzip,
        Compress::Zstd => Codec::Zstd,
    };
    match archive::pack(&answer, codec) {
        Ok(packed) => {
            // Only what has a body is worth extracting from again.
            let whole = fetched.read && fetched.status < 300 && attempt.kind.is_none();
            let print = whole.then(|| site.print(&page.leased.url));
            Some(archive.put(packed, print, keep.rotate))
        }
        Err(error) => {
            // Compressing in memory does not fail; a page is not lost over it.
            tracing::error!(url = %page.leased.url, "not archived: {error}");
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
pub async fn answer(site: &Arc<SiteContext>, page: &Page, attempt: &Attempt, fetched: &Fetched) {
    if site.archive.is_none() || !site.rules().config.keep.bodies {
        return;
    }
    let (context, attempt, fetched) = (site.clone(), attempt.clone(), fetched.clone());
    let page = Page {
        leased: page.leased.clone(),
        url: page.url.clone(),
        rung: page.rung,
        way: None,
    };
    let (done, kept) = oneshot::channel();
    // The pool is never closed while a worker lives.
    let Some(room) = site.pool.room(fetched.body.len()).await else {
        return;
    };
    site.pool.run(move || {
        let kept = is_kept(begin(&context, &page, &attempt, &fetched));
        drop(room);
        // A worker that was dropped does not ask.
        let _ = done.send(kept);
    });
    if kept.await != Ok(true) {
        std::future::pending::<()>().await;
    }
}
