//! Folds events into the one picture that every face shows.

mod alerts;
mod changes;
mod commits;
mod fold;
mod latency;
pub mod line;
mod rates;
mod run;
mod rungs;
mod site;
mod snapshot;
mod standing;

pub use self::changes::AlertChanges;
pub use self::fold::Monitor;
pub use self::latency::LATENCY_BOUNDS_MS;
pub use self::run::{channel, run};
pub use self::site::Counts;
pub use self::snapshot::{
    Alert, Health, Latency, Pages, RungView, SiteView, Snapshot, Throughput, Totals, WorkerView,
};
pub use crate::bus::RuleFill;
