//! How long frames take to be made, for the benchmark: views, difference and
//! bytes, everything but the terminal.

use super::act;
use super::canvas::Canvas;
use super::keys::Action;
use super::palette::Name;
use super::state::State;
use super::theme::Theme;
use crate::bus::{Event, JobState, SiteDelta, SiteInfo, SiteState};
use crate::monitor::Monitor;
use crate::page::SiteId;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Makes so many frames of the sites screen over a crawl of `sites` sites all of
/// which move between any two, the cursor with them; answers the time that each
/// took, and its bytes.
pub fn frames(sites: u32, size: (u16, u16), frames: u32) -> Vec<(Duration, usize)> {
    let start = Instant::now();
    let infos = (0..sites).map(|n| SiteInfo {
        name: format!("site-{n:04}").into(),
        start: format!("https://site-{n:04}.example.org/").into(),
        rules: Arc::default(),
        alerts: Arc::default(),
    });
    let mut monitor = Monitor::new(infos.collect(), &[], start);
    monitor.fold(Event::Job(JobState::Running), start);
    for n in 0..sites {
        let (site, state, why) = (SiteId(n), SiteState::Running, None);
        monitor.fold(Event::Site { site, state, why }, start);
    }
    let theme = Theme::of(Name::Sixteen, false);
    let mut state = State::new(monitor.snapshot(start, 0), theme, "bench".to_owned());
    let mut canvas = Canvas::default();
    let mut times = Vec::with_capacity(frames as usize);
    for frame in 0..frames {
        let at = start + Duration::from_millis(100) * frame;
        let moved = (0..sites).map(|n| {
            let delta = SiteDelta {
                done: i64::from(n % 7) + 1,
                queued: i64::from(n % 5),
                bytes: 10_000,
                ..SiteDelta::default()
            };
            (SiteId(n), delta)
        });
        monitor.fold(Event::Committed(moved.collect()), at);
        let snapshot = monitor.snapshot(at, 0);
        let began = Instant::now();
        state.update(snapshot);
        act::act(
            &mut state,
            Action::Move(if frame % 90 < 45 { 1 } else { -1 }),
        );
        let bytes = canvas.draw(size, &mut state).len();
        times.push((began.elapsed(), bytes));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_paints_what_moved_and_no_more() {
        let frames = frames(30, (80, 24), 5);
        assert_eq!(frames.len(), 5);
        let whole = frames[0].1;
        assert!(
            frames[1..]
                .iter()
                .all(|(_, bytes)| (1..whole).contains(bytes))
        );
    }
}
