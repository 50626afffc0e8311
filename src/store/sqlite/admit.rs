//! A site that joins while the crawl runs.

use super::core::Core;
use super::fill;
use super::resume::{redirects_of, take_up, texts_of};
use super::site::Site;
use super::{OpenedSite, OpeningSite};
use crate::page::{Fingerprint, PageId, SiteId};
use rusqlite::{Result, params};
use std::sync::Arc;
use tokio::sync::Notify;

/// A site that has joined.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) site: SiteId,
    pub(super) opened: OpenedSite,
    pub(super) progress: Arc<Notify>,
}

impl Core {
    /// Takes in a site after those there are; `None` where it is there already,
    /// or nothing can be written.
    pub(super) fn admit(&mut self, site: &OpeningSite) -> Option<Admitted> {
        self.commit();
        if self.stalled {
            return None;
        }
        match self.try_admit(site) {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::error!(%error, site = site.name, "taking in a site");
                None
            }
        }
    }

    fn try_admit(&mut self, site: &OpeningSite) -> Result<Option<Admitted>> {
        let start = &mut self.start;
        let place = start.sites.keys().count();
        let tx = start.conn.unchecked_transaction()?;
        let (key, counts, mut opened) = take_up(&tx, place as i64, site)?;
        if start.sites.of_key(key).is_some() {
            return Ok(None);
        }
        let retries = tx.query_row("SELECT count(*) FROM retry WHERE site = ?1", [key], |row| {
            row.get(0)
        })?;
        opened.redirects = redirects_of(&tx, key)?;
        opened.texts = texts_of(&tx, key)?;
        if !opened.changed {
            let mut found = fill::of_sites(&tx, &[(key, opened.counts.records)])?;
            opened.fill = found.remove(&key).unwrap_or_default();
        }
        {
            let mut urls = tx.prepare("SELECT id, print FROM url WHERE site = ?1")?;
            let mut rows = urls.query(params![key])?;
            while let Some(row) = rows.next()? {
                let print = Fingerprint(row.get::<_, i64>(1)?.cast_unsigned());
                start.known.insert(print, PageId(row.get(0)?));
            }
        }
        tx.commit()?;
        let progress = Arc::<Notify>::default();
        let found = Site::new(key, counts, retries, progress.clone());
        // A job has fewer sites than u32 can count.
        let site = SiteId(u32::try_from(place).unwrap_or(u32::MAX));
        start.sites.push(found);
        Ok(Some(Admitted {
            site,
            opened,
            progress,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Job, names, new_url};

    #[tokio::test]
    async fn a_site_joins_a_running_crawl_and_is_there_in_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 1);
        let (site, opened) = job.store.admit("z".to_owned(), 7).await.unwrap();
        assert_eq!((site, opened.counts.queued), (SiteId(1), 0));
        assert!(job.store.admit("z".to_owned(), 7).await.is_none());
        let urls = vec![new_url(site, "one", 0), new_url(site, "two", 1)];
        assert_eq!(job.store.add(site, urls).await, 2);
        job.store.flush().await.unwrap();
        let leased = job.lease(site, 9).await;
        assert_eq!(leased.len(), 2);
        drop(job);

        let mut sites = names(1);
        sites.push(OpeningSite {
            name: "z".to_owned(),
            digest: 7,
        });
        let job = Job::open_with(dir.path(), sites, |_| ());
        assert_eq!(job.sites[1].counts.queued, 2);
        assert!(!job.sites[1].changed);
        assert_eq!(job.add(SiteId(1), &["one"]).await, 0, "known already");
    }
}
