//! Exits in a recording. Of each rule fewer are kept than a picture has, and in
//! the order of their names, so that a second changes little.

use super::rows::{Put, Take, number_of};
use crate::bus::{Exit, ExitCounts, ExitPool, ExitState, Exits};
use crate::page::{Rung, SiteId};
use std::time::Duration;

/// Exits kept of a rule.
const MOST: usize = 16;
/// Exits kept of all rules together.
const IN_ALL: usize = 128;

/// Puts the exits of all rules.
pub fn put(row: &mut Put<'_>, pools: &[ExitPool]) {
    row.n(pools.len() as u64);
    let each = (IN_ALL / pools.len().max(1)).min(MOST);
    for ExitPool { of, exits } in pools {
        row.n(of.len() as u64);
        for (site, rung) in of {
            row.n(u64::from(site.0));
            row.n(rung.index() as u64);
        }
        let counts = &exits.counts;
        for count in [
            counts.all,
            counts.in_use,
            counts.resting,
            counts.refused,
            counts.retired,
        ] {
            row.n(u64::from(count));
        }
        row.opt_text(exits.remark.as_ref());
        let mut kept: Vec<&Exit> = exits.rows.iter().take(each).collect();
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        row.n(kept.len() as u64);
        for exit in kept {
            put_exit(row, exit);
        }
    }
}

fn put_exit(row: &mut Put<'_>, exit: &Exit) {
    row.text(&exit.name);
    row.n(u64::from(exit.sessions));
    row.n(exit.ok);
    row.n(exit.failed);
    row.n(exit.blocked);
    row.opt(exit.p50.map(|p50| p50.as_millis() as u64));
    row.n(number_of(&ExitState::ALL, &exit.state));
    row.flag(exit.until.is_some());
    match exit.until {
        Some(until) => row.moment(until),
        None => row.n(0),
    }
    row.opt_text(exit.why.as_ref());
}

/// What was put; none where a recording is older than that.
pub fn take(row: &mut Take<'_>) -> Vec<ExitPool> {
    (0..row.count()).map(|_| pool(row)).collect()
}

fn pool(row: &mut Take<'_>) -> ExitPool {
    let of = (0..row.count())
        .map(|_| {
            let site = SiteId(row.small());
            (site, row.one_of(&Rung::ALL))
        })
        .collect();
    let counts = ExitCounts {
        all: row.small(),
        in_use: row.small(),
        resting: row.small(),
        refused: row.small(),
        retired: row.small(),
    };
    let remark = row.opt_text();
    let mut rows: Vec<Exit> = (0..row.count()).map(|_| exit(row)).collect();
    rows.sort_by_key(|exit| std::cmp::Reverse(exit.requests()));
    ExitPool {
        of,
        exits: Exits {
            counts,
            remark,
            rows,
        },
    }
}

fn exit(row: &mut Take<'_>) -> Exit {
    Exit {
        name: row.text(),
        sessions: row.small(),
        ok: row.n(),
        failed: row.n(),
        blocked: row.n(),
        p50: row.opt().map(Duration::from_millis),
        state: row.one_of(&ExitState::ALL),
        until: {
            let (rests, until) = (row.flag(), row.moment());
            rests.then_some(until)
        },
        why: row.opt_text(),
    }
}
