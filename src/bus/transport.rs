//! Steering of a recording that is played.

use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// One order to the player.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Play {
    /// Pause, or go on.
    Toggle,
    /// Pause (`true`) or go on.
    Pause(bool),
    /// Forwards by so many milliseconds, or backwards.
    SeekBy(i64),
    /// To this place.
    SeekTo(Duration),
    /// At so many times the speed of the run, 0.5 to 64.
    Speed(f64),
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
}

/// How a recording is being played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Playing {
    /// Where in it.
    pub position: Duration,
    /// How long it is.
    pub length: Duration,
    /// Times the speed of the run.
    pub speed: f64,
    /// Whether it stands.
    pub paused: bool,
}

/// A hold on the player.
#[derive(Debug, Clone)]
pub struct Transport {
    orders: mpsc::Sender<Play>,
    playing: watch::Receiver<Playing>,
}

impl Transport {
    /// One whose orders go there, and whose state comes from there.
    pub fn new(orders: mpsc::Sender<Play>, playing: watch::Receiver<Playing>) -> Self {
        Self { orders, playing }
    }

    /// Gives an order. Never waits: a player that has ended, or is far behind,
    /// does not hear it.
    pub fn send(&self, order: Play) {
        let _ = self.orders.try_send(order);
    }

    /// How it is being played now.
    pub fn playing(&self) -> Playing {
        *self.playing.borrow()
    }
}
