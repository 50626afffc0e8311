//! Links that traps had left out, taken up again.

use super::site::SiteContext;
use crate::store::{NewUrl, Via};
use url::Url;

/// Queues links for which the site's traps have room by now: those of shapes
/// that were lifted, and those under a cap that was raised. Answers how many
/// of them are new.
pub async fn take_up(site: &SiteContext) -> u64 {
    let rules = site.rules();
    if !rules.follow {
        return 0;
    }
    let found = &rules.config.discover;
    let back = site.traps.give_back(found.traps, &|link| {
        // The scope may have changed since.
        let url = Url::parse(&link.url);
        url.is_ok_and(|url| rules.scope.judge(&url, link.depth).is_ok())
    });
    if back.links.is_empty() {
        return 0;
    }
    let urls = back.links.into_iter().map(|link| NewUrl {
        rank: site.order.rank(found, &link.url, link.depth),
        print: link.print,
        url: link.url,
        depth: link.depth,
        hops: 0,
        via: Via::Link,
    });
    let changes = back.changes.into_vec();
    site.store.take_up(site.id, urls.collect(), changes).await
}
