//! Where pages begin on the ladder and how they go up it, and what becomes of
//! a rung that does not work.

use super::{Hold, Supervisor};
use crate::bus::{ClimbWhy, Event, Level, Origin, RungState};
use crate::discover::family;
use crate::engine::ladder::{Ladder, Place, Start};
use crate::engine::work::{Climb, Page, Stuck, Way};
use crate::fetch::Trouble;
use crate::page::Rung;
use crate::store::{Commit, JournalEntry, Leased};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Pages that wait in RAM for a rung that is down or paused.
pub(super) const WAITING: usize = 1 << 14;

impl Supervisor {
    /// A leased page, at the rung at which its like is best begun. A site with
    /// one rung knows no other, and looks nothing up.
    pub(super) fn begin_page(&self, leased: Leased, url: Url, now: Instant) -> Page {
        let mut page = Page {
            leased,
            url,
            rung: self.ladder.first().rung,
            way: None,
        };
        if self.ladder.climbs() {
            let (family, host) = (family::family(&page.url), family::host(&page.url));
            let mut start = self.site.memory().start(family, host, page.leased.id, now);
            // Plain HTTP goes on with what a solver has won.
            if start.place > 0
                && page.rung == Rung::Http
                && self.site.rules().visitor.is_cleared(&page.url)
            {
                start = Start {
                    place: 0,
                    known: Some(start.known.unwrap_or(start.place)),
                };
            }
            let rung = self.ladder.begin(start.place);
            page.way = Some(Box::new(Way {
                family,
                host,
                began: rung,
                known: start.known,
                scripts: false,
                before: Vec::new(),
                last: None,
            }));
            page.rung = rung;
        }
        page
    }

    /// A page that its rung could not get: it goes on to a higher one, or ends.
    /// Answers whether it goes on.
    pub(super) async fn climb(&mut self, climb: Climb, now: Instant) -> bool {
        let Climb {
            mut page,
            mut commit,
            why,
        } = climb;
        let from = page.rung;
        let known = page.way.as_ref().and_then(|way| way.known);
        let scripts = why == Stuck::Scripts || page.way.as_ref().is_some_and(|way| way.scripts);
        let told = match why {
            Stuck::Trouble(trouble, took) => {
                self.trouble_with(from, trouble, took, now).await;
                let down = matches!(self.ladder.closed(from), Some(RungState::Down(_)));
                match self.ladder.above(from, None, scripts).filter(|_| down) {
                    // It waits for this rung: the page is not to blame.
                    None => {
                        self.hosts.add_page(page, now);
                        return true;
                    }
                    Some(to) => Some((to, ClimbWhy::Down)),
                }
            }
            Stuck::Blocked => {
                let to = self.onward(from, known, scripts);
                to.map(|to| (to, ClimbWhy::Blocked))
            }
            Stuck::Scripts => {
                let to = self.onward(from, known, true);
                to.map(|to| (to, ClimbWhy::Scripts))
            }
        };
        let Some((to, why)) = told else {
            self.give_up(page, *commit);
            return false;
        };
        if self.ladder.get(to).is_none_or(|step| !step.is_open()) {
            // It may wait with many others, for long.
            commit.evidence = None;
        }
        if let Some(way) = &mut page.way {
            let last = way.last.replace(commit);
            way.before.extend(last.and_then(|last| last.attempt));
            way.scripts = scripts;
            way.known = None;
        }
        page.rung = to;
        tracing::debug!(
            site = %self.site.name, url = %page.leased.url,
            "{} → {}: {why:?}", from.as_str(), to.as_str()
        );
        self.hosts.add_page(page, now);
        self.site
            .tell(Event::Climb {
                site: self.site.id,
                from,
                to,
                why,
            })
            .await;
        true
    }

    /// Where a page goes on: to a rung that is open, else to one that is down,
    /// to wait there until it is mended.
    fn onward(&self, from: Rung, known: Option<Place>, scripts: bool) -> Option<Rung> {
        let open = self.ladder.above(from, known, scripts);
        open.or_else(|| {
            let down = self.ladder.mendable(from, scripts)?;
            (self.hosts.waiting_for(down) < WAITING).then_some(down)
        })
    }

    /// Ends a page that can climb no further.
    fn give_up(&self, mut page: Page, mut commit: Commit) {
        commit.before = page.before();
        let site = self.site.clone();
        self.tasks
            .spawn(async move { site.store.commit(commit).await });
    }

    /// A page that its body shows to be none, from the CPU pool.
    pub(super) async fn climb_late(&mut self, climb: Climb) {
        let page = climb.page.leased.id;
        match self.hold {
            // What is forgotten must not come back.
            Hold::StartOver(_) | Hold::Forgetting(_) => {}
            Hold::Finish | Hold::Finished => {
                let site = self.site.clone();
                self.tasks
                    .spawn(async move { site.store.release(site.id, vec![page]).await });
            }
            Hold::No => {
                if self.climb(climb, Instant::now()).await {
                    self.spent = self.spent.saturating_sub(1);
                }
            }
        }
        self.site.digested();
    }

    /// A rung has said that it is at fault.
    pub(super) async fn trouble_with(
        &mut self,
        rung: Rung,
        trouble: Trouble,
        took: Duration,
        now: Instant,
    ) {
        let name = rung.as_str();
        let Some(step) = self.ladder.get(rung) else {
            return;
        };
        match trouble {
            Trouble::Down(why) => self.close(rung, why, now).await,
            Trouble::Crowded => {
                let cut = step.crowded(now, took);
                if step.is_hopeless() {
                    let why = "for minutes it has had more to do than it takes, whenever it was \
                               asked";
                    return self.close(rung, why.to_owned(), now).await;
                }
                let Some(to) = cut else {
                    return;
                };
                let from = step.slots.limit();
                step.slots.set_limit(to);
                self.set_concurrency(rung, to);
                let why = format!("{name} {from} → {to}: it has more to do than it takes");
                tracing::info!(site = %self.site.name, "{why}");
                let entry = JournalEntry {
                    origin: Origin::Auto.as_str(),
                    command: format!("rung-concurrency {} {name} {to}", self.site.name),
                    before: from.to_string(),
                    after: to.to_string(),
                    answer: why.clone(),
                    refused: false,
                };
                let site = self.site.clone();
                self.tasks
                    .spawn(async move { site.store.journal(entry).await });
                self.tell_controls(Some(why.into())).await;
            }
        }
    }

    /// A rung takes no more pages, until the operator has done something.
    async fn close(&mut self, rung: Rung, why: String, now: Instant) {
        let Some(step) = self.ladder.get(rung).filter(|step| step.down.is_none()) else {
            return;
        };
        let why: Arc<str> = why.into();
        step.down = Some(why.clone());
        let name = rung.as_str();
        let text = format!("{name} is paused: {why}; rung-resume lets it try again");
        let site = self.site.clone();
        match site.said.is_news(&site.rules().document.fetch, rung, &why) {
            true => site.say(Level::Error, text).await,
            // Another site has said so.
            false => tracing::debug!(site = %site.name, "{text}"),
        }
        self.tell_rung(rung).await;
        self.leave(rung, now).await;
    }

    /// Notes a rung's new concurrency where the controls are kept.
    fn set_concurrency(&mut self, rung: Rung, to: u32) {
        let is_first = self.ladder.first().rung == rung;
        let mut controls = self.site.controls();
        if is_first {
            controls.concurrency = to;
        } else if let Some(known) = controls.rungs.iter_mut().find(|known| known.rung == rung) {
            known.concurrency = to;
        }
        self.saved.controls.now = controls.clone();
        self.unsaved = true;
    }

    /// Tells how a rung stands.
    pub(super) async fn tell_rung(&mut self, rung: Rung) {
        let Some(step) = self.ladder.get(rung) else {
            return;
        };
        let event = Event::Rung {
            site: self.site.id,
            rung,
            state: step.state(),
            spent: step.purse.spent,
        };
        self.site.tell(event).await;
    }

    /// A worker's request has ended: settles what it cost, and sees whether
    /// the rung's budget goes any further.
    pub(super) async fn settle(&mut self, rung: Rung, now: Instant) {
        let Some(step) = self.ladder.get(rung) else {
            return;
        };
        let spent = step.purse.at_most();
        let state = step.state();
        self.unsaved |= step.is_accounted();
        self.saved.controls.spent.insert(rung, spent);
        let ended = state == RungState::Spent && self.told_spent.insert(rung);
        if ended {
            let text = format!(
                "{}: its budget is used up; rung-requests and rung-money raise it",
                rung.as_str()
            );
            self.site.say(Level::Warn, text).await;
            self.tell_rung(rung).await;
            self.leave(rung, now).await;
        }
    }

    /// Sends the pages that wait for a rung which takes none any more where
    /// they can be had, if anywhere. Those that can be had nowhere else wait
    /// for it, where the operator can mend it; where its budget is used up,
    /// they end.
    async fn leave(&mut self, rung: Rung, now: Instant) {
        let spent = matches!(self.ladder.closed(rung), Some(RungState::Spent));
        for mut page in self.hosts.take_lane(rung) {
            let Some(way) = &page.way else {
                self.hosts.add_page(page, now);
                continue;
            };
            if way.last.is_none() {
                let place = self.ladder.place(rung);
                let best = self.ladder.begin(place);
                page.begin(best);
                self.hosts.add_page(page, now);
                continue;
            }
            match self.ladder.above(rung, None, way.scripts) {
                Some(to) => {
                    page.rung = to;
                    self.hosts.add_page(page, now);
                }
                None if !spent => self.hosts.add_page(page, now),
                None => {
                    let last = page.way.as_mut().and_then(|way| way.last.take());
                    if let Some(mut commit) = last {
                        self.spent += 1;
                        commit.before = page.before();
                        let site = self.site.clone();
                        self.tasks
                            .spawn(async move { site.store.commit(*commit).await });
                    }
                }
            }
        }
    }

    /// Why the site stands still for good, where all that waits needs a rung
    /// that takes nothing until the operator has done something.
    pub(super) fn stuck(&self) -> Option<Arc<str>> {
        let mut why = None;
        let mut closed = |rung: Rung| match self.ladder.closed(rung) {
            Some(state) => {
                why.get_or_insert((rung, state));
                true
            }
            None => false,
        };
        let waits = Rung::ALL
            .into_iter()
            .filter(|rung| self.hosts.may_need(*rung));
        let mut all = true;
        let mut any = false;
        for rung in waits {
            any = true;
            all &= closed(rung);
        }
        if self.hosts.has_errands() {
            any = true;
            all &= closed(self.ladder.first().rung);
        }
        let (rung, state) = why.filter(|_| any && all)?;
        let name = rung.as_str();
        Some(match state {
            RungState::Down(why) => format!("{name}: {why}; its pages stay queued").into(),
            _ => format!("{name}: its budget is used up; its pages stay queued").into(),
        })
    }

    /// Builds the ladder anew: the sites file has another. Pages that wait find
    /// their places on it.
    pub(super) async fn rebuild_ladder(&mut self, now: Instant) {
        let controls = self.saved.controls.now.clone();
        let steps = self.site.ladder();
        let paused = self.ladder.is_paused();
        for step in self.ladder.steps() {
            let spent = step.purse.at_most();
            if spent.requests > 0 {
                self.saved.controls.spent.insert(step.rung, spent);
            }
        }
        let had: Vec<Rung> = self.ladder.steps().iter().map(|step| step.rung).collect();
        self.ladder = Ladder::new(&steps, &controls, &self.saved.controls.spent, paused);
        // Its places may be others now.
        self.carry_over(&had, now);
        self.told_spent.clear();
        for page in self.hosts.take_pages() {
            let page = self.begin_page(page.leased, page.url, now);
            self.hosts.add_page(page, now);
        }
        self.tell_ladder().await;
    }

    /// Tells how every rung stands.
    pub(super) async fn tell_ladder(&mut self) {
        let rungs: Vec<Rung> = self.ladder.steps().iter().map(|step| step.rung).collect();
        for rung in rungs {
            self.tell_rung(rung).await;
        }
    }
}
