//! Traps that the operator lifts.

use super::obey::{Done, Refusable};
use super::undo::Undo;
use super::{Director, send};
use crate::bus::Command;
use crate::engine::site::Control;
use crate::page::SiteId;
use crate::store::{NewUrl, Via};

impl Director {
    /// Takes every page of a shape, or so many as the cap says again.
    pub(super) async fn lift(
        &mut self,
        id: SiteId,
        shape: String,
        lifted: bool,
    ) -> Refusable<Done> {
        let site = self.site(id)?;
        if !site.traps.knows(&shape) {
            return Err(Done::refused(format!(
                "no trap has the shape {shape}; the site's traps are on its screen"
            )));
        }
        let Some(back) = site.traps.lift(&shape, lifted) else {
            return Err(Done::refused(match lifted {
                true => "it is lifted already",
                false => "it is capped already",
            }));
        };
        send(&site, Control::Lifted(shape.clone(), lifted)).await;
        let (site_id, undo) = (id, !lifted);
        self.remember(
            "lift",
            Undo::Command(Command::Lift {
                site: site_id,
                shape,
                lifted: undo,
            }),
        );
        if !lifted {
            return Ok(Done::plain("capped again; what was taken stays"));
        }
        let rules = site.rules();
        let found = &rules.config.discover;
        let urls = back.into_iter().map(|link| NewUrl {
            print: site.print(&link.url),
            rank: site.order.rank(found, &link.url, link.depth),
            url: link.url,
            depth: link.depth,
            hops: 0,
            via: Via::Link,
        });
        let added = self.store.add(id, urls.collect()).await;
        if added > 0 {
            send(&site, Control::Requeued(0)).await;
            send(&site, Control::Reopen).await;
        }
        Ok(Done::plain(format!(
            "lifted; {added} pages left out are queued, further ones come as they are found"
        )))
    }
}
