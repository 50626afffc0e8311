//! The picture in words: one line for people, one JSON object for scripts.
//!
//! `--json` prints one object a line. Each has `event` and `elapsed_s`, seconds
//! since the run began. Keys may be added; none changes its meaning.
//!
//! | `event` | when | further keys |
//! |---|---|---|
//! | `progress` | once a second | `state`, `stalled`, `pages`, `pages_per_s`, `bytes`, `records`, `eta_s`, `alerts`, `sites` |
//! | `end` | once, last | the same |
//! | `alert` | an alert begins or ends | `state` (`began` or `ended`), `site` (null for the whole run), `level` (`warn` or `error`), `text` |
//!
//! | key | meaning |
//! |---|---|
//! | `state` | of the run: `running`, `stopping`, `over`; of a site: `running`, `paused`, `finished`, `failed`, `stopped` |
//! | `stalled` | why the store cannot write; null while it can |
//! | `pages` | an object: `done`, `failed`, `skipped`, `queued`, `in_flight` |
//! | `pages_per_s` | finished pages a second over the last ten |
//! | `bytes` | of body, on the wire, of finished pages |
//! | `records` | kept |
//! | `eta_s` | seconds until the queue is empty; null while that cannot be told |
//! | `alerts` | the texts of the alerts that hold |
//! | `round` | of crawling again: `number` (0: never), `new`, `changed`, `unchanged`, `gone`, `spared_bytes` (of unchanged bodies, not sent again) |
//! | `sites` | a list, in the order of the file: `site` (its name), `state`, `why` (in words, or null), `standing` (why its queue stands still, or null), `pages`, `pages_per_s`, `bytes`, `records`, `concurrency`, `delay_ms`, `p95_ms` (of attempts), `eta_s`, `round` |

use super::snapshot::{Alert, Pages, SiteView, Snapshot};
use crate::bus::{JobState, SiteState};
use serde_json::{Value, json};
use std::time::Duration;

/// One line: pages done of known, rates, failures, time left, sites. Cut to
/// `width` columns where one is given; plain ASCII.
pub fn progress(snapshot: &Snapshot, width: Option<usize>) -> String {
    let totals = &snapshot.totals;
    let pages = &totals.pages;
    let over = match snapshot.state {
        JobState::Over
            if snapshot
                .sites
                .iter()
                .any(|site| site.state == SiteState::Stopped) =>
        {
            "stopped"
        }
        JobState::Over => "finished",
        JobState::Stopping => "stopping",
        JobState::Running => "crawling",
    };
    let mut line = format!(
        "{over} {}  {}/{} pages  {} done  {} failed  {:.0} pages/s  {:.1} MB/s  {}/{} sites over",
        clock(snapshot.elapsed),
        pages.over(),
        pages.known(),
        pages.done,
        pages.failed,
        if snapshot.state == JobState::Over {
            totals.throughput.pages_run
        } else {
            totals.throughput.pages_10s
        },
        totals.throughput.bytes_10s / 1e6,
        totals.sites_over,
        snapshot.sites.len(),
    );
    if let Some(eta) = totals.eta {
        line.push_str(&format!("  {} left", clock(eta)));
    }
    if let Some(why) = &snapshot.health.stalled {
        line.push_str(&format!("  CANNOT WRITE: {}", clean(why)));
    }
    if let Some(width) = width {
        line = line.chars().take(width).collect();
    }
    line
}

/// The `progress` or `end` object of `--json`; see the head of this file.
pub fn event_json(snapshot: &Snapshot) -> Value {
    let totals = &snapshot.totals;
    let over = snapshot.state == JobState::Over;
    json!({
        "event": if over { "end" } else { "progress" },
        "elapsed_s": snapshot.elapsed.as_secs_f64(),
        "state": match snapshot.state {
            JobState::Running => "running",
            JobState::Stopping => "stopping",
            JobState::Over => "over",
        },
        "stalled": snapshot.health.stalled,
        "pages": pages_json(&totals.pages),
        "pages_per_s": totals.throughput.pages_10s,
        "bytes": totals.bytes,
        "records": totals.records,
        "eta_s": totals.eta.map(|eta| eta.as_secs()),
        "alerts": snapshot.alerts.iter().map(|alert| &*alert.text).collect::<Vec<_>>(),
        "sites": snapshot.sites.iter().map(|site| site_json(site)).collect::<Vec<_>>(),
    })
}

/// The `alert` object of `--json`, which webhooks get too.
pub fn alert_json(snapshot: &Snapshot, alert: &Alert, began: bool) -> Value {
    let site = alert
        .site
        .and_then(|site| snapshot.sites.get(site.index()))
        .map(|site| &site.name);
    json!({
        "event": "alert",
        "elapsed_s": snapshot.elapsed.as_secs_f64(),
        "state": if began { "began" } else { "ended" },
        "site": site,
        "level": alert.level,
        "text": alert.text,
    })
}

fn site_json(site: &SiteView) -> Value {
    json!({
        "site": site.name,
        "state": public_state(site.state),
        "why": site.why,
        "standing": site.standing,
        "pages": pages_json(&site.pages),
        "pages_per_s": site.throughput.pages_10s,
        "bytes": site.bytes,
        "records": site.records,
        "concurrency": site.controls.concurrency,
        "delay_ms": u64::try_from(site.controls.delay.as_millis()).unwrap_or(u64::MAX),
        "p95_ms": site.latency.p95,
        "eta_s": site.eta.map(|eta| eta.as_secs()),
        "round": site.round,
    })
}

/// A line for each site that was crawled again: what its last round found.
pub fn rounds(snapshot: &Snapshot) -> Vec<String> {
    let again = snapshot.sites.iter().filter(|site| site.round.number > 0);
    again
        .map(|site| format!("{}: {}", site.name, site.round))
        .collect()
}

fn pages_json(pages: &Pages) -> Value {
    json!({
        "done": pages.done,
        "failed": pages.failed,
        "skipped": pages.skipped,
        "queued": pages.queued,
        "in_flight": pages.in_flight,
    })
}

/// A state by the five names that scripts know.
fn public_state(state: SiteState) -> &'static str {
    match state {
        SiteState::Starting | SiteState::Running | SiteState::Stopping => "running",
        state => state.as_str(),
    }
}

/// `1:02:03` or `2:03`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Text from the network as a terminal may see it: control, bidi and
/// invisible characters replaced.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_harmless(c) { c } else { '\u{fffd}' })
        .collect()
}

/// Whether a character only ever shows itself.
pub fn is_harmless(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is promised to scripts.
    #[test]
    fn events_have_the_keys_that_are_documented() {
        let now = std::time::Instant::now();
        let info = crate::bus::SiteInfo {
            name: "a".into(),
            start: "http://e.org/".into(),
            rules: Default::default(),
            alerts: Default::default(),
        };
        let snapshot = crate::monitor::Monitor::new(vec![info], &[], now).snapshot(now, 0);
        let alert = Alert {
            id: 1,
            site: Some(crate::page::SiteId(0)),
            level: crate::bus::Level::Error,
            text: "x".into(),
            since: now,
            bell: false,
            notify: false,
            action: None,
        };
        let progress = event_json(&snapshot);
        let documented = include_str!("line.rs");
        let keys = |value: &Value| -> Vec<String> {
            let keys = value
                .as_object()
                .into_iter()
                .flat_map(|object| object.keys());
            keys.cloned().collect()
        };
        let alert = alert_json(&snapshot, &alert, true);
        let mut all = keys(&progress);
        all.extend(keys(&progress["sites"][0]));
        all.extend(keys(&alert));
        assert!(all.len() > 25);
        for key in all {
            let head = documented.lines().filter(|line| line.starts_with("//!"));
            assert!(
                head.clone().any(|line| line.contains(&format!("`{key}`"))),
                "{key}"
            );
        }
        assert_eq!(
            (&alert["site"], &alert["level"]),
            (&json!("a"), &json!("error"))
        );
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "0:00"),
            (61, "1:01"),
            (3600, "1:00:00"),
            (90061, "25:01:01"),
        ] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        assert_eq!(
            clean("a\x1b[31mb\u{202e}c\u{9b}d\n"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(clean("grün 日本 e\u{301}"), "grün 日本 e\u{301}");
    }
}
