//! A scraping API: its options.

use super::RungLimits;
use super::limits::rung_form;
use crate::config::Rung;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Requests at a time where the file says nothing.
const CONCURRENCY: u32 = 5;
/// Limit of one request where the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(90);

rung_form! {
    /// A scraping API.
    ServiceForm {
    }
}

/// A scraping API, resolved.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its limits.
    pub limits: RungLimits,
}

impl Service {
    /// Its options; `delay` is the site's.
    ///
    /// # Errors
    /// What is missing or does not go together, and what to write.
    pub(super) fn resolve(form: Option<ServiceForm>, delay: Duration) -> Result<Self, String> {
        if form.is_none() {
            let text = "fetch.via names service, which needs fetch.service with what to call";
            return Err(text.to_owned());
        }
        Ok(Self {
            limits: ServiceForm::limits(form.as_ref(), Rung::Service, CONCURRENCY, TIMEOUT, delay)?,
        })
    }

    /// Tells its options beside the limits from others, secrets included.
    pub(super) fn key(&self) -> u64 {
        let Self { limits: _ } = self;
        xxh3_64(b"service")
    }
}
