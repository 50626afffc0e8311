//! Keeping what the ladder has learned, so that the next run need not learn it
//! again: saved off and on while pages come, and when the site is over. A site
//! with one rung learns nothing and keeps nothing.

use super::Supervisor;
use crate::engine::ladder::Memory;
use crate::page::Rung;
use crate::store::Learned;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two saves.
const PAUSE: Duration = Duration::from_secs(1);
/// Further time for each entry that was saved, so that much is saved seldom.
const PER_ENTRY: Duration = Duration::from_millis(1);

impl Supervisor {
    /// The ladder's rungs, lowest first.
    fn rungs(&self) -> Vec<Rung> {
        self.ladder.steps().iter().map(|step| step.rung).collect()
    }

    /// When what was learned is next to be saved, if there is anything new: at
    /// once where the site is over.
    pub(super) fn learned_due(&self, now: Instant) -> Option<Instant> {
        let news = self.ladder.climbs() && self.site.memory().has_news();
        news.then_some(match self.state.is_over() {
            true => now,
            false => self.learned_at,
        })
    }

    /// What was learned, where it is to be saved now.
    pub(super) fn take_learned(&mut self, now: Instant) -> Option<Vec<Learned>> {
        self.learned_due(now).filter(|due| *due <= now)?;
        let learned = self.site.memory().learned(&self.rungs());
        let entries = u32::try_from(learned.len()).unwrap_or(u32::MAX);
        self.learned_at = now + PAUSE.max(PER_ENTRY.saturating_mul(entries));
        Some(learned)
    }

    /// The ladder has other rungs than those: what was learned of rungs that it
    /// still has holds.
    pub(super) fn carry_over(&mut self, had: &[Rung], now: Instant) {
        let rungs = self.rungs();
        if rungs != had {
            let mut memory = self.site.memory();
            let learned = memory.learned(had);
            *memory = Memory::restored(&learned, &rungs, now);
        }
    }
}
