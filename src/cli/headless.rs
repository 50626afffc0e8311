//! The face without a terminal: progress lines, or JSON.

use super::look;
use crate::bus::{JobState, Level, Notice};
use crate::monitor::{AlertChanges, Snapshot, line};
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between two lines in a pipe.
const IN_A_PIPE: Duration = Duration::from_secs(3);
/// Between two JSON objects.
const JSON: Duration = Duration::from_secs(1);
/// Between two repaints of the line on a terminal.
const ON_A_TERMINAL: Duration = Duration::from_millis(250);

/// Shows progress on standard output until the run is over. A reader that has
/// gone away ends the showing, not the crawl.
pub async fn show(mut snapshots: watch::Receiver<Arc<Snapshot>>, json: bool) {
    // A terminal that knows no escape sequences is no better than a pipe.
    let terminal = io::stdout().is_terminal() && !json && !look::is_dumb();
    let every = match (json, terminal) {
        (true, _) => JSON,
        (false, true) => ON_A_TERMINAL,
        (false, false) => IN_A_PIPE,
    };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    let mut alerts = snapshots.clone();
    let mut changes = AlertChanges::default();
    loop {
        let (due, over) = tokio::select! {
            _ = ticks.tick() => (true, false),
            over = until_over(&mut snapshots) => (true, over),
            // Lines have a notice for each alert.
            Ok(()) = alerts.changed(), if json => (false, false),
        };
        let snapshot = snapshots.borrow().clone();
        let shown = if json {
            print(&objects(&snapshot, &mut changes, due))
        } else {
            lines(&snapshot, terminal, &mut told)
        };
        if over {
            if terminal {
                let _ = print("\n");
            }
            if !json {
                let lines = line::rounds(&snapshot);
                let _ = print(
                    &lines
                        .iter()
                        .map(|line| format!("{line}\n"))
                        .collect::<String>(),
                );
            }
            return;
        }
        if shown.is_err() {
            until_over(&mut snapshots).await;
            return;
        }
    }
}

/// The alerts that changed since the last call, and where it is due, progress.
fn objects(snapshot: &Snapshot, changes: &mut AlertChanges, due: bool) -> String {
    let mut text = String::new();
    let (began, ended) = changes.update(snapshot);
    let changed = ended.iter().map(|alert| (alert, false));
    for (alert, began) in changed.chain(began.iter().map(|alert| (alert, true))) {
        text.push_str(&line::alert_json(snapshot, alert, began).to_string());
        text.push('\n');
    }
    if due {
        text.push_str(&line::event_json(snapshot).to_string());
        text.push('\n');
    }
    text
}

/// What has been told already.
#[derive(Default)]
struct Told {
    notices: u64,
    last: Option<Instant>,
}

/// The warnings since the last call, and the progress line.
fn lines(snapshot: &Snapshot, terminal: bool, told: &mut Told) -> io::Result<()> {
    let start = if terminal { "\r\x1b[K" } else { "" };
    let mut text = String::new();
    let fresh = snapshot.notices_total.saturating_sub(told.notices);
    let fresh = usize::try_from(fresh).unwrap_or(usize::MAX);
    let from = snapshot.notices.len().saturating_sub(fresh);
    for notice in snapshot.notices[from..].iter() {
        if notice.level > Level::Info {
            text.push_str(start);
            text.push_str(&sentence(snapshot, notice));
            text.push('\n');
        }
    }
    told.notices = snapshot.notices_total;
    told.last = Some(Instant::now());
    text.push_str(start);
    text.push_str(&line::progress(snapshot, terminal.then(width)));
    if !terminal {
        text.push('\n');
    }
    print(&text)
}

fn sentence(snapshot: &Snapshot, notice: &Notice) -> String {
    let site = notice
        .site
        .and_then(|site| snapshot.sites.get(site.index()))
        .map(|site| format!("{}: ", site.name))
        .unwrap_or_default();
    line::clean(&format!("{site}{}", notice.text))
}

/// Columns of the terminal, less one so that the cursor never wraps.
fn width() -> usize {
    crossterm::terminal::size().map_or(79, |(columns, _)| usize::from(columns).max(2) - 1)
}

fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Waits for the end of the run; `true` when it is there.
async fn until_over(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> bool {
    // An error means that the monitor has gone: nothing more will come.
    let _ = snapshots
        .wait_for(|snapshot| snapshot.state == JobState::Over)
        .await;
    true
}
