//! The writer's thread: requests in, events out.

use super::core::Core;
use super::op::Op;
use crate::bus::Event;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Requests taken at once.
const BATCH: usize = 256;
/// Longest sleep without a deadline.
const LONG: Duration = Duration::from_secs(3600);

/// Runs until every sender is gone, then commits what is left.
pub(super) async fn run(
    mut core: Core,
    mut ops: mpsc::Receiver<Op>,
    events: mpsc::Sender<Event>,
    closing: CancellationToken,
) {
    let alarm = Alarm(&events);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let deadline = core.deadline();
        let wake = deadline.unwrap_or_else(|| Instant::now() + LONG);
        tokio::select! {
            biased;
            taken = ops.recv_many(&mut batch, BATCH), if core.has_room() => {
                if taken == 0 {
                    break;
                }
            }
            // Gives way, so that requests are looked for first.
            () = tokio::task::yield_now(), if core.has_work() => {}
            () = tokio::time::sleep_until(wake.into()), if deadline.is_some() => {}
            () = closing.cancelled(), if !core.has_room() => break,
        }
        for op in batch.drain(..) {
            core.handle(op);
        }
        core.work();
        core.turn(Instant::now());
        tell(&mut core, &events, &closing).await;
    }
    core.close();
    tell(&mut core, &events, &closing).await;
    drop(alarm);
}

/// Waits for room on the bus, whose reader does no I/O; not so while the store
/// is being closed, when the reader may be the one who waits.
async fn tell(core: &mut Core, events: &mpsc::Sender<Event>, closing: &CancellationToken) {
    for event in core.take_events() {
        tokio::select! {
            biased;
            room = events.reserve() => {
                if let Ok(room) = room {
                    room.send(event);
                }
            }
            () = closing.cancelled() => {}
        }
    }
    core.answer();
}

/// Says so if the writer's thread ends by a panic, instead of leaving a crawl
/// that waits for ever.
struct Alarm<'a>(&'a mpsc::Sender<Event>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let why = "the store's thread has failed; the log says how";
            let _ = self.0.try_send(Event::Stalled(Some(why.into())));
        }
    }
}
