//! Folds events into the one picture that every face shows.

mod fold;
mod latency;
pub mod line;
mod rates;
mod run;
mod site;
mod snapshot;

pub use self::fold::Monitor;
pub use self::run::{channel, run};
pub use self::site::Counts;
pub use self::snapshot::{
    Health, Latency, Pages, SiteView, Snapshot, Throughput, Totals, WorkerView,
};
