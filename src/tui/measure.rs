//! How long frames take to be made, for the benchmark: views, difference and
//! bytes, everything but the terminal.

use super::act;
use super::canvas::Canvas;
pub use super::keys::{Action, Place};
use super::palette::Name;
use super::state::{Effect, State};
use super::theme::Theme;
use crate::bus::{Ask, Event, JobState, SiteDelta, SiteInfo, SiteState, Told};
use crate::monitor::Monitor;
use crate::page::SiteId;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub struct Crawl {
    /// Sites, all of which move between any two frames.
    pub sites: u32,
    /// Failed pages before the first frame.
    pub failures: u64,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

/// Makes so many frames of the screen that `places` lead to, the cursor moving;
/// answers the time that each took, and its bytes. `tell` answers questions, in
/// its own time.
pub fn frames(
    crawl: &Crawl,
    places: &[Action],
    frames: u32,
    mut tell: impl FnMut(Ask) -> Told,
) -> Vec<(Duration, usize)> {
    let start = Instant::now();
    let mut monitor = begin(crawl, start);
    let theme = Theme::of(Name::Sixteen, false);
    let mut state = State::new(monitor.snapshot(start, 0), theme, "bench".to_owned());
    let mut canvas = Canvas::default();
    let mut times = Vec::with_capacity(frames as usize);
    let mut answers = Vec::new();
    for place in places {
        // Some screens open another one only when they know their rows.
        canvas.draw(crawl.size, &mut state);
        answer(&mut state, start, &mut tell, &mut answers);
        for (number, told) in answers.drain(..) {
            state.told(number, told);
        }
        act::act(&mut state, *place);
    }
    for frame in 0..frames {
        let at = start + Duration::from_millis(100) * frame;
        let moved = (0..crawl.sites).map(|n| {
            let delta = SiteDelta {
                done: i64::from(n % 7) + 1,
                failed: i64::from(n % 50 == 0),
                queued: i64::from(n % 5),
                bytes: 10_000,
                ..SiteDelta::default()
            };
            (SiteId(n), delta)
        });
        monitor.fold(Event::Committed(moved.collect()), at);
        let snapshot = monitor.snapshot(at, 0);
        let began = Instant::now();
        for (number, told) in answers.drain(..) {
            state.told(number, told);
        }
        state.update(snapshot);
        act::act(
            &mut state,
            Action::Move(if frame % 90 < 45 { 1 } else { -1 }),
        );
        let bytes = canvas.draw(crawl.size, &mut state).len();
        times.push((began.elapsed(), bytes));
        answer(&mut state, at, &mut tell, &mut answers);
    }
    times
}

/// Answers what the screen asks; the next frame takes it.
fn answer(
    state: &mut State,
    at: Instant,
    tell: &mut impl FnMut(Ask) -> Told,
    answers: &mut Vec<(u64, Told)>,
) {
    let (effects, _) = state.tick(at);
    for effect in effects {
        if let Effect::Ask(number, ask) = effect {
            answers.push((number, tell(ask)));
        }
    }
}

fn begin(crawl: &Crawl, start: Instant) -> Monitor {
    let infos = (0..crawl.sites).map(|n| SiteInfo {
        name: format!("site-{n:04}").into(),
        start: format!("https://site-{n:04}.example.org/").into(),
        rules: Arc::default(),
        alerts: Arc::default(),
    });
    let mut monitor = Monitor::new(infos.collect(), &[], start);
    monitor.fold(Event::Job(JobState::Running), start);
    for n in 0..crawl.sites {
        let (site, state, why) = (SiteId(n), SiteState::Running, None);
        monitor.fold(Event::Site { site, state, why }, start);
    }
    let failed = SiteDelta {
        failed: i64::try_from(crawl.failures).unwrap_or(i64::MAX),
        ..SiteDelta::default()
    };
    monitor.fold(
        Event::Committed([(SiteId(0), failed)].into_iter().collect()),
        start,
    );
    monitor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_paints_what_moved_and_no_more() {
        let crawl = Crawl {
            sites: 30,
            failures: 10,
            size: (80, 24),
        };
        let frames = frames(&crawl, &[], 5, |ask| panic!("{ask:?}"));
        assert_eq!(frames.len(), 5);
        let whole = frames[0].1;
        assert!(
            frames[1..]
                .iter()
                .all(|(_, bytes)| (1..whole).contains(bytes))
        );
    }

    #[test]
    fn lists_are_asked_for_and_painted() {
        let crawl = Crawl {
            sites: 3,
            failures: 10,
            size: (80, 24),
        };
        let mut asked = 0;
        let places = [Action::Goto(Place::Failures), Action::Enter];
        let frames = frames(&crawl, &places, 20, |ask| {
            asked += 1;
            crate::tui::sample::told(&ask)
        });
        assert!((2..20).contains(&asked), "{asked}");
        assert!(frames[1..].iter().any(|(_, bytes)| *bytes > 0));
    }
}
