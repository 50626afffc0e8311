//! Alerts that are to be heard: the bell, or a notification of the terminal.

use super::escape;
use crate::monitor::Snapshot;

/// The alerts that were told of, so that each is heard once.
#[derive(Debug)]
pub struct Alarms {
    wanted: bool,
    heard: Vec<u64>,
}

impl Alarms {
    /// With `wanted` unset nothing is ever heard.
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            heard: Vec::new(),
        }
    }

    /// What is to be sent to the terminal for the alerts of a new picture.
    pub fn take(&mut self, snapshot: &Snapshot) -> String {
        let mut out = String::new();
        if !self.wanted {
            return out;
        }
        let mut ring = false;
        for alert in snapshot.alerts.iter() {
            if self.heard.contains(&alert.id) {
                continue;
            }
            ring |= alert.bell;
            if alert.notify {
                let site = alert.site.and_then(|id| snapshot.sites.get(id.index()));
                let words = match site {
                    Some(site) => format!("{}: {}", site.name, alert.text),
                    None => alert.text.to_string(),
                };
                out.push_str(&escape::notify("crawldeck", &words, escape::within_tmux()));
            }
        }
        if ring {
            out.push('\x07');
        }
        // One that has ended comes back under another number.
        self.heard = snapshot.alerts.iter().map(|alert| alert.id).collect();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Level;
    use crate::monitor::Alert;
    use crate::page::SiteId;
    use crate::tui::sample;
    use std::time::Instant;

    #[test]
    fn an_alert_is_heard_once() {
        let began = Instant::now();
        let alert = |site: Option<u32>, id: u64, bell, notify| Alert {
            id,
            action: None,
            site: site.map(SiteId),
            level: Level::Warn,
            text: "12 \x1b]errors".into(),
            since: began,
            bell,
            notify,
        };
        let picture = |alerts: Vec<Alert>| {
            let mut snapshot = (*sample::snapshot()).clone();
            snapshot.alerts = alerts.into();
            snapshot
        };
        let mut alarms = Alarms::new(true);
        let first = picture(vec![
            alert(Some(0), 1, true, false),
            alert(None, 3, false, false),
        ]);
        assert_eq!(alarms.take(&first), "\x07");
        assert_eq!(alarms.take(&first), "");
        let second = picture(vec![
            alert(Some(0), 1, true, false),
            alert(Some(1), 2, false, true),
        ]);
        let words = alarms.take(&second);
        assert!(words.contains("docs: 12 "), "{words:?}");
        assert_eq!(words.matches('\x1b').count(), 2);
        assert_eq!(alarms.take(&picture(vec![])), "");
        assert_eq!(
            alarms.take(&picture(vec![alert(Some(0), 9, true, false)])),
            "\x07"
        );
        assert_eq!(Alarms::new(false).take(&first), "");
    }
}
