//! Which alerts began and ended between two pictures.

use super::snapshot::{Alert, Snapshot};
use std::sync::Arc;

/// What a face has seen of the alerts so far.
#[derive(Debug, Default)]
pub struct AlertChanges {
    known: Arc<[Alert]>,
}

impl AlertChanges {
    /// The alerts that began since the last picture, and those that ended.
    pub fn update(&mut self, snapshot: &Snapshot) -> (Vec<Alert>, Vec<Alert>) {
        if Arc::ptr_eq(&self.known, &snapshot.alerts) {
            return (Vec::new(), Vec::new());
        }
        let known = std::mem::replace(&mut self.known, snapshot.alerts.clone());
        let missing = |from: &[Alert], other: &[Alert]| -> Vec<Alert> {
            from.iter()
                .filter(|alert| other.iter().all(|known| known.id != alert.id))
                .cloned()
                .collect()
        };
        (
            missing(&snapshot.alerts, &known),
            missing(&known, &snapshot.alerts),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Level;
    use crate::monitor::Monitor;
    use std::time::Instant;

    #[test]
    fn each_beginning_and_each_end_is_told_once() {
        let now = Instant::now();
        let picture = |ids: &[u64], text: &str| Snapshot {
            alerts: ids
                .iter()
                .map(|id| Alert {
                    id: *id,
                    site: None,
                    level: Level::Warn,
                    text: text.into(),
                    since: now,
                    bell: false,
                    notify: false,
                    action: None,
                })
                .collect(),
            ..(*Monitor::new(Vec::new(), &[], now).snapshot(now, 0)).clone()
        };
        let mut changes = AlertChanges::default();
        let mut told = |ids, text| {
            let (began, ended) = changes.update(&picture(ids, text));
            let ids = |alerts: Vec<Alert>| alerts.iter().map(|a| a.id).collect::<Vec<_>>();
            (ids(began), ids(ended))
        };
        assert_eq!(told(&[1, 2], "a"), (vec![1, 2], vec![]));
        assert_eq!(
            told(&[1, 2], "b"),
            (vec![], vec![]),
            "only its figure changed"
        );
        assert_eq!(told(&[2, 3], "b"), (vec![3], vec![1]));
        assert_eq!(told(&[], ""), (vec![], vec![2, 3]));
    }
}
