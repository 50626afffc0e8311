//! What the deck is told of the exits.

use super::exit::Exit;
use crate::bus::{self, ExitCounts, ExitState, Exits};
use std::sync::Arc;
use tokio::time::Instant;

/// The exits as they are told of: all of them counted, and one by one those
/// that have done most, half of the places kept for those that are ill.
/// `retired` are no longer on the list.
pub(super) fn of(exits: &[Arc<Exit>], retired: u32, now: Instant) -> Exits {
    let mut counts = ExitCounts {
        all: u32::try_from(exits.len()).unwrap_or(u32::MAX),
        retired,
        ..ExitCounts::default()
    };
    let mut ranked: Vec<(ExitState, u64, &Arc<Exit>)> = Vec::with_capacity(exits.len());
    for exit in exits {
        let (state, requests) = standing(exit, now);
        match state {
            ExitState::Resting => counts.resting += 1,
            ExitState::Refused => counts.refused += 1,
            _ if exit.sessions() > 0 => counts.in_use += 1,
            _ => {}
        }
        ranked.push((state, requests, exit));
    }
    ranked.sort_by(|(_, a, one), (_, b, two)| b.cmp(a).then_with(|| one.name.cmp(&two.name)));
    if ranked.len() > Exits::TOLD {
        let (fine, mut told): (Vec<_>, Vec<_>) =
            ranked.into_iter().partition(|(state, ..)| state.is_fine());
        // Where few are well, the ill have their places too.
        let room = Exits::TOLD - fine.len().min(Exits::TOLD / 2);
        told.truncate(room);
        told.extend(fine.into_iter().take(Exits::TOLD - told.len()));
        told.sort_by_key(|(_, requests, _)| std::cmp::Reverse(*requests));
        ranked = told;
    }
    let rows = ranked.into_iter().map(|(state, _, exit)| row(exit, state));
    Exits {
        counts,
        remark: None,
        rows: rows.collect(),
    }
}

/// How an exit is, and how many requests were made by it.
fn standing(exit: &Exit, now: Instant) -> (ExitState, u64) {
    let health = exit.health();
    let requests = health.ok + health.failed + health.blocked;
    let rests = health.rest_until.is_some_and(|until| until > now);
    let state = match rests {
        true if health.is_refused() => ExitState::Refused,
        true => ExitState::Resting,
        false if requests == 0 => ExitState::New,
        false if health.is_well() => ExitState::Well,
        false => ExitState::Ailing,
    };
    (state, requests)
}

fn row(exit: &Exit, state: ExitState) -> bus::Exit {
    let health = exit.health();
    let rests = matches!(state, ExitState::Resting | ExitState::Refused);
    let until = health.rest_until.filter(|_| rests);
    bus::Exit {
        name: exit.name.clone(),
        sessions: exit.sessions(),
        ok: health.ok,
        failed: health.failed,
        blocked: health.blocked,
        p50: health.median(),
        state,
        until: until.map(Instant::into_std),
        why: health.last().filter(|_| !state.is_fine()).map(Arc::from),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{Fault, Whose};
    use super::*;
    use crate::config::ProxyAddress;
    use std::sync::atomic::Ordering::Relaxed;
    use std::time::Duration;

    fn exits(count: usize) -> Vec<Arc<Exit>> {
        let address = ProxyAddress::parse("h:1").unwrap();
        (0..count)
            .map(|n| Exit::new(n as u64, format!("h{n:03}:1").into(), address.clone()))
            .map(Arc::new)
            .collect()
    }

    #[test]
    fn all_are_counted_and_the_busiest_and_the_ill_are_told() {
        let now = Instant::now();
        let exits = exits(3 * Exits::TOLD);
        for (n, exit) in exits.iter().enumerate() {
            for _ in 0..n {
                exit.health().answered(Duration::from_millis(5));
            }
            exit.sessions.store(u32::from(n % 2 == 0), Relaxed);
        }
        // Two of the least busy.
        exits[1]
            .health()
            .failed(&Fault::new(Whose::Exit, "gone"), now, None);
        exits[2]
            .health()
            .failed(&Fault::new(Whose::Login, "407"), now, None);
        let told = of(&exits, 4, now);
        let half = u32::try_from(exits.len() / 2).unwrap();
        let counts = ExitCounts {
            all: 2 * half,
            // The third has a session, and rests.
            in_use: half - 1,
            resting: 1,
            refused: 1,
            retired: 4,
        };
        assert_eq!(told.counts, counts);
        assert_eq!(told.rows.len(), Exits::TOLD);
        assert_eq!(&*told.rows[0].name, "h191:1");
        assert_eq!(
            (told.rows[0].requests(), told.rows[0].success()),
            (191, Some(100.0))
        );
        assert_eq!(told.rows[0].p50, Some(Duration::from_millis(5)));
        let [refused, gone] = &told.rows[Exits::TOLD - 2..] else {
            panic!("{told:?}")
        };
        assert_eq!(
            (&*refused.name, refused.state),
            ("h002:1", ExitState::Refused)
        );
        assert_eq!((&*gone.name, gone.why.as_deref()), ("h001:1", Some("gone")));
        assert!(gone.until.is_some_and(|until| until > now.into_std()));
        // What only rested is told of no more once it is well.
        exits[1].health().answered(Duration::ZERO);
        let well = of(&exits, 4, now);
        assert!(well.rows.iter().all(|row| &*row.name != "h001:1"));
    }

    #[test]
    fn where_most_are_ill_the_well_have_half_of_the_places_at_most() {
        let now = Instant::now();
        let exits = exits(2 * Exits::TOLD);
        for (n, exit) in exits.iter().enumerate() {
            let fault = Fault::new(Whose::Exit, "gone");
            if n >= 10 {
                exit.health().failed(&fault, now, None);
            }
        }
        let told = of(&exits, 0, now);
        assert_eq!(told.rows.len(), Exits::TOLD);
        let fine = told.rows.iter().filter(|row| row.state.is_fine());
        assert_eq!(fine.count(), 10);
    }
}
