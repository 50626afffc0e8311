//! Answers queries, each in a task of its own: from the store, from a site's
//! supervisor, or from the log.

use super::site::{Control, Message, SiteContext};
use crate::bus::{Ask, Logbook, Query, Reply, Told, Why};
use crate::page::SiteId;
use crate::store::Store;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, watch};
use url::Url;

/// Queries answered at the same time.
const AT_ONCE: usize = 8;

/// Answers until the last asker is gone.
pub async fn run(
    mut queries: mpsc::Receiver<Query>,
    store: Arc<dyn Store>,
    log: Arc<Logbook>,
    sites: watch::Receiver<Vec<Arc<SiteContext>>>,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(Query { ask, reply }) = queries.recv().await {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        let (store, log) = (store.clone(), log.clone());
        let sites = sites.clone();
        tokio::spawn(async move {
            let sites = sites.borrow().clone();
            reply.send(answer(ask, &*store, &log, &sites).await);
            drop(permit);
        });
    }
}

async fn answer(ask: Ask, store: &dyn Store, log: &Logbook, sites: &[Arc<SiteContext>]) -> Told {
    let of = |site: SiteId| sites.get(site.index());
    match ask {
        Ask::Site(site) => match of(site) {
            Some(site) => {
                let mut detail = tell(site, Control::Tell).await;
                if let Some(detail) = &mut detail
                    && let Told::Sources(sources) = store.ask(Ask::Sources(site.id)).await
                {
                    detail.sources = sources;
                }
                Told::Site(detail.map(Box::new))
            }
            None => Told::Site(None),
        },
        Ask::Why { site, url } => match of(site) {
            Some(site) => Told::Why(Box::new(why(site, &url, store).await)),
            None => Told::Refused("there is no such site".to_owned()),
        },
        Ask::Log {
            filter,
            offset,
            limit,
        } => Told::Log(log.list(&filter, offset, limit)),
        ask => store.ask(ask).await,
    }
}

/// Asks a site's supervisor; `None` where the site has ended for good.
async fn tell<T: Send + 'static>(
    site: &SiteContext,
    control: impl FnOnce(Reply<T>) -> Control,
) -> Option<T> {
    let (reply, answer) = Reply::channel();
    let sent = site.inbox.send(Message::Control(control(reply))).await;
    sent.ok()?;
    answer.await.ok()
}

async fn why(site: &SiteContext, url: &str, store: &dyn Store) -> Why {
    let answered = answered(site.id, url, store).await;
    let rules = site.rules();
    let normal = match rules.config.url.parse(url.trim(), None) {
        Ok(normal) => normal,
        Err(refusal) => {
            return Why {
                url: url.to_owned(),
                verdict: refusal.to_string(),
                taken: false,
                page: None,
                answered: 0,
            };
        }
    };
    let page = match store.find(site.print(normal.as_str())) {
        Some(id) => match store.ask(Ask::Page(id)).await {
            Told::Page(page) => page,
            _ => None,
        },
        None => None,
    };
    let depth = page.as_ref().map_or(0, |page| page.depth);
    let (mut taken, mut verdict) = match rules.scope.judge(&normal, depth) {
        Ok(()) => (true, rules.scope.taken_by(&normal)),
        Err(refusal) => (false, refusal.to_string()),
    };
    let about = normal.clone();
    let robots = tell(site, |reply| Control::Robots(about, reply)).await;
    if let Some(words) = robots.flatten() {
        taken &= !words.contains("forbids");
        verdict = format!("{verdict}; {words}");
    }
    Why {
        url: normal.into(),
        verdict,
        taken,
        page,
        answered,
    }
}

/// Records that answers of APIs at this address gave: it is kept without its
/// query, as a URL and not in the normal form of pages.
async fn answered(site: SiteId, url: &str, store: &dyn Store) -> u64 {
    let Ok(mut url) = Url::parse(url.trim()) else {
        return 0;
    };
    url.set_query(None);
    url.set_fragment(None);
    let url = String::from(url);
    match store.ask(Ask::Why { site, url }).await {
        Told::Why(why) => why.answered,
        _ => 0,
    }
}
