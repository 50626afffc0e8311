//! Traps that the operator lifts.

use super::obey::{Done, Refusable};
use super::undo::Undo;
use super::{Director, send};
use crate::bus::Command;
use crate::engine::site::Control;
use crate::engine::trapped;
use crate::page::SiteId;

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
        if !site.traps.lift(&shape, lifted) {
            return Err(Done::refused(match lifted {
                true => "it is lifted already",
                false => "it is capped already",
            }));
        }
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
        let added = trapped::take_up(&site).await;
        if added > 0 {
            send(&site, Control::Requeued(0)).await;
            send(&site, Control::Reopen).await;
        }
        Ok(Done::plain(format!(
            "lifted; {added} pages left out are queued, further ones come as they are found"
        )))
    }
}
