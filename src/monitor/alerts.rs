//! Which alerts hold. A rule must hold without a break for its time before its
//! alert begins, and be clearly untrue for a while before it ends, so that a
//! figure on the edge does not flap.

use super::snapshot::Alert;
use crate::bus::RuleFill;
use crate::bus::{AlertRule, Condition};
use crate::page::SiteId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks.
pub const EVERY: Duration = Duration::from_secs(1);
/// How long a figure must be clearly good before its alert ends.
const CALM: Duration = Duration::from_secs(5);
/// How far beyond its threshold a figure is clearly good.
const MARGIN: f64 = 0.1;
/// Fewest attempts of a minute of which a share is taken.
const ATTEMPTS: u64 = 10;
/// Fewest records of which a share is taken.
const RECORDS: u64 = 20;
/// How long a site runs before its rates say anything.
const WARM: Duration = Duration::from_secs(10);

/// What is known of a site when its rules are looked at.
pub struct Readings<'a> {
    /// The site.
    pub site: SiteId,
    /// Whether it is at work; a site that is not raises no alert.
    pub active: bool,
    /// How long it has been running without a break.
    pub running: Duration,
    /// Attempts of the last minute, and those of them that failed.
    pub attempts: (u64, u64),
    /// Pages a second.
    pub pages_per_s: f64,
    /// Pages a second by which the queue grows.
    pub growth: f64,
    /// Pages known and not finished.
    pub queue: u64,
    /// How long nothing was finished.
    pub quiet: Duration,
    /// Room on the disk, bytes.
    pub disk_free: Option<u64>,
    /// How often fields were filled.
    pub fill: &'a [RuleFill],
}

/// What a look at all sites leaves behind.
#[derive(Default)]
pub struct Look {
    /// Alerts that began.
    pub began: Vec<Alert>,
    /// Alerts that ended.
    pub ended: Vec<Alert>,
    /// Thresholds of the disk that a site before has spoken for: the disk is
    /// one, whatever the number of sites that watch it.
    disk: Vec<u64>,
}

/// One rule's state.
#[derive(Debug, Clone, Default)]
struct State {
    /// Since when it has held.
    bad_since: Option<Instant>,
    /// Since when it has been clearly untrue.
    calm_since: Option<Instant>,
    raised: Option<Alert>,
}

/// The rules of a site and how they stand.
#[derive(Debug)]
pub struct Alarms {
    rules: Arc<[AlertRule]>,
    states: Vec<State>,
}

impl Alarms {
    /// Rules of which none holds yet.
    pub fn new(rules: Arc<[AlertRule]>) -> Self {
        Self {
            states: vec![State::default(); rules.len()],
            rules,
        }
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The alerts that hold.
    pub fn raised(&self) -> impl Iterator<Item = &Alert> {
        self.states.iter().filter_map(|state| state.raised.as_ref())
    }

    /// Takes other rules; what was raised by the old ones ends.
    pub fn replace(&mut self, rules: Arc<[AlertRule]>, ended: &mut Vec<Alert>) {
        if self.rules != rules {
            ended.extend(self.states.drain(..).filter_map(|state| state.raised));
            *self = Self::new(rules);
        }
    }

    /// Looks at every rule. `next` numbers the alerts.
    pub fn look(&mut self, now: Instant, readings: &Readings<'_>, next: &mut u64, look: &mut Look) {
        for (rule, state) in self.rules.iter().zip(&mut self.states) {
            if let Condition::DiskFree(least) = rule.when
                && readings.active
            {
                if look.disk.contains(&least) {
                    *state = State::default();
                    continue;
                }
                look.disk.push(least);
            }
            let reading = if readings.active {
                read(rule, readings)
            } else {
                None
            };
            state.step(now, rule, reading, readings.site, next, look);
        }
    }
}

impl State {
    fn step(
        &mut self,
        now: Instant,
        rule: &AlertRule,
        reading: Option<Reading>,
        site: SiteId,
        next: &mut u64,
        look: &mut Look,
    ) {
        let Some(reading) = reading else {
            look.ended.extend(std::mem::take(self).raised);
            return;
        };
        // The time of `no_progress` is in its reading.
        let hold = match rule.when {
            Condition::NoProgress => Duration::ZERO,
            _ => rule.hold,
        };
        if let Some(alert) = &mut self.raised {
            if reading.calm {
                let since = *self.calm_since.get_or_insert(now);
                let calm = match rule.when {
                    Condition::NoProgress => Duration::ZERO,
                    _ => CALM,
                };
                if now.saturating_duration_since(since) >= calm {
                    look.ended.extend(std::mem::take(self).raised);
                }
            } else {
                self.calm_since = None;
                if reading.bad && *alert.text != *reading.text {
                    alert.text = reading.text.into();
                }
            }
        } else if reading.bad {
            let since = *self.bad_since.get_or_insert(now);
            if now.saturating_duration_since(since) >= hold {
                *next += 1;
                let alert = Alert {
                    id: *next,
                    site: (!matches!(rule.when, Condition::DiskFree(_))).then_some(site),
                    level: rule.level,
                    text: reading.text.into(),
                    since: now,
                    bell: rule.bell,
                    notify: rule.notify,
                    action: rule.action.clone(),
                };
                look.began.push(alert.clone());
                self.raised = Some(alert);
            }
        } else {
            self.bad_since = None;
        }
    }
}

/// How one rule reads just now.
struct Reading {
    /// It holds.
    bad: bool,
    /// It clearly does not.
    calm: bool,
    text: String,
}

fn above(figure: f64, limit: f64, text: String) -> Reading {
    Reading {
        bad: figure > limit,
        calm: figure <= limit * (1.0 - MARGIN),
        text,
    }
}

fn below(figure: f64, limit: f64, text: String) -> Reading {
    Reading {
        bad: figure < limit,
        calm: figure >= limit * (1.0 + MARGIN),
        text,
    }
}

/// `None` where the figure cannot be had.
fn read(rule: &AlertRule, readings: &Readings<'_>) -> Option<Reading> {
    let quiet = Reading {
        bad: false,
        calm: false,
        text: String::new(),
    };
    Some(match &rule.when {
        Condition::Errors(limit) => {
            let (all, failed) = readings.attempts;
            let share = percent(failed, all);
            let text = format!("errors: {share:.0} % of {all} attempts in a minute (> {limit} %)");
            match all {
                0 => Reading {
                    calm: true,
                    ..quiet
                },
                n if n < ATTEMPTS => quiet,
                _ => above(share, *limit, text),
            }
        }
        Condition::PagesPerSecond(limit) => {
            if readings.running < WARM || readings.queue == 0 {
                return Some(Reading {
                    calm: readings.queue == 0,
                    ..quiet
                });
            }
            let rate = readings.pages_per_s;
            let text = format!("pages_per_s: {rate:.1} (< {limit})");
            below(rate, *limit, text)
        }
        Condition::NoProgress => Reading {
            bad: readings.queue > 0 && readings.quiet >= rule.hold,
            calm: readings.queue == 0 || readings.quiet < rule.hold,
            text: format!("no_progress: no page was finished for {:?}", rule.hold),
        },
        Condition::QueueGrowth(limit) => {
            let rate = readings.growth;
            above(
                rate,
                *limit,
                format!("queue_growth: {rate:.0}/s (> {limit}/s)"),
            )
        }
        Condition::DiskFree(least) => {
            let free = readings.disk_free?;
            let text = format!("disk_free: {} (< {})", bytes(free), bytes(*least));
            below(free as f64, *least as f64, text)
        }
        Condition::Fill {
            record,
            field,
            below: limit,
        } => {
            let (all, filled) = filled(readings.fill, record, field)?;
            if all < RECORDS {
                return Some(quiet);
            }
            let share = percent(filled, all);
            let text =
                format!("fill({record}.{field}): {share:.0} % of {all} records (< {limit} %)");
            // A share of 100 % is clearly good whatever the limit.
            let reading = below(share, *limit, text);
            Reading {
                calm: reading.calm || filled == all,
                ..reading
            }
        }
    })
}

/// Records of a name, and those in which the field was filled.
fn filled(fill: &[RuleFill], record: &str, field: &str) -> Option<(u64, u64)> {
    let mut found = None;
    for rule in fill.iter().filter(|rule| *rule.record == *record) {
        for (name, filled) in &rule.fields {
            if **name == *field {
                let (all, some) = found.unwrap_or((0, 0));
                found = Some((all + rule.records, some + filled));
            }
        }
    }
    found
}

fn percent(part: u64, all: u64) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 * 100.0 / all as f64
    }
}

fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MB", bytes >> 20),
        _ => format!("{:.1} GB", bytes as f64 / (1u64 << 30) as f64),
    }
}

/// Attempts of the last minute and how many of them failed.
#[derive(Debug, Default)]
pub struct Minute {
    /// Which second of the run, attempts, failed.
    seconds: VecDeque<(u64, u32, u32)>,
}

impl Minute {
    /// Counts one attempt.
    pub fn count(&mut self, second: u64, failed: bool) {
        match self.seconds.back_mut() {
            Some((last, all, bad)) if *last == second => {
                *all = all.saturating_add(1);
                *bad = bad.saturating_add(u32::from(failed));
            }
            _ => {
                self.forget(second);
                self.seconds.push_back((second, 1, u32::from(failed)));
            }
        }
    }

    /// The sums of the minute before this second.
    pub fn sums(&mut self, second: u64) -> (u64, u64) {
        self.forget(second);
        self.seconds.iter().fold((0, 0), |(all, bad), second| {
            (all + u64::from(second.1), bad + u64::from(second.2))
        })
    }

    fn forget(&mut self, second: u64) {
        while let Some((first, ..)) = self.seconds.front()
            && first + 60 <= second
        {
            self.seconds.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
