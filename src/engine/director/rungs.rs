//! Values that are set of one rung of a site.

use super::controls::{change, or_none};
use super::obey::{Done, Refusable};
use super::undo::Undo;
use super::{Director, send};
use crate::bus::{Command, RungControls, RungSet, SiteControls};
use crate::config::Fetch;
use crate::engine::site::{Control, SiteContext};
use crate::page::money::amount;
use crate::page::{Rung, SiteId};

impl Director {
    pub(super) async fn set_rung(
        &mut self,
        id: SiteId,
        rung: Rung,
        set: RungSet,
    ) -> Refusable<Done> {
        let site = self.site(id)?;
        let via = site.rules().document.fetch.via.clone();
        if !via.contains(&rung) {
            let names: Vec<&str> = via.iter().map(|rung| rung.as_str()).collect();
            return Err(Done::refused(format!(
                "{} does not fetch by {}; its fetch.via names {}",
                site.name,
                rung.as_str(),
                names.join(", ")
            )));
        }
        // The first rung has the site's own pace.
        if via.first() == Some(&rung) {
            match set {
                RungSet::Concurrency(workers) => return self.set_workers(id, workers).await,
                RungSet::Delay(delay) => return self.set_delay(id, delay).await,
                _ => {}
            }
        }
        if let RungSet::Money(Some(_)) = set
            && let Some(step) = site.ladder().iter().find(|step| step.rung == rung)
            && step.price() == Some(0)
        {
            return Err(Done::refused(format!(
                "what a request by {0} costs is not known; write fetch.{0}.cost in the sites file, \
                 and `reload`",
                rung.as_str()
            )));
        }
        if let (Rung::Http, RungSet::Timeout(_)) = (rung, set) {
            let text = "http has a limit on each phase of a request: fetch.timeout in the sites \
                        file, and `reload`";
            return Err(Done::refused(text.to_owned()));
        }
        if let RungSet::Timeout(limit) = set
            && (limit.is_zero() || limit > Fetch::MAX_DELAY)
        {
            return Err(Done::refused("write a time from 1ms to 1h".to_owned()));
        }
        let Some(had) = of(&site.controls(), rung) else {
            return Err(Done::refused(format!(
                "{} fetches by {} alone: `pause` holds it, and it has no budget",
                site.name,
                rung.as_str()
            )));
        };
        let now = with(&had, set);
        let back = match set {
            RungSet::Pause => RungSet::Resume,
            RungSet::Resume => RungSet::Pause,
            RungSet::Concurrency(_) => RungSet::Concurrency(had.concurrency),
            RungSet::Delay(_) => RungSet::Delay(had.delay),
            RungSet::Timeout(_) => RungSet::Timeout(had.timeout),
            RungSet::Requests(_) => RungSet::Requests(had.budget.requests),
            RungSet::Money(_) => RungSet::Money(had.budget.money),
        };
        put(&site, now.clone()).await;
        if set == RungSet::Resume {
            send(&site, Control::Mend(rung)).await;
        }
        let undo = Command::Rung(id, rung, back);
        self.remember("rung", Undo::Command(undo));
        let words = |controls: &RungControls| match set {
            RungSet::Pause | RungSet::Resume if controls.paused => "on hold".to_owned(),
            RungSet::Pause | RungSet::Resume => "goes on".to_owned(),
            RungSet::Concurrency(_) => format!("{} at a time", controls.concurrency),
            RungSet::Delay(_) => format!("{:?}", controls.delay),
            RungSet::Timeout(_) => format!("{:?}", controls.timeout),
            RungSet::Requests(_) => or_none(controls.budget.requests),
            RungSet::Money(_) => controls
                .budget
                .money
                .map_or_else(|| "none".to_owned(), amount),
        };
        Ok(match set {
            RungSet::Pause => Done::plain("on hold; pages that wait for it wait on"),
            RungSet::Resume => Done::plain("goes on"),
            _ => Done::changed(words(&had), words(&now)),
        })
    }
}

fn of(controls: &SiteControls, rung: Rung) -> Option<RungControls> {
    let mut rungs = controls.rungs.iter();
    rungs.find(|known| known.rung == rung).cloned()
}

fn with(had: &RungControls, set: RungSet) -> RungControls {
    let mut now = had.clone();
    match set {
        RungSet::Pause => now.paused = true,
        RungSet::Resume => now.paused = false,
        RungSet::Concurrency(workers) => {
            now.concurrency = workers.clamp(1, Fetch::MAX_CONCURRENCY);
        }
        RungSet::Delay(delay) => now.delay = delay.min(Fetch::MAX_DELAY),
        RungSet::Timeout(limit) => now.timeout = limit,
        RungSet::Requests(most) => now.budget.requests = most,
        RungSet::Money(most) => now.budget.money = most,
    }
    now
}

async fn put(site: &SiteContext, now: RungControls) {
    change(site, |controls| {
        let mut rungs = controls.rungs.iter_mut();
        if let Some(known) = rungs.find(|known| known.rung == now.rung) {
            *known = now;
        }
    })
    .await;
}
