//! How late the event loop is: the delay of a timer beyond its time.

use crate::bus::{Event, Vitals};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Between two measurements.
const EVERY: Duration = Duration::from_millis(200);

/// Measures until cancelled, and tells the monitor.
pub async fn run(events: mpsc::Sender<Event>, cancel: CancellationToken) {
    loop {
        let due = Instant::now() + EVERY;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = sleep_until(due) => {}
        }
        if events
            .send(Event::Vitals(Vitals {
                lag: due.elapsed(),
                ..Vitals::default()
            }))
            .await
            .is_err()
        {
            return;
        }
    }
}
