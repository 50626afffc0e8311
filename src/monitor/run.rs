//! The monitor's task: the bus's only consumer.

use super::fold::Monitor;
use super::site::Counts;
use super::snapshot::Snapshot;
use crate::bus::{Event, SiteInfo};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// Events taken off the bus at a time.
const BATCH: usize = 1024;

/// The channel of snapshots, with a first picture of these sites in it.
pub fn channel(
    infos: &[SiteInfo],
) -> (watch::Sender<Arc<Snapshot>>, watch::Receiver<Arc<Snapshot>>) {
    let now = Instant::now();
    watch::channel(Monitor::new(infos.to_vec(), &[], now).snapshot(now, 0))
}

/// Folds events until every sender is gone, and publishes the picture so many
/// times a second whatever the load; the end of the run at once.
pub async fn run(
    mut bus: mpsc::Receiver<Event>,
    infos: Vec<SiteInfo>,
    counts: Vec<Counts>,
    publish: watch::Sender<Arc<Snapshot>>,
    per_second: u32,
) {
    let mut monitor = Monitor::new(infos, &counts, Instant::now());
    let mut batch = Vec::with_capacity(BATCH);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_over = false;
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => {
                publish.send_replace(monitor.snapshot(Instant::now(), bus.len()));
            }
            taken = bus.recv_many(&mut batch, BATCH) => {
                let now = Instant::now();
                for event in batch.drain(..) {
                    monitor.fold(event, now);
                }
                let over = monitor.is_over();
                if taken == 0 || over != was_over {
                    publish.send_replace(monitor.snapshot(now, bus.len()));
                    was_over = over;
                }
                if taken == 0 {
                    return;
                }
            }
        }
    }
}
