//! Plays a recording: snapshots as from a run.

use super::replay::Replay;
use crate::bus::{Play, Playing, Transport};
use crate::monitor::Snapshot;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

/// Between two looks for the next picture.
const TICK: Duration = Duration::from_millis(100);
/// Orders that may wait.
const ORDERS: usize = 32;
/// Times the speed of the run.
const SPEEDS: RangeInclusive<f64> = 0.5..=64.0;

/// A player of a recording, from its beginning at so many times the speed of
/// the run: its pictures, the hold on it, and what must be run for it to play.
/// It ends when the last hold and the last receiver are gone.
pub fn play(
    mut replay: Replay,
    speed: f64,
) -> Option<(
    watch::Receiver<Arc<Snapshot>>,
    Transport,
    impl Future<Output = ()> + Send,
)> {
    let first = replay.at(Duration::ZERO)?;
    let (publish, snapshots) = watch::channel(first);
    let (orders, inbox) = mpsc::channel(ORDERS);
    let playing = Playing {
        position: Duration::ZERO,
        length: replay.len(),
        speed: within(speed),
        paused: false,
    };
    let (tell, told) = watch::channel(playing);
    let player = Player {
        replay,
        playing,
        publish,
        tell,
        inbox,
    };
    Some((snapshots, Transport::new(orders, told), player.run()))
}

/// A speed that can be played; the run's own for no number.
fn within(speed: f64) -> f64 {
    if speed.is_nan() {
        return 1.0;
    }
    speed.clamp(*SPEEDS.start(), *SPEEDS.end())
}

struct Player {
    replay: Replay,
    playing: Playing,
    publish: watch::Sender<Arc<Snapshot>>,
    tell: watch::Sender<Playing>,
    inbox: mpsc::Receiver<Play>,
}

impl Player {
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        let mut held = true;
        while !self.publish.is_closed() {
            tokio::select! {
                _ = ticks.tick() => {}
                order = self.inbox.recv(), if held => match order {
                    Some(order) => {
                        self.advance(&mut last);
                        self.obey(order);
                    }
                    None => held = false,
                }
            }
            self.advance(&mut last);
            self.show();
        }
    }

    /// Moves on by the time that has passed; stands at the end.
    fn advance(&mut self, last: &mut Instant) {
        let now = Instant::now();
        let passed = now.saturating_duration_since(*last);
        *last = now;
        let playing = &mut self.playing;
        if !playing.paused {
            let on = passed.mul_f64(playing.speed);
            playing.position = playing.position.saturating_add(on).min(playing.length);
            playing.paused = playing.position == playing.length;
        }
    }

    fn obey(&mut self, order: Play) {
        let playing = &mut self.playing;
        match order {
            Play::Toggle => playing.paused = !playing.paused,
            Play::Pause(paused) => playing.paused = paused,
            Play::SeekBy(ms) => {
                let by = Duration::from_millis(ms.unsigned_abs());
                playing.position = if ms < 0 {
                    playing.position.saturating_sub(by)
                } else {
                    playing.position.saturating_add(by)
                };
            }
            Play::SeekTo(position) => playing.position = position,
            Play::Speed(speed) => playing.speed = within(speed),
            Play::Faster => playing.speed = within(playing.speed * 2.0),
            Play::Slower => playing.speed = within(playing.speed / 2.0),
        }
        playing.position = playing.position.min(playing.length);
        // Going on from the end is going on from the beginning.
        if !playing.paused
            && playing.position == playing.length
            && matches!(order, Play::Toggle | Play::Pause(false))
        {
            playing.position = Duration::ZERO;
        }
    }

    fn show(&mut self) {
        if let Some(picture) = self.replay.at(self.playing.position) {
            self.publish.send_if_modified(|shown| {
                let changed = !Arc::ptr_eq(shown, &picture);
                if changed {
                    *shown = picture;
                }
                changed
            });
        }
        let playing = self.playing;
        self.tell.send_if_modified(|told| {
            let changed = *told != playing;
            *told = playing;
            changed
        });
    }
}
