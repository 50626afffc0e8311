//! Exits as they cross the socket.

use super::wire::{Clock, us};
use crate::bus::{self, ExitState};
use crate::page::{Rung, SiteId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// The exits of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExitPool {
    of: Vec<(SiteId, Rung)>,
    all: u32,
    in_use: u32,
    resting: u32,
    refused: u32,
    retired: u32,
    remark: Option<Arc<str>>,
    exits: Vec<Exit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Exit {
    exit: Arc<str>,
    sessions: u32,
    ok: u64,
    failed: u64,
    blocked: u64,
    p50_us: Option<u64>,
    state: ExitState,
    until_ms: Option<u64>,
    why: Option<Arc<str>>,
}

impl ExitPool {
    /// A pool as it is sent.
    pub fn new(pool: &bus::ExitPool, clock: Clock) -> Self {
        let bus::Exits {
            counts,
            remark,
            rows,
        } = &pool.exits;
        let exit = |exit: &bus::Exit| Exit {
            exit: exit.name.clone(),
            sessions: exit.sessions,
            ok: exit.ok,
            failed: exit.failed,
            blocked: exit.blocked,
            p50_us: exit.p50.map(us),
            state: exit.state,
            until_ms: exit.until.map(|until| clock.ms(until)),
            why: exit.why.clone(),
        };
        Self {
            of: pool.of.clone(),
            all: counts.all,
            in_use: counts.in_use,
            resting: counts.resting,
            refused: counts.refused,
            retired: counts.retired,
            remark: remark.clone(),
            exits: rows.iter().map(exit).collect(),
        }
    }

    /// And back.
    pub fn pool(self, clock: Clock) -> bus::ExitPool {
        let exit = |exit: Exit| bus::Exit {
            name: exit.exit,
            sessions: exit.sessions,
            ok: exit.ok,
            failed: exit.failed,
            blocked: exit.blocked,
            p50: exit.p50_us.map(Duration::from_micros),
            state: exit.state,
            until: exit.until_ms.map(|ms| clock.at(ms)),
            why: exit.why,
        };
        bus::ExitPool {
            of: self.of,
            exits: bus::Exits {
                counts: bus::ExitCounts {
                    all: self.all,
                    in_use: self.in_use,
                    resting: self.resting,
                    refused: self.refused,
                    retired: self.retired,
                },
                remark: self.remark,
                rows: self.exits.into_iter().map(exit).collect(),
            },
        }
    }
}
