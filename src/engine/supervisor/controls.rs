//! What the operator wants of a site.

use super::{Queue, Supervisor};
use crate::bus::SiteState;
use crate::engine::host::RobotsState;
use crate::engine::site::Control;
use tokio::time::Instant;

impl Supervisor {
    pub(super) async fn hear_control(&mut self, control: Control) {
        let now = Instant::now();
        match control {
            Control::Pause(paused) => {
                self.slots.pause_all(paused);
                self.saved.paused = paused;
                self.unsaved = true;
                if !self.state.is_over() && self.state != SiteState::Stopping {
                    let state = if paused {
                        SiteState::Paused
                    } else {
                        SiteState::Running
                    };
                    self.enter(state, None).await;
                }
            }
            Control::PauseWorker(worker, paused) => {
                self.slots.pause_one(worker, paused);
            }
            Control::Concurrency(limit) => {
                self.slots.set_limit(limit);
                self.saved.controls.concurrency = limit;
                self.tell_controls().await;
                self.unsaved = true;
            }
            Control::Delay(delay) => {
                for host in self.hosts.iter_mut() {
                    host.delay_changed(now, self.delay, delay);
                }
                self.delay = delay;
                self.saved.controls.delay = delay;
                self.tell_controls().await;
                self.unsaved = true;
            }
            Control::Requeued(pages) => {
                if let Some(budget) = &mut self.budget {
                    *budget += pages;
                }
                self.trouble = None;
                for host in self.hosts.iter_mut() {
                    host.forgive(now);
                    if matches!(host.robots, RobotsState::Unreachable(_)) {
                        host.robots = RobotsState::Unknown;
                    }
                }
                self.queue = Queue::Ask;
            }
            Control::Stop => {
                self.stopping = true;
                if !self.state.is_over() {
                    self.enter(SiteState::Stopping, None).await;
                }
            }
        }
    }
}
