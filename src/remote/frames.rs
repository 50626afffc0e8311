//! Pictures as bytes. Each site is encoded once when it has changed, and each
//! frame once for all clients that have the same picture before it.

use super::exits::ExitPool;
use super::wire::{Alert, Clock, Head, Health, History, Site, Totals};
use crate::monitor::{SiteView, Snapshot};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Seconds of history told with a change; a client that lacks more gets
/// everything anew.
const TAIL: usize = 16;
/// Pictures after which a client that has got none of them gets everything anew.
const MOVES: usize = 512;
/// Frames kept for clients that ask for the same.
const SHARED: usize = 8;
/// The longest time between two pictures.
const BEAT: Duration = Duration::from_secs(1);

/// What a client was sent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    number: u64,
    notices: u64,
}

/// Counts the seconds of a history that only shows its last ones.
#[derive(Debug, Clone, Default)]
struct Counted {
    shown: Arc<[u32]>,
    total: u64,
}

impl Counted {
    /// Goes on to `history`; answers by how many seconds.
    fn advance(&mut self, history: &Arc<[u32]>) -> usize {
        let added = if Arc::ptr_eq(&self.shown, history) {
            0
        } else {
            added(&self.shown, history)
        };
        self.shown = history.clone();
        self.total += added as u64;
        added
    }

    fn last(&self, most: usize) -> History {
        let kept = self.shown.len();
        History {
            total: self.total,
            kept,
            last: self.shown[kept.saturating_sub(most)..].to_vec(),
        }
    }
}

/// How many values were put behind `old`, its first ones dropped, to give `new`.
fn added(old: &[u32], new: &[u32]) -> usize {
    (0..=old.len())
        .map(|dropped| &old[dropped..])
        .find(|kept| new.starts_with(kept))
        .map_or(new.len(), |kept| new.len() - kept.len())
}

/// One site of a picture.
#[derive(Debug)]
struct Chunk {
    /// The picture in which it last changed.
    changed: u64,
    view: Arc<SiteView>,
    history: Counted,
    clock: Clock,
    place: usize,
    /// `[place,{…}]` with the last seconds of its history.
    tail: Box<[u8]>,
    /// The same with all of it; made when somebody needs it.
    whole: OnceLock<Box<[u8]>>,
}

impl Chunk {
    fn encode(&self, seconds: usize) -> Box<[u8]> {
        encode(
            &self.view,
            self.place,
            self.history.last(seconds),
            self.clock,
        )
    }

    fn whole(&self) -> &[u8] {
        self.whole.get_or_init(|| self.encode(Snapshot::SECONDS))
    }
}

fn encode(view: &SiteView, place: usize, history: History, clock: Clock) -> Box<[u8]> {
    let site = Site::new(view, history, clock);
    // There is nothing in it that JSON cannot say.
    serde_json::to_vec(&(place, site))
        .unwrap_or_default()
        .into_boxed_slice()
}

/// A frame, and the number of the picture that it follows.
type Shared = (Option<u64>, Arc<[u8]>);

/// A picture that clients may be sent.
#[derive(Debug)]
pub struct Picture {
    number: u64,
    snapshot: Arc<Snapshot>,
    clock: Clock,
    totals: Counted,
    sites: Vec<Arc<Chunk>>,
    /// The picture in which the exits last changed.
    exits_changed: u64,
    /// Pictures, and by how many seconds the histories moved at most with each.
    moves: VecDeque<(u64, usize)>,
    shared: Mutex<Vec<Shared>>,
}

impl Picture {
    /// The picture of `snapshot`, which follows `before`. `None` where nobody
    /// would see a difference.
    pub fn after(before: Option<&Self>, snapshot: Arc<Snapshot>) -> Option<Self> {
        let number = before.map_or(1, |before| before.number + 1);
        let clock = before.map_or_else(
            || Clock::new(snapshot.at, snapshot.elapsed),
            |before| before.clock,
        );
        let mut totals = before.map_or_else(Counted::default, |before| before.totals.clone());
        let mut most = totals.advance(&snapshot.totals.throughput.history);
        let mut sites = Vec::with_capacity(snapshot.sites.len());
        for (place, view) in snapshot.sites.iter().enumerate() {
            let old = before.and_then(|before| before.sites.get(place));
            if let Some(old) = old
                && Arc::ptr_eq(&old.view, view)
            {
                sites.push(old.clone());
                continue;
            }
            let mut history = old.map_or_else(Counted::default, |old| old.history.clone());
            most = most.max(history.advance(&view.throughput.history));
            let tail = encode(view, place, history.last(TAIL), clock);
            let changed = match old {
                Some(old) if old.tail == tail => old.changed,
                _ => number,
            };
            sites.push(Arc::new(Chunk {
                changed,
                view: view.clone(),
                history,
                clock,
                place,
                tail,
                whole: OnceLock::new(),
            }));
        }
        let mut moves = before.map_or_else(VecDeque::new, |before| before.moves.clone());
        moves.push_back((number, most));
        while moves.len() > MOVES || moves.iter().map(|(_, seconds)| seconds).sum::<usize>() > TAIL
        {
            moves.pop_front();
        }
        let exits_changed = match before {
            Some(before) if before.snapshot.exits == snapshot.exits => before.exits_changed,
            None if snapshot.exits.is_empty() => 0,
            _ => number,
        };
        let picture = Self {
            number,
            exits_changed,
            snapshot,
            clock,
            totals,
            sites,
            moves,
            shared: Mutex::default(),
        };
        before
            .is_none_or(|before| picture.differs(before))
            .then_some(picture)
    }

    /// Whether an operator would see a difference.
    fn differs(&self, before: &Self) -> bool {
        let (new, old) = (&self.snapshot, &before.snapshot);
        new.elapsed.saturating_sub(old.elapsed) >= BEAT
            || new.state != old.state
            || new.notices_total != old.notices_total
            || new.alerts != old.alerts
            || new.health.stalled != old.health.stalled
            || self.exits_changed == self.number
            || self.sites.len() != before.sites.len()
            || self.sites.iter().any(|site| site.changed == self.number)
    }

    /// What a client is to be sent that has been sent `before`.
    pub fn frame(&self, before: Option<Sent>) -> (Arc<[u8]>, Sent) {
        let sent = Sent {
            number: self.number,
            notices: self.snapshot.notices_total,
        };
        let before = before.filter(|before| {
            let first = self.moves.front().map_or(u64::MAX, |(number, _)| *number);
            // What came with the first of them is in the tails too.
            before.number + 1 >= first && before.number <= self.number
        });
        let key = before.map(|before| before.number);
        let lock = || self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, frame)) = lock().iter().find(|(known, _)| *known == key) {
            return (frame.clone(), sent);
        }
        let frame: Arc<[u8]> = self.compose(before).into();
        let mut shared = lock();
        if shared.len() < SHARED {
            shared.push((key, frame.clone()));
        }
        (frame, sent)
    }

    fn compose(&self, before: Option<Sent>) -> Vec<u8> {
        let snapshot = &self.snapshot;
        let seconds = if before.is_some() {
            TAIL
        } else {
            Snapshot::SECONDS
        };
        let fresh = snapshot.notices_total - before.map_or(0, |before| before.notices);
        let fresh = usize::try_from(fresh).unwrap_or(usize::MAX);
        let from = snapshot.notices.len().saturating_sub(fresh);
        let known = before.map_or(0, |before| before.number) >= self.exits_changed;
        let exits = snapshot.exits.iter();
        let exits = exits.map(|pool| ExitPool::new(pool, self.clock)).collect();
        let head = Head {
            number: self.number,
            full: before.is_none(),
            elapsed_ms: u64::try_from(snapshot.elapsed.as_millis()).unwrap_or(u64::MAX),
            state: snapshot.state,
            totals: Totals::new(&snapshot.totals, self.totals.last(seconds)),
            health: Health::new(&snapshot.health),
            alerts: Alert::all(snapshot, self.clock),
            exits: (!known).then_some(exits),
            notices: snapshot.notices[from..].to_vec(),
            notices_total: snapshot.notices_total,
            site_count: self.sites.len(),
        };
        let mut line = b"{\"snapshot\":".to_vec();
        line.extend(serde_json::to_vec(&head).unwrap_or_default());
        // The head's brace is opened again for the sites.
        line.pop();
        line.extend_from_slice(b",\"sites\":[");
        let mut first = true;
        for site in &self.sites {
            if before.is_some_and(|before| site.changed <= before.number) {
                continue;
            }
            if !first {
                line.push(b',');
            }
            first = false;
            line.extend_from_slice(if before.is_some() {
                &site.tail
            } else {
                site.whole()
            });
        }
        line.extend_from_slice(b"]}}\n");
        line
    }
}

#[cfg(test)]
mod tests {
    use super::added;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_added_makes_the_new_of_the_old(
            old in prop::collection::vec(0..3u32, 0..12),
            more in prop::collection::vec(0..3u32, 0..5),
            most in 1..12usize,
        ) {
            let mut new = old.clone();
            new.extend(&more);
            let new = &new[new.len().saturating_sub(most)..];
            let n = added(&old, new);
            let mut made = old.clone();
            made.extend(&new[new.len() - n..]);
            prop_assert!(made.ends_with(new));
        }
    }
}
