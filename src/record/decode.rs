//! Frames to pictures.

use super::encode::SLOTS;
use super::exits;
use super::rows::{DISK_STEP, JOB_STATES, LEVELS, MEMORY_STEP, STATES, STEADY, SUM_STEP, Take};
use super::wire::{Bytes, Damaged};
use crate::bus::{
    AutoRange, Budget, Copied, Doing, Notice, Round, RungControls, RungState, SiteControls, Spent,
    Vitals, WorkerId,
};
use crate::monitor::{
    Alert, Health, Latency, Pages, RuleFill, RungView, SiteView, Snapshot, Throughput, Totals,
    WorkerView,
};
use crate::page::{FailureKind, Rung, SiteId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most sites that are believed.
const SITES: u64 = 1 << 20;
/// What stands for a URL that was not recorded.
const NOT_RECORDED: &str = "(not recorded)";

/// Applies the frames of a block, one after the other.
#[derive(Debug, Default)]
pub struct Decoder {
    words: Vec<Arc<str>>,
    elapsed: Duration,
    job: Vec<u64>,
    sites: Vec<Vec<u64>>,
    notices: VecDeque<Notice>,
    notices_total: u64,
}

impl Decoder {
    /// One for the block after this one's: it remembers the notices.
    pub fn next_block(self) -> Self {
        Self {
            notices: self.notices,
            notices_total: self.notices_total,
            ..Self::default()
        }
    }

    /// The time of a frame since its run began, without applying it.
    pub fn elapsed_of(frame: &[u8]) -> Result<Duration, Damaged> {
        Bytes(frame).take().map(Duration::from_millis)
    }

    /// The time of the last frame since its run began.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Applies a frame.
    pub fn frame(&mut self, frame: &[u8]) -> Result<(), Damaged> {
        let mut bytes = Bytes(frame);
        self.elapsed = Duration::from_millis(bytes.take()?);
        for _ in 0..bytes.take()? {
            self.words.push(bytes.take_text()?.into());
        }
        bytes.take_row(&mut self.job)?;
        let sites = match bytes.take()? {
            n if n > SITES => return Err(Damaged),
            n => n as usize,
        };
        self.sites.resize_with(sites, Vec::new);
        for site in &mut self.sites {
            bytes.take_row(site)?;
        }
        self.take_notices(&mut bytes)
    }

    fn take_notices(&mut self, bytes: &mut Bytes<'_>) -> Result<(), Damaged> {
        let total = bytes.take()?;
        let given = bytes.take()?;
        // A whole picture repeats some that are known already.
        let known = match total.checked_sub(self.notices_total) {
            Some(fresh) if fresh <= given => given - fresh,
            _ => {
                self.notices.clear();
                0
            }
        };
        for n in 0..given {
            let notice = Notice {
                at: bytes.take()?,
                level: LEVELS[(bytes.take()? as usize).min(LEVELS.len() - 1)],
                site: site_id(bytes.take()?.checked_sub(1)),
                text: bytes.take_text()?.to_owned(),
            };
            if n < known {
                continue;
            }
            if self.notices.len() == Snapshot::NOTICES {
                self.notices.pop_front();
            }
            self.notices.push_back(notice);
        }
        self.notices_total = total;
        Ok(())
    }

    /// The picture of the last frame, its moments set around `now`.
    pub fn picture(&self, now: Instant) -> Snapshot {
        let take = |row| Take {
            row,
            words: &self.words,
            now,
            elapsed: self.elapsed,
        };
        let sites: Vec<Arc<SiteView>> = self
            .sites
            .iter()
            .map(|row| Arc::new(site(take(row))))
            .collect();
        let mut row = take(&self.job);
        let number = row.n();
        let state = row.one_of(&JOB_STATES);
        let throughput = rates(&mut row);
        let vitals = Vitals {
            lag: row.micros() * 100,
            memory: row.n().saturating_mul(MEMORY_STEP),
            descriptors: row.small(),
            descriptors_most: row.small(),
            disk_free: row.opt().map(|free| free.saturating_mul(DISK_STEP)),
        };
        let health = Health {
            vitals,
            commit_time: row.micros() * 100,
            commit_worst: row.micros() * 100,
            bus_depth: usize::try_from(row.n()).unwrap_or(usize::MAX),
            stalled: row.opt_text(),
        };
        let alerts = (0..row.count())
            .map(|_| Alert {
                id: row.n(),
                site: site_id(row.opt()),
                level: row.one_of(&LEVELS),
                text: row.text(),
                since: row.moment(),
                bell: row.flag(),
                notify: row.flag(),
                action: None,
            })
            .collect();
        let exits = exits::take(&mut row).into();
        Snapshot {
            number,
            at: now,
            elapsed: self.elapsed,
            state,
            totals: Totals::of(&sites, throughput),
            sites,
            notices: self.notices.iter().cloned().collect(),
            notices_total: self.notices_total,
            alerts,
            exits,
            health,
        }
    }
}

fn site_id(number: Option<u64>) -> Option<SiteId> {
    number.and_then(|n| u32::try_from(n).ok()).map(SiteId)
}

fn site(mut row: Take<'_>) -> SiteView {
    let name = row.text();
    let start = row.text();
    let state = row.one_of(&STATES);
    let why = row.opt_text();
    let mut pages = Pages {
        done: row.n(),
        failed: row.n(),
        skipped: row.n(),
        queued: row.n(),
        in_flight: 0,
    };
    let records = row.n();
    let bytes = row.n();
    let classes = std::array::from_fn(|_| row.n());
    let mut kinds: Vec<(FailureKind, u64)> = FailureKind::ALL
        .iter()
        .map(|kind| (*kind, row.n()))
        .filter(|(_, count)| *count > 0)
        .collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let throughput = rates(&mut row);
    let ms = |micros: u64| micros as f64 / 1e3;
    let latency = Latency {
        p50: ms(row.n()),
        p95: ms(row.n()),
        p99: ms(row.n()),
        max: ms(row.n()),
        sum: row.n() as f64 * SUM_STEP,
        buckets: std::array::from_fn(|_| row.n()),
    };
    let mut controls = controls(&mut row);
    let moved = row.opt_text();
    let standing = row.opt_text();
    let eta = row.opt().map(Duration::from_secs);
    let fill = (0..row.count())
        .map(|_| RuleFill {
            record: row.text(),
            records: row.n(),
            fields: (0..row.count()).map(|_| (row.text(), row.n())).collect(),
        })
        .collect();
    let resting = (0..row.count())
        .map(|_| (row.text(), row.moment()))
        .collect();
    let workers: Vec<WorkerView> = (0..row.count())
        .map(|_| WorkerView {
            id: WorkerId(row.small()),
            doing: match row.n() {
                0 => Doing::Idle,
                1 => Doing::Fetching(NOT_RECORDED.into()),
                2 => Doing::Paused,
                _ => Doing::Gone,
            },
            since: row.second(),
        })
        .collect();
    // Older recordings have none.
    let [number, fresh, changed, unchanged, gone, spared_bytes] =
        std::array::from_fn(|_| i64::try_from(row.n()).unwrap_or(0));
    let fetching = workers
        .iter()
        .filter(|worker| matches!(worker.doing, Doing::Fetching(_)));
    let rungs = (0..row.count()).map(|_| rung(&mut row)).collect();
    controls.rungs = (0..row.count())
        .map(|_| RungControls {
            rung: rung_of(&mut row),
            paused: row.flag(),
            concurrency: row.small(),
            delay: row.micros(),
            // Not recorded.
            timeout: Duration::ZERO,
            budget: Budget {
                requests: row.opt(),
                money: row.opt(),
            },
        })
        .collect();
    pages.in_flight = (fetching.count() as u64).min(pages.queued);
    pages.queued -= pages.in_flight;
    SiteView {
        name,
        start,
        state,
        why,
        pages,
        records,
        bytes,
        classes,
        kinds,
        throughput,
        latency,
        workers,
        controls,
        moved,
        // A recording does not hold them.
        copied: Copied::default(),
        sources_failed: 0,
        fill,
        rungs,
        standing,
        resting,
        eta,
        round: Round {
            number,
            fresh,
            changed,
            unchanged,
            gone,
            spared_bytes,
        },
    }
}

fn rung_of(row: &mut Take<'_>) -> Rung {
    let place = usize::try_from(row.n()).unwrap_or(usize::MAX);
    Rung::ALL.get(place).copied().unwrap_or(Rung::Http)
}

fn rung(row: &mut Take<'_>) -> RungView {
    let rung = rung_of(row);
    let (state, why) = (row.n(), row.opt_text());
    let state = match state {
        0 => RungState::Open,
        1 => RungState::Paused,
        2 => RungState::Down(why.unwrap_or_default()),
        _ => RungState::Spent,
    };
    let [attempts, had, climbed] = [row.n(), row.n(), row.n()];
    let spent = Spent {
        requests: row.n(),
        money: row.n(),
    };
    let [p50, p95] = [row.n(), row.n()].map(|micros| micros as f64 / 1000.0);
    RungView {
        rung,
        state,
        attempts,
        had,
        climbed,
        spent,
        p50,
        p95,
        kinds: (0..row.count())
            .map(|_| {
                let place = usize::try_from(row.n()).unwrap_or(usize::MAX);
                let kind = FailureKind::ALL.get(place);
                (kind.copied().unwrap_or(FailureKind::Internal), row.n())
            })
            .collect(),
        blocks: Vec::new(),
        through: (0..row.count()).map(|_| (row.text(), row.n())).collect(),
    }
}

fn rates(row: &mut Take<'_>) -> Throughput {
    let pages_10s = row.n() as f64 / 10.0;
    let pages_run = row.n() as f64 / 10.0;
    let bytes_10s = row.n() as f64 * 1024.0;
    let head = usize::try_from(row.n()).unwrap_or(0) % SLOTS;
    let length = usize::try_from(row.n()).unwrap_or(0).min(SLOTS);
    let slots: Vec<u32> = (0..SLOTS).map(|_| row.small()).collect();
    let history: Arc<[u32]> = (0..length)
        .rev()
        .map(|n| slots[(head + SLOTS - n) % SLOTS])
        .collect();
    let last = history.iter().rev().take(STEADY);
    let steady: f64 = last.map(|pages| f64::from(*pages)).sum();
    Throughput {
        pages_1s: history.last().map_or(0.0, |pages| f64::from(*pages)),
        pages_10s: if length < STEADY {
            pages_10s
        } else {
            steady / STEADY as f64
        },
        pages_run,
        bytes_10s,
        history,
    }
}

fn controls(row: &mut Take<'_>) -> SiteControls {
    let concurrency = row.small();
    let (min, max) = (row.opt(), row.small());
    SiteControls {
        concurrency,
        auto: min.map(|min| AutoRange {
            min: u32::try_from(min).unwrap_or(u32::MAX),
            max,
        }),
        delay: row.micros(),
        max_pages: row.opt(),
        max_depth: row.opt().and_then(|depth| u32::try_from(depth).ok()),
        retries: row.small(),
        draining: row.flag(),
        // They stand at the end.
        rungs: Vec::new(),
    }
}
