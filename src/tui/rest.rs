//! Whether anything happens at all. Of a crawl that rests only the clock moves,
//! and a clock is no reason to paint.

use crate::bus::SiteState;
use crate::monitor::{SiteView, Snapshot};
use std::sync::Arc;

/// Whether between two pictures of a crawl that is paused or over nothing has
/// changed that an operator would want to see.
pub fn is_still(before: &Snapshot, after: &Snapshot) -> bool {
    before.state == after.state
        && before.notices_total == after.notices_total
        && before.alerts == after.alerts
        && before.health.stalled == after.health.stalled
        && before.totals.busy == after.totals.busy
        && before.sites.len() == after.sites.len()
        && before
            .sites
            .iter()
            .zip(&after.sites)
            .all(|(before, after)| rests(after) && alike(before, after))
        && is_quiet(before)
        && is_quiet(after)
}

/// Whether the rates have come down, so that what is shown may stand.
fn is_quiet(snapshot: &Snapshot) -> bool {
    let rates = &snapshot.totals.throughput;
    rates.pages_10s == 0.0 && rates.bytes_10s == 0.0
}

fn rests(site: &SiteView) -> bool {
    site.state == SiteState::Paused || site.state.is_over()
}

fn alike(before: &Arc<SiteView>, after: &Arc<SiteView>) -> bool {
    Arc::ptr_eq(before, after)
        || before.state == after.state
            && before.pages == after.pages
            && before.records == after.records
            && before.why == after.why
            && before.standing == after.standing
            && before.controls == after.controls
            && before.moved == after.moved
            && before.copied == after.copied
            && before.sources_failed == after.sources_failed
            && before.resting == after.resting
            && before.workers.len() == after.workers.len()
            && before
                .workers
                .iter()
                .zip(&after.workers)
                .all(|(before, after)| before.doing == after.doing && before.since == after.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;
    use std::time::Duration;

    /// All sites paused or over, and nothing coming in any more.
    fn resting() -> Snapshot {
        let mut snapshot = (*sample::snapshot()).clone();
        for site in &mut snapshot.sites {
            if !site.state.is_over() {
                Arc::make_mut(site).state = SiteState::Paused;
            }
        }
        snapshot.totals.throughput.pages_10s = 0.0;
        snapshot.totals.throughput.bytes_10s = 0.0;
        snapshot
    }

    #[test]
    fn the_clock_alone_is_nothing_to_see() {
        let before = resting();
        let mut after = before.clone();
        after.number += 1;
        after.at += Duration::from_secs(1);
        after.elapsed += Duration::from_secs(1);
        assert!(is_still(&before, &after));
    }

    #[test]
    fn everything_else_is() {
        let before = resting();
        let site = |change: fn(&mut SiteView)| {
            let mut after = resting();
            after.sites = before.sites.clone();
            change(Arc::make_mut(&mut after.sites[0]));
            after
        };
        let mut changed = vec![
            site(|site| site.state = SiteState::Running),
            site(|site| site.pages.failed += 1),
            site(|site| site.controls.concurrency += 1),
            site(|site| site.why = Some("a reason".into())),
            site(|site| {
                site.workers.pop();
            }),
        ];
        let mut notice = before.clone();
        notice.notices_total += 1;
        changed.push(notice);
        let mut rate = before.clone();
        rate.totals.throughput.pages_10s = 0.5;
        changed.push(rate);
        let mut stalled = before.clone();
        stalled.health.stalled = Some("the disk is full".into());
        changed.push(stalled);
        for after in changed {
            assert!(!is_still(&before, &after));
        }
        // A crawl that runs is never still.
        let running = sample::snapshot();
        assert!(!is_still(&running, &running));
    }
}
