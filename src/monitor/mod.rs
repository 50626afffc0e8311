//! Folds events into the one picture that every face shows.

mod snapshot;

pub use self::snapshot::{
    Health, Latency, Pages, SiteView, Snapshot, Throughput, Totals, WorkerView,
};
