//! Sources that the operator has asked again.

use super::obey::{Done, Refusable};
use super::{Director, send};
use crate::bus::Reply;
use crate::engine::site::Control;
use crate::page::SiteId;

impl Director {
    /// Asks sources that failed again, of one site or all, of a name or all.
    pub(super) async fn retry_sources(
        &mut self,
        of: Option<SiteId>,
        name: Option<String>,
    ) -> Refusable<Done> {
        let sites = match of {
            Some(site) => vec![self.site(site)?],
            None => self.seats.clone(),
        };
        if self.store.is_stalled() {
            return Err(Done::refused("nothing can be written just now"));
        }
        let mut asked = 0;
        let mut refused = None;
        for site in sites {
            let (reply, answer) = Reply::channel();
            send(&site, Control::SourcesAgain(name.clone(), reply)).await;
            match answer.await {
                Ok(Ok(sources)) => asked += sources,
                Ok(Err(why)) => refused = refused.or(Some(why)),
                Err(_) => refused = refused.or(Some(format!("{} has ended", site.name))),
            }
        }
        match (asked, refused, name) {
            (0, Some(why), _) => Err(Done::refused(why)),
            (0, None, Some(name)) => Err(Done::refused(format!(
                "no failed source is called {name}; export --what sources lists them"
            ))),
            (0, None, None) => Err(Done::refused("no source has failed")),
            (1, ..) => Ok(Done::plain("1 source is asked again")),
            (asked, ..) => Ok(Done::plain(format!("{asked} sources are asked again"))),
        }
    }
}
