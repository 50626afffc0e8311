//! What the engine measures of itself: how late the event loop is (the delay
//! of a timer beyond its time), and what it takes of the machine.

use crate::bus::{Event, Vitals};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Between two measurements of the lag.
const EVERY: Duration = Duration::from_millis(200);
/// Between two measurements of the rest.
const SLOWLY: Duration = Duration::from_secs(1);

/// Measures until cancelled, and tells the monitor. `dir` is the job's folder.
pub async fn run(events: mpsc::Sender<Event>, dir: PathBuf, cancel: CancellationToken) {
    let mut vitals = Vitals::default();
    let mut asked_at = None;
    // A disk that does not answer must not hold the lag's measurement up.
    let mut asked: Option<JoinHandle<Vitals>> = None;
    loop {
        if asked.is_none() && asked_at.is_none_or(|at: Instant| at.elapsed() >= SLOWLY) {
            asked_at = Some(Instant::now());
            let dir = dir.clone();
            asked = Some(tokio::task::spawn_blocking(move || measure(&dir)));
        }
        let due = Instant::now() + EVERY;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = sleep_until(due) => {}
        }
        vitals.lag = due.elapsed();
        if asked.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(answer) = asked.take()
            && let Ok(measured) = answer.await
        {
            vitals = Vitals {
                lag: vitals.lag,
                ..measured
            };
        }
        if events.send(Event::Vitals(vitals)).await.is_err() {
            return;
        }
    }
}

/// Everything but the lag.
fn measure(dir: &Path) -> Vitals {
    Vitals {
        lag: Duration::ZERO,
        memory: memory(),
        descriptors: descriptors(),
        descriptors_most: most_descriptors(),
        disk_free: disk_free(dir),
    }
}

/// Resident memory, bytes.
fn memory() -> u64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else {
        return 0;
    };
    let pages = text
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

fn descriptors() -> u32 {
    // The reading itself has one open, which is not counted.
    std::fs::read_dir("/dev/fd").map_or(0, |open| {
        u32::try_from(open.count().saturating_sub(1)).unwrap_or(u32::MAX)
    })
}

fn most_descriptors() -> u32 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit
        .current
        .map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX))
}

/// What a process without privileges may still write, bytes.
pub fn disk_free(dir: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(dir).ok()?;
    about.f_bavail.checked_mul(about.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lag_and_the_machine_are_told_until_it_is_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let (events, mut bus) = mpsc::channel(64);
        let cancel = CancellationToken::new();
        let probing = tokio::spawn(run(events, dir.path().to_owned(), cancel.clone()));
        let vitals = loop {
            match bus.recv().await {
                Some(Event::Vitals(vitals)) if vitals.disk_free.is_some() => break vitals,
                Some(_) => {}
                None => panic!("the probe has ended"),
            }
        };
        assert!(vitals.descriptors > 2 && vitals.descriptors <= vitals.descriptors_most);
        if cfg!(target_os = "linux") {
            assert!(vitals.memory > 1 << 20, "{vitals:?}");
        }
        cancel.cancel();
        probing.await.unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_room() {
        assert_eq!(disk_free(Path::new("/no/such/folder")), None);
    }
}
