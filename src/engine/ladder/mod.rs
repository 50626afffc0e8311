//! The ladder of a site: its rungs, what each may do now, and where a page
//! begins and goes on.

mod memory;
mod purse;
mod rung;

pub use self::memory::{Lesson, Memory, Place, Start};
pub use self::rung::Step;

use super::slots::{Shown, Task};
use crate::bus::{RungControls, RungState, SiteControls, Spent, WorkerId};
use crate::config::Fetch;
use crate::fetch;
use crate::page::Rung;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What may start now.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// By [`Rung::index`]: a worker that is free.
    pub workers: [Option<WorkerId>; Rung::COUNT],
    /// By [`Rung::index`]: the time between two requests to one host.
    pub delays: [Duration; Rung::COUNT],
    /// The rung of errands.
    pub first: Rung,
}

impl Open {
    /// Whether anything may start.
    pub fn any(&self) -> bool {
        self.workers.iter().any(Option::is_some)
    }

    /// A free worker of this rung.
    pub fn worker(&self, rung: Rung) -> Option<WorkerId> {
        self.workers[rung.index()]
    }
}

/// The rungs of a site, lowest first.
#[derive(Debug)]
pub struct Ladder {
    steps: Vec<Step>,
}

impl Ladder {
    /// A ladder of these steps under these controls. `paused`: the site is.
    pub fn new(
        steps: &[fetch::Step],
        controls: &SiteControls,
        spent: &BTreeMap<Rung, Spent>,
        paused: bool,
    ) -> Self {
        let steps = (0..).zip(steps).map(|(place, step)| {
            let of_rung = controls.rungs.iter().find(|known| known.rung == step.rung);
            let (concurrency, delay) = match place {
                0 => (controls.concurrency, controls.delay),
                _ => controls.pace(step.rung),
            };
            let controls = RungControls {
                rung: step.rung,
                paused: of_rung.is_some_and(|known| known.paused),
                concurrency,
                delay,
                timeout: of_rung.map(|known| known.timeout).unwrap_or_default(),
                budget: of_rung.map(|known| known.budget).unwrap_or_default(),
            };
            let spent = spent.get(&step.rung).copied().unwrap_or_default();
            Step::new(&controls, place, step.price(), spent, paused)
        });
        Self {
            steps: steps.collect(),
        }
    }

    /// Whether a page has anywhere to climb.
    pub fn climbs(&self) -> bool {
        self.steps.len() > 1
    }

    /// Every rung, lowest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The same.
    pub fn steps_mut(&mut self) -> &mut [Step] {
        &mut self.steps
    }

    /// The lowest rung.
    pub fn first(&self) -> &Step {
        // A site has at least one way of fetching.
        &self.steps[0]
    }

    /// The same.
    pub fn first_mut(&mut self) -> &mut Step {
        &mut self.steps[0]
    }

    /// A rung, where it stands on the ladder.
    pub fn get(&mut self, rung: Rung) -> Option<&mut Step> {
        self.steps.iter_mut().find(|step| step.rung == rung)
    }

    /// Where a rung stands; the lowest place for one that is not on the ladder.
    pub fn place(&self, rung: Rung) -> Place {
        let place = self.steps.iter().position(|step| step.rung == rung);
        // There are five rungs.
        place.and_then(|n| u8::try_from(n).ok()).unwrap_or(0)
    }

    /// The rung of a worker.
    pub fn of_worker(&mut self, worker: WorkerId) -> Option<&mut Step> {
        let place = worker.0 / Fetch::MAX_CONCURRENCY;
        self.steps.get_mut(place as usize)
    }

    /// Where a page begins that is best begun at `place`: the lowest open rung
    /// from there on; where none is, the highest open one below; where none is
    /// open at all, there.
    pub fn begin(&self, place: Place) -> Rung {
        let place = usize::from(place).min(self.steps.len() - 1);
        let (below, above) = self.steps.split_at(place);
        let above = above.iter().find(|step| step.is_open());
        let found = above.or_else(|| below.iter().rev().find(|step| step.is_open()));
        found.unwrap_or(&self.steps[place]).rung
    }

    /// The lowest open rung above `rung`, from `least` on, that runs scripts
    /// where those are needed.
    pub fn above(&self, rung: Rung, least: Option<Place>, scripts: bool) -> Option<Rung> {
        let from = usize::from(self.place(rung)) + 1;
        let from = least.map_or(from, |least| from.max(usize::from(least)));
        let mut higher = self.steps.iter().skip(from);
        higher
            .find(|step| step.is_open() && (!scripts || step.rung.runs_scripts()))
            .map(|step| step.rung)
    }

    /// The lowest rung above `rung` that is down or paused, and may get what it
    /// could not once the operator has done something.
    pub fn mendable(&self, rung: Rung, scripts: bool) -> Option<Rung> {
        let mut higher = self.steps.iter().skip(usize::from(self.place(rung)) + 1);
        higher
            .find(|step| step.is_mendable() && (!scripts || step.rung.runs_scripts()))
            .map(|step| step.rung)
    }

    /// What may start now.
    pub fn open(&self, now: Instant) -> Open {
        let mut open = Open {
            workers: [None; Rung::COUNT],
            delays: [Duration::ZERO; Rung::COUNT],
            first: self.first().rung,
        };
        for step in &self.steps {
            open.workers[step.rung.index()] = step.free(now);
            open.delays[step.rung.index()] = step.delay;
        }
        open
    }

    /// When the first rest of a rung ends.
    pub fn rested(&self, now: Instant) -> Option<Instant> {
        let rests = self.steps.iter().filter_map(|step| step.rests_until(now));
        rests.min()
    }

    /// Why a rung takes nothing until the operator has done something.
    pub fn closed(&self, rung: Rung) -> Option<RungState> {
        let step = self.steps.iter().find(|step| step.rung == rung)?;
        let state = step.state();
        matches!(state, RungState::Down(_) | RungState::Spent).then_some(state)
    }

    /// Whether the whole site is paused.
    pub fn is_paused(&self) -> bool {
        self.first().slots.is_paused()
    }

    /// Pauses or resumes the whole site.
    pub fn pause_all(&mut self, paused: bool) {
        for step in &mut self.steps {
            step.slots.pause_all(paused);
        }
    }

    /// Workers with work.
    pub fn busy(&self) -> usize {
        self.steps.iter().map(|step| step.slots.busy()).sum()
    }

    /// Workers wanted, of all rungs.
    pub fn limit(&self) -> usize {
        let limits = self.steps.iter().map(|step| step.slots.limit() as usize);
        limits.sum()
    }

    /// The way to a worker's task; see [`super::slots::Slots::task`].
    pub fn task(&mut self, worker: WorkerId) -> Option<&mut Option<Task>> {
        self.of_worker(worker)?.slots.task(worker)
    }

    /// Calls `tell` for every worker whose picture has changed.
    pub fn changes(&mut self, mut tell: impl FnMut(WorkerId, Shown)) {
        for step in &mut self.steps {
            step.slots.changes(&mut tell);
        }
    }
}
