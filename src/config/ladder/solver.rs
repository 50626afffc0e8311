//! A local challenge solver: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 1;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(120);

rung_form! {
    /// A local challenge solver.
    SolverForm {
    }
}

/// A local challenge solver, resolved.
#[derive(Debug, Clone)]
pub struct Solver {
    /// Its limits.
    pub limits: RungLimits,
}

impl Solver {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<SolverForm>, delay: Duration) -> Result<Self, String> {
        if form.is_none() {
            let text = "fetch.via names solver, which needs fetch.solver with its endpoints";
            return Err(text.to_owned());
        }
        Ok(Self {
            limits: SolverForm::limits(form.as_ref(), Rung::Solver, CONCURRENCY, TIMEOUT, delay)?,
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self { limits: _ } = self;
        xxh3_64(b"solver")
    }
}
