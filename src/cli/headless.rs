//! The face without a terminal: progress lines, or JSON.

use super::look;
use crate::bus::{JobState, Level, Notice};
use crate::monitor::{Snapshot, line};
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
    loop {
        let over = tokio::select! {
            _ = ticks.tick() => false,
            over = until_over(&mut snapshots) => over,
        };
        let snapshot = snapshots.borrow().clone();
        let shown = if json {
            print(&format!("{}\n", line::event_json(&snapshot)))
        } else {
            lines(&snapshot, terminal, &mut told)
        };
        if over {
            if terminal {
                let _ = print("\n");
            }
            return;
        }
        if shown.is_err() {
            until_over(&mut snapshots).await;
            return;
        }
    }
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
