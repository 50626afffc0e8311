//! A site's worker slots: which may take work, which are paused, which close.

use super::worker::Order;
use crate::bus::WorkerId;
use tokio::sync::mpsc;

/// The way to a worker's task: the host to ask, and what for.
pub type Task = mpsc::Sender<Order>;

/// One slot.
#[derive(Debug, Default)]
struct Slot {
    /// The way to the worker's task; `None` until it first has work.
    task: Option<Task>,
    busy: bool,
    paused: bool,
    shown: Shown,
}

/// What the monitor was last told of a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// Nothing, or that it is gone.
    #[default]
    Gone,
    /// It waits.
    Idle,
    /// It is paused.
    Paused,
    /// It fetches.
    Busy,
}

/// All slots of a site. Slots at and above the limit take no new work and
/// close when theirs is done, so lowering the limit drops nothing in flight.
#[derive(Debug)]
pub struct Slots {
    /// The number of the first.
    base: u32,
    slots: Vec<Slot>,
    limit: usize,
    paused: bool,
}

impl Slots {
    /// `limit` open slots, numbered from `base`.
    pub fn from(base: u32, limit: u32, paused: bool) -> Self {
        let mut slots = Self {
            base,
            slots: Vec::new(),
            limit: 0,
            paused,
        };
        slots.set_limit(limit);
        slots
    }

    /// Slots wanted.
    pub fn limit(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX)
    }

    /// Sets how many slots are wanted.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit as usize;
        if self.slots.len() < self.limit {
            self.slots.resize_with(self.limit, Slot::default);
        }
        self.close();
    }

    /// Whether the whole site is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Pauses or resumes the whole site.
    pub fn pause_all(&mut self, paused: bool) {
        self.paused = paused;
        if !paused {
            for slot in &mut self.slots {
                slot.paused = false;
            }
        }
    }

    /// Pauses or resumes one slot; `false` where there is none, or none wanted.
    pub fn pause_one(&mut self, worker: WorkerId, paused: bool) -> bool {
        let wanted = worker.0 < self.base.saturating_add(self.limit());
        match self.slot(worker) {
            Some(slot) if wanted => {
                slot.paused = paused;
                true
            }
            _ => false,
        }
    }

    /// A slot that may take work now, the lowest first.
    pub fn free(&self) -> Option<WorkerId> {
        if self.paused {
            return None;
        }
        self.slots[..self.limit.min(self.slots.len())]
            .iter()
            .position(|slot| !slot.busy && !slot.paused)
            .map(|n| self.worker(n))
    }

    /// Slots with work.
    pub fn busy(&self) -> usize {
        self.slots.iter().filter(|slot| slot.busy).count()
    }

    /// The way to a slot's task, if it has one; set by [`Slots::employ`].
    pub fn task(&mut self, worker: WorkerId) -> Option<&mut Option<Task>> {
        self.slot(worker).map(|slot| &mut slot.task)
    }

    /// Marks a slot as busy.
    pub fn employ(&mut self, worker: WorkerId) {
        if let Some(slot) = self.slot(worker) {
            slot.busy = true;
            slot.shown = Shown::Busy;
        }
    }

    /// Marks a slot as done with its work.
    pub fn dismiss(&mut self, worker: WorkerId) {
        if let Some(slot) = self.slot(worker) {
            slot.busy = false;
        }
        self.close();
    }

    /// Calls `tell` for every slot whose picture has changed since the last call.
    pub fn changes(&mut self, mut tell: impl FnMut(WorkerId, Shown)) {
        let base = self.base;
        for (n, slot) in self.slots.iter_mut().enumerate() {
            let now = if slot.busy {
                continue;
            } else if n >= self.limit {
                Shown::Gone
            } else if self.paused || slot.paused {
                Shown::Paused
            } else {
                Shown::Idle
            };
            if now != slot.shown {
                slot.shown = now;
                tell(number(base, n), now);
            }
        }
    }

    fn slot(&mut self, worker: WorkerId) -> Option<&mut Slot> {
        let n = worker.0.checked_sub(self.base)?;
        self.slots.get_mut(n as usize)
    }

    fn worker(&self, n: usize) -> WorkerId {
        number(self.base, n)
    }

    /// Ends the tasks of idle slots above the limit.
    fn close(&mut self) {
        for slot in self.slots.iter_mut().skip(self.limit) {
            if !slot.busy {
                slot.task = None;
            }
        }
    }
}

/// More slots than u32 can count are refused by the limit.
fn number(base: u32, n: usize) -> WorkerId {
    WorkerId(base.saturating_add(u32::try_from(n).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowering_the_limit_keeps_work_in_flight() {
        let mut slots = Slots::from(0, 4, false);
        for n in 0..4 {
            assert_eq!(slots.free(), Some(WorkerId(n)));
            slots.employ(WorkerId(n));
        }
        assert_eq!(slots.free(), None);
        slots.set_limit(2);
        assert_eq!(slots.busy(), 4);
        slots.dismiss(WorkerId(3));
        assert_eq!(slots.free(), None, "slot 3 is above the limit");
        slots.dismiss(WorkerId(1));
        assert_eq!(slots.free(), Some(WorkerId(1)));
    }

    #[test]
    fn a_paused_slot_is_passed_over_and_a_paused_site_gives_none() {
        let mut slots = Slots::from(0, 2, false);
        assert!(slots.pause_one(WorkerId(0), true));
        assert_eq!(slots.free(), Some(WorkerId(1)));
        slots.pause_all(true);
        assert_eq!(slots.free(), None);
        slots.pause_all(false);
        assert_eq!(
            slots.free(),
            Some(WorkerId(0)),
            "resuming a site resumes its workers"
        );
        for (worker, there) in [
            (0, false),
            (1023, false),
            (1024, true),
            (1026, true),
            (1027, false),
        ] {
            let mut higher = Slots::from(1024, 3, false);
            assert_eq!(higher.pause_one(WorkerId(worker), true), there, "{worker}");
        }
        assert!(!slots.pause_one(WorkerId(9), true));
        slots.set_limit(1);
        assert!(!slots.pause_one(WorkerId(1), true), "it is to close");
    }

    #[test]
    fn each_change_is_told_once() {
        let mut slots = Slots::from(0, 2, false);
        let mut told = Vec::new();
        slots.changes(|w, s| told.push((w.0, s)));
        assert_eq!(told, [(0, Shown::Idle), (1, Shown::Idle)]);
        told.clear();
        slots.changes(|w, s| told.push((w.0, s)));
        assert!(told.is_empty());
        slots.set_limit(1);
        slots.changes(|w, s| told.push((w.0, s)));
        assert_eq!(told, [(1, Shown::Gone)]);
    }
}
